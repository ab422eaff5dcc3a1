// The events that the demo plays: a file of Segment events, one a line, sorted by time.
// Thread: one at a time.
#ifndef MR_CLI_DEMO_EVENTS_H
#define MR_CLI_DEMO_EVENTS_H

#include <millrace/base.h>

struct mr_demo_event {
	struct mr_str line, user, message_id;   // point into the file
	int64_t time_ms;
	int64_t sent_us;                        // 0: not yet; the caller's clock
};

struct mr_demo_events {
	char *bytes;
	struct mr_demo_event *items;
	size_t n;
};

// False with a text where the file can't be read, or a line has no userId, messageId or timestamp.
bool mr_demo_events_load(struct mr_demo_events *, const char *path, char error[512]);
void mr_demo_events_free(struct mr_demo_events *);
// NULL where none has that messageId.
const struct mr_demo_event *mr_demo_events_find(const struct mr_demo_events *, struct mr_str message_id);

// The value of a key of a JSON object, as it is written: text without its quotes, the rest raw.
// Empty where there is none. Looks at the first level only, and trusts that the text is valid.
struct mr_str mr_demo_member(struct mr_str object, const char *key);

#endif
