"""What was committed against what the journal says, and against itself."""
import collections
import json
import subprocess

from world import harness


def ordered(records):
    """Places where a partition's messages are not in the order in which they were decided: one that
    came twice, or out of turn."""
    last, wrong = {}, []
    for r in records:
        sequence, place = dict(r.headers)["ce_sequence"], (r.topic, r.partition)
        if sequence <= last.get(place, b""):
            wrong.append("%s/%d at %d: %s after %s" % (*place, r.offset, sequence.decode(), last[place].decode()))
        last[place] = sequence
    return wrong


def twice(records):
    ids = collections.Counter(dict(r.headers)["ce_id"] for r in records)
    return [i.decode() for i, n in ids.items() if n > 1]


def by_journal(millrace, config, topic):
    """What a replay of the topic by the journal says must have been committed: harness.of_line of each."""
    r = subprocess.run([millrace, "replay", "-c", config, "--topic", topic, "--journal", "--emit",
                        "actions,decisions,sessions,dead_letters"], capture_output=True, check=False)
    if r.returncode:
        raise AssertionError("replay: %s" % r.stderr.decode()[-2000:])
    return [harness.of_line(line) for line in r.stdout.splitlines()]


def described(record):
    key, headers, value = record
    h = dict(headers)
    return "%s %s %s %s" % (h.get("ce_type", b"").decode(), key.decode(), h.get("ce_sequence", b"").decode(),
                            json.loads(value).get("data", ""))


def everything(millrace, config, events, servers, outputs):
    """(list of what is wrong, number of messages)."""
    records = servers.read(*outputs)
    expected = collections.Counter(by_journal(millrace, config, events))
    found = collections.Counter(harness.of_record(r) for r in records)
    wrong = ["twice: %s" % x for x in twice(records)[:5]]
    wrong += ["order: %s" % x for x in ordered(records)[:5]]
    wrong += ["missing: %s" % described(x) for x in list((expected - found))[:5]]
    wrong += ["too much: %s" % described(x) for x in list((found - expected))[:5]]
    return wrong, len(records)
