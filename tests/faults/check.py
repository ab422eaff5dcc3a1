"""What was committed against what the journal says, and against itself."""
import collections
import hashlib
import json
import subprocess
import tempfile

from world import harness


def digest(message):
    """A long run has millions of them: only this is kept of each."""
    return hashlib.blake2b(repr(message).encode(), digest_size=16).digest()


def by_journal(millrace, config, topic):
    """What a replay of the topic by the journal says must have been committed: harness.of_line of each."""
    with tempfile.TemporaryFile() as errors, \
         subprocess.Popen([millrace, "replay", "-c", config, "--topic", topic, "--journal", "--emit",
                           "actions,decisions,sessions,dead_letters"], stdout=subprocess.PIPE, stderr=errors) as p:
        for line in p.stdout:
            yield harness.of_line(line.rstrip(b"\n"))
        if p.wait():
            errors.seek(0)
            raise AssertionError("replay: %s" % errors.read().decode()[-2000:])


def described(message):
    key, headers, value = message
    h = dict(headers)
    return "%s %s %s %s" % (h.get("ce_type", b"").decode(), key.decode(), h.get("ce_sequence", b"").decode(),
                            json.loads(value).get("data", ""))


def some(name, messages, digests):
    """The first few of the messages that are among these."""
    found = (described(m) for m in messages if digest(m) in digests) if digests else iter(())
    return ["%s: %s" % (name, text) for _, text in zip(range(5), found)]


def everything(millrace, config, events, servers, outputs):
    """(list of what is wrong, number of messages)."""
    expected = collections.Counter(digest(m) for m in by_journal(millrace, config, events))
    found, ids, last, twice, order = collections.Counter(), set(), {}, [], []
    for r in servers.each(*outputs):
        found[digest(harness.of_record(r))] += 1
        h, place = dict(r.headers), (r.topic, r.partition)
        if h["ce_id"] in ids:
            twice.append(h["ce_id"].decode())
        ids.add(h["ce_id"])
        # In the order in which they were decided: none that came twice, or out of turn.
        if h["ce_sequence"] <= last.get(place, b""):
            order.append("%s/%d at %d: %s after %s" % (*place, r.offset, h["ce_sequence"].decode(), last[place].decode()))
        last[place] = h["ce_sequence"]
    wrong = ["twice: %s" % x for x in twice[:5]] + ["order: %s" % x for x in order[:5]]
    wrong += some("missing", by_journal(millrace, config, events), expected - found)
    wrong += some("too much", (harness.of_record(r) for r in servers.each(*outputs)), found - expected)
    return wrong, found.total()


def uncommitted(servers, topic):
    """What a read_uncommitted subscriber sees: (messages that came again under their id, ids never committed)."""
    stable = {dict(r.headers)["ce_id"] for r in servers.each(topic)}
    seen = collections.Counter(dict(r.headers)["ce_id"] for r in servers.each(topic, committed=False))
    return seen.total() - len(seen), len(seen.keys() - stable)
