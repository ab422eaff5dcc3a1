"""A topic whose retention ate what a replay needs: what is gone is counted and said, and it goes on;
what was published stays published, once."""
import json
import subprocess
import time
import unittest

import case
import world
from case import harness, say


class Retention(case.Case):
    def pings(self):
        return {n for ns in self.load.pings.values() for n in ns}

    def some_load(self, seconds, applied=True):
        """Events numbered on from those before; nobody follows."""
        number = self.load.number
        self.under(users=100, rate=400)
        self.load.number = number
        self.load.start()
        time.sleep(seconds)
        self.load.stop()
        if applied:
            self.watch.catch_up(30)

    def once(self, expected):
        """The numbers of all events that led to an action: each one once."""
        numbers = [int(json.loads(r.value)["data"]["n"]) for r in self.world.servers.read(self.world.app + ".push")]
        self.assertEqual(len(numbers), len(set(numbers)), "twice")
        self.assertEqual((sorted(expected - set(numbers))[:5], sorted(set(numbers) - expected)[:5]), ([], []), "missing, too much")
        return numbers

    def flushed(self):
        harness.until("all is in the store", 30, lambda: self.total("millrace_write_behind_bytes") == 0)
        time.sleep(2)

    def truncate(self, topic, offsets):
        self.world.servers.do("truncate", topic, *("%d=%d" % e for e in enumerate(offsets)))

    def again(self, *said):
        """Started; it says so."""
        instance = self.world.instances[0].start()
        self.taken_over()
        for text in said:
            self.assertIn(text, instance.log)

    def test_unread_inputs_are_gone(self):
        """Eaten before they were applied: a gap in the journal, which a replay goes over, too."""
        self.begin("unread")
        instance = self.world.instances[0]
        self.under(users=100, rate=400)
        self.some_load(3)
        old, applied = self.pings(), self.watch.ends(self.world.events)
        self.assertEqual(instance.process.stop()[0], 0)
        self.some_load(1, applied=False)
        ends = self.watch.ends(self.world.events)
        self.truncate(self.world.events, ends)
        self.again("were never applied")
        lost = sum(ends) - sum(applied)
        self.assertEqual(self.total("millrace_lost_inputs_total"), lost)
        self.some_load(3)
        new = self.pings()
        instance.kill()
        self.again()
        self.assertEqual(self.total("millrace_lost_inputs_total"), 0, "the gap is told again")
        self.assertEqual(instance.process.stop()[0], 0)
        self.once(old | new)
        r = subprocess.run([case.MILLRACE, "replay", "-c", instance.path, "--topic", self.world.events, "--journal"],
                           capture_output=True, check=False)
        self.assertEqual(r.returncode, 0, r.stderr[-2000:])
        replayed = {int(e["data"]["data"]["n"]) for e in map(json.loads, r.stdout.splitlines()) if "n" in e["data"]["data"]}
        self.assertTrue(replayed == new, "%d replayed, %d came after the gap" % (len(replayed), len(new)))
        say("%d inputs were eaten before they were applied; counted, and gone over" % lost)

    def test_journal_is_gone(self):
        """A journal that expired: with the store's profiles where there are any, else with new ones."""
        self.begin("expired")
        instance = self.world.instances[0]
        self.under(users=100, rate=400)
        self.some_load(2)
        pings = self.pings()
        for _ in range(2):
            self.flushed()
            instance.kill()
            self.truncate(self.world.journal, self.watch.ends(self.world.journal))
            self.again("its journal has expired", "with the profiles that the store has")
            self.some_load(1)
            pings |= self.pings()
        time.sleep(2)
        self.once(pings)
        counts = {}
        for r in self.world.servers.read(self.world.app + ".push"):
            counts.setdefault(r.key, []).append(int(json.loads(r.value)["data"]["count"]))
        self.assertTrue(all(c == list(range(1, len(c) + 1)) for c in counts.values()), "profiles do not go on")
        instance.kill()
        self.world.redis.ask("flushall")
        self.truncate(self.world.journal, self.watch.ends(self.world.journal))
        self.again("its journal has expired", "the store has none")
        self.some_load(1)
        self.once(pings | self.pings())

    def test_no_trace_is_left(self):
        """The journal has expired, and the group forgot its positions: refused, until somebody sets them."""
        self.world.another_app("traceless")
        self.watch = world.Watch(self.world)
        self.addCleanup(self.end_processes)
        self.world.servers.produce(self.world.journal, [(b"%d" % n, b"of before") for n in range(100)])
        ends = self.watch.ends(self.world.journal)
        self.assertTrue(all(ends), ends)
        self.truncate(self.world.journal, ends)
        instance = self.world.add("i0").start()
        harness.until("it is refused", 30, lambda: instance.log.count("where to go on") >= self.world.partitions)
        self.assertEqual(self.world.owned(), 0)
        instance.kill()
        self.under(users=100, rate=400)
        self.some_load(1, applied=False)
        skipped = self.pings()
        time.sleep(world.SESSION_MS / 1000 + 1)      # the group is empty, as its positions' setter must find it
        self.watch.set_positions(self.watch.ends(self.world.events))
        self.again("its journal has expired", "with new profiles")
        self.some_load(1)
        self.once(self.pings())
        say("%d inputs before the positions that were set: not applied" % len(skipped))

    def test_journal_and_store_lost_their_past(self):
        """Redis is empty, and the journal's beginning has expired: rebuilt from what is left of it."""
        self.begin("headless")
        instance = self.world.instances[0]
        self.under(users=100, rate=400)
        self.some_load(3)
        old = self.pings()
        instance.kill()
        self.world.redis.ask("flushall")
        self.truncate(self.world.journal, [end // 2 for end in self.watch.ends(self.world.journal)])
        self.again("are no longer in the journal")
        self.assertGreater(self.total("millrace_lost_inputs_total"), 0)
        self.some_load(2)
        self.once(old | self.pings())

    def test_idle_journal_is_written_anew(self):
        self.world.another_app("dormant")
        self.world.servers.delete_topic(self.world.journal)
        self.world.servers.topic(self.world.journal, self.world.partitions, retention_ms=4000)
        self.world.add("i0").start()
        self.addCleanup(self.end_processes)
        self.taken_over()
        self.watch = world.Watch(self.world)
        before = self.watch.ends(self.world.journal)
        time.sleep(3)
        after = self.watch.ends(self.world.journal)
        self.assertTrue(all(a > b for a, b in zip(after, before)), (before, after))
        self.assertLess(sum(after) - sum(before), 10 * self.world.partitions)

    def test_inputs_are_gone(self):
        # Pages are kept back, so that a kill leaves all of it to a replay.
        self.begin("eaten", flush="1m")
        instance = self.world.instances[0]
        self.under(users=100, rate=400).start()
        self.follower.start()
        time.sleep(4)
        self.load.stop()
        self.watch.catch_up(30)
        deadline = time.monotonic() + 20
        while self.follower.missing() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(self.follower.wrong + self.follower.missing(), [])
        instance.kill()
        ends = self.watch.ends(self.world.events)
        self.world.servers.do("truncate", self.world.events, *("%d=%d" % e for e in enumerate(ends)))
        instance.start()
        self.taken_over()
        lost = self.total("millrace_lost_inputs_total")
        self.assertEqual(lost, sum(ends))
        self.assertIn("no longer kept", instance.log)
        say("%d inputs were eaten; said and counted" % lost)
        # From here on profiles begin anew; actions don't come twice, and none is left out.
        told = sum(self.follower.seen.values())
        old = self.pings()
        self.some_load(3)
        self.assertEqual(instance.process.stop()[0], 0)
        self.assertGreater(len(self.once(old | self.pings())), told)


if __name__ == "__main__":
    unittest.main()
