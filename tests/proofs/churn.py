#!/usr/bin/env python3
"""The shipped churn model, scored by the operators in a replay of real orders, reaches its figures.

    churn.py MILLRACE SOURCE_ROOT

Online Retail up to 2011-09-10 goes through `millrace replay`; user.churn of each of the 3,370
customers is compared with churn_scores.txt (the lightgbm package on the reference's features) and
with who came back within 90 days, read from the file itself.
"""
import csv
import datetime
import gzip
import json
import os
import subprocess
import sys
import tempfile
import unittest

CUTOFF, HORIZON = datetime.date(2011, 9, 10), 90
CONFIG = """
app: proof
input: {events: {topic: events}}
churn: {model: %s}
"""


def auc(pairs):
    """The chance that a churner scores above a returner; ties count half."""
    pairs = sorted(pairs)
    churners, rank_sum, i = sum(y for _, y in pairs), 0.0, 0
    while i < len(pairs):
        j = i
        while j < len(pairs) and pairs[j][0] == pairs[i][0]:
            j += 1
        rank_sum += sum(y for _, y in pairs[i:j]) * (i + j + 1) / 2
        i = j
    return (rank_sum - churners * (churners + 1) / 2) / (churners * (len(pairs) - churners))


def log_loss(pairs):
    from math import log
    return -sum(log(p) if y else log(1 - p) for p, y in pairs) / len(pairs)


def buyers(path):
    """Customers with a purchase before the cutoff, and within the horizon after it."""
    before, after = set(), set()
    last = CUTOFF + datetime.timedelta(HORIZON)
    with gzip.open(path, "rt", encoding="latin1", newline="") as f:
        for r in csv.DictReader(f):
            if not r["CustomerID"] or r["InvoiceNo"].startswith("C"):
                continue
            if int(r["Quantity"]) <= 0 or float(r["UnitPrice"]) <= 0:
                continue
            day = datetime.date.fromisoformat(r["InvoiceDate"][:10])
            user = str(int(float(r["CustomerID"])))
            if day < CUTOFF:
                before.add(user)
            elif day < last:
                after.add(user)
    return before, after


def replay(millrace, root, data):
    """user.churn by user, at the cutoff."""
    with tempfile.TemporaryDirectory() as folder:
        config, events = os.path.join(folder, "proof.yaml"), os.path.join(folder, "events.ndjson")
        with open(config, "w") as f:
            f.write(CONFIG % os.path.join(root, "examples", "churn.txt"))
        with open(events, "w") as f:
            subprocess.run([sys.executable, os.path.join(root, "tests/data/convert.py"), "retail", data,
                            "--before", str(CUTOFF)], stdout=f, check=True)
        out = subprocess.run([millrace, "replay", "-c", config, "--emit", "profiles", "--until", str(CUTOFF), events],
                             stdout=subprocess.PIPE, check=True).stdout
    scores = {}
    for line in out.splitlines():
        profile = json.loads(line)["data"]
        if "churn" in profile["values"]:
            scores[profile["user"]] = profile["values"]["churn"]
    return scores


class Churn(unittest.TestCase):
    def test_retail_a(self):
        data = os.path.join(root, "../shared/data/online_retail.csv.gz")
        if not os.path.exists(data):
            if os.environ.get("MILLRACE_REQUIRE_SHARED") == "1":
                self.fail(data + " is not there")
            self.skipTest(data + " is not there")
        scores = replay(millrace, root, data)
        before, after = buyers(data)
        self.assertEqual(len(before), 3370)
        self.assertEqual(set(scores), before)
        worst = 0.0
        with open(os.path.join(root, "tests/proofs/churn_scores.txt")) as f:
            reference = [line.split() for line in f]
        self.assertEqual(len(reference), 3370)
        for user, churned, p in reference:
            self.assertEqual(churned == "1", user not in after)
            worst = max(worst, abs(scores[user] - float(p)))
        self.assertLessEqual(worst, 1e-9)
        pairs = [(p, user not in after) for user, p in scores.items()]
        print("AUC %.4f, log loss %.4f, at most %.1e from the reference" % (auc(pairs), log_loss(pairs), worst))
        self.assertGreaterEqual(auc(pairs), .734)
        self.assertLessEqual(log_loss(pairs), .593)


if __name__ == "__main__":
    millrace, root = sys.argv[1:3]
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
