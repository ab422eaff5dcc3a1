"""What bench/peers takes as equal, as warm, and as late. argv: the repository."""
import collections
import json
import sys
import types
import unittest

ROOT = sys.argv.pop(1)
sys.path.insert(0, ROOT + "/bench")
import suite  # noqa: E402,F401  # finds the harness
from peers import bids, check, live, measure  # noqa: E402

TIMES = {"gap": 1_800_000, "grace": 10_000}
END = 100_000_000
SESSION = ("u1", 1_000_000, 2_000_000, 3, 0, 0)
CART = ("cart-reminder", "u1", 1_500_000, "c1")
ORDER = ("order", "u1", 1_600_000, 2.0, 9.5)


class Equal(unittest.TestCase):
    def compare(self, ours, theirs, late=()):
        return check.compare(ours, theirs, types.SimpleNamespace(end_ms=END, late=[check.Late(*e) for e in late]), TIMES)

    def test_the_same_is_the_same(self):
        self.assertEqual(self.compare(([SESSION], [CART, ORDER]), ([SESSION], [ORDER, CART])), (3, 0))

    def test_a_difference_is_an_error(self):
        more = (SESSION, ("u2",) + SESSION[1:])
        for theirs in (([SESSION, SESSION], [CART, ORDER]), ([more[1]], [CART, ORDER]), (more, [CART, ORDER]),
                       ([SESSION[:3] + (4, 0, 0)], [CART, ORDER]), ([SESSION], [ORDER]), ([SESSION], [CART, ORDER[:4] + (9.4,)])):
            with self.assertRaises(AssertionError):
                self.compare(([SESSION], [CART, ORDER]), theirs)

    def test_a_late_event_explains_what_lies_beside_it(self):
        theirs = ([SESSION[:3] + (2, 0, 0), ("u3", 1, 2, 1, 0, 0)], [CART, ORDER])
        ours = ([SESSION, theirs[0][1]], [CART, ORDER])
        self.assertEqual(self.compare(ours, theirs, [("u1", 3_800_000, None)]), (3, 2))
        for late in (("u2", 3_800_000, None), ("u1", 3_800_001, None)):
            with self.assertRaises(AssertionError):
                self.compare(ours, theirs, [late])

    def test_a_late_event_explains_its_cart_alone_and_no_order(self):
        without = ([SESSION], [ORDER])
        self.assertEqual(self.compare(([SESSION], [CART, ORDER]), without, [("u1", 50_000_000, "c1")]), (2, 1))
        for theirs, cart in ((without, "c2"), (([SESSION], [CART]), "c1")):
            with self.assertRaises(AssertionError):
                self.compare(([SESSION], [CART, ORDER]), theirs, [("u1", 50_000_000, cart)])

    def test_what_is_due_near_the_end_is_left_out(self):
        last = ("u9", END - 2_410_000, END - 2_410_000, 1, 0, 0)
        self.assertEqual(self.compare(([SESSION], [CART]), ([SESSION, ("u9", END - 2_409_999, END - 2_409_999, 1, 0, 0)], [CART])), (2, 0))
        with self.assertRaises(AssertionError):
            self.compare(([SESSION], [CART]), ([SESSION, last], [CART]))

    def test_nothing_at_all_is_no_success(self):
        with self.assertRaises(AssertionError):
            self.compare(([], [CART]), ([], [CART]))

    def test_late_is_behind_the_partition_by_more_than_the_grace(self):
        def record(partition, user, at):
            event = {"userId": user, "timestamp": "2026-03-02T00:00:%s.000Z" % at, "properties": {"cart_id": "c"}}
            return types.SimpleNamespace(partition=partition, key=user.encode(), value=json.dumps(event))
        given = check.Input([record(0, "a", "30"), record(0, "b", "20"), record(0, "c", "19"), record(1, "d", "05")], 10_000)
        self.assertEqual([(e.user, e.cart) for e in given.late], [("c", "c")])
        self.assertEqual(given.end_ms, check.ms_of("2026-03-02T00:00:05.000Z"))

    def test_the_time_of_an_app_is_corrected(self):
        self.assertEqual(check.event_ms({"originalTimestamp": "2026-03-02T00:01:00.000Z", "sentAt": "2026-03-02T00:01:10.000Z",
                                         "receivedAt": "2026-03-02T00:00:11.500Z"}), check.ms_of("2026-03-02T00:00:01.500Z"))

    def test_the_last_revision_counts_and_what_it_replaced_does_not(self):
        def session(number, revision, events, **more):
            return types.SimpleNamespace(value=json.dumps({
                "session_id": number, "revision": revision, "user": {"id": "u"}, "started_at": "2026-03-02T00:00:00.000Z",
                "ended_at": "2026-03-02T00:00:01.000Z", "events": events, "orders": 0, **more}))
        kept, _ = check.of_millrace([session("a", 0, 1), session("b", 0, 2), session("a", 1, 3, replaces=["b"])], [])
        self.assertEqual([s[3] for s in kept], [3])


def samples(costs):
    """One a CPU second, with so many microseconds an event."""
    events = [0]
    for us in costs:
        events.append(events[-1] + 1e6 / us)
    return [(float(i), n, float(i), 1 << 20, i / 4) for i, n in enumerate(events)]


class Warm(unittest.TestCase):
    def test_a_figure_is_of_what_came_after_the_warm_up(self):
        found = measure.steady(samples([300 - 6 * i for i in range(40)] + [60] * 25))
        self.assertAlmostEqual(found.us, 60, delta=2)
        self.assertAlmostEqual(found.beside_us, 15, delta=0.5)
        self.assertGreaterEqual(found.warm_s, measure.LEAST_WARM_S)
        self.assertAlmostEqual(found.rate, 1e6 / 60, delta=600)

    def test_what_still_changes_or_is_young_is_no_figure(self):
        self.assertIsNone(measure.steady(samples([40] * 35)))
        self.assertIsNone(measure.steady(samples([200 - 2 * i for i in range(80)])))
        self.assertIsNone(measure.steady([]))
        self.assertIsNone(measure.steady(samples([40] * 60)[:1]))

    def test_a_topic_that_ends_before_is_an_error(self):
        process = types.SimpleNamespace(alive=lambda: True, events=10, samples=[])
        with self.assertRaisesRegex(AssertionError, "before it was steady"):
            measure.drain_warm(process, 10, most_s=1)


class Load(unittest.TestCase):
    def orders(self, sent, seen):
        def action(key):
            return json.dumps({"template": "order", "user": key, "at": 1, "views": 0, "spend": 0}).encode().hex()
        return live.Orders(types.SimpleNamespace(lines=lambda: [[str(at), user, "1"] for user, at in sent]),
                           types.SimpleNamespace(lines=lambda: [["ready"]] + [[str(at), action(user)] for user, at in seen]),
                           check.action_of_peer)

    def test_latency_counts_from_when_it_was_to_be_sent(self):
        found = self.orders([("a", 1), ("b", 2), ("c", 9)], [("a", 1.25), ("b", 2.5), ("b", 2.75)])
        self.assertEqual(found.latencies(0, 5), [250, 500])
        self.assertIsNone(found.latencies(0, 10))          # c was not seen
        self.assertIsNone(found.latencies(5, 6))           # no order at all

    def test_after_a_kill(self):
        sent = [("a", 1), ("b", 3), ("c", 5), ("d", 6)]
        self.assertIsNone(self.orders(sent, [("a", 7)]).after(2))
        self.assertIsNone(self.orders(sent, [("b", 7)]).after(2))   # goes on, but is behind
        self.assertEqual(self.orders(sent, [("b", 6.5), ("c", 6.6), ("d", 6.75)]).after(2), (4.5, 4.75))

    def test_bids_are_made_as_said(self):
        some = list(bids.bids(20000, 1, 10000))
        self.assertEqual(some, list(bids.bids(20000, 1, 10000)))
        users = collections.Counter(user for user, _ in some)
        self.assertAlmostEqual(sum(n for user, n in users.items() if user.endswith("00") or user == "b0") / 20000, 0.75, delta=0.03)
        events = [json.loads(event) for _, event in some]
        self.assertEqual(events[-1]["timestamp"], "2026-01-01T00:00:02.173Z")


if __name__ == "__main__":
    unittest.main()
