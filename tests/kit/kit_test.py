"""The operator kit: installs headers, library and pkg-config file into a scratch prefix, builds an
operator outside of the tree with cc and pkg-config, and runs it. argv: the repository, the build."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT, BUILD = sys.argv.pop(1), sys.argv.pop(1)
HERE = os.path.join(ROOT, "tests/kit")


def run(*args, **more):
    r = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=200, **more)
    assert r.returncode == 0, "%s: %d\n%s" % (" ".join(args), r.returncode, r.stdout[-3000:])
    return r.stdout


def relocate(path, root):
    """The scratch folder is what the prefix lies in (a build set up anew says so by itself)."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if text.startswith("prefix=/"):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace("prefix=/", "prefix=%s/" % root, 1))


class Kit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="mr-kit-")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", cls.dir, "--tags", "devel")
        found = glob.glob(os.path.join(cls.dir, "**/millrace.pc"), recursive=True)
        assert len(found) == 1, found
        relocate(found[0], cls.dir)
        cls.env = {**os.environ, "PKG_CONFIG_PATH": os.path.dirname(found[0])}

    def pkg_config(self, *args):
        return run("pkg-config", *args, "millrace", env=self.env).split()

    def test_an_operator_outside_the_tree(self):
        for name in ("dwell.c", "dwell_test.c"):
            shutil.copy(os.path.join(HERE, name), self.dir)
        cflags, libs = self.pkg_config("--cflags"), self.pkg_config("--libs")
        self.assertFalse([f for f in cflags if ROOT in f], cflags)   # nothing of the source tree
        program = os.path.join(self.dir, "dwell_test")
        run("cc", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O1", *cflags, "-o", program,
            os.path.join(self.dir, "dwell.c"), os.path.join(self.dir, "dwell_test.c"), *libs, cwd=self.dir)
        out = run(program, cwd=self.dir)
        print(out)
        self.assertNotIn("FAIL", out)
        self.assertGreaterEqual(out.count("ok "), 8)

    def test_headers_stand_alone(self):
        headers = glob.glob(os.path.join(self.dir, "**/include/millrace/*.h"), recursive=True)
        self.assertIn("operator.h", [os.path.basename(h) for h in headers])
        for header in headers:
            for compiler, language in (("cc", "c"), ("c++", "c++")):
                run(compiler, "-fsyntax-only", "-Wall", "-Wno-pragma-once-outside-header", "-x", language,
                    *self.pkg_config("--cflags"), header)

    def test_the_version_is_the_program_s(self):
        said = run(os.path.join(BUILD, "millrace"), "version")
        self.assertIn(self.pkg_config("--modversion")[0], said)


if __name__ == "__main__":
    unittest.main()
