#include "expr/zone.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define ZONEINFO "/usr/share/zoneinfo/"

static struct mr_str
read_whole(const char *path)
{
	FILE *in = fopen(path, "rb");
	char *p = NULL;
	long n = 0;

	if (in == NULL)
		return (struct mr_str){0};
	if (fseek(in, 0, SEEK_END) == 0 && (n = ftell(in)) > 0) {
		p = malloc((size_t)n);
		rewind(in);
		n = fread(p, 1, (size_t)n, in) == (size_t)n ? n : 0;
	}
	fclose(in);
	return (struct mr_str){p, p ? (size_t)n : 0};
}

static struct mr_str
zone_file(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), ZONEINFO "%s", name);
	return read_whole(path);
}

static bool
add(struct mr_zones *z, const char *name)
{
	struct mr_str s = zone_file(name);
	bool ok = mr_zones_add(z, mr_str_of(name), s);

	free((void *)(uintptr_t)s.p);
	return ok;
}

static enum mr_calendar
calendar_of(const char *word)
{
	return strcmp(word, "day") == 0 ? MR_CAL_DAY : strcmp(word, "week") == 0 ? MR_CAL_WEEK : MR_CAL_MONTH;
}

static void
check_row(const struct mr_zones *z, int32_t zone, const char *what, const char *arg, const char *expected, const char *row)
{
	char got[64];

	if (strcmp(what, "local") == 0) {
		struct mr_local l = mr_zone_local(z, zone, atoll(arg));
		snprintf(got, sizeof(got), "%04d-%02d-%02d %02d:%02d:%02d.%03d %d", l.year, l.month, l.day, l.hour, l.minute,
		    l.second, l.ms, l.weekday);
	} else if (strcmp(what, "instant") == 0) {
		struct mr_local l = {0};
		cr_assert_eq(sscanf(arg, "%d-%d-%d %d:%d:%d", &l.year, &l.month, &l.day, &l.hour, &l.minute, &l.second), 6);
		snprintf(got, sizeof(got), "%lld", (long long)mr_zone_instant(z, zone, &l));
	} else if (strncmp(what, "next ", 5) == 0) {
		snprintf(got, sizeof(got), "%lld", (long long)mr_zone_next(z, zone, calendar_of(what + 5), atoll(arg)));
	} else {
		snprintf(got, sizeof(got), "%lld", (long long)mr_zone_start(z, zone, calendar_of(what), atoll(arg)));
	}
	cr_expect_str_eq(got, expected, "%s: got %s", row, got);
}

// The rows come from Python's zoneinfo: see zones.py.
Test(zone, agrees_with_another_implementation)
{
	struct mr_zones *z = mr_zones_new();
	char line[256], row[256];
	size_t rows = 0;

	for (int pass = 0; pass < 2; pass++) {
		FILE *in = fopen("tests/expr/zones.tsv", "r");
		cr_assert_not_null(in);
		while (fgets(line, sizeof(line), in)) {
			strcpy(row, line);
			char *name = strtok(line, "\t\n"), *what = strtok(NULL, "\t\n"), *arg = strtok(NULL, "\t\n"),
			     *expected = strtok(NULL, "\t\n");
			cr_assert_not_null(expected, "%s", row);
			if (pass == 0) {
				cr_assert(add(z, name), "%s: is tzdata installed?", name);
				continue;
			}
			int32_t zone = mr_zones_find(z, mr_str_of(name));
			cr_assert_geq(zone, 0);
			check_row(z, zone, what, arg, expected, row);
			rows++;
		}
		fclose(in);
		if (pass == 0)
			mr_zones_freeze(z);
	}
	cr_assert_geq(rows, 900, "%zu", rows);
	mr_zones_free(z);
}

Test(zone, numbers_are_by_name_and_utc_is_0)
{
	struct mr_zones *z = mr_zones_new();

	cr_assert(add(z, "Europe/London"));
	cr_assert(add(z, "UTC"));
	cr_assert(add(z, "Asia/Tokyo"));
	cr_assert(add(z, "Europe/London"));
	mr_zones_freeze(z);
	cr_assert_eq(mr_zones_find(z, MR_LIT("UTC")), 0);
	cr_assert_eq(mr_zones_find(z, MR_LIT("Asia/Tokyo")), 1);
	cr_assert_eq(mr_zones_find(z, MR_LIT("Europe/London")), 2);
	cr_assert_eq(mr_zones_find(z, MR_LIT("Europe/Londo")), -1);
	cr_assert_eq(mr_zones_find(z, MR_LIT("")), -1);
	cr_assert_eq(mr_zone_local(z, 0, -1).year, 1969);
	mr_zones_free(z);
}

// Until 2011 clocks in St. John's went back from 00:01 to 23:01 of the day before.
Test(zone, a_day_that_begins_twice_ends_later)
{
	struct mr_zones *z = mr_zones_new();

	cr_assert(add(z, "America/St_Johns"));
	mr_zones_freeze(z);
	struct mr_local midnight = {.year = 2005, .month = 10, .day = 30};
	int64_t first = mr_zone_instant(z, 1, &midnight), second = first + 3600000;
	cr_assert_eq(mr_zone_local(z, 1, second - 1).day, 29);
	cr_assert_eq(mr_zone_local(z, 1, second).day, 30);
	for (int64_t ms = first - 7200000; ms < second + 7200000; ms += 60000) {
		int64_t next = mr_zone_next(z, 1, MR_CAL_DAY, ms);
		cr_assert_gt(next, ms);
		cr_assert_leq(mr_zone_start(z, 1, MR_CAL_DAY, ms), ms);
		if (ms >= first + 60000 && ms < second)
			cr_assert_eq(next, second);
	}
	mr_zones_free(z);
}

Test(zone, normalises_what_is_out_of_range)
{
	struct mr_zones *z = mr_zones_new();

	mr_zones_freeze(z);
	static const struct { struct mr_local l; int64_t ms; } rows[] = {
		{{.year = 2026, .month = 14, .day = 1}, INT64_C(1769904000000) + INT64_C(31536000000)},
		{{.year = 2026, .month = 2, .day = 0, .hour = 24}, INT64_C(1769904000000)},
		{{.year = 2026, .month = 1, .day = 32, .hour = -1, .minute = 60}, INT64_C(1769904000000)},
		{{.year = 2027, .month = -10, .day = 1, .second = -1, .ms = 1000}, INT64_C(1769904000000)},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		cr_expect_eq(mr_zone_instant(z, 0, &rows[i].l), rows[i].ms, "row %zu: %lld", i,
		    (long long)mr_zone_instant(z, 0, &rows[i].l));
	mr_zones_free(z);
}

Test(zone, days_go_both_ways)
{
	int32_t y, m, d;

	for (int64_t days = -800000; days < 3000000; days += 37) {
		mr_civil_from_days(days, &y, &m, &d);
		cr_assert(m >= 1 && m <= 12 && d >= 1 && d <= 31);
		cr_assert_eq(mr_days_from_civil(y, m, d), days);
	}
	cr_assert_eq(mr_days_from_civil(1970, 1, 1), 0);
	cr_assert_eq(mr_days_from_civil(2000, 2, 29), 11016);
	cr_assert_eq(mr_days_from_civil(1, 1, 1), -719162);
}

// Every cut, and seeded damage: refused or read, never a crash.
Test(zone, malformed_files)
{
	struct mr_str s = zone_file("America/New_York");
	struct mr_zones *z = mr_zones_new();
	uint64_t seed = 20260301;
	char *copy = malloc(s.n);

	cr_assert_gt(s.n, 100);
	for (size_t n = 0; n < s.n; n++) {
		memcpy(copy, s.p, n);
		cr_assert_not(mr_zones_add(z, MR_LIT("cut"), (struct mr_str){copy, n}), "%zu bytes", n);
	}
	cr_assert_not(mr_zones_add(z, MR_LIT(""), s));
	char name[32];
	for (int i = 0; i < 3000; i++) {
		memcpy(copy, s.p, s.n);
		for (int k = 0; k < 3; k++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			copy[(seed >> 33) % (i % 2 ? s.n : 60)] = (char)(seed >> 25);
		}
		snprintf(name, sizeof(name), "Z%05d", i);
		mr_zones_add(z, mr_str_of(name), (struct mr_str){copy, s.n});
	}
	mr_zones_freeze(z);
	int64_t sum = 0;
	for (int32_t i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "Z%05d", i);
		int32_t zone = mr_zones_find(z, mr_str_of(name));
		for (int64_t ms = -3000000000000; zone > 0 && ms < 6000000000000; ms += 777777777777)
			sum += mr_zone_next(z, zone, MR_CAL_MONTH, ms) - mr_zone_local(z, zone, ms).hour;
	}
	cr_assert_neq(sum, 0);
	free(copy);
	free((void *)(uintptr_t)s.p);
	mr_zones_free(z);
}
