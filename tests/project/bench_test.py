"""The frame of the benchmarks: what is recorded, marked, skipped and left out. argv: the repository."""
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = sys.argv.pop(1)
sys.path.insert(0, os.path.join(ROOT, "bench"))
import callgrind  # noqa: E402
import gate  # noqa: E402
import others  # noqa: E402
import repeated  # noqa: E402
import results  # noqa: E402
import run  # noqa: E402
import suite  # noqa: E402


class Frame(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.path = os.path.join(scratch.name, "results.jsonl")

    def test_a_line_has_all_that_is_needed_to_read_it(self):
        with results.Results(self.path).case("s", {"users": 3}, seed=7) as case:
            bare = case.record("bare", "us/event", [2.0, 1.0, 1.9], "cpu")
            case.record("run", "us/event", [4.0], "cpu", floor=bare, peer=bare, note="so")
        first, second = results.read(self.path)
        for key in ("commit", "time", "host", "compiler"):
            self.assertTrue(first[key], key)
        self.assertEqual([first[k] for k in ("suite", "parameters", "seed", "name", "unit", "runs", "min", "median", "max")],
                         ["s", {"users": 3}, 7, "bare", "us/event", 3, 1.0, 1.9, 2.0])
        self.assertEqual([results.shared([{**first, "others": x}]) for x in (0.1, 0.11)], [False, True])
        self.assertEqual(second["floor"], {"name": "bare", "median": 1.9})
        self.assertEqual((second["peer"], second["note"]), (second["floor"], "so"))
        self.assertEqual(set(first["host"]), {"cpu", "cores", "memory_gib", "kernel"})

    def test_a_figure_that_spreads_is_marked(self):
        with results.Results(self.path).case("s", {}) as case:
            for kind, least, marked in (("instructions", 0.985, False), ("instructions", 0.97, True), ("cpu", 0.86, False),
                                        ("cpu", 0.84, True), ("time", 0.1, False)):
                line = case.record("x", "u", [least, 1, 1], kind)
                self.assertEqual(line.get("unsteady", False), marked, (kind, least))

    def test_a_case_that_fails_leaves_nothing(self):
        with self.assertRaises(ZeroDivisionError):
            with results.Results(self.path).case("s", {}) as case:
                case.record("x", "u", [1], "cpu")
                case.record("y", "u", [1 / 0], "cpu")
        self.assertEqual(results.read(self.path), [])

    def test_resuming_skips_what_is_there(self):
        commit, results.commit = results.commit, lambda: "abc"
        self.addCleanup(setattr, results, "commit", commit)
        with results.Results(self.path).case("s", {"a": 1, "b": 2}, seed=1) as case:
            case.record("x", "u", [1], "cpu")
        for wanted, done in ((("s", {"b": 2, "a": 1}, 1), True), (("s", {"a": 1, "b": 2}, 2), False), (("s", {"a": 1}, 1), False)):
            self.assertEqual(results.Results(self.path, resume=True).done(*wanted), done, wanted)
            self.assertFalse(results.Results(self.path).done(*wanted))
        for other in ("abd", "abc+"):
            results.commit = lambda o=other: o
            self.assertFalse(results.Results(self.path, resume=True).done("s", {"a": 1, "b": 2}, 1))

    def test_the_latest_of_each_figure(self):
        lines = [{"suite": "s", "parameters": {"n": n, "runs": m}, "name": "x", "median": m} for n, m in ((1, 10), (2, 20), (1, 30))]
        self.assertEqual([line["median"] for line in results.latest(lines)], [30, 20])

    def test_sizes_that_do_not_fit_are_left_out(self):
        fits = suite.Case("s", {}, None, 1)
        scratch = os.path.dirname(self.path)
        self.assertIsNone(run.obstacle(fits, scratch))
        self.assertIn("memory", run.obstacle(fits._replace(memory=1 << 60), scratch))
        self.assertIn("disk", run.obstacle(fits._replace(disk=1 << 60), scratch))

    def quietly(self, cases):
        with open(os.devnull, "w", encoding="utf-8") as null, contextlib.redirect_stdout(null):
            return run.run(cases, None, results.Results(self.path))

    def test_cases_take_turns(self):
        ran = []

        def measure(_bench, case, p):
            for i in range(p["runs"]):
                ran.append((p["n"], i))
                yield
                if p["n"] == 1:
                    raise suite.LeftOut("so")
            case.record("x", "u", [1, 2], "cpu")
        self.assertEqual(self.quietly([suite.Case("core", {"n": n, "runs": runs}, measure, 1) for n, runs in enumerate((2, 3, 1))]), 0)
        self.assertEqual(ran, [(0, 0), (1, 0), (2, 0), (0, 1)])
        lines = results.read(self.path)
        self.assertEqual([line["parameters"]["n"] for line in lines], [2, 0])
        self.assertTrue(all(line["others"] >= 0 for line in lines))

    def test_which_cases_take_turns(self):
        def turns(*_):
            yield

        def alone(*_):
            pass
        cases = [suite.Case(name, {}, measure, seconds) for name, measure, seconds in (
            ("core", turns, 200), ("growth", turns, 100), ("growth", turns, 1), ("pipeline", alone, 1), ("pipeline", turns, 1),
            ("latency", turns, 1), ("latency", turns, 1))]
        self.assertEqual([len(batch) for batch in run.batches(cases)], [2, 1, 1, 1, 2])

    def test_what_was_started_here_is_not_of_others(self):
        watch, before = others.Others(), others.ours_s()
        # Left behind by its parent, as servers are, and ended: it still counts.
        subprocess.run(["bash", "-c", "(timeout 0.5 sh -c 'while :; do :; done'; echo over) &"], check=True, stdout=subprocess.PIPE)
        took = others.ours_s() - before
        self.assertTrue(0.05 < took < 5, took)
        seconds, others_s = watch.since()
        self.assertTrue(0 < seconds < 60 and 0 <= others_s <= seconds * os.cpu_count(), (seconds, others_s))

    def test_one_case_that_fails_does_not_cost_the_others(self):
        def bad(_bench, case, _parameters):
            case.record("x", "u", [1], "cpu")
            raise RuntimeError("no")

        def good(_bench, case, _parameters):
            case.record("y", "u", [1], "cpu")
        cases = [suite.Case("s", {"n": n}, f, 1) for n, f in enumerate((bad, good))]
        self.assertEqual(self.quietly(cases), 1)
        self.assertEqual([json.dumps(line["name"]) for line in results.read(self.path)], ['"y"'])

    def test_the_gate_fails_where_instructions_grow_by_more_than_a_twentieth(self):
        before = {"a": 1000.0, "b": 1000.0, "gone": 1.0}
        lines, bad = gate.compare({"a": 1050.0, "b": 900.0, "new": 1.0}, before, "before")
        self.assertFalse(bad, lines)
        self.assertIn("faster", lines[1])
        lines, bad = gate.compare({"a": 1051.0, "b": 1000.0}, before, "before")
        self.assertTrue(bad)
        self.assertIn("GREW", lines[0])
        self.assertNotIn("GREW", lines[1])

    def test_a_figure_that_was_measured_twice(self):
        for values in ([1.0, 2.0, 3.0], [2.9, 2.9, 9.0], [3.1]):
            with results.Results(self.path).case("s", {"n": 1}, seed=1) as case:
                case.record("x", "u", values, "cpu")
        with results.Results(self.path).case("s", {"n": 2}, seed=1) as case:
            case.record("x", "u", [1.0], "cpu")
        lines = results.read(self.path)
        self.assertEqual([[p["median"] for p in pair] for pair in repeated.pairs(lines)], [[2.9, 3.1]])
        self.assertTrue(repeated.within(lines[0], lines[1]))
        self.assertFalse(repeated.within(lines[0], lines[2]))
        self.assertTrue(repeated.within({**lines[2], "kind": "cpu"}, lines[1]))

    def test_what_callgrind_writes_is_read(self):
        text = "part: 1\ndesc: Trigger: %s\nsummary: 0\n\nfn=(1) f\n3 7\n\ntotals: 70\n"
        self.assertEqual(callgrind.parse(text % "Client Request: rules"), ("rules", 70))
        self.assertEqual(callgrind.parse(text % "Program termination"), (None, 70))


if __name__ == "__main__":
    unittest.main()
