#include "event/decode.h"

#include <criterion/criterion.h>

static void
reads(const char *text, int64_t ms)
{
	int64_t out = -1;

	cr_expect(mr_time_parse(mr_str_of(text), &out), "%s", text);
	cr_expect_eq(out, ms, "%s: %lld", text, (long long)out);
}

Test(time, reads_any_offset_and_any_number_of_decimals)
{
	reads("1970-01-01T00:00:00Z", 0);
	reads("2026-03-01T10:00:00.000Z", 1772359200000);
	reads("2026-03-01t10:00:00z", 1772359200000);
	reads("2026-03-01 10:00:00Z", 1772359200000);
	reads("2026-03-01T11:00:00+01:00", 1772359200000);
	reads("2026-03-01T04:30:00.5-05:30", 1772359200500);
	reads("2026-03-01T10:00:00.123456789Z", 1772359200123);
	reads("2026-03-01T10:00:00.9999Z", 1772359200999);
	reads("1969-12-31T23:59:59.999Z", -1);
	reads("0000-01-01T00:00:00Z", -62167219200000);
	reads("9999-12-31T23:59:59.999Z", 253402300799999);
	reads("2024-02-29T00:00:00Z", 1709164800000);
	reads("2026-03-01T10:00:00-00:00", 1772359200000);
}

Test(time, reads_a_leap_second_as_the_last_ms_of_its_day)
{
	reads("2016-12-31T23:59:60Z", 1483228799999);
	reads("2017-01-01T00:59:60.5+01:00", 1483228799999);
	int64_t ms;
	cr_expect_not(mr_time_parse(MR_LIT("2016-12-31T22:59:60Z"), &ms));
	cr_expect_not(mr_time_parse(MR_LIT("2016-12-31T23:59:61Z"), &ms));
}

Test(time, refuses_everything_else)
{
	static const char *const bad[] = {"", "2026-03-01", "2026-03-01T10:00:00", "2026-03-01T10:00Z",
		"2026-13-01T10:00:00Z", "2026-00-01T10:00:00Z", "2026-02-29T10:00:00Z", "2100-02-29T00:00:00Z",
		"2026-03-00T10:00:00Z", "2026-03-32T10:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T10:60:00Z",
		"2026-03-01T10:00:00.Z", "2026-03-01T10:00:00+0100", "2026-03-01T10:00:00+24:00",
		"2026-03-01T10:00:00+01:60", "2026-03-01T10:00:00Zx", "2026-03-01T10:00:00 Z", "x026-03-01T10:00:00Z",
		"2026/03/01T10:00:00Z", "2026-03-01_10:00:00Z", "+2026-03-01T10:00:00Z", "2026-03-01T10:00:00.12a4Z",
		" 2026-03-01T10:00:00Z", "1772359200000", "2026-03-01T10-00:00.00Z"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int64_t ms;
		cr_expect_not(mr_time_parse(mr_str_of(bad[i]), &ms), "%s", bad[i]);
	}
}

Test(time, prints_three_decimals_in_utc)
{
	char out[25];

	mr_time_format(out, 1772359200007);
	cr_expect_str_eq(out, "2026-03-01T10:00:00.007Z");
	mr_time_format(out, -1);
	cr_expect_str_eq(out, "1969-12-31T23:59:59.999Z");
	mr_time_format(out, INT64_MIN);
	cr_expect_str_eq(out, "0000-01-01T00:00:00.000Z");
	mr_time_format(out, INT64_MAX);
	cr_expect_str_eq(out, "9999-12-31T23:59:59.999Z");
}

// Every day of the calendar's 10,000 years comes back, and its text sorts as it does.
Test(time, round_trips_every_day)
{
	char before[25] = "", out[25];

	for (int64_t day = -719528; day <= 2932896; day += 13) {
		int64_t ms = day * 86400000 + (day * 7919 % 86400000 + 86400000) % 86400000, back;
		mr_time_format(out, ms);
		cr_assert(mr_time_parse((struct mr_str){out, 24}, &back));
		cr_assert_eq(back, ms, "%s", out);
		cr_assert_lt(strcmp(before, out), 0);
		memcpy(before, out, sizeof(out));
	}
}
