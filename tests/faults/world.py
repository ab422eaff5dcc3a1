"""What is to be hurt: a Kafka, a Redis with a replica, a proxy before each, and several `millrace run`."""
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "system"))
import harness  # noqa: E402

from confluent_kafka import Consumer, KafkaException, TopicPartition  # noqa: E402

SESSION_MS = 3000
CHANNELS = ("push", "crm")

# A transaction lasts long enough to be met by most kills, a page is kept back for a while, and there
# is too little memory for all users.
CONFIG = """
app: {app}
instance: {instance}
kafka: {{bootstrap.servers: "{brokers}", session.timeout.ms: {session}}}
redis: {{url: "redis://127.0.0.1:{redis}", timeout: 1s}}
input: {{events: {{topic: {app}.events}}}}
output: {{actions: "{app}.{{channel}}", decisions: {app}.decisions, sessions: {app}.sessions, dead_letters: {app}.dead}}
time: {{ticks: on, grace: 200ms}}
delivery: {{commit_interval: {commit}, flush_interval: {flush}}}
limits: {{user_memory: {memory}{limits}}}
serve: {{listen: "127.0.0.1:{port}"}}
session: {{gap: 2s, longest: 20s}}
profile:
  pings: {{count: Ping}}
  carts: {{count: Cart, over: 1h}}
rules:
  at-once:
    on: Ping
    then: [{{send: {{channel: push, template: pong, data: {{n: event.properties.n, count: user.pings}}}}}}]
  later:
    on: Cart
    for_each: event.properties.cart_id
    while_running: restart
    cancel_on: {{event: Order, when: event.properties.cart_id == run.key}}
    then:
      - wait: 1s
      - send: {{channel: crm, template: reminder, data: {{cart: run.key, carts: user.carts, count: user.pings}}}}
"""


class Redis:
    """A Redis in a folder of its own; its append-only file outlives it."""

    def __init__(self, folder):
        self.dir, self.port = folder, harness.free_port()
        os.makedirs(folder, exist_ok=True)
        self.p, self.cut = None, 0

    @property
    def address(self):
        return "127.0.0.1:%d" % self.port

    @property
    def aof(self):
        return os.path.join(self.dir, "appendonlydir")

    def launch(self, options):
        # Signals as Python has them: one for a file that grows too large is ignored, and is an error.
        with open(os.path.join(self.dir, "log"), "ab") as log:
            self.p = subprocess.Popen(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.dir,
                                       "--save", "", "--auto-aof-rewrite-percentage", "0", "--appendonly", "yes",
                                       "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", *options],
                                      stdout=log, stderr=log, restore_signals=False)
        harness.until("Redis answers or ends", 30, lambda: self.p.poll() is not None or self.ask("ping") == "PONG", every=0.05)

    def start(self, *options):
        self.launch(options)
        if self.p.poll() is not None:
            # Its file is broken in the middle (a disk that was full leaves that now and then): cut there, as
            # its manual says; what comes after is lost, as with any older file.
            manifest = os.path.join(self.aof, "appendonly.aof.manifest")
            self.cut += 1
            subprocess.run(["redis-check-aof", "--fix", manifest], input=b"y\n", stdout=subprocess.DEVNULL, check=True)
            self.launch(options)
        assert self.p.poll() is None, "Redis does not start: see %s/log" % self.dir
        return self

    def ask(self, *words):
        r = subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, check=False)
        return r.stdout.strip()

    def kill(self):
        if self.p:
            self.p.kill()
            self.p.wait()

    def keep(self, folder):
        """A copy of the append-only file as it is now."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.aof, folder)

    def put_back(self, folder):
        shutil.rmtree(self.aof)
        shutil.copytree(folder, self.aof)

    def disk(self, room):
        """No file may grow by more than `room` bytes from now on; None: any."""
        if room is not None:
            room += max(os.path.getsize(os.path.join(self.aof, f)) for f in os.listdir(self.aof))
        hard = resource.prlimit(self.p.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self.p.pid, resource.RLIMIT_FSIZE, (hard if room is None else room, hard))


class Proxy:
    """proxy.py as a process. links: name -> (port to listen on, or None for a free one, target)."""

    def __init__(self, links):
        self.ports = {name: port or harness.free_port() for name, (port, _) in links.items()}
        specs = ["%s=%d=%s" % (name, self.ports[name], target) for name, (_, target) in links.items()]
        self.p = subprocess.Popen([sys.executable, os.path.join(HERE, "proxy.py"), *specs], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.answer()

    def answer(self):
        assert self.p.stdout.readline() == "ok\n", "the proxy has ended"

    def do(self, name, *words):
        self.p.stdin.write(" ".join([name, *map(str, words)]) + "\n")
        self.p.stdin.flush()
        self.answer()

    def close(self):
        self.p.stdin.close()
        self.p.wait()
        self.p.stdout.close()


class Instance:
    """One `millrace run`, started again and again under the same name."""

    def __init__(self, world, name, **changes):
        self.world, self.name = world, name
        self.port = harness.free_port()
        self.path = world.config(name, self.port, **changes)
        self.process = None
        self.shift = os.path.join(world.dir, name + ".shift")   # of its clock
        self.stopped = False

    def start(self, shifted=False):
        env = {}
        if shifted:
            env = {"LD_PRELOAD": world_faketime(), "DONT_FAKE_MONOTONIC": "1", "FAKETIME_TIMESTAMP_FILE": self.shift,
                   "FAKETIME_CACHE_DURATION": "1"}
        self.process = harness.Process(self.world.millrace, self.path, self.world.dir, "%s-%s" % (self.world.app, self.name),
                                       env=env)
        self.stopped = False
        return self

    def set_clock(self, seconds):
        with open(self.shift + ".new", "w", encoding="utf-8") as f:
            f.write("%+ds\n" % seconds)
        os.rename(self.shift + ".new", self.shift)

    @property
    def alive(self):
        return self.process is not None and self.process.p.poll() is None

    @property
    def log(self):
        return self.process.log if self.process else ""

    def metrics(self):
        return harness.metrics("127.0.0.1:%d" % self.port)

    def partitions(self):
        found = (re.match(r'millrace_users\{partition="(\d+)"\}', k) for k in self.metrics())
        return {int(m.group(1)) for m in found if m}

    def signal(self, number):
        self.process.p.send_signal(number)
        self.stopped = number == signal.SIGSTOP

    def kill(self):
        if self.process:
            self.process.kill()

    def rss(self):
        with open("/proc/%d/status" % self.process.p.pid, encoding="utf-8") as f:
            return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) << 10


def world_faketime():
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"):
        path = folder + "/faketime/libfaketimeMT.so.1"
        if os.path.exists(path):
            return path
    raise FileNotFoundError("libfaketime: run deploy/setup.sh")


class World:
    """Servers, proxies, topics of one app. `defaults` go into every instance's configuration."""

    def __init__(self, root, millrace, app="f", partitions=4, servers=(), **defaults):
        self.root, self.millrace, self.partitions, self.app = root, millrace, partitions, app
        self.options, self.defaults = servers, defaults
        self.instances, self.proxy = [], None

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="mr-")
        behind = harness.free_port()
        self.servers = harness.Servers(self.root, "--kafka", "--behind", str(behind), *self.options)
        self.servers.__enter__()
        self.redis = Redis(os.path.join(self.dir, "redis-0")).start()
        self.replica = Redis(os.path.join(self.dir, "redis-1"))
        # Kafka tells its clients the port of the proxy, so that all that they do goes through it.
        self.proxy = Proxy({"redis": (None, self.redis.address), "replica": (None, self.redis.address),
                            "kafka": (behind, self.servers.env["KAFKA_BEHIND"])})
        self.make_topics()
        return self

    def __exit__(self, *_):
        for i in self.instances:
            i.kill()
        for r in (self.redis, self.replica):
            r.kill()
        self.proxy.close()
        self.servers.__exit__()
        shutil.rmtree(self.dir, ignore_errors=True)

    def preserve(self):
        """The processes' logs and configurations, for somebody who looks."""
        kept = tempfile.mkdtemp(prefix="faults-")
        for name in os.listdir(self.dir):
            if name.endswith((".log", ".yaml")):
                shutil.copy(os.path.join(self.dir, name), kept)
        print("logs: %s" % kept)

    def make_topics(self):
        self.outputs = ["%s.%s" % (self.app, x) for x in CHANNELS + ("decisions", "sessions", "dead")]
        self.events, self.journal = self.app + ".events", self.app + ".journal"
        self.servers.topics(self.partitions, self.events, self.journal, *self.outputs)
        self.servers.topic(self.app + ".config", 1, cleanup_policy="compact")

    def another_app(self, app):
        """Other topics in the same world: a fresh start without new servers."""
        for i in self.instances:
            i.kill()
        self.app, self.instances = app, []
        self.make_topics()

    def config(self, name, port, **changes):
        values = {"app": self.app, "instance": name, "port": port, "session": SESSION_MS, "commit": "200ms",
                  "flush": "500ms", "memory": "1MiB", "limits": "", "redis": self.proxy.ports["redis"],
                  "brokers": "127.0.0.1:%d" % self.proxy.ports["kafka"], **self.defaults, **changes}
        return harness.write(os.path.join(self.dir, "%s-%s.yaml" % (self.app, name)), CONFIG.format(**values))

    def add(self, name, **changes):
        self.instances.append(Instance(self, name, **changes))
        return self.instances[-1]

    def owned(self):
        """How many partitions are run by somebody."""
        return sum(i.metrics().get('millrace_partitions{state="running"}', 0) for i in self.instances
                   if i.alive and not i.stopped)


class Watch:
    """Questions about the topics, by clients that are kept."""

    def __init__(self, world):
        self.world = world
        self.stable, self.all = (Consumer({"bootstrap.servers": world.servers.brokers, "group.id": world.app,
                                           "enable.auto.commit": False, "isolation.level": level,
                                           "log_level": 0, "error_cb": lambda e: None})
                                 for level in ("read_committed", "read_uncommitted"))

    def ends(self, topic, stable=False):
        c = self.stable if stable else self.all
        return [c.get_watermark_offsets(TopicPartition(topic, p), timeout=5)[1] for p in range(self.world.partitions)]

    def is_open(self, partitions):
        """Whether a transaction is open in one of these partitions of what is written."""
        for topic in [self.world.journal, *self.world.outputs]:
            for p in partitions:
                stable, end = (c.get_watermark_offsets(TopicPartition(topic, p), timeout=5)[1]
                               for c in (self.stable, self.all))
                if end > stable:
                    return True
        return False

    def committed(self):
        parts = [TopicPartition(self.world.events, p) for p in range(self.world.partitions)]
        return [max(p.offset, 0) for p in self.all.committed(parts, timeout=5)]

    def set_positions(self, offsets):
        """As kafka-consumer-groups --reset-offsets does."""
        self.all.commit(offsets=[TopicPartition(self.world.events, p, o) for p, o in enumerate(offsets)], asynchronous=False)

    def catch_up(self, seconds, alive=lambda: None):
        """Waits until what is in the input now has been applied and committed; seconds it took."""
        begun, goal, have = time.monotonic(), None, None
        while time.monotonic() - begun < seconds:
            alive()
            try:
                goal = goal or self.ends(self.world.events)
                have = self.committed()
                if all(h >= want for h, want in zip(have, goal)):
                    return time.monotonic() - begun
            except KafkaException:
                pass
            time.sleep(0.05)
        raise AssertionError("not caught up within %g s: have %s, want %s" % (seconds, have, goal))
