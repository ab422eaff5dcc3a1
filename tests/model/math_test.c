#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "model/math.h"

#include <millrace/base.h>

// The long double library is the oracle: it has 11 bits more than what is tested.
struct function {
	const char *name;
	double (*ours)(double);
	long double (*oracle)(long double);
	double from, to;
	double ulp_max;
};

static const struct function functions[] = {
	{"exp", mr_exp, expl, -745.0, 709.7, 0.9},
	{"exp near 0", mr_exp, expl, -1.0, 1.0, 0.9},
	{"exp2", mr_exp2, exp2l, -1074.0, 1023.9, 0.9},
	{"exp2 near 0", mr_exp2, exp2l, -1.0, 1.0, 0.9},
	{"log", mr_log, logl, 0.0, 1e6, 0.9},
	{"log near 1", mr_log, logl, 0.5, 2.0, 0.9},
	{"log2", mr_log2, log2l, 0.0, 1e6, 0.9},
	{"log2 near 1", mr_log2, log2l, 0.5, 2.0, 0.9},
	{"log1p", mr_log1p, log1pl, -1.0, 1e6, 0.9},
	{"log1p near 0", mr_log1p, log1pl, -0.3, 0.5, 0.9},
};

static uint64_t
next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static double
unit(uint64_t *state)
{
	return (double)(next(state) >> 11) / 9007199254740992.0;
}

static double
error_ulp(double got, long double want)
{
	double rounded = (double)want;

	if (isinf(rounded) || rounded == 0)
		return got == rounded ? 0 : INFINITY;
	double spacing = nextafter(fabs(rounded), INFINITY) - fabs(rounded);
	return (double)(fabsl((long double)got - want) / spacing);
}

Test(math, within_one_ulp)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		const struct function *f = &functions[i];
		uint64_t state = 1;
		double worst = 0, at = 0;

		for (int n = 0; n < 400000; n++) {
			double x = f->from + (f->to - f->from) * unit(&state);
			double e = error_ulp(f->ours(x), f->oracle(x));
			if (!(e <= worst)) {
				worst = e;
				at = x;
			}
		}
		printf("%s: %.3f ulp at %a\n", f->name, worst, at);
		cr_assert(worst < f->ulp_max, "%s is off by %.3f ulp at %a", f->name, worst, at);
	}
}

// Arguments over all exponents, subnormal ones too.
Test(math, logs_over_all_magnitudes)
{
	uint64_t state = 2;

	for (int n = 0; n < 400000; n++) {
		uint64_t u = next(&state) % 0x7ff0000000000000u;
		double x;
		memcpy(&x, &u, sizeof(x));
		cr_assert(error_ulp(mr_log(x), logl(x)) < 1, "log of %a", x);
		cr_assert(error_ulp(mr_log2(x), log2l(x)) < 1, "log2 of %a", x);
		cr_assert(error_ulp(mr_log1p(x), log1pl(x)) < 1, "log1p of %a", x);
		double small = -x;
		if (small > -1)
			cr_assert(error_ulp(mr_log1p(small), log1pl(small)) < 1, "log1p of %a", small);
	}
}

Test(math, powers_of_two_are_exact)
{
	for (int k = -1074; k <= 1023; k++) {
		double x = ldexp(1.0, k);
		cr_assert(mr_exp2(k) == x, "2^%d", k);
		cr_assert(mr_log2(x) == k, "log2 of 2^%d", k);
	}
}

Test(math, edges)
{
	cr_assert(isnan(mr_exp(NAN)) && isnan(mr_exp2(NAN)) && isnan(mr_log(NAN)) && isnan(mr_log2(NAN)) &&
	    isnan(mr_log1p(NAN)));
	cr_assert(mr_exp(INFINITY) == INFINITY && mr_exp2(INFINITY) == INFINITY);
	cr_assert(mr_exp(-INFINITY) == 0 && mr_exp2(-INFINITY) == 0);
	cr_assert(mr_exp(0) == 1 && mr_exp(-0.0) == 1 && mr_exp2(0) == 1 && mr_exp2(-0.0) == 1);
	cr_assert(mr_exp(710) == INFINITY && mr_exp(-746) == 0);
	cr_assert(mr_exp2(1024) == INFINITY && mr_exp2(-1076) == 0 && mr_exp2(-1074) > 0);
	cr_assert(mr_log(0) == -INFINITY && mr_log(-0.0) == -INFINITY && mr_log2(0) == -INFINITY);
	cr_assert(isnan(mr_log(-1)) && isnan(mr_log2(-1)) && isnan(mr_log1p(-1.5)));
	cr_assert(mr_log1p(-1) == -INFINITY);
	cr_assert(mr_log(INFINITY) == INFINITY && mr_log1p(INFINITY) == INFINITY && mr_log2(INFINITY) == INFINITY);
	cr_assert(mr_log(1) == 0 && mr_log2(1) == 0 && mr_log1p(0) == 0);
	cr_assert(mr_log1p(1e-300) == 1e-300);
	cr_assert(mr_sqrt(2) == 0x1.6a09e667f3bcdp+0 && isnan(mr_sqrt(-1)));
	cr_assert(mr_logistic(0) == 0.5 && mr_logistic(800) == 1 && mr_logistic(-800) == 0);
}

// One figure over many results: another machine or compiler that rounds otherwise shows here.
Test(math, same_bits_everywhere)
{
	uint64_t state = 3, digest = 0;

	for (int n = 0; n < 100000; n++) {
		double x = unit(&state) * 200 - 100, p = unit(&state) * 1e5;
		double all[] = {mr_exp(x), mr_exp2(x), mr_log(p), mr_log2(p), mr_log1p(p), mr_sqrt(p), mr_logistic(x)};
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			uint64_t u;
			memcpy(&u, &all[i], sizeof(u));
			digest = (digest ^ u) * 0x100000001b3u;
			digest ^= digest >> 29;
		}
	}
	cr_assert(digest == 0x6a532005e52d3f43u, "%#llx", (unsigned long long)digest);
}
