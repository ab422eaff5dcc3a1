"""The dashboard's sections: what of the results file is drawn where. bench/dashboard puts them together."""
import chart
import results
from chart import Bar, Point, Series, esc

TOLERANCE = 0.15     # of figures of which one run is all there is, and that are no instructions


class Figures:
    """The figures of one machine: the last line's, unless another is asked for."""

    def __init__(self, lines, host=None):
        self.host = host or lines[-1]["host"]
        self.all = [line for line in lines if line["host"] == self.host]
        self.others = len(lines) - len(self.all)
        self.latest = results.latest(self.all)

    def find(self, suite, name, history=False, **parameters):
        """Of the latest (or of all) figures those of that name with these parameters."""
        return [line for line in (self.all if history else self.latest) if line["suite"] == suite and line["name"] == name and
                all(line["parameters"].get(k) == v for k, v in parameters.items())]

    def one(self, suite, name, **parameters):
        """The newest of them, or None."""
        found = self.find(suite, name, **parameters)
        return max(found, key=lambda line: line["time"]) if found else None


def unit_of(line):
    return line["unit"].replace("us/", "µs/")


def said(line):
    """A figure in one line, for tooltips."""
    text = "%s: %s %s" % (line["name"], chart.human(line["median"]), unit_of(line))
    if line["runs"] > 1:
        text += " (%s to %s, %d runs)" % (chart.human(line["min"]), chart.human(line["max"]), line["runs"])
    return text + "; commit %s%s" % (line["commit"], "; unsteady" if line.get("unsteady") else "")


def point(x, line, scale=1.0, mark=False):
    return Point(x, line["median"] * scale, line["min"] * scale, line["max"] * scale, said(line), mark)


def series(name, found, parameter, color, dashed=False, scale=1.0):
    return Series(name, [point(line["parameters"][parameter], line, scale) for line in
                         sorted(found, key=lambda line: line["parameters"][parameter])], color, dashed)


# ---- what got worse ----

def worse(before, now):
    """Whether a figure got worse by more than it spreads, then or now."""
    grown = (before["median"] - now["median"]) if now["kind"] == "rate" else (now["median"] - before["median"])
    limit = results.KINDS[now["kind"]] or TOLERANCE
    allowed = max([line["max"] - line["min"] for line in (before, now)] + [limit * abs(before["median"])])
    return grown > allowed


def by_commit(lines):
    """The last figure of each commit, oldest first."""
    found = {}
    for line in lines:
        found.pop(line["commit"], None)
        found[line["commit"]] = line
    return list(found.values())


def worsened(figures):
    """(before, now) of each latest figure that is worse than the commit's before it."""
    histories = {}
    for line in figures.all:
        histories.setdefault(results.key_of(line) + (line["name"],), []).append(line)
    pairs = [by_commit(h)[-2:] for h in histories.values()]
    return [p for p in pairs if len(p) == 2 and worse(*p)]


def regressions(figures):
    rows = ["<tr><td>%s</td><td>%s</td><td class=n data-h=before>%s</td><td class=n data-h=now>%s</td><td class=n><span class=bad>%+.0f%%</span></td></tr>" % (
        esc(described(now)), esc(unit_of(now)), chart.human(was["median"]), chart.human(now["median"]),
        100 * (now["median"] / was["median"] - 1) if was["median"] else 0) for was, now in worsened(figures)]
    if not rows:
        return "<p data-worse=0>No figure is worse than at the commit before by more than it spreads.</p>"
    return table("worse", ["Figure", "Unit", ">Before", ">Now", ">Change"], rows)


def described(line):
    p = ", ".join("%s %s" % (k.replace("_", " "), chart.human(v) if isinstance(v, (int, float)) and not isinstance(v, bool) else v)
                  for k, v in line["parameters"].items() if k not in results.LENGTHS)
    return "%s: %s (%s)" % (line["suite"], line["name"], p)


def table(name, heads, rows):
    """heads: of columns; one that begins with > is of numbers."""
    return '<div class="scroll"><table data-table="%s"><thead><tr>%s</tr></thead><tbody>%s</tbody></table></div>' % (
        name, "".join("<th class=n>%s</th>" % h[1:] if h.startswith(">") else "<th>%s</th>" % h for h in heads), "".join(rows))


# ---- goals ----

def goals(figures):
    """(what, goal, measured, reached) of what design asks for; only what has been measured."""
    out = []

    def add(what, goal, line, text, reached):
        out.append((what, goal, text, reached, line))
    core = figures.one("core", "rate", users=1000, draw="shop")
    if core:
        add("JSON in memory to actions, one core", "1M events/s", core, chart.human(core["median"]) + " events/s", core["median"] >= 1e6)
    pipe = [f for f in figures.find("pipeline", "run, memory, rate") if "floor" in f]
    if pipe:
        best = max(pipe, key=lambda f: f["median"])
        share = best["median"] / best["floor"]["median"]
        add("From Kafka, users hot, against a bare consumer", "80%, or the rate in memory", best, "%.0f%%: %s events/s" % (
            100 * share, chart.human(best["median"])), share >= 0.8 or (core is not None and best["median"] >= core["median"]))
    for name in ("p50", "p99"):
        seen = [f for f in figures.find("latency", "read_uncommitted, " + name) if "floor" in f]
        if seen:
            worst = max(seen, key=lambda f: f["median"] / f["floor"]["median"])
            ratio = worst["median"] / worst["floor"]["median"]
            add("Event to action, %s, against a bare relay" % name, "1.5 times", worst, "%.2f times at worst, at %s events/s" % (
                ratio, chart.human(worst["parameters"]["rate"])), ratio <= 1.5)
    inside = figures.find("latency", "inside: drain to action, p99 below")
    if inside:
        worst = max(inside, key=lambda f: f["median"])
        add("Inside the process, p99", "1 ms", worst, "below %s ms at worst, at %s events/s" % (
            chart.human(worst["median"]), chart.human(worst["parameters"]["rate"])), worst["median"] <= 1)
    again = figures.find("recovery", "first action after a kill")
    if again:
        slow = max(again, key=lambda f: f["median"])
        add("First action after a kill, restarted in place", "3 s", slow, "%.1f s with %s users" % (
            slow["median"], chart.human(slow["parameters"]["users"])), slow["median"] <= 3)
    return out + peer_goals(figures)


def peer_goals(figures):
    out = []
    for kind, share in (("Kafka Streams", 10), ("Flink", 20)):
        found = [f for f in figures.find("peers", "Millrace: CPU", job="shop") if f.get("peer", {}).get("name", "").startswith(kind)]
        if found:
            least = min(found, key=lambda f: f["peer"]["median"] / f["median"])
            times = least["peer"]["median"] / least["median"]
            out.append(("CPU an event against the best of %s" % kind, "1/%d" % share, "1/%.1f" % times, times >= share, least))
    return out


def goals_table(figures):
    rows = ["<tr title='%s'><td>%s</td><td data-h=goal>%s</td><td data-h=measured>%s</td><td><span class=%s>%s</span></td></tr>" % (
        esc(described(line)), esc(what), esc(goal), esc(text), "good" if ok else "bad", "✓ reached" if ok else "✗ not yet")
        for what, goal, text, ok, line in goals(figures)]
    return table("goals", ["What", "Goal", "Measured", ""], rows) if rows else ""


# ---- charts ----

def latency(figures):
    out = []
    for level, what in (("uncommitted", "Seen at once (read_uncommitted)"), ("committed", "Seen once committed (read_committed)")):
        found = [series(p, figures.find("latency", "read_%s, %s" % (level, p)), "rate", i) for i, p in enumerate(("p50", "p99", "p99.9"))]
        found += [series("bare relay, " + p, figures.find("latency", "bare relay, read_%s, %s" % (level, p)), "rate", c, True)
                  for c, p in ((0, "p50"), (1, "p99"))]
        out.append(chart.lines("latency-" + level, what, found, "events/s sent", "ms from event to action", y_log=True))
    inside = [series(name, figures.find("latency", "inside: %s, mean" % name), "rate", i) for i, name in
              enumerate(("drain to action", "commit", "store read", "store write"))]
    out.append(chart.lines("latency-inside", "Inside the process, by stage", inside, "events/s sent", "ms, mean", y_log=True))
    return out


def bar(line, name, color, scale=1.0):
    return Bar(name, line["median"] * scale, line["min"] * scale, line["max"] * scale, color, said(line))


def cpu(figures):
    """CPU an event beside the floor: in memory by stage, and from Kafka to Kafka."""
    out = []
    for users in sorted({f["parameters"]["users"] for f in figures.find("core", "stage lookup", draw="shop")}):
        p = {"users": users, "draw": "shop"}
        rows = [bar(figures.one("core", "stage " + s, **p), s, 0) for s in ("identify", "lookup", "session", "profile", "rules", "churn", "encode")]
        rows = [bar(figures.one("core", "floor", **p), "floor: bare parse, one access a user", 4)] + \
            [r for r in rows if r.value > 0] + [bar(figures.one("core", "apply", **p), "all: JSON to actions (without churn, encode)", 1)]
        out.append(chart.bars("stages-%d" % users, "In memory, %s users" % chart.human(users), rows, "ns of CPU an event",
                              "What each stage adds, with the decoding of what it reads."))
    for line in sorted(figures.find("pipeline", "bare consumer"), key=lambda f: (f["parameters"]["users"], f["parameters"]["partitions"])):
        p = {k: line["parameters"][k] for k in ("users", "partitions", "draw")}
        names = (("bare consumer", 4), ("floor", 4), ("run, memory", 0), ("run, Redis", 2), ("run, Redis, cold", 3))
        rows = [bar(f, name, color) for name, color in names if (f := figures.one("pipeline", name, **p))]
        out.append(chart.bars("pipeline-%d-%d" % (p["partitions"], p["users"]), "Kafka to Kafka, %d partition%s, %s users" % (
            p["partitions"], "s" * (p["partitions"] > 1), chart.human(p["users"])), rows, "µs of CPU an event"))
    return out


def throughput(figures):
    names = (("bare consumer, rate", 4, True), ("run, memory, rate", 0, False), ("run, Redis, rate", 2, False))
    found = [series(name[:-6], figures.find("pipeline", name, draw="shop"), "partitions", c, d) for name, c, d in names]
    return [chart.lines("throughput", "Kafka to Kafka, users hot", found, "partitions", "events/s", x_log=False)]


def growth(figures):
    out = []
    for axis, key in (("users", "users"), ("rules", "rules"), ("profile values", "values"), ("steps under way", "waits")):
        found = [series("apply", figures.find("growth", "apply", axis=axis), key, 0, scale=1e-3),
                 series("floor", figures.find("growth", "floor", axis=axis), key, 4, True, 1e-3)]
        label = "steps under way a user" if key == "waits" else axis
        log = key in ("users", "rules", "values")
        out.append(chart.lines("growth-" + key, "Cost by " + axis, found, label, "µs of CPU an event", x_log=log))
        memory = [series("memory", figures.find("growth", "memory", axis=axis), key, 2)]
        if key != "rules":
            out.append(chart.lines("memory-" + key, "Memory by " + axis, memory, label, "bytes a user", x_log=log))
    return out


HISTORIES = (("core", "apply", {"users": 1000, "draw": "shop"}, "In memory, 1,000 users"),
             ("core", "apply, instructions", {"users": 1000, "draw": "shop"}, "In memory, instructions"),
             ("core", "memory", {"users": 1000, "draw": "shop"}, "Memory of a user"),
             ("pipeline", "run, memory", {"partitions": 4, "draw": "shop"}, "Kafka to Kafka, in memory"),
             ("pipeline", "run, Redis", {"partitions": 4, "draw": "shop"}, "Kafka to Kafka, Redis"),
             ("latency", "read_uncommitted, p99", {"rate": 1000}, "p99 at 1,000 events/s, read_uncommitted"),
             ("latency", "read_committed, p99", {"rate": 1000}, "p99 at 1,000 events/s, read_committed"),
             ("recovery", "first action after a kill", {"users": 10000}, "First action after a kill"))


def history(figures):
    """Over commits; runs of other sizes are other figures, so only those like the newest are shown."""
    out = []
    for i, (suite, name, p, title) in enumerate(HISTORIES):
        newest = figures.one(suite, name, **p)
        if newest is None:
            continue
        found = by_commit([f for f in figures.find(suite, name, history=True, **p) if f["parameters"] == newest["parameters"]])[-20:]
        points = [point(k, f, mark=k > 0 and worse(found[k - 1], f)) for k, f in enumerate(found)]
        out.append(chart.lines("history-%d" % i, title, [Series(name, points, 0)], "commit", unit_of(newest),
                               x_names=[f["commit"][:7] for f in found]))
    return out


def peers(figures):
    """One chart a job and measure: Millrace beside each peer, all from the same runs."""
    out, found = [], [f for f in figures.latest if f["suite"] == "peers"]
    for job in dict.fromkeys(f["parameters"].get("job") for f in found):
        for what in dict.fromkeys(f["name"].split(": ", 1)[-1] for f in found if f["parameters"].get("job") == job):
            lines = [f for f in found if f["parameters"].get("job") == job and f["name"].split(": ", 1)[-1] == what]
            ours = [f for f in lines if f["name"].startswith("Millrace")]
            rows = [bar(max(ours, key=lambda f: f["time"]), "Millrace", 0)] if ours else []
            rows += [bar(f, f["name"].split(": ")[0], 2 if "Flink" in f["name"] else 1) for f in lines if f not in ours]
            out.append(chart.bars("peers-%s-%s" % (job, what), "%s: %s" % (job, what), rows, unit_of(lines[0]),
                                  log=max(r.value for r in rows) > 20 * min(r.value for r in rows if r.value > 0)))
    return out


def everything(figures):
    rows = []
    for f in figures.latest:
        against = "; ".join("%.3g × %s" % (f["median"] / f[k]["median"], f[k]["name"]) for k in ("floor", "peer")
                            if k in f and f[k]["median"])
        rows.append("<tr><td>%s</td><td class=n data-h=min>%s</td><td class=n data-h=median>%s</td><td class=n data-h=max>%s</td>"
                    "<td>%s</td><td>%s%s</td><td>%s</td></tr>" % (esc(described(f)), chart.human(f["min"]), chart.human(f["median"]), chart.human(f["max"]), esc(unit_of(f)), esc(against),
                        " <span class=bad>unsteady</span>" if f.get("unsteady") else "", esc(f["commit"])))
    return "<details><summary>All figures (%d)</summary>%s</details>" % (
        len(rows), table("all", ["Figure", ">Min", ">Median", ">Max", "Unit", "Against", "Commit"], rows))
