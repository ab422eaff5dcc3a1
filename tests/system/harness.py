"""Real servers, real topics, and the built program as a process: what the system tests share."""
import collections
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

Record = collections.namedtuple("Record", "topic partition offset key value headers timestamp")


def put(producer, topic, **record):
    """Waits where the producer's queue is full."""
    while True:
        try:
            return producer.produce(topic, **record)
        except BufferError:
            producer.poll(0.1)


class Servers:
    """Kafka and Redis in a scratch folder, by deploy/servers.sh; gone when the block ends."""

    def __init__(self, root, *options):
        self.script = os.path.join(root, "deploy/servers.sh")
        self.options = options

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="mr-")   # short: a Unix socket lies in it
        try:
            self.do("start", *self.options)
        except BaseException:      # one of them may run already
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.do("stop")
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)

    def do(self, command, *args):
        r = subprocess.run([self.script, command, self.dir, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, timeout=150, check=False)
        if r.returncode:
            raise RuntimeError("servers.sh %s: %s" % (command, r.stdout))
        return r.stdout

    @property
    def env(self):
        with open(os.path.join(self.dir, "env"), encoding="utf-8") as f:
            return dict(line.rstrip("\n").split("=", 1) for line in f)

    @property
    def brokers(self):
        return self.env["KAFKA_BROKERS"]

    def topic(self, name, partitions, **configs):
        self.do("topic", name, str(partitions), *("%s=%s" % (k.replace("_", "."), v) for k, v in configs.items()))

    def topics(self, partitions, *names):
        for name in names:
            self.topic(name, partitions)

    def delete_topic(self, name):
        admin = AdminClient({"bootstrap.servers": self.brokers})   # must outlive its request
        admin.delete_topics([name])[name].result(30)

    def produce(self, topic, records, **properties):
        """records: (key, value) or (key, value, keyword arguments of produce). Placed by murmur2."""
        failed = []
        p = Producer({"bootstrap.servers": self.brokers, "enable.idempotence": True, "partitioner": "murmur2",
                      "linger.ms": 5, **properties})
        for record in records:
            key, value = record[0], record[1]
            more = record[2] if len(record) > 2 else {}
            put(p, topic, key=key, value=value, on_delivery=lambda e, m: e and failed.append(str(e)), **more)
            p.poll(0)
        left = p.flush(60)
        assert not left and not failed, (left, failed[:3])

    def each(self, *topics, committed=True):
        """All records up to the present end, those of a partition in order."""
        c = Consumer({"bootstrap.servers": self.brokers, "group.id": "reader", "enable.auto.commit": False,
                      "isolation.level": "read_committed" if committed else "read_uncommitted",
                      "enable.partition.eof": True, "fetch.wait.max.ms": 50})
        try:
            known = c.list_topics(timeout=10).topics
            parts = [(t, p) for t in topics if t in known for p in known[t].partitions]
            c.assign([TopicPartition(t, p, OFFSET_BEGINNING) for t, p in parts])
            ends, deadline = set(), time.monotonic() + 60
            while len(ends) < len(parts):
                assert time.monotonic() < deadline, "nothing more came, but not the end of %s" % (set(parts) - ends)
                for m in c.consume(5000, 0.2):
                    if m.error():
                        if m.error().code() != KafkaError._PARTITION_EOF:
                            raise RuntimeError(m.error().str())
                        ends.add((m.topic(), m.partition()))
                    else:
                        deadline = time.monotonic() + 60
                        yield Record(m.topic(), m.partition(), m.offset(), m.key(), m.value(),
                                     [(k, v) for k, v in m.headers() or []], m.timestamp()[1])
        finally:
            c.close()

    def read(self, *topics, committed=True):
        """All of them, by topic and partition."""
        return sorted(self.each(*topics, committed=committed), key=lambda r: r[:3])

    def watch_ends(self, topics):
        """A function that says how far the topics' partitions go, in all."""
        c = Consumer({"bootstrap.servers": self.brokers, "group.id": "watcher"})
        known = c.list_topics(timeout=10).topics
        parts = [TopicPartition(t, p) for t in topics for p in known[t].partitions]
        return lambda: sum(c.get_watermark_offsets(p, timeout=10)[1] for p in parts)

    def watch_transactions(self, topic, partitions):
        """A function that says whether a transaction with records in the topic is open right now."""
        clients = [Consumer({"bootstrap.servers": self.brokers, "group.id": "watcher", "isolation.level": level})
                   for level in ("read_uncommitted", "read_committed")]

        def is_open():
            for p in range(partitions):
                # First the stable end, then the end: an end that moved meanwhile is a false alarm at worst.
                ends = [c.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for c in reversed(clients)]
                if ends[1] > ends[0]:
                    return True
            return False
        return is_open

    def count(self, *topics, committed=True):
        return len(self.read(*topics, committed=committed))


class Process:
    """`millrace run`, with its standard error in a file."""

    def __init__(self, millrace, config, scratch, name="run", env=None, args=()):
        self.log_path = os.path.join(scratch, name + ".log")
        with open(self.log_path, "ab") as log:
            self.p = subprocess.Popen([millrace, "run", "-c", config, *args], stdout=log, stderr=log,
                                      env={**os.environ, **(env or {})})

    @property
    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def kill(self):
        self.p.kill()
        self.p.wait()

    def stop(self, seconds=10):
        """SIGTERM; (exit code, seconds it took)."""
        begun = time.monotonic()
        self.p.send_signal(signal.SIGTERM)
        try:
            return self.p.wait(seconds), time.monotonic() - begun
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("did not stop within %g s; log:\n%s" % (seconds, self.log[-3000:])) from None

    def wait(self, seconds):
        try:
            return self.p.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("did not end within %g s; log:\n%s" % (seconds, self.log[-3000:])) from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.kill()


def until(what, seconds, ask, every=0.2, process=None):
    """Asks until the answer is true; its last value."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if process is not None and process.p.poll() is not None:
            raise AssertionError("ended with %d while waiting: %s\n%s" % (process.p.returncode, what, process.log[-3000:]))
        if time.monotonic() > deadline:
            raise AssertionError("not within %g s: %s%s" % (seconds, what, "\n" + process.log[-3000:] if process else ""))
        time.sleep(every)


def metrics(address):
    """{series: value} of /metrics; empty while nobody answers."""
    try:
        with urllib.request.urlopen("http://%s/metrics" % address, timeout=2) as r:
            lines = r.read().decode().splitlines()
    except OSError:
        return {}
    pairs = (line.split(" # ")[0].rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def free_port():
    import socket
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def of_record(r):
    """All that a subscriber can see of a message, but where and when the broker put it."""
    return (r.key, tuple(sorted(r.headers)), r.value)


def of_line(line):
    """The same from a line of replay: the structured form of the same CloudEvent."""
    e = json.loads(line)
    data = line[line.index(b',"data":') + 8:-1]
    headers = [("content-type" if k == "datacontenttype" else "ce_" + k, v.encode()) for k, v in e.items() if k != "data"]
    return (e["partitionkey"].encode(), tuple(sorted(headers)), data)


def key_of(event):
    return (event.get("userId") or event.get("anonymousId") or "").encode()


def keyed(path_or_lines):
    """(key, value) of NDJSON."""
    if isinstance(path_or_lines, str):
        with open(path_or_lines, "rb") as f:
            lines = f.read().splitlines()
    else:
        lines = path_or_lines
    return [(key_of(json.loads(line)), line) for line in lines]


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path
