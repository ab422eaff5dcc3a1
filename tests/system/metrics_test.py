"""/metrics and /healthz of a run against real servers, and what is said once in its log. argv: the repository, the binary."""
import datetime
import json
import os
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402

ROOT, MILLRACE = sys.argv.pop(1), sys.argv.pop(1)
CONFIG = """
app: {app}
kafka: {{bootstrap.servers: "{brokers}"}}
redis: {redis}
input: {{events: {{topic: {app}.events}}}}
output: {{actions: "{app}.{{channel}}", decisions: {app}.decisions, sessions: off, dead_letters: {app}.dead}}
delivery: {{flush_interval: 200ms}}
serve: {{listen: "{listen}", partitions: {partitions}}}
rules:
  hello:
    on: Product Added
    then: [{{send: {{channel: push, template: hello}}}}]
"""


def event(user, number, age_s=0):
    at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=age_s)
    return json.dumps({"type": "track", "event": "Product Added", "userId": user, "messageId": "m-%d" % number,
                       "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}).encode()


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = cls.enterClassContext(harness.Servers(ROOT))
        cls.scratch = cls.enterClassContext(tempfile.TemporaryDirectory())

    def begin(self, app, partitions="true"):
        self.app, self.address = app, "127.0.0.1:%d" % harness.free_port()
        self.servers.topics(2, *(app + end for end in (".events", ".journal", ".push", ".decisions", ".dead")))
        self.config = CONFIG.format(app=app, brokers=self.servers.brokers, redis=self.servers.env["REDIS_URL"],
                                    listen=self.address, partitions=partitions)
        path = harness.write(os.path.join(self.scratch, app + ".yaml"), self.config)
        return self.enterContext(harness.Process(MILLRACE, path, self.scratch, app))

    def health(self):
        """(status, lines); status 0 while nobody answers."""
        try:
            with urllib.request.urlopen("http://%s/healthz" % self.address, timeout=2) as r:
                return r.status, r.read().decode().splitlines()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode().splitlines()
        except OSError:
            return 0, []

    def metric(self, name):
        return harness.metrics(self.address).get(name, 0)

    def healthy(self, p):
        harness.until("200 at /healthz", 60, lambda: self.health() == (200, ["ok"]), process=p)

    def test_what_goes_through_is_counted(self):
        p = self.begin("counted")
        self.healthy(p)
        records = [(b"u%d" % i, event("u%d" % i, i)) for i in range(50)]
        self.servers.produce("counted.events", records + [records[0], (b"x", b"{no json")])
        harness.until("52 events", 30, lambda: self.metric("millrace_events_applied_total") == 52, process=p)
        harness.until("all written", 30, lambda: self.metric("millrace_pages_written_total") >= 50, process=p)
        harness.until("lag asked for", 30, lambda: "millrace_lag_messages{partition=\"1\"}" in harness.metrics(self.address))
        m = harness.metrics(self.address)
        for name, value in {
            'millrace_messages_total{output="action"}': 50, 'millrace_messages_total{output="dead_letter"}': 1,
            'millrace_dropped_total{reason="duplicate"}': 1, 'millrace_dropped_total{reason="malformed"}': 1,
            "millrace_rules_fired_total": 50, "millrace_event_to_action_seconds_count": 50,
            "millrace_drain_to_action_seconds_count": 50, "millrace_batch_records_sum": 52,
            "millrace_takeovers_total": 2, 'millrace_rebalances_total{kind="assigned"}': 1,
            'millrace_partitions{state="running"}': 2, "millrace_wrong_partition_total": 0,
            'millrace_lag_messages{partition="0"}': 0, 'millrace_lag_messages{partition="1"}': 0,
        }.items():
            self.assertEqual(m[name], value, name)
        self.assertEqual(m['millrace_users{partition="0"}'] + m['millrace_users{partition="1"}'], 50)
        for name in ("millrace_commit_seconds_sum", "millrace_store_read_seconds_sum", "millrace_store_write_seconds_sum",
                     "millrace_event_to_action_seconds_sum", 'millrace_worker_busy_seconds_total{worker="0"}'):
            self.assertGreater(m[name], 0, name)
            self.assertLess(m[name], 60, name)
        self.assertLess(m["millrace_drain_to_action_seconds_sum"], m["millrace_event_to_action_seconds_sum"] + 0.05)
        self.assertAlmostEqual(m['millrace_stream_time_seconds{partition="0"}'], time.time(), delta=60)
        self.assertNotIn("warning", p.log.split("is ours")[-1])
        self.assertEqual(p.stop()[0], 0)

    def test_what_is_odd_is_said_once(self):
        p = self.begin("odd", "false")
        self.healthy(p)
        old = [(b"u%d" % i, event("u%d" % i, i, 7 * 3600), {"partition": i % 2}) for i in range(40)]
        self.servers.produce("odd.events", old)
        harness.until("40 events", 30, lambda: self.metric("millrace_events_applied_total") == 40, process=p)
        wrong = self.metric("millrace_wrong_partition_total")
        self.assertTrue(5 < wrong < 35, wrong)
        self.assertEqual(p.log.count("belongs on another partition by murmur2"), 1)
        self.assertEqual(p.log.count("more than time.old"), 1)
        self.assertNotIn("u1", p.log.split("is ours")[-1])
        # One series for all partitions; gauges follow within a moment.
        harness.until("40 users", 10, lambda: self.metric("millrace_users") == 40, process=p)
        m = harness.metrics(self.address)
        self.assertFalse([name for name in m if "partition=" in name])

    def test_health_follows_the_servers(self):
        p = self.begin("health")
        self.healthy(p)
        self.servers.do("stop-redis")
        self.servers.produce("health.events", [(b"u", event("u", 1)), (b"v", event("v", 2)), (b"w", event("w", 3))])
        harness.until("the store is missed", 30, lambda: any("the store does not answer" in r for r in self.health()[1]),
                      process=p)
        self.assertEqual(self.health()[0], 503)
        self.assertGreater(self.metric("millrace_store_errors_total"), 0)
        self.servers.do("start-redis")
        self.healthy(p)
        harness.until("3 events", 30, lambda: self.metric("millrace_events_applied_total") == 3, process=p)
        self.servers.do("stop-kafka")
        harness.until("Kafka is missed", 30, lambda: self.health()[0] == 503, process=p)
        time.sleep(15)   # past the session time-out: still not well
        self.assertEqual(self.health()[0], 503)
        self.servers.do("start-kafka")
        self.healthy(p)
        # What was not committed when Kafka stopped is applied, and counted, once more.
        self.servers.produce("health.events", [(b"u", event("u", n)) for n in range(4, 14)])
        harness.until("10 more", 90, lambda: 13 <= self.metric("millrace_events_applied_total") <= 16, process=p)

    def test_a_port_in_use_ends_it_at_once(self):
        p = self.begin("first")
        harness.until("an answer", 60, lambda: self.health()[0] != 0, process=p)
        path = harness.write(os.path.join(self.scratch, "second.yaml"), self.config.replace("first", "second"))
        with harness.Process(MILLRACE, path, self.scratch, "second") as second:
            self.assertEqual(second.wait(20), 1)
            self.assertIn("serve.listen: %s: Address already in use: choose another port" % self.address, second.log)


if __name__ == "__main__":
    unittest.main()
