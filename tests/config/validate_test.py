"""millrace validate and echo, run as a user runs them. argv: the binary, the source folder.

Each file in broken/ has beside it what validate must say, to the letter: position, what is wrong, and
what would be right. To see what it says now: millrace validate tests/config/broken/NAME.yaml
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

MILLRACE = os.path.abspath(sys.argv.pop(1))
SOURCE = pathlib.Path(sys.argv.pop(1))
BROKEN = SOURCE / "tests/config/broken"


def run(*args, cwd=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MILLRACE_TEST")}
    return subprocess.run([MILLRACE, *map(str, args)], capture_output=True, text=True, timeout=30, cwd=cwd, env=env)


def load_text(text, verb="validate"):
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "x.yaml").write_text(text)
        return run(verb, "x.yaml", cwd=folder)


class Broken(unittest.TestCase):
    maxDiff = None

    def test_there_are_enough(self):
        self.assertGreaterEqual(len(list(BROKEN.glob("*.yaml"))), 30)
        self.assertEqual({p.stem for p in BROKEN.glob("*.yaml")}, {p.stem for p in BROKEN.glob("*.expected")})

    def test_each(self):
        for path in sorted(BROKEN.glob("*.yaml")):
            with self.subTest(path.name):
                r = run("validate", path.name, cwd=BROKEN)
                self.assertEqual(r.stderr, path.with_suffix(".expected").read_text())
                self.assertEqual((r.returncode, r.stdout), (78, ""))
                for line in r.stderr.splitlines():
                    self.assertRegex(line, r"^[a-z0-9-]+\.yaml:\d+:\d+: .")

    def test_echo_refuses_the_same(self):
        r = run("echo", "stray-null.yaml", cwd=BROKEN)
        self.assertEqual((r.returncode, r.stdout), (78, ""))
        self.assertEqual(r.stderr, (BROKEN / "stray-null.expected").read_text())


class Validate(unittest.TestCase):
    GOOD = "app: shop\ninput: {events: events}\n"

    def test_fine_is_one_line(self):
        r = load_text(self.GOOD)
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        self.assertRegex(r.stdout, r"^x\.yaml: fine; shop: .* hash [0-9a-f]{32}\n$")

    def test_a_warning_does_not_fail(self):
        r = load_text(self.GOOD + "profile: {spend: {sum: event.properties.total, of: Order Completed}}\n")
        self.assertEqual(r.returncode, 0)
        self.assertRegex(r.stderr, r"^x\.yaml:3:\d+: warning: ")

    def test_an_event_s_name_that_is_nearly_a_known_one(self):
        r = load_text(self.GOOD + "rules:\n  r:\n    on: [Sesion Ended, Order Completed, Orders Counted]\n"
                      "    then: [{tag: {add: a}}]\n")
        self.assertEqual(r.returncode, 0)
        self.assertRegex(r.stderr, r"^x\.yaml:5:10: warning: .*did you mean 'Session Ended'\?\n$")

    def test_no_file(self):
        r = run("validate", "/nowhere.yaml")
        self.assertEqual(r.returncode, 78)
        self.assertIn("/nowhere.yaml:1:1: can't read", r.stderr)

    def test_wrong_usage(self):
        for verb in ("validate", "echo"):
            for args in ([], ["a", "b"], ["-c"], ["-x", "a"]):
                self.assertEqual(run(verb, *args).returncode, 2, (verb, args))
        self.assertEqual(run("echo", "--defaults", "x").returncode, 2)

    def test_dash_c(self):
        r = run("validate", "-c", "app-missing.yaml", cwd=BROKEN)
        self.assertEqual(r.returncode, 78)


def refused(text):
    """What this version refuses of a configuration: {"LINE:COLUMN": key}, from validate's own words."""
    return dict(re.findall(r":(\d+:\d+): (\w+): not yet;", text))


class Examples(unittest.TestCase):
    TOP = {"consent", "quiet_hours", "caps", "holdout", "interests", "money"}
    INNER = {"goal", "variants", "bandit", "split", "mode", "rollout", "active", "limit", "quiet"}

    def shared(self, name):
        path = SOURCE.parent / "shared/examples" / name
        if not path.exists():
            self.assertNotEqual(os.environ.get("MILLRACE_REQUIRE_SHARED"), "1", path)
            self.skipTest("%s is not there" % path)
        return path

    def test_ours_is_fine_and_its_tests_pass(self):
        for path in sorted((SOURCE / "examples").glob("*.yaml")):
            r = run("validate", path)
            self.assertEqual(r.returncode, 0, r.stderr)
            r = run("test", path)
            self.assertEqual(r.returncode, 0, r.stdout + r.stderr)

    def test_each_rule_has_a_test_in_which_it_fires(self):
        shop = yaml.safe_load((SOURCE / "examples/shop.yaml").read_text())
        sent = {a["template"] for t in shop["tests"] for a in t["actions"]}
        for template in ("cart-reminder", "cart-coupon", "store-coupon", "win-back", "call-customer"):
            self.assertIn(template, sent)
        self.assertGreaterEqual(sum(not t["actions"] for t in shop["tests"]), len(shop["rules"]))

    def test_the_shared_shop_is_refused_with_every_key_at_its_place(self):
        path = self.shared("shop.yaml")
        r = run("validate", path)
        self.assertEqual((r.returncode, r.stdout), (78, ""))
        found = refused(r.stderr)
        self.assertEqual(sorted(found.values()), ["caps", "consent", "goal", "holdout", "quiet", "quiet_hours", "variants"])
        lines = path.read_text().splitlines()
        for place, key in found.items():
            line, column = map(int, place.split(":"))
            self.assertTrue(lines[line - 1][column - 1:].startswith(key + ":"), (place, key))

    def test_ours_is_the_shared_one_without_exactly_those_keys(self):
        shared = yaml.safe_load(self.shared("shop.yaml").read_text())
        ours = yaml.safe_load((SOURCE / "examples/shop.yaml").read_text())

        def strip(node, keys):
            if isinstance(node, dict):
                return {k: strip(v, self.INNER) for k, v in node.items() if k not in keys}
            return [strip(v, keys) for v in node] if isinstance(node, list) else node
        shared.pop("tests"), ours.pop("tests")
        self.assertEqual(strip(shared, self.TOP), ours)

    def test_each_refused_key_is_in_a_broken_file(self):
        said = "".join((BROKEN / name).read_text() for name in ("not-yet-top.expected", "not-yet-rules.expected"))
        for key in self.TOP | self.INNER | {"date", "reach", "item"}:
            self.assertRegex(said, r":\d+:\d+: %s: not yet;" % key)
        self.assertRegex(said, r":\d+:\d+: channel: a list of channels: not yet;")

    def test_many_recipes_are_refused_in_one_run(self):
        r = run("validate", self.shared("recipes.yaml"))
        self.assertEqual(r.returncode, 78)
        self.assertGreater(len(refused(r.stderr)), 20)


class Schema(unittest.TestCase):
    def setUp(self):
        self.text = run("echo", "--schema").stdout
        self.checker = jsonschema.Draft202012Validator(json.loads(self.text))

    def test_the_file_is_what_the_program_says(self):
        self.assertEqual(self.text, (SOURCE / "docs/config.schema.json").read_text(),
                         "out of date: millrace echo --schema > docs/config.schema.json")

    def test_it_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(json.loads(self.text))

    def load(self, path):
        loader = type("Core", (yaml.SafeLoader,), {})       # YAML 1.2: on and off are words, times are text
        loader.yaml_implicit_resolvers = {
            k: [(tag, r) for tag, r in v if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")]
            for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}
        loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))
        return yaml.load(path.read_text(), loader)

    def test_it_takes_the_examples(self):
        for path in sorted((SOURCE / "examples").glob("*.yaml")):
            self.assertEqual([e.message for e in self.checker.iter_errors(self.load(path))], [], path)

    def test_it_refuses_what_is_broken(self):
        for name in ("app-missing", "unknown-key-near", "unknown-key-inner", "duration-without-unit", "number-out-of-bounds",
                     "bool-yes", "enum-wrong", "value-for-a-map", "kafka-unknown", "not-yet-top", "rule-goal"):
            with self.subTest(name):
                self.assertFalse(self.checker.is_valid(self.load(BROKEN / (name + ".yaml"))))


class Echo(unittest.TestCase):
    def test_secrets_are_redacted(self):
        r = load_text("app: shop\ninput: {events: events}\nredis: redis://me:hidden@host:6379/1\n"
                      "kafka: {sasl.username: me, sasl.password: hidden, ssl.key.password: hidden}\n", "echo")
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        self.assertNotIn("hidden", r.stdout)
        self.assertIn('url: redis://me:***@host:6379/1\n', r.stdout)
        self.assertIn('sasl.password: "***"', r.stdout)

    def test_errors_hold_no_secret(self):
        r = load_text("app: shop\ninput: {events: events}\nredis: http://me:hidden@host\nkafka: {sasl.password: [hidden]}\n")
        self.assertEqual(r.returncode, 78)
        self.assertNotIn("hidden", r.stderr)

    def test_echo_is_yaml_and_stays_the_same(self):
        path = SOURCE / "examples/shop.yaml"
        r = run("echo", path)
        self.assertEqual(r.returncode, 0, r.stderr)
        read = yaml.safe_load(r.stdout)
        self.assertEqual(list(read["rules"]), list(yaml.safe_load(path.read_text())["rules"]))
        self.assertEqual(read["time"]["grace"], "10s")
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "churn.txt").write_bytes((SOURCE / "examples/churn.txt").read_bytes())
            (pathlib.Path(folder) / "x.yaml").write_text(r.stdout)
            again = run("echo", "x.yaml", cwd=folder)
            tested = run("test", "x.yaml", cwd=folder)
        self.assertEqual(again.stdout, r.stdout)
        self.assertEqual(tested.returncode, 0, tested.stdout)

    def test_defaults_are_yaml(self):
        read = yaml.safe_load(run("echo", "--defaults").stdout)
        self.assertEqual(read["delivery"]["commit_interval"], "50ms")

    def test_defaults_name_every_section(self):
        r = run("echo", "--defaults")
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        for key in ("redis", "input", "output", "time", "delivery", "limits", "dedup", "serve", "session"):
            self.assertIn("\n" + key + ":", r.stdout)
        self.assertIn("\n  grace: 10s  # ", r.stdout)

    def test_the_page_is_what_the_program_says(self):
        r = run("echo", "--reference")
        page = (SOURCE / "docs/parameters.md").read_text()
        self.assertEqual(r.stdout, page, "docs/parameters.md is out of date: millrace echo --reference > docs/parameters.md")


if __name__ == "__main__":
    unittest.main()
