"""An engine under an open-loop load: how long from an order to its action, and how soon it goes on after a kill.

The load is a process, and so is each subscriber, so that they don't wait for one another. Latency counts from
the time at which the order was to be sent. As a program: the subscriber.

    live.py BROKERS TOPIC LEVEL           one line a record: monotonic time, value in hex
    live.py BROKERS TOPIC load RATE N     NDJSON from standard input to the topic, after the first N at a rate; one
                                          line an order: time, user, ms
"""
import json
import os
import re
import subprocess
import sys
import time

from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition

if __name__ == "__main__":
    sys.path[0:1] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
    import suite as _  # noqa: F401  # the harness's folder
import harness  # noqa: E402
from peers import check  # noqa: E402

KEY = re.compile(rb'"userId":"([^"]*)"')
ANONYMOUS = re.compile(rb'"anonymousId":"([^"]*)"')


def follow(brokers, topic, level):
    c = Consumer({"bootstrap.servers": brokers, "group.id": "follower", "enable.auto.commit": False,
                  "isolation.level": level, "fetch.wait.max.ms": 20})
    parts = c.list_topics(topic, timeout=10).topics[topic].partitions
    c.assign([TopicPartition(topic, p, OFFSET_END) for p in parts])
    print("ready", flush=True)
    while True:
        m = c.poll(1)
        if m is not None and not m.error():
            print("%.6f %s" % (time.monotonic(), m.value().hex()), flush=True)


def load(brokers, topic, rate, first):
    p = Producer({"bootstrap.servers": brokers, "partitioner": "murmur2", "linger.ms": 0, "acks": 1})
    begun = time.monotonic()
    for i, line in enumerate(sys.stdin.buffer):
        if i < first:
            begun = time.monotonic()
        due = begun + max(0, i - first) / rate
        line = line.rstrip()
        user = (KEY.search(line) or ANONYMOUS.search(line)).group(1)
        if b'"Order Completed"' in line:
            print("%.6f %s %d" % (due, user.decode(), check.event_ms(json.loads(line))), flush=True)
        p.poll(0)
        wait = due - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        harness.put(p, topic, key=user, value=line)


class Beside:
    """A process of this file, with its lines in a file of its own."""

    def __init__(self, scratch, name, *args, stdin=None):
        self.path = os.path.join(scratch, name)
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), *map(str, args)],
                                            stdin=stdin, stdout=out)

    def lines(self):
        with open(self.path, encoding="ascii") as f:
            text = f.read()
        return [line.split() for line in text[:text.rfind("\n") + 1].splitlines()]

    def kill(self):
        self.process.kill()
        self.process.wait()


class Orders:
    """When each order was to be sent, and when its action was seen."""

    def __init__(self, loader, follower, action_of):
        self.sent = {}
        for at, user, ms in loader.lines():
            self.sent.setdefault((user, int(ms)), float(at))
        self.seen = {}
        for line in follower.lines():
            if len(line) == 2:
                action = action_of(bytes.fromhex(line[1]))
                if action[0] == "order":
                    self.seen.setdefault(action[1:3], float(line[0]))

    def latencies(self, since, until):
        """Milliseconds, ascending, of the orders of that time; None until all were seen."""
        due = [(k, at) for k, at in self.sent.items() if since <= at < until]
        return sorted((self.seen[k] - at) * 1e3 for k, at in due) if due and all(k in self.seen for k, _ in due) else None

    def after(self, moment):
        """Seconds from then to the first action on an order sent since, and to one that took under a second."""
        later = [(self.seen[k], at) for k, at in self.sent.items() if at >= moment and k in self.seen]
        caught = [seen for seen, at in later if seen - at < 1]
        return (min(seen for seen, _ in later) - moment, min(caught) - moment) if caught else None


WARM_S, MEASURE_S, KILLS, REST_S = 40, 30, 3, 12


def source(bench, users, events):
    return subprocess.Popen([bench.millrace, "generate", "--shop", "--users", str(users), "--rate", str(users / 1000),
                             "--for", "3650d", "--flat", "--seed", "1", "--events", str(events)], stdout=subprocess.PIPE)


def run(bench, engines, chosen, times, rate, state):
    """chosen None: Millrace. `state` events come first, as fast as they go; then `rate` a second. Latencies, in ms and
    ascending, by isolation level; seconds after each of some kills, restarted at once."""
    bench.fresh_redis()
    servers, app = bench.servers, engines.name()
    topic = app + "-live"
    servers.topic(topic, 4)
    engines.topics(app, 4)

    def start():
        if chosen is None:
            return engines.millrace(app, topic, times, more=["instance: one"])
        return engines.peer(chosen, app, topic, times, live=True)

    once = chosen is None or chosen["engine_settings"].get("processing.guarantee") == "exactly_once_v2"
    generator = source(bench, 100_000, state + rate * 600)
    followers = {level: Beside(bench.scratch, "%s.%s" % (app, level), servers.brokers, app + ".actions", level)
                 for level in (("read_uncommitted", "read_committed") if once else ("read_uncommitted",))}
    loader = Beside(bench.scratch, app + ".load", servers.brokers, topic, "load", rate, state, stdin=generator.stdout)
    running = start()

    def orders(level="read_uncommitted"):
        return Orders(loader, followers[level], check.action_of_millrace if chosen is None else check.action_of_peer)

    def kill():
        nonlocal running
        moment = time.monotonic()
        running.kill()
        running = start()
        found = harness.until("it goes on", 120, lambda: running.alive() and orders().after(moment), every=2)
        time.sleep(REST_S)
        return found

    try:
        harness.until("the state is there", 120, lambda: running.alive() and running.events >= state)
        time.sleep(WARM_S)
        since = time.monotonic()
        time.sleep(MEASURE_S)
        until = time.monotonic()
        latency = {level: harness.until("all actions of that time", 60, every=1, ask=lambda: orders(level).latencies(since, until))
                   for level in followers}
        recovered = [kill() for _ in range(KILLS)]
    finally:
        for p in (running, loader, *followers.values()):
            p.kill()
        generator.kill()
        generator.wait()
    return {"latency": latency, "recovery": {
        "first action after a kill": [first for first, _ in recovered],
        "caught up after a kill": [caught for _, caught in recovered]}}


if __name__ == "__main__":
    if sys.argv[3] == "load":
        load(*sys.argv[1:3], float(sys.argv[4]), int(sys.argv[5]))
    else:
        follow(*sys.argv[1:4])
