#!/usr/bin/python3
"""Fails where an event takes more than 5% more instructions than it did.

    gate.py ROOT BUILD [--regenerate]

Held against bench/instructions.json, where it has figures of this CPU model, compiler and valgrind, else
against the merge base with main, built for it here. Instructions are counted by callgrind, since time is
not steady and counters are not to be had everywhere. --regenerate writes this machine's figures into the
file: after a change that is worth its price, or that made it faster.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import callgrind  # noqa: E402
import results  # noqa: E402
import suite  # noqa: E402
from suites import core, growth  # noqa: E402

FILE = "bench/instructions.json"
GROWTH_MAX = 0.05
EVENTS, USERS = 3000, 200
SKIP = 77              # what meson takes for "skipped"
# Besides the stages of core.yaml: many of something.
AXES = ({"axis": "rules", "rules": 100}, {"axis": "profile values", "values": 30}, {"axis": "steps under way", "waits": 4})


def machine():
    return "%s; %s; %s" % (results.cpu_model(), results.compiler(), results.first_line("valgrind", "--version"))


def count(build, scratch):
    """{benchmark: instructions an event}."""
    program = os.path.join(build, "bench/bench_core")
    found = {"core, " + k: n for k, n in callgrind.instructions(program, core.CONFIG, EVENTS, "--users", USERS).items()}
    bench = suite.Bench(build, "tiny")
    bench.scratch = scratch
    for p in AXES:
        n = callgrind.instructions(program, growth.config_of(bench, p), EVENTS, "--users", USERS, "--stage", "rules")
        found["growth, %s: %d" % (p["axis"], p[growth.AXES[p["axis"]][0]])] = n["rules"]
    return found


def compare(now, before, against):
    """(lines to be shown, whether one of them grew by too much)."""
    lines, bad = [], False
    for name, n in sorted(now.items()):
        was = before.get(name)
        if not was:
            lines.append("%-32s %8.0f  (new)" % (name, n))
            continue
        grown = n / was - 1
        mark = ""
        if grown > GROWTH_MAX + 1e-9:
            mark, bad = "  GREW BY MORE THAN %d%%" % (100 * GROWTH_MAX), True
        elif grown < -GROWTH_MAX:
            mark = "  faster: regenerate %s" % FILE
        lines.append("%-32s %8.0f  %+.1f%% of %.0f%s" % (name, n, 100 * grown, was, mark))
    lines.append("instructions an event, against %s" % against)
    return lines, bad


def base_of(root):
    """The commit to be held against: the merge base with main, or on main itself its parent."""
    head = results.git("rev-parse", "HEAD", cwd=root)
    base = results.git("merge-base", "HEAD", "main", cwd=root) or results.git("merge-base", "HEAD", "origin/main", cwd=root)
    changed = results.git("status", "--porcelain", cwd=root)
    return results.git("rev-parse", "HEAD^", cwd=root) if base == head and not changed else base


def count_base(root, base, scratch):
    """The same of another commit; None where it can't be built or has no such benchmark."""
    tree = os.path.join(scratch, "base")
    if results.git("worktree", "add", "--detach", tree, base, cwd=root) is None:
        return None
    try:
        for command in (["meson", "setup", "-Dtests=false", "build"], ["ninja", "-C", "build", "bench/bench_core"]):
            subprocess.run(command, cwd=tree, capture_output=True, check=True)
        return count(os.path.join(tree, "build"), scratch)
    except (subprocess.CalledProcessError, RuntimeError) as e:
        print("%s: %s" % (base[:10], e))
        return None
    finally:
        results.git("worktree", "remove", "--force", tree, cwd=root)


def read(root):
    path = os.path.join(root, FILE)
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def regenerate(root, now):
    machines = {**read(root), machine(): {k: round(n, 1) for k, n in now.items()}}
    with open(os.path.join(root, FILE), "w", encoding="utf-8") as f:
        json.dump(machines, f, indent=1, sort_keys=True)
        f.write("\n")
    print("%s: %d figures of %s" % (FILE, len(now), machine()))


def main(root, build, *options):
    if not shutil.which("valgrind"):
        print("no valgrind, and so no instructions: run deploy/setup.sh")
        return SKIP
    with tempfile.TemporaryDirectory(prefix="mr-gate-") as scratch:
        now = count(build, scratch)
        if "--regenerate" in options:
            regenerate(root, now)
            return 0
        before, against = read(root).get(machine()), "figures of this machine in " + FILE
        if before is None:
            base = base_of(root)
            before, against = base and count_base(root, base, scratch), "commit %s" % (base or "")[:10]
        if not before:
            print("%s has no figures of this machine (%s), and there is no base to build" % (FILE, machine()))
            return SKIP
        lines, bad = compare(now, before, against)
        print("\n".join(lines))
        return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
