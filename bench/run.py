"""Runs suites of benchmarks and appends their figures to a results file; deploy/bench.sh builds, then calls this.

    run.py [--quick | --tiny] [--suite NAME]... [--resume] [--results FILE] [--build DIR] [--list]

Each suite is a module, see suite.py; each figure a line, see results.py.
"""
import argparse
import importlib
import inspect
import os
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import others  # noqa: E402
import results  # noqa: E402
import suite  # noqa: E402

# Suite: module. The order is that of a run.
SUITES = {"core": "suites.core", "growth": "suites.growth", "pipeline": "suites.pipeline", "latency": "suites.latency",
          "recovery": "suites.recovery",
          "peers": "peers.suite"}
SUITES = {name: module for name, module in SUITES.items()
          if os.path.exists(os.path.join(suite.HERE, module.replace(".", "/") + ".py"))}


def duration(seconds):
    seconds = int(seconds + 0.5)
    if seconds < 90:
        return "%d s" % seconds
    return "%d min" % (seconds / 60 + 0.5) if seconds < 5400 else "%d h %02d min" % (seconds / 3600, seconds / 60 % 60)


def number(x):
    """Three digits, or whole where it is large."""
    return "%s" % format(int(x + 0.5), ",") if abs(x) >= 1000 else "%.3g" % x


def show(line):
    """One figure on a terminal or in a log, with its floor or peer beside it."""
    text = "  %-34s %10s %-14s" % (line["name"], number(line["median"]), line["unit"])
    if line["min"] < line["max"]:
        text += " (%s to %s)" % (number(line["min"]), number(line["max"]))
    for what in ("floor", "peer"):
        other = line.get(what)
        if other and other["median"]:
            text += "  %.3g x %s (%s)" % (line["median"] / other["median"], other["name"], number(other["median"]))
    print(text + ("  unsteady" if line.get("unsteady") else ""), flush=True)


def described(case):
    return "%s: %s" % (case.suite, ", ".join("%s %s" % (k.replace("_", " "), v) for k, v in case.parameters.items()))


def obstacle(case, scratch):
    """Why a case can't be run here; None: it can."""
    free = shutil.disk_usage(scratch).free
    if case.memory > results.memory_bytes("MemAvailable"):
        return "needs %.1f GiB of memory, %.1f are free" % (case.memory / 2**30, results.memory_bytes("MemAvailable") / 2**30)
    if case.disk > free:
        return "needs %.1f GiB of disk, %.1f are free" % (case.disk / 2**30, free / 2**30)
    return None


# Takes long in any size, so only the full run has it unless it is asked for.
LONG = ("peers",)


def chosen(names, size):
    if not names:
        names = [name for name in SUITES if size == "full" or name not in LONG]
        if left := [name for name in SUITES if name not in names]:
            print("left out unless asked for: --suite %s" % ", ".join(left))
    return [c for name in names for c in importlib.import_module(SUITES[name]).cases(size)]


def plan(cases, into, scratch):
    """The cases to be run; says what is left out and why, and how long the rest will take."""
    todo = [c for c in cases if not into.done(c.suite, c.parameters, c.seed)]
    if len(todo) < len(cases):
        print("%d of %d cases are in %s already" % (len(cases) - len(todo), len(cases), os.path.basename(into.path)))
    possible = []
    for c in todo:
        why = obstacle(c, scratch)
        if why:
            print("left out: %s (%s)" % (described(c), why))
        else:
            possible.append(c)
    print("%d cases; expected to take about %s" % (len(possible), duration(sum(c.seconds for c in possible))), flush=True)
    return possible


# Suites whose cases take turns with one another's: nothing that they leave running has anything to do.
TOGETHER = ("core", "growth", "pipeline")
TOGETHER_S = 300      # so long at most: a case that is interrupted leaves no figures


def batches(cases):
    """Lists of cases that take turns."""
    out, before, seconds = [], None, 0
    for c in cases:
        kind = inspect.isgeneratorfunction(c.measure) and ("together" if c.suite in TOGETHER else c.suite)
        if not kind or kind != before or seconds + c.seconds > TOGETHER_S:
            out.append([])
            seconds = 0
        out[-1].append(c)
        before, seconds = kind, seconds + c.seconds
    return out


class Turns:
    """A case under way."""

    def __init__(self, c, into):
        self.c, self.into, self.case, self.rest = c, into, results.Case(c.suite, c.parameters, c.seed), None

    def turn(self, bench):
        """Its next run; whether more follow."""
        if self.rest is None:
            self.rest = self.c.measure(bench, self.case, self.c.parameters) or iter(())
        return next(self.rest, self) is not self

    def go(self, bench, watch):
        """(whether it has ended, whether it failed)."""
        try:
            watch.since()
            more = self.turn(bench)
            seconds, others_s = watch.since()
            self.case.seconds += seconds
            self.case.others_s += others_s
            if not more:
                print("-- " + described(self.c), flush=True)
                self.into.end(self.case)
            return not more, False
        except suite.LeftOut as e:
            print("-- %s\n  left out: %s" % (described(self.c), e), flush=True)
            return True, False
        except Exception as e:   # pylint: disable=broad-except  # one case that fails must not cost the others
            print("-- %s\n  FAILED: %s: %s" % (described(self.c), type(e).__name__, e), flush=True)
            return True, True


def run(cases, bench, into):
    """Runs them all; the number of those that failed."""
    failed, done, begun, watch = 0, 0, time.monotonic(), others.Others()
    for batch in batches(cases):
        print("%d in turns: cases %d to %d of %d; about %s left" % (
            len(batch), done + 1, done + len(batch), len(cases), duration(sum(c.seconds for c in cases[done:]))), flush=True)
        done += len(batch)
        under_way = [Turns(c, into) for c in batch]
        while under_way:
            ended = [(t, *t.go(bench, watch)) for t in under_way]
            failed += sum(bad for _, _, bad in ended)
            under_way = [t for t, is_over, _ in ended if not is_over]
    print("%d cases in %s, %d failed" % (len(cases), duration(time.monotonic() - begun), failed))
    return failed


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="about three minutes")
    parser.add_argument("--tiny", action="store_true", help="whether each runs at all; its figures mean nothing")
    parser.add_argument("--suite", action="append", choices=list(SUITES), help="only this one; may be repeated")
    parser.add_argument("--resume", action="store_true", help="skip what the file has from this commit and host")
    parser.add_argument("--results", help="the file to append to: bench/results.jsonl; with --tiny none that is kept")
    parser.add_argument("--build", default=os.path.join(suite.ROOT, "build"))
    parser.add_argument("--list", action="store_true", help="say what would be run, and end")
    return parser.parse_args()


def main():
    args = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))     # so that servers end with it
    signal.signal(signal.SIGINT, lambda *_: sys.exit(1))
    size = "tiny" if args.tiny else "quick" if args.quick else "full"
    host = results.host()
    print("commit %s; %s, %d cores, %d GiB, Linux %s; %s" % (
        results.commit(), host["cpu"], host["cores"], host["memory_gib"], host["kernel"], results.compiler()))
    with suite.Bench(args.build, size) as bench:
        path = args.results or (os.path.join(bench.scratch, "tiny.jsonl") if args.tiny else results.PATH)
        into = results.Results(path, args.resume, show)
        cases = plan(chosen(args.suite, size), into, bench.scratch)
        if args.list:
            for c in cases:
                print("%s (%s)" % (described(c), duration(c.seconds)))
            return 0
        return 1 if run(cases, bench, into) else 0


if __name__ == "__main__":
    sys.exit(main())
