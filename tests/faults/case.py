"""What recovery.py, bounds.py, idle.py, rolling.py and retention.py share: a world for each test case,
load on it, and the comparison at the end. argv: the repository, the binary."""
import os
import sys
import time
import unittest

import check
import load
import world
from world import harness

ROOT, MILLRACE = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))


class Case(unittest.TestCase):
    servers = ()

    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(world.World(ROOT, MILLRACE, app="none", servers=cls.servers))

    def begin(self, app, instances=1, **changes):
        """Fresh topics, processes that own all of them."""
        self.world.another_app(app)
        for n in range(instances):
            self.world.add("i%d" % n, **changes)
        self.watch = world.Watch(self.world)
        for i in self.world.instances:
            i.start()
        self.taken_over()
        self.addCleanup(self.end_processes)

    def end_processes(self):
        for i in self.world.instances:
            i.kill()

    def taken_over(self, seconds=60):
        harness.until("every partition is run", seconds, lambda: self.world.owned() == self.world.partitions)

    def under(self, **options):
        """A producer and a subscriber; neither has begun."""
        self.load = load.Load(self.world.servers, self.world.events, 1, **options)
        self.follower = load.Follower(self.world.servers, self.world.app + ".push", self.world.partitions, self.load)
        return self.load

    def total(self, metric):
        """The sum of a metric's series over all processes."""
        return sum(v for i in self.world.instances if i.alive for k, v in i.metrics().items() if k.split("{")[0] == metric)

    def finish(self, seconds=60, settle=4):
        """The producer ends; all that it sent is there once, in order, and as the journal says. settle: seconds
        within which waits and sessions end."""
        self.load.stop()
        self.watch.catch_up(seconds)
        self.follower.stop()
        time.sleep(settle)
        for i in self.world.instances:
            if i.alive:
                self.assertEqual(i.process.stop()[0], 0, i.log[-3000:])
        wrong, n = check.everything(MILLRACE, self.world.instances[0].path, self.world.events, self.world.servers,
                                    self.world.outputs)
        self.assertEqual(wrong + self.follower.wrong[:5] + self.follower.missing()[:5], [])
        self.assertGreater(n, 0)


def say(text):
    print(text, flush=True)
