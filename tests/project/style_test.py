"""The style that can be measured, and that may only get stricter. argv: the repository."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sources  # noqa: E402

ROOT = sys.argv.pop(1)
FILE_LINES_MAX = 520   # "about 500"
FUNCTION_LINES_MAX = 70
FUNCTION_LINES_P90_MAX = 45
ASSERTS_PER_1000_LINES_MIN = 10   # a ratchet: raise it as the figure rises
CODE = (".c", ".h", ".cc", ".in", ".py", ".sh", ".build")
# Text that others made, or that tests compare byte by byte.
NOT_OURS = ("LICENSE",)


def code_files():
    paths = sources.tracked(ROOT, "stream", "operators", "include", "tests", "bench", "deploy", "meson.build", ".ci")
    return [p for p in paths if p.endswith(CODE) or p == ".ci/run"]


def c_functions(paths):
    for path in paths:
        if path.endswith((".c", ".h", ".cc")):
            for name, line, length in sources.functions(sources.text_of(ROOT, path)):
                yield length, "%s:%d: %s has %d lines" % (path, line, name, length)


class Style(unittest.TestCase):
    def test_files_are_short(self):
        bad = ["%s has %d lines" % (p, n) for p in code_files()
               if (n := sources.text_of(ROOT, p).count("\n")) > FILE_LINES_MAX]
        self.assertEqual(bad, [], "\n" + "\n".join(bad))

    def test_functions_are_short(self):
        found = list(c_functions(code_files()))
        self.assertGreater(len(found), 100)
        bad = [text for length, text in found if length > FUNCTION_LINES_MAX]
        self.assertEqual(bad, [], "\n" + "\n".join(bad))

    def test_most_functions_are_much_shorter(self):
        core = [p for p in code_files() if not p.startswith("tests/")]
        lengths = [length for length, _ in c_functions(core)]
        p50, p90 = sources.percentile(lengths, 0.5), sources.percentile(lengths, 0.9)
        print("%d functions: median %d lines, p90 %d, longest %d" % (len(lengths), p50, p90, max(lengths)))
        self.assertLessEqual(p90, FUNCTION_LINES_P90_MAX)

    def test_asserts_are_frequent(self):
        lines = asserts = 0
        for path in sources.tracked(ROOT, "stream", "operators"):
            if path.endswith((".c", ".cc")):
                text = sources.text_of(ROOT, path)
                lines += text.count("\n")
                asserts += text.count("MR_ASSERT(") + text.count("_Static_assert(")
        rate = asserts * 1000 / lines
        print("%d lines, %d asserts: %.1f per 1,000 lines" % (lines, asserts, rate))
        self.assertGreaterEqual(rate, ASSERTS_PER_1000_LINES_MIN)

    def test_lines_end_clean(self):
        bad = []
        for path in code_files() + [p for p in sources.tracked(ROOT, "*.md", "examples") if p not in NOT_OURS]:
            text = sources.text_of(ROOT, path)
            bad += ["%s:%d" % (path, n) for n, line in enumerate(text.split("\n"), 1) if line != line.rstrip()]
            if text and (not text.endswith("\n") or text.endswith("\n\n")):
                bad.append("%s: does not end in one newline" % path)
        self.assertEqual(bad, [], "\n" + "\n".join(bad))

    def test_headers_are_guarded(self):
        bad = []
        for path in code_files():
            if path.endswith(".h"):
                m = re.search(r"^#ifndef (\w+)\n#define \1\n", sources.text_of(ROOT, path), re.M)
                if not m or not m.group(1).endswith("_H"):
                    bad.append(path)
        self.assertEqual(bad, [])

    def test_the_measure_of_functions(self):
        text = "static int\nshort_one(int a,\n    int b)\n{\n\treturn a;\n}\n\nstruct x\n{\n\tint a;\n};\n\n" \
            "static inline int mr_x(void) { return 1; }\nTest(suite, name)\n{\n" + "\tf();\n" * 5 + "}\n"
        self.assertEqual(sources.functions(text), [("short_one", 2, 5), ("Test", 14, 8)])


if __name__ == "__main__":
    unittest.main()
