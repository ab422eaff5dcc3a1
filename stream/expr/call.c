// The functions of the language.
#include "expr/program.h"

#include "expr/zone.h"

#include <millrace/text.h>

struct unit {
	char name[3];
	int64_t ns;
};

static const struct unit units[] = {
	{"ms", 1000000}, {"us", 1000}, {"ns", 1}, {"d", INT64_C(86400000000000)}, {"h", INT64_C(3600000000000)},
	{"m", INT64_C(60000000000)}, {"s", 1000000000},
};

static const struct unit *
unit_of(struct mr_str s)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		size_t n = strlen(units[i].name);
		if (n <= s.n && memcmp(s.p, units[i].name, n) == 0)
			return &units[i];
	}
	return NULL;
}

static bool
is_digit(struct mr_str s, size_t i)
{
	return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

// One "12.5h" at the start of *s, in ns; what is below one is cut off.
static bool
duration_part(struct mr_str *s, int64_t *ns)
{
	int64_t whole = 0, fraction = 0, scale = 1;
	size_t i = 0;

	for (; is_digit(*s, i); i++) {
		if (whole > INT64_MAX / 10 - 1)
			return false;
		whole = whole * 10 + (s->p[i] - '0');
	}
	size_t digits = i;
	if (i < s->n && s->p[i] == '.')
		for (i++; is_digit(*s, i); i++, digits++)
			if (scale < 100000)
				fraction = fraction * 10 + (s->p[i] - '0'), scale *= 10;
	const struct unit *unit = unit_of((struct mr_str){s->p + i, s->n - i});
	if (digits == 0 || unit == NULL || whole > INT64_MAX / unit->ns)
		return false;
	if (__builtin_add_overflow(whole * unit->ns, unit->ns / scale * fraction, ns))
		return false;
	i += strlen(unit->name);
	*s = (struct mr_str){s->p + i, s->n - i};
	return true;
}

bool
expr_duration_parse(struct mr_str s, int64_t *ms)
{
	bool negative = s.n && s.p[0] == '-';
	int64_t total = 0, part;

	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		s.p++, s.n--;
	if (s.n == 0)
		return false;
	while (s.n)
		if (!duration_part(&s, &part) || __builtin_add_overflow(total, part, &total))
			return false;
	MR_ASSERT(total >= 0);
	*ms = (negative ? -total : total) / 1000000;
	return true;
}

bool
expr_clock_parse(struct mr_str s, int32_t *minutes)
{
	for (size_t i = 0; i < 5; i++)
		if (s.n != 5 || (i == 2 ? s.p[i] != ':' : !is_digit(s, i)))
			return false;
	int32_t hour = (s.p[0] - '0') * 10 + (s.p[1] - '0'), minute = (s.p[3] - '0') * 10 + (s.p[4] - '0');
	*minutes = hour * 60 + minute;
	return hour <= 23 && minute <= 59;
}

static struct mr_value
size(struct mr_env *env, struct mr_value v)
{
	uint32_t n = 0;

	if (v.type == MR_LIST || v.type == MR_MAP)
		return mr_num(v.n);
	if (v.type != MR_STRING || !expr_charge(env, v.n / 32))
		return expr_unknown();
	for (uint32_t i = 0; i < v.n; i++)
		n += ((unsigned char)v.str[i] & 0xc0) != 0x80;
	return mr_num(n);
}

static struct mr_value
text_test(struct mr_env *env, enum function f, struct mr_value v, struct mr_value part)
{
	if (v.type != MR_STRING || part.type != MR_STRING || !expr_charge(env, (v.n + part.n) / 32))
		return expr_unknown();
	if (part.n > v.n || part.n == 0)
		return mr_bool(part.n == 0);
	if (f == F_CONTAINS)
		return mr_bool(memmem(v.str, v.n, part.str, part.n) != NULL);
	return mr_bool(memcmp(v.str + (f == F_ENDS_WITH ? v.n - part.n : 0), part.str, part.n) == 0);
}

// From RFC 3339, or from seconds since 1970.
static struct mr_value
to_time(struct mr_value v)
{
	int64_t ms;

	if (v.type == MR_TIME)
		return v;
	if (v.type == MR_NUMBER && v.num > -1e12 && v.num < 1e12)
		return expr_time_in_range((int64_t)(v.num * 1000));
	if (v.type == MR_STRING && mr_time_parse(mr_value_str(v), &ms))
		return expr_time_in_range(ms);
	return expr_unknown();
}

static struct mr_value
to_duration(struct mr_value v)
{
	int64_t ms;

	if (v.type == MR_DURATION)
		return v;
	if (v.type == MR_STRING && expr_duration_parse(mr_value_str(v), &ms))
		return expr_duration_in_range(ms);
	return expr_unknown();
}

static bool
local_of(struct mr_env *env, struct mr_value v, int32_t *zone, struct mr_local *local)
{
	if (v.type != MR_TIME || env->zones == NULL || expr_time_in_range(v.ms).type != MR_TIME)
		return false;
	*zone = env->zone ? env->zone(env->user_arg) : 0;
	*local = mr_zone_local(env->zones, *zone, v.ms);
	return true;
}

// That time of day on the local day of a time.
static struct mr_value
at_local(struct mr_env *env, struct mr_value t, struct mr_value clock)
{
	struct mr_local local;
	int32_t zone, minutes;

	if (clock.type == MR_NUMBER && clock.num >= 0 && clock.num <= 23 && clock.num == (double)(int)clock.num)
		minutes = (int32_t)clock.num * 60;
	else if (clock.type != MR_STRING || !expr_clock_parse(mr_value_str(clock), &minutes))
		return expr_unknown();
	if (!local_of(env, t, &zone, &local))
		return expr_unknown();
	MR_ASSERT(minutes >= 0 && minutes < 24 * 60);
	local.hour = minutes / 60;
	local.minute = minutes % 60;
	local.second = local.ms = 0;
	return expr_time_in_range(mr_zone_instant(env->zones, zone, &local));
}

static struct mr_value
local_hour(struct mr_env *env, struct mr_value t)
{
	struct mr_local local;
	int32_t zone;

	return local_of(env, t, &zone, &local) ? mr_num(local.hour) : expr_unknown();
}

struct mr_value
expr_call(struct mr_env *env, enum function f, const struct mr_value *args)
{
	switch (f) {
	case F_SIZE:
		return size(env, args[0]);
	case F_STARTS_WITH:
	case F_ENDS_WITH:
	case F_CONTAINS:
		return text_test(env, f, args[0], args[1]);
	case F_TIMESTAMP:
		return to_time(args[0]);
	case F_DURATION:
		return to_duration(args[0]);
	case F_AT_LOCAL:
		return at_local(env, args[0], args[1]);
	default:
		MR_ASSERT(f == F_LOCAL_HOUR);
		return local_hour(env, args[0]);
	}
}
