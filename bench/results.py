"""The results file: one JSON line a figure. All that is measured is recorded here, a peer's figures too.

    results = Results("bench/results.jsonl")
    with results.case("pipeline", {"partitions": 4, "users": 1000}, seed=1) as case:
        bare = case.record("bare consumer", "us/event", [0.41, 0.40, 0.43], kind="cpu")
        case.record("run", "us/event", [4.9, 4.8, 5.1], kind="cpu", floor=bare)

A case is what one measurement gives: its figures have the same suite and parameters, and are written
together when the block ends well, so that an interrupted one leaves nothing behind. A line has

    commit, time, host, compiler   of this checkout (a trailing + : with changes), of this machine
    others                         cores that were busy with what is not of the benchmark while its case ran
    suite, parameters, seed        of the case
    name, unit, runs, min, median, max
    kind         what is counted, which decides how far it may spread: see KINDS
    floor, peer  {name, median} of a figure of the same case that it is to be held against
    unsteady     true where the spread, (max - min) / median, is over what its kind allows
    note         one sentence, where something must be known to read the figure
"""
import contextlib
import functools
import json
import os
import re
import statistics
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PATH = os.path.join(ROOT, "bench/results.jsonl")
# Kinds, and the spread beyond which a figure is marked unsteady; None: never (its spread is shown).
KINDS = {"instructions": 0.02, "cpu": 0.15, "time": None, "rate": None, "bytes": None, "count": None}
# Written while benchmarks run, so they don't make the checkout another one.
WRITTEN = (":!bench/results.jsonl", ":!README.md")


def git(*args, cwd=ROOT):
    r = subprocess.run(["git", "-c", "safe.directory=*", *args], cwd=cwd, capture_output=True, text=True, check=False)
    return r.stdout.strip() if r.returncode == 0 else None


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n", 1)[0]
    except FileNotFoundError:
        return "unknown"


@functools.cache
def commit():
    """The short hash of what is checked out, with + where it was changed; unknown in an unpacked archive."""
    return (git("rev-parse", "--short=10", "HEAD") or "unknown") + ("+" if git("status", "--porcelain", "--", ".", *WRITTEN) else "")


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        found = re.search(r"^model name\s*: (.*)$", f.read(), re.M)
    return re.sub(r"\s+", " ", found.group(1)).strip() if found else os.uname().machine


def memory_bytes(what="MemTotal"):
    with open("/proc/meminfo", encoding="utf-8") as f:
        return int(re.search(r"^%s:\s+(\d+) kB" % what, f.read(), re.M).group(1)) << 10


@functools.cache
def _host():
    return {"cpu": cpu_model(), "cores": os.cpu_count(), "memory_gib": round(memory_bytes() / 2**30),
            "kernel": re.match(r"[\d.]*\d", os.uname().release).group(0)}


def host():
    """What the machine is; nothing that says whose it is."""
    return dict(_host())


@functools.cache
def compiler():
    line = first_line("cc", "--version")
    return ("clang " if "clang" in line else "gcc ") + line.split()[-1]


def spread(values):
    middle = statistics.median(values)
    return (max(values) - min(values)) / abs(middle) if middle else 0.0


def rounded(x):
    """Six digits: more than any of it is worth, and lines stay short."""
    return float("%.6g" % x) if isinstance(x, float) else x


def read(path=PATH):
    """All lines of a results file, oldest first."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


# Parameters that say how long was measured, not what.
LENGTHS = ("events", "runs", "seconds")


def latest(lines):
    """The last figure of each (suite, parameters but for LENGTHS, name), in the order in which they first came:
    a full run's take the place of a quick one's."""
    found = {}
    for line in lines:
        found[key_of(line, LENGTHS) + (line["name"],)] = line
    return list(found.values())


# Of a core; what a machine does for itself is less.
OTHERS_MAX = 0.1


def shared(lines):
    """Whether others used the machine while one of these was measured. Older lines have the load average of when
    their run began instead, which takes the run before for others."""
    return any(line["others"] > OTHERS_MAX if "others" in line else line.get("load", 0) > line["host"]["cores"] for line in lines)


def key_of(line, without=()):
    return line["suite"], json.dumps({k: v for k, v in line["parameters"].items() if k not in without}, sort_keys=True)


class Case:
    """The figures of one measurement; written by Results.end."""

    def __init__(self, suite, parameters, seed):
        self.suite, self.parameters, self.seed, self.lines = suite, dict(parameters), seed, []
        self.seconds = self.others_s = 0.0     # how long it ran, and the CPU seconds that others took meanwhile

    def record(self, name, unit, values, kind, floor=None, peer=None, note=None):
        """Adds a figure: `values` are those of each run, and what is kept is their least, median and
        greatest. floor (what it can't go below) and peer (another program at the same job) are figures
        of the same case, as this function returns them. Returns the figure, a dict as it is written."""
        values = [values] if isinstance(values, (int, float)) else list(values)
        assert values and kind in KINDS, (name, kind)
        line = {"commit": commit(), "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "host": host(),
                "compiler": compiler(), "suite": self.suite, "name": name, "parameters": self.parameters, "unit": unit,
                "kind": kind, "seed": self.seed, "runs": len(values), "min": rounded(min(values)),
                "median": rounded(statistics.median(values)), "max": rounded(max(values))}
        for what, other in (("floor", floor), ("peer", peer)):
            if other is not None:
                line[what] = {"name": other["name"], "median": other["median"]}
        if KINDS[kind] is not None and spread(values) > KINDS[kind]:
            line["unsteady"] = True
        if note:
            line["note"] = note
        self.lines.append(line)
        return line


class Results:
    """Appends to a results file. With `resume`, `done` says what it has from this commit and host."""

    def __init__(self, path=PATH, resume=False, show=None):
        self.path, self.show = path, show or (lambda line: None)
        self.had = {key_of(line) + (line["seed"],) for line in read(path)
                    if line["commit"] == commit() and line["host"] == host()} if resume else set()

    def done(self, suite, parameters, seed=None):
        return not commit().endswith("+") and (suite, json.dumps(parameters, sort_keys=True), seed) in self.had

    def end(self, case):
        """Writes the figures of a case that ended well."""
        others = round(case.others_s / case.seconds, 2) if case.seconds else 0.0
        with open(self.path, "a", encoding="utf-8") as f:
            f.writelines(json.dumps({**line, "others": others}) + "\n" for line in case.lines)
        for line in case.lines:
            self.show(line)

    @contextlib.contextmanager
    def case(self, suite, parameters, seed=None):
        case = Case(suite, parameters, seed)
        yield case
        self.end(case)
