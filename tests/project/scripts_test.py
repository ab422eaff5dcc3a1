"""Scripts: shellcheck finds nothing, Python compiles, what is to be run is executable. argv: the repository."""
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sources  # noqa: E402

ROOT = sys.argv.pop(1)


def is_shell(path):
    with open(os.path.join(ROOT, path), "rb") as f:
        return f.readline().startswith((b"#!/bin/sh", b"#!/bin/bash"))


def shell_scripts():
    return [p for p in sources.tracked(ROOT, "deploy", ".ci", "tests", "bench") if is_shell(p)]


class Scripts(unittest.TestCase):
    def test_shellcheck(self):
        if not shutil.which("shellcheck"):
            self.skipTest("no shellcheck")
        r = subprocess.run(["shellcheck", *shell_scripts()], cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(r.returncode, 0, r.stdout)

    def test_they_can_be_run(self):
        scripts = shell_scripts()
        self.assertIn("deploy/setup.sh", scripts)
        for path in scripts:
            self.assertTrue(os.access(os.path.join(ROOT, path), os.X_OK), path)

    def test_python_compiles(self):
        for path in sources.tracked(ROOT, "*.py"):
            compile(sources.text_of(ROOT, path), path, "exec")

    def test_set_up_finds_everything_there_the_second_time(self):
        env = {**os.environ, "PATH": os.environ["PATH"]}
        r = subprocess.run([os.path.join(ROOT, "deploy/setup.sh")], capture_output=True, text=True, env=env, timeout=600,
                           check=False)
        again = subprocess.run([os.path.join(ROOT, "deploy/setup.sh")], capture_output=True, text=True, env=env,
                               timeout=600, check=False)
        self.assertEqual((r.returncode, again.returncode, again.stdout, again.stderr), (0, 0, "", ""), r.stderr)

    def test_servers_without_arguments_say_how(self):
        script = os.path.join(ROOT, "deploy/servers.sh")
        for args, code in (([], 2), (["--help"], 0), (["flip", "."], 2), (["start"], 2)):
            r = subprocess.run([script, *args], capture_output=True, text=True, check=False)
            self.assertEqual(r.returncode, code, args)
            self.assertIn("Usage:", r.stdout + r.stderr)


if __name__ == "__main__":
    unittest.main()
