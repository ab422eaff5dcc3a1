#include "event/decode.h"

#include <criterion/criterion.h>

static void
prints(double d, const char *text)
{
	char out[33] = {0};
	size_t n = mr_num_format(out, d);

	cr_assert_eq(n, strlen(out));
	cr_expect_str_eq(out, text);
}

Test(number, prints_integers_without_point_or_exponent)
{
	prints(0, "0");
	prints(-0.0, "0");
	prints(1, "1");
	prints(-17, "-17");
	prints(1e15, "1000000000000000");
	prints(9007199254740992.0, "9007199254740992");
	prints(-9007199254740992.0, "-9007199254740992");
}

Test(number, prints_the_shortest_form_else)
{
	prints(0.1, "0.1");
	prints(-2.5, "-2.5");
	prints(1e300, "1e+300");
	prints(1.0 / 3, "0.3333333333333333");
	prints(5e-324, "5e-324");
	prints(-1.7976931348623157e308, "-1.7976931348623157e+308");
	prints(9007199254740994.0, "9007199254740994");
}

Test(number, reads_back_what_it_prints)
{
	uint64_t seed = 42;

	for (int i = 0; i < 20000; i++) {
		double d, back;
		char out[32];
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		uint64_t bits = seed ^ seed >> 29;
		memcpy(&d, &bits, sizeof(d));
		if (d - d != 0)
			continue;
		size_t n = mr_num_format(out, d);
		cr_assert(mr_num_parse((struct mr_str){out, n}, &back));
		cr_assert_eq(d, back, "%.17g", d);
	}
}

static bool
parses(const char *text, double *d)
{
	return mr_num_parse(mr_str_of(text), d);
}

Test(number, parses_the_grammar_of_json)
{
	static const struct { const char *text; double d; } good[] = {
		{"0", 0}, {"-0", 0}, {"10", 10}, {"-1.5", -1.5}, {"1e3", 1000}, {"1E+3", 1000}, {"1.25e-2", 0.0125},
		{"1e-400", 0}, {"-0.00001e-400", 0}, {"9007199254740993", 9007199254740992.0},
		{"0e999999999999", 0}, {"-12e-999999999999", -0.0}, {"0.1e-0", 0.1}, {"1e+0", 1}, {"123456789012345678901234567890", 123456789012345678901234567890.0},
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		double d = -1;
		cr_expect(parses(good[i].text, &d), "%s", good[i].text);
		cr_expect_eq(d, good[i].d, "%s", good[i].text);
	}
}

Test(number, refuses_everything_else)
{
	static const char *const bad[] = {"", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x10", "inf", "nan",
		"NaN", "Infinity", "1 ", " 1", "1,5", "1e5x", "--1", "1e400", "-1e400", "1.5.5", "1_000",
		"0.1e999", "10e999999999999999999"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		double d;
		cr_expect_not(parses(bad[i], &d), "%s", bad[i]);
	}
}

// A text of 400 digits is out of range without any exponent.
Test(number, refuses_a_number_too_large_without_exponent)
{
	char text[401];
	double d;

	memset(text, '9', 400);
	text[400] = 0;
	cr_expect_not(parses(text, &d));
	text[0] = '0';
	text[1] = '.';
	memset(text + 2, '0', 397);
	cr_expect(parses(text, &d));
	cr_expect_eq(d, 0);
}

// The exponent alone doesn't say whether a number is too small or too large.
Test(number, knows_too_small_from_too_large)
{
	char text[512];
	double d = 1;

	memset(text, '9', 400);
	memcpy(text + 400, "e-5", 4);
	cr_expect_not(parses(text, &d));
	memcpy(text + 400, "e-400", 6);
	cr_expect(parses(text, &d));
	cr_expect_float_eq(d, 1, 1e-12);
	memset(text, '0', 401);
	text[1] = '.';
	memcpy(text + 400, "1e5", 4);
	cr_expect(parses(text, &d));
	cr_expect_eq(d, 0);
	memcpy(text + 400, "1e900", 6);
	cr_expect_not(parses(text, &d));
}
