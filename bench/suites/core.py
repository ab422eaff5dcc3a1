"""JSON in memory to actions, on one core: stage by stage, and how it grows."""
import json
import os

import callgrind
from suite import ROOT, RUNS, Case

CONFIG = os.path.join(ROOT, "bench/core.yaml")
# (figure, bench_core's stage, the stage before): a stage is what it adds, with the decoding of what it reads.
STAGES = (("identify", "identify", None), ("lookup", "lookup", "identify"), ("session", "sessions", "lookup"),
          ("profile", "profile", "sessions"), ("rules", "rules", "profile"), ("churn", "churn", "rules"),
          ("encode", "encode", "rules"))
GIB = 1 << 30
BYTES_A_USER = 1850     # of the process, as measured at a million; for what is left out
GRIND_USERS_MAX = 10000


def room(users):
    return users * BYTES_A_USER + GIB


def cases(size):
    def case(users, events, runs, seconds, draw="shop"):
        return Case("core", {"users": users, "events": events, "draw": draw, "runs": runs}, measure, seconds, 1, room(users))
    if size == "tiny":
        return [case(50, 1000, 1, 12)]
    if size == "quick":
        return [case(1000, 50000, RUNS, 12), case(100000, 50000, RUNS, 32)]
    draws = [case(users, 300000, RUNS, whole if draw == "shop" else few, draw)
             for users, whole, few in ((1000, 70, 15), (100000, 90, 20), (1000000, 240, 60)) for draw in ("shop", "uniform", "zipf")]
    return draws + [case(10000000, 1000000, 1, 300)]


def stages_of(bench, config, p, *more):
    """{stage: what bench_core says of it} of one run, in a process of its own: where memory lies makes figures
    differ too. Where users are many, each has an event beforehand."""
    args = ["--events", p["events"], "--users", p["users"], "--runs", 1, "--seed", 1, "--warm", "--json", *more]
    if p["users"] >= 10000:
        args.append("--populate")
    out = bench.run(bench.program("bench/bench_core"), config, *args)
    return {r["stage"]: {**r, "ns": r["ns"][0]} for r in map(json.loads, out.splitlines())}


def floor_of(bench, p, most=200000):
    """{parse, touch} of one run, in ns."""
    found = json.loads(bench.run(bench.program("bench/bench_floor"), "--events", min(p["events"], most), "--users", p["users"], "--runs", 1))
    return {k: v[0] for k, v in found.items()}


class Runs:
    """What the runs of a case gave."""

    def __init__(self, bench, config, p, *more):
        self.bench, self.config, self.p, self.more, self.stages, self.floors = bench, config, p, more, [], []

    def turns(self):
        for _ in range(self.p["runs"]):
            self.stages.append(stages_of(self.bench, self.config, self.p, *self.more))
            self.floors.append(floor_of(self.bench, self.p))
            yield

    def of(self, stage, what, before=None):
        """What of a stage, less that of the one before; None where it is not known."""
        if what not in self.stages[0][stage]:
            return None
        return [r[stage][what] - (r[before][what] if before else 0) for r in self.stages]


def record_floor(case, floors):
    case.record("bare parse", "ns/event", [f["parse"] for f in floors], "cpu", note="simdjson's first stage alone")
    case.record("one access a user", "ns/event", [f["touch"] for f in floors], "cpu", note="one cache line of a user, waited for")
    return case.record("floor", "ns/event", [f["parse"] + f["touch"] for f in floors], "cpu",
                       note="a bare parse and one access a user")


def whole(case, runs):
    """The figures of a whole configuration."""
    floor, ns = record_floor(case, runs.floors), runs.of("rules", "ns")
    case.record("apply", "ns/event", ns, "cpu", floor=floor)
    case.record("rate", "events/s", [1e9 / x for x in ns], "rate")
    case.record("allocations", "calls/event", runs.of("rules", "allocations"), "count")
    case.record("memory", "bytes/user", runs.of("rules", "bytes_a_user"), "bytes")
    if missed := runs.of("rules", "cache_misses"):
        case.record("cache misses", "misses/event", missed, "count")


def by_callgrind(bench, config, p, *more):
    """{stage: instructions}, for a machine that counts none itself; the events are fewer, the same every time."""
    events = {"tiny": 500, "quick": 3000, "full": 10000}[bench.size]
    return callgrind.instructions(bench.program("bench/bench_core"), config, events, "--users", p["users"], *more)


def measure(bench, case, p):
    few = ("--stage", "rules") if p["users"] > 1000000 or p["draw"] != "shop" else ()
    runs = Runs(bench, CONFIG, p, "--draw", p["draw"], *few)
    yield from runs.turns()
    whole(case, runs)
    if few:
        return
    case.record("decode", "ns/event", runs.of("decode", "ns"), "cpu", note="all fields that the whole configuration reads")
    for name, stage, before in STAGES:
        case.record("stage " + name, "ns/event", runs.of(stage, "ns", before), "cpu")
        case.record("stage %s, allocations" % name, "calls/event", runs.of(stage, "allocations", before), "count")
    if runs.of("rules", "instructions"):
        record_instructions(case, runs.of, "hardware counters")
        return
    bench.log("  no hardware counters here: instructions by callgrind, cache misses not at all")
    if p["users"] <= GRIND_USERS_MAX and p["draw"] == "shop":
        counted = by_callgrind(bench, CONFIG, p)
        record_instructions(case, lambda stage, _, before=None: [counted[stage] - (counted[before] if before else 0)], "callgrind")


def record_instructions(case, of, by):
    """of: as Runs.of."""
    for name in ("apply", "decode"):
        case.record(name + ", instructions", "instructions/event", of("rules" if name == "apply" else name, "instructions"),
                    "instructions", note="by " + by)
    for name, stage, before in STAGES:
        case.record("stage %s, instructions" % name, "instructions/event", of(stage, "instructions", before), "instructions",
                    note="by " + by)
