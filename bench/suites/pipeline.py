"""From Kafka to Kafka: `millrace run` drains a topic that was filled beforehand; beside it, in the same
case, a bare consumer reads the same topic. CPU seconds are those of the process (user and system), its
start-up and clean stop included."""
import json
import os
import subprocess
import time

from suite import ROOT, RUNS, Case
from suites import core

GIB = 1 << 30
RULES_END = "\n# stage rules\n"


def cases(size):
    def hot(partitions, events, runs, seconds):
        p = {"partitions": partitions, "users": 1000, "draw": "shop", "events": events, "runs": runs}
        return Case("pipeline", p, measure, seconds, disk=events * 1000)

    def cold(users, events, runs, seconds):
        p = {"partitions": 4, "users": users, "draw": "uniform", "events": events, "runs": runs, "cold": True}
        return Case("pipeline", p, measure_cold, seconds, memory=users * 900 + GIB, disk=users * 400 + events * 1500)
    if size == "tiny":
        return [hot(4, 2000, 1, 16), cold(300, 1000, 1, 5)]
    if size == "quick":
        return [hot(4, 200000, 7, 35)]
    return [hot(n, 500000, RUNS, 150) for n in (1, 2, 4)] + [
        cold(100000, 500000, 3, 90), cold(1000000, 500000, 3, 150), cold(10000000, 1000000, 1, 1500)]


def config_of(bench, app, topic, redis, port, limits=""):
    """core.yaml up to its rules, with servers."""
    with open(core.CONFIG, encoding="utf-8") as f:
        text = f.read()
    lines = text[:text.index(RULES_END)].splitlines()
    lines = [line for line in lines if not line.startswith(("app:", "input:", "output:", "time:"))]
    # Outputs beside the input: cases differ in the number of partitions.
    lines += ["app: %s" % app, "input: {events: {topic: %s}}" % topic,
              "output: {decisions: off, actions: '%s.{channel}', dead_letters: %s.dead}" % (topic, topic),
              "kafka: {bootstrap.servers: '%s'}" % bench.servers.brokers, "redis: '%s'" % redis,
              "serve: {listen: '127.0.0.1:%d'}" % port, "delivery: {create_topics: true}",
              "time: {zone: Europe/London, ticks: off}", limits]
    path = os.path.join(bench.scratch, app + ".yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    return path


class Run:
    """`millrace run`, and what it took until it has applied so many events more."""

    def __init__(self, bench, config, port):
        self.address, self.log = "127.0.0.1:%d" % port, os.path.join(bench.scratch, "run.log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([bench.millrace, "run", "-q", "-c", config], stdout=log, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()[-2000:]

    def metrics(self):
        import harness
        return harness.metrics(self.address)

    def drain(self, events, seconds=1800):
        """Until that many were applied; wall time from the first one seen."""
        began, deadline = None, time.monotonic() + seconds
        while True:
            applied = self.metrics().get("millrace_events_applied_total", 0)
            now = time.monotonic()
            if applied and began is None:
                began = now - 0.02
            if applied >= events:
                return now - began
            if self.process.poll() is not None or now > deadline:
                raise RuntimeError("applied %d of %d: %s" % (applied, events, self.said()))
            time.sleep(0.02)

    def settle(self, seconds=600):
        """Until all profiles are in the store."""
        deadline = time.monotonic() + seconds
        while any(total(self.metrics(), "millrace_write_behind_" + x) for x in ("bytes", "age_seconds")):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("not all was written: %s" % self.said())
            time.sleep(0.05)

    def stop(self):
        """A clean stop; the CPU seconds that all of it took."""
        self.process.terminate()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode:
            raise RuntimeError("exit code %d: %s" % (self.process.returncode, self.said()))
        return usage.ru_utime + usage.ru_stime


def total(metrics, name):
    return sum(v for k, v in metrics.items() if k.split("{")[0] == name)


def run_once(bench, app, topic, redis, events, limits=""):
    """{cpu_s, wall_s, messages, reads}."""
    import harness
    port = harness.free_port()
    with Run(bench, config_of(bench, app, topic, redis, port, limits), port) as r:
        wall = r.drain(events)
        if limits:           # what the next run finds must not have to be replayed
            r.settle()
        m = r.metrics()
        return {"wall_s": wall, "cpu_s": r.stop(), "events": events, "messages": total(m, "millrace_messages_total")}


def fill(bench, topic, what, p, events, turn=0):
    """turn: other events, of hours later."""
    bench.run(bench.program("bench/bench_produce"), bench.servers.brokers, topic, what, "--events", events, "--users", p["users"],
              "--seed", 1 + turn, "--hours", turn, "--draw", p["draw"])


def consume(bench, topic):
    return json.loads(bench.run(bench.program("bench/bench_consume"), bench.servers.brokers, topic))


def an_event(results):
    return [r["cpu_s"] * 1e6 / r["events"] for r in results]


def rates(results):
    return [r["events"] / r["wall_s"] for r in results]


class Floor:
    """What the same events cost a program that only consumes, parses, looks at each user, and produces as
    many messages as Millrace did."""

    def __init__(self, bench, p):
        self.bench, self.p, self.runs, self.produced = bench, p, [], []
        self.topic = "floor-%d" % time.monotonic_ns()
        bench.servers.topic(self.topic, p["partitions"])

    def run(self):
        n = min(self.p["events"], 100000)
        self.runs.append(core.floor_of(self.bench, self.p, n))
        r = json.loads(self.bench.run(self.bench.program("bench/bench_produce"), self.bench.servers.brokers, self.topic, "bare",
                                      "--events", n, "--bytes", 600))
        self.produced.append(r["cpu_s"] * 1e6 / n)

    def record(self, case, bare, messages):
        """bare: of a bare consumer, in as many runs."""
        case.record("bare produce", "us/message", self.produced, "cpu", note="messages of 600 bytes")
        found = [b + (f["parse"] + f["touch"]) / 1000 + produced * messages
                 for b, f, produced in zip(an_event(bare), self.runs, self.produced)]
        return case.record("floor", "us/event", found, "cpu",
                           note="bare consume and parse, one access a user, %.3f bare produces" % messages)


def record(case, bare, floors, runs):
    """runs: {name: results}."""
    consumer = case.record("bare consumer", "us/event", an_event(bare), "cpu")
    consumed = case.record("bare consumer, rate", "events/s", rates(bare), "rate")
    first = next(iter(runs.values()))
    floor = floors.record(case, bare, first[0]["messages"] / first[0]["events"])
    for name, results in runs.items():
        case.record(name, "us/event", an_event(results), "cpu", floor=floor, peer=consumer)
        case.record(name + ", rate", "events/s", rates(results), "rate", floor=consumed)


def measure(bench, case, p):
    topic = "hot-%d-%d" % (p["partitions"], p["events"])
    bench.servers.topic(topic, p["partitions"])
    fill(bench, topic, "shop", p, p["events"])
    bare, memory, redis, floors = [], [], [], Floor(bench, p)
    for i in range(p["runs"]):
        bare.append(consume(bench, topic))
        if bare[-1]["events"] != p["events"]:
            raise RuntimeError("%d events in %s" % (bare[-1]["events"], topic))
        for into, url in ((memory, "memory:"), (redis, bench.servers.env["REDIS_URL"])):
            app = "%s-%s-%d" % (topic, url[:6].rstrip(":"), i)
            into.append(run_once(bench, app, topic, url, p["events"]))
        floors.run()
        yield
    record(case, bare, floors, {"run, memory": memory, "run, Redis": redis})
    for t in (topic, floors.topic):
        bench.servers.delete_topic(t)


def measure_cold(bench, case, p):
    """All users have a profile in Redis; memory has room for a tenth of them."""
    bench.fresh_redis()
    topic = "cold-%d" % p["users"]
    bench.servers.topic(topic, p["partitions"])
    limits = "limits: {user_memory: %dKiB}" % max(1024, p["users"] * 120 // p["partitions"] // 1024)
    url = bench.servers.env["REDIS_URL"]
    fill(bench, topic, "users", p, 0)
    run_once(bench, topic, topic, url, p["users"], limits)
    other = "floor-" + topic
    bench.servers.topic(other, p["partitions"])
    fill(bench, other, "shop", p, p["events"])
    bare, redis, floors = [], [], Floor(bench, p)
    for i in range(1 + p["runs"]):
        # The next events of the same users: what was applied before is behind the group's position.
        fill(bench, topic, "shop", p, p["events"], turn=i)
        result = run_once(bench, topic, topic, url, p["events"], limits)
        if i == 0:           # with it all sessions of the filling end
            continue
        redis.append(result)
        bare.append(consume(bench, other))
        floors.run()
    record(case, bare, floors, {"run, Redis, cold": redis})
    case.record("Redis", "bytes/user", used_memory(bench) / p["users"], "bytes")
    for t in (topic, other, floors.topic):
        bench.servers.delete_topic(t)
    bench.end_servers()     # with all that Redis holds


def used_memory(bench):
    out = bench.run("redis-cli", "-s", bench.servers.env["REDIS_SOCKET"], "info", "memory")
    return int(next(line.split(":")[1] for line in out.splitlines() if line.startswith("used_memory:")))
