#include "expr/zone.h"

#include "expr/tzif.h"

#include <stdlib.h>
#include <xxhash.h>

#define DAY 86400
#define FAR INT64_MAX
#define YEAR_MAX 100000

struct file {
	XXH128_hash_t hash;      // of its bytes: many names are links to one file
	struct tz_data *data;
};

struct entry {
	struct mr_str name;
	uint32_t number;         // in the order of adding
	const struct tz_data *data;
};

struct mr_zones {
	struct file *files;
	struct entry *entries;   // from number 1 on
	uint32_t n_files, n_entries;
	bool frozen;
	struct tz_data utc;
};

// Between two transitions.
struct span {
	int64_t from, to;        // seconds; `to` is excluded
	int32_t offset;
};

int64_t
mr_days_from_civil(int32_t year, int32_t month, int32_t day)
{
	int64_t months = (int64_t)year * 12 + month - 1, y = months / 12 - (months % 12 < 0);
	int64_t m = months - y * 12 + 1;

	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468 + day - 1;
}

void
mr_civil_from_days(int64_t days, int32_t *year, int32_t *month, int32_t *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097, doe = days - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	MR_ASSERT(doe >= 0 && doe < 146097);
	*day = (int32_t)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int32_t)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int32_t)(yoe + era * 400 + (*month <= 2));
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int32_t
weekday_of(int64_t days)
{
	int64_t w = (days + 3) % 7;    // 1970-01-01 was a Thursday

	return (int32_t)(w < 0 ? w + 7 : w);
}

struct mr_zones *
mr_zones_new(void)
{
	struct mr_zones *z = calloc(1, sizeof(*z));

	MR_ASSERT(z != NULL);
	z->utc.rule.present = true;
	return z;
}

void
mr_zones_free(struct mr_zones *z)
{
	if (z == NULL)
		return;
	for (uint32_t i = 0; i < z->n_files; i++)
		free(z->files[i].data);
	for (uint32_t i = 0; i < z->n_entries; i++)
		free((void *)(uintptr_t)z->entries[i].name.p);
	free(z->files);
	free(z->entries);
	free(z);
}

static const struct tz_data *
file_of(struct mr_zones *z, struct mr_str tzif)
{
	XXH128_hash_t hash = XXH3_128bits(tzif.n ? tzif.p : "", tzif.n);

	for (uint32_t i = 0; i < z->n_files; i++)
		if (XXH128_isEqual(z->files[i].hash, hash))
			return z->files[i].data;
	struct tz_data *data = tz_parse(tzif);
	if (data == NULL)
		return NULL;
	z->files = realloc(z->files, (z->n_files + 1) * sizeof(*z->files));
	MR_ASSERT(z->files != NULL);
	z->files[z->n_files++] = (struct file){hash, data};
	return data;
}

bool
mr_zones_add(struct mr_zones *z, struct mr_str name, struct mr_str tzif)
{
	MR_ASSERT(!z->frozen);
	const struct tz_data *data = file_of(z, tzif);
	if (data == NULL || name.n == 0)
		return false;
	if (mr_str_eq(name, MR_LIT("UTC")))
		return true;
	char *copy = malloc(name.n);
	z->entries = realloc(z->entries, (z->n_entries + 1) * sizeof(*z->entries));
	MR_ASSERT(copy != NULL && z->entries != NULL);
	memcpy(copy, name.p, name.n);
	z->entries[z->n_entries] = (struct entry){{copy, name.n}, z->n_entries, data};
	z->n_entries++;
	return true;
}

static int
by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = mr_str_cmp(x->name, y->name);

	return c ? c : (x->number > y->number) - (x->number < y->number);
}

void
mr_zones_freeze(struct mr_zones *z)
{
	uint32_t n = 0;

	if (z->n_entries)
		qsort(z->entries, z->n_entries, sizeof(*z->entries), by_name);
	for (uint32_t i = 0; i < z->n_entries; i++) {   // a name that was added twice: the first
		if (n && mr_str_eq(z->entries[n - 1].name, z->entries[i].name))
			free((void *)(uintptr_t)z->entries[i].name.p);
		else
			z->entries[n++] = z->entries[i];
	}
	z->n_entries = n;
	z->frozen = true;
}

int32_t
mr_zones_find(const struct mr_zones *z, struct mr_str name)
{
	uint32_t from = 0, to = z->n_entries;

	MR_ASSERT(z->frozen);
	if (mr_str_eq(name, MR_LIT("UTC")))
		return 0;
	while (from < to) {
		uint32_t mid = from + (to - from) / 2;
		int c = mr_str_cmp(z->entries[mid].name, name);
		if (c == 0)
			return (int32_t)mid + 1;
		if (c < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return -1;
}

static const struct tz_data *
data_of(const struct mr_zones *z, int32_t zone)
{
	MR_ASSERT(z->frozen);
	MR_ASSERT(zone >= 0 && (uint32_t)zone <= z->n_entries);
	return zone == 0 ? &z->utc : z->entries[zone - 1].data;
}

// The local second (as if it were UTC) at which a rule's day strikes in a year.
static int64_t
rule_second(const struct tz_day *d, int32_t year)
{
	int64_t days = mr_days_from_civil(year, 1, 1);

	if (d->kind == 'M') {
		days = mr_days_from_civil(year, d->month, 1);
		int32_t wanted = (d->day + 6) % 7, ahead = (wanted - weekday_of(days) + 7) % 7;
		days += ahead + (d->week - 1) * 7;
		if (d->week == 5 && days >= mr_days_from_civil(year, d->month + 1, 1))
			days -= 7;
	} else if (d->kind == 'J') {
		bool leap = mr_days_from_civil(year, 3, 1) - days == 60;
		days += d->day - 1 + (leap && d->day >= 60);
	} else {
		days += d->day;
	}
	return days * DAY + d->second;
}

// The span by the rule that holds at t.
static struct span
rule_span(const struct tz_rule *r, int64_t t)
{
	struct span s = {INT64_MIN, FAR, r->std_offset};
	int32_t year, month, day;

	if (!r->dst)
		return s;
	mr_civil_from_days(floor_div(t + r->std_offset, DAY), &year, &month, &day);
	for (int32_t y = year - 1; y <= year + 1; y++) {
		int64_t start = rule_second(&r->start, y) - r->std_offset, end = rule_second(&r->end, y) - r->dst_offset;
		if (start <= t && start >= s.from)
			s.from = start, s.offset = r->dst_offset;
		if (end <= t && end >= s.from)
			s.from = end, s.offset = r->std_offset;
		if (start > t && start < s.to)
			s.to = start;
		if (end > t && end < s.to)
			s.to = end;
	}
	MR_ASSERT(s.from <= t && t < s.to);
	return s;
}

static struct span
span_at(const struct tz_data *d, int64_t t)
{
	uint32_t from = 0, to = d->n;

	while (from < to) {
		uint32_t mid = from + (to - from) / 2;
		if (d->times[mid] <= t)
			from = mid + 1;
		else
			to = mid;
	}
	if (from == d->n && d->rule.present) {
		struct span s = rule_span(&d->rule, t);
		if (d->n && s.from < d->times[d->n - 1])
			s.from = d->times[d->n - 1];
		MR_ASSERT(s.from <= t);
		return s;
	}
	return (struct span){from ? d->times[from - 1] : INT64_MIN, from < d->n ? d->times[from] : FAR,
	    from ? d->offsets[from - 1] : d->first_offset};
}

static struct mr_local
local_of(int64_t second, int32_t ms)
{
	struct mr_local l = {.ms = ms};
	int64_t days = floor_div(second, DAY), rest = second - days * DAY;

	mr_civil_from_days(days, &l.year, &l.month, &l.day);
	l.weekday = weekday_of(days);
	l.hour = (int32_t)(rest / 3600);
	l.minute = (int32_t)(rest / 60 % 60);
	l.second = (int32_t)(rest % 60);
	return l;
}

struct mr_local
mr_zone_local(const struct mr_zones *z, int32_t zone, int64_t ms)
{
	int64_t t = floor_div(ms, 1000);

	return local_of(t + span_at(data_of(z, zone), t).offset, (int32_t)(ms - t * 1000));
}

// The first instant after `after_ms` with that local time, or the end of the gap that it lies in.
static int64_t
instant_after(const struct tz_data *d, int64_t local_ms, int64_t after_ms)
{
	// Offsets are at most 26 hours, so it is not earlier than this.
	int64_t earliest = local_ms - 27 * 3600 * INT64_C(1000);
	struct span s = span_at(d, floor_div(earliest > after_ms ? earliest : after_ms, 1000));

	for (;;) {
		int64_t t = local_ms - s.offset * INT64_C(1000);
		if (s.from != INT64_MIN && t < s.from * 1000)
			t = s.from * 1000;
		if (t > after_ms && (s.to == FAR || t < s.to * 1000))
			return t;
		if (s.to == FAR)
			return t;
		s = span_at(d, s.to);
	}
}

int64_t
mr_zone_instant(const struct mr_zones *z, int32_t zone, const struct mr_local *l)
{
	int32_t year = l->year < -YEAR_MAX ? -YEAR_MAX : l->year > YEAR_MAX ? YEAR_MAX : l->year;
	int64_t days = mr_days_from_civil(year, l->month, l->day);
	int64_t seconds = days * DAY + l->hour * INT64_C(3600) + l->minute * INT64_C(60) + l->second;

	return instant_after(data_of(z, zone), seconds * 1000 + l->ms, INT64_MIN);
}

// Midnight (as if it were UTC) of the day, week or month of a local time, `ahead` of them later.
static int64_t
midnight(const struct mr_local *l, enum mr_calendar calendar, int32_t ahead)
{
	int64_t days = mr_days_from_civil(l->year, l->month, l->day);

	MR_ASSERT(calendar == MR_CAL_DAY || calendar == MR_CAL_WEEK || calendar == MR_CAL_MONTH);
	if (calendar == MR_CAL_DAY)
		days += ahead;
	else if (calendar == MR_CAL_WEEK)
		days += ahead * 7 - l->weekday;
	else
		days = mr_days_from_civil(l->year, l->month + ahead, 1);
	return days * DAY * 1000;
}

int64_t
mr_zone_start(const struct mr_zones *z, int32_t zone, enum mr_calendar calendar, int64_t ms)
{
	struct mr_local l = mr_zone_local(z, zone, ms);

	return instant_after(data_of(z, zone), midnight(&l, calendar, 0), INT64_MIN);
}

// Where clocks go back over midnight, a day begins twice: the next start is after `ms` in any case.
int64_t
mr_zone_next(const struct mr_zones *z, int32_t zone, enum mr_calendar calendar, int64_t ms)
{
	struct mr_local l = mr_zone_local(z, zone, ms);

	int64_t next = instant_after(data_of(z, zone), midnight(&l, calendar, 1), ms);
	MR_ASSERT(next > ms);
	return next;
}
