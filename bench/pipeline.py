"""From Kafka to Kafka: `millrace run` drains a topic that was filled beforehand; beside it, in the same
run, a bare librdkafka consumer reads the same topic. Real servers, started here and ended with it.

    pipeline.py ROOT BUILD [--events N] [--users N] [--seed N] [--runs N]

CPU seconds are those of the process (user and system), start-up and clean stop included.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/system"))
import harness  # noqa: E402

PARTITIONS = 4


def cpu_of(process, stop):
    """Ends a process by `stop` and returns the CPU seconds it took."""
    stop(process)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    return usage.ru_utime + usage.ru_stime


def consume(build, brokers):
    out = subprocess.run([os.path.join(build, "bench/bench_consume"), brokers, "bench.events"], capture_output=True,
                         text=True, check=True, timeout=300)
    return json.loads(out.stdout)


def config_of(root, scratch, app, brokers, redis, port):
    with open(os.path.join(root, "bench/core.yaml"), encoding="utf-8") as f:
        lines = [line for line in f.read().splitlines() if not line.startswith(("app:", "input:", "time:"))]
    lines += ["app: %s" % app, "input: {events: {topic: bench.events}}", "kafka: {bootstrap.servers: '%s'}" % brokers,
              "redis: '%s'" % redis, "serve: {listen: '127.0.0.1:%d'}" % port, "delivery: {create_topics: true}",
              "time: {zone: Europe/London, ticks: off}"]
    return harness.write(os.path.join(scratch, app + ".yaml"), "\n".join(lines) + "\n")


def run(build, config, port, events, log):
    """Until all events have been applied; wall time from the first one seen."""
    process = subprocess.Popen([os.path.join(build, "millrace"), "run", "-q", "-c", config], stdout=log, stderr=log)
    began, deadline = None, time.monotonic() + 300
    while True:
        applied = harness.metrics("127.0.0.1:%d" % port).get("millrace_events_applied_total", 0)
        now = time.monotonic()
        if applied and began is None:
            began = now - 0.01
        if applied >= events:
            break
        assert process.poll() is None and now < deadline, "applied %d of %d" % (applied, events)
        time.sleep(0.01)
    return {"events": events, "wall_s": now - began, "cpu_s": cpu_of(process, lambda p: p.terminate())}


def show(name, results):
    cpu = [r["cpu_s"] * 1e6 / r["events"] for r in results]
    print("%-22s %7.2f us of CPU an event (%.2f to %.2f), %9.0f events a CPU second, %9.0f events/s" % (
        name, statistics.median(cpu), min(cpu), max(cpu), 1e6 / statistics.median(cpu),
        statistics.median(r["events"] / r["wall_s"] for r in results)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root")
    parser.add_argument("build")
    parser.add_argument("--events", type=int, default=500000)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with harness.Servers(args.root) as servers, tempfile.TemporaryDirectory() as scratch:
        servers.topic("bench.events", PARTITIONS)
        subprocess.run([os.path.join(args.build, "millrace"), "generate", "--shop", "--users", str(args.users), "--rate",
                        str(args.users / 1000 + 0.1), "--for", "3650d", "--flat", "--seed", str(args.seed), "--events",
                        str(args.events), "--topic", "bench.events", "--brokers", servers.brokers], check=True)
        bare, memory, redis = [], [], []
        with open(os.path.join(scratch, "log"), "w+", encoding="utf-8") as log:
            for i in range(args.runs):
                bare.append(consume(args.build, servers.brokers))
                assert bare[-1]["events"] == args.events, bare[-1]
                for kind, url, into in (("m", "memory:", memory), ("r", servers.env["REDIS_URL"], redis)):
                    port = harness.free_port()
                    config = config_of(args.root, scratch, "bench-%s%d" % (kind, i), servers.brokers, url, port)
                    try:
                        into.append(run(args.build, config, port, args.events, log))
                    except AssertionError:
                        log.seek(0)
                        print(log.read()[-2000:], file=sys.stderr)
                        raise
        print("%d events of %d users, %.0f bytes each, %d partitions, seed %d; %d runs, median (least to most)" % (
            args.events, args.users, bare[0]["bytes"] / args.events, PARTITIONS, args.seed, args.runs))
        show("bare consumer", bare)
        show("run, memory:", memory)
        show("run, Redis", redis)


if __name__ == "__main__":
    main()
