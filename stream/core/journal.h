// Records of the journal (topic <app>.journal, partition = the task's number): what the inputs alone
// do not determine. Written in the same transaction as the effects of those inputs.
#ifndef MR_CORE_JOURNAL_H
#define MR_CORE_JOURNAL_H

#include <millrace/writer.h>

#define MR_TOPICS_MAX 8

enum mr_journal_input_kind {
	MR_JOURNAL_RANGE,     // records [from, to) of one input topic, all that read_committed shows
	MR_JOURNAL_TICK,      // a tick
	MR_JOURNAL_GAP,       // records [from, to) that were lost: not applied, counted
};

struct mr_journal_input {
	enum mr_journal_input_kind kind;
	uint32_t topic;           // index into topics
	int64_t from, to;         // RANGE, GAP
	uint64_t count;           // RANGE: records in it (transaction markers take offsets, too)
	int64_t time_ms;          // TICK
	bool bounded;             // TICK: only timers up to (due_ms, user), inclusive
	int64_t due_ms;
	struct mr_str user;
};

// One journal record: `seq` counts inputs, one for each record of a range and one for each tick.
struct mr_journal_record {
	bool claim;               // a take-over: no inputs, but the owner's ids and hashes
	uint64_t epoch;
	uint64_t first_seq;       // of the first input; a claim: last_seq + 1
	uint64_t last_seq;        // after the last input
	int64_t bound_ms;         // wall clock when the transaction began
	const struct mr_journal_input *inputs;
	uint32_t n_inputs;
	int64_t positions[MR_TOPICS_MAX];  // of every input topic, after this record
	uint32_t n_positions;
	struct mr_str state;      // task state after the last input
	uint64_t input_digest, effect_digest;
	struct mr_str ids[2];     // the owner's transactional ids
	struct mr_str config_hash;  // of the configuration that the inputs up to here were applied under
	struct mr_str build;      // claims: of the owner
	int32_t partitions;
};

void mr_journal_encode(const struct mr_journal_record *, struct mr_writer *);
// Strings point into `bytes`, inputs into the arena. False: malformed.
bool mr_journal_decode(struct mr_str bytes, struct mr_arena *, struct mr_journal_record *);

#endif
