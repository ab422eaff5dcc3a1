// The inside of a task, shared by the files that make it up and by nobody else.
#ifndef MR_CORE_TASK_IMPL_H
#define MR_CORE_TASK_IMPL_H

#include "core/arena.h"
#include "core/task.h"
#include "core/timers.h"

#define DERIVED_MAX 16
#define DERIVED_DEPTH_MAX 4
#define USER_MAX 256            // bytes of an id

struct held_queue {
	struct mr_held *items;      // ring; the first `n` from `head`
	size_t cap, head, n;
	size_t bytes;
};

struct mr_task {
	struct mr_task_conf conf;
	const struct mr_plan *plan;
	const struct mr_schema_node *properties;   // of the plan's schema; NULL: none are read
	struct mr_users *users;
	struct mr_timers *timers;
	struct mr_decoder *decoder;

	uint64_t seq;
	int64_t clock_ms;           // stream time
	int64_t bound_ms;
	uint64_t counters[MR_C_COUNT];

	struct mr_arena *batch;     // decoded items
	struct mr_arena *scratch;   // one input
	struct mr_event derived[DERIVED_MAX];
	uint16_t n_derived;         // waiting
	uint8_t depth;              // of the event being applied
	bool in_timer;
	bool eval_spent;            // the last expression was cut short
	struct mr_origin origin;    // of the input, or of the user's last record in a timer

	struct mr_arena *effects_arena;
	struct mr_effect *effects;
	size_t n_effects, cap_effects;
	uint32_t effect_number;
	uint64_t quiet_until;
	struct mr_writer writer;
	struct mr_message message;
	bool emitting;
	uint64_t input_digest, effect_digest;

	uint64_t resumed_seq;       // absent users are empty as of this

	struct mr_user *dirty_first, *dirty_last;
	struct held_queue held;
	struct mr_writer page;
	char upto_user[USER_MAX];   // of the last bound handed out
	struct mr_due_bound index;
	char index_user[USER_MAX];
};

void mr_task_touch(struct mr_task *, struct mr_user *);        // the record changed at t->seq
void mr_task_dead_letter(struct mr_task *, const struct mr_item *);
void mr_task_run_user(struct mr_task *, struct mr_user *, const struct mr_event *);
void mr_task_ctx(struct mr_task *, struct mr_user *, const struct mr_event *, struct mr_ctx *);

#endif
