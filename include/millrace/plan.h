// A plan: one loaded configuration in the form that tasks run. Immutable, shared by all tasks.
// Made by stream/config (mr_config_load), read by stream/core.
#ifndef MILLRACE_PLAN_H
#define MILLRACE_PLAN_H

#include "operator.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mr_schema;   // stream/expr/schema.h: numbered event fields and event names
struct mr_zones;    // stream/expr/zone.h: all time zones of the machine, by name

struct mr_instance {
	const struct mr_operator *op;
	void *conf;
	size_t state_offset;   // of its state within a user's states
};

// A value that expressions read as user.NAME or session.NAME; mr_user_value takes its index.
struct mr_offer {
	struct mr_str space, name;
	enum mr_type type;
	uint16_t op;           // index in plan->ops
	uint32_t index;        // for op->read
};

struct mr_plan {
	struct mr_str app;
	char hash[33];                  // identity: all that can influence apply
	const struct mr_schema *schema;
	const struct mr_zones *zones;
	int32_t zone;                   // time.zone's number
	struct mr_time_conf time;
	struct mr_instance *ops;        // in pipeline order
	uint16_t n_ops;
	size_t states_size;             // of all operators' states together
	const struct mr_offer *offers;
	uint32_t n_offers;
	int32_t offer_timezone;         // user.timezone's number, or -1
	bool ticks;                     // time.ticks
	// messages
	enum mr_format format;
	bool wanted[MR_OUTPUTS];
	bool wanted_entry_decisions;    // output.decisions.entry: write
	bool explain;
	uint32_t action_bytes_max;      // bound of a whole message
	// bounds of the input
	uint32_t record_bytes_max, depth_max, key_bytes_max, string_bytes_max;
	uint32_t dedup_keep;            // messageIds remembered a user
	int64_t user_bytes_max;         // memory of the cache, a task
	bool crc32;                     // input.events.partitioner
};

#ifdef __cplusplus
}
#endif
#endif
