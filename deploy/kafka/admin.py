"""What deploy/servers.sh asks of Kafka.

    admin.py ports N                                  N free ports of 127.0.0.1, one a line
    admin.py wait BROKERS PID SECONDS                 until the broker answers; fails if the process ends
    admin.py topic BROKERS NAME PARTITIONS [KEY=VALUE]...
"""
import os
import socket
import sys
import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic


def client(brokers):
    # Connection errors while a broker starts are expected: the caller judges by the answer.
    return AdminClient({"bootstrap.servers": brokers, "log_level": 0, "reconnect.backoff.max.ms": 200,
                        "error_cb": lambda e: None})


def ports(n):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    for s in sockets:
        print(s.getsockname()[1])
    for s in sockets:
        s.close()


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait(brokers, pid, seconds):
    admin = client(brokers)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not alive(pid):
            sys.exit("the broker ended while starting")
        try:
            if admin.list_topics(timeout=1).brokers:
                return
        except KafkaException:
            time.sleep(0.1)
    sys.exit("no answer from %s within %d s" % (brokers, seconds))


def topic(brokers, name, partitions, configs):
    admin = client(brokers)
    new = NewTopic(name, num_partitions=partitions, replication_factor=1, config=configs)
    try:
        admin.create_topics([new], operation_timeout=30, request_timeout=30)[name].result()
    except KafkaException as e:
        sys.exit("topic %s: %s" % (name, e.args[0].str()))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = admin.list_topics(timeout=5).topics.get(name)
        if found and len(found.partitions) == partitions and all(p.leader >= 0 for p in found.partitions.values()):
            return
        time.sleep(0.05)
    sys.exit("topic %s: no leader after 30 s" % name)


def main(args):
    if len(args) == 2 and args[0] == "ports":
        ports(int(args[1]))
    elif len(args) == 4 and args[0] == "wait":
        wait(args[1], int(args[2]), int(args[3]))
    elif len(args) >= 4 and args[0] == "topic":
        topic(args[1], args[2], int(args[3]), dict(a.split("=", 1) for a in args[4:]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
