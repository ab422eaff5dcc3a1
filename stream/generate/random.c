#include "generate/random.h"

#include "model/math.h"

uint64_t
mr_mix64(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

void
mr_random_seed(struct mr_random *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		r->s[i] = mr_mix64(seed);
		seed += 0x9e3779b97f4a7c15u;
	}
}

static uint64_t
rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t
mr_random_next(struct mr_random *r)
{
	uint64_t *s = r->s;
	uint64_t result = rotl(s[0] + s[3], 23) + s[0];
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

double
mr_random_unit(struct mr_random *r)
{
	return (double)(mr_random_next(r) >> 11) * 0x1p-53;
}

uint32_t
mr_random_below(struct mr_random *r, uint32_t n)
{
	MR_ASSERT(n > 0);
	return (uint32_t)(((mr_random_next(r) >> 32) * n) >> 32);
}

bool
mr_random_chance(struct mr_random *r, double share)
{
	return mr_random_unit(r) < share;
}

int64_t
mr_random_between(struct mr_random *r, int64_t low, int64_t high)
{
	MR_ASSERT(low <= high && high - low < UINT32_MAX);
	return low + mr_random_below(r, (uint32_t)(high - low + 1));
}

double
mr_random_exponential(struct mr_random *r, double mean)
{
	return -mean * mr_log(1 - mr_random_unit(r));
}
