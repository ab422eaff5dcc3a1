#!/usr/bin/env python3
"""Makes what tests/model compares with: four models by the lightgbm package and its predictions.

    python3 -m venv venv && venv/bin/pip install -r tests/model/requirements.txt
    venv/bin/python tests/model/make_fixtures.py

The rows are not stored: rows() below and row() in tree_fixture.h make the same ones from integers.
Written to tests/model/fixtures: NAME.txt (the model), NAME.bin (predictions, little-endian doubles)
and NAME.raw (FNV-like digest of the raw scores' bits: those agree exactly).
"""
import os
import numpy as np
import lightgbm as lgb

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fixtures')
N_FEATURES = 8
CATEGORICAL = [3, 4]
M64 = (1 << 64) - 1
NAN, INF = float('nan'), float('inf')


def mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xbf58476d1ce4e5b9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94d049bb133111eb)
    return z ^ (z >> np.uint64(31))


def draw(seed, n, j):
    i = np.arange(n, dtype=np.uint64)
    with np.errstate(over='ignore'):
        return mix(np.uint64(seed) + (i * np.uint64(16) + np.uint64(j + 1)) * np.uint64(0x9e3779b97f4a7c15))


def rows(seed, n, wild):
    """wild: also values that no training row has."""
    x = np.zeros((n, N_FEATURES))
    u = [draw(seed, n, j) for j in range(N_FEATURES)]
    mod = lambda j, m: (u[j] % np.uint64(m)).astype(np.int64)
    high = lambda j, m: ((u[j] >> np.uint64(8)) % np.uint64(m)).astype(np.int64)
    x[:, 0] = (mod(0, 4001) - 2000) / 8
    x[:, 1] = np.maximum(0, mod(1, 30) - 9)
    x[:, 2] = np.where(mod(2, 5) == 0, NAN, high(2, 100000) / 64 - 500)
    k = mod(3, 48)
    x[:, 3] = np.select([k == 47, k == 46], [NAN, 1000], k)
    k = mod(4, 100)
    x[:, 4] = k * k % 211
    k = mod(5, 4)
    x[:, 5] = np.select([k == 0, k == 1, k == 2], [0.0, 1e-36, -1e-36], (high(5, 200) - 100) / 16)
    x[:, 6] = (u[6] >> np.uint64(11)).astype(np.float64) / 9007199254740992.0
    x[:, 7] = np.where(mod(7, 10) == 0, high(7, 1000) / 4, NAN)
    if wild:
        for j in range(N_FEATURES):
            h = high(j, 101)
            for at, v in enumerate((NAN, INF, -INF, 3e9, -1.0, -0.5, 7.75, 0.0)):
                x[h == at, j] = v
    return x


def labels(x, seed):
    v = np.nan_to_num(x, posinf=0, neginf=0)
    s = v[:, 0] / 250 + (v[:, 1] > 3) * 0.8 - (v[:, 2] > 100) * 0.7 + np.isnan(x[:, 2]) * 0.6
    s += ((v[:, 3] % 7) < 3) * 0.9 + ((v[:, 4] % 5) == 1) * 1.1 + v[:, 5] / 5 + (v[:, 6] - .5) + (v[:, 7] > 80)
    noise = (draw(seed, len(x), 12) >> np.uint64(11)).astype(float) / 2**53
    return s - 1 + 3 * (noise - .5)


COMMON = dict(num_leaves=31, learning_rate=.1, min_data_in_leaf=20, verbose=-1, seed=1, deterministic=True,
              force_row_wise=True, num_threads=1, cat_smooth=5, min_data_per_group=20, max_cat_to_onehot=4)
MODELS = {  # name: (parameters, trees, rows predicted)
    'binary': (dict(objective='binary', sigmoid=1.5), 50, 10000),
    'zero': (dict(objective='regression', zero_as_missing=True), 10, 2000),
    'plain': (dict(objective='cross_entropy', use_missing=False), 10, 2000),
    'forest': (dict(objective='binary', boosting='rf', bagging_freq=1, bagging_fraction=.6), 10, 2000),
}


def digest(raw):
    d = 0
    for u in raw.view(np.uint64).tolist():
        d = (d ^ u) * 0x100000001b3 & M64
        d ^= d >> 29
    return d


def main():
    os.makedirs(OUT, exist_ok=True)
    for name, (params, trees, n) in MODELS.items():
        x = rows(1, 6000, False)
        y = labels(x, 1)
        if params['objective'] != 'regression':
            y = (y > 0).astype(float)
        data = lgb.Dataset(x, y, categorical_feature=CATEGORICAL, feature_name=['f%d' % j for j in range(N_FEATURES)])
        model = lgb.train({**COMMON, **params}, data, trees)
        model.save_model(os.path.join(OUT, name + '.txt'))
        test = rows(2, n, True)
        model.predict(test).astype('<f8').tofile(os.path.join(OUT, name + '.bin'))
        with open(os.path.join(OUT, name + '.raw'), 'w') as f:
            f.write('%016x\n' % digest(model.predict(test, raw_score=True)))


if __name__ == '__main__':
    main()
