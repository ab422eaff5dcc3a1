// A share: what one task puts into one transaction. The inputs it applied, the messages they led to,
// and the journal record that says so. Kept whole until the transaction is committed, so that it can
// be sent again: an abort is not a rollback.
// Thread: the worker's.
#ifndef MR_RUN_SHARE_H
#define MR_RUN_SHARE_H

#include "core/journal.h"
#include "core/task.h"

#include <stdatomic.h>

struct mr_lane;

// The record that led to an effect, for measuring.
struct mr_share_cause {
	int64_t record_ms;            // its timestamp
	int64_t drained_us;           // monotonic; 0: not measured
};

struct mr_share {
	struct mr_share *next;        // in its transaction
	struct mr_lane *lane;
	bool claim;                   // the lane's take-over: no inputs
	char config_hash[33];         // claims: what the inputs before were applied under; may be empty
	int64_t bound_ms;
	uint64_t first_seq, last_seq;
	struct mr_journal_input *inputs;
	uint32_t n_inputs, cap_inputs;
	int64_t positions[MR_TOPICS_MAX];
	uint64_t input_digest, effect_digest;
	struct mr_writer state;       // task state after the last input

	struct mr_arena *arena;       // effects' strings
	struct mr_effect *effects;
	struct mr_share_cause *causes;  // of each effect
	size_t n_effects, cap_effects;
	size_t n_sent;                // of effects, into the present transaction
	bool journal_sent;
	_Atomic uint32_t pending;     // sent, not yet acknowledged
	struct mr_writer journal;     // the encoded record
};

struct mr_share *mr_share_new(struct mr_lane *, int64_t bound_ms, uint64_t first_seq);
void mr_share_free(struct mr_share *);
// Inputs, in the order in which they were applied. A record that follows the last one of its topic
// lengthens that range.
void mr_share_add_record(struct mr_share *, uint32_t topic, int64_t offset);
void mr_share_add_tick(struct mr_share *, int64_t time_ms, const struct mr_due_bound *upto);
void mr_share_add_gap(struct mr_share *, uint32_t topic, int64_t from, int64_t to);
// Copies the task's effects and takes note of its seq, state and digests.
void mr_share_take(struct mr_share *, struct mr_task *);
// Nothing of it has been sent yet: it goes into a new transaction.
void mr_share_unsend(struct mr_share *);

#endif
