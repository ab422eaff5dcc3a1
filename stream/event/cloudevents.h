// CloudEvents 1.0 around a message out: headers of Kafka's binary mode, or one JSON object.
#ifndef MR_EVENT_CLOUDEVENTS_H
#define MR_EVENT_CLOUDEVENTS_H

#include <millrace/operator.h>

// The attributes of one message. Strings are borrowed.
struct mr_cloudevent {
	struct mr_str app;           // at most 249 bytes, as a topic's name
	struct mr_str kind;          // "action", "decision", "session", "dead_letter", "profile"
	struct mr_str id;
	int64_t time_ms;
	struct mr_str subject;       // the user, and the partition key; left out where empty or no UTF-8
	uint64_t seq;                // of the task, and the effect's number within the input
	uint32_t effect;             // four digits; above 9999 "a" and ten digits, so that text still sorts
	int64_t expires_ms;          // 0: never
	struct mr_str traceparent;   // left out where empty or not printable ASCII
	enum mr_format format;
};

// The kind of a message by its output.
struct mr_str mr_cloudevent_kind(enum mr_output);

struct mr_ce_header {
	const char *name;
	struct mr_str value;
};

#define MR_CE_HEADERS_MAX 13

// Values point into the event's strings, into literals, or into this struct: don't move it.
struct mr_ce_headers {
	size_t n;
	struct mr_ce_header items[MR_CE_HEADERS_MAX];
	char source[272], type[48], schema[48], time[25], expires[25], sequence[32];
};

void mr_ce_headers(struct mr_ce_headers *, const struct mr_cloudevent *);

// Structured mode: one JSON object, the same attributes, then `data`: `body` verbatim where it is
// JSON, data_base64 where it is msgpack. The writer's format must be JSON; no line end is written.
void mr_ce_json(struct mr_writer *, const struct mr_cloudevent *, struct mr_str body);

#endif
