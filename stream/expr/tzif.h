// What a TZif file says, as offsets from UTC by time. Internal to stream/expr.
#ifndef MR_EXPR_TZIF_H
#define MR_EXPR_TZIF_H

#include <millrace/base.h>

// A day of the year, and a time on it: where daylight saving starts or ends.
struct tz_day {
	char kind;               // 'M' (month, week, weekday), 'J' (1..365, no 29 February), 'D' (0..365)
	int32_t month, week, day;
	int32_t second;          // local, may be negative or beyond a day
};

// The footer: what holds after the last transition.
struct tz_rule {
	bool present, dst;
	int32_t std_offset, dst_offset;   // seconds east of UTC
	struct tz_day start, end;
};

// One block of memory; free() it.
struct tz_data {
	uint32_t n;              // transitions to another offset, ascending
	int32_t first_offset;    // before them
	struct tz_rule rule;
	const int32_t *offsets;  // from times[i] on
	int64_t times[];         // seconds since 1970
};

struct tz_data *tz_parse(struct mr_str tzif);   // NULL where it is malformed, or of version 1

#endif
