"""Instructions an event, counted by callgrind: the same in every run on one machine with one compiler, and
not dependent on what else it does. Callgrind's CPU has no AVX-512, so the libraries that choose code by the
CPU may choose other code than without it."""
import glob
import os
import re
import subprocess
import tempfile

WARM_UP = 5    # as in core.c: one part of so many is not measured


def parse(text):
    """(name, instructions) of one of callgrind's files; the name is None for the last, which is empty."""
    name = re.search(r"^desc: Trigger: Client Request: (\S+)$", text, re.M)
    totals = re.search(r"^totals: (\d+)", text, re.M)
    return name.group(1) if name else None, int(totals.group(1)) if totals else 0


def instructions(program, config, events, *args):
    """{stage: instructions an event} of bench_core with these arguments."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=" + os.path.join(scratch, "out"),
                   program, config, "--events", str(events), "--runs", "1", "--json", *map(str, args)]
        r = subprocess.run(command, capture_output=True, text=True, check=False)
        if r.returncode:
            raise RuntimeError("callgrind: %s" % r.stderr[-2000:])
        found = {}
        for path in glob.glob(os.path.join(scratch, "out*")):
            with open(path, encoding="utf-8") as f:
                name, n = parse(f.read())
            if name:
                found[name] = n / (events - events // WARM_UP)
    return found
