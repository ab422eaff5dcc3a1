"""The dashboard, opened in a headless browser: what is drawn is what the results file says, and it fits
a phone. Made-up figures, since real ones change. argv: the repository."""
import html
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = sys.argv.pop(1)
sys.path.insert(0, os.path.join(ROOT, "bench"))
import results  # noqa: E402

RATES = (100, 1000, 10000)
# Asks the page what it shows, in a frame of a phone's width: places are those on the screen.
PROBE = """
const box = e => { const r = e.getBoundingClientRect(); return {left: r.left, right: r.right, top: r.top, bottom: r.bottom}; };
const texts = e => [...e.querySelectorAll('text')].map(t => ({text: t.textContent, kind: t.getAttribute('class'), tick: t.dataset.tick, ...box(t)}));
const charts = [...document.querySelectorAll('figure')].map(f => ({name: f.dataset.chart, title: f.querySelector('h3').textContent,
  frame: box(f.querySelector('figure > svg')), legend: [...f.querySelectorAll('.legend li')].map(l => l.textContent),
  texts: texts(f.querySelector('figure > svg')), series: [...f.querySelectorAll('g[data-series]')].map(g => ({
    name: g.dataset.series, bars: [...g.querySelectorAll('rect')].map(b => ({value: b.dataset.value, ...box(b)})),
    look: getComputedStyle(g.querySelector('circle, rect')).fill + getComputedStyle(g.querySelector('path') || g).strokeDasharray,
    points: [...g.querySelectorAll('circle')].map(c => ({x: c.dataset.x, value: c.dataset.value, kind: c.getAttribute('class'), ...box(c)}))}))}));
const shown = {width: innerWidth, needed: document.documentElement.scrollWidth, background: getComputedStyle(document.body).backgroundColor,
  charts, goals: [...document.querySelectorAll('[data-table=goals] tbody tr')].map(r => r.innerText),
  worse: [...document.querySelectorAll('[data-table=worse] tbody tr')].map(r => r.innerText)};
parent.document.getElementById('shown').textContent = JSON.stringify(shown);
"""


def record(path):
    """Two commits; the second is worse in one figure, and within its spread in another."""
    def of(commit, apply, p99, rates):
        results.commit = lambda: commit
        into = results.Results(path)
        with into.case("core", {"users": 1000, "events": 10, "draw": "shop", "runs": 3}, 1) as case:
            floor = case.record("floor", "ns/event", [200.0, 210.0, 205.0], "cpu")
            case.record("apply", "ns/event", apply, "cpu", floor=floor)
            case.record("rate", "events/s", [1e9 / ns for ns in apply], "rate")
            for i, stage in enumerate(("identify", "lookup", "session", "profile", "rules", "churn", "encode")):
                case.record("stage " + stage, "ns/event", [100.0 + 10 * i], "cpu")
        for rate in rates:
            with into.case("latency", {"rate": rate, "seconds": 1, "runs": 3}) as case:
                for name, ms in (("p50", 3.0), ("p99", p99), ("p99.9", 2 * p99)):
                    bare = case.record("bare relay, read_uncommitted, " + name, "ms", [ms * 0.8, ms * 0.9, ms], "time")
                    case.record("read_uncommitted, " + name, "ms", [ms + rate / 1000, ms + rate / 500, ms + rate / 400], "time", floor=bare)
        with into.case("growth", {"axis": "users", "users": 1000}) as case:
            case.record("apply", "ns/event", [900.0, 950.0, 1000.0], "cpu")
        with into.case("peers", {"job": "shop", "peer": "Flink"}) as case:
            other = case.record("Flink: CPU", "us/event", [40.0], "cpu")
            case.record("Millrace: CPU", "us/event", [1.6], "cpu", peer=other)
    kept = results.commit
    try:
        of("aaaaaaaaaa", [1000.0, 1010.0, 1020.0], 8.0, RATES[1:2])
        of("bbbbbbbbbb", [1300.0, 1310.0, 1290.0], 8.5, RATES)
    finally:
        results.commit = kept


def probe(page, width):
    """What a browser of that width shows of a page."""
    with open(page, encoding="utf-8") as f:
        text = f.read().replace("</body>", "<script>%s</script></body>" % PROBE)
    outer = page + ".probe.html"
    with open(outer, "w", encoding="utf-8") as f:
        f.write('<!doctype html><meta charset="utf-8"><pre id="shown"></pre><iframe width="%d" height="800" srcdoc="%s"></iframe>'
                % (width, html.escape(text, quote=True)))
    with tempfile.TemporaryDirectory() as profile:
        r = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + profile, "--disable-dev-shm-usage",
                            "--virtual-time-budget=10000", "--timeout=60000", "--dump-dom", "file://" + outer],
                           capture_output=True, text=True, timeout=120, check=False)
    found = re.search(r'<pre id="shown">(\{.*?\})</pre>', r.stdout, re.S)
    assert found, r.stderr[-2000:]
    return json.loads(html.unescape(found.group(1)))


class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("chromium"):
            raise unittest.SkipTest("no chromium: run deploy/setup.sh")
        cls.scratch = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.results, cls.page = os.path.join(cls.scratch, "results.jsonl"), os.path.join(cls.scratch, "page.html")
        record(cls.results)
        subprocess.run([os.path.join(ROOT, "bench/dashboard"), cls.results, "-o", cls.page], check=True, capture_output=True)
        cls.phone, cls.desk = probe(cls.page, 390), probe(cls.page, 1280)
        cls.charts = {c["name"]: c for c in cls.phone["charts"]}

    def test_it_needs_nothing_from_elsewhere(self):
        with open(self.page, encoding="utf-8") as f:
            self.assertEqual(re.findall(r"""(?:src|href|url)\\s*[=(]|https?://|@import|<script""", f.read()), [])

    def test_it_fits_a_phone(self):
        self.assertEqual(self.phone["width"], 390)
        self.assertLessEqual(self.phone["needed"], 390)
        self.assertLessEqual(self.desk["needed"], 1280)
        for c in self.phone["charts"]:
            for t in c["texts"]:
                where = "%s: %s" % (c["name"], t["text"])
                self.assertGreaterEqual(t["left"], c["frame"]["left"] - 1, where)
                self.assertLessEqual(t["right"], c["frame"]["right"] + 1, where)
                self.assertGreater(t["bottom"] - t["top"], 10, where + ": too small to be read")

    def test_texts_do_not_lie_on_each_other(self):
        for c in self.phone["charts"] + self.desk["charts"]:
            for i, a in enumerate(c["texts"]):
                for b in c["texts"][i + 1:]:
                    wide = min(a["right"], b["right"]) - max(a["left"], b["left"])
                    high = min(a["bottom"], b["bottom"]) - max(a["top"], b["top"])
                    self.assertFalse(wide > 1 and high > 3, "%s: %s and %s" % (c["name"], a["text"], b["text"]))

    def test_series_and_axes(self):
        c = self.charts["latency-uncommitted"]
        names = ["p50", "p99", "p99.9", "bare relay, p50", "bare relay, p99"]
        self.assertEqual([s["name"] for s in c["series"]], names)
        self.assertEqual(c["legend"], names)
        self.assertEqual(len({s["look"] for s in c["series"]}), 5)
        self.assertEqual({t["text"] for t in c["texts"] if t["kind"].startswith("label")}, {"events/s sent", "ms from event to action"})
        self.assertNotIn("latency-committed", self.charts)     # there are no figures of it
        self.assertEqual([b["name"] for b in self.charts["peers-shop-CPU"]["series"]], ["Millrace", "Flink"])

    def place(self, chart, kind, value):
        """Where on the screen a value must be, by the two outermost ticks of an axis; all of these are logarithmic."""
        ticks = [(float(t["tick"]), t) for t in chart["texts"] if t["kind"] == "tick " + kind]
        middle = (lambda t: (t["left"] + t["right"]) / 2) if kind == "x" else (lambda t: (t["top"] + t["bottom"]) / 2)
        (a, at_a), (b, at_b) = ticks[0], ticks[-1]
        return middle(at_a) + (middle(at_b) - middle(at_a)) * math.log(value / a) / math.log(b / a)

    def test_points_are_where_the_results_file_says(self):
        lines = results.latest(results.read(self.results))
        c = self.charts["latency-uncommitted"]
        for name, series in (("read_uncommitted, p99", "p99"), ("bare relay, read_uncommitted, p50", "bare relay, p50")):
            points = next(s["points"] for s in c["series"] if s["name"] == series)
            self.assertEqual([int(p["x"]) for p in points], list(RATES))
            for p in points:
                line = next(x for x in lines if x["name"] == name and x["parameters"]["rate"] == int(p["x"]))
                self.assertEqual(float(p["value"]), line["median"])
                self.assertAlmostEqual((p["left"] + p["right"]) / 2, self.place(c, "x", int(p["x"])), delta=2)
                self.assertAlmostEqual((p["top"] + p["bottom"]) / 2, self.place(c, "y", line["median"]), delta=2)

    def test_bars_are_as_long_as_their_values(self):
        bars = {s["name"]: s["bars"][0] for s in self.charts["stages-1000"]["series"]}
        self.assertEqual(len(bars), 9)
        long, short = (bars[n] for n in ("all: JSON to actions (without churn, encode)", "lookup"))
        ratio = (long["right"] - long["left"]) / (short["right"] - short["left"])
        self.assertAlmostEqual(ratio, 1300 / 110, delta=0.7)
        self.assertEqual((long["value"], short["value"]), ("1300.0", "110.0"))

    def test_what_got_worse_is_marked(self):
        self.assertEqual(len(self.phone["worse"]), 2, self.phone["worse"])     # apply, and the rate that follows from it
        self.assertIn("+29%", self.phone["worse"][0].replace("\u2212", "-"))
        points = self.charts["history-0"]["series"][0]["points"]
        self.assertEqual([p["kind"] for p in points], ["dot", "worse"])
        steady = next(c for c in self.phone["charts"] if c["title"].startswith("p99 at 1,000"))
        self.assertEqual([p["kind"] for p in steady["series"][0]["points"]], ["dot", "dot"])

    def test_goals(self):
        text = "\n".join(re.sub(r"\s+", " ", row) for row in self.phone["goals"])
        for words in (r"in memory to actions.*769k events/s.*not yet", r"p50.*against a bare relay.*8.52 times.*10k.*not yet",
                      r"Flink.*1/25.*reached"):
            self.assertRegex(text, "(?m)" + words)


if __name__ == "__main__":
    unittest.main()
