#!/usr/bin/env python3
"""Makes fixtures/bgnbd.txt: BG/NBD by the reference class of the project's shared notes.

    venv/bin/python tests/model/make_bgnbd.py ../shared/churn     (the folder with btyd.py)

A line: r alpha a b x tx T h P(alive) P(no purchase in h).
"""
import os
import random
import sys
import numpy as np

sys.path.insert(0, sys.argv[1])
from btyd import BG

random.seed(1)
fits = [(0.243, 4.414, 0.793, 2.426), (0.55, 10.6, 1.1, 8.0), (3.0, 30.0, 0.05, 0.9), (0.02, 0.3, 5.0, 400.0)]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fixtures', 'bgnbd.txt'), 'w') as f:
    for fit in fits:
        model = BG()
        model.p = np.log(np.array(fit))
        for i in range(125):
            days = random.choice([0, 1, 6, 30, 90, 365, 700, 3000])
            x = 0 if days == 0 else random.randint(1, min(days, 150))
            tx, T = days / 7, (days + random.choice([0, 1, 10, 89, 90, 300, 2000])) / 7
            h = random.choice([0, 1, 30 / 7, 13, 90 / 7, 52])
            a = [np.array([float(v)]) for v in (x, tx, T)]
            numbers = [*fit, x, tx, T, h, float(model.alive(*a)[0]), float(1 - model.pbuy(*a, h)[0])]
            f.write(' '.join(repr(float(v)) for v in numbers) + '\n')
