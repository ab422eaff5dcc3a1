"""Sums the test cases of meson test runs: count_tests.py BUILD_DIR...

Reads BUILD_DIR/meson-logs/testlog.json (one program a line). A Criterion program also wrote
BUILD_DIR/meson-logs/NAME.criterion.json; a Python unittest says "Ran N tests". What says neither is
one case. The last line is "N passed, N failed, N skipped"; exit code 1 if any failed, or none ran.
"""
import json
import os
import re
import sys


def criterion(path):
    with open(path) as f:
        report = json.load(f)
    passed, failed, skipped = 0, [], []
    for suite in report["test_suites"]:
        for test in suite["tests"]:
            name = suite["name"] + "::" + test["name"]
            if test["status"] == "PASSED":
                passed += 1
            elif test["status"] == "SKIPPED":
                skipped.append((name, " ".join(test.get("messages", []))))
            else:
                failed.append(name)
    return passed, failed, skipped


def python(text):
    ran = sum(int(n) for n in re.findall(r"^Ran (\d+) tests? in ", text, re.M))
    # One test can fail in several sub-tests, and a class can fail before its tests run.
    failed = sorted(set(re.findall(r"^(?:FAIL|ERROR): (\S+ \(\S+\))", text, re.M)))
    skipped = re.findall(r"^(\S+ \(\S+\))(?:\n.*)? \.\.\. skipped ['\"](.*)['\"]$", text, re.M)
    n_skipped = sum(int(n) for n in re.findall(r"^(?:OK|FAILED) \(.*skipped=(\d+)", text, re.M))
    skipped += [("a test", "run it with -v for the reason")] * (n_skipped - len(skipped))
    ran_badly = sum(1 for name in failed if name.startswith("test"))
    return ran - ran_badly - len(skipped), failed, skipped


def count(build, run):
    """One line of the log: (passed, names of failed, (name, reason) of skipped)."""
    name = run["name"].split(" / ")[-1]
    text = run.get("stdout", "") + run.get("stderr", "")
    report = os.path.join(build, "meson-logs", name + ".criterion.json")
    if os.path.exists(report):
        result = criterion(report)
    elif re.search(r"^Ran \d+ tests? in ", text, re.M):
        result = python(text)
    elif run["result"] == "SKIP":
        return 0, [], [(name, "")]
    else:
        result = (1, [], []) if run["result"] == "OK" else (0, [], [])
    # A program that ended badly has failed, whatever its report says.
    if run["result"] != "OK" and not result[1]:
        return result[0], ["the program (%s)" % run["result"].lower()], result[2]
    return result


def main(builds):
    passed = failed = skipped = 0
    for build in builds:
        with open(os.path.join(build, "meson-logs", "testlog.json")) as f:
            runs = [json.loads(line) for line in f]
        for run in runs:
            p, bad, left = count(build, run)
            passed, failed, skipped = passed + p, failed + len(bad), skipped + len(left)
            where = "%s, %s" % (os.path.basename(os.path.abspath(build)), run["name"])
            for name in bad:
                print("failed: %s: %s" % (where, name))
            for name, reason in left:
                print("skipped: %s: %s: %s" % (where, name, reason))
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
