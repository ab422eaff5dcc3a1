#!/usr/bin/env python3
"""Makes fixtures/churn_state.txt: the reference's state and features over made-up users.

    venv/bin/python tests/operators/make_churn.py ../shared/churn     (the folder with state.py)

Lines: `user`, `purchase DAY AMOUNT ITEMS LINES`, `refund DAY AMOUNT`, `features DAY VALUE...`
"""
import os
import random
import sys

sys.path.insert(0, sys.argv[1])
import state

random.seed(7)
out = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fixtures', 'churn_state.txt')
with open(out, 'w') as f:
    for user in range(40):
        f.write('user\n')
        s, day = state.State(), random.randint(-400, 20000)
        for _ in range(random.choice([1, 2, 3, 4, 5, 9, 30, 60])):
            day += random.choice([0, 0, 1, 2, 3, 5, 8, 20, 40, 100, 250])
            if random.random() < .15:
                amount = -round(random.random() * 80, 2)
                s.update(day, amount, 0, 0, 1)
                f.write('refund %d %r\n' % (day, amount))
            else:
                amount, items, lines = round(random.random() * 300 - 5, 2), random.randint(0, 40), random.randint(0, 9)
                s.update(day, amount, items, lines, 0)
                f.write('purchase %d %r %d %d\n' % (day, amount, items, lines))
            if s.n and random.random() < .3:
                at = day + random.choice([0, 1, 7, 30, 91, 400])
                f.write('features %d %s\n' % (at, ' '.join(repr(float(v)) for v in s.features(at))))
