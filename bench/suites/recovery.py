"""How long a subscriber that reads committed waits for actions after a kill, over a clean restart, and
while partitions move to another process and back: the measurements of tests/faults/recovery.py."""
import os
import sys
import time

from suite import ROOT, Case


def cases(size):
    def case(users, runs, seconds):
        return Case("recovery", {"users": users, "runs": runs}, measure, seconds, disk=users * 1000)
    if size == "tiny":
        return [case(100, 1, 30)]
    if size == "quick":
        return [case(10000, 1, 35)]
    return [case(1, 3, 50), case(10000, 3, 60), case(100000, 3, 70), case(1000000, 3, 200)]


def world_of(bench):
    """tests/faults' recovery.Recovery; its modules take the repository and the program from argv."""
    folder, argv = os.path.join(ROOT, "tests/faults"), sys.argv
    sys.path.insert(0, folder)
    sys.argv = ["recovery", ROOT, bench.millrace]
    try:
        import recovery
    finally:
        sys.argv = argv
        sys.path.remove(folder)
    return recovery.Recovery


def moved(test, change, there):
    """Seconds of the longest pause of a partition while `change` has the partitions moved."""
    import harness
    time.sleep(1)
    begun = time.monotonic()
    change()
    harness.until("the partitions have moved", 60, there)
    time.sleep(1)
    return max(test.follower.longest_pause(begun, time.monotonic(), p) for p in range(test.world.partitions))


def rebalance(test):
    """(pause when a second process joins, pause when it leaves)."""
    other = test.world.add("joining", memory="256MiB", commit="50ms", flush="1s")

    def all_run():
        return test.world.owned() == test.world.partitions
    joined = moved(test, other.start, lambda: all_run() and len(other.partitions()) > 0)
    left = moved(test, other.process.stop, all_run)
    test.world.instances.remove(other)
    return joined, left


def measure(bench, case, p):
    bench.end_servers()      # this has its own
    kind = world_of(bench)
    test = kind("test_restart_in_place")
    kind.setUpClass()
    try:
        instance = test.begin_with(p["users"])
        kills, restarts, moves = [], [], []
        for _ in range(p["runs"]):
            kills.append(test.one(instance))
            restarts.append(test.one(instance, lambda i: i.process.stop(30)))
            if p["users"] > 1:
                moves.append(rebalance(test))
        test.finish()
    finally:
        test.doCleanups()
        kind.doClassCleanups()
    for what, times in (("kill", kills), ("restart", restarts)):
        for name, values in zip(("first action after a %s", "all partitions after a %s", "longest stall over a %s"), zip(*times)):
            case.record(name % what, "s", values, "time")
    for name, values in zip(("longest stall, a process joins", "longest stall, a process leaves"), zip(*moves)):
        case.record(name, "s", values, "time")
