"""A topic whose retention ate what a replay needs: what is gone is counted and said, and it goes on;
what was published stays published, once."""
import time
import unittest

import case
from case import say


class Retention(case.Case):
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
        old = {n for ns in self.load.pings.values() for n in ns}
        again = self.load
        self.under(users=100, rate=400)
        self.load.number = again.number
        self.load.start()
        time.sleep(3)
        self.load.stop()
        self.watch.catch_up(30)
        self.assertEqual(instance.process.stop()[0], 0)
        import json
        numbers = [int(json.loads(r.value)["data"]["n"]) for r in self.world.servers.read(self.world.app + ".push")]
        self.assertEqual(len(numbers), len(set(numbers)), "twice")
        self.assertEqual(set(numbers), old | {n for ns in self.load.pings.values() for n in ns})
        self.assertGreater(len(numbers), told)


if __name__ == "__main__":
    unittest.main()
