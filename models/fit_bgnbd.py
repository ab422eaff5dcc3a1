#!/usr/bin/env python3
"""Fits BG/NBD to orders and prints the four numbers for `churn: {bgnbd: ...}`.

    venv/bin/pip install -r models/requirements.txt
    venv/bin/python models/fit_bgnbd.py --until 2026-03-01 events.ndjson    ('-': standard input)

Reads Segment events, one JSON object a line; what counts is `event`, `userId` and `timestamp`. Days
are UTC and time is in weeks, as in the operator. On the CDNOW sample up to 1997-09-30 it finds the
published fit: r 0.243, alpha 4.414, a 0.793, b 2.426.
"""
import argparse
import datetime
import json
import sys

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, gammaln


def days_of(lines, names, until):
    """Purchase days by user, before `until`."""
    days = {}
    for line in lines:
        e = json.loads(line)
        user = e.get('userId') or e.get('anonymousId')
        if e.get('event') not in names or not user:
            continue
        day = datetime.date.fromisoformat(e['timestamp'][:10]).toordinal()
        if day < until:
            days.setdefault(user, set()).add(day)
    return days


def minus_log_likelihood(p, x, tx, T, weight):
    r, alpha, a, b = np.exp(p)
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + T)
    gone = betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + tx)
    both = np.where(x > 0, np.logaddexp(alive, gone), alive)
    return -(weight * (common + both)).sum() / weight.sum()


def fit(days, until):
    last = until - 1  # the last whole day
    rows = [(len(d) - 1, max(d) - min(d), last - min(d)) for d in days.values()]
    rows, weight = np.unique(np.array(rows, float), axis=0, return_counts=True)
    x, tx, T = rows[:, 0], rows[:, 1] / 7, rows[:, 2] / 7
    starts = [np.log([.5, 5, .8, 2.5]), np.zeros(4), np.log([1, 10, .3, 3])]
    found = [minimize(minus_log_likelihood, s, (x, tx, T, weight), method='L-BFGS-B', bounds=[(-6, 8)] * 4)
             for s in starts]
    return np.exp(min(found, key=lambda f: f.fun).x)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument('--until', required=True, type=datetime.date.fromisoformat, help='first day that is not looked at')
    args.add_argument('--purchase', action='append', metavar='EVENT', help='default: Order Completed')
    args.add_argument('file')
    args = args.parse_args()
    until = args.until.toordinal()
    with (sys.stdin if args.file == '-' else open(args.file, encoding='utf-8')) as f:
        days = days_of(f, args.purchase or ['Order Completed'], until)
    if len(days) < 100:
        sys.exit('%d users with a purchase: too few to fit anything' % len(days))
    r, alpha, a, b = fit(days, until)
    print('churn: {bgnbd: {r: %.4g, alpha: %.4g, a: %.4g, b: %.4g}}' % (r, alpha, a, b))


if __name__ == '__main__':
    main()
