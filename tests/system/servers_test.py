"""deploy/servers.sh itself, and `generate --topic` against it. argv: the repository, the binary."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402

ROOT, MILLRACE = sys.argv.pop(1), sys.argv.pop(1)


def alive(pid):
    """A zombie that nobody has waited for is dead."""
    try:
        with open("/proc/%s/stat" % pid, encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Both(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = cls.enterClassContext(harness.Servers(ROOT, "--kafka", "--redis", "--appendonly"))

    def redis(self, *args):
        return subprocess.run(["redis-cli", "-s", self.servers.env["REDIS_SOCKET"], *args], capture_output=True,
                              text=True, check=True).stdout.strip()

    def test_kafka_keeps_its_data_through_a_crash(self):
        self.servers.topic("kept", 2)
        self.servers.produce("kept", [(b"a", b"1"), (b"b", b"2")])
        old = self.servers.env["KAFKA_PID"]
        self.servers.do("kill-kafka")
        self.assertFalse(alive(old))
        self.servers.do("start-kafka")
        self.assertNotEqual(self.servers.env["KAFKA_PID"], old)
        self.assertEqual(sorted(r.value for r in self.servers.read("kept")), [b"1", b"2"])

    def test_redis_keeps_its_data_through_a_stop(self):
        self.assertEqual(self.redis("set", "k", "v"), "OK")
        self.servers.do("stop-redis")
        with self.assertRaises(subprocess.CalledProcessError):
            self.redis("ping")
        self.servers.do("start-redis")
        self.assertEqual(self.redis("get", "k"), "v")

    def test_a_topic_is_made_once(self):
        self.servers.topic("once", 1, cleanup_policy="delete")
        with self.assertRaisesRegex(RuntimeError, "already exists"):
            self.servers.topic("once", 1)

    def test_generate_writes_keyed_records(self):
        self.servers.topic("shop", 4)
        args = ["generate", "--shop", "--rate", "5", "--for", "6h", "--events", "3000", "--seed", "9"]
        lines = subprocess.run([MILLRACE, *args], capture_output=True, check=True).stdout.splitlines()
        subprocess.run([MILLRACE, *args, "--topic", "shop", "--brokers", self.servers.brokers], check=True)
        records = self.servers.read("shop")
        self.assertEqual(sorted(r.value for r in records), sorted(lines))
        for r in records:
            self.assertEqual(r.key, harness.key_of(json.loads(r.value)))
        self.assertEqual(len({(r.partition, r.key) for r in records}), len({r.key for r in records}))

    def test_generate_refuses_an_absent_topic(self):
        r = subprocess.run([MILLRACE, "generate", "--shop", "--topic", "absent", "--brokers", self.servers.brokers],
                           capture_output=True, text=True, check=False)
        self.assertEqual(r.returncode, 1)
        self.assertIn("topic absent", r.stderr)


class Life(unittest.TestCase):
    def test_stop_ends_just_what_it_started(self):
        with harness.Servers(ROOT, "--redis") as one, harness.Servers(ROOT, "--redis") as other:
            first, second = one.env["REDIS_PID"], other.env["REDIS_PID"]
            self.assertNotIn("KAFKA_BROKERS", one.env)
            one.do("stop")
            self.assertFalse(alive(first))
            self.assertTrue(alive(second))
            # A pid file that names a process of somebody else's does no harm.
            with open(os.path.join(one.dir, "redis.pid"), "w", encoding="utf-8") as f:
                f.write(second)
            one.do("stop")
            self.assertTrue(alive(second))
        self.assertFalse(alive(second))

    def test_a_password_is_asked_for(self):
        with harness.Servers(ROOT, "--redis", "--requirepass", "secret") as s:
            r = subprocess.run(["redis-cli", "-s", s.env["REDIS_SOCKET"], "get", "x"], capture_output=True, text=True,
                               check=False)
            self.assertIn("NOAUTH", r.stdout + r.stderr)


if __name__ == "__main__":
    unittest.main()
