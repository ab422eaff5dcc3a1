"""What an event costs, and what a user takes, as there is more of something: users, rules on the same event
with different conditions, values of a profile, steps under way."""
import os

from suite import RUNS, Case
from suites import core

HEAD = """app: bench
input: {events: {topic: events}}
time: {zone: Europe/London}
output: {decisions: off}
session: {gap: 30m, longest: 24h}
"""
LENGTHS = ("1h", "1d", "7d", "30d", "90d")
EVENTS = ("Product Viewed", "Product Added", "Order Completed", "Page Viewed")


def value(i):
    """The i-th value of a profile: kinds, events and windows in turn."""
    event, over = EVENTS[i % len(EVENTS)], LENGTHS[i // 3 % len(LENGTHS)]
    kinds = ("{count: %s, over: %s}" % (event, over),
             "{sum: event.properties.price, of: %s, over: %s}" % (event, over),
             "{decayed_count: %s, half_life: %s}" % (event, over))
    return "  v%d: %s" % (i, kinds[i % len(kinds)])


def rule(i):
    """The i-th rule: half of them look for one product, half for a price; hardly any fires."""
    when = ('event.properties.product_id == "p-%d" && user.views >= %d' % (i, 50 + i) if i % 2 else
            "event.properties.price >= %d.5 && user.views >= 50" % (900 + i))
    return ("  r%d: {on: Product Viewed, when: '%s', at_most: 1 per day, "
            "then: [{send: {channel: push, template: t%d}}]}" % (i, when, i))


def waiting(i):
    return ("  w%d: {on: Product Viewed, cancel_on: {event: Order Refunded}, "
            "then: [{wait: %dd}, {send: {channel: push, template: t%d}}]}" % (i, 30 + i, i))


# Axis: its parameter, what comes before the lines that grow, and what makes one of them.
AXES = {"users": ("users", None, None),
        "rules": ("rules", ["profile:", "  views: {count: Product Viewed}", "rules:"], rule),
        "profile values": ("values", ["profile:"], value),
        "steps under way": ("waits", ["rules:"], waiting)}


def config_of(bench, p):
    """core.yaml for the axis of users; for the others as small a configuration as there can be."""
    if p["axis"] == "users":
        return core.CONFIG
    key, lines, make = AXES[p["axis"]]
    # A file of its own: cases take turns.
    path = os.path.join(bench.scratch, "growth-%s-%d.yaml" % (key, p[key]))
    with open(path, "w", encoding="utf-8") as f:
        f.write(HEAD + "\n".join(lines + [make(i) for i in range(p[key])]) + "\n")
    return path


def cases(size):
    tiny, quick = size == "tiny", size == "quick"
    events, runs = (1000, 1) if tiny else (30000, RUNS) if quick else (150000, RUNS)
    steps = {"users": (100, 200) if tiny else (1000, 10000, 100000) if quick else (1000, 10000, 100000, 1000000, 10000000),
             "rules": (1, 1000) if tiny else (1, 10, 100, 1000),
             "profile values": (1, 100) if tiny else (1, 10, 100) if quick else (1, 3, 10, 30, 100),
             "steps under way": (1, 8) if tiny else (1, 4, 16)}
    out = []
    for axis, (key, _, _) in AXES.items():
        for n in steps[axis]:
            p = {"axis": axis, "users": 1000, "events": events, key: n}
            p["runs"] = 1 if p["users"] > 1000000 else min(runs, 3) if p["users"] == 1000000 else runs
            slow = 1 + n / 100 * (axis == "rules") + p["users"] / 50000
            seconds = 0.5 if tiny else (1 + p["runs"] * (events * slow + p["users"] * (p["users"] >= 10000)) * 3e-6)
            out.append(Case("growth", p, measure, seconds, 1, core.room(p["users"])))
    return out


def measure(bench, case, p):
    runs = core.Runs(bench, config_of(bench, p), p, "--stage", "rules")
    yield from runs.turns()
    core.whole(case, runs)
    if bench.size != "tiny" and p["users"] <= core.GRIND_USERS_MAX:
        counted, by = runs.of("rules", "instructions"), "hardware counters"
        if counted is None:
            counted, by = core.by_callgrind(bench, runs.config, p, "--stage", "rules")["rules"], "callgrind"
        case.record("apply, instructions", "instructions/event", counted, "instructions", note="by " + by)
