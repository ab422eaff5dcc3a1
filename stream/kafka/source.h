// The input: one member of the consumer group a process, and what its partitions bring.
//
// Two library handles: a member, which subscribes to the anchor topic and never fetches, and a
// fetcher without a group, which reads partitions from offsets that the caller chose. So a rebalance
// never moves a position, and a task starts when its recovery is done, not before.
//
// Threads: `poll` and all callbacks run on one thread, the coordinator's. A task's calls (marked T)
// belong to the worker that owns the task; start and stop may come from either, not at once.
// mr_source_ask_end and mr_source_end may come from any thread.
#ifndef MR_KAFKA_SOURCE_H
#define MR_KAFKA_SOURCE_H

#include "kafka/conf.h"

struct mr_source;
struct mr_source_task;    // one partition number of the anchor and its companions, in one assignment

struct mr_source_conf {                 // what it points to lives as long as the source
	const struct mr_kafka_conf *kafka;
	const char *group;                   // the app
	const char *instance_id;             // group.instance.id: static membership; NULL: none
	const char *const *topics;           // topics[0] is the anchor, the rest its companions
	size_t n_topics;                     // at most 8
	int64_t session_timeout_ms;          // 0: 10,000
	int64_t fetched_bytes_max;           // fetched and not yet drained, a partition; 0: 4 MiB
	// Callbacks, inside poll. `numbers` are partition numbers, sorted; the group token is of the new
	// generation. on_assign only tells: call mr_source_start when each task has recovered.
	void (*on_assign)(void *arg, const struct mr_group *, uint64_t epoch, const int32_t *numbers, size_t n);
	// Synchronous: commit, flush, let go; when it returns the partitions may belong to another.
	// Every task is stopped by then (the source stops what is still running).
	void (*on_revoke)(void *arg, const int32_t *numbers, size_t n);
	// As on_revoke, but they belong to another already: nothing can be committed any more.
	void (*on_lost)(void *arg, const int32_t *numbers, size_t n);
	void *arg;
};

// NULL with a text where the configuration is wrong.
struct mr_source *mr_source_open(const struct mr_source_conf *, char error[256]);
// Leaves the group (a static member keeps its seat for the session time-out), calling on_revoke;
// bounded by timeout_ms plus the library's way out (where leaving takes longer, the handle is left
// behind, not destroyed: end the process). All tasks must be stopped, batches released.
void mr_source_close(struct mr_source *, int64_t timeout_ms);
const char *mr_source_error(const struct mr_source *);

// Serves rebalances, errors and logs for at most timeout_ms; returns early after a callback.
// Call it all the time, also while paused or recovering: at least every few seconds, or the group
// takes the partitions away (max.poll.interval.ms is 60 s). OK, AGAIN (brokers away, or fenced after
// that: joined anew; goes on by itself), MISSING (anchor topic), DENIED (group or topic; text), FENCED
// (another process uses our instance_id: end), FATAL.
enum mr_kafka_status mr_source_poll(struct mr_source *, int64_t timeout_ms);

// Which librdkafka, which protocol, static or not: a line for the log.
void mr_source_describe(const struct mr_source *, char *out, size_t size);
// Grows with each assignment; 0 before the first.
uint64_t mr_source_epoch(const struct mr_source *);

// Offsets that the group has committed for these positions (fills offset; -1: none). Read committed:
// waits for a predecessor's open transaction, so AGAIN after timeout_ms is to be expected. Any thread.
enum mr_kafka_status mr_source_committed(struct mr_source *, struct mr_kafka_position *, size_t n, int64_t timeout_ms);

// ---- a task's partitions

// Begins to fetch partition `number` of each topic, from offsets[i] (as topics[i]; absolute, >= 0).
// Each time that fetched records (or an end) arrive in an empty queue, 1 is written to wake_fd (an
// eventfd, non-blocking; borrowed). NULL with mr_source_error where it can't.
struct mr_source_task *mr_source_start(struct mr_source *, int32_t number, uint64_t epoch,
    const int64_t *offsets, int wake_fd);
// T. Ends it and drops what was fetched; batches must have been released. Blocks shortly.
void mr_source_stop(struct mr_source_task *);

struct mr_source_batch {
	struct mr_kafka_record *records;     // of one topic, in the order of offsets; those below the
	size_t n;                            // expected offset are already dropped
	size_t topic;                        // index into topics
	bool end;                            // behind these the partition was read to its end
	int64_t next;                        // offset after what was handed over (an end moves it past
	                                     // transaction markers, too)
	enum mr_kafka_status status;         // MISSING: offset out of what is retained, or topic deleted;
	                                     // DENIED; AGAIN: a passing error. OK else
	const char *error;                   // text for it; lives until the next drain of this topic
};

// T. Hands over what was fetched of topic i, at most `max` records; never blocks. The batch lives until
// it is released; one batch a topic at a time. False: the assignment is over (its epoch is not the
// source's any more): nothing is handed over, stop the task.
bool mr_source_drain(struct mr_source_task *, size_t topic, size_t max, struct mr_source_batch *);
void mr_source_release(struct mr_source_task *, struct mr_source_batch *);
// T. Something is fetched and not drained (no lock is held; a hint).
bool mr_source_pending(const struct mr_source_task *, size_t topic);

// T. While paused, drain hands nothing over, and fetching goes on up to fetched_bytes_max, where it stops
// by itself: cheap, and nothing is fetched twice. On going on, wake_fd fires where something waits.
void mr_source_pause(struct mr_source_task *, bool paused);
bool mr_source_paused(const struct mr_source_task *);
// T. Goes on from another offset; what was fetched is dropped. OK or FATAL.
enum mr_kafka_status mr_source_seek(struct mr_source_task *, size_t topic, int64_t offset);

// The end of partition `number` of topic i (its last stable offset), asked for by a thread of the
// source. ask_end returns at once; the answer comes later as (end, the t given with the question).
// Answers to older questions are replaced. False: none yet for this assignment.
void mr_source_ask_end(struct mr_source_task *, int64_t t_ms);
bool mr_source_end(const struct mr_source_task *, size_t topic, int64_t *end, int64_t *asked_ms);

#endif
