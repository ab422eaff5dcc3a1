// Short stories for operators: events by clock time, and what is left or came out of them. Each
// scenario is run twice: as it is, and with every record encoded and decoded after every event,
// which must change nothing.
#ifndef TESTS_OPERATORS_SCENARIO_H
#define TESTS_OPERATORS_SCENARIO_H

#include <criterion/criterion.h>
#include <millrace/testing.h>

#include <stdio.h>
#include <stdlib.h>

#include "event/decode.h"

struct scenario {
	struct mr_test *t;
	bool roundtrips;
	int events;
};

#define SCENARIO(suite, name, yaml)                                                        \
	static void suite##_##name(struct scenario *);                                         \
	Test(suite, name) { scenario_run(yaml, suite##_##name, false); }                       \
	Test(suite, name##_through_pages) { scenario_run(yaml, suite##_##name, true); }        \
	static void suite##_##name(struct scenario *s)

static inline struct scenario
scenario_new(const char *yaml, bool roundtrips)
{
	char *errors = NULL;
	struct scenario s = {mr_test_new(yaml, NULL, &errors), roundtrips, 0};

	cr_assert(s.t != NULL, "%s", errors);
	return s;
}

static inline void
scenario_run(const char *yaml, void (*story)(struct scenario *), bool roundtrips)
{
	struct scenario s = scenario_new(yaml, roundtrips);

	story(&s);
	mr_test_free(s.t);
}

static inline int64_t
ms_of(const char *time)
{
	char text[64];
	int64_t ms;

	// "10:00" and "10:00:00.001" are of 2026-03-01; whole times are taken as they are
	const char *rest = strlen(time) == 5 ? ":00Z" : strlen(time) < 13 ? "Z" : "";
	snprintf(text, sizeof(text), "%s%s%s", strlen(time) < 13 ? "2026-03-01T" : "", time, rest);
	cr_assert(mr_time_parse(mr_str_of(text), &ms), "%s", text);
	return ms;
}

static inline void
after_event(struct scenario *s)
{
	if (s->roundtrips)
		cr_assert(mr_test_roundtrip(s->t));
}

// A whole event but for userId, messageId and time: `fields` is what else it has.
static inline void
call(struct scenario *s, const char *time, const char *fields)
{
	char json[4096], stamp[25];

	mr_time_format(stamp, ms_of(time));
	int n = snprintf(json, sizeof(json), "{\"userId\":\"u1\",\"messageId\":\"m%d\",\"timestamp\":\"%s\",%s}", s->events++,
	    stamp, fields);
	cr_assert(n > 0 && n < (int)sizeof(json));
	mr_test_event(s->t, json);
	after_event(s);
}

// A track call; `properties` may be NULL.
static inline void
track(struct scenario *s, const char *time, const char *event, const char *properties)
{
	char fields[3072];

	snprintf(fields, sizeof(fields), "\"type\":\"track\",\"event\":\"%s\",\"properties\":{%s}", event,
	    properties ? properties : "");
	call(s, time, fields);
}

static inline void
until(struct scenario *s, const char *time)
{
	mr_test_until(s->t, ms_of(time));
	after_event(s);
}

static inline struct mr_value
value(struct scenario *s, const char *space, const char *name)
{
	return mr_test_value(s->t, "u1", space, name);
}

static inline double
number(struct scenario *s, const char *space, const char *name)
{
	struct mr_value v = value(s, space, name);

	cr_assert_eq(v.type, MR_NUMBER, "%s.%s has type %d", space, name, v.type);
	return v.num;
}

static inline void
expect_number(struct scenario *s, const char *space, const char *name, double expected)
{
	double got = number(s, space, name);

	cr_assert_eq(got, expected, "%s.%s is %g, not %g", space, name, got, expected);
}

static inline void
expect_text(struct scenario *s, const char *space, const char *name, const char *expected)
{
	struct mr_value v = value(s, space, name);

	cr_assert(mr_str_eq(mr_value_str(v), mr_str_of(expected)), "%s.%s is '%.*s' (type %d), not '%s'", space, name,
	    (int)mr_value_str(v).n, mr_value_str(v).p, v.type, expected);
}

static inline void
expect_absent(struct scenario *s, const char *space, const char *name)
{
	cr_assert_eq(value(s, space, name).type, MR_ABSENT, "%s.%s", space, name);
}

static inline void
expect_counted(struct scenario *s, enum mr_counter counter, uint64_t expected)
{
	uint64_t got = mr_test_counted(s->t, counter);

	cr_assert_eq(got, expected, "counter %d is %lu, not %lu", counter, (unsigned long)got, (unsigned long)expected);
}

#endif
