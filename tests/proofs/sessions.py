#!/usr/bin/env python3
"""Sessions of real click events are those of the file, in whatever order they arrive.

    sessions.py MILLRACE SOURCE_ROOT

ecom_sessions.csv.gz names the session of each event. `millrace replay` sees only users and times.
"""
import collections
import json
import os
import subprocess
import sys
import tempfile
import unittest

CONFIG = """
app: proof
input: {events: {topic: events}}
time: {grace: 10s}
session: {gap: 30m}
"""


class Sessions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = os.path.join(root, "../shared/data/ecom_sessions.csv.gz")
        if not os.path.exists(cls.data):
            if os.environ.get("MILLRACE_REQUIRE_SHARED") == "1":
                raise AssertionError(cls.data + " is not there")
            raise unittest.SkipTest(cls.data + " is not there")
        cls.folder = tempfile.TemporaryDirectory()
        cls.config = os.path.join(cls.folder.name, "proof.yaml")
        with open(cls.config, "w") as f:
            f.write(CONFIG)
        cls.events = cls.convert()
        cls.output = cls.replay(cls.events)
        cls.sessions = [json.loads(line)["data"] for line in cls.output.splitlines()]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def convert(cls, *options):
        return subprocess.run([sys.executable, os.path.join(root, "tests/data/convert.py"), "ecom", cls.data, *options],
                              stdout=subprocess.PIPE, check=True).stdout

    @classmethod
    def replay(cls, events, *options):
        return subprocess.run([millrace, "replay", "-c", cls.config, "--emit", "sessions", "--until",
                               "2100-01-01T00:00:00Z", *options, "-"],
                              input=events, stdout=subprocess.PIPE, check=True).stdout

    def without_ids(self, sessions):
        """What must not depend on the order of arrival. Of several events at the first or the last
        millisecond, any may be entry or exit."""
        at = collections.Counter()
        for line in self.events.splitlines():
            event = json.loads(line)
            at[event["userId"], event["timestamp"]] += 1
        result = []
        for s in sessions:
            s = {k: v for k, v in s.items() if k != "session_id"}
            if at[s["user"]["id"], s["started_at"]] > 1:
                del s["entry"]
            if at[s["user"]["id"], s["ended_at"]] > 1:
                del s["exit"]
            result.append(json.dumps(s, sort_keys=True))
        return sorted(result)

    def test_each_session_has_the_events_of_the_files_session(self):
        named, of_user = collections.defaultdict(set), collections.defaultdict(list)
        for line in self.events.splitlines():
            e = json.loads(line)
            named[e["properties"]["session_id"]].add(e["messageId"])
            of_user[e["userId"]].append((e["timestamp"], e["messageId"]))
        found = []
        for s in self.sessions:
            ids = frozenset(m for t, m in of_user[s["user"]["id"]] if s["started_at"] <= t <= s["ended_at"])
            self.assertEqual(len(ids), s["events"])
            self.assertEqual((s["revision"], s["closed_by"], s["late_events"]), (0, "gap", 0))
            found.append(ids)
        self.assertEqual(len(found), 3605)
        self.assertEqual(set(found), {frozenset(ids) for ids in named.values()})

    def test_the_same_input_gives_the_same_bytes(self):
        self.assertEqual(self.replay(self.events), self.output)

    def test_order_within_the_grace_changes_nothing(self):
        for seed in ("1", "2", "3"):
            shuffled = self.convert("--shuffle-ms", "10000", "--seed", seed)
            self.assertNotEqual(shuffled, self.events)
            sessions = [json.loads(line)["data"] for line in self.replay(shuffled).splitlines()]
            self.assertEqual(self.without_ids(sessions), self.without_ids(self.sessions))

    def test_partitions_change_nothing_but_ids(self):
        sessions = [json.loads(line)["data"] for line in self.replay(self.events, "--partitions", "4").splitlines()]
        strip = lambda s: json.dumps({k: v for k, v in s.items() if k != "session_id"}, sort_keys=True)
        self.assertEqual(sorted(map(strip, sessions)), sorted(map(strip, self.sessions)))

    def test_ids_are_unique_and_the_messages_own(self):
        lines = [json.loads(line) for line in self.output.splitlines()]
        self.assertEqual(len({e["id"] for e in lines}), 3605)
        self.assertEqual(len({e["data"]["session_id"] for e in lines}), 3605)
        self.assertEqual({e["type"] for e in lines}, {"millrace.session.v1"})
        for e in lines:
            self.assertEqual((e["subject"], e["time"]), (e["data"]["user"]["id"], e["data"]["closed_at"]))


if __name__ == "__main__":
    millrace, root = sys.argv[1:3]
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
