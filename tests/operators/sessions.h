// What the tests of sessions share.
#ifndef TESTS_OPERATORS_SESSIONS_H
#define TESTS_OPERATORS_SESSIONS_H

#include "scenario.h"

#define SESSION(settings)                                                     \
	"session: {" settings "}\n"                                               \
	"profile:\n"                                                              \
	"  started: {count: Session Started}\n"                                   \
	"  ended: {count: Session Ended}\n"

static inline size_t
published(struct scenario *s)
{
	size_t n = 0;

	for (size_t i = 0; i < mr_test_effects(s->t); i++)
		n += mr_test_effect(s->t, i).output == MR_OUT_SESSION;
	return n;
}

static inline struct mr_test_effect
session(struct scenario *s, size_t number)
{
	for (size_t i = 0; i < mr_test_effects(s->t); i++) {
		struct mr_test_effect e = mr_test_effect(s->t, i);
		if (e.output == MR_OUT_SESSION && number-- == 0)
			return e;
	}
	cr_assert_fail("no such session");
	return (struct mr_test_effect){0};
}

static inline bool
holds(struct scenario *s, size_t n, const char *part)
{
	struct mr_str body = session(s, n).body;

	return memmem(body.p, body.n, part, strlen(part)) != NULL;
}

static inline void
expect(struct scenario *s, size_t n, const char *part)
{
	struct mr_str body = session(s, n).body;

	cr_assert(holds(s, n, part), "no %s in %.*s", part, (int)body.n, body.p);
}

#define EACH_REPEAT(n) for (int i = 0; i < (n); i++)

static inline void
ping(struct scenario *s, const char *time)
{
	track(s, time, "Ping", NULL);
}

// The session_id of a published session.
static inline struct mr_str
id_of(struct scenario *s, size_t n)
{
	struct mr_str body = session(s, n).body;
	const char *at = memmem(body.p, body.n, "\"session_id\":\"", 14);

	cr_assert(at != NULL);
	return (struct mr_str){at + 14, 32};
}

#endif
