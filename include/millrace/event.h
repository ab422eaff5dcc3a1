// A behaviour event as operators see it.
#ifndef MILLRACE_EVENT_H
#define MILLRACE_EVENT_H

#include "base.h"

enum mr_event_type {
	MR_TRACK,
	MR_IDENTIFY,
	MR_PAGE,
	MR_SCREEN,
	MR_GROUP,
	MR_ALIAS,
};

// Where a record came from. A derived event has the origin of the input that led to it.
struct mr_origin {
	struct mr_str topic;
	int32_t partition;
	int64_t offset;
};

#define MR_NAME_NONE (-1)

// All pointers live until the input has been applied.
struct mr_event {
	enum mr_event_type type;
	struct mr_str name;          // `event` of a track call, `name` of a page or screen; may be empty
	int32_t name_id;             // number from mr_setup_event, or MR_NAME_NONE: nobody asked for it
	struct mr_str user;          // userId, else anonymousId; never empty
	struct mr_str anonymous_id;  // may be empty
	struct mr_str message_id;    // may be empty
	int64_t time_ms;             // event time, clamped (design: time.ahead)
	const struct mr_value *fields;  // by number from mr_setup_field
	uint32_t n_fields;
	struct mr_origin origin;
	struct mr_str traceparent;   // header of the record, may be empty
	bool derived;                // made by an operator, not read from a topic
	uint8_t depth;               // 0 for a record, 1.. for derived events
	uint16_t number;             // derived: number within the input, of this user's, from 1
};

static inline struct mr_value
mr_event_field(const struct mr_event *e, uint32_t number)
{
	return number < e->n_fields ? e->fields[number] : mr_absent();
}

#endif
