"""Operations under fire: a rolling restart of three instances, a changed partition count, and a second
application of the same name."""
import time
import unittest

import case
import world
from case import MILLRACE, harness, say

from confluent_kafka.admin import AdminClient, NewPartitions


class Rolling(case.Case):
    def test_rolling_restart_under_load(self):
        self.begin("rolling", instances=3, commit="50ms")
        self.under(users=400, rate=400).start()
        self.follower.start()
        time.sleep(3)
        begun, steps = time.monotonic(), []
        for i in self.world.instances:
            code, _ = i.process.stop()
            self.assertEqual(code, 0, i.log[-3000:])
            i.start()
            self.taken_over()
            time.sleep(1)
            steps.append(time.monotonic())
        pause = max(self.follower.longest_pause(begun, steps[-1], p) for p in range(self.world.partitions))
        say("rolling restart of three under load: longest pause of a partition %.2f s" % pause)
        self.finish()
        self.assertLess(pause, 10)

    def refused(self, app, *words, **changes):
        """A process that ends by itself, and says why."""
        i = world.Instance(self.world, app + "-refused", **changes).start()
        self.assertNotEqual(i.process.wait(30), 0)
        for word in words:
            self.assertIn(word, i.log)
        say("%s: %s" % (app, [line for line in i.log.splitlines() if "error" in line][-1]))

    def test_changed_partition_count(self):
        self.begin("wider")
        self.under(users=50, rate=200).start()
        self.follower.start()
        time.sleep(2)
        self.load.stop()
        self.watch.catch_up(30)
        self.assertEqual(self.world.instances[0].process.stop()[0], 0)
        # First one topic by mistake, then all of them on purpose: users would be elsewhere without their profiles.
        admin = AdminClient({"bootstrap.servers": self.world.servers.brokers})
        for topics in ([self.world.events], [self.world.journal, *self.world.outputs]):
            for f in admin.create_partitions([NewPartitions(t, 6) for t in topics]).values():
                f.result(30)
            harness.until("the brokers know", 20, lambda t=topics[-1]: len(admin.list_topics(timeout=5).topics[t].partitions) == 6)
            self.refused("wider", "partitions")

    def test_wider_while_it_runs(self):
        self.begin("grown")
        self.under(users=50, rate=200).start()
        self.follower.start()
        time.sleep(2)
        self.load.stop()       # its producer would place users anew
        self.watch.catch_up(30)
        admin = AdminClient({"bootstrap.servers": self.world.servers.brokers})
        admin.create_partitions([NewPartitions(self.world.events, 6)])[self.world.events].result(30)
        time.sleep(4)
        i = self.world.instances[0]
        self.assertTrue(i.alive, i.log[-3000:])
        self.assertNotIn("partition 4 is ours", i.log)
        self.follower.stop()
        self.assertEqual(self.follower.wrong + self.follower.missing(), [])

    def test_second_application_of_the_same_name(self):
        self.begin("twins")
        self.under(users=50, rate=200).start()
        self.follower.start()
        time.sleep(1)
        self.world.servers.topics(self.world.partitions, "other.events")
        other = world.Instance(self.world, "other")
        with open(other.path, encoding="utf-8") as f:
            text = f.read()
        harness.write(other.path, text.replace("topic: twins.events", "topic: other.events"))
        other.start()
        self.assertNotEqual(other.process.wait(30), 0)
        self.assertIn("twins.events", other.log)
        say("second application: %s" % [line for line in other.log.splitlines() if "error" in line][-1])
        self.finish()

    def test_two_processes_with_one_instance_name(self):
        """A second process is started with the instance name of one that runs: the group gives it the seat,
        and the first is fenced, as member and as producer, in the middle of its transactions.
        One of the two ends and says why; the other goes on, and nothing is there twice or missing."""
        self.begin("pair")
        self.under(users=50, rate=200).start()
        self.follower.start()
        time.sleep(1)
        first = self.world.instances[0]
        second = world.Instance(self.world, "i0", instance="i0")
        second.port = harness.free_port()
        second.path = self.world.config("i0-again", second.port, instance="i0")
        second.start()
        self.world.instances.append(second)
        ended = harness.until("one of the two ends", 30, lambda: [i for i in (first, second) if not i.alive])
        self.assertIn("another process runs under our instance name", ended[0].log)
        say("two of one name: %s" % [line for line in ended[0].log.splitlines() if "error" in line][-1:])
        self.taken_over()
        self.finish()


if __name__ == "__main__":
    unittest.main()
