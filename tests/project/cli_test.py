"""The frame of the command line: verbs, help, exit codes. argv: the binary."""
import subprocess
import sys
import unittest

MILLRACE = sys.argv.pop(1)


def run(*args, **kw):
    return subprocess.run([MILLRACE, *args], capture_output=True, text=True, timeout=20, **kw)


class Frame(unittest.TestCase):
    def verbs(self):
        text = run("--help").stdout.split("Verbs:\n")[1].split("\n\n")[0]
        return [line.split()[0] for line in text.splitlines()]

    def test_help_lists_the_verbs(self):
        r = run("--help")
        self.assertEqual(r.returncode, 0)
        self.assertEqual(r.stderr, "")
        self.assertIn("version", self.verbs())
        self.assertEqual(self.verbs(), sorted(self.verbs()))

    def test_each_verb_has_help(self):
        for verb in self.verbs():
            r = run(verb, "--help")
            self.assertEqual((r.returncode, r.stderr), (0, ""), verb)
            self.assertTrue(r.stdout.startswith("Usage: millrace " + verb), r.stdout)

    def test_each_verb_refuses_an_unknown_option(self):
        for verb in self.verbs():
            r = run(verb, "--no-such-option")
            self.assertEqual(r.returncode, 2, verb)
            self.assertEqual(r.stdout, "", verb)
            self.assertNotEqual(r.stderr, "", verb)

    def test_no_verb_is_wrong_usage(self):
        r = run()
        self.assertEqual((r.returncode, r.stdout), (2, ""))
        self.assertIn("Usage:", r.stderr)

    def test_unknown_verb_is_named(self):
        r = run("flip")
        self.assertEqual((r.returncode, r.stdout), (2, ""))
        self.assertIn("no verb 'flip'", r.stderr)

    def test_version(self):
        for args in (["version"], ["--version"]):
            r = run(*args)
            self.assertEqual(r.returncode, 0)
            self.assertRegex(r.stdout, r"^millrace \d+\.\d+\.\d+ ")

    def test_full_disk_is_not_success(self):
        with open("/dev/full", "w") as full:
            r = subprocess.run([MILLRACE, "version"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=20)
        self.assertEqual(r.returncode, 1)
        self.assertIn("standard output", r.stderr)


if __name__ == "__main__":
    unittest.main()
