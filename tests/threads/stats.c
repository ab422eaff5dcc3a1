// Workers that count, tasks that come and go, and somebody who looks all the while. No count is lost.
#include "run/stats.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define WORKERS 4
#define ROUNDS 10000

struct worker {
	struct mr_stats *whole, *stats;
	int number;
	pthread_t id;
};

static _Atomic int working;

static void *
work(void *arg)
{
	struct worker *w = arg;
	uint64_t task[MR_C_COUNT] = {0}, seen[MR_C_COUNT] = {0};
	struct mr_stats_task *t = NULL;

	for (int i = 0; i < ROUNDS; i++) {
		if (i % 100 == 0) {
			mr_stats_task_free(t);
			t = mr_stats_task_new(w->stats, w->number);
		}
		mr_stats_add(w->stats, MR_STAT_EVENTS, 3);
		mr_stats_add(w->whole, MR_STAT_REBALANCE_ASSIGNED, 1);   // the one cell that all of them write to
		mr_stats_record(w->stats, MR_STAT_EVENT_TO_ACTION, i);
		task[MR_C_DUPLICATE] += 2;
		mr_stats_counters(w->stats, task, seen);
		mr_stats_task_state(t, i % 7 ? MR_TASK_RUNNING : MR_TASK_STARTING);
		for (int g = 0; g < MR_GAUGES; g++)
			mr_stats_task_set(t, (enum mr_gauge)g, i);
		mr_stats_task_store(t, i % 5 != 0);
		mr_stats_task_kafka(t, i, i - 1);
		mr_stats_beat(w->stats, i);
		mr_stats_joined(w->whole, true);
		mr_stats_problem(w->whole, i % 3 ? "" : "a problem");
		mr_stats_first(w->stats, MR_ONCE_OLD_EVENTS);
	}
	mr_stats_task_free(t);
	atomic_fetch_sub(&working, 1);
	return NULL;
}

static uint64_t
look(struct mr_stats *s)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	MR_ASSERT(out != NULL);
	mr_stats_render(s, 1, out);
	mr_stats_health(s, 1, out);
	MR_ASSERT(fclose(out) == 0 && n > 1000);
	free(text);
	return mr_stats_get(s, MR_STAT_EVENTS);
}

int
main(void)
{
	struct mr_stats *s = mr_stats_new();
	struct worker workers[WORKERS];
	uint64_t before = 0;
	char name[16];
	int looks = 0;

	atomic_store(&working, WORKERS);
	for (int i = 0; i < WORKERS; i++) {
		snprintf(name, sizeof(name), "%d", i);
		workers[i] = (struct worker){.whole = s, .stats = mr_stats_part(s, name), .number = i % 2};
		MR_ASSERT(pthread_create(&workers[i].id, NULL, work, &workers[i]) == 0);
	}
	for (; atomic_load(&working) > 0; looks++) {
		uint64_t now = look(s);
		MR_ASSERT(now >= before);
		before = now;
		mr_stats_identity(s, MR_LIT("app"), "hash", looks % 2);
	}
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i].id, NULL);
	MR_ASSERT(look(s) == 3 * WORKERS * ROUNDS);
	MR_ASSERT(mr_stats_get(s, MR_STAT_REBALANCE_ASSIGNED) == WORKERS * ROUNDS);
	MR_ASSERT(mr_stats_get(s, MR_STAT_DROPPED_DUPLICATE) == 2 * WORKERS * ROUNDS);
	MR_ASSERT(mr_stats_count(s, MR_STAT_EVENT_TO_ACTION) == WORKERS * ROUNDS);
	printf("%d looks while %d workers counted\n", looks, WORKERS);
	mr_stats_free(s);
	return 0;
}
