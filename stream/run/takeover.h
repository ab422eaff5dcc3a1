// Reading the journal of one partition: its end, and what has to be replayed.
#ifndef MR_RUN_TAKEOVER_H
#define MR_RUN_TAKEOVER_H

#include "core/journal.h"
#include "kafka/reader.h"

#define MR_IDS_MAX 16

struct mr_config;
struct mr_lane;

struct mr_readers {
	struct mr_log_reader *committed, *all, *inputs;
};

// What the end of a journal says. Strings are copies.
struct mr_journal_end {
	bool any;                    // false: the journal holds no record
	bool expired;                // it may have held some once: never a new task
	int64_t low, end;            // offsets
	uint64_t epoch, last_seq;
	int64_t positions[MR_TOPICS_MAX];
	uint32_t n_positions;
	char config_hash[33];        // in force for the inputs so far; empty: unknown
	int32_t partitions;          // as its owner saw them
	char state[512];
	size_t state_n;
};

// The last record of an unbroken chain. AGAIN: a transaction is still open there.
enum mr_kafka_status mr_journal_read_end(struct mr_log_reader *committed, struct mr_log_reader *all, const char *topic,
    int32_t partition, struct mr_journal_end *);
// The partition count that the journal was written with, from the first of its partitions that says
// so; 0: none does.
enum mr_kafka_status mr_journal_partitions(struct mr_log_reader *all, const char *topic, int32_t partitions,
    int32_t *were);
// The transactional ids that the last records name, committed or not; at most MR_IDS_MAX, each once.
size_t mr_journal_read_ids(struct mr_log_reader *all, const char *topic, int32_t partition, char ids[MR_IDS_MAX][256]);
// An offset from which reading on meets every record with inputs after `seq`, and, where it is still
// kept, the one before the first of them.
enum mr_kafka_status mr_journal_find(struct mr_log_reader *committed, const char *topic, int32_t partition,
    const struct mr_journal_end *, uint64_t seq, int64_t *from);

// A dead owner's transactions that hold only effects.
struct mr_hanging;
struct mr_hanging *mr_hanging_new(const struct mr_config *);
void mr_hanging_free(struct mr_hanging *);
// Whether a transaction that was open in one of the lane's outputs at the first look still is: others may
// write there, too, but theirs end soon. False also where nobody answers.
bool mr_hanging_look(struct mr_hanging *, const struct mr_lane *, const struct mr_readers *);

// What is lost of a journalled range, where its beginning is no longer kept: how many of its records, and
// the first offset that is. OK, AGAIN, DENIED, FATAL.
enum mr_kafka_status mr_journal_lost(struct mr_log_reader *, const char *topic, int32_t partition,
    const struct mr_journal_input *, int64_t *kept, uint64_t *lost);

// The journal's positions are no longer kept: the lane's are behind them. Counts and says so.
void mr_lost_inputs(struct mr_lane *, const struct mr_journal_end *);
// The journal has expired: fills what can be known of its end from the group and the store. False: it
// can't be gone on (said in the log).
bool mr_lost_journal(struct mr_lane *, struct mr_journal_end *);

// Makes the lane's task and applies to it, in silence, what the journal holds after `meta_seq`, each input
// under the configuration that was in force. False: it could not be done now (said in the log); try again.
bool mr_catch_up(struct mr_lane *, const struct mr_readers *, uint64_t meta_seq, const struct mr_journal_end *);

#endif
