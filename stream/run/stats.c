#include "run/stats.h"

#include <stdatomic.h>
#include <stdlib.h>

#define BUCKETS 16   // upper bounds 1, 2, 4 … ms; the last takes the rest

struct histogram {
	_Atomic uint64_t buckets[BUCKETS], sum_ms, count;
};

struct mr_stats {
	_Atomic uint64_t counters[MR_STAT_COUNTERS];
	struct histogram histograms[MR_STAT_END - MR_STAT_COUNTERS];
};

struct mr_stats *
mr_stats_new(void)
{
	struct mr_stats *s = calloc(1, sizeof(*s));

	MR_ASSERT(s != NULL);
	return s;
}

void
mr_stats_free(struct mr_stats *s)
{
	free(s);
}

static void
add(_Atomic uint64_t *to, uint64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

void
mr_stats_add(struct mr_stats *s, enum mr_stat stat, uint64_t n)
{
	MR_ASSERT(stat < MR_STAT_COUNTERS);
	if (s)
		add(&s->counters[stat], n);
}

void
mr_stats_observe(struct mr_stats *s, enum mr_stat stat, int64_t ms)
{
	int bucket = 0;

	MR_ASSERT(stat >= MR_STAT_COUNTERS && stat < MR_STAT_END);
	if (s == NULL)
		return;
	struct histogram *h = &s->histograms[stat - MR_STAT_COUNTERS];
	while (bucket < BUCKETS - 1 && ms > (int64_t)1 << bucket)
		bucket++;
	add(&h->buckets[bucket], 1);
	add(&h->sum_ms, ms > 0 ? (uint64_t)ms : 0);
	add(&h->count, 1);
}

uint64_t
mr_stats_get(const struct mr_stats *s, enum mr_stat stat)
{
	MR_ASSERT(stat < MR_STAT_COUNTERS);
	return atomic_load_explicit(&s->counters[stat], memory_order_relaxed);
}
