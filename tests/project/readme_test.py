"""README.md says what is so: its commands work, its output is a real run's, its files are there.
argv: the repository, the binary."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT, MILLRACE = sys.argv.pop(1), os.path.abspath(sys.argv.pop(1))
CHEAP = ("validate", "test", "replay")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def shell(command):
    text = command.replace("build/millrace", MILLRACE)
    env = {**os.environ, "KAFKA_BROKERS": "kafka:9092", "REDIS_URL": "redis://redis:6379"}
    return subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60, env=env)


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = read("README.md")

    def test_sessions_on_the_console_are_real(self):
        blocks = re.findall(r"```console\n\$ (.*)\n((?:.*\n)*?)```", self.text)
        self.assertGreaterEqual(len(blocks), 2)
        for command, output in blocks:
            self.assertEqual(shell(command).stdout, output, command)

    def test_the_rule_is_the_example_s(self):
        rules = re.findall(r"```yaml\n((?:.*\n)*?)```", self.text)
        self.assertEqual(len(rules), 1)
        self.assertIn(rules[0], read("examples/demo.yaml"))
        self.assertLessEqual(rules[0].count("\n"), 10)

    def test_commands_exist(self):
        commands = re.findall(r"^    ((?:build|deploy|bench)/.*?)(?:  +#.*)?$", self.text, re.M)
        self.assertGreaterEqual(len(commands), 5)
        for command in commands:
            words = command.split()
            if words[0] == "build/millrace":
                self.assertEqual(shell("build/millrace %s --help" % words[1]).returncode, 0, command)
                if words[1] in CHEAP and "--topic" not in words:   # that one needs a broker
                    self.assertEqual(shell(command).returncode, 0, command)
            else:
                self.assertTrue(os.access(os.path.join(ROOT, words[0]), os.X_OK), command)

    def test_commands_for_the_promises_exist(self):
        table = self.text.split("| promise | shown by |")[1].split("\n\n")[0]
        with open(os.path.join(os.path.dirname(MILLRACE), "meson-info/intro-tests.json"), encoding="utf-8") as f:
            known = {t["name"] for t in json.load(f)}
        rows = [row.split("|")[2] for row in table.splitlines()[2:]]
        self.assertGreater(len(rows), 8)
        for row in rows:
            commands = re.findall(r"`([^`]+)`", row)
            self.assertTrue(commands, row)
            for words in (c.split() for c in commands):
                if words[:4] == ["meson", "test", "-C", "build"]:
                    self.assertEqual({w for w in words[4:] if w != "-v"} - known, set(), row)
                elif not words[0].startswith("build/"):
                    self.assertTrue(os.access(os.path.join(ROOT, words[0]), os.X_OK), row)

    def test_figures_are_those_of_the_results_file(self):
        r = subprocess.run([sys.executable, os.path.join(ROOT, "bench/readme.py"), "--check"], capture_output=True, text=True,
                           check=False)
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_files_exist(self):
        named = set(re.findall(r"\]\(([^)#:]+)\)", self.text))
        named |= set(re.findall(r"`((?:include|operators|stream|examples|data|models|docs|bench|tests|deploy)/[^` ]*)`", self.text))
        self.assertGreater(len(named), 10)
        self.assertEqual([n for n in named if not os.path.exists(os.path.join(ROOT, n))], [])

    def test_topics_are_those_of_the_example(self):
        echo = shell("build/millrace echo examples/shop.yaml").stdout
        for topic in ("events", "outcomes", "decisions", "dead-letters"):
            self.assertRegex(echo, r"(?m)topic: %s$" % topic)
        shop = read("examples/shop.yaml")
        for channel in re.findall(r"actions\.([a-z]+)`", self.text):
            self.assertIn("channel: %s" % channel, shop)

    def test_what_is_refused_is_refused(self):
        refused = ("consent", "caps", "quiet_hours", "holdout", "interests", "money")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            f.write("app: x\ninput: {events: events}\nrules: {}\n" + "".join("%s: []\n" % key for key in refused))
            f.flush()
            r = subprocess.run([MILLRACE, "validate", f.name], capture_output=True, text=True, check=False)
        self.assertEqual(r.returncode, 78)
        self.assertEqual(r.stderr.count("not yet"), len(refused), r.stderr)


if __name__ == "__main__":
    unittest.main()
