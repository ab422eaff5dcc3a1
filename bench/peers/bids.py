"""Nexmark's bids as events of users, to a topic: `bids.py BROKERS TOPIC NUMBER SEED RATE`.

As in Nexmark's generator: of 50 events one is a new person and 46 are bids; of four bids three are by the
last person whose number is a multiple of a hundred, the others by one of the last thousand. RATE: events a second (Nexmark: 10,000).
"""
import os
import random
import sys
import time

from confluent_kafka import Producer

if __name__ == "__main__":
    sys.path[0:1] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
    import suite as _  # noqa: F401  # the harness's folder
import harness  # noqa: E402

START_S = 1767225600     # 2026-01-01T00:00:00Z
PERSONS, BIDS, ALL = 1, 46, 50


def bids(number, seed, rate):
    """(user, event) of each bid."""
    draw = random.Random(seed)
    for i in range(number):
        event = i * ALL // BIDS
        person = event // ALL * PERSONS + 1
        bidder = person // 100 * 100 if draw.random() < 0.75 else draw.randrange(max(0, person - 1000), person + 1)
        ms = event * 1000 // rate
        at = "%s.%03dZ" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START_S + ms // 1000)), ms % 1000)
        user = "b%d" % bidder
        yield user, ('{"type":"track","event":"Bid","messageId":"n-%d","userId":"%s","timestamp":"%s",'
                     '"properties":{"auction":%d,"price":%d,"channel":"Google","url":"https://www.nexmark.com/item.htm?query=1"}}'
                     % (i, user, at, 1000 + draw.randrange(event * 3 // ALL + 100), int(10 ** (draw.random() * 6) * 100)))


def main(brokers, topic, number, seed, rate):
    p = Producer({"bootstrap.servers": brokers, "partitioner": "murmur2", "linger.ms": 20, "enable.idempotence": True,
                  "queue.buffering.max.messages": 500000})
    for user, event in bids(int(number), int(seed), int(rate)):
        harness.put(p, topic, key=user, value=event)
        p.poll(0)
    assert p.flush(60) == 0


if __name__ == "__main__":
    main(*sys.argv[1:])
