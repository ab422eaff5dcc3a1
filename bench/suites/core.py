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
        return [case(1000, 50000, RUNS, 14), case(100000, 50000, RUNS, 20)]
    draws = [case(users, 300000, RUNS, seconds, draw) for users, seconds in ((1000, 70), (100000, 90), (1000000, 240))
             for draw in ("shop", "uniform", "zipf")]
    return draws + [case(10000000, 1000000, 3, 900)]


def stages_of(bench, config, p, *more):
    """{stage: what bench_core says of it}; where users are many, each has an event beforehand."""
    args = ["--events", p["events"], "--users", p["users"], "--runs", p["runs"], "--seed", 1, "--json", *more]
    if p["users"] >= 10000:
        args.append("--populate")
    out = bench.run(bench.program("bench/bench_core"), config, *args)
    return {r["stage"]: r for r in map(json.loads, out.splitlines())}


def floor_of(bench, case, p):
    args = ["--events", min(p["events"], 200000), "--users", p["users"], "--runs", p["runs"]]
    f = json.loads(bench.run(bench.program("bench/bench_floor"), *args))
    case.record("bare parse", "ns/event", f["parse"], "cpu", note="simdjson's first stage alone")
    case.record("one access a user", "ns/event", f["touch"], "cpu", note="one cache line of a user, waited for")
    return case.record("floor", "ns/event", [a + b for a, b in zip(f["parse"], f["touch"])], "cpu",
                       note="a bare parse and one access a user")


def whole(case, r, floor):
    """The figures of a whole configuration."""
    line = case.record("apply", "ns/event", r["ns"], "cpu", floor=floor)
    case.record("rate", "events/s", [1e9 / ns for ns in r["ns"]], "rate")
    case.record("allocations", "calls/event", r["allocations"], "count")
    case.record("memory", "bytes/user", r["bytes_a_user"], "bytes")
    if "cache_misses" in r:
        case.record("cache misses", "misses/event", r["cache_misses"], "count")
    return line


def instructions(bench, config, p, *more):
    """By callgrind where the machine counts none itself; the events are fewer, the same every time."""
    events = {"tiny": 500, "quick": 3000, "full": 10000}[bench.size]
    return callgrind.instructions(bench.program("bench/bench_core"), config, events, "--users", p["users"], *more)


def measure(bench, case, p):
    few = ("--stage", "rules") if p["users"] > 1000000 else ()
    found = stages_of(bench, CONFIG, p, "--draw", p["draw"], *few)
    floor = floor_of(bench, case, p)
    whole(case, found["rules"], floor)
    if few:
        return
    case.record("decode", "ns/event", found["decode"]["ns"], "cpu", note="all fields that the whole configuration reads")
    for name, stage, before in STAGES:
        ns = found[stage]["ns"]
        added = [a - b for a, b in zip(ns, found[before]["ns"])] if before else ns
        case.record("stage " + name, "ns/event", added, "cpu")
        more = found[stage]["allocations"] - (found[before]["allocations"] if before else 0)
        case.record("stage %s, allocations" % name, "calls/event", more, "count")
    counted = {k: r["instructions"] for k, r in found.items() if "instructions" in r}
    if not counted:
        bench.log("  no hardware counters here: instructions by callgrind, cache misses not at all")
    if not counted and p["users"] <= GRIND_USERS_MAX and p["draw"] == "shop":
        counted = instructions(bench, CONFIG, p)
    if counted:
        record_instructions(case, counted, "callgrind" if "instructions" not in found["rules"] else "hardware counters")


def record_instructions(case, counted, by):
    case.record("apply, instructions", "instructions/event", counted["rules"], "instructions", note="by " + by)
    case.record("decode, instructions", "instructions/event", counted["decode"], "instructions", note="by " + by)
    for name, stage, before in STAGES:
        n = counted[stage] - (counted[before] if before else 0)
        case.record("stage %s, instructions" % name, "instructions/event", n, "instructions", note="by " + by)
