// Reads TZif (RFC 8536), version 2 and later: the 64-bit data and the POSIX rule behind them.
#include "expr/tzif.h"

#include <stdlib.h>

#define HEADER 44
#define COUNT_MAX 10000
#define OFFSET_MAX (26 * 3600)
#define TIME_MAX INT64_C(40000000000000)  // seconds; some files begin with a "big bang", far before

static int64_t
big_endian(const char *p, size_t n)
{
	uint64_t v = (p[0] & 0x80) ? UINT64_MAX : 0;

	MR_ASSERT(n == 4 || n == 8);
	for (size_t i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return (int64_t)v;
}

struct counts {
	int64_t utc, std, leap, time, type, chars;
};

static bool
read_header(struct mr_str s, struct counts *c)
{
	if (s.n < HEADER || memcmp(s.p, "TZif", 4) != 0 || s.p[4] < '2')
		return false;
	*c = (struct counts){big_endian(s.p + 20, 4), big_endian(s.p + 24, 4), big_endian(s.p + 28, 4),
	    big_endian(s.p + 32, 4), big_endian(s.p + 36, 4), big_endian(s.p + 40, 4)};
	const int64_t all[] = {c->utc, c->std, c->leap, c->time, c->type, c->chars};
	for (size_t i = 0; i < 6; i++)
		if (all[i] < 0 || all[i] > COUNT_MAX)
			return false;
	return c->type >= 1 && c->type <= 256;
}

static size_t
body_size(const struct counts *c, size_t time_size)
{
	return (size_t)c->time * (time_size + 1) + (size_t)c->type * 6 + (size_t)c->chars +
	    (size_t)c->leap * (time_size + 4) + (size_t)c->std + (size_t)c->utc;
}

// ---- the footer: "CET-1CEST,M3.5.0,M10.5.0/3" ----

static bool
take(struct mr_str *s, char c)
{
	if (s->n == 0 || *s->p != c)
		return false;
	s->p++, s->n--;
	return true;
}

static bool
take_name(struct mr_str *s)
{
	bool quoted = take(s, '<');
	size_t n = 0;

	while (n < s->n && (quoted ? s->p[n] != '>' : (s->p[n] | 0x20) >= 'a' && (s->p[n] | 0x20) <= 'z'))
		n++;
	s->p += n, s->n -= n;
	return n >= 3 && (!quoted || take(s, '>'));
}

static bool
take_number(struct mr_str *s, int32_t max, int32_t *out)
{
	size_t n = 0;

	*out = 0;
	for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9' && n < 4; n++)
		*out = *out * 10 + (s->p[n] - '0');
	s->p += n, s->n -= n;
	return n > 0 && *out <= max;
}

// [+-]hh[:mm[:ss]] in seconds.
static bool
take_time(struct mr_str *s, int32_t hours_max, int32_t *out)
{
	int32_t sign = take(s, '-') ? -1 : 1, part, unit = 60;

	if (sign > 0)
		take(s, '+');
	if (!take_number(s, hours_max, &part))
		return false;
	*out = part * 3600;
	for (; unit > 0 && take(s, ':'); unit = unit == 60 ? 1 : 0) {
		if (!take_number(s, 59, &part))
			return false;
		*out += part * unit;
	}
	*out *= sign;
	return true;
}

static bool
take_day(struct mr_str *s, struct tz_day *day)
{
	if (!take(s, ','))
		return false;
	*day = (struct tz_day){.kind = 'D', .second = 2 * 3600};
	bool ok;
	if (take(s, 'M')) {
		day->kind = 'M';
		ok = take_number(s, 12, &day->month) && day->month >= 1 && take(s, '.') && take_number(s, 5, &day->week) &&
		    day->week >= 1 && take(s, '.') && take_number(s, 6, &day->day);
	} else {
		if (take(s, 'J'))
			day->kind = 'J';
		ok = take_number(s, 365, &day->day) && (day->kind == 'D' || day->day >= 1);
	}
	return ok && (!take(s, '/') || take_time(s, 167, &day->second));
}

static bool
parse_rule(struct mr_str s, struct tz_rule *rule)
{
	*rule = (struct tz_rule){0};
	if (s.n == 0)
		return true;
	rule->present = true;
	if (!take_name(&s) || !take_time(&s, 24, &rule->std_offset))
		return false;
	rule->std_offset = -rule->std_offset;   // POSIX counts to the west
	if (s.n == 0)
		return true;
	rule->dst = true;
	rule->dst_offset = rule->std_offset + 3600;
	if (!take_name(&s))
		return false;
	if (s.n && *s.p != ',') {
		if (!take_time(&s, 24, &rule->dst_offset))
			return false;
		rule->dst_offset = -rule->dst_offset;
	}
	return take_day(&s, &rule->start) && take_day(&s, &rule->end) && s.n == 0;
}

// ---- the data ----

static struct tz_data *
read_body(const char *p, const struct counts *c)
{
	size_t n = (size_t)c->time;
	MR_ASSERT(c->type >= 1 && n <= COUNT_MAX);
	struct tz_data *d = calloc(1, sizeof(*d) + n * (sizeof(int64_t) + sizeof(int32_t)));

	MR_ASSERT(d != NULL);
	int32_t *offsets = (int32_t *)(void *)(d->times + n);
	const char *index = p + n * 8, *types = index + n;
	for (int64_t i = 0; i < c->type; i++) {
		int64_t offset = big_endian(types + i * 6, 4);
		if (offset < -OFFSET_MAX || offset > OFFSET_MAX)
			goto malformed;
	}
	int32_t now = d->first_offset = (int32_t)big_endian(types, 4);
	for (size_t i = 0; i < n; i++) {
		int64_t time = big_endian(p + i * 8, 8);
		unsigned char type = (unsigned char)index[i];
		if (type >= c->type || (i && time <= big_endian(p + (i - 1) * 8, 8)))
			goto malformed;
		int32_t offset = (int32_t)big_endian(types + type * 6, 4);
		// The last one is kept in any case: the rule begins there.
		if (offset == now && i + 1 < n)
			continue;
		d->times[d->n] = time < -TIME_MAX ? -TIME_MAX : time > TIME_MAX ? TIME_MAX : time;
		offsets[d->n++] = now = offset;
	}
	d->offsets = offsets;
	return d;
malformed:
	free(d);
	return NULL;
}

struct tz_data *
tz_parse(struct mr_str s)
{
	struct counts c;

	// The 32-bit data come first, for old readers.
	if (!read_header(s, &c) || body_size(&c, 4) > s.n - HEADER)
		return NULL;
	s.p += HEADER + body_size(&c, 4), s.n -= HEADER + body_size(&c, 4);
	if (!read_header(s, &c) || body_size(&c, 8) > s.n - HEADER)
		return NULL;
	const char *body = s.p + HEADER;
	s.p = body + body_size(&c, 8), s.n -= HEADER + body_size(&c, 8);
	if (s.n < 2 || *s.p != '\n')
		return NULL;
	const char *end = memchr(s.p + 1, '\n', s.n - 1);
	struct tz_rule rule;
	if (end == NULL || !parse_rule((struct mr_str){s.p + 1, (size_t)(end - s.p - 1)}, &rule))
		return NULL;
	struct tz_data *d = read_body(body, &c);
	if (d)
		d->rule = rule;
	return d;
}
