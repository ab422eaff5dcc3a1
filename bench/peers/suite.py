"""Suite *peers*: Millrace, Kafka Streams and Flink at the same job on the same topic in the same run.

Each case first compares what both publish on a small input (same.py), then drains a preloaded topic with
each: the peer until its rate is steady, which is said, Millrace as a whole, start-up included and with
the CPU and memory of its Redis. Or it sends events at a fixed rate, and kills what reads them.
"""
import statistics
import sys

from confluent_kafka.admin import AdminClient

import suite as frame
from peers import bids, live, measure, same
from peers.engines import Engines, flink, streams

PARTITIONS = 4
SEED = 1
GRACE = 10_000
# The set-ups that were tried; BEST are those that did best of each kind, as the results file says.
VARIANTS = [
    ("Kafka Streams at_least_once, Processor API, in memory", streams("shopper", "memory", "at_least_once")),
    ("Kafka Streams at_least_once, Processor API, RocksDB", streams("shopper", "rocksdb", "at_least_once")),
    ("Kafka Streams at_least_once, session windows, in memory", streams("windows", "memory", "at_least_once")),
    ("Kafka Streams at_least_once, session windows, RocksDB", streams("windows", "rocksdb", "at_least_once")),
    ("Kafka Streams exactly_once_v2, Processor API, in memory", streams("shopper", "memory", "exactly_once_v2")),
    ("Kafka Streams exactly_once_v2, Processor API, RocksDB", streams("shopper", "rocksdb", "exactly_once_v2")),
    ("Flink HashMap, process function", flink("shopper", "hashmap", 2)),
    ("Flink HashMap, process function in one chain", flink("shopper", "hashmap", 1)),
    ("Flink HashMap, session windows", flink("windows", "hashmap", 2)),
    ("Flink RocksDB, process function", flink("shopper", "rocksdb", 2)),
    ("Flink RocksDB, process function in one chain", flink("shopper", "rocksdb", 1)),
    ("Flink RocksDB, session windows", flink("windows", "rocksdb", 2)),
]
BEST = [v for v in VARIANTS if v[0] in (
    "Kafka Streams at_least_once, Processor API, in memory", "Kafka Streams exactly_once_v2, Processor API, in memory",
    "Flink HashMap, process function in one chain", "Flink RocksDB, process function in one chain")]
SMALL = [VARIANTS[0], VARIANTS[6]]     # what the test command compares
Q11 = [
    ("Kafka Streams, session windows, in memory", streams("sessions", "memory", "at_least_once")),
    ("Kafka Streams, Processor API, in memory", streams("shopper", "memory", "at_least_once")),
    ("Flink HashMap, session windows", flink("sessions", "hashmap", 1)),
    ("Flink HashMap, process function", flink("shopper", "hashmap", 1)),
]
Q12 = [
    ("Kafka Streams, windows, in memory", streams("counts", "memory", "at_least_once")),
    ("Flink HashMap, windows", flink("counts", "hashmap", 1)),
]
SHOP = {"gap": 1_800_000, "grace": GRACE, "kept": 1_800_000}
BIDS = {"gap": 10_000, "grace": GRACE, "kept": 60_000, "window": 10_000}
# events, users, bids. There is no quick size: a peer that is not warm is not a figure. Of six million events Flink in one
# chain was still getting faster at the end.
SIZES = {"tiny": (20_000, 400, 20_000), "full": (12_000_000, 100_000, 36_000_000)}


def preload(bench, topic, fill):
    """Makes and fills a topic where the servers don't have it yet."""
    servers = bench.servers
    if topic not in AdminClient({"bootstrap.servers": servers.brokers}).list_topics(timeout=10).topics:
        servers.topic(topic, PARTITIONS)
        fill(servers.brokers)
    return topic


def shop(bench, events, users):
    return preload(bench, "shop%d" % events, lambda brokers: bench.run(
        bench.millrace, "generate", "--shop", "--users", users, "--rate", users / 1000, "--for", "3650d", "--flat",
        "--seed", SEED, "--events", events, "--topic", "shop%d" % events, "--brokers", brokers))


def nexmark(bench, number):
    return preload(bench, "bids%d" % number, lambda brokers: bench.run(
        sys.executable, bids.__file__, brokers, "bids%d" % number, number, SEED, 10000))


def drained(bench, engines, chosen, topic, events, times, config="job.yaml"):
    """The figure of one run; chosen None: of Millrace, whose memory is that of its Redis too."""
    bench.fresh_redis()
    app = engines.name()
    engines.topics(app, PARTITIONS)
    if chosen is None:
        process, how = engines.millrace(app, topic, times, config=config), measure.drain_all
    else:
        process = engines.peer(chosen, app, topic, times)
        how = measure.drain_all if bench.size == "tiny" else measure.drain_warm
    with engines.running(process):
        return how(process, events)


def runs_of(size, name):
    """A run takes two minutes: those that are not among the best have one."""
    return 2 if size == "full" and name in dict(BEST) else 1


def in_turns(bench, who, runs, *args):
    """The figures of each, of some runs: in turns, so that what else the machine does meets all alike."""
    engines = Engines(bench)
    runs = [[drained(bench, engines, one, *args) for one in who] for _ in range(runs)]
    return list(zip(*runs))


def record(case, name, figures, warm, **beside):
    """CPU, rate and memory of some runs; the figure of CPU."""
    if warm:
        note = "steady after %.0f to %.0f s of CPU" % (min(f.warm_s for f in figures), max(f.warm_s for f in figures))
    else:
        note = "of it Redis %.2f" % statistics.median(f.beside_us for f in figures)
    cpu = case.record(name + ": CPU", "us/event", [f.us for f in figures], kind="cpu", note=note,
                      peer=beside.get("cpu"))
    rate = case.record(name + ": rate", "events/s", [f.rate for f in figures], kind="rate", peer=beside.get("rate"))
    memory = case.record(name + ": memory", "MiB", [f.memory / 2**20 for f in figures], kind="bytes", peer=beside.get("memory"))
    return {"cpu": cpu, "rate": rate, "memory": memory}


def drain(bench, case, parameters):
    name, topic = parameters["peer"], shop(bench, parameters["events"], parameters["users"])
    chosen = dict(VARIANTS)[name]
    if bench.size != "tiny":
        same.of(bench, "shop").run([(name, chosen)], SHOP)
    peer, ours = in_turns(bench, (chosen, None), runs_of(bench.size, name), topic, parameters["events"], SHOP)
    record(case, "Millrace", ours, False, **record(case, name, peer, True))


def drain_bids(bench, case, parameters):
    topic, name, q11 = nexmark(bench, parameters["bids"]), parameters["peer"], parameters["job"] == "Nexmark q11"
    chosen = dict(Q11 if q11 else Q12)[name]
    if bench.size != "tiny":
        if q11:
            same.of(bench, "bids").run([(name, chosen)], BIDS)
        else:
            same.of(bench, "bids").counted(name, chosen, BIDS)
    who = (chosen, None) if q11 else (chosen,)    # q12 can't be said: what Millrace does never depends on the wall clock
    peer, *ours = in_turns(bench, who, 1, topic, parameters["bids"], BIDS, "nexmark.yaml")
    peer = record(case, name, peer, True)
    if ours:
        record(case, "Millrace", ours[0], False, **peer)


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


def under_load(bench, case, parameters):
    name = parameters["peer"]
    peer = live.run(bench, Engines(bench), dict(VARIANTS)[name], SHOP, parameters["rate"], parameters["state"])
    ours = live.run(bench, Engines(bench), None, SHOP, parameters["rate"], parameters["state"])
    beside = {}
    for who, found in ((name, peer), ("Millrace", ours)):
        for level, values in found["latency"].items():
            for share, label in ((0.5, "p50"), (0.99, "p99"), (1, "max")):
                what = "latency %s, %s" % (label, level)
                line = case.record("%s: %s" % (who, what), "ms", percentile(values, share), kind="time", peer=beside.get(what),
                                   note="%d orders" % len(values))
                beside.setdefault(what, line)
        for what, values in found["recovery"].items():
            line = case.record("%s: %s" % (who, what), "s", values, kind="time", peer=beside.get(what))
            beside.setdefault(what, line)


def cases(size):
    if size not in SIZES:
        return []
    events, users, number = SIZES[size]
    shops = SMALL[:1] if size == "tiny" else VARIANTS
    found = [frame.Case("peers", {"job": "shop", "peer": name, "events": events, "users": users, "partitions": PARTITIONS}, drain,
                        seconds=60 + runs_of(size, name) * 130, disk=30 << 30, memory=6 << 30) for name, _ in shops]
    if size == "full":
        found += [frame.Case("peers", {"job": "shop at a rate", "peer": name, "rate": 2000, "state": 300_000, "partitions": PARTITIONS},
                             under_load, seconds=330, memory=6 << 30) for name, _ in BEST]
        found += [frame.Case("peers", {"job": job, "peer": name, "bids": number, "partitions": PARTITIONS}, drain_bids,
                             seconds=180, disk=20 << 30, memory=6 << 30)
                  for job, variants in (("Nexmark q11", Q11), ("Nexmark q12", Q12)) for name, _ in variants]
    return found
