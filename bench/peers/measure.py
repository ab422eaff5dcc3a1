"""CPU, rate and memory of an engine that drains a preloaded topic, once it is warm.

Warm is judged by CPU seconds, not by the clock, so that a machine that others use too changes little.
"""
import statistics

import harness

BUCKET_S = 10        # of CPU: several commits and collections of garbage
BUCKETS = 2          # so many in a row must agree
AGREE = 0.05         # within this of their median, in CPU an event
LEAST_WARM_S = 20    # of CPU


class Figure:
    """us: CPU microseconds an event; rate: events a second; memory: bytes; warm_s: CPU until it was steady;
    beside_us: what of us the processes beside it took."""

    def __init__(self, first, last):
        seconds, events, cpu = (b - a for a, b in zip(first[:3], last[:3]))
        self.us, self.rate, self.memory, self.warm_s = cpu * 1e6 / events, events / seconds, last[3], first[2]
        self.beside_us = (last[4] - first[4]) * 1e6 / events


def buckets(samples):
    """The sample at the end of each ten seconds of CPU since the first events."""
    working = [s for s in samples if s[1]]
    out = working[:1]
    for s in working:
        if s[2] - out[-1][2] >= BUCKET_S:
            out.append(s)
    return out


def steady(samples):
    """The figure of the last buckets where they agree; None: not yet."""
    last = buckets(samples)[-1 - BUCKETS:]
    if len(last) <= BUCKETS or last[0][2] < LEAST_WARM_S or any(b[1] <= a[1] for a, b in zip(last, last[1:])):
        return None
    costs = [(b[2] - a[2]) / (b[1] - a[1]) for a, b in zip(last, last[1:])]
    middle = statistics.median(costs)
    return Figure(last[0], last[-1]) if max(abs(c / middle - 1) for c in costs) <= AGREE else None


def drain_warm(process, events, most_s=400):
    """Until the peer is steady; AssertionError where the topic ends before."""
    def look():
        process.alive()
        found = steady(list(process.samples))
        assert found or process.events < events, "read all %d events before it was steady" % events
        return found
    return harness.until("a steady rate", most_s, look)


def drain_all(process, events, most_s=400):
    """All of the topic, start-up included: for Millrace, which needs no warm-up, and for tiny runs."""
    harness.until("all events", most_s, lambda: process.alive() and process.events >= events, every=0.02)
    first, last = next(s for s in process.samples if s[1]), process.samples[-1]
    # The CPU is all that was taken since the start, the rate that from the first events on.
    return Figure((first[0] - 0.1, 0, 0, 0, 0), last)
