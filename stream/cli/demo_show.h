// What the demo shows: actions as they come, a line that says how it goes, and a summary.
// Thread: one at a time.
#ifndef MR_CLI_DEMO_SHOW_H
#define MR_CLI_DEMO_SHOW_H

#include "cli/demo_events.h"
#include "cli/demo_tap.h"

#include <stdio.h>

#define MR_DEMO_RULES_MAX 32

struct mr_demo_show {
	FILE *out;
	bool terminal;
	const struct mr_demo_events *events;
	uint64_t sent, actions, sessions, decisions, dead_letters, scores;
	struct { char name[64]; uint64_t n; } rules[MR_DEMO_RULES_MAX];
	size_t n_rules;
	struct mr_str time;              // of the event sent last, as text
	int64_t *waits_us;               // from an event to its action
	size_t n_waits, cap_waits;
	int64_t began_us, drawn_us;
	uint64_t sent_drawn;
};

// The caller's clock is microseconds that never go back.
void mr_demo_show_begin(struct mr_demo_show *, FILE *out, const struct mr_demo_events *, int64_t now_us);
void mr_demo_show_message(struct mr_demo_show *, const struct mr_demo_message *, int64_t now_us);
// Now and then: on a terminal one line that is drawn anew, elsewhere a line every two seconds.
void mr_demo_show_progress(struct mr_demo_show *, int64_t now_us);
void mr_demo_show_summary(struct mr_demo_show *, int64_t now_us);
void mr_demo_show_end(struct mr_demo_show *);

#endif
