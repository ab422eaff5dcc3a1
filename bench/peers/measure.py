"""CPU, rate and memory of an engine that drains a preloaded topic, once it is warm."""
import statistics

import harness

BUCKET_S = 5
BUCKETS = 4          # so many in a row must agree
AGREE = 0.10         # within this of their median, in CPU an event
LEAST_WARM_S = 30


class Figure:
    """us: CPU microseconds an event; rate: events a second; memory: bytes; warm_s: how long it took to be steady."""

    def __init__(self, first, last, begun):
        seconds, events, cpu = (b - a for a, b in zip(first[:3], last[:3]))
        self.us, self.rate, self.memory, self.warm_s = cpu * 1e6 / events, events / seconds, last[3], first[0] - begun


def buckets(samples):
    """The sample at the end of each five seconds since the first events."""
    working = [s for s in samples if s[1]]
    out = working[:1]
    for s in working:
        if s[0] - out[-1][0] >= BUCKET_S:
            out.append(s)
    return out


def steady(samples, least_s=LEAST_WARM_S):
    """The figure of the last four buckets where they agree; None: not yet."""
    ends = buckets(samples)
    if len(ends) <= BUCKETS or ends[-1 - BUCKETS][0] - samples[0][0] < least_s:
        return None
    last = ends[-1 - BUCKETS:]
    if any(b[1] <= a[1] for a, b in zip(last, last[1:])):
        return None
    costs = [(b[2] - a[2]) / (b[1] - a[1]) for a, b in zip(last, last[1:])]
    middle = statistics.median(costs)
    return Figure(last[0], last[-1], samples[0][0]) if max(abs(c / middle - 1) for c in costs) <= AGREE else None


def drain_warm(process, events, most_s=150):
    """Until the peer is steady; AssertionError where the topic ends before."""
    def look():
        process.alive()
        assert process.events < events, "read all %d events before it was steady" % events
        return steady(list(process.samples))
    return harness.until("a steady rate", most_s, look)


def drain_all(process, events, most_s=150):
    """All of the topic, start-up included: for Millrace, which needs no warm-up, and for tiny runs."""
    harness.until("all events", most_s, lambda: process.alive() and process.events >= events, every=0.02)
    last = list(process.samples)[-1]
    first = next(s for s in process.samples if s[1])
    # The CPU is all that was taken since the start, the rate that from the first events on.
    figure = Figure((first[0] - 0.1, 0, 0), last, first[0] - 0.1)
    process.stop()
    return figure
