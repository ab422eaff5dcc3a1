"""The test of bench/peers: on a small input, peers publish what Millrace publishes.

    same.py ROOT BUILD [--all]

Twice: with a grace so long that nothing is late, where all must be the same; and with ten seconds, where
what differs must lie beside a late event. --all: every variant that is measured, not just one an engine.
"""
import collections
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import suite as frame  # noqa: E402
import harness  # noqa: E402
from peers import bids, check, engines, suite  # noqa: E402

EVENTS, USERS, PARTITIONS = 20000, 400, 3


def settled(servers, app, seconds=60):
    """Waits until the outputs of an engine that has read everything don't grow any more."""
    ends = servers.watch_ends([app + ".sessions", app + ".actions"])
    last, since, deadline = -1, time.monotonic(), time.monotonic() + seconds
    while time.monotonic() - since < 2.5 or last == 0:
        assert time.monotonic() < deadline, "the outputs of %s don't settle (%d)" % (app, last)
        now = ends()
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.1)


class Same:
    def __init__(self, bench, kind):
        """kind: shop or bids."""
        self.bench, self.engines, self.kind, self.cache = bench, engines.Engines(bench), kind, {}
        self.passed = set()
        self.topic, brokers = self.engines.name() + "-" + kind, bench.servers.brokers
        bench.servers.topic(self.topic, PARTITIONS)
        if kind == "shop":
            bench.run(bench.millrace, "generate", "--shop", "--users", USERS, "--rate", "0.5", "--for", "3650d", "--flat",
                      "--events", EVENTS, "--topic", self.topic, "--brokers", brokers)
        else:
            bench.run(sys.executable, bids.__file__, brokers, self.topic, EVENTS, 1, 100)
        self.records = bench.servers.read(self.topic)

    def outputs(self, app, start):
        self.engines.topics(app, PARTITIONS)
        with self.engines.running(start(app)) as process:
            harness.until("%s reads all" % app, 120, lambda: process.alive() and process.events >= EVENTS)
            settled(self.bench.servers, app)
        records = self.bench.servers.read(app + ".sessions", app + ".actions")
        return [[r for r in records if r.topic == app + kind] for kind in (".sessions", ".actions")]

    def ours(self, times):
        key = str(times)
        if key not in self.cache:
            self.cache[key] = check.of_millrace(*self.outputs(self.engines.name(), lambda app: self.engines.millrace(
                app, self.topic, times, "memory", "job.yaml" if self.kind == "shop" else "nexmark.yaml")))
        return self.cache[key]

    def theirs(self, chosen, times):
        if chosen["engine"] == "streams":      # looks for closed windows where a record comes, once a second: none comes later
            chosen = {**chosen, "engine_settings": {
                **chosen["engine_settings"], "__emit.interval.ms.kstreams.windowed.aggregation__": "0"}}
        return self.outputs(self.engines.name(), lambda app: self.engines.peer(chosen, app, self.topic, times))

    def run(self, variants, times):
        """Compares each with Millrace; late data may differ."""
        times = {**times, "kept": 30 * 86_400_000}     # here a second passes in no time: see StreamsSessions
        given, ours = check.Input(self.records, times["grace"]), self.ours(times)
        for name, chosen in (v for v in variants if (v[0], str(times)) not in self.passed):
            same, differ = check.compare(ours, check.of_peer(*self.theirs(chosen, times)), given, times,
                                         ("session", "action") if self.kind == "shop" else ("session",), 10 * times["gap"] // 30)
            self.bench.log("  %s, grace %d s: %d sessions and actions the same, %d differ for late data" % (
                name, times["grace"] / 1000, same, differ))
            assert differ == 0 or given.late, "nothing is late"
            assert differ <= same / 20, "late data is no excuse for so many"
            self.passed.add((name, str(times)))

    def counted(self, name, chosen, times):
        """Nexmark q12: windows of the wall clock differ from run to run, but hold every bid but the last ones."""
        sessions, _ = self.theirs(chosen, times)
        found, sent = collections.Counter(), collections.Counter(r.key for r in self.records)
        for r in sessions:
            found[r.key] += json.loads(r.value)["count"]
        assert not found - sent, "counted too often: %s" % (found - sent).most_common(3)
        self.bench.log("  %s: %d of %d bids counted" % (name, sum(found.values()), EVENTS))
        return sum(found.values())


def of(bench, kind):
    """The one of these servers: what Millrace publishes is made once."""
    made = bench.__dict__.setdefault("same", {})
    if (bench.servers.dir, kind) not in made:
        made[bench.servers.dir, kind] = Same(bench, kind)
    return made[bench.servers.dir, kind]


def main():
    _, _, build = sys.argv[:3]
    everything = "--all" in sys.argv
    with frame.Bench(build, "tiny") as bench:
        shop = of(bench, "shop")
        variants = suite.VARIANTS if everything else suite.SMALL
        shop.run(variants, {**suite.SHOP, "grace": 3 * 3600_000})
        shop.run(variants, suite.SHOP)
        if everything:
            of(bench, "bids").run(suite.Q11, suite.BIDS)
            for name, chosen in suite.Q12:
                of(bench, "bids").counted(name, chosen, suite.BIDS)


if __name__ == "__main__":
    main()
