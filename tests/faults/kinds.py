"""The faults. Each is a function of the round (run's class Round): it does its harm, and undoes what
would keep the stream from going on. `KINDS` says how often each is drawn."""
import os
import shutil
import signal
import time

from world import SESSION_MS, harness

BEYOND = SESSION_MS / 1000 + 1.5    # longer than the group waits for a member


# ---- processes ----

def kill(r):
    """kill -9 at a moment of chance; started again at once, as a supervisor would."""
    r.kill(r.pick()).start()


def kill_open(r):
    """kill -9 inside an open transaction."""
    i = r.pick()
    owned = i.partitions()
    deadline = time.monotonic() + 3
    while not r.watch.is_open(owned) and time.monotonic() < deadline:
        pass
    r.kill(i).start()


def kill_unflushed(r):
    """kill -9 while changes wait to be written to Redis."""
    i = r.pick()
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        if any(k.startswith("millrace_write_behind_age") and v > 0.1 for k, v in i.metrics().items()):
            break
        time.sleep(0.02)
    r.kill(i).start()


def kill_again(r):
    """kill -9, and once more while it takes over."""
    i = r.kill(r.pick())
    i.start()
    time.sleep(r.random.uniform(0.05, 0.8))
    r.kill(i).start()


def kill_all(r):
    """kill -9 of every process."""
    up = r.up()
    for i in up:
        r.kill(i)
    for i in up:
        i.start()


def kill_and_leave(r):
    """kill -9, and nobody starts it until the others have its partitions."""
    i = r.kill(r.pick())
    time.sleep(BEYOND)
    i.start()


def zombie(r):
    """Stopped with a transaction open until others have its partitions; then it goes on."""
    i = r.pick()
    owned = i.partitions()
    deadline = time.monotonic() + 3
    while not r.watch.is_open(owned) and time.monotonic() < deadline:
        pass
    i.signal(signal.SIGSTOP)
    r.count("zombies with an open transaction", r.watch.is_open(owned))
    time.sleep(BEYOND)
    i.signal(signal.SIGCONT)


def nap(r):
    """Stopped for less than the group waits."""
    i = r.pick()
    i.signal(signal.SIGSTOP)
    time.sleep(r.random.uniform(0.2, SESSION_MS / 2000))
    i.signal(signal.SIGCONT)


def leave_and_join(r):
    """An instance ends cleanly, and comes back."""
    i = r.pick()
    code, _ = i.process.stop()
    r.expect(code == 0, "%s: a clean stop ended with %d\n%s" % (i.name, code, i.log[-2000:]))
    time.sleep(r.random.uniform(0, BEYOND))
    i.start()


def add_or_remove(r):
    """One instance more, or the one more ends (first cleanly, then by a kill)."""
    extra = r.world.instances[-1]
    if not extra.alive:
        extra.start()
    elif r.random.random() < 0.5:
        extra.process.stop()
    else:
        r.kill(extra)


def clock(r):
    """An instance's clock goes back and forth; the monotonic one does not."""
    i = r.kill(r.pick())
    i.set_clock(0)
    i.start(shifted=True)
    r.take_over()
    for seconds in (r.random.randint(-120, -1), r.random.randint(1, 5), 0):
        i.set_clock(seconds)
        time.sleep(1.5)
    r.kill(i).start()


# ---- Kafka ----

def broker_restart(r):
    r.world.servers.do("stop-kafka")
    r.world.servers.do("start-kafka")


def broker_kill(r):
    """The broker is killed while transactions are open or being committed."""
    deadline = time.monotonic() + 3
    while not r.watch.is_open(range(r.world.partitions)) and time.monotonic() < deadline:
        pass
    r.world.servers.do("kill-kafka")
    r.world.servers.do("start-kafka")


def kafka_cut(r):
    r.world.proxy.do("kafka", "cut")
    time.sleep(r.random.uniform(0.05, 2))
    r.world.proxy.do("kafka", "pass")


def kafka_held(r):
    """Nothing comes through for longer than the group waits: every member is given up."""
    r.world.proxy.do("kafka", "hold")
    time.sleep(BEYOND)
    r.world.proxy.do("kafka", "pass")


def kafka_slow(r):
    r.world.proxy.do("kafka", "slow", r.random.randint(5, 60))
    time.sleep(3)
    r.world.proxy.do("kafka", "pass")


# ---- Redis ----

def redis_kill(r):
    r.world.redis.kill()
    time.sleep(r.random.uniform(0, 1.5))
    r.world.redis.start()


def redis_older(r):
    """It comes back from an append-only file of some time ago."""
    kept = os.path.join(r.world.dir, "kept")
    r.world.redis.keep(kept)
    time.sleep(r.random.uniform(0.5, 3))
    r.world.redis.kill()
    r.world.redis.put_back(kept)
    r.world.redis.start()


def redis_emptied(r):
    r.world.redis.ask("flushall")


def redis_failover(r):
    """A replica that lags takes over: the last writes, which were acknowledged, are gone."""
    w = r.world
    w.proxy.do("replica", "to", w.redis.address)
    w.proxy.do("replica", "pass")
    w.replica.start("--replicaof", "127.0.0.1", str(w.proxy.ports["replica"]))
    harness.until("the replica follows", 30, lambda: "master_link_status:up" in w.replica.ask("info", "replication"), 0.05)
    time.sleep(r.random.uniform(0.2, 1))
    w.proxy.do("replica", "cut")
    time.sleep(r.random.uniform(0.5, 2))
    w.redis.kill()
    w.replica.ask("replicaof", "no", "one")
    w.proxy.do("redis", "to", w.replica.address)
    w.redis, w.replica = w.replica, w.redis
    shutil.rmtree(w.replica.aof)


def redis_full(r):
    """The disk of the append-only file is full; later there is room again."""
    w = r.world
    w.redis.disk(r.random.randrange(20000))
    deadline = time.monotonic() + 4
    while "MISCONF" not in w.redis.ask("set", "{room}", "x") and time.monotonic() < deadline:
        time.sleep(0.1)
    r.count("writes refused for a full disk", "MISCONF" in w.redis.ask("set", "{room}", "x"))
    time.sleep(r.random.uniform(0, 1.5))
    w.redis.disk(None)


def redis_cut(r):
    for _ in range(r.random.randint(1, 5)):
        r.world.proxy.do("redis", "cut")
        time.sleep(r.random.uniform(0, 0.3))
        r.world.proxy.do("redis", "pass")
        time.sleep(r.random.uniform(0, 0.3))


def redis_held(r):
    """Answers don't come: outcomes of writes are unknown."""
    r.world.proxy.do("redis", "hold")
    time.sleep(r.random.uniform(0.5, 2.5))
    r.world.proxy.do("redis", "cut")
    r.world.proxy.do("redis", "pass")


def redis_slow(r):
    r.world.proxy.do("redis", "slow", r.random.randint(5, 50))
    time.sleep(3)
    r.world.proxy.do("redis", "pass")


KINDS = {kill: 9, kill_open: 9, kill_unflushed: 7, kill_again: 2, kill_all: 2, kill_and_leave: 1, zombie: 2, nap: 1,
         leave_and_join: 1, add_or_remove: 2, clock: 1, broker_restart: 1, broker_kill: 2, kafka_cut: 1,
         kafka_held: 1, kafka_slow: 1, redis_kill: 1, redis_older: 1, redis_emptied: 1, redis_failover: 1,
         redis_full: 1, redis_cut: 1, redis_held: 1, redis_slow: 1}
