"""From event to action, open loop, from when each event was to be sent: `millrace run` beside a bare relay
in the same case. Both are seen by two subscribers at once, one of them read_committed; the relay uses no
transactions, so that both see it alike. Rates go up until one is not sustained."""
import json
import os
import re
import subprocess
import time

from suite import Case, LeftOut
from suites import pipeline

PARTITIONS = 2
USERS = 10000
WARM_UP_S = {"tiny": 0.2, "quick": 1.5, "full": 5}   # the broker's code is slow at first
WINDOWS = {"tiny": 1, "quick": 5, "full": 3}       # of a run: each is a value
PERCENTILES = (("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"), ("max", "max"))
# Sustained: everything was seen, in the end with no more than this between event and action.
SUSTAINED_MS = 1000
CONFIG = """
app: %(app)s
kafka: {bootstrap.servers: "%(brokers)s"}
redis: "%(redis)s"
input: {events: {topic: %(app)s.events}}
output: {actions: "%(app)s.{channel}", decisions: off}
serve: {listen: "127.0.0.1:%(port)d"}
delivery: {create_topics: true}
session: {gap: 30m}
profile:
  views_1h: {count: Product Viewed, over: 1h}
  interest: {decayed_count: Product Viewed, half_life: 7d}
rules:
  at-once:
    on: Product Viewed
    when: event.properties.price > 1 && user.views_1h >= 1
    then: [{send: {channel: push, template: seen, data: {n: event.properties.n, views: user.views_1h}}}]
"""
# What is inside, by the program's own histograms.
STAGES = (("drain to action", "millrace_drain_to_action_seconds"), ("commit", "millrace_commit_seconds"),
          ("store read", "millrace_store_read_seconds"), ("store write", "millrace_store_write_seconds"))


def cases(size):
    def case(rate, seconds, runs):
        p = {"rate": rate, "seconds": seconds, "partitions": PARTITIONS, "runs": runs}
        return Case("latency", p, measure, runs * (2 * (seconds + WARM_UP_S[size]) + 3), disk=rate * seconds * runs * 3000)
    if size == "tiny":
        return [case(100, 1, 1)]
    if size == "quick":
        return [case(rate, 2, 2) for rate in (100, 1000, 5000)]
    return [case(rate, 15, 2) for rate in (100, 300, 1000, 3000, 5000, 10000, 15000, 20000, 30000, 50000, 100000)]


def load(bench, p, to, back, look=lambda: None):
    """What the subscribers saw, and what `look` gave as each window began and ended."""
    command = [bench.program("bench/bench_latency"), bench.servers.brokers, to, back, "--rate", p["rate"], "--seconds", p["seconds"],
               "--warm-up", WARM_UP_S[bench.size], "--users", USERS, "--windows", WINDOWS[bench.size]]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout.readline() != "warm\n":
                raise RuntimeError("no load")
            begun, looks = time.monotonic(), []
            for i in range(WINDOWS[bench.size] + 1):
                time.sleep(max(0, begun + i * p["seconds"] / WINDOWS[bench.size] - time.monotonic()))
                looks.append(look())
            return json.loads(process.stdout.read()), looks
        finally:
            process.kill()


def sustained(r):
    return all(not r[level]["missing"] and w["p99"] < SUSTAINED_MS for level in ("uncommitted", "committed")
               for w in r[level]["windows"])


def values(results, level, key):
    return [w[key] for r in results for w in r[level]["windows"]]


def relay(bench, p, app):
    with subprocess.Popen([bench.program("bench/bench_relay"), bench.servers.brokers, app + ".events", app + ".push"],
                          stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("the relay does not start")
            return load(bench, p, app + ".events", app + ".push")[0]
        finally:
            process.terminate()


def millrace(bench, p, app, port, path):
    """What was seen, and the program's own figures of each window."""
    with pipeline.Run(bench, path, port) as r:
        deadline = time.monotonic() + 60
        while r.metrics().get('millrace_partitions{state="running"}', 0) < PARTITIONS:
            if time.monotonic() > deadline or r.process.poll() is not None:
                raise RuntimeError("did not start: %s" % r.said())
            time.sleep(0.1)
        seen, looks = load(bench, p, app + ".events", app + ".push", r.metrics)
        r.stop()
    return seen, [{k: v - before.get(k, 0) for k, v in after.items()} for before, after in zip(looks, looks[1:])]


def quantile(metrics, name, q):
    """Of a histogram, in ms: the upper bound of the bucket that has it."""
    buckets = sorted((float(m.group(1).replace("+Inf", "inf")), v) for k, v in metrics.items()
                     if (m := re.match(name + r'_bucket\{le="([^"]+)"\}$', k)))
    return next(bound for bound, n in buckets if n >= q * buckets[-1][1]) * 1000


def mean(metrics, name):
    return metrics[name + "_sum"] / metrics[name + "_count"] * 1000


def measure(bench, case, p):
    import harness
    bare, seen, inside = [], [], []
    for i in range(p["runs"]):
        if p["rate"] > getattr(bench, "sustained_below", float("inf")):
            raise LeftOut("%d events/s were not sustained" % bench.sustained_below)
        app, port = "latency-%d-%d" % (p["rate"], i), harness.free_port()
        bench.servers.topics(PARTITIONS, app + ".events", app + ".push", app + ".relayed")
        path = harness.write(os.path.join(bench.scratch, app + ".yaml"), CONFIG % {
            "app": app, "port": port, "brokers": bench.servers.brokers, "redis": bench.servers.env["REDIS_URL"]})
        bare.append(relay(bench, p, app))
        got, windows = millrace(bench, p, app, port, path)
        seen.append(got)
        inside += windows
        if not sustained(got):
            bench.sustained_below = p["rate"]
            raise LeftOut("%d events/s are not sustained: %s" % (p["rate"], json.dumps(got)))
        yield
    record(case, bare, seen, inside)


def record(case, bare, seen, inside):
    for level in ("uncommitted", "committed"):
        for key, name in PERCENTILES:
            # The relay may have failed where Millrace did not; it has no figure then.
            relayed = values([r for r in bare if not r[level]["missing"]], level, key)
            floor = case.record("bare relay, read_%s, %s" % (level, name), "ms", relayed, "time") if relayed else None
            case.record("read_%s, %s" % (level, name), "ms", values(seen, level, key), "time", floor=floor)
    for name, metric in STAGES:
        counted = [m for m in inside if m.get(metric + "_count")]     # in a window there may be none
        if counted:
            case.record("inside: %s, mean" % name, "ms", [mean(m, metric) for m in counted], "time")
            case.record("inside: %s, p99 below" % name, "ms", [quantile(m, metric, 0.99) for m in counted], "time",
                        note="the bound of a bucket of its histogram, or between two")
