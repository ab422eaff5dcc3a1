// The rows of make_fixtures.py, made again from integers, and files read whole.
#ifndef TREE_FIXTURE_H
#define TREE_FIXTURE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <millrace/base.h>

#define FIXTURE_FEATURES 8

static inline uint64_t
fixture_draw(uint64_t seed, uint64_t i, uint64_t j)
{
	uint64_t z = seed + (i * 16 + j + 1) * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline double
fixture_cell(uint64_t u, int j)
{
	int64_t high = (int64_t)(u >> 8);
	int k;

	switch (j) {
	case 0: return ((int)(u % 4001) - 2000) / 8.0;
	case 1: k = (int)(u % 30) - 9; return k > 0 ? k : 0;
	case 2: return u % 5 == 0 ? NAN : (double)(high % 100000) / 64 - 500;
	case 3: k = (int)(u % 48); return k == 47 ? NAN : k == 46 ? 1000 : k;
	case 4: k = (int)(u % 100); return k * k % 211;
	case 5: k = (int)(u % 4); return k == 0 ? 0 : k == 1 ? 1e-36 : k == 2 ? -1e-36 : (double)(high % 200 - 100) / 16;
	case 6: return (double)(u >> 11) / 9007199254740992.0;
	default: return u % 10 == 0 ? (double)(high % 1000) / 4 : NAN;
	}
}

static inline void
fixture_row(uint64_t seed, uint64_t i, double x[FIXTURE_FEATURES])
{
	static const double wild[] = {NAN, INFINITY, -INFINITY, 3e9, -1.0, -0.5, 7.75, 0.0};

	for (int j = 0; j < FIXTURE_FEATURES; j++) {
		uint64_t u = fixture_draw(seed, i, (uint64_t)j), h = (u >> 8) % 101;
		x[j] = h < 8 ? wild[h] : fixture_cell(u, j);
	}
}

// The whole file, fixture_free() it. Ends the test where it is not there.
static inline struct mr_str
fixture_file(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "tests/model/fixtures/%s", name);
	FILE *f = fopen(path, "rb");
	cr_assert(f != NULL, "%s", path);
	size_t cap = 1 << 22, n;
	char *p = malloc(cap);
	n = fread(p, 1, cap, f);
	cr_assert(n < cap);
	fclose(f);
	return (struct mr_str){p, n};
}

static inline void
fixture_free(struct mr_str s)
{
	free((void *)(uintptr_t)s.p);
}

#endif
