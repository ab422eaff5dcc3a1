#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/number.h"

static uint64_t
next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void
same_as_libc(const char *text)
{
	double got = -1, want = strtod(text, NULL);

	cr_assert(mr_model_number(mr_str_of(text), &got), "%s", text);
	cr_assert(memcmp(&got, &want, sizeof(got)) == 0, "%s: %a, not %a", text, got, want);
}

Test(number, reads_back_what_was_printed)
{
	uint64_t state = 1;
	char text[64];

	for (int i = 0; i < 30000; i++) {
		uint64_t u = next(&state);
		double d;
		memcpy(&d, &u, sizeof(d));
		if (!isfinite(d))
			continue;
		snprintf(text, sizeof(text), "%.17g", d);
		same_as_libc(text);
		snprintf(text, sizeof(text), "%.*g", 1 + i % 18, d);
		same_as_libc(text);
	}
}

// Decimals in the middle between two doubles, and one digit to either side.
Test(number, rounds_ties_to_even)
{
	uint64_t state = 2;
	char text[64];

	for (int i = 0; i < 20000; i++) {
		uint64_t tie = ((next(&state) >> 11 | 1ull << 52) << 1) | 1;
		snprintf(text, sizeof(text), "%llu", (unsigned long long)tie);
		same_as_libc(text);
		snprintf(text, sizeof(text), "%llue-%d", (unsigned long long)tie, i % 340);
		same_as_libc(text);
		snprintf(text, sizeof(text), "%llu.5e%d", (unsigned long long)(tie / 10), i % 290);
		same_as_libc(text);
	}
}

Test(number, edges)
{
	static const char *const good[] = {"0", "-0", "+1", "1.", ".5", "1e5", "1E+5", "5e-324", "4.9406564584124654e-324",
	    "2.4703282292062327e-324", "2.4703282292062328e-324", "1e-400", "0e999999999", "1e-999999999", "00001",
	    "2.2250738585072011e-308", "2.2250738585072014e-308", "1.7976931348623157e308", "9007199254740993",
	    "0.000000000000000000000000000001", "1234567890123456789"};
	static const char *const bad[] = {"", "-", ".", "e5", "1e", "1e+", "1x", " 1", "1 ", "0x10", "inf", "nan", "1,5",
	    "--1", "1.7976931348623159e308", "1e309", "1e999999999", "12345678901234567890123", "1..2"};
	double d;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		same_as_libc(good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert(!mr_model_number(mr_str_of(bad[i]), &d), "%s", bad[i]);
}
