// Scenarios for the rules operator: inputs and the trace of their effects, as text.
#ifndef MR_TESTS_OPERATORS_RULES_UTIL_H
#define MR_TESTS_OPERATORS_RULES_UTIL_H

#include <millrace/testing.h>

// Inputs are lines, ended by NULL:
//   "10:00:00 u1 Product Added | {'cart_id': 'c1'}"  a track call; ' stands for "
//   "02/10:00:00 u1 X"        on another day of March 2026 than the first
//   "10:00:00 u1 <identify> | {...}"                 another type; the map is its traits
//   "until 12:00:00"          a tick
// Effects come out as lines "10:00:00 u1 push/cart-reminder {...data...}" for an action and
// "10:00:00 u1 run completed" for a decision (kind, reason).
//
// Applies them to `yaml` twice: as they are, and with a round trip of all state after each. Fails the
// test where a trace differs from `expected`.
void rules_check(const char *yaml, const char *const *inputs, const char *expected);

struct mr_test *rules_load(const char *yaml);      // fails the test where it can't be loaded
void rules_apply(struct mr_test *, const char *input, unsigned number);
char *rules_trace(const struct mr_test *);         // free()
// The n-th body among the effects, or "" (free()).
char *rules_body(const struct mr_test *, size_t n);

// Loads what must not load; each of the texts, ended by NULL, must be within one line of the errors.
void rules_refused(const char *yaml, const char *const *texts);
int64_t rules_time(const char *text);              // "10:00:00", "02/10:00:00"

#define CHECK(yaml, expected, ...) rules_check(yaml, (const char *const[]){__VA_ARGS__, NULL}, expected)
#define REFUSED(yaml, ...) rules_refused(yaml, (const char *const[]){__VA_ARGS__, NULL})

#endif
