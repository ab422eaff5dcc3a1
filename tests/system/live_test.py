"""Exactly once with the wall clock in play: what `run` committed, headers included, equals a replay of
its topic by its journal; through a kill -9 and through rebalances. argv: the repository, the binary."""
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

ROOT, MILLRACE = sys.argv.pop(1), sys.argv.pop(1)
EVENTS = int(os.environ.get("MILLRACE_SYSTEM_EVENTS", "200000"))
RATE = 8000
PARTITIONS = 4
CHANNELS = ("push", "email", "crm")

# Everything is short: sessions of seconds, carts abandoned within one.
CONFIG = """
app: {app}
instance: {instance}
kafka: {{bootstrap.servers: "{brokers}"}}
redis: {redis}
input: {{events: {{topic: {app}.events}}}}
output: {{actions: "{app}.{{channel}}", decisions: {app}.decisions, sessions: {app}.sessions, dead_letters: {app}.dead}}
time: {{ticks: on, grace: 200ms}}
delivery: {{commit_interval: {commit}, flush_interval: 200ms}}
limits: {{user_memory: 1MiB}}
serve: {{listen: "127.0.0.1:{port}"}}
session: {{gap: 2s, longest: 20s}}
profile:
  views: {{count: Product Viewed, over: 1h}}
  orders: {{count: Order Completed}}
  interest: {{decayed_count: Product Viewed, half_life: 1h}}
rules:
  abandoned-cart:
    on: Product Added
    for_each: event.properties.cart_id
    while_running: restart
    cancel_on: {{event: Order Completed, when: event.properties.cart_id == run.key}}
    then:
      - wait: 1s
      - send: {{channel: push, template: cart-reminder, expires: 2h, data: {{cart: run.key, interest: user.interest}}}}
  buyer:
    on: Order Completed
    then:
      - send: {{channel: email, template: thanks, data: {{orders: user.orders, views: user.views}}}}
      - wait: 3s
      - send: {{channel: crm, template: ask-for-review, data: {{now: now}}}}
"""


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = cls.enterClassContext(harness.Servers(ROOT, "--kafka", "--redis"))
        cls.scratch = cls.enterClassContext(tempfile.TemporaryDirectory())

    def begin(self, app, commit="50ms"):
        self.app, self.commit = app, commit
        self.outputs = ["%s.%s" % (app, x) for x in CHANNELS + ("decisions", "sessions", "dead")]
        self.servers.topics(PARTITIONS, app + ".events", app + ".journal", *self.outputs)

    def run_it(self, instance):
        text = CONFIG.format(app=self.app, instance=instance, brokers=self.servers.brokers, commit=self.commit,
                             redis=self.servers.env["REDIS_URL"], port=harness.free_port())
        self.path = harness.write(os.path.join(self.scratch, "%s-%s.yaml" % (self.app, instance)), text)
        return harness.Process(MILLRACE, self.path, self.scratch, "%s-%s" % (self.app, instance))

    def shop(self):
        """Starts a stream of events of now."""
        shop = subprocess.Popen([MILLRACE, "generate", "--shop", "--live", "--users", "20000", "--rate", str(RATE),
                                 "--seed", "3", "--for", "1h", "--events", str(EVENTS), "--topic", self.app + ".events",
                                 "--brokers", self.servers.brokers])
        self.addCleanup(lambda: shop.poll() is None and (shop.kill(), shop.wait()))
        return shop

    def quiet(self, process):
        """Waits until every timer of the last event must have fired, and nothing comes any more."""
        last, since, ends = -1, time.monotonic(), self.servers.watch_ends(self.outputs)

        def stable():
            nonlocal last, since
            n = ends()
            if n != last:
                last, since = n, time.monotonic()
            return time.monotonic() - since > 8
        harness.until("silence", 300, stable, every=1, process=process)

    def compare(self):
        r = subprocess.run([MILLRACE, "replay", "-c", self.path, "--topic", self.app + ".events", "--journal", "--emit",
                            "actions,decisions,sessions,dead_letters"], capture_output=True, check=False)
        self.assertEqual(r.returncode, 0, r.stderr.decode()[-2000:])
        expected = [harness.of_line(line) for line in r.stdout.splitlines()]
        records = self.servers.read(*self.outputs)
        found = [harness.of_record(x) for x in records]
        ids = collections.Counter(dict(x.headers)["ce_id"] for x in records)
        self.assertEqual([i for i, n in ids.items() if n > 1], [], "twice")
        kinds = collections.Counter(x.topic for x in records)
        for topic in self.outputs[:-1]:
            self.assertGreater(kinds[topic], 10, topic)
        self.assertEqual(list(set(expected) - set(found))[:3], [], "missing")
        self.assertEqual(list(set(found) - set(expected))[:3], [], "too much")
        self.assertEqual(len(found), len(expected))
        # Nothing of the input was skipped: what sessions counted is what was sent, less what came twice.
        self.assertEqual(self.servers.count(self.app + ".events"), EVENTS)

    def test_run_equals_its_journal(self):
        self.begin("calm")
        with self.run_it("one") as p:
            harness.until("tasks taken", 60, lambda: p.log.count("is ours") == PARTITIONS, process=p)
            self.assertEqual(self.shop().wait(EVENTS / RATE + 300), 0)
            self.quiet(p)
            code, seconds = p.stop()
            self.assertEqual(code, 0, p.log)
            self.assertLess(seconds, 5)
        self.compare()

    def test_kill_and_a_second_instance(self):
        self.begin("stormy", commit="500ms")
        is_open = self.servers.watch_transactions(self.app + ".sessions", PARTITIONS)
        one = self.run_it("one")
        try:
            harness.until("tasks taken", 60, lambda: one.log.count("is ours") == PARTITIONS, process=one)
            shop, begun = self.shop(), time.monotonic()
            time.sleep(4)
            harness.until("a transaction is open", 90, is_open, every=0, process=one)
            one.kill()
            one = self.run_it("one")
            time.sleep(max(0, begun + 10 - time.monotonic()))
            with self.run_it("two") as two:
                harness.until("shared", 60, lambda: "is ours" in two.log, process=two)
                time.sleep(4)
                self.assertEqual(two.stop()[0], 0, two.log)
            self.assertEqual(shop.wait(EVENTS / RATE + 300), 0)
            self.quiet(one)
            self.assertEqual(one.stop()[0], 0, one.log)
        finally:
            if one.p.poll() is None:
                one.kill()
        seen, committed = self.servers.count(*self.outputs, committed=False), self.servers.count(*self.outputs)
        self.assertGreater(seen, committed, "no kill fell inside an open transaction with output")
        self.compare()


if __name__ == "__main__":
    unittest.main()
