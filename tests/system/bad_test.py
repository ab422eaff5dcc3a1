"""What goes wrong in the world: bad records become dead letters, bad servers a clear error; nothing is
lost and nothing hangs. argv: the repository, the binary."""
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402

from confluent_kafka.admin import AdminClient  # noqa: E402

ROOT, MILLRACE = sys.argv.pop(1), sys.argv.pop(1)

CONFIG = """
app: {app}
kafka: {kafka}
redis: "{redis}"
input: {{events: {{topic: {app}.events}}}}
output: {{actions: "{app}.{{channel}}", decisions: {app}.decisions, sessions: {app}.sessions, dead_letters: {app}.dead}}
time: {{ticks: off, grace: 0s}}
serve: {{listen: "off"}}
session: {{gap: 30m}}
rules:
  every-order:
    on: Order Completed
    when: event.properties.revenue >= 0
    then: [{{send: {{channel: email, template: thanks, data: {{revenue: event.properties.revenue}}}}}}]
"""
GOOD = {"type": "track", "event": "Order Completed", "userId": "u1", "timestamp": "2025-03-01T10:00:00Z",
        "properties": {"revenue": 5}}


def good(number, user="u1"):
    return json.dumps({**GOOD, "messageId": "m%d" % number, "userId": user}).encode()


class Case(unittest.TestCase):
    options = ("--kafka", "--redis")

    @classmethod
    def setUpClass(cls):
        cls.servers = cls.enterClassContext(harness.Servers(ROOT, *cls.options))
        cls.scratch = cls.enterClassContext(tempfile.TemporaryDirectory())

    def topics(self, app, partitions=1, but=()):
        self.app = app
        for name in ("events", "journal", "email", "decisions", "sessions", "dead"):
            if name not in but:
                self.servers.topic("%s.%s" % (app, name), partitions)

    def config(self, kafka=None, redis="memory:"):
        kafka = kafka or '{bootstrap.servers: "%s"}' % self.servers.brokers
        return harness.write(os.path.join(self.scratch, self.app + ".yaml"),
                             CONFIG.format(app=self.app, kafka=kafka, redis=redis))

    def run_it(self, **kw):
        return harness.Process(MILLRACE, self.config(**kw), self.scratch, self.app)

    def produce(self, *values, key=b"u1"):
        self.servers.produce(self.app + ".events", [(key, v) for v in values])

    def has(self, process, topic, n, seconds=40):
        topic = "%s.%s" % (self.app, topic)
        ends = self.servers.watch_ends([topic])
        harness.until("%d records in %s" % (n, topic), seconds,
                      lambda: ends() >= n and self.servers.count(topic) == n, process=process)

    def stops(self, process):
        code, seconds = process.stop()
        self.assertEqual(code, 0, process.log)
        self.assertLess(seconds, 5)


class Records(Case):
    BAD = [
        (b'{"type": "track", ', "malformed_json"),
        (b'{"type": "track", "event": "Order Completed", "userId": "u1"} trailing', "malformed_json"),
        (b"\x83\xa4type", "malformed_msgpack"),
        (b'["an", "array"]', "not_an_event"),
        (b'{"type": "track", "event": "Order Completed", "userId": "\xff\xfe"}', "bad_utf8"),
        (b'{"type": "track", "event": "Order Completed"}', "no_user"),
        (b'{"type": "dance", "event": "Order Completed", "userId": "u1"}', "not_an_event"),
        (b'{"type": 7, "event": "Order Completed", "userId": "u1"}', "bad_type"),
        (b'{"type": "track", "event": "Order Completed", "userId": "u1", "timestamp": "yesterday"}', "bad_time"),
        (b'{"type": "track", "event": "Order Completed", "userId": "u1", "properties": '
         + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}", "too_deep"),
        (b'{"type": "track", "event": "Order Completed", "userId": "u1", "properties": {"x": "'
         + b"x" * 100000 + b'"}}', "too_large"),
    ]

    def test_each_bad_record_is_a_dead_letter_with_its_place(self):
        self.topics("bad")
        values = []
        for i, (bad, _) in enumerate(self.BAD):
            values += [good(i), bad]
        self.produce(*values)
        with self.run_it() as p:
            self.has(p, "email", len(self.BAD))
            self.has(p, "dead", len(self.BAD))
            self.stops(p)
        letters = [json.loads(r.value) for r in self.servers.read("bad.dead")]
        for i, (bad, reason) in enumerate(self.BAD):
            letter = letters[i]
            self.assertEqual(letter["reason"], reason, (bad[:60], letter))
            self.assertEqual((letter["topic"], letter["partition"], letter["offset"]), ("bad.events", 0, 2 * i + 1))
            self.assertTrue(bad.startswith(base64.b64decode(letter["record_base64"])[:100]))
            self.assertEqual(base64.b64decode(letter["key_base64"]), b"u1")
            self.assertLessEqual(len(letter["record_base64"]), 65536 * 4 // 3 + 4)
            self.assertTrue(0 <= letter["position"] <= len(bad), letter)

    def test_a_record_of_the_maximum_size_is_a_dead_letter(self):
        """A topic takes records of 4 MB, the dead letters' only 1 MB. Records come that are bad and as large
        as can be, in each of their parts: value, key, a header that is handed on. Each must become a dead
        letter that fits, cut; what can't be sent would stop its partition for ever."""
        self.topics("huge", but=("events",))
        self.servers.topic("huge.events", 1, max_message_bytes="4000000")
        n, bad = 3_900_000, b'{"type": "track"}'
        trace = [("traceparent", b"0" * n)]
        self.servers.produce("huge.events", [(b"u1", good(1)), (b"u1", b"{" * n), (b"k" * n, bad), (b"u1", bad, {"headers": trace}),
                                             (b"k" * n, good(2)), (b"u1", good(3), {"headers": trace})],
                             **{"message.max.bytes": 4_000_000})
        with self.run_it() as p:
            self.has(p, "email", 3)
            self.has(p, "dead", 3)
            self.assertNotIn("producer lost", p.log)
            self.stops(p)
        value, key, header = (json.loads(r.value) for r in self.servers.read("huge.dead"))
        self.assertEqual([x["reason"] for x in (value, key, header)], ["too_large", "no_user", "no_user"])
        self.assertEqual([x["truncated"] for x in (value, key, header)], [True, True, False])

    def test_absurd_times_harm_nobody(self):
        self.topics("absurd")
        times = ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2125-01-01T00:00:00Z", "1969-12-31T23:59:59Z"]
        values = [json.dumps({**GOOD, "userId": "x%d" % i, "messageId": "t%d" % i, "timestamp": t}).encode()
                  for i, t in enumerate(times)]
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.produce(*values, json.dumps({**GOOD, "userId": "u2", "messageId": "now", "timestamp": now}).encode())
        with self.run_it() as p:
            harness.until("the good one is through", 40,
                          lambda: b"u2" in [r.key for r in self.servers.read("absurd.email")], process=p)
            self.stops(p)
        # Nobody's clock went beyond now + time.ahead, and what is no time at all is a dead letter.
        for r in self.servers.read("absurd.email"):
            self.assertLess(json.loads(r.value)["decided_at"],
                            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 120)))
        for r in self.servers.read("absurd.dead"):
            self.assertEqual(json.loads(r.value)["reason"], "bad_time")

    def test_values_of_another_type_are_absent_not_fatal(self):
        self.topics("types")
        wrong = [{"revenue": "5"}, {"revenue": None}, {"revenue": [1]}, {}, {"revenue": {"a": 1}}]
        self.produce(*[json.dumps({**GOOD, "messageId": "w%d" % i, "properties": p}).encode() for i, p in enumerate(wrong)],
                     good(99))
        with self.run_it() as p:
            self.has(p, "email", 1)
            self.stops(p)
        self.assertEqual(self.servers.count("types.dead"), 0)


class Servers(Case):
    def ends_with(self, process, code, *texts, seconds=40):
        self.assertEqual(process.wait(seconds), code, process.log)
        for text in texts:
            self.assertIn(text, process.log)

    def test_a_missing_topic_is_named(self):
        self.topics("missing", but=("email",))
        with self.run_it() as p:
            self.ends_with(p, 1, "missing.email")

    def test_missing_topics_are_made_where_that_is_said_but_not_the_events(self):
        names = ("events", "journal", "email", "decisions", "sessions", "dead")
        self.topics("made", but=names)
        path, admin = self.config(), AdminClient({"bootstrap.servers": self.servers.brokers})
        with open(path, "a", encoding="utf-8") as f:
            f.write("delivery: {create_topics: true}\n")
        with harness.Process(MILLRACE, path, self.scratch, "made") as p:
            self.ends_with(p, 1, "made.events")
        self.servers.topic("made.events", 3)
        self.produce(good(1))

        def made():
            return {name: len(t.partitions) for name, t in admin.list_topics(timeout=10).topics.items()
                    if name.startswith("made.")}
        with harness.Process(MILLRACE, path, self.scratch, "made") as p:
            harness.until("all are there", 30, process=p, ask=lambda: made() == {
                **{"made." + name: 3 for name in names}, "made.config": 1})
            self.has(p, "email", 1)
            self.stops(p)

    def test_unequal_partitions_are_refused(self):
        self.topics("unequal", partitions=2, but=("email",))
        self.servers.topic("unequal.email", 3)
        with self.run_it() as p:
            self.ends_with(p, 1, "unequal.email", "3")

    def test_a_compacted_journal_is_refused(self):
        self.topics("compacted", but=("journal",))
        self.servers.topic("compacted.journal", 1, cleanup_policy="compact")
        with self.run_it() as p:
            self.ends_with(p, 1, "compacted.journal", "compact")

    def test_no_broker_is_said(self):
        self.app = "nobroker"
        with self.run_it(kafka='{bootstrap.servers: "127.0.0.1:1"}') as p:
            harness.until("the address is in the log", 30, lambda: "127.0.0.1:1" in p.log)
            if p.p.poll() is None:
                p.stop(10)

    def test_redis_down_at_start(self):
        self.topics("redisdown")
        self.servers.do("stop-redis")
        try:
            self.produce(good(1), good(2))
            with self.run_it(redis=self.servers.env["REDIS_URL"]) as p:
                harness.until("it is said", 30, lambda: "redis" in p.log.lower(), process=p)
                time.sleep(2)
                self.assertEqual(self.servers.count("redisdown.email"), 0)
                self.servers.do("start-redis")
                self.has(p, "email", 2)
                self.stops(p)
        finally:
            if not os.path.exists(os.path.join(self.servers.dir, "redis.pid")):
                self.servers.do("start-redis")

    def test_redis_dies_and_comes_back(self):
        self.topics("redisdies")
        with self.run_it(redis=self.servers.env["REDIS_URL"]) as p:
            self.produce(good(1))
            self.has(p, "email", 1)
            self.servers.do("kill-redis")
            self.produce(good(2), good(3))
            time.sleep(3)
            self.servers.do("start-redis")   # empty: all of it is rebuilt from Kafka
            self.produce(good(4))
            self.has(p, "email", 4)
            self.stops(p)

    def test_a_deleted_output_topic_is_named_and_nothing_is_lost(self):
        self.topics("deleted")
        with self.run_it() as p:
            self.produce(good(1))
            self.has(p, "email", 1)
            self.servers.delete_topic("deleted.email")
            time.sleep(1)
            self.produce(good(2), good(3))
            harness.until("it is said", 60, lambda: "deleted.email" in p.log)
            self.servers.topic("deleted.email", 1)
            if p.p.poll() is None:
                self.has(p, "email", 2, seconds=90)
                self.stops(p)
                return
        with self.run_it() as p:
            self.has(p, "email", 2, seconds=60)
            self.stops(p)

    def test_a_deleted_input_topic_is_said(self):
        self.topics("gone")
        with self.run_it() as p:
            self.produce(good(1))
            self.has(p, "email", 1)
            self.servers.delete_topic("gone.events")
            harness.until("it is said", 60, lambda: "gone.events" in p.log)
            if p.p.poll() is None:
                p.stop(10)


    def made_anew(self, app, values):
        """Five inputs, all in the store; then the topic is deleted and made again, with other records."""
        self.topics(app)
        with self.run_it(redis=self.servers.env["REDIS_URL"]) as p:
            self.produce(*[good(i) for i in range(5)])
            self.has(p, "email", 5)
            self.stops(p)
        self.servers.delete_topic(app + ".events")
        time.sleep(1)
        self.servers.topic(app + ".events", 1)
        self.produce(*values)

    def test_an_input_topic_that_was_made_anew_is_said(self):
        # The journal's position lies beyond the end of what is now under that name.
        self.made_anew("anew", [good(100), good(101)])
        with self.run_it(redis=self.servers.env["REDIS_URL"]) as p:
            harness.until("it is said", 60, lambda: "anew.events" in p.log and "created anew" in p.log, process=p)
            self.assertEqual(self.servers.count("anew.email"), 5)
            p.stop(10)


class Password(Case):
    options = ("--kafka", "--redis", "--requirepass", "right-one")

    def test_a_wrong_password_is_said_and_not_shown(self):
        self.topics("wrongpass")
        address = self.servers.env["REDIS_URL"].split("//")[1]
        for url in ("redis://:not-this-one@" + address, "redis://" + address):
            with self.run_it(redis=url) as p:
                harness.until("it is said", 30, lambda: "password" in p.log.lower() or "auth" in p.log.lower())
                self.assertNotIn("not-this-one", p.log)
                if p.p.poll() is None:
                    p.stop(10)
        with self.run_it(redis="redis://:right-one@" + address) as p:
            self.produce(good(1))
            self.has(p, "email", 1)
            self.stops(p)


class Permissions(Case):
    options = ("--kafka", "--acl")

    def allow(self, user, operations, *what):
        flags = [x for o in operations for x in ("--operation", o)]
        self.servers.do("acl", "--add", "--allow-principal", "User:" + user, *flags, *what)

    def test_a_refused_write_pauses_says_so_and_goes_on_when_granted(self):
        """Two orders lead to actions on a topic that may not be written to: their transaction is aborted, and
        they wait with their partition, which is said by name. The permission is granted while it runs.
        They are published, in order and once, and so is what came after."""
        self.topics("denied")
        inputs = ["--topic", "denied.events"]
        outputs = [x for t in ("decisions", "sessions", "dead") for x in ("--topic", "denied." + t)]
        self.allow("alice", ["Read", "Describe", "DescribeConfigs"], *inputs)
        self.allow("alice", ["Read", "Write", "Describe", "DescribeConfigs"], "--topic", "denied.journal")
        self.allow("alice", ["Write", "Describe", "DescribeConfigs"], *outputs)
        self.allow("alice", ["Describe", "DescribeConfigs"], "--topic", "denied.email")
        self.allow("alice", ["Read", "Describe"], "--group", "denied")
        self.allow("alice", ["Write", "Describe"], "--transactional-id", "denied", "--resource-pattern-type", "prefixed")
        kafka = ('{bootstrap.servers: "%s", security.protocol: sasl_plaintext, sasl.mechanism: PLAIN, '
                 'sasl.username: alice, sasl.password: alice-secret}' % self.servers.env["KAFKA_SASL_BROKERS"])
        self.produce(good(1), good(2))
        with self.run_it(kafka=kafka) as p:
            harness.until("topic and permission are named", 60,
                          lambda: any("denied.email" in line and "write" in line.lower() for line in p.log.splitlines()),
                          process=p)
            self.assertNotIn("alice-secret", p.log)
            time.sleep(3)
            self.assertEqual(self.servers.count("denied.email"), 0)
            self.assertIsNone(p.p.poll(), p.log)
            self.allow("alice", ["Write"], "--topic", "denied.email")
            self.has(p, "email", 2, seconds=60)
            self.produce(good(3))
            self.has(p, "email", 3)
            self.stops(p)
        records = self.servers.read("denied.email")
        self.assertEqual(len({dict(r.headers)["ce_id"] for r in records}), 3)
        self.assertEqual([dict(r.headers)["ce_sequence"] for r in records], sorted(dict(r.headers)["ce_sequence"] for r in records))

    def test_no_permission_at_all_is_said(self):
        self.topics("stranger")
        kafka = ('{bootstrap.servers: "%s", security.protocol: sasl_plaintext, sasl.mechanism: PLAIN, '
                 'sasl.username: bob, sasl.password: bob-secret}' % self.servers.env["KAFKA_SASL_BROKERS"])
        with self.run_it(kafka=kafka) as p:
            harness.until("it is said", 60, lambda: "stranger.events" in p.log or "grant" in p.log)
            self.assertNotIn("bob-secret", p.log)
            if p.p.poll() is None:
                p.stop(10)


class Commands(unittest.TestCase):
    def test_a_config_that_is_not_there(self):
        r = subprocess.run([MILLRACE, "run", "-c", "/nonexistent.yaml"], capture_output=True, text=True, timeout=20, check=False)
        self.assertIn(r.returncode, (2, 78))
        self.assertIn("/nonexistent.yaml", r.stderr)


if __name__ == "__main__":
    unittest.main()
