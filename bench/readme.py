#!/usr/bin/python3
"""Puts the figures of the results file into README.md, section "How fast", between its two markers.

    readme.py [--check]      --check: fails where they are others
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import page  # noqa: E402
import results  # noqa: E402

README = os.path.join(results.ROOT, "README.md")
BEGIN, END = "<!-- made by bench/readme.py from bench/results.jsonl -->\n", "<!-- end -->\n"


def n(x):
    """Two or three digits, thousands apart."""
    if abs(x) >= 1000:
        digits = 10 ** (len(str(int(abs(x)))) - 3)
        return format(int(x / digits + 0.5) * digits, ",")
    return "%.3g" % x


def between(line, scale=1.0):
    """Median, and the least and greatest run."""
    text = n(line["median"] * scale)
    return text + (" (%s to %s)" % (n(line["min"] * scale), n(line["max"] * scale)) if line["runs"] > 1 else "")


def against(line):
    f = line.get("floor")
    return "; %.1f times %s" % (line["median"] / f["median"], "its floor" if f["name"] == "floor" else "a " + f["name"].split(",")[0]) \
        if f and f["median"] else ""


def core(figures):
    for users in sorted({f["parameters"]["users"] for f in figures.find("core", "apply", draw="shop")}):
        p = {"users": users, "draw": "shop"}
        line, decode = figures.one("core", "apply", **p), figures.one("core", "decode", **p)
        more = ", decoding %s of it" % n(decode["median"] / 1000) if decode else ""
        yield ("JSON in memory to actions, one core, %s users" % n(users),
               "%s µs an event%s%s" % (between(line, 1e-3), more, against(line)))
        memory = figures.one("core", "memory", **p)
        yield "memory with as many", "%s bytes a user" % n(memory["median"])
    for f in figures.find("core", "apply, instructions", draw="shop")[:1]:
        yield "instructions an event (%s)" % f["note"], n(f["median"])


def pipeline(figures):
    for name, what in (("run, memory", "from Kafka to Kafka, profiles in memory"), ("run, Redis", "the same, profiles in Redis"),
                       ("run, Redis, cold", "the same, most users read from Redis")):
        line = figures.one("pipeline", name)
        if line:
            bare = line["peer"]["median"]
            yield (what, "%s µs of CPU an event; a bare consumer takes %s%s" % (between(line), n(bare), against(line)))


def latency(figures):
    seen = figures.find("latency", "read_uncommitted, p99")
    if not seen:
        return
    top = max(f["parameters"]["rate"] for f in seen)
    for rate in dict.fromkeys((1000, top)):
        for level in ("uncommitted", "committed"):
            lines = [figures.one("latency", "read_%s, %s" % (level, p), rate=rate) for p in ("p50", "p99")]
            if all(lines):
                bare = [f["floor"]["median"] for f in lines if "floor" in f]
                yield ("event to action at %s events/s, read_%s" % (n(rate), level), "p50 %s ms, p99 %s ms%s" % (
                    n(lines[0]["median"]), n(lines[1]["median"]),
                    "; a bare relay %s and %s" % tuple(map(n, bare)) if len(bare) == 2 else ""))


def recovery(figures):
    for f in sorted(figures.find("recovery", "first action after a kill"), key=lambda f: f["parameters"]["users"]):
        users = f["parameters"]["users"]
        yield ("first action after a kill, restarted in place, %s user%s" % (n(users), "s" * (users > 1)), between(f) + " s")


def peers(figures):
    for f in figures.find("peers", "Millrace: CPU", job="shop"):
        yield ("sessions, sums and an abandoned cart, drained; beside %s" % f["parameters"]["peer"],
               "%s µs of CPU an event; the peer takes %s" % (between(f), n(f["peer"]["median"])))


def table(lines):
    """The lines between the markers."""
    figures = page.Figures(lines)
    h, rows = figures.host, [row for part in (core, pipeline, latency, recovery, peers) for row in part(figures)]
    commits = list(dict.fromkeys(f["commit"] for f in figures.latest))
    head = "On an %s, %d cores, %d GiB, Linux %s, at commit %s; medians, with the least and greatest run%s:\n\n" % (
        h["cpu"], h["cores"], h["memory_gib"], h["kernel"], ", ".join(commits),
        ".\nOthers used the machine at the same time: take instructions and CPU time from it, not latencies" if results.shared(figures.latest) else "")
    return head + "| what | figure |\n|---|---|\n" + "".join("| %s | %s |\n" % row for row in rows)


def main():
    with open(README, encoding="utf-8") as f:
        text = f.read()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    made = table(results.read())
    if "--check" in sys.argv:
        if text[begin:end] != made:
            sys.exit("README.md has other figures than bench/results.jsonl: run bench/readme.py\n" + made)
        return
    with open(README, "w", encoding="utf-8") as f:
        f.write(text[:begin] + made + text[end:])


if __name__ == "__main__":
    main()
