// What a running process counts. The table of it all is serve/metrics.h; here are its cells.
//
// mr_stats_new makes the whole; each worker writes to a part of its own (mr_stats_part), so that no
// two threads share a cache line, and the whole is summed when somebody looks. Parts live until the
// whole is freed: nothing that was counted is lost. Every function but the last four takes NULL for
// the stats: nothing is counted.
// Thread: any; relaxed atomics. Nothing is allocated but by new, part and task_new.
#ifndef MR_RUN_STATS_H
#define MR_RUN_STATS_H

#include "serve/metrics.h"

struct mr_stats;        // a whole, or a part
struct mr_stats_task;   // what is known of one task of a part

struct mr_stats *mr_stats_new(void);
void mr_stats_free(struct mr_stats *);                                  // of the whole, last
struct mr_stats *mr_stats_part(struct mr_stats *whole, const char *worker);

void mr_stats_add(struct mr_stats *, enum mr_stat, uint64_t n);         // counters
void mr_stats_record(struct mr_stats *, enum mr_stat, int64_t value);   // histograms; times in µs
// Adds what a task's counters (enum mr_counter) have grown by since `seen`, and brings that up to date.
void mr_stats_counters(struct mr_stats *, const uint64_t *counters, uint64_t *seen);
// True for the first that asks in this process: things that are said once in the log. (NULL: true.)
enum mr_once { MR_ONCE_WRONG_PARTITION, MR_ONCE_OLD_EVENTS, MR_ONCES };
bool mr_stats_first(struct mr_stats *, enum mr_once);

// ---- tasks ----
// NULL where the stats are; task functions take NULL. Every gauge is unknown at first.
struct mr_stats_task *mr_stats_task_new(struct mr_stats *, int32_t partition);
void mr_stats_task_free(struct mr_stats_task *);
void mr_stats_task_state(struct mr_stats_task *, enum mr_task_state);
void mr_stats_task_set(struct mr_stats_task *, enum mr_gauge, int64_t);
void mr_stats_task_store(struct mr_stats_task *, bool answers);
// When the ends of its topics were asked for and were last answered, wall clock: whether Kafka answers.
void mr_stats_task_kafka(struct mr_stats_task *, int64_t asked_ms, int64_t answered_ms);

// ---- the process ----
void mr_stats_identity(struct mr_stats *whole, struct mr_str app, const char *hash, bool partitions);
void mr_stats_joined(struct mr_stats *whole, bool);                     // the group has said what is ours (maybe nothing)
// A problem of the process as a whole that lasts; "": over. Cut at 200 bytes.
void mr_stats_problem(struct mr_stats *whole, const char *text);
void mr_stats_beat(struct mr_stats *part, int64_t now_ms);              // its worker has moved

uint64_t mr_stats_get(struct mr_stats *, enum mr_stat);                 // with all parts; counters
uint64_t mr_stats_count(struct mr_stats *, enum mr_stat);               // with all parts; histograms: observations
void mr_stats_render(struct mr_stats *, int64_t now_ms, FILE *);        // /metrics
bool mr_stats_health(struct mr_stats *, int64_t now_ms, FILE *);        // /healthz: "ok", or one line a reason

#endif
