"""What deploy/count_tests.py makes of reports, above all of bad ones. argv: that script."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = sys.argv.pop(1)


class Count(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.logs = os.path.join(self.dir.name, "meson-logs")
        os.mkdir(self.logs)
        self.runs = []

    def tearDown(self):
        self.dir.cleanup()

    def run_of(self, name, result="OK", stderr="", report=None):
        self.runs.append({"name": "millrace:unit / " + name, "result": result, "stdout": "", "stderr": stderr})
        if report is not None:
            tests = [{"name": "t%d" % i, "status": s, "messages": ["why"]} for i, s in enumerate(report)]
            with open(os.path.join(self.logs, name + ".criterion.json"), "w") as f:
                json.dump({"test_suites": [{"name": "s", "tests": tests}]}, f)

    def count(self):
        with open(os.path.join(self.logs, "testlog.json"), "w") as f:
            f.writelines(json.dumps(r) + "\n" for r in self.runs)
        r = subprocess.run([sys.executable, SCRIPT, self.dir.name], capture_output=True, text=True, check=False)
        return r.stdout.splitlines()[-1], r.returncode, r.stdout

    def test_criterion_cases_are_summed(self):
        self.run_of("a", report=["PASSED", "PASSED", "SKIPPED"])
        self.run_of("b", report=["PASSED"])
        line, code, text = self.count()
        self.assertEqual((line, code), ("3 passed, 0 failed, 1 skipped", 0))
        self.assertIn("s::t2: why", text)

    def test_failed_and_crashed_cases_fail(self):
        self.run_of("a", "FAIL", report=["PASSED", "FAILED", "ERRORED"])
        self.assertEqual(self.count()[:2], ("1 passed, 2 failed, 0 skipped", 1))

    def test_a_program_that_ends_badly_fails_whatever_it_reported(self):
        self.run_of("leaks", "FAIL", report=["PASSED"])
        self.run_of("hangs", "TIMEOUT")
        self.assertEqual(self.count()[:2], ("1 passed, 2 failed, 0 skipped", 1))

    def test_unittest(self):
        self.run_of("p", stderr="test_a (m.C.test_a) ... skipped 'no data'\n\nRan 3 tests in 0.1s\n\nOK (skipped=1)\n")
        self.assertEqual(self.count()[:2], ("2 passed, 0 failed, 1 skipped", 0))

    def test_unittest_failures_and_sub_tests(self):
        text = ("FAIL: test_a (m.C.test_a) (i=1)\nFAIL: test_a (m.C.test_a) (i=2)\nERROR: setUpClass (m.D)\n"
                "Ran 3 tests in 0.1s\n\nFAILED (failures=2, errors=1)\n")
        self.run_of("p", "FAIL", stderr=text)
        self.assertEqual(self.count()[:2], ("2 passed, 2 failed, 0 skipped", 1))

    def test_other_programs_are_one_case(self):
        self.run_of("plain")
        self.run_of("skips", "SKIP")
        self.assertEqual(self.count()[:2], ("1 passed, 0 failed, 1 skipped", 0))

    def test_nothing_at_all_is_a_failure(self):
        self.assertEqual(self.count()[:2], ("0 passed, 0 failed, 0 skipped", 1))


if __name__ == "__main__":
    unittest.main()
