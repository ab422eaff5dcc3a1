#!/usr/bin/python3
"""Whether figures can be repeated: of those that one machine measured twice at one commit, how many of the
second medians lie within the first's least and greatest run. Fails below 90%.

    repeated.py [RESULTS]
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import results  # noqa: E402

SHARE = 0.9


def pairs(lines):
    """(first, second) of each figure that was measured at least twice; the last two times."""
    found = {}
    for line in lines:
        found.setdefault((line["commit"], str(line["host"]), line["seed"], line["name"]) + results.key_of(line), []).append(line)
    return [times[-2:] for times in found.values() if len(times) > 1]


def within(first, second):
    """One run alone has no spread; then the second must be as near as a steady figure's runs are."""
    slack = 0 if first["runs"] > 1 else (results.KINDS[first["kind"]] or 0.15) * abs(first["median"])
    return first["min"] - slack <= second["median"] <= first["max"] + slack


def main(path=results.PATH):
    found = pairs(results.read(path))
    if not found:
        sys.exit("nothing was measured twice at one commit")
    outside = [p for p in found if not within(*p)]
    for a, b in outside:
        print("%s %s: %s: %g to %g, then %g" % (a["suite"], a["parameters"], a["name"], a["min"], a["max"], b["median"]))
    share = 1 - len(outside) / len(found)
    print("%d figures were measured twice; %.0f%% of the second medians lie within the first's runs" % (len(found), 100 * share))
    return 0 if share >= SHARE else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
