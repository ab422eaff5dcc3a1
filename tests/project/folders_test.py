"""Arrows between folders point one way: stream/README.md's table, read here. argv: the repository."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sources  # noqa: E402

ROOT = sys.argv.pop(1)
# Who may include whom, besides itself and include/. "core headers" is all of core/*.h.
ARROWS = {
    "include": set(),
    "core": {"event", "expr", "model"},
    "event": {"expr"},
    "expr": set(),
    "model": set(),
    "config": {"expr", "model"},
    "kafka": {"core"},
    "store": {"core"},
    "run": {"kafka", "store", "core", "config", "event", "expr", "model", "serve"},
    "serve": set(),
    "generate": {"model"},
    "cli": {"run", "config", "serve", "generate", "kafka", "store", "core", "event", "expr", "model"},
    "operators": {"expr", "model"},
}
# Single headers that others may include, each with its reason.
BESIDES = {
    "core/arena.h": set(ARROWS),           # scratch memory, for everybody
    "expr/schema.h": {"event", "config"},  # the numbered fields that both sides of decoding share
}


def target(path, include):
    """(folder, header) that an #include "..." of a file leads to."""
    beside = os.path.normpath(os.path.join(os.path.dirname(path), include))
    first = include.split("/")[0]
    if first == "millrace":
        return "include", include
    if os.path.exists(os.path.join(ROOT, beside)):
        return sources.folder_of(beside), include
    if os.path.exists(os.path.join(ROOT, "operators", include)):
        return "operators", include
    return first, include


def violations(path, text):
    here = sources.folder_of(path)
    for n, line in enumerate(text.splitlines(), 1):
        m = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<(millrace/[^>]+)>)', line)
        if not m:
            continue
        there, header = target(path, m.group(1) or m.group(2))
        if there == here or there == "include" or there in ARROWS[here] or here in BESIDES.get(header, ()):
            continue
        yield "%s:%d: %s may not include %s (%s)" % (path, n, here, header, there)


class Folders(unittest.TestCase):
    def files(self):
        paths = sources.tracked(ROOT, "stream", "operators", "include")
        return [p for p in paths if p.endswith((".c", ".h", ".cc", ".cpp", ".in"))]

    def test_arrows(self):
        bad = [v for p in self.files() for v in violations(p, sources.text_of(ROOT, p))]
        self.assertEqual(bad, [], "\n" + "\n".join(bad))

    def test_every_folder_has_its_row(self):
        self.assertEqual({sources.folder_of(p) for p in self.files()} - set(ARROWS), set())
        table = sources.text_of(ROOT, "stream/README.md")
        for folder in ARROWS:
            if folder != "include":
                self.assertRegex(table, r"\| `(\.\./)?%s/` \|" % folder)

    def test_the_check_sees_a_wrong_arrow(self):
        self.assertEqual(len(list(violations("stream/core/x.c", '#include "run/worker.h"\n#include "core/task.h"\n'))), 1)
        self.assertEqual(len(list(violations("stream/expr/x.c", '#include "config/config.h"\n'))), 1)
        self.assertEqual(len(list(violations("operators/x.c", '# include "core/task.h"\n'))), 1)
        self.assertEqual(len(list(violations("stream/core/x.c", '#include <millrace/base.h>\n'))), 0)


if __name__ == "__main__":
    unittest.main()
