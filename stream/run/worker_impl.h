// The inside of a worker, shared by the files that make it up and by nobody else:
// worker.c (commands, the step), lane.c (drain, apply, ticks), rotation.c (transactions),
// pages.c (store), takeover.c, report.c (what is told to the stats and the log).
#ifndef MR_RUN_WORKER_IMPL_H
#define MR_RUN_WORKER_IMPL_H

#include "kafka/sink.h"
#include "kafka/source.h"
#include "run/share.h"
#include "run/stats.h"
#include "run/worker.h"

#include <pthread.h>

#ifdef MR_SIM
#define MR_BATCH_MAX 32
#define MR_TICK_TIMERS_MAX 1        // a crowd in a simulation of a dozen users
#else
#define MR_BATCH_MAX 512            // records drained and applied at once
#define MR_TICK_TIMERS_MAX 256      // users whose timers one tick fires
#endif
#define MR_LANES_MAX 4096

enum mr_lane_state {
	MR_LANE_NEW,        // to be taken over
	MR_LANE_CLAIMED,    // the claim is committed; the store is yet to be taken, inputs to be replayed
	MR_LANE_RUNNING,
	MR_LANE_DENIED,     // a write was refused: waits, then tries again
	MR_LANE_LOST,       // another has it, or will: applies nothing, waits to be released
};

struct mr_lane {
	struct mr_lane *next;
	struct mr_worker *worker;
	int32_t number;
	uint64_t assignment;         // the source's epoch
	struct mr_group group;
	enum mr_lane_state state;
	int64_t retry_at_ms;         // monotonic; NEW, CLAIMED and DENIED look again then

	struct mr_task *task;
	uint64_t epoch;              // of the claim
	uint64_t committed_seq;
	struct mr_share *share;      // of the open transaction, still growing
	int64_t journalled_ms;       // monotonic; its last journal record
	struct mr_share *denied;     // shares that wait for a permission
	int64_t positions[MR_TOPICS_MAX];  // next offset to apply

	struct mr_source_task *source;
	struct mr_source_batch batch;
	bool has_batch;
	size_t decoded;              // records of the batch, so far
	size_t applied;              // of the items
	struct mr_raw_record *raws;
	struct mr_item **items;      // the decoded ones that are not all applied yet
	size_t n_items;
	size_t next_topic;           // round robin
	bool ends[MR_TOPICS_MAX];    // read to its end, nothing since
	int64_t asked_ms;            // wall clock of the last question for the end

	uint64_t w;                  // last chunk acknowledged
	uint64_t flush_seq;          // changes up to here are older than the flush interval
	int64_t flush_at_ms;
	uint64_t meta_seq;           // as the store has it
	bool meta_due;               // to be written although there may be no page to write
	bool unknown;                // the outcome of chunk w + 1, of so many pages
	size_t unknown_chunk;
	int64_t lost_at_ms;          // monotonic; 0: not lost
	bool over_bound;             // memory, with all that is clean evicted
	bool index_anew;             // of a user read, the index says another time: it is looked at from its beginning
	bool crowd;                  // more users are due than may be in memory
	int64_t store_retry_ms;      // monotonic; the store was down

	struct mr_stats_task *stats;
	uint64_t counted[MR_C_COUNT];  // of the task's counters, what the stats have
	int64_t drained_us;          // monotonic; when the batch was drained
	int64_t last_record_ms;      // timestamp of the last record applied
	int64_t end_asked_ms;        // wall clock; the ends were asked for, for the lag
	uint64_t mark_seq;           // the inputs up to a moment, and that moment and the mark before it: when
	int64_t mark_ms, mark_before_ms;  // all of them are in the store, no unwritten change is older
	bool store_fails;            // at its last call
	bool looked_at_age;          // of the first events
};

enum mr_txn_state { MR_TXN_IDLE, MR_TXN_OPEN, MR_TXN_COMMITTING };

struct mr_txn {
	struct mr_sink *sink;
	enum mr_txn_state state;
	struct mr_share *first, *last;
	int64_t opened_ms;           // monotonic
	int64_t bound_ms;            // wall
	int64_t commit_us;           // monotonic; the commit was begun
};

// A topic of ours and its numbers in both sinks.
struct mr_out_topic {
	enum mr_output output;
	struct mr_str channel;
	char *name;
	uint32_t number[2];
};

struct mr_command {
	struct mr_command *next;
	int32_t number;
	uint64_t assignment;
	struct mr_group group;
	bool own, clean;
	int64_t until_ms;            // monotonic; of a clean release: no longer
};

struct mr_worker {
	struct mr_worker_conf conf;
	int wake_fd;
	pthread_mutex_t lock;        // guards the commands
	struct mr_command *commands, *last_command;
	size_t busy;                 // commands waiting or under way

	struct mr_lane *lanes;
	struct mr_txn txns[2];
	int open;                    // index of the one that takes shares
	uint32_t generation;         // of the transactional ids: a fenced producer is replaced
	char ids[2][256];
	struct mr_out_topic *topics;
	size_t n_topics;
	uint32_t journal_number[2];
	bool need_takeover;          // producers were lost: every lane is taken over anew
	int64_t sinks_retry_ms;
	struct mr_lane *writing;     // whose chunk is under way, of so many pages, since when; NULL: none
	size_t writing_n;
	uint64_t writing_seq;        // meta.seq with it
	int64_t writing_us;
	int32_t wrote_last;          // number of that lane, or of the last one
	int64_t store_log_ms;        // not before then is the store's trouble logged again
	struct mr_str *input_names;
	int64_t reported_ms;         // monotonic
	bool told[MR_ONCES];
};

// lane.c
bool mr_lane_step(struct mr_lane *);                   // true: more to do at once
void mr_lane_forget(struct mr_lane *);                 // drops task, batch and source; keeps ownership
int64_t mr_lane_wait_ms(struct mr_lane *);
// One more item of the batch; the record's bytes and the strings must outlive it.
void mr_lane_decode(struct mr_lane *, const struct mr_kafka_record *, size_t topic, struct mr_str content_type,
    struct mr_str traceparent);
int64_t mr_lane_batch_clock(const struct mr_lane *);   // where the clock will be after the items
// producers.c
bool mr_producers_ready(struct mr_worker *);           // both initialised; tries where they are not
void mr_producers_close(struct mr_worker *);
struct mr_out_topic *mr_out_topic(struct mr_worker *, const struct mr_effect *);
// Send what they can. AGAIN: the queue is full, or an earlier message is still on its way; those of the same
// transaction are waited for unless it is to be committed (all).
enum mr_kafka_status mr_send_effects(struct mr_worker *, struct mr_txn *, bool all);
enum mr_kafka_status mr_send_journal(struct mr_worker *, struct mr_txn *);
// rotation.c
bool mr_rotation_step(struct mr_worker *, bool now);   // produce, commit; true: more at once
bool mr_rotation_quiet(const struct mr_worker *);      // nothing open, nothing committing
struct mr_share *mr_rotation_share(struct mr_worker *, struct mr_lane *);  // the lane's share in the open transaction
void mr_rotation_drop(struct mr_worker *, struct mr_lane *);  // shares of a lane that is lost
enum mr_kafka_status mr_rotation_claims(struct mr_worker *, struct mr_share *claims);
void mr_rotation_retry(struct mr_worker *, struct mr_lane *);  // sends what waited for a permission again
void mr_rotation_reset(struct mr_worker *);            // closes producers, drops all shares
bool mr_rotation_full(const struct mr_worker *, const struct mr_lane *);
// pages.c
bool mr_pages_ready(struct mr_lane *, int64_t clock_ms);   // both of these, for the present batch
bool mr_pages_users(struct mr_lane *, struct mr_item *const *, size_t n);  // in memory; false: not yet
// Users with timers due by then are in memory, or the next of a crowd: see mr_task_crowded.
bool mr_pages_timers(struct mr_lane *, int64_t clock_ms);
// Replay: those due up to then, and up to that user at that instant (empty: all), however many.
bool mr_pages_due(struct mr_lane *, int64_t due_ms, struct mr_str user);
// Write-behind; all: now, whatever its age. True: there is room again, for events or the next part of a crowd.
bool mr_pages_flush(struct mr_lane *, bool all);
bool mr_pages_flush_part(struct mr_lane *);               // a part of all; false: nothing could be written
bool mr_pages_flush_some(struct mr_worker *);             // of all lanes
void mr_pages_answered(struct mr_worker *);               // waits for the chunk under way: before any other call to the store
bool mr_pages_flushed(const struct mr_lane *);
bool mr_pages_full(const struct mr_lane *);                // memory is at its bound: apply nothing
// takeover.c
void mr_takeover(struct mr_worker *);                  // every lane that is NEW or CLAIMED
void mr_lane_lost(struct mr_lane *, const char *why);
void mr_lane_again(struct mr_lane *, const char *why); // forget everything, take it over anew

// report.c
void mr_report_step(struct mr_worker *);               // now and then: how every lane stands
void mr_report_lane(struct mr_lane *);                 // at once
void mr_report_first(struct mr_lane *);                // before a batch is applied: are its events old?
void mr_report_applied(struct mr_lane *);              // after inputs were applied
void mr_report_resumed(struct mr_lane *);              // what was replayed is not counted again
// Which records led to the share's effects from number `from` on: `first_seq` is that of items[first].
void mr_report_causes(struct mr_lane *, struct mr_share *, size_t from, size_t first, uint64_t first_seq);
void mr_report_sent(struct mr_worker *, struct mr_share *, size_t effect);
void mr_report_store(struct mr_lane *, bool answers);

void mr_worker_log(const struct mr_worker *, int level, const char *fmt, ...) MR_PRINTF(3, 4);

#endif
