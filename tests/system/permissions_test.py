"""The permissions that README.md lists are enough: examples/shop.yaml runs with them and no others.
argv: the repository, the binary."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402

ROOT, MILLRACE = sys.argv.pop(1), sys.argv.pop(1)
EVENTS = 5000
INPUTS = ("events", "outcomes")
OUTPUTS = ("actions.push", "actions.sms", "actions.email", "actions.crm", "decisions", "shop.sessions", "dead-letters")


def topics_of(readme):
    """The names in the README's table of topics."""
    table = readme.split("| topic | what it is |")[1].split("\n\n")[0]
    return {name for line in table.splitlines()[2:] for name in re.findall(r"`([^`]+)`", line.split("|")[1])}


class Least(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = cls.enterClassContext(harness.Servers(ROOT, "--kafka", "--redis", "--acl", "--appendonly"))
        cls.dir = cls.enterClassContext(tempfile.TemporaryDirectory())
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
            cls.readme = f.read()

    def allow(self, operations, *what):
        flags = [x for o in operations for x in ("--operation", o)]
        self.servers.do("acl", "--add", "--allow-principal", "User:alice", *flags, *what)

    def grant(self):
        def topics(*names):
            return [x for n in names for x in ("--topic", n)]
        self.allow(["Read", "Describe"], *topics(*INPUTS, "shop.journal"))
        self.allow(["Write", "Describe"], *topics(*OUTPUTS, "shop.journal"))
        self.allow(["Read", "Write", "Describe"], *topics("shop.config"))
        self.allow(["Read"], "--group", "shop")
        self.allow(["Write", "Describe"], "--transactional-id", "shop-", "--resource-pattern-type", "prefixed")
        rule = re.search(r"`(~\{shop\.\*[^`]*)`", self.readme)[1]
        subprocess.run(["redis-cli", "-s", self.servers.env["REDIS_SOCKET"], "acl", "setuser", "mill", "on", ">pw",
                        *rule.split()], check=True, capture_output=True)

    def config(self, port):
        env = self.servers.env
        with open(os.path.join(ROOT, "examples/shop.yaml"), encoding="utf-8") as f:
            text = f.read()
        kafka = ("bootstrap.servers: '%s'\n  security.protocol: SASL_PLAINTEXT\n  sasl.mechanism: PLAIN\n"
                 "  sasl.username: alice\n  sasl.password: alice-secret" % env["KAFKA_SASL_BROKERS"])
        text = re.sub(r"bootstrap\.servers: .*", kafka, text)
        text = re.sub(r"(?m)^redis: .*", "redis: 'redis://mill:pw@%s'\nserve: 127.0.0.1:%d" % (
            env["REDIS_URL"].split("//")[1], port), text)
        shutil.copy(os.path.join(ROOT, "examples/churn.txt"), self.dir)
        return harness.write(os.path.join(self.dir, "shop.yaml"), text.replace("time: {", "time: {ticks: off, "))

    def test_they_are_enough(self):
        self.assertEqual(topics_of(self.readme), {*INPUTS, *OUTPUTS, "shop.journal", "shop.config"})
        self.servers.topics(2, *INPUTS, *OUTPUTS, "shop.journal")
        self.servers.topic("shop.config", 1)
        self.grant()
        subprocess.run([MILLRACE, "generate", "--shop", "--users", "200", "--rate", "0.2", "--for", "100d", "--events",
                        str(EVENTS), "--topic", "events", "--brokers", self.servers.brokers], check=True)
        port = harness.free_port()
        address = "127.0.0.1:%d" % port
        with harness.Process(MILLRACE, self.config(port), self.dir) as p:
            harness.until("all applied", 60, lambda: harness.metrics(address).get("millrace_events_applied_total") == EVENTS,
                          process=p)
            code, _ = p.stop()
            self.assertEqual(code, 0, p.log)
            self.assertNotIn("permission", p.log)
            self.assertNotIn("is not kept", p.log)
        self.assertGreater(self.servers.count("actions.push", "actions.email", "shop.sessions"), 0)


if __name__ == "__main__":
    unittest.main()
