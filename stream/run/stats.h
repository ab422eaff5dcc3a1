// What a running process counts. One table (stats.c) names, types and explains all of it.
// Thread: any; relaxed atomics.
#ifndef MR_RUN_STATS_H
#define MR_RUN_STATS_H

#include <millrace/base.h>

enum mr_stat {
	MR_STAT_EVENTS,          // records applied
	MR_STAT_MESSAGES,        // messages produced
	MR_STAT_TICKS,
	MR_STAT_COMMITS,
	MR_STAT_ABORTS,
	MR_STAT_TAKEOVERS,
	MR_STAT_REPLAYED,        // inputs replayed at take-overs
	MR_STAT_GAPS,            // input records lost before they were applied
	MR_STAT_DENIED,          // writes refused for want of a permission
	MR_STAT_STORE_ERRORS,
	MR_STAT_PAGES_WRITTEN,
	MR_STAT_COUNTERS,
	MR_STAT_COMMIT_LATENCY = MR_STAT_COUNTERS,  // histograms, ms
	MR_STAT_STORE_READ,
	MR_STAT_STORE_WRITE,
	MR_STAT_END
};

struct mr_stats;

struct mr_stats *mr_stats_new(void);
void mr_stats_free(struct mr_stats *);
void mr_stats_add(struct mr_stats *, enum mr_stat, uint64_t n);        // counters; stats may be NULL
void mr_stats_observe(struct mr_stats *, enum mr_stat, int64_t ms);    // histograms; stats may be NULL
uint64_t mr_stats_get(const struct mr_stats *, enum mr_stat);

#endif
