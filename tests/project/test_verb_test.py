"""millrace test FILE: exit codes, what goes where, positions. argv: the binary."""
import os
import subprocess
import sys
import tempfile
import unittest

MILLRACE = sys.argv.pop(1)
RULE = """app: a
input: {events: events}
rules:
  r: {on: A, then: [{send: {channel: c, template: t}}]}
"""
PASSES = """tests:
  - name: fires
    events: [{at: 2026-03-01T10:00:00Z, user: u1, event: A}]
    actions: [{channel: c}]
"""


def run(text, *more):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.yaml")
        with open(path, "w") as f:
            f.write(text)
        return subprocess.run([MILLRACE, "test", path, *more], capture_output=True, text=True, timeout=60)


class TestVerb(unittest.TestCase):
    def test_all_pass(self):
        r = run(RULE + PASSES)
        self.assertEqual((r.returncode, r.stdout, r.stderr), (0, "ok    fires\n1 test, 0 failed\n", ""))

    def test_one_fails(self):
        r = run(RULE + PASSES + "  - name: is wrong\n    events: []\n    actions: [{channel: d}]\n")
        self.assertEqual(r.returncode, 1)
        self.assertIn("ok    fires\n", r.stdout)
        self.assertRegex(r.stdout, r"FAIL  is wrong \(.*x\.yaml:9:5\)\n  .*x\.yaml:11:14: actions: expected 1, got 0\n")
        self.assertIn("2 tests, 1 failed\n", r.stdout)

    def test_no_tests(self):
        r = run(RULE)
        self.assertEqual((r.returncode, r.stdout), (0, ""))
        self.assertIn("has no tests", r.stderr)

    def test_bad_configuration(self):
        r = run(RULE.replace("channel", "chanel") + PASSES)
        self.assertEqual((r.returncode, r.stdout), (78, ""))
        self.assertIn("x.yaml:4:29:", r.stderr)

    def test_bad_test(self):
        r = run(RULE + PASSES.replace("user", "usr"))
        self.assertEqual((r.returncode, r.stdout), (78, ""))
        self.assertIn("x.yaml:7:14: an event needs its user", r.stderr)

    def test_the_worst_of_several_files(self):
        self.assertEqual(run(RULE + PASSES, "/no/such/file.yaml").returncode, 78)

    def test_no_file(self):
        r = subprocess.run([MILLRACE, "test"], capture_output=True, text=True, timeout=60)
        self.assertEqual((r.returncode, r.stdout), (2, ""))


unittest.main()
