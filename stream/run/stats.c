#include "run/stats_impl.h"

#include <stdlib.h>

// Where the counters of tasks go.
static const uint8_t cells[MR_C_COUNT] = {
	[MR_C_LATE_DROPPED] = MR_STAT_DROPPED_LATE,
	[MR_C_LATE_APPLIED] = MR_STAT_LATE_APPLIED,
	[MR_C_DUPLICATE] = MR_STAT_DROPPED_DUPLICATE,
	[MR_C_CONDITION_UNKNOWN] = MR_STAT_CONDITIONS_UNKNOWN,
	[MR_C_DERIVED_EXCESS] = MR_STAT_DROPPED_DERIVED,
	[MR_C_BOUND_CUT] = MR_STAT_BOUND_CUT,
	[MR_C_ENTRY_TRIGGER_TOO_OLD] = MR_STAT_ENTRY_TRIGGER_TOO_OLD,
	[MR_C_ENTRY_KEY_MISSING] = MR_STAT_ENTRY_KEY_MISSING,
	[MR_C_ENTRY_ALREADY_RUNNING] = MR_STAT_ENTRY_ALREADY_RUNNING,
	[MR_C_ENTRY_AGAIN_TOO_SOON] = MR_STAT_ENTRY_AGAIN_TOO_SOON,
	[MR_C_ENTRY_LIMIT] = MR_STAT_ENTRY_LIMIT,
	[MR_C_ENTRY_RUN_LIMIT] = MR_STAT_ENTRY_RUN_LIMIT,
	[MR_C_BAD_TIMEZONE] = MR_STAT_BAD_TIMEZONE,
	[MR_C_WRONG_PARTITION] = MR_STAT_WRONG_PARTITION,
	[MR_C_CLAMPED] = MR_STAT_CLAMPED,
	[MR_C_MALFORMED] = MR_STAT_DROPPED_MALFORMED,
	[MR_C_RULE_FIRED] = MR_STAT_RULES_FIRED,
};
_Static_assert(MR_C_RULE_FIRED + 1 == MR_C_COUNT, "a new counter needs a cell here, and a row in serve/metrics.c");
_Static_assert(MR_STAT_COUNTERS < 256, "cells are bytes");
_Static_assert(MR_STAT_EVENTS == 0, "no task counter goes there: 0 is a cell that was forgotten");

static struct mr_stats *
block_new(void)
{
	struct mr_stats *s = aligned_alloc(_Alignof(struct mr_stats), sizeof(*s));

	MR_ASSERT(s != NULL);
	memset(s, 0, sizeof(*s));
	for (int i = 0; i < MR_HISTOGRAMS; i++)
		s->bounds[i] = mr_metric_of((enum mr_stat)(MR_STAT_COUNTERS + i))->bounds;
	return s;
}

struct mr_stats *
mr_stats_new(void)
{
	struct mr_stats *s = block_new();

	s->whole = s;
	s->partitions = true;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void
mr_stats_free(struct mr_stats *s)
{
	if (s == NULL)
		return;
	MR_ASSERT(s->whole == s && s->tasks == NULL);
	for (struct mr_stats *p = s->parts, *next; p; p = next) {
		next = p->parts;
		free(p);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct mr_stats *
mr_stats_part(struct mr_stats *whole, const char *worker)
{
	if (whole == NULL)
		return NULL;
	MR_ASSERT(whole->whole == whole);
	struct mr_stats *p = block_new();
	p->whole = whole;
	snprintf(p->worker, sizeof(p->worker), "%s", worker);
	pthread_mutex_lock(&whole->lock);
	struct mr_stats **end = &whole->parts;
	while (*end)
		end = &(*end)->parts;
	*end = p;
	pthread_mutex_unlock(&whole->lock);
	return p;
}

// ---- cells ----

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
mr_stats_record(struct mr_stats *s, enum mr_stat stat, int64_t value)
{
	MR_ASSERT(stat >= MR_STAT_COUNTERS && stat < MR_STAT_END);
	if (s == NULL)
		return;
	const uint64_t *bounds = s->bounds[stat - MR_STAT_COUNTERS];
	struct mr_histogram *h = &s->histograms[stat - MR_STAT_COUNTERS];
	uint64_t v = value > 0 ? (uint64_t)value : 0;   // clocks of two machines may differ
	size_t bucket = 0;

	while (bounds[bucket] && v > bounds[bucket])
		bucket++;
	add(&h->buckets[bucket], 1);
	add(&h->sum, v);
}

void
mr_stats_counters(struct mr_stats *s, const uint64_t *counters, uint64_t *seen)
{
	for (size_t i = 0; i < MR_C_COUNT; i++) {
		if (counters[i] == seen[i])
			continue;
		MR_ASSERT(counters[i] > seen[i] && cells[i] != 0);
		mr_stats_add(s, (enum mr_stat)cells[i], counters[i] - seen[i]);
		seen[i] = counters[i];
	}
}

bool
mr_stats_first(struct mr_stats *s, enum mr_once what)
{
	MR_ASSERT(what < MR_ONCES);
	return s == NULL || !atomic_exchange(&s->whole->once[what], true);
}

// ---- tasks ----

struct mr_stats_task *
mr_stats_task_new(struct mr_stats *s, int32_t partition)
{
	if (s == NULL)
		return NULL;
	struct mr_stats_task *t = calloc(1, sizeof(*t));
	MR_ASSERT(t != NULL);
	t->whole = s->whole;
	t->partition = partition;
	for (size_t i = 0; i < MR_GAUGES; i++)
		atomic_init(&t->gauges[i], MR_GAUGE_UNKNOWN);
	pthread_mutex_lock(&s->whole->lock);
	struct mr_stats_task **at = &s->whole->tasks;   // in the order of partitions
	while (*at && (*at)->partition < partition)
		at = &(*at)->next;
	t->next = *at;
	*at = t;
	pthread_mutex_unlock(&s->whole->lock);
	return t;
}

void
mr_stats_task_free(struct mr_stats_task *t)
{
	if (t == NULL)
		return;
	pthread_mutex_lock(&t->whole->lock);
	struct mr_stats_task **at = &t->whole->tasks;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	pthread_mutex_unlock(&t->whole->lock);
	free(t);
}

void
mr_stats_task_state(struct mr_stats_task *t, enum mr_task_state state)
{
	MR_ASSERT(state < MR_TASK_STATES);
	if (t)
		atomic_store_explicit(&t->state, (int)state, memory_order_relaxed);
}

void
mr_stats_task_set(struct mr_stats_task *t, enum mr_gauge gauge, int64_t value)
{
	MR_ASSERT(gauge < MR_GAUGES);
	if (t)
		atomic_store_explicit(&t->gauges[gauge], value, memory_order_relaxed);
}

void
mr_stats_task_store(struct mr_stats_task *t, bool answers)
{
	if (t)
		atomic_store_explicit(&t->store_fails, !answers, memory_order_relaxed);
}

void
mr_stats_task_kafka(struct mr_stats_task *t, int64_t asked_ms, int64_t answered_ms)
{
	if (t == NULL)
		return;
	atomic_store_explicit(&t->asked_ms, asked_ms, memory_order_relaxed);
	atomic_store_explicit(&t->answered_ms, answered_ms, memory_order_relaxed);
}

// ---- the process ----

void
mr_stats_identity(struct mr_stats *s, struct mr_str app, const char *hash, bool partitions)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	snprintf(s->app, sizeof(s->app), "%.*s", (int)(app.n < 255 ? app.n : 255), app.n ? app.p : "");
	snprintf(s->hash, sizeof(s->hash), "%s", hash);
	s->partitions = partitions;
	pthread_mutex_unlock(&s->lock);
}

void
mr_stats_joined(struct mr_stats *s, bool joined)
{
	if (s)
		atomic_store_explicit(&s->joined, joined, memory_order_relaxed);
}

void
mr_stats_problem(struct mr_stats *s, const char *text)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	snprintf(s->problem, sizeof(s->problem), "%s", text);
	for (char *p = s->problem; *p; p++)
		*p = *p == '\n' ? ' ' : *p;   // one line a reason
	pthread_mutex_unlock(&s->lock);
}

void
mr_stats_beat(struct mr_stats *s, int64_t now_ms)
{
	if (s)
		atomic_store_explicit(&s->beat_ms, now_ms, memory_order_relaxed);
}
