// Reads all that is written to some topics from now on, as any subscriber could: uncommitted, so
// that a message is seen the moment it was decided.
// Thread: one at a time.
#ifndef MR_CLI_DEMO_TAP_H
#define MR_CLI_DEMO_TAP_H

#include <millrace/base.h>

struct mr_demo_tap;

struct mr_demo_message {
	struct mr_str id, type, time, subject;   // CloudEvents attributes
	struct mr_str body;                      // JSON
};

// NULL with a text. `names` and their partitions must be there.
struct mr_demo_tap *mr_demo_tap_open(const char *brokers, const char *const *names, size_t n, char error[512]);
void mr_demo_tap_close(struct mr_demo_tap *);
// Waits up to timeout_ms for a message; true: *m is one, until the next call. A message that was
// seen before (by its id) is left out.
bool mr_demo_tap_next(struct mr_demo_tap *, int timeout_ms, struct mr_demo_message *m);
// Whether all that the topics hold now has been seen.
bool mr_demo_tap_done(struct mr_demo_tap *);
// Empty while all is well.
const char *mr_demo_tap_error(const struct mr_demo_tap *);

#endif
