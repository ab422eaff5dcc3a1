"""A producer whose contents are known, and a subscriber that checks each action as it comes."""
import json
import random
import threading
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

from world import harness


def timestamp(seconds):
    ms = int(seconds * 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + ".%03dZ" % (ms % 1000)


class Load(threading.Thread):
    """Events of now: for each user a chain of numbered pings, carts that are left or bought, and now
    and then the very same message once more."""

    def __init__(self, servers, topic, seed, rate=400, users=400, hot=0.0):
        super().__init__(daemon=True)
        self.topic, self.rate, self.users, self.hot = topic, rate, users, hot
        self.random = random.Random(seed)
        self.pings = {}          # user -> [n of each ping, in order]
        self.carts, self.number, self.failed, self.end = {}, 0, [], threading.Event()
        # Not idempotent: librdkafka 2.0 loses count when a broker is killed under it. One request at a time
        # keeps the order, and what comes twice has the same messageId.
        self.producer = Producer({"bootstrap.servers": servers.brokers, "linger.ms": 5, "partitioner": "murmur2",
                                  "acks": "all", "max.in.flight.requests.per.connection": 1, "retries": 1000000,
                                  "batch.num.messages": 500, "message.timeout.ms": 300000, "log_level": 0,
                                  "reconnect.backoff.max.ms": 500, "error_cb": lambda e: None})

    def event(self):
        r = self.random
        user = "u%d" % (0 if r.random() < self.hot else r.randrange(self.users))
        self.number += 1
        n, kind = self.number, r.choices(("Ping", "Cart", "Order"), (70, 20, 10))[0]
        properties = {}
        if kind == "Ping":
            self.pings.setdefault(user, []).append(n)
            properties["n"] = n
        else:
            self.carts[user] = self.carts.get(user, 0) + (kind == "Cart")
            properties["cart_id"] = "c%d" % (self.carts[user] % 8)    # few runs at once: there is a limit
        return user, json.dumps({"type": "track", "event": kind, "userId": user, "messageId": "m%d" % n,
                                 "timestamp": timestamp(time.time()), "properties": properties})

    def ping(self, numbers):
        """One ping for each of these users, as fast as they go; how many a second."""
        begun, sent = time.monotonic(), 0
        for i in numbers:
            self.number += 1
            sent += 1
            user = "u%d" % i
            self.pings.setdefault(user, []).append(self.number)
            self.put(user, json.dumps({"type": "track", "event": "Ping", "userId": user, "messageId": "m%d" % self.number,
                                       "timestamp": timestamp(time.time()), "properties": {"n": self.number}}))
            self.producer.poll(0)
        assert self.producer.flush(120) == 0 and not self.failed, self.failed[:3]
        return sent / (time.monotonic() - begun)

    def ping_everybody(self):
        return self.ping(range(self.users))

    def put(self, user, text):
        harness.put(self.producer, self.topic, key=user, value=text, on_delivery=self.delivered)

    def delivered(self, error, _):
        if error:
            self.failed.append(str(error))

    def one(self):
        user, text = self.event()
        for _ in range(2 if self.random.random() < 0.03 else 1):
            self.put(user, text)

    def run(self):
        begun, sent = time.monotonic(), 0
        while not self.end.is_set():
            due = int((time.monotonic() - begun) * self.rate)
            while sent < due:
                self.one()
                sent += 1
            self.producer.poll(0.01)

    def stop(self):
        self.end.set()
        if self.is_alive():
            self.join()
        assert self.producer.flush(120) == 0 and not self.failed, self.failed[:3]


class Follower(threading.Thread):
    """Reads the actions of pings as a subscriber does, committed only. For each user their counts are
    1, 2, 3, ..., with the numbers of the events in the order in which the input has them: so each event
    was applied once, none was left out, and each led to one action."""

    def __init__(self, servers, topic, partitions, load):
        super().__init__(daemon=True)
        self.load, self.seen, self.wrong, self.end = load, {}, [], threading.Event()
        self.arrivals = []       # (monotonic, partition, number of the event)
        # The producer may turn its messages round when the broker is killed: what counts is the topic.
        self.given, self.known, self.turned = {}, set(), 0
        self.actions, self.inputs = (self.reader(servers, t, partitions) for t in (topic, load.topic))

    @staticmethod
    def reader(servers, topic, partitions):
        c = Consumer({"bootstrap.servers": servers.brokers, "group.id": "follower", "log_level": 0,
                      "enable.auto.commit": False, "isolation.level": "read_committed",
                      "fetch.wait.max.ms": 50, "reconnect.backoff.max.ms": 500, "error_cb": lambda e: None})
        c.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(partitions)])
        return c

    def each(self, consumer, seconds):
        for m in consumer.consume(500, seconds):
            if m.error() is None:
                yield m
            elif m.error().code() == KafkaError.OFFSET_OUT_OF_RANGE:
                self.wrong.append(m.error().str())

    def learn(self, seconds):
        """Which pings the input has; what came twice has the same messageId, and its first one counts."""
        for m in self.each(self.inputs, seconds):
            event = json.loads(m.value())
            n = event["properties"].get("n")
            if n is None or n in self.known:
                continue
            self.known.add(n)
            ns = self.given.setdefault(event["userId"], [])
            self.turned += bool(ns) and ns[-1] > n
            ns.append(n)

    def take(self, m):
        data = json.loads(m.value())["data"]
        user = m.key().decode()
        n, count = int(data["n"]), int(data["count"])
        before, deadline = self.seen.get(user, 0), time.monotonic() + 20
        while len(self.given.get(user, ())) < count and time.monotonic() < deadline:
            self.learn(0.1)
        given = self.given.get(user, [])[count - 1:count]
        if count != before + 1:
            self.wrong.append("%s: count %d after %d (event %d, partition %d, offset %d)"
                              % (user, count, before, n, m.partition(), m.offset()))
        elif given != [n]:
            self.wrong.append("%s: ping %d in the input is event %s, the action says %d" % (user, count, given, n))
        self.seen[user] = max(before, count)
        self.arrivals.append((time.monotonic(), m.partition(), n))

    def run(self):
        while not self.end.is_set():
            self.learn(0)
            for m in self.each(self.actions, 0.1):
                self.take(m)

    def missing(self):
        return ["%s: %d of %d" % (u, self.seen.get(u, 0), len(ns)) for u, ns in self.load.pings.items()
                if self.seen.get(u, 0) != len(ns)]

    def stop(self, seconds=30):
        """All that was sent must have come by then."""
        deadline = time.monotonic() + seconds
        while self.missing() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.end.set()
        self.join()
        for c in (self.actions, self.inputs):
            c.close()

    def first_after(self, number, partition=None):
        """When the first action of an event after that number came; None: not yet."""
        return next((t for t, p, n in self.arrivals if n > number and partition in (None, p)), None)

    def longest_pause(self, since, until, partition=None):
        """Seconds in which nothing came, within that time."""
        times = [since] + [t for t, p, _ in self.arrivals if since <= t <= until and partition in (None, p)] + [until]
        return max(b - a for a, b in zip(times, times[1:]))
