// The inside of the stats, shared by stats.c (writing) and stats_show.c (looking).
#ifndef MR_RUN_STATS_IMPL_H
#define MR_RUN_STATS_IMPL_H

#include "run/stats.h"

#include <pthread.h>
#include <stdatomic.h>

#define MR_HISTOGRAMS (MR_STAT_END - MR_STAT_COUNTERS)

struct mr_histogram {
	_Atomic uint64_t buckets[MR_BUCKETS_MAX], sum;
};

struct mr_stats_task {
	struct mr_stats_task *next;
	struct mr_stats *whole;
	int32_t partition;
	_Atomic int state;           // enum mr_task_state
	_Atomic bool store_fails;
	_Atomic int64_t asked_ms, answered_ms;
	_Atomic int64_t gauges[MR_GAUGES];
};

struct mr_stats {
	_Alignas(64) _Atomic uint64_t counters[MR_STAT_COUNTERS];
	struct mr_histogram histograms[MR_HISTOGRAMS];
	const uint64_t *bounds[MR_HISTOGRAMS];
	_Atomic int64_t beat_ms;     // 0: no worker yet
	struct mr_stats *whole;      // itself, for the whole
	struct mr_stats *parts;      // of the whole: its list; of a part: the next one
	char worker[32];

	// of the whole
	pthread_mutex_t lock;        // guards the lists, the texts
	struct mr_stats_task *tasks;
	_Atomic bool joined, once[MR_ONCES];
	bool partitions;             // one series a partition
	char app[256], hash[65], problem[201];
};

#endif
