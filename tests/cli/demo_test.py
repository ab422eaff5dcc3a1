"""`millrace demo`: ends by itself, and what it counts is what `replay` makes of the same data.
argv: the repository, the binary."""
import collections
import json
import os
import re
import subprocess
import sys
import time
import unittest

ROOT, MILLRACE = sys.argv.pop(1), os.path.abspath(sys.argv.pop(1))
OUTPUTS = "actions,sessions,decisions,dead_letters"


def run(*args, **more):
    return subprocess.run([MILLRACE, *args], capture_output=True, text=True, timeout=120, check=False, cwd=ROOT, **more)


def summary(text):
    """{name: number} of the lines after "Summary"."""
    return {m[1]: int(m[2]) for m in re.finditer(r"^ +([a-z][a-z -]*?)  +(\d+)\b", text.split("\nSummary\n")[1], re.M)}


class Demo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        begun = time.monotonic()
        cls.ran = run("demo", "--seconds", "8")
        cls.took = time.monotonic() - begun

    def test_it_ends_by_itself_in_under_a_minute(self):
        self.assertEqual(self.ran.returncode, 0, self.ran.stderr)
        self.assertLess(self.took, 60)
        self.assertIn("To try next:", self.ran.stdout)
        self.assertNotIn("\033", self.ran.stdout)   # no terminal: plain lines

    def test_its_counts_are_those_of_a_replay(self):
        r = run("replay", "-c", "examples/demo.yaml", "--partitions", "4", "--emit", OUTPUTS, "data/orders.ndjson")
        self.assertEqual(r.returncode, 0, r.stderr)
        kinds, rules = collections.Counter(), collections.Counter()
        for line in r.stdout.splitlines():
            m = json.loads(line)
            kinds[m["type"].split(".")[1]] += 1
            if m["type"] == "millrace.action.v1":
                rules[m["data"]["rule"]["name"]] += 1
        with open(os.path.join(ROOT, "data/orders.ndjson"), "rb") as f:
            events = sum(1 for _ in f)
        self.assertGreaterEqual(len(rules), 4)
        self.assertEqual(summary(self.ran.stdout),
                         {"events": events, "sessions": kinds["session"], "actions": kinds["action"],
                          "decisions": kinds["decision"], "dead letters": kinds["dead_letter"], **rules})

    def test_actions_are_shown_as_they_fire(self):
        lines = self.ran.stdout.split("\nSummary\n")[0].splitlines()
        shown = [line for line in lines if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d  \S+ +\S+ +\S+ +customer \d+", line)]
        counted = summary(self.ran.stdout)
        self.assertEqual(len(shown), counted["actions"] - counted["churn-score"])
        self.assertTrue(any(re.match(r"-- .* events, \d+/s \| \d+ sessions \| \d+ scores", line) for line in lines))

    def test_wrong_options(self):
        self.assertEqual(run("demo", "--seconds", "-1").returncode, 2)
        self.assertEqual(run("demo", "file").returncode, 2)

    def test_a_kafka_that_is_not_there(self):
        r = run("demo", "--brokers", "127.0.0.1:1")
        self.assertEqual(r.returncode, 1)
        self.assertIn("events", r.stderr)

    def test_the_data_are_small_and_licensed(self):
        self.assertLess(os.path.getsize(os.path.join(ROOT, "data/orders.ndjson")), 2_000_000)
        with open(os.path.join(ROOT, "data/README.md"), encoding="utf-8") as f:
            self.assertIn("CC BY 4.0", f.read())


if __name__ == "__main__":
    unittest.main()
