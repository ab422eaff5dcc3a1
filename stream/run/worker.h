// A worker: a thread with several lanes (owned tasks), two transactional producers that take turns,
// and one handle to the store.
//
// The coordinator's calls (marked C) may come from its thread at any time; all else happens on the
// worker's own thread, in steps, so that a simulator can drive it without threads.
#ifndef MR_RUN_WORKER_H
#define MR_RUN_WORKER_H

#include "config/config.h"
#include "core/journal.h"
#include "kafka/conf.h"
#include "run/clock.h"
#include "store/store.h"

struct mr_source;
struct mr_worker;

struct mr_worker_conf {
	const struct mr_config *config;
	const struct mr_kafka_conf *kafka;
	const struct mr_clock *clock;
	struct mr_source *source;
	struct mr_store *store;           // taken over: closed with the worker
	const char *id;                   // base of its transactional ids, unique to it; copied
	const char *const *topics;        // inputs, as the source has them
	size_t n_topics;
	const char *journal;              // topic
	const char *config_topic;         // where configurations are kept; NULL: nowhere
	int64_t journal_idle_ms;          // the journal of an idle task is written anew after so long; 0: never
	int32_t partitions;               // of every topic
	struct mr_str cluster_id;
	struct mr_stats *stats;           // a part of its own (mr_stats_part), or NULL
};

struct mr_worker *mr_worker_new(const struct mr_worker_conf *);
void mr_worker_free(struct mr_worker *);

// C. The group gave us a partition number: take the task over and run it.
void mr_worker_own(struct mr_worker *, int32_t number, uint64_t epoch, const struct mr_group *);
// C. Let go of it; with `clean`, commit and flush first. Done when mr_worker_idle says so.
void mr_worker_release(struct mr_worker *, int32_t number, bool clean);
// C. No commands are waiting or under way.
bool mr_worker_idle(struct mr_worker *);

// Does what can be done without waiting (but for the store's and the take-over's own time-outs).
// Returns for how many ms there is nothing to do unless wake_fd fires; 0: more at once.
int64_t mr_worker_step(struct mr_worker *);
// Waits until wake_fd fires, at most so long.
void mr_worker_wait(struct mr_worker *, int64_t ms);
void mr_worker_wake(struct mr_worker *);   // any thread

#endif
