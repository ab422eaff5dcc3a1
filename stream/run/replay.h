// The very tasks of a live run over records from elsewhere, with no Kafka and no store: one task a
// partition, effects written as CloudEvents objects, one a line, in the order of
// (stream time, partition, seq, effect). The same input gives the same bytes, always.
// Thread: the caller's.
#ifndef MR_RUN_REPLAY_H
#define MR_RUN_REPLAY_H

#include "config/config.h"
#include "core/task.h"

#include <stdio.h>

#define MR_UNTIL_NONE INT64_MIN        // time moves with the events alone
#define MR_UNTIL_END (INT64_MAX - 1)   // and fires what is due up to the last event

struct mr_replay_conf {
	const struct mr_config *config;
	int32_t partitions;
	bool emit[MR_OUTPUTS];
	bool profiles;
	FILE *out;
};

struct mr_replay;

struct mr_replay *mr_replay_new(const struct mr_replay_conf *);
void mr_replay_free(struct mr_replay *);

// A record of the events topic, placed as a producer would: by the hash of its user, at the next
// offset of that partition. Applied at once.
void mr_replay_line(struct mr_replay *, struct mr_str line);
// For inputs that know their place: tasks are driven directly, mr_replay_flush() after each input.
struct mr_task *mr_replay_task(struct mr_replay *, int32_t partition);
void mr_replay_flush(struct mr_replay *, int32_t partition);
// The end: fires what is due (until), prints what is left, and profiles.
void mr_replay_end(struct mr_replay *, int64_t until_ms);
uint64_t mr_replay_records(const struct mr_replay *);
uint64_t mr_replay_effects(const struct mr_replay *, enum mr_output);   // printed or not

#endif
