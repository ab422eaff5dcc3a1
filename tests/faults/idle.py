"""Time goes on where nothing comes: sessions close and waits end within grace + 1 s, with every
partition idle, and with one idle beside busy ones."""
import json
import time
import unittest

import case
import load
from case import harness, say

GRACE, GAP, WAIT = 0.2, 2.0, 1.0     # seconds, as the configuration has them
LATE = 2 * (GRACE + 1.0)            # twice what was promised, since machines differ


class Idle(case.Case):
    def send(self, users):
        """A cart for each, at once; when, by user, and when the topic had all of them."""
        now, users = time.time(), list(users)
        self.world.servers.produce(self.world.events, [(u, json.dumps({
            "type": "track", "event": "Cart", "userId": u, "messageId": "idle-" + u, "timestamp": load.timestamp(now),
            "properties": {"cart_id": "c"}})) for u in users])
        return {u: now for u in users}, time.time()

    def lateness(self, topic, at, there, wait):
        """Seconds from when a message was due, grace apart, to when it was written: the least of all users, and
        the most, counted from when the event was there where that was later."""
        def come():
            found = {r.key.decode(): r.timestamp / 1000 for r in self.world.servers.read(topic)}
            return found if set(at) <= set(found) else None
        found = harness.until("a message for each user in " + topic, 20, come)
        return (min(found[u] - at[u] - wait for u in at),
                max(found[u] - max(at[u] + wait, there) for u in at))

    def check(self, sent, name):
        for topic, wait in ((self.world.app + ".crm", WAIT), (self.world.app + ".sessions", GAP)):
            least, most = self.lateness(topic, *sent, wait)
            say("%s: %s at most %.2f s after they were due (%.1f s of it grace)" % (name, topic, most, GRACE))
            self.assertGreater(least, GRACE - 0.01, "early: " + topic)      # times are in ms, cut
            self.assertLess(most, LATE, topic)

    def test_all_idle(self):
        self.begin("idle", commit="50ms")
        time.sleep(1)
        self.check(self.send("user%d" % n for n in range(20)), "all idle")
        # Once more, after a pause in which nobody had a timer.
        time.sleep(3)
        self.check(self.send("again%d" % n for n in range(20)), "all idle again")

    def test_one_idle_beside_busy_ones(self):
        self.begin("partly", commit="50ms")
        self.under(users=300, rate=400)
        before = self.watch.ends(self.world.events)
        sent = self.send(["quiet"])
        after = self.watch.ends(self.world.events)
        idle = next(p for p in range(self.world.partitions) if after[p] > before[p])
        # Busy are the users whose partition is another.
        original = self.load.put
        partition = {}

        def put(user, text):
            if user not in partition:
                partition[user] = murmur2(user.encode()) % self.world.partitions
            if partition[user] != idle:
                original(user, text)
        self.load.put = put
        self.load.start()
        self.check(sent, "one idle")
        self.load.stop()
        ends = self.watch.ends(self.world.events)
        self.assertEqual(ends[idle], after[idle], "the idle partition was not idle")
        self.assertGreater(min(e for p, e in enumerate(ends) if p != idle), 50, "the busy ones were not busy")


def murmur2(data):
    """As Kafka's own producers place a key."""
    m, mask = 0x5bd1e995, 0xffffffff
    h = (0x9747b28c ^ len(data)) & mask
    for i in range(0, len(data) - len(data) % 4, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    rest = data[len(data) - len(data) % 4:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return (h ^ h >> 15) & 0x7fffffff


if __name__ == "__main__":
    unittest.main()
