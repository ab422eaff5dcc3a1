"""Exactly once, through real servers: what `run` commits equals what `replay` says, event for event,
through a kill -9 inside an open transaction and through rebalances. argv: the repository, the binary."""
import collections
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402

from confluent_kafka import Consumer, TopicPartition  # noqa: E402

ROOT, MILLRACE = sys.argv.pop(1), sys.argv.pop(1)
EVENTS = int(os.environ.get("MILLRACE_SYSTEM_EVENTS", "200000"))
PARTITIONS = 4
CHANNELS = ("push", "email", "crm")

CONFIG = """
app: {app}
instance: {instance}
kafka: {{bootstrap.servers: "{brokers}"}}
redis: {redis}
input: {{events: {{topic: {app}.events}}}}
output: {{actions: "{app}.{{channel}}", decisions: {app}.decisions, sessions: {app}.sessions, dead_letters: {app}.dead}}
time: {{ticks: off, grace: 2s, zone: Europe/London}}
delivery: {{commit_interval: {commit}}}
limits: {{user_memory: {memory}}}
serve: {{listen: "127.0.0.1:{port}"}}
session: {{gap: 30m, longest: 24h}}
profile:
  carts_1h: {{count: Product Added, over: 1h}}
  orders: {{count: Order Completed}}
  spend: {{sum: event.properties.revenue, of: Order Completed, over: 90d}}
  interest: {{decayed_count: Product Viewed, half_life: 7d}}
  favourite: {{top: event.properties.category, of: Product Viewed, half_life: 14d}}
rules:
  abandoned-cart:
    on: [Product Added, Product Removed]
    for_each: event.properties.cart_id
    while_running: restart
    cancel_on: {{event: Order Completed, when: event.properties.cart_id == run.key}}
    then:
      - wait: 30m
      - send: {{channel: push, template: cart-reminder, expires: 2h,
               data: {{cart: run.key, carts: user.carts_1h, interest: user.interest, favourite: user.favourite}}}}
  big-spender:
    on: Order Completed
    when: user.spend > 200
    again_after: 1h
    then: [{{send: {{channel: email, template: thanks, data: {{spend: user.spend, orders: user.orders}}}}}}]
  failed-payments:
    on: Payment Failed
    at_least: 3 within 10m
    then: [{{send: {{channel: crm, template: call-customer, category: transactional}}}}]
"""


class Historic(unittest.TestCase):
    """Events of one day long ago; time moves by them alone, so a file says all there is to know."""

    @classmethod
    def setUpClass(cls):
        cls.servers = cls.enterClassContext(harness.Servers(ROOT, "--kafka", "--redis"))
        cls.scratch = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.generate = ["generate", "--shop", "--users", "20000", "--rate", str(EVENTS / 43200), "--flat", "--seed", "11",
                        "--start", "2025-03-01T00:00:00Z", "--for", "1d", "--events", str(EVENTS)]
        cls.file = os.path.join(cls.scratch, "events.ndjson")
        with open(cls.file, "wb") as f:
            subprocess.run([MILLRACE, *cls.generate], stdout=f, check=True)

    def begin(self, app, commit="50ms", memory="256MiB"):
        self.app = app
        self.outputs = ["%s.%s" % (app, x) for x in CHANNELS + ("decisions", "sessions", "dead")]
        self.servers.topics(PARTITIONS, app + ".events", app + ".journal", *self.outputs)
        self.config(app, commit, memory)

    def config(self, app, commit="50ms", memory="256MiB", name="config.yaml"):
        """A file of its own for each process, since each has a port of its own."""
        self.port = harness.free_port()
        text = CONFIG.format(app=app, brokers=self.servers.brokers, redis=self.servers.env["REDIS_URL"], commit=commit,
                             memory=memory, port=self.port, instance=name.split('.')[0])
        self.path = harness.write(os.path.join(self.scratch, "%s-%s" % (app, name)), text)
        return self.path

    def run_it(self, name="run"):
        return harness.Process(MILLRACE, self.path, self.scratch, "%s-%s" % (self.app, name))

    def produce_all(self):
        subprocess.run([MILLRACE, *self.generate, "--topic", self.app + ".events", "--brokers", self.servers.brokers],
                       check=True)

    def read_to_the_end(self):
        """Whether the group's committed positions are the ends of the input."""
        c = Consumer({"bootstrap.servers": self.servers.brokers, "group.id": self.app, "enable.auto.commit": False,
                      "isolation.level": "read_uncommitted"})
        try:
            parts = [TopicPartition(self.app + ".events", p) for p in range(PARTITIONS)]
            ends = [c.get_watermark_offsets(p, timeout=10)[1] for p in parts]
            return ends if [p.offset for p in c.committed(parts, timeout=10)] == ends and sum(ends) > 0 else None
        finally:
            c.close()

    def replayed(self):
        """(type, partition, subject, id, data as bytes) in the order of each partition."""
        r = subprocess.run([MILLRACE, "replay", "-c", self.path, "--partitions", str(PARTITIONS), "--emit",
                            "actions,decisions,sessions,dead_letters", self.file], capture_output=True, check=True)
        out = collections.defaultdict(list)
        for line in r.stdout.splitlines():
            e = json.loads(line)
            data = line[line.index(b',"data":') + 8:-1]
            out[e["type"]].append((e["subject"].encode(), e["id"].encode(), data))
        return out

    def committed(self):
        out = collections.defaultdict(list)
        for r in self.servers.read(*self.outputs):
            headers = dict(r.headers)
            out[headers["ce_type"].decode()].append((r.key, headers["ce_id"], r.value))
        return out

    def compare(self):
        expected, found = self.replayed(), self.committed()
        for kind in ("millrace.action.v1", "millrace.session.v1", "millrace.decision.v1"):
            self.assertGreater(len(expected[kind]), EVENTS / 1000, kind)
            ids = collections.Counter(x[1] for x in found[kind])
            self.assertEqual([i for i, n in ids.items() if n > 1], [], "%s twice" % kind)
            self.assertEqual(set(expected[kind]) - set(found[kind]), set(), "%s missing" % kind)
            self.assertEqual(set(found[kind]) - set(expected[kind]), set(), "%s too much" % kind)
        self.assertEqual(set(found), set(expected))

    def test_run_equals_replay(self):
        self.begin("plain")
        self.produce_all()
        with self.run_it() as p:
            harness.until("all events read", 120, self.read_to_the_end, process=p)
            code, seconds = p.stop()
        self.assertEqual(code, 0, p.log)
        self.assertLess(seconds, 5)
        self.compare()

    def test_kill_inside_open_transactions(self):
        # Long transactions, so that a kill falls inside one; little memory, so that profiles come from Redis.
        self.begin("killed", commit="1s", memory="1MiB")
        is_open = self.servers.watch_transactions(self.app + ".sessions", PARTITIONS)
        p = self.run_it()
        try:
            harness.until("tasks taken", 60, lambda: p.log.count("is ours") == PARTITIONS, process=p)
            with open(self.file, "rb") as f:
                lines = f.read().splitlines()
            parts = 4
            for i in range(parts):
                self.servers.produce(self.app + ".events", harness.keyed(lines[len(lines) * i // parts:len(lines) * (i + 1) // parts]))
                if i < parts - 1:
                    harness.until("a transaction is open", 30, is_open, every=0, process=p)
                    p.kill()
                    p = self.run_it()
            harness.until("all events read", 180, self.read_to_the_end, process=p)
            self.assertEqual(p.stop()[0], 0, p.log)
        finally:
            if p.p.poll() is None:
                p.kill()
        seen, committed = self.servers.count(*self.outputs, committed=False), self.servers.count(*self.outputs)
        self.assertGreater(seen, committed, "no kill fell inside an open transaction with output")
        self.compare()

    def test_a_second_instance_joins_and_leaves(self):
        self.begin("shared")
        with self.run_it("one") as one:
            harness.until("tasks taken", 60, lambda: one.log.count("is ours") == PARTITIONS, process=one)
            with open(self.file, "rb") as f:
                lines = f.read().splitlines()
            third = len(lines) // 3
            self.servers.produce(self.app + ".events", harness.keyed(lines[:third]))
            self.config("shared", name="two.yaml")
            with self.run_it("two") as two:
                harness.until("shared", 60, lambda: "is ours" in two.log, process=two)
                self.servers.produce(self.app + ".events", harness.keyed(lines[third:2 * third]))
                time.sleep(1)
                self.assertEqual(two.stop()[0], 0, two.log)
            self.servers.produce(self.app + ".events", harness.keyed(lines[2 * third:]))
            harness.until("all events read", 120, self.read_to_the_end, process=one)
            self.assertEqual(one.stop()[0], 0, one.log)
        self.compare()


if __name__ == "__main__":
    unittest.main()
