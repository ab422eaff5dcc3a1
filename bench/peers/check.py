"""Whether two engines did the same: their sessions and actions as plain tuples, compared.

Late data may differ. A peer drops an event that comes after its session is closed; Millrace publishes the
session anew, with a higher revision, and what counts as late depends on how far the partitions are apart in
Flink, which has one watermark for all. So a difference is explained where a late event of that user lies
within the session (or a gap beside it), or concerns that cart; everything else is an error.
"""
import collections
import datetime
import json

Late = collections.namedtuple("Late", "user ms cart")


def ms_of(text):
    t = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    return int(t.timestamp()) * 1000 + t.microsecond // 1000


def event_ms(event):
    if "sentAt" in event:
        return ms_of(event["receivedAt"]) - ms_of(event["sentAt"]) + ms_of(event["originalTimestamp"])
    return ms_of(event["timestamp"])


class Input:
    """What has to be known of the input: how far its time goes in each partition, and what came late."""

    def __init__(self, records, grace_ms):
        clocks, self.late = {}, []
        for r in records:                         # by partition and offset
            event = json.loads(r.value)
            ms = event_ms(event)
            clocks[r.partition] = max(clocks.get(r.partition, 0), ms)
            if ms < clocks[r.partition] - grace_ms:
                self.late.append(Late(r.key.decode(), ms, event.get("properties", {}).get("cart_id")))
        self.end_ms = min(clocks.values())


def action_of_millrace(value):
    a = json.loads(value)
    at, data = ms_of(a["cause"]["time"]), a["data"]
    return (a["template"], a["user"]["id"], at, data["cart"]) if "cart" in data else (
        a["template"], a["user"]["id"], at, data["views"], round(data["spend"], 6))


def action_of_peer(value):
    a = json.loads(value)
    return (a["template"], a["user"], a["at"], a["cart"]) if "cart" in a else (
        a["template"], a["user"], a["at"], a["views"], round(a["spend"], 6))


def of_millrace(sessions, actions):
    """(sessions, actions): the last revision of each session that no other replaced."""
    last, gone = {}, set()
    for r in sessions:
        s = json.loads(r.value)
        gone.update(s.get("replaces", []))
        if s["session_id"] not in last or s["revision"] >= last[s["session_id"]]["revision"]:
            last[s["session_id"]] = s
    kept = [(s["user"]["id"], ms_of(s["started_at"]), ms_of(s["ended_at"]), s["events"], s["orders"],
             sum(round(m["amount"] * 1e6) for m in s.get("revenue", []))) for i, s in last.items() if i not in gone]
    return kept, [action_of_millrace(r.value) for r in actions]


def of_peer(sessions, actions):
    return [tuple(json.loads(r.value).values()) for r in sessions], [action_of_peer(r.value) for r in actions]


def compare(ours, theirs, given, times, expected=("session", "action"), margin_ms=600_000):
    """(how many both have, how many differ for late data); AssertionError where others differ. What is due
    near the end of the input is left out: no event comes to move time on."""
    until = given.end_ms - times["grace"] - margin_ms
    late = collections.defaultdict(list)
    for event in given.late:
        late[event.user].append(event)

    def due(x):
        if isinstance(x[0], str) and x[0] == "order":
            return x[2]
        return x[2] + (30 * 60_000 if x[0] == "cart-reminder" else times["gap"])

    def explained(x):
        if x[0] == "order":
            return False
        if x[0] == "cart-reminder":
            return any(e.cart == x[3] for e in late[x[1]])
        return any(x[1] - times["gap"] <= e.ms <= x[2] + times["gap"] for e in late[x[0]])

    same = differ = 0
    for what, a, b in zip(("session", "action"), ours, theirs):
        a, b = (collections.Counter(x for x in side if due(x) <= until) for side in (a, b))
        same += sum((a & b).values())
        odd = list((a - b).elements()) + list((b - a).elements())
        errors = [x for x in odd if not explained(x)]
        assert not errors, "%d of %d %ss differ without a late event, such as %s; ours %s, theirs %s" % (
            len(errors), sum(a.values()), what, errors[0],
            [x for x in a if x[:2] == errors[0][:2]][:3], [x for x in b if x[:2] == errors[0][:2]][:3])
        assert a & b or what not in expected, "no %s at all" % what
        differ += len(odd)
    return same, differ
