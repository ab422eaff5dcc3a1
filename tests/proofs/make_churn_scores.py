#!/usr/bin/env python3
"""Makes churn_scores.txt: the shipped model scored by the lightgbm package on the features of the
reference implementation, for the test set of retail_A.

    venv/bin/pip install -r models/requirements.txt
    venv/bin/python tests/proofs/make_churn_scores.py ../shared/churn     (the folder with state.py)

A line: user, 1 for churn, score. Sorted by user. Made anew with every new examples/churn.txt.
"""
import os
import sys
import lightgbm as lgb

sys.path.insert(0, sys.argv[1])
import load
import state

HERE = os.path.dirname(os.path.abspath(__file__))
HORIZON = 90
events, cutoff = load.online_retail(), load.d('2011-09-10')
users, features = state.snapshots(events, [cutoff])[(cutoff, 0)]
buys = events[(events.kind == 0) & (events.day >= cutoff) & (events.day < cutoff + HORIZON)]
back = set(buys.uid)
model = lgb.Booster(model_file=os.path.join(HERE, '..', '..', 'examples', 'churn.txt'))
scores = model.predict(features[:, :len(state.FEATURES)])
with open(os.path.join(HERE, 'churn_scores.txt'), 'w') as f:
    for u, p in sorted(zip(users.tolist(), scores.tolist())):
        f.write('%d %d %r\n' % (u, u not in back, p))
