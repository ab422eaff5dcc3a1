"""What a suite of benchmarks is: a module with `cases(size)`, which gives a list of Case.

    def cases(size):                       # size: "tiny" (does it run), "quick" or "full"
        return [Case("peers", {"job": "sessions", "users": 1000}, measure, seconds=60)]

    def measure(bench, case, parameters):
        for each run:
            ...
            yield                          # other cases have their turn
        case.record(...)                   # see results.py

bench/run.py says beforehand how long the cases will take, leaves out those that memory or disk don't
allow, skips those that the results file has (--resume), and calls `measure` for the rest. A machine gets slower
and faster within minutes, so the runs of a figure are to lie as far apart as can be: where `measure` is a
generator, cases take turns, each as far as its next yield. What a run needs from another is in the generator;
what disturbs the runs of others must have ended at the yield. Without a yield nothing else is under way.
"""
import collections
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests/system"))

# So many that the median of a second run lies within the first's, by chance alone, 97 times in a hundred; of
# three it would 60 times.
RUNS = 9

# seconds: expected; memory, disk: bytes that must be free, beside what the servers need.
Case = collections.namedtuple("Case", "suite parameters measure seconds seed memory disk", defaults=(1, 0, 0))


class LeftOut(Exception):
    """Raised by `measure` where a case turns out to be beyond this machine; nothing is recorded."""


class Bench:
    """What is at hand while a case is measured: the build, a scratch folder, servers once they are asked for."""

    def __init__(self, build, size, log=print):
        self.build, self.size, self.log, self.root = os.path.abspath(build), size, log, ROOT
        self._servers = None

    def __enter__(self):
        self._scratch = tempfile.TemporaryDirectory(prefix="mr-bench-")
        self.scratch = self._scratch.name
        return self

    def __exit__(self, *_):
        self.end_servers()
        self._scratch.cleanup()

    def program(self, name):
        return os.path.join(self.build, name)

    @property
    def millrace(self):
        return self.program("millrace")

    @property
    def servers(self):
        """A Kafka and a Redis: tests/system/harness.Servers, started when first asked for."""
        if self._servers is None:
            import harness
            self._servers = harness.Servers(ROOT).__enter__()
        return self._servers

    def end_servers(self):
        """Ends them, with all that they hold; the next to ask has fresh ones."""
        if self._servers is not None:
            self._servers.__exit__()
            self._servers = None

    def fresh_redis(self):
        """A Redis that holds nothing, with the memory of one: what FLUSHALL frees is not all given back."""
        for command in ("stop-redis", "start-redis"):
            self.servers.do(command)

    def run(self, *command, timeout=3600):
        """Standard output of a command that must end well."""
        r = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout, check=False)
        if r.returncode:
            raise RuntimeError("%s: exit code %d\n%s" % (" ".join(map(str, command)), r.returncode, r.stderr[-3000:]))
        return r.stdout
