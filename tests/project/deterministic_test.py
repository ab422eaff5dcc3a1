"""What a task computes depends on its inputs alone: no clock, randomness, thread, I/O, locale, libm or
printf in the folders that it runs in; and nothing anywhere keeps global state. Looks at the sources and
at the compiled objects. argv: the repository, the folder of libmillrace's objects."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sources  # noqa: E402

ROOT, OBJECTS = sys.argv.pop(1), sys.argv.pop(1)
PURE = ("core", "event", "expr", "model", "operators")
# Whose functions they may call, besides each other's: operators set up by config's functions.
LINKED = PURE + ("config",)

MEMORY = "memory and bytes: the same everywhere"
# Everything else that a deterministic object may need from outside, with the reason.
ALLOWED = {
    **dict.fromkeys(("malloc calloc realloc free memcpy memmove memset memcmp memchr memmem strlen strnlen strchr "
                     "strcmp strncmp __memcpy_chk __memmove_chk __memset_chk bcmp "
                     "_ZdaPv _ZdlPv _ZdlPvm _ZdaPvm _ZnwmRKSt9nothrow_t _ZnamRKSt9nothrow_t _ZSt7nothrow").split(), MEMORY),
    **dict.fromkeys("__stack_chk_fail _GLOBAL_OFFSET_TABLE_ __gxx_personality_v0 _Unwind_Resume".split(),
                    "the compiler's own"),
    **dict.fromkeys(("XXH3_64bits XXH3_64bits_withSeed XXH3_128bits XXH3_128bits_reset XXH3_128bits_update "
                     "XXH3_128bits_digest XXH128_canonicalFromHash XXH128_isEqual").split(), "a fixed hash of bytes"),
    **dict.fromkeys(("msgpack_unpack msgpack_zone_init msgpack_zone_clear msgpack_zone_destroy").split(), "decoding"),
    **dict.fromkeys(("pcre2_code_free_8 pcre2_compile_8 pcre2_general_context_create_8 pcre2_match_8 "
                     "pcre2_match_context_create_8 pcre2_match_data_create_8 pcre2_set_heap_limit_8 "
                     "pcre2_set_match_limit_8 pcre2_match_context_free_8 pcre2_match_data_free_8 "
                     "pcre2_general_context_free_8 pcre2_get_error_message_8").split(),
                    "matches(): with limits of its own and the built-in tables"),
    **dict.fromkeys(("_ZSt10from_charsPKcS0_RdSt12chars_format _ZSt8to_charsPcS_d").split(), "numbers without a locale"),
}
# (object, symbol): what one file alone may need.
EXCEPTIONS = {
    ("core_base", "abort"): "a failed assert ends the process",
    ("core_base", "stderr"): "a failed assert says so",
    ("core_base", "__fprintf_chk"): "a failed assert says so",
    ("core_base", "fprintf"): "a failed assert says so",
    ("expr_compile", "__vsnprintf_chk"): "text of an error while loading",
    ("expr_compile", "vsnprintf"): "text of an error while loading",
    ("model_lines", "__vsnprintf_chk"): "text of an error while loading",
    ("model_lines", "vsnprintf"): "text of an error while loading",
    ("operators_rules_steps", "__snprintf_chk"): "a step's path while loading: text and whole numbers",
    ("operators_rules_steps", "snprintf"): "a step's path while loading: text and whole numbers",
    ("expr_zone", "qsort"): "sorts zones while loading; its order has no ties",
}

BANNED = re.compile(
    r"\b(time|clock_gettime|gettimeofday|localtime(_r)?|gmtime(_r)?|mktime|strftime|tzset|rand(om)?(_r)?|s?rand48|getrandom|"
    r"getenv|setlocale|strto(d|f|ld|l|ul|ll|ull)|ato[fil]l?|f?printf|v?sn?printf|v?sscanf|fopen|fwrite|fread|open|"
    r"socket|poll|select|sleep|nanosleep|usleep|pthread_\w+|thrd_\w+|mtx_\w+|"
    r"exp[2m1]?[fl]?|log(2|10|1p)?[fl]?|pow[fl]?|sin|cos|tan|tgamma|lgamma|cbrt|hypot|fma[fl]?|erfc?|nearbyint|"
    r"qsort(_r)?|getpid|uname)\s*\(")
# In the sources only; compiled code is held to ALLOWED above. (file, word): reason.
WORDS_ALLOWED = {
    ("stream/core/base.c", "fprintf"): "a failed assert says so",
    ("stream/expr/compile.c", "vsnprintf"): "text of an error while loading",
    ("stream/model/lines.c", "vsnprintf"): "text of an error while loading",
    ("operators/rules/steps.c", "snprintf"): "a step's path while loading: text and whole numbers",
    ("stream/expr/zone.c", "qsort"): "sorts zones while loading; its order has no ties",
}

# (object, name) of file-scope objects that are written to, each with its reason.
GLOBALS = {
    ("run_process", "signalled"): "all that a signal handler may write to",
}


def nm(obj, *flags):
    r = subprocess.run(["nm", *flags, obj], capture_output=True, text=True, check=True)
    return [line.split()[-1] for line in r.stdout.splitlines() if line.strip()]


def objects():
    """(folder, short name, path) of each object of the library."""
    for name in sorted(os.listdir(OBJECTS)):
        if not name.endswith(".o"):
            continue
        short = re.sub(r"\.(c|cc|cpp)\.o$", "", name)
        if "generated" in short:
            yield "operators", "operators", os.path.join(OBJECTS, name)
            continue
        parts = short.split("_")
        folder = parts[1] if parts[0] == "stream" else parts[0]
        yield folder, "_".join(parts[1:]) if parts[0] == "stream" else short, os.path.join(OBJECTS, name)


def calls(path, text):
    """Banned calls in a source: not of members, nor of functions that the file itself defines."""
    own = set(re.findall(r"^(\w+)\(", text, re.M))
    for n, line in enumerate(sources.code_of(text).splitlines(), 1):
        for m in BANNED.finditer(line):
            word, before = m.group(1), line[:m.start()]
            if not before.endswith(("->", ".", "::")) and word not in own and (path, word) not in WORDS_ALLOWED:
                yield "%s:%d: %s" % (path, n, word)


def needs(short, path, ours):
    """Symbols that an object needs from outside and may not."""
    for symbol in nm(path, "-u"):
        if not (symbol in ours or symbol in ALLOWED or (short, symbol) in EXCEPTIONS or "simdjson" in symbol):
            yield "%s needs %s" % (short, symbol)


def written(short, path):
    """File-scope objects of an object file that are not constant."""
    r = subprocess.run(["objdump", "-t", path], capture_output=True, text=True, check=True)
    for line in r.stdout.splitlines():
        m = re.match(r"\S+ .{7} (\.data|\.bss|\.tdata|\.tbss|\*COM\*)(\.\S+)?\t(\S+)\s+(?:\.hidden )?(\S+)$", line)
        if m and not (m.group(2) or "").startswith(".rel.ro") and int(m.group(3), 16) > 0:
            if (short, m.group(4)) not in GLOBALS:
                yield "%s: %s" % (short, m.group(4))


class Deterministic(unittest.TestCase):
    def test_sources_call_nothing_that_differs(self):
        paths = [p for p in sources.tracked(ROOT, "stream", "operators")
                 if sources.folder_of(p) in PURE and p.endswith((".c", ".h", ".cc"))]
        bad = [c for p in paths for c in calls(p, sources.text_of(ROOT, p))]
        self.assertGreater(len(paths), 20)
        self.assertEqual(bad, [], "\n" + "\n".join(bad))

    def test_objects_need_nothing_that_differs(self):
        ours = {s for folder, _, path in objects() if folder in LINKED for s in nm(path, "--defined-only", "-g")}
        pure = [(short, path) for folder, short, path in objects() if folder in PURE]
        bad = [n for short, path in pure for n in needs(short, path, ours)]
        self.assertGreater(len(pure), 20)
        self.assertEqual(bad, [], "\n" + "\n".join(bad))

    def test_nothing_keeps_global_state(self):
        bad = [w for _, short, path in objects() for w in written(short, path)]
        self.assertEqual(bad, [], "\n" + "\n".join(bad))

    def test_the_checks_see_what_is_wrong(self):
        text = "#include <math.h>\n#include <time.h>\nint count;\nstatic int n;\nconst int fixed = 3;\n" \
            "double\nf(double x)\n{\n\tn++;\n\treturn exp(x) + (double)time(NULL) + n;\n}\n"
        self.assertEqual([c.split(": ")[1] for c in calls("x.c", text)], ["exp", "time"])
        with tempfile.TemporaryDirectory() as scratch:
            source, obj = os.path.join(scratch, "x.c"), os.path.join(scratch, "x.o")
            with open(source, "w", encoding="utf-8") as f:
                f.write(text)
            subprocess.run(["cc", "-c", "-o", obj, source], check=True)
            self.assertEqual(sorted(needs("x", obj, set())), ["x needs exp", "x needs time"])
            self.assertEqual(sorted(written("x", obj)), ["x: count", "x: n"])

    def test_exceptions_are_still_needed(self):
        for path, word in WORDS_ALLOWED:
            self.assertIn(word + "(", sources.text_of(ROOT, path), "take %s off the list for %s" % (word, path))


if __name__ == "__main__":
    unittest.main()
