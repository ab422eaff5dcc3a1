#!/usr/bin/env python3
"""Trains the churn model that is shipped as examples/churn.txt, and prints its figures.

    python3 -m venv venv && venv/bin/pip install -r models/requirements.txt
    venv/bin/python models/train_retail.py --reference ../shared/churn

Data: Online Retail (UCI 352, CC BY 4.0). --reference is the folder with state.py (the features, by
the names that operators/churn.c knows) and load.py (the purchases; it finds the data beside it).

Churn: no purchase within 90 days. Tested at 2011-09-10 on everyone with a purchase before; every
label of the training ends before that day. The number of rounds is chosen on the newest training
cutoff by a model that has not seen any day of its labels; the test set is looked at once.
"""
import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
HORIZON = 90
TEST, FIRST, STEP = '2011-09-10', '2011-02-01', 14
PARAMS = dict(objective='binary', learning_rate=.05, num_leaves=7, feature_fraction=.6, bagging_fraction=.7,
              bagging_freq=1, lambda_l2=5, max_bin=127, verbose=-1, seed=1, num_threads=1,
              deterministic=True, force_row_wise=True)
ROUNDS_MAX = 200


def rows(np, state, events, cutoffs):
    """Features and labels of every user with a purchase before each cutoff."""
    snaps = state.snapshots(events, cutoffs)
    buys = events[events.kind == 0]
    x, y = [], []
    for c in cutoffs:
        users, features = snaps[(c, 0)]
        back = set(buys[(buys.day >= c) & (buys.day < c + HORIZON)].uid)
        x.append(features[:, :len(state.FEATURES)])
        y.append(np.array([u not in back for u in users], float))
    return np.concatenate(x), np.concatenate(y)


def auc(np, y, p):
    """The chance that a churner scores above a returner; ties count half."""
    order = np.argsort(p, kind='stable')
    s, r, i = p[order], np.empty(len(p)), 0
    while i < len(s):
        j = i
        while j < len(s) and s[j] == s[i]:
            j += 1
        r[order[i:j]] = (i + j + 1) / 2
        i = j
    n = y.sum()
    return (r[y == 1].sum() - n * (n + 1) / 2) / (n * (len(y) - n))


def log_loss(np, y, p):
    return -np.mean(np.where(y == 1, np.log(p), np.log(1 - p)))


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument('--reference', required=True, metavar='FOLDER')
    args.add_argument('--out', default=os.path.join(HERE, '..', 'examples', 'churn.txt'))
    args = args.parse_args()
    sys.path.insert(0, args.reference)
    import lightgbm as lgb
    import numpy as np
    import load
    import state

    events = load.online_retail()
    test, first = load.d(TEST), load.d(FIRST)
    cutoffs = list(range(test - HORIZON, first - 1, -STEP))
    names = list(state.FEATURES)

    def fit(cutoffs, rounds, watch=None):
        x, y = rows(np, state, events, cutoffs)
        params = dict(PARAMS, min_data_in_leaf=max(40, len(x) // 400))
        data = lgb.Dataset(x, y, feature_name=names)
        if watch is None:
            return lgb.train(params, data, rounds), len(x), y.mean()
        return lgb.train(params, data, rounds, valid_sets=[lgb.Dataset(*watch, reference=data)],
                         callbacks=[lgb.early_stopping(30, verbose=False)])

    newest = cutoffs[0]
    unseen = [c for c in cutoffs if c + HORIZON <= newest]
    rounds = fit(unseen or cutoffs[-1:], ROUNDS_MAX, rows(np, state, events, [newest])).best_iteration
    model, n, share = fit(cutoffs, rounds)
    model.save_model(args.out)
    x, y = rows(np, state, events, [test])
    p = model.predict(x)
    print('trained on %d rows of %d cutoffs, churn %.4f, %d rounds' % (n, len(cutoffs), share, rounds))
    print('tested on %d, churn %.4f: AUC %.4f, log loss %.4f' % (len(y), y.mean(), auc(np, y, p), log_loss(np, y, p)))


if __name__ == '__main__':
    main()
