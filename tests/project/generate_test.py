"""millrace generate on the command line: what it writes is a shop's events. argv: the binary."""
import collections
import datetime
import json
import subprocess
import sys
import unittest

MILLRACE = sys.argv.pop(1)


def run(*args):
    return subprocess.run([MILLRACE, "generate", *args], capture_output=True, text=True, timeout=120, check=False)


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def event_time(e):
    if "timestamp" in e:
        return seconds(e["timestamp"])
    return seconds(e["receivedAt"]) - (seconds(e["sentAt"]) - seconds(e["originalTimestamp"]))


class Shop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        r = run("--shop", "--users", "2000", "--rate", "1", "--seed", "4", "--for", "3d", "--start", "2026-01-01T00:00:00Z")
        assert r.returncode == 0 and r.stderr == "", r.stderr
        cls.events = [json.loads(line) for line in r.stdout.splitlines()]
        cls.names = collections.Counter(e.get("event", e["type"]) for e in cls.events)

    def test_has_what_a_shop_has(self):
        for name in ("Product Viewed", "Products Searched", "Product Added", "Product Removed", "Cart Viewed",
                     "Checkout Started", "Order Completed", "Order Refunded", "Payment Failed", "Store Entered",
                     "identify", "page", "screen"):
            self.assertGreater(self.names[name], 0, name)

    def test_times_lie_within_and_some_come_late(self):
        low, high = seconds("2026-01-01T00:00:00Z"), seconds("2026-01-04T00:00:00Z")
        newest, late = 0, 0
        for e in self.events:
            t = event_time(e)
            self.assertTrue(low <= t < high + 3600 * 2, e)   # a corrected time errs by the network's delay
            late += t < newest - 60
            newest = max(newest, t)
        self.assertGreater(late, len(self.events) * 0.001)
        self.assertLess(late, len(self.events) * 0.05)

    def test_some_come_twice_with_the_same_bytes(self):
        by_id = collections.defaultdict(list)
        for e in self.events:
            by_id[e["messageId"]].append(e)
        twice = [v for v in by_id.values() if len(v) > 1]
        self.assertGreater(len(twice), len(self.events) * 0.001)
        for v in twice:
            self.assertEqual(v[0], v[-1])

    def test_orders_follow_from_carts(self):
        added = collections.Counter()
        for e in sorted(self.events, key=event_time):
            p = e.get("properties", {})
            if e.get("event") == "Product Added":
                self.assertGreater(p["price"] * p["quantity"], 0)
                added[p["cart_id"]] += 1
            if e.get("event") == "Order Completed":
                goods = sum(x["price"] * x["quantity"] for x in p["products"])
                self.assertAlmostEqual(p["revenue"], goods - p.get("discount", 0), places=2)
                self.assertAlmostEqual(p["total"], p["revenue"] + p["shipping"], places=2)
        ordered = {e["properties"]["cart_id"] for e in self.events if e.get("event") == "Order Completed"}
        self.assertLess(len(ordered), len(added), "every cart was paid for")

    def test_payments_fail_in_bursts(self):
        carts = collections.Counter(e["properties"]["cart_id"] for e in self.events if e.get("event") == "Payment Failed")
        self.assertGreaterEqual(max(carts.values()), 3)

    def test_night_is_quieter_than_evening(self):
        hours = collections.Counter(int(event_time(e) // 3600) % 24 for e in self.events)
        self.assertGreater(hours[19], 1.5 * hours[4])

    def test_every_event_has_a_user_and_a_context(self):
        for e in self.events:
            self.assertTrue(e["anonymousId"])
            self.assertTrue(e.get("event") == "Order Refunded" or e["context"]["timezone"])


class Options(unittest.TestCase):
    def test_wrong_values_are_named(self):
        for args, text in (
                (["--users", "0"], "--users 0"), (["--users", "x"], "--users x"), (["--rate", "-1"], "--rate -1"),
                (["--for", "3 moons"], "--for 3 moons"), (["--start", "yesterday"], "--start yesterday"),
                (["--seed", "1.5"], "--seed 1.5"), (["--events", "0"], "--events 0"),
                (["--live", "--start", "2026-01-01T00:00:00Z"], "--live"), (["extra"], "extra"),
                (["-X", "acks=1"], "--topic")):
            r = run("--shop", *args)
            self.assertEqual((r.returncode, r.stdout), (2, ""), args)
            self.assertIn(text, r.stderr)
        self.assertIn("--shop", run().stderr)

    def test_events_ends_it(self):
        self.assertEqual(len(run("--shop", "--events", "17").stdout.splitlines()), 17)

    def test_no_broker_is_said(self):
        r = run("--shop", "--topic", "t", "--brokers", "127.0.0.1:1", "--events", "1")
        self.assertEqual(r.returncode, 1)
        self.assertIn("127.0.0.1:1", r.stderr)

    def test_properties_that_run_code_are_refused(self):
        for p in ("plugin.library.paths=/tmp/x.so", "sasl.kerberos.kinit.cmd=sh", "=x", "novalue", "no.such=1"):
            r = run("--shop", "--topic", "t", "-X", p)
            self.assertEqual(r.returncode, 1, p)
            self.assertNotEqual(r.stderr, "")


if __name__ == "__main__":
    unittest.main()
