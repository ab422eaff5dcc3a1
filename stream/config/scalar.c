// What a plain scalar is (YAML 1.2 core schema), and the small notations: lengths of time, bytes.
#include "config/internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NUMBER_TEXT_MAX 64
#define DURATION_MS_MAX (36525LL * 86400000)   // a century

static bool
is_word(struct mr_str t, const char *const *words)
{
	for (; *words; words++)
		if (mr_str_eq(t, mr_str_of(*words)))
			return true;
	return false;
}

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t
digits(struct mr_str t, size_t at)
{
	size_t n = 0;

	while (at + n < t.n && digit(t.p[at + n]))
		n++;
	return n;
}

static bool
number_syntax(struct mr_str t)
{
	size_t i = t.n && (t.p[0] == '-' || t.p[0] == '+');
	size_t whole = digits(t, i), part = 0;

	i += whole;
	if (i < t.n && t.p[i] == '.') {
		part = digits(t, i + 1);
		i += 1 + part;
	}
	if (whole + part == 0)
		return false;
	if (i < t.n && (t.p[i] == 'e' || t.p[i] == 'E')) {
		i++;
		i += i < t.n && (t.p[i] == '-' || t.p[i] == '+');
		size_t n = digits(t, i);
		if (n == 0)
			return false;
		i += n;
	}
	return i == t.n;
}

bool
mr_scalar_number(struct mr_str t, double *out)
{
	char text[NUMBER_TEXT_MAX + 1];

	if (t.n > NUMBER_TEXT_MAX || !number_syntax(t))
		return false;
	memcpy(text, t.p, t.n);
	text[t.n] = '\0';
	*out = strtod(text, NULL);     // the C locale: nothing here ever calls setlocale
	return isfinite(*out);
}

bool
mr_scalar_int(struct mr_str t, int64_t *out)
{
	char text[NUMBER_TEXT_MAX + 1];
	char *end;
	size_t sign = t.n && (t.p[0] == '-' || t.p[0] == '+');

	if (t.n > NUMBER_TEXT_MAX || t.n == sign || digits(t, sign) != t.n - sign)
		return false;
	memcpy(text, t.p, t.n);
	text[t.n] = '\0';
	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0';
}

enum mr_scalar
mr_scalar_kind(const struct mr_node *node)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const bools[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
	double d;

	MR_ASSERT(node->kind == MR_NODE_SCALAR);
	if (node->quoted)
		return MR_SCALAR_STRING;
	if (is_word(node->text, nulls))
		return MR_SCALAR_NULL;
	if (is_word(node->text, bools))
		return MR_SCALAR_BOOL;
	return mr_scalar_number(node->text, &d) ? MR_SCALAR_NUMBER : MR_SCALAR_STRING;
}

struct unit {
	const char *name;
	int64_t size;
};

// From the largest: a length names each at most once, in this order.
static const struct unit times[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit sizes[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

bool
mr_duration_parse(struct mr_str t, int64_t *ms)
{
	size_t at = 0, next = 0;

	*ms = 0;
	if (mr_str_eq(t, MR_LIT("0")))
		return true;
	while (at < t.n) {
		size_t n = digits(t, at);
		int64_t count;
		if (n == 0 || n > 15 || !mr_scalar_int((struct mr_str){t.p + at, n}, &count))
			return false;
		at += n;
		size_t letters = 0;
		while (at + letters < t.n && !digit(t.p[at + letters]))
			letters++;
		size_t u = next;
		while (u < COUNT(times) && !mr_str_eq(mr_str_of(times[u].name), (struct mr_str){t.p + at, letters}))
			u++;
		if (u == COUNT(times) || count > DURATION_MS_MAX / times[u].size)
			return false;
		*ms += count * times[u].size;
		next = u + 1;
		at += letters;
	}
	MR_ASSERT(*ms >= 0);
	return t.n > 0 && *ms <= DURATION_MS_MAX;
}

bool
mr_bytes_parse(struct mr_str t, int64_t *bytes)
{
	size_t n = digits(t, 0);
	int64_t count;

	if (n == 0 || !mr_scalar_int((struct mr_str){t.p, n}, &count))
		return false;
	struct mr_str unit = n == t.n ? MR_LIT("B") : (struct mr_str){t.p + n, t.n - n};
	for (size_t u = 0; u < COUNT(sizes); u++)
		if (mr_str_eq(unit, mr_str_of(sizes[u].name)) && count <= INT64_MAX / sizes[u].size) {
			*bytes = count * sizes[u].size;
			return true;
		}
	return false;
}

void
mr_duration_format(char out[48], int64_t ms)
{
	size_t n = 0;

	MR_ASSERT(ms >= 0);
	for (size_t u = 0; u < COUNT(times); u++) {
		if (ms / times[u].size)
			n += (size_t)snprintf(out + n, 48 - n, "%lld%s", (long long)(ms / times[u].size), times[u].name);
		ms %= times[u].size;
	}
	if (n == 0)
		strcpy(out, "0s");
}

void
mr_bytes_format(char out[48], int64_t bytes)
{
	MR_ASSERT(bytes >= 0);
	for (size_t u = 0; u < COUNT(sizes); u++)
		if (bytes % sizes[u].size == 0 && bytes) {
			snprintf(out, 48, "%lld%s", (long long)(bytes / sizes[u].size), sizes[u].name);
			return;
		}
	strcpy(out, "0B");
}
