// Random numbers that a seed decides, the same on every machine: xoshiro256++ seeded by splitmix64.
#ifndef MR_GENERATE_RANDOM_H
#define MR_GENERATE_RANDOM_H

#include <millrace/base.h>

struct mr_random {
	uint64_t s[4];
};

// A 64-bit mix (splitmix64's): attributes that follow from a number need not be stored.
uint64_t mr_mix64(uint64_t x);

void mr_random_seed(struct mr_random *, uint64_t seed);
uint64_t mr_random_next(struct mr_random *);
double mr_random_unit(struct mr_random *);                    // 0 <= x < 1
uint32_t mr_random_below(struct mr_random *, uint32_t n);     // 0 .. n-1; n > 0
bool mr_random_chance(struct mr_random *, double share);
int64_t mr_random_between(struct mr_random *, int64_t low, int64_t high);  // both included
double mr_random_exponential(struct mr_random *, double mean);

#endif
