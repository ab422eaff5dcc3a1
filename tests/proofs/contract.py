#!/usr/bin/env python3
"""What goes out is what was promised: ids worked out anew, order, bytes, time, counting, forms of input.

    contract.py MILLRACE

Expectations come from the description of the messages and of the language, not from the program.
"""
import datetime
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest

import xxhash

millrace = sys.argv.pop(1)
HEAD = """app: shop
input: {events: {topic: events}}
output: {decisions: {topic: decisions, entry: write}}
"""
SEND = "then: [{send: {channel: c, template: t}}]"
BERLIN, AUCKLAND = {"timezone": "Europe/Berlin"}, {"timezone": "Pacific/Auckland"}


def identity(*parts):
    """XXH3-128 over the parts, each preceded by its length as u32 little-endian."""
    data = b"".join(struct.pack("<I", len(p)) + p for p in (str(x).encode() for x in parts))
    return xxhash.xxh3_128_hexdigest(data)


def at(text):
    """10:00:00 is on the first of March 2026, a Sunday."""
    return text if text[4:5] == "-" else "2026-03-01T" + text + "Z"


def ms(text):
    return round(datetime.datetime.fromisoformat(at(text).replace("Z", "+00:00")).timestamp() * 1000)


def event(time, name, user="u1", properties=None, **more):
    e = {"type": "track", "event": name, "userId": user, "timestamp": at(time), "properties": properties or {}}
    e.update(more)
    return e


def replay_bytes(config, data, emit="actions", until=None, partitions=1):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "contract.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(config)
        args = [millrace, "replay", "-c", path, "--emit", emit, "--partitions", str(partitions)]
        if until:
            args += ["--until", at(until) if until != "end" else until]
        run = subprocess.run(args + ["-"], input=data, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


def lines(events):
    return b"".join(json.dumps(e).encode() + b"\n" for e in events)


def replay(config, events, **options):
    return [json.loads(line) for line in replay_bytes(config, lines(events), **options).splitlines()]


def times(config, events, **options):
    """When actions were decided, without the day and the zone."""
    return [o["time"][11:-1] for o in replay(config, events, **options)]


def murmur2(data):
    """As Kafka's Java client has it."""
    m, h = 0x5bd1e995, 0x9747b28c ^ len(data)
    for i in range(0, len(data) // 4 * 4, 4):
        k = struct.unpack_from("<I", data, i)[0] * m & 0xffffffff
        k = (k ^ k >> 24) * m & 0xffffffff
        h = h * m & 0xffffffff ^ k
    rest = data[len(data) // 4 * 4:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & 0xffffffff
    h = (h ^ h >> 13) * m & 0xffffffff
    return (h ^ h >> 15) & 0x7fffffff


def msgpack(v):
    """The same map in msgpack, in forms that hold no line feed."""
    if isinstance(v, bool):
        return b"\xc3" if v else b"\xc2"
    if isinstance(v, (int, float)):
        return b"\xcb" + struct.pack(">d", v)
    if isinstance(v, str):
        b = v.encode()
        return (bytes([0xa0 | len(b)]) if len(b) < 32 else b"\xda" + struct.pack(">H", len(b))) + b
    if isinstance(v, list):
        return bytes([0x90 | len(v)]) + b"".join(map(msgpack, v))
    return bytes([0x80 | len(v)]) + b"".join(msgpack(k) + msgpack(x) for k, x in v.items())


JOURNEY = HEAD + """
rules:
  cart:
    on: Product Added
    for_each: event.properties.cart_id
    while_running: restart
    again_after: 1d
    cancel_on: {event: Order Completed, when: event.properties.cart_id == run.key}
    then:
      - wait: 30m
      - send: {as: nudge, channel: push, template: r, expires: 2h, data: {cart: run.key}}
      - wait_for: {event: Message Clicked, when: event.properties.action_id == nudge.id, within: 24h}
        then: [stop]
        else: [{send: {channel: email, template: c, data: {none: event.properties.nothing}}}]
"""


class Ids(unittest.TestCase):
    def test_runs_actions_and_decisions(self):
        first, refused, end = replay(JOURNEY, [event("10:00:00", "Product Added", properties={"cart_id": "c1"})],
                                     emit="actions,decisions", until="2026-03-05T00:00:00Z")
        run = identity("shop", "cart", "u1", "c1", "events", 0, 0)
        action, later = identity(run, "then[1]", 1), identity(run, "then[2].else[0]", 1)
        self.assertEqual((first["data"]["run"]["id"], first["id"], first["data"]["action_id"]), (run, action, action))
        self.assertEqual(refused["data"]["action_id"], later)
        self.assertEqual(refused["id"], identity("send", later, "email", "data_missing", 1))
        self.assertEqual(end["id"], identity("run", run, "", "completed", 1))
        self.assertEqual((first["time"], first["expirytime"]), (at("10:30:10.000"), at("12:30:10.000")))
        self.assertEqual(first["data"]["cause"], {
            "kind": "timer", "event": "Product Added", "time": at("10:00:00.000"), "topic": "events", "partition": 0,
            "offset": 0, "due_at": at("10:30:00.000")})

    def test_derived_events(self):
        config = HEAD + """
rules:
  a: {on: A, then: [{tag: {add: x, for: 1h}}, {tag: {add: y, for: 1h}}]}
  s: {on: [Tag Added, Tag Removed], then: [{send: {channel: c, template: t, data: {tag: event.properties.tag}}}]}
"""
        out = replay(config, [event("10:00:00", "A", "u1"), event("10:00:00", "A", "u2")], until="12:00:00")
        want = []
        for name, time in (("Tag Added", "10:00:00"), ("Tag Removed", "11:00:10")):
            for offset, user in enumerate(("u1", "u2")):
                for number in (1, 2):
                    want.append(identity("shop", "s", user, "", "events", 0, offset, name, ms(time), number))
        self.assertEqual([o["data"]["run"]["id"] for o in out], want)

    def test_sessions(self):
        config = HEAD + "session: {}\n"
        out = replay(config, [event("10:00:00", "A"), event("10:50:00", "A"), event("11:00:00", "A", "u2"),
                              event("10:25:00", "A")], emit="sessions", until="2026-03-02T00:00:00Z")
        first, second = identity("shop", "u1", "events/0/0"), identity("shop", "u1", "events/0/1")
        one = [o for o in out if o["subject"] == "u1"]
        self.assertEqual([(o["data"]["session_id"], o["data"]["revision"]) for o in one], [(first, 0), (first, 1)])
        self.assertEqual([o["id"] for o in one], [identity(first, 0), identity(first, 1)])
        self.assertEqual(one[1]["data"]["replaces"], [second])

    def test_the_gap_belongs_to_the_old_session(self):
        out = replay(HEAD + "session: {gap: 30m}\n", [event("10:00:00", "A"), event("10:30:00", "A"),
                                                     event("11:00:00.001", "A")], emit="sessions", until="13:00:00")
        self.assertEqual([o["data"]["events"] for o in out], [2, 1])
        self.assertEqual(out[0]["data"]["duration_ms"], 1800000)


class Order(unittest.TestCase):
    CONFIG = HEAD + """
session: {}
profile: {n: {count: A}}
rules:
  r: {on: A, for_each: event.properties.k, then: [{wait: 90s}, {send: {channel: c, template: t, data: {n: user.n}}}]}
  s: {on: [Session Started, Session Ended], then: [{send: {channel: d, template: t}}]}
"""

    @classmethod
    def setUpClass(cls):
        dice, now, cls.events = random.Random(5), ms("10:00:00"), []
        for _ in range(2000):
            now += dice.choice([0, 1, 500, 3000, 20000, 200000])
            time = datetime.datetime.fromtimestamp(now / 1000, datetime.timezone.utc)
            cls.events.append(event(time.isoformat(timespec="milliseconds").replace("+00:00", "Z"), dice.choice("AB"),
                                    "u%d" % dice.randrange(40), {"k": dice.randrange(3)}))
        cls.options = {"emit": "actions,decisions,sessions", "until": "2026-03-20T00:00:00Z"}
        cls.four = replay(cls.CONFIG, cls.events, partitions=4, **cls.options)

    def test_stream_time_then_partition_then_sequence(self):
        keys = [(o["time"], murmur2(o["subject"].encode()) % 4, o["sequence"]) for o in self.four]
        self.assertEqual(keys, sorted(keys))
        self.assertEqual(len(keys), len(set(keys)))
        self.assertEqual({len(o["sequence"]) for o in self.four}, {25})

    def test_users_lie_where_producers_put_them(self):
        for o in self.four:
            if "cause" in o["data"]:
                self.assertEqual(o["data"]["cause"]["partition"], murmur2(o["subject"].encode()) % 4)

    def test_ids_are_unique(self):
        self.assertEqual(len({o["id"] for o in self.four}), len(self.four))

    def test_the_same_bytes_twice(self):
        data = lines(self.events)
        self.assertEqual(replay_bytes(self.CONFIG, data, **self.options), replay_bytes(self.CONFIG, data, **self.options))

    def test_partitions_only_change_coordinates(self):
        def what(o):
            d = o["data"]
            return repr((o["type"], o["subject"], o["time"], d.get("reason"), d.get("data"), d.get("events")))
        one = replay(self.CONFIG, self.events, partitions=1, **self.options)
        self.assertEqual(sorted(map(what, one)), sorted(map(what, self.four)))


class Language(unittest.TestCase):
    def rule(self, text, more=""):
        return HEAD + more + "rules: {r: {on: A, " + text + "}}\n"

    def test_until_end_fires_what_is_due_up_to_the_last_event(self):
        config = self.rule("then: [{wait: 10s}, {send: {channel: c, template: t}}]")
        self.assertEqual(times(config, [event("10:00:00", "A"), event("10:00:10", "B")], until="end"), ["10:00:20.000"])
        self.assertEqual(times(config, [event("10:00:00", "A"), event("10:00:09.999", "B")], until="end"), [])
        self.assertEqual(times(config, [event("10:00:00", "A"), event("10:00:19.999", "B")]), [])

    def test_at_least_counts_in_event_time_and_firing_clears(self):
        config = self.rule("at_least: 3 within 10m, " + SEND)
        minutes = lambda *m: [event("12:%02d:%02d" % divmod(x, 60), "A") for x in m]
        self.assertEqual(times(config, minutes(0, 300, 600, 601, 602, 603)), ["12:10:00.000", "12:10:03.000"])
        self.assertEqual(times(config, minutes(0, 300, 601)), [])
        self.assertEqual(times(config, minutes(0, 300, 1200, 360)), ["12:20:00.000"])    # 0, 300 and 360

    def test_calendar_units_in_the_users_zone(self):
        day = self.rule("at_most: 1 per day, " + SEND)
        self.assertEqual(times(day, [event(t, "A", context=AUCKLAND) for t in ("09:00:00", "10:59:59.999", "11:00:00")]),
                         ["09:00:00.000", "11:00:00.000"])
        clocks_change = ["2026-03-28T22:59:00Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z"]
        self.assertEqual(times(day, [event(t, "A", context=BERLIN) for t in clocks_change]),
                         ["22:59:00.000", "23:00:00.000", "22:00:00.000"])
        week = self.rule("at_most: 1 per week, " + SEND)
        self.assertEqual(times(week, [event(t, "A") for t in ("10:00:00", "23:59:59", "2026-03-02T00:00:00Z")]),
                         ["10:00:00.000", "00:00:00.000"])
        month = self.rule("at_most: 1 per month, " + SEND, "time: {zone: America/New_York}\n")
        self.assertEqual(times(month, [event(t, "A") for t in ("04:59:59", "05:00:00", "2026-04-01T03:59:59Z")]),
                         ["04:59:59.000", "05:00:00.000"])

    def test_again_after_counts_from_the_previous_start_of_that_key(self):
        config = self.rule("for_each: event.properties.k, again_after: 1h, then: [{wait: 10m}, stop]")
        out = replay(config, [event("10:00:00", "A", properties={"k": 1}), event("10:30:00", "A", properties={"k": 2}),
                              event("10:59:59.999", "A", properties={"k": 1}), event("11:00:00", "A", properties={"k": 1}),
                              event("11:00:01", "A", properties={"k": None})], emit="decisions")
        entries = [o["data"] for o in out if o["data"]["kind"] == "entry"]
        self.assertEqual([(d["reason"], d.get("until")) for d in entries],
                         [("again_too_soon", at("11:00:00.000")), ("key_missing", None)])

    def test_late_triggers(self):
        out = replay(self.rule(SEND), [event("12:00:00", "B"), event("06:00:00", "A"), event("05:59:59.999", "A")],
                     emit="actions,decisions")
        self.assertEqual([o["data"].get("reason", "sent") for o in out], ["sent", "completed", "trigger_too_old"])

    def test_the_first_wait_counts_from_the_triggers_time(self):
        config = self.rule("then: [{wait: 30m}, {send: {channel: c, template: t}}, {wait: 30m}, {send: {channel: c, template: u}}]")
        self.assertEqual(times(config, [event("12:20:00", "B"), event("12:00:00", "A")], until="15:00:00"),
                         ["12:30:10.000", "13:00:20.000"])

    def test_cancelling_beats_answering_and_a_late_event_cancels(self):
        config = self.rule("cancel_on: {event: [X, Y]}, then: [{wait_for: {event: X, within: 1h}, then: [stop], else: [stop]}]")
        for late, reasons in (("12:10:00", ["cancelled"]), ("12:00:00", ["cancelled"]), ("11:59:59.999", [])):
            out = replay(config, [event("12:00:00", "A"), event("12:09:00", "B"), event(late, "X")], emit="decisions")
            self.assertEqual([o["data"]["reason"] for o in out], reasons, late)

    def test_what_is_missing_is_unknown_and_text_is_no_number(self):
        p = "event.properties."
        for when, fires in ((p + "s == 5", False), (p + "s != 5", False), (p + "n == 5", True), ("!(%sx == 1)" % p, False),
                            (p + "x == 1 || true", True), ("!(%sx == 1 && false)" % p, True), (p + "nil != 1", False),
                            ("has(%snil)" % p, False), (p + "x == %sy" % p, False), (p + "s > \"4\"", True)):
            config = self.rule("when: '" + when + "', " + SEND)
            out = replay(config, [event("10:00:00", "A", properties={"s": "5", "n": 5.0, "nil": None})])
            self.assertEqual(len(out), int(fires), when)

    def test_derived_events_have_a_depth_and_a_number_at_most(self):
        chain = "".join("  t%d: {on: Tag Added, when: event.properties.tag == \"x%d\", then: [{tag: {add: x%d}}, "
                        "{send: {channel: c, template: t}}]}\n" % (i, i, i + 1) for i in range(8))
        out = replay(HEAD + "rules:\n  a: {on: A, then: [{tag: {add: x0}}]}\n" + chain, [event("10:00:00", "A")])
        self.assertEqual(len(out), 4)
        tags = ", ".join("{tag: {add: y%d}}" % i for i in range(20))
        out = replay(HEAD + "rules:\n  a: {on: A, then: [" + tags + "]}\n  b: {on: Tag Added, " + SEND + "}\n",
                     [event("10:00:00", "A")])
        self.assertEqual(len(out), 16)

    def test_stages_change_at_exactly_their_time(self):
        config = HEAD + "lifecycle: {dormant: 60d, churned: 120d}\nrules: {r: {on: B, then: [{send: {channel: c, " \
            "template: t, data: {stage: user.stage}}}]}}\n"
        looks = ["2026-03-02T09:59:59.999Z", "2026-03-02T10:00:00Z", "2026-05-01T09:59:59.999Z", "2026-05-01T10:00:00Z"]
        out = replay(config, [event("2026-01-01T10:00:00Z", "Order Completed")] + [event(t, "B") for t in looks])
        self.assertEqual([o["data"]["data"]["stage"] for o in out], ["new", "dormant", "dormant", "churned"])

    def test_clock_skew(self):
        e = event("10:00:00", "A", receivedAt=at("10:00:10"), sentAt=at("12:00:05"), originalTimestamp=at("11:59:00"))
        self.assertEqual(times(self.rule(SEND), [e]), ["09:59:05.000"])

    def test_repeats_are_dropped_within_a_window(self):
        config = self.rule(SEND, "dedup: {keep: 3}\n")
        out = replay(config, [event("10:00:00", "A", messageId=m) for m in "aabcadab"])
        self.assertEqual([o["data"]["cause"]["message_id"] for o in out], list("abcdab"))


class Forms(unittest.TestCase):
    CONFIG = HEAD + "session: {}\nrules: {r: {on: A, then: [{send: {channel: c, template: t, data: {x: event.properties.x}}}]}}\n"

    def test_msgpack_and_framed_input_give_what_json_gives(self):
        events = [event("10:00:0%d" % i, "A", properties={"x": x, "l": [1.5, {"k": "v"}]}, anonymousId="a")
                  for i, x in enumerate([1, -2.5, "é\"", True, 1e300])]
        packed = [msgpack(e) for e in events]
        self.assertFalse(any(b"\n" in p for p in packed))
        frame = b"\x00\x00\x00\x00\x07"
        options = {"emit": "actions,sessions", "until": "12:00:00"}
        want = replay_bytes(self.CONFIG, lines(events), **options)
        self.assertEqual(len(want.splitlines()), 6)
        for before in (b"", frame):
            self.assertEqual(replay_bytes(self.CONFIG, b"".join(before + p + b"\n" for p in packed), **options), want)
            self.assertEqual(replay_bytes(self.CONFIG, b"".join(before + json.dumps(e).encode() + b"\n" for e in events),
                                          **options), want)

    def test_bad_records(self):
        good = b'{"type":"track","event":"A","userId":"u","timestamp":"2026-03-01T10:00:00Z"'
        for record, reason, position in (
                (b'{"type":"track"', "malformed_json", 15), (good + b"} x", "malformed_json", len(good) + 2),
                (b"[1]", "not_an_event", 0), (good.replace(b"track", b"nope") + b"}", "not_an_event", 8),
                (b'{"type":"track","event":"A"}', "no_user", 0), (good.replace(b'"u"', b"5") + b"}", "bad_type", 37),
                (good.replace(b"2026", b"soon") + b"}", "bad_time", 53), (good.replace(b"2026", b"1969") + b"}", "bad_time", 53),
                (good.replace(b'"A"', b'"\xff"') + b"}", "bad_utf8", 25),
                (good + b',"properties":' + b"[" * 40 + b"]" * 40 + b"}", "too_deep", None),
                (good + b',"properties":{"x":"' + b"a" * 70000 + b'"}}', "too_large", None),
                (b"\x81\xa4type", "malformed_msgpack", 6), (b"\xf5abc", "unknown_encoding", 0)):
            (letter,) = [json.loads(o) for o in replay_bytes(self.CONFIG, record + b"\n", emit="dead_letters,actions").splitlines()]
            self.assertEqual((letter["type"], letter["data"]["reason"]), ("millrace.dead_letter.v1", reason), record[:80])
            if position is not None:
                self.assertEqual(letter["data"]["position"], position, record[:80])
            self.assertEqual(letter["time"], "1970-01-01T00:00:00.000Z")   # no event has come yet


if __name__ == "__main__":
    unittest.main()
