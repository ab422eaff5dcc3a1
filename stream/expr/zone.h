// Time zones as values: reads the text of TZif files (RFC 8536) that the caller loaded; no libc zone.
#ifndef MR_EXPR_ZONE_H
#define MR_EXPR_ZONE_H

#include <millrace/setup.h>

struct mr_zones;

struct mr_zones *mr_zones_new(void);                 // knows "UTC" as number 0
void mr_zones_free(struct mr_zones *);
// Adds a zone from the bytes of its TZif file (copied as needed); false where they are malformed.
// Names are added in any order; freeze sorts them, numbers are valid after it.
bool mr_zones_add(struct mr_zones *, struct mr_str name, struct mr_str tzif);
void mr_zones_freeze(struct mr_zones *);
int32_t mr_zones_find(const struct mr_zones *, struct mr_str name);   // -1: unknown

struct mr_local {
	int32_t year, month, day;        // month and day from 1
	int32_t hour, minute, second, ms;
	int32_t weekday;                 // 0 Monday
};
struct mr_local mr_zone_local(const struct mr_zones *, int32_t zone, int64_t ms);
// The instant of a local time. Skipped by daylight saving: the first instant after the gap;
// twice: the first. Hours, days and months may be out of range and are normalised.
int64_t mr_zone_instant(const struct mr_zones *, int32_t zone, const struct mr_local *);
// Start of the day, week (Monday) or month that `ms` lies in, and of the one after.
int64_t mr_zone_start(const struct mr_zones *, int32_t zone, enum mr_calendar, int64_t ms);
int64_t mr_zone_next(const struct mr_zones *, int32_t zone, enum mr_calendar, int64_t ms);

// Days since 1970-01-01 and back (proleptic Gregorian).
int64_t mr_days_from_civil(int32_t year, int32_t month, int32_t day);
void mr_civil_from_days(int64_t days, int32_t *year, int32_t *month, int32_t *day);

#endif
