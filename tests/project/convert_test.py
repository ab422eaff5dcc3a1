"""tests/data/convert.py against what is known of the data sets. argv: the repository."""
import json
import os
import subprocess
import sys
import unittest

ROOT = sys.argv.pop(1)
DATA = os.path.join(ROOT, "../shared/data")


def convert(*args):
    r = subprocess.run([sys.executable, os.path.join(ROOT, "tests/data/convert.py"), *args],
                       stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in r.stdout.splitlines()]


class Convert(unittest.TestCase):
    def setUp(self):
        if not os.path.isdir(DATA):
            if os.environ.get("MILLRACE_REQUIRE_SHARED") == "1":
                self.fail("no shared data at " + DATA)
            self.skipTest("no shared data")

    def test_ecom(self):
        events = convert("ecom", os.path.join(DATA, "ecom_sessions.csv.gz"))
        self.assertEqual(len(events), 31106)
        self.assertEqual(len({e["userId"] for e in events}), 600)
        self.assertEqual(len({e["properties"]["session_id"] for e in events}), 3605)
        self.assertEqual(len({e["messageId"] for e in events}), 31106)
        times = [e["timestamp"] for e in events]
        self.assertEqual(times, sorted(times))

    def test_shuffle_moves_by_less_than_asked(self):
        path = os.path.join(DATA, "ecom_sessions.csv.gz")
        sorted_ones, shuffled = convert("ecom", path), convert("ecom", path, "--shuffle-ms", "10000", "--seed", "7")
        self.assertNotEqual(sorted_ones, shuffled)
        self.assertEqual(sorted(e["messageId"] for e in sorted_ones), sorted(e["messageId"] for e in shuffled))
        newest = ""
        for e in shuffled:   # late by less than 10 s: the newest so far is at most that much ahead
            newest = max(newest, e["timestamp"])
            if newest[:16] == e["timestamp"][:16]:
                self.assertLess(int(newest[17:19]) - int(e["timestamp"][17:19]), 10)
        self.assertEqual(shuffled, convert("ecom", path, "--shuffle-ms", "10000", "--seed", "7"))

    def test_cdnow(self):
        path = os.path.join(DATA, "cdnow_sample.txt.gz")
        self.assertEqual(len({e["userId"] for e in convert("cdnow", path)}), 2357)
        last = convert("cdnow", path, "--last", "1997-09-30")
        self.assertEqual(max(e["timestamp"] for e in last)[:10], "1997-09-30")
        master = convert("cdnow", os.path.join(DATA, "cdnow_master.txt.gz"))
        self.assertEqual(len(master), 69659)
        self.assertEqual(round(sum(e["properties"]["revenue"] for e in master) * 100), 250031563)

    def test_retail(self):
        events = convert("retail", os.path.join(DATA, "online_retail.csv.gz"))
        orders = [e for e in events if e["event"] == "Order Completed"]
        self.assertEqual((len(orders), len({e["userId"] for e in orders})), (18532, 4338))
        self.assertTrue(all(e["properties"]["revenue"] <= 0 for e in events if e["event"] == "Order Refunded"))


if __name__ == "__main__":
    unittest.main()
