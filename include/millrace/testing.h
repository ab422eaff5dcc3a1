// Runs operators in memory: events in, effects out. No Kafka, no Redis, no clock.
#ifndef MILLRACE_TESTING_H
#define MILLRACE_TESTING_H

#include "operator.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mr_test;

// Loads `yaml` (a whole configuration, or just the operator's part: app and input have defaults)
// with `extra` (may be NULL) added to the operators that Millrace was built with. NULL where the
// configuration is wrong; the errors are then in *errors (free()).
struct mr_test *mr_test_new(const char *yaml, const struct mr_operator *extra, char **errors);
void mr_test_free(struct mr_test *);

// Applies one Segment event (JSON). Its time is its own `timestamp`.
void mr_test_event(struct mr_test *, const char *json);
// Moves stream time on, as a tick does.
void mr_test_until(struct mr_test *, int64_t time_ms);

// Effects so far, in order.
size_t mr_test_effects(const struct mr_test *);
struct mr_test_effect {
	enum mr_output output;
	struct mr_str channel, subject;
	const char *id;
	int64_t time_ms;
	struct mr_str body;      // JSON
};
// Lives until the next event.
struct mr_test_effect mr_test_effect(const struct mr_test *, size_t number);

// user.NAME or session.NAME of a user, as of the present stream time.
struct mr_value mr_test_value(struct mr_test *, const char *user, const char *space, const char *name);

// How often a counter was counted so far, by any operator.
uint64_t mr_test_counted(const struct mr_test *, enum mr_counter);

// Encodes each user's state, drops it, and decodes it again. False if any of it did not come back
// the same. Call it between events: what a test finds after it must be what it finds without.
bool mr_test_roundtrip(struct mr_test *);

#ifdef __cplusplus
}
#endif
#endif
