"""Millrace and its peers as processes that do one job: how each is set up, started and watched.

What a setting is for, and where the peers' documentation recommends it, stands beside it.
"""
import contextlib
import glob
import os
import re
import subprocess
import threading
import time

import harness
import others

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
HEAP = "2g"
# How often state is kept where a restart finds it: Flink's checkpoints, Millrace's profiles in Redis. Kafka Streams
# commits every 30 s with at_least_once, every 100 ms with exactly_once_v2 (its defaults).
KEPT_EVERY = "10 s"

# kafka.apache.org/documentation/streams: "Configuring a Streams Application" and "Memory Management".
STREAMS = {
    "num.stream.threads": str(os.cpu_count()),    # a thread a core
    "statestore.cache.max.bytes": str(256 << 20), # "the larger the cache, the fewer writes": it holds all users here
    "topology.optimization": "all",
    "auto.offset.reset": "earliest",
    "replication.factor": "1",                    # one broker
    "main.consumer.max.poll.records": "5000",
}
# nightlies.apache.org/flink/flink-docs-release-2.2: "Execution Configuration", "Checkpoints", "State Backends".
FLINK = {
    "pipeline.object-reuse": "true",              # no copies between operators of a chain
    "execution.checkpointing.interval": KEPT_EVERY,
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    "state.backend.type": "hashmap",
    "taskmanager.memory.managed.size": "0",       # "set managed memory to zero" for the HashMap backend
    "taskmanager.memory.network.min": "64m",
    "taskmanager.memory.network.max": "64m",
}
# "Tuning Checkpoints and Large State": incremental checkpoints, timers in the heap; "State Backends": managed memory.
FLINK_ROCKSDB = {
    "state.backend.type": "rocksdb",
    "execution.checkpointing.incremental": "true",
    "state.backend.rocksdb.timer-service.factory": "heap",
    "taskmanager.memory.managed.size": "512m",
}
# Under a fixed rate, where latency counts and not how much goes through. Streams: "linger.ms"; Flink: "Controlling
# Latency" (buffer timeout of 5 to 10 ms). A static member is back at once after a restart (Kafka: "Static Membership").
LIVE_STREAMS = {"producer.linger.ms": "0", "main.consumer.group.instance.id": "one"}
LIVE_FLINK = {"execution.buffer-timeout.interval": "5 ms"}


def variant(engine, job, engine_settings=None, **settings):
    return {"engine": engine, "job": job, "settings": settings, "engine_settings": engine_settings or {}}


def streams(job, store, guarantee, **more):
    return variant("streams", job, {**STREAMS, "processing.guarantee": guarantee, **more}, store=store)


def flink(job, backend, parallel, **more):
    conf = {**FLINK, **(FLINK_ROCKSDB if backend == "rocksdb" else {}), **more}
    return variant("flink", job, conf, parallel=str(parallel))


def compile_java(build):
    """The peers' classes, made anew where a source is newer; (their folder, the folder of jars)."""
    jars = subprocess.run([os.path.join(ROOT, "deploy/jars.sh"), "peers", os.path.join(HERE, "pom.xml")],
                          check=True, capture_output=True, text=True).stdout.strip()
    classes = os.path.join(build, "bench/peers")
    sources = glob.glob(os.path.join(HERE, "src/peers/*.java"))
    stamp = os.path.join(classes, "compiled")
    if not os.path.exists(stamp) or os.path.getmtime(stamp) < max(map(os.path.getmtime, sources)):
        subprocess.run(["javac", "-Xlint:all,-classfile,-serial", "-Werror", "-d", classes, "-cp", jars + "/*", *sources], check=True)
        harness.write(stamp, "")
    return classes, jars


def classpath(build, engine):
    """Both bring a RocksDB under the same names, so each gets its own alone."""
    classes, jars = compile_java(build)
    other = "frocksdbjni-" if engine == "streams" else "rocksdbjni-"
    found = [j for j in sorted(glob.glob(jars + "/*.jar")) if not os.path.basename(j).startswith(other)]
    return ":".join([classes, *found])


def cpu_of(pid):
    """CPU seconds of a process so far, user and system."""
    return sum(others.times_of(pid)[1:3])


def rss_of(pid):
    with open("/proc/%d/status" % pid, encoding="utf-8") as f:
        return int(re.search(r"^VmRSS:\s+(\d+)", f.read(), re.M).group(1)) << 10


class Running:
    """A started engine. `samples`: (seconds, events read, CPU seconds, bytes of memory, CPU seconds of those beside)."""

    def __init__(self, command, log, beside=()):
        self.beside = list(beside)                # pids whose CPU and memory are its own too
        self.base = sum(map(cpu_of, self.beside))
        self.log_path = log
        self.samples = []
        with open(log, "ab") as f:
            self.process = subprocess.Popen(command, stdout=self.output(f), stderr=f)

    def output(self, log):
        return log

    def sample(self, events):
        pid = self.process.pid
        try:
            beside = sum(map(cpu_of, self.beside)) - self.base
            self.samples.append((time.monotonic(), events, cpu_of(pid) + beside, rss_of(pid) + sum(map(rss_of, self.beside)), beside))
        except (OSError, AttributeError):         # it has ended
            pass

    @property
    def events(self):
        return self.samples[-1][1] if self.samples else 0

    def alive(self):
        if self.process.poll() is not None:
            with open(self.log_path, encoding="utf-8", errors="replace") as f:
                raise AssertionError("ended with %d\n%s" % (self.process.returncode, f.read()[-3000:]))
        return True

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM, and SIGKILL where that takes long."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()


class Java(Running):
    """Prints the number of events that it has read, ten times a second."""

    def __init__(self, command, log):
        super().__init__(command, log)
        self.reader = threading.Thread(target=self.follow, daemon=True)
        self.reader.start()

    def output(self, log):
        return subprocess.PIPE

    def follow(self):
        for line in self.process.stdout:
            if line.strip().isdigit():
                self.sample(int(line))


class Millrace(Running):
    def __init__(self, command, log, port, beside):
        self.port = port
        super().__init__(command, log, beside)
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        while self.process.poll() is None:
            self.sample(int(harness.metrics("127.0.0.1:%d" % self.port).get("millrace_events_applied_total", 0)))
            time.sleep(0.1)


class Engines:
    """Starts engines on the servers of a Bench, each under an application name of its own."""

    def __init__(self, bench):
        self.bench = bench

    def name(self):
        self.bench.peers = getattr(self.bench, "peers", 0) + 1
        return "p%d" % self.bench.peers

    def topics(self, app, partitions):
        self.bench.servers.topics(partitions, app + ".sessions", app + ".actions")

    def log(self, app):
        return os.path.join(self.bench.scratch, app + ".log")

    def millrace(self, app, topic, times, store="redis", config="job.yaml", more=()):
        """times: gap, grace in milliseconds."""
        env, port = self.bench.servers.env, harness.free_port()
        with open(os.path.join(HERE, config), encoding="utf-8") as f:
            job = f.read().replace("gap: 30m", "gap: %dms" % times["gap"])
        path = harness.write(os.path.join(self.bench.scratch, app + ".yaml"), "\n".join([
            job, "app: %s" % app, "input: {events: {topic: %s}}" % topic, "kafka: {bootstrap.servers: '%s'}" % env["KAFKA_BROKERS"],
            "redis: '%s'" % (env["REDIS_URL"] if store == "redis" else "memory:"), "serve: {listen: '127.0.0.1:%d'}" % port,
            "output: {decisions: off, actions: %s.actions, sessions: %s.sessions}" % (app, app),
            "time: {zone: UTC, ticks: off, grace: %dms}" % times["grace"],
            "delivery: {create_topics: true, flush_interval: %s}" % KEPT_EVERY.replace(" ", ""),
            "dedup: {keep: 0}",                   # the peers don't look for repeated messages
            *more]) + "\n")
        beside = [int(env["REDIS_PID"])] if store == "redis" else []
        return Millrace([self.bench.millrace, "run", "-q", "-c", path], self.log(app), port, beside)

    def peer(self, chosen, app, topic, times, live=False):
        """live: with settings for latency, and from the last checkpoint where there is one."""
        engine, folder = chosen["engine"], os.path.join(self.bench.scratch, app)
        prefix = "streams." if engine == "streams" else "flink."
        conf, settings = dict(chosen["engine_settings"]), dict(chosen["settings"])
        if live:
            conf.update(LIVE_STREAMS if engine == "streams" else LIVE_FLINK)
            settings["producer.linger.ms"] = "0"
        if engine == "flink":
            conf["execution.checkpointing.dir"] = "file://%s/checkpoints" % folder
            conf["io.tmp.dirs"] = folder + "/tmp"
            if latest_checkpoint(folder):
                conf["execution.state-recovery.path"] = "file://" + latest_checkpoint(folder)
        os.makedirs(folder, exist_ok=True)
        values = {"app": app, "brokers": self.bench.servers.brokers, "topic": topic, "dir": folder, "job": chosen["job"],
                  **{k: str(v) for k, v in times.items()}, **settings,
                  **{prefix + k: v for k, v in conf.items()}}
        opens = ["--add-opens=java.base/%s=ALL-UNNAMED" % p for p in ("java.util", "java.lang", "java.time")]
        return Java(["java", "-Xms" + HEAP, "-Xmx" + HEAP, *opens,
                     "-Dlog4j2.configurationFile=" + os.path.join(ROOT, "deploy/kafka/log4j2.properties"),
                     "-cp", classpath(self.bench.build, engine), "peers.Main", engine,
                     *("%s=%s" % kv for kv in values.items())], self.log(app))

    @contextlib.contextmanager
    def running(self, process):
        try:
            yield process
        finally:
            if process.process.poll() is None:
                process.stop()


def latest_checkpoint(folder):
    found = [os.path.dirname(p) for p in glob.glob(folder + "/checkpoints/*/chk-*/_metadata")]
    return max(found, key=os.path.getmtime, default=None)
