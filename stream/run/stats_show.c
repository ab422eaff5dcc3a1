// What /metrics and /healthz say.
#include "run/stats_impl.h"

#define STUCK_MS 20000        // longer than any call of a worker may block
#define SILENT_MS 6000        // an end offset is asked for every two seconds

static int64_t
load(const _Atomic int64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

// The whole first, then its parts. The list only grows, at its end, under the lock.
static uint64_t
sum_of(const struct mr_stats *s, size_t cell)
{
	uint64_t sum = 0;

	for (; s; s = s->parts)
		sum += atomic_load_explicit(&s->counters[cell], memory_order_relaxed);
	return sum;
}

static void
gather(const struct mr_stats *s, size_t histogram, uint64_t buckets[MR_BUCKETS_MAX], uint64_t *sum)
{
	memset(buckets, 0, MR_BUCKETS_MAX * sizeof(buckets[0]));
	*sum = 0;
	for (; s; s = s->parts) {
		const struct mr_histogram *h = &s->histograms[histogram];
		for (size_t i = 0; i < MR_BUCKETS_MAX; i++)
			buckets[i] += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
		*sum += atomic_load_explicit(&h->sum, memory_order_relaxed);
	}
}

uint64_t
mr_stats_get(struct mr_stats *s, enum mr_stat stat)
{
	MR_ASSERT(stat < MR_STAT_COUNTERS);
	if (s == NULL)
		return 0;
	MR_ASSERT(s->whole == s);
	pthread_mutex_lock(&s->lock);
	uint64_t sum = sum_of(s, stat);
	pthread_mutex_unlock(&s->lock);
	return sum;
}

uint64_t
mr_stats_count(struct mr_stats *s, enum mr_stat stat)
{
	uint64_t buckets[MR_BUCKETS_MAX], sum, count = 0;

	MR_ASSERT(stat >= MR_STAT_COUNTERS && stat < MR_STAT_END && s->whole == s);
	pthread_mutex_lock(&s->lock);
	gather(s, stat - MR_STAT_COUNTERS, buckets, &sum);
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; i < MR_BUCKETS_MAX; i++)
		count += buckets[i];
	return count;
}

// ---- /metrics ----

static void
show_cells(const struct mr_stats *s, const struct mr_metric *m, FILE *out)
{
	uint64_t buckets[MR_BUCKETS_MAX], sum;

	if (m->type == MR_METRIC_HISTOGRAM) {
		gather(s, (size_t)m->first - MR_STAT_COUNTERS, buckets, &sum);
		mr_text_histogram(out, m, buckets, sum);
		return;
	}
	for (size_t i = 0; i < mr_metric_cells(m); i++)
		mr_text_series(out, m, m->label, m->values ? m->values[i] : "", (int64_t)sum_of(s, (size_t)m->first + i));
}

static void
show_workers(const struct mr_stats *s, const struct mr_metric *m, FILE *out)
{
	for (const struct mr_stats *p = s->parts; p; p = p->parts)
		mr_text_series(out, m, m->label, p->worker,
		    (int64_t)atomic_load_explicit(&p->counters[m->first], memory_order_relaxed));
}

// False: not known.
static bool
gauge(const struct mr_stats_task *t, const struct mr_metric *m, int64_t now_ms, int64_t *value)
{
	*value = load(&t->gauges[m->first]);
	if (*value == MR_GAUGE_UNKNOWN)
		return false;
	if (m->scale == MR_MILLIS_SINCE)
		*value = *value < now_ms ? now_ms - *value : 0;
	return true;
}

static void
show_tasks(const struct mr_stats *s, const struct mr_metric *m, int64_t now_ms, FILE *out)
{
	int64_t all = 0, value;
	char number[16];
	bool any = false;

	for (const struct mr_stats_task *t = s->tasks; t; t = t->next) {
		if (!gauge(t, m, now_ms, &value))
			continue;
		if (s->partitions) {
			snprintf(number, sizeof(number), "%d", t->partition);
			mr_text_series(out, m, m->label, number, value);
		} else if (m->across == MR_SUM) {
			all += value;
		} else if (!any || (m->across == MR_MAX ? value > all : value < all)) {
			all = value;
		}
		any = true;
	}
	if (any && !s->partitions)
		mr_text_series(out, m, NULL, NULL, all);
}

static void
show_states(const struct mr_stats *s, const struct mr_metric *m, FILE *out)
{
	int64_t in[MR_TASK_STATES] = {0};

	for (const struct mr_stats_task *t = s->tasks; t; t = t->next)
		in[atomic_load_explicit(&t->state, memory_order_relaxed)]++;
	for (size_t i = 0; i < MR_TASK_STATES; i++)
		mr_text_series(out, m, m->label, m->values[i], in[i]);
}

void
mr_stats_render(struct mr_stats *s, int64_t now_ms, FILE *out)
{
	MR_ASSERT(s->whole == s);
	pthread_mutex_lock(&s->lock);
	for (const struct mr_metric *m = mr_metrics; m->name; m++) {
		mr_text_head(out, m);
		switch (m->source) {
		case MR_FROM_CELLS:
			show_cells(s, m, out);
			break;
		case MR_FROM_WORKERS:
			show_workers(s, m, out);
			break;
		case MR_FROM_TASKS:
			show_tasks(s, m, now_ms, out);
			break;
		case MR_FROM_STATES:
			show_states(s, m, out);
			break;
		case MR_FROM_BUILD:
			mr_text_info(out, m, (const char *const[]){"version", MR_VERSION, NULL});
			break;
		case MR_FROM_CONFIG:
			mr_text_info(out, m, (const char *const[]){"app", s->app, "hash", s->hash, NULL});
			break;
		}
	}
	pthread_mutex_unlock(&s->lock);
}

// ---- /healthz ----

static size_t
task_reasons(const struct mr_stats_task *t, int64_t now_ms, FILE *out)
{
	static const char *const why[] = {"is being taken over", NULL,
	    "waits for the permission to write (the log says which)", "has been lost to another process"};
	int state = atomic_load_explicit(&t->state, memory_order_relaxed);
	int64_t asked_ms = load(&t->asked_ms), answered_ms = load(&t->answered_ms);
	size_t n = 0;

	if (state != MR_TASK_RUNNING && ++n)
		fprintf(out, "partition %d %s\n", t->partition, why[state]);
	if (atomic_load_explicit(&t->store_fails, memory_order_relaxed) && ++n)
		fprintf(out, "partition %d: the store does not answer\n", t->partition);
	// Asked often, so one answer that is old means that all questions since went unanswered.
	if (state == MR_TASK_RUNNING && asked_ms > answered_ms && now_ms - answered_ms > SILENT_MS && ++n)
		fprintf(out, "partition %d: Kafka does not answer\n", t->partition);
	return n;
}

bool
mr_stats_health(struct mr_stats *s, int64_t now_ms, FILE *out)
{
	size_t n = 0;

	MR_ASSERT(s->whole == s);
	pthread_mutex_lock(&s->lock);
	if (!atomic_load_explicit(&s->joined, memory_order_relaxed) && ++n)
		fputs("waiting for the consumer group to assign partitions\n", out);
	if (s->problem[0] && ++n)
		fprintf(out, "%s\n", s->problem);
	for (const struct mr_stats *p = s->parts; p; p = p->parts) {
		int64_t beat_ms = load(&p->beat_ms);
		if (beat_ms && now_ms - beat_ms > STUCK_MS && ++n)
			fprintf(out, "worker %s has not moved for %lld s\n", p->worker, (long long)(now_ms - beat_ms) / 1000);
	}
	for (const struct mr_stats_task *t = s->tasks; t; t = t->next)
		n += task_reasons(t, now_ms, out);
	pthread_mutex_unlock(&s->lock);
	if (n == 0)
		fputs("ok\n", out);
	return n == 0;
}
