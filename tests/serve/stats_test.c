// Cells, gauges and health: what was counted is what is shown.
#include "run/stats.h"

#include "prometheus.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#define NOW 1772359200000

static char *
render(struct mr_stats *s)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	mr_stats_render(s, NOW, out);
	fclose(out);
	return text;
}

static struct samples *
shown(struct mr_stats *s)
{
	struct samples *all = malloc(sizeof(*all));
	char *text = render(s);

	samples_read(all, text);
	cr_assert_str_eq(all->error, "");
	free(text);
	return all;
}

// Compares /healthz; `reasons` NULL: fine.
static void
expect_health(struct mr_stats *s, int64_t now_ms, const char *reasons)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	bool good = mr_stats_health(s, now_ms, out);

	fclose(out);
	cr_expect_eq(good, reasons == NULL);
	cr_expect_str_eq(text, reasons ? reasons : "ok\n");
	free(text);
}

Test(stats, a_fresh_one_shows_every_metric_and_is_well_formed)
{
	struct mr_stats *s = mr_stats_new();
	char *text = render(s), line[256];
	struct samples *all = shown(s);

	for (const struct mr_metric *m = mr_metrics; m->name; m++) {
		snprintf(line, sizeof(line), "# TYPE %s ", m->name);
		cr_expect(strstr(text, line) != NULL, "%s", m->name);
	}
	cr_expect_eq(sample_of(all, "millrace_events_applied_total", ""), 0);
	cr_expect_eq(sample_of(all, "millrace_build_info", "version=\"" MR_VERSION "\""), 1);
	cr_expect(isnan(sample_of(all, "millrace_lag_messages", "")));
	free(text);
	free(all);
	mr_stats_free(s);
}

Test(stats, the_checker_sees_what_is_wrong)
{
	static const char *const wrong[] = {
		"a 1\n", "# HELP a b\na 1\n", "# HELP a b\n# TYPE a counter\na x\n", "# HELP a b\n# TYPE a counter\na 1\na 2\n",
		"# HELP a b\n# TYPE a counter\nb 1\n", "# HELP a b\n# TYPE a counter\na{x=1} 1\n",
		"# HELP a b\n# TYPE a counter\na{x=\"\\q\"} 1\n", "# HELP a b\n# TYPE a counter\na 1",
		"# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\n",
		"# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_sum 1\n",
		"# HELP a b\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 3\n",
		"# HELP a b\n# TYPE a gauge\na 1\n# HELP a b\n# TYPE a gauge\n",
	};
	struct samples *all = malloc(sizeof(*all));

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		samples_read(all, wrong[i]);
		cr_expect_str_neq(all->error, "", "%s", wrong[i]);
	}
	free(all);
}

Test(stats, parts_are_summed)
{
	struct mr_stats *s = mr_stats_new(), *a = mr_stats_part(s, "0"), *b = mr_stats_part(s, "1");

	mr_stats_add(a, MR_STAT_EVENTS, 5);
	mr_stats_add(b, MR_STAT_EVENTS, 7);
	mr_stats_add(s, MR_STAT_REBALANCE_LOST, 1);
	mr_stats_add(b, (enum mr_stat)(MR_STAT_MESSAGES + MR_OUT_SESSION), 3);
	mr_stats_add(a, MR_STAT_BUSY_US, 1500000);
	cr_expect_eq(mr_stats_get(s, MR_STAT_EVENTS), 12);
	struct samples *all = shown(s);
	cr_expect_eq(sample_of(all, "millrace_events_applied_total", ""), 12);
	cr_expect_eq(sample_of(all, "millrace_rebalances_total", "kind=\"lost\""), 1);
	cr_expect_eq(sample_of(all, "millrace_messages_total", "output=\"session\""), 3);
	cr_expect_eq(sample_of(all, "millrace_messages_total", "output=\"action\""), 0);
	cr_expect_eq(sample_of(all, "millrace_worker_busy_seconds_total", "worker=\"0\""), 1.5);
	cr_expect_eq(sample_of(all, "millrace_worker_busy_seconds_total", "worker=\"1\""), 0);
	free(all);
	mr_stats_free(s);
}

Test(stats, observations_fall_into_their_buckets)
{
	struct mr_stats *s = mr_stats_new(), *a = mr_stats_part(s, "0");

	mr_stats_record(a, MR_STAT_EVENT_TO_ACTION, 1000);       // a bound belongs to its bucket
	mr_stats_record(a, MR_STAT_EVENT_TO_ACTION, 1001);
	mr_stats_record(s, MR_STAT_EVENT_TO_ACTION, 120000000);  // beyond the last
	mr_stats_record(a, MR_STAT_EVENT_TO_ACTION, -5);         // another machine's clock
	cr_expect_eq(mr_stats_count(s, MR_STAT_EVENT_TO_ACTION), 4);
	struct samples *all = shown(s);
	cr_expect_eq(sample_of(all, "millrace_event_to_action_seconds_bucket", "le=\"0.00005\""), 1);
	cr_expect_eq(sample_of(all, "millrace_event_to_action_seconds_bucket", "le=\"0.001\""), 2);
	cr_expect_eq(sample_of(all, "millrace_event_to_action_seconds_bucket", "le=\"0.002\""), 3);
	cr_expect_eq(sample_of(all, "millrace_event_to_action_seconds_bucket", "le=\"60\""), 3);
	cr_expect_eq(sample_of(all, "millrace_event_to_action_seconds_bucket", "le=\"+Inf\""), 4);
	cr_expect_float_eq(sample_of(all, "millrace_event_to_action_seconds_sum", ""), 120.002001, 1e-9);
	free(all);
	mr_stats_free(s);
}

Test(stats, counters_of_a_task_outlive_it)
{
	struct mr_stats *s = mr_stats_new();
	uint64_t task[MR_C_COUNT] = {0}, seen[MR_C_COUNT] = {0};

	for (int i = 0; i < MR_C_COUNT; i++)
		task[i] = (uint64_t)i + 1;
	mr_stats_counters(s, task, seen);
	mr_stats_counters(s, task, seen);   // nothing new
	task[MR_C_DUPLICATE] += 10;
	mr_stats_counters(s, task, seen);
	memset(task, 0, sizeof(task));      // another task
	memset(seen, 0, sizeof(seen));
	task[MR_C_DUPLICATE] = 1;
	mr_stats_counters(s, task, seen);
	cr_expect_eq(mr_stats_get(s, MR_STAT_DROPPED_DUPLICATE), MR_C_DUPLICATE + 1 + 10 + 1);
	cr_expect_eq(mr_stats_get(s, MR_STAT_DROPPED_LATE), MR_C_LATE_DROPPED + 1);
	cr_expect_eq(mr_stats_get(s, MR_STAT_RULES_FIRED), MR_C_RULE_FIRED + 1);
	uint64_t sum = 0;
	for (int i = 0; i < MR_STAT_COUNTERS; i++)
		sum += mr_stats_get(s, (enum mr_stat)i);
	cr_expect_eq(sum, MR_C_COUNT * (MR_C_COUNT + 1) / 2 + 11, "every counter of a task has its cell");
	cr_expect_eq(mr_stats_get(s, MR_STAT_EVENTS), 0);
	mr_stats_free(s);
}

static void
two_tasks(struct mr_stats *s, struct mr_stats_task *tasks[2])
{
	struct mr_stats *part = mr_stats_part(s, "0");

	tasks[1] = mr_stats_task_new(part, 10);
	tasks[0] = mr_stats_task_new(part, 2);
	for (int i = 0; i < 2; i++) {
		mr_stats_task_state(tasks[i], MR_TASK_RUNNING);
		mr_stats_task_set(tasks[i], MR_GAUGE_LAG, 100 + i);
		mr_stats_task_set(tasks[i], MR_GAUGE_STREAM_TIME, NOW - 1000 * (i + 1));
		mr_stats_task_set(tasks[i], MR_GAUGE_BEHIND_SINCE, i ? NOW - 2500 : MR_GAUGE_NEVER);
	}
}

Test(stats, gauges_a_partition_or_across)
{
	struct mr_stats *s = mr_stats_new();
	struct mr_stats_task *tasks[2];

	two_tasks(s, tasks);
	struct samples *all = shown(s);
	cr_expect_eq(sample_of(all, "millrace_lag_messages", "partition=\"2\""), 100);
	cr_expect_eq(sample_of(all, "millrace_lag_messages", "partition=\"10\""), 101);
	cr_expect_eq(sample_of(all, "millrace_lag_seconds", "partition=\"2\""), 0);
	cr_expect_eq(sample_of(all, "millrace_lag_seconds", "partition=\"10\""), 2.5);
	cr_expect_eq(sample_of(all, "millrace_stream_time_seconds", "partition=\"10\""), NOW / 1000 - 2);
	cr_expect(isnan(sample_of(all, "millrace_users", "partition=\"2\"")), "what is not known is not shown");
	cr_expect_eq(sample_of(all, "millrace_partitions", "state=\"running\""), 2);
	mr_stats_identity(s, MR_LIT("shop"), "c0ffee", false);
	free(all);
	all = shown(s);
	cr_expect_eq(sample_of(all, "millrace_lag_messages", ""), 201);
	cr_expect_eq(sample_of(all, "millrace_lag_seconds", ""), 2.5);
	cr_expect_eq(sample_of(all, "millrace_stream_time_seconds", ""), NOW / 1000 - 2);
	cr_expect(isnan(sample_of(all, "millrace_lag_messages", "partition=\"2\"")));
	cr_expect_eq(sample_of(all, "millrace_config_info", "app=\"shop\",hash=\"c0ffee\""), 1);
	free(all);
	mr_stats_task_free(tasks[0]);
	mr_stats_task_free(tasks[1]);
	all = shown(s);
	cr_expect_eq(sample_of(all, "millrace_partitions", "state=\"running\""), 0);
	free(all);
	mr_stats_free(s);
}

Test(stats, health_names_every_reason)
{
	struct mr_stats *s = mr_stats_new(), *part = mr_stats_part(s, "0");
	struct mr_stats_task *tasks[2];

	expect_health(s, NOW, "waiting for the consumer group to assign partitions\n");
	mr_stats_joined(s, true);
	expect_health(s, NOW, NULL);   // a member that got none
	two_tasks(s, tasks);
	expect_health(s, NOW, NULL);
	mr_stats_task_state(tasks[0], MR_TASK_STARTING);
	mr_stats_task_state(tasks[1], MR_TASK_DENIED);
	mr_stats_task_store(tasks[1], false);
	expect_health(s, NOW, "partition 2 is being taken over\npartition 10 waits for the permission to write (the log says "
	    "which)\npartition 10: the store does not answer\n");
	mr_stats_task_store(tasks[1], true);
	mr_stats_task_state(tasks[0], MR_TASK_LOST);
	mr_stats_task_state(tasks[1], MR_TASK_RUNNING);
	expect_health(s, NOW, "partition 2 has been lost to another process\n");
	mr_stats_task_state(tasks[0], MR_TASK_RUNNING);
	mr_stats_task_kafka(tasks[0], NOW, NOW - 2000);      // under way
	expect_health(s, NOW, NULL);
	expect_health(s, NOW + 60000, "partition 2: Kafka does not answer\n");
	mr_stats_task_kafka(tasks[0], NOW, NOW);
	mr_stats_beat(part, NOW - 1000);
	mr_stats_problem(s, "consumer: all\nbrokers are down");
	expect_health(s, NOW, "consumer: all brokers are down\n");
	mr_stats_problem(s, "");
	expect_health(s, NOW, NULL);
	expect_health(s, NOW + 30000, "worker 0 has not moved for 31 s\n");
	mr_stats_beat(part, NOW);
	mr_stats_joined(s, false);
	expect_health(s, NOW, "waiting for the consumer group to assign partitions\n");
	mr_stats_task_free(tasks[0]);
	mr_stats_task_free(tasks[1]);
	mr_stats_free(s);
}

Test(stats, things_are_said_once)
{
	struct mr_stats *s = mr_stats_new(), *a = mr_stats_part(s, "0"), *b = mr_stats_part(s, "1");

	cr_expect(mr_stats_first(a, MR_ONCE_WRONG_PARTITION));
	cr_expect(!mr_stats_first(b, MR_ONCE_WRONG_PARTITION));
	cr_expect(mr_stats_first(b, MR_ONCE_OLD_EVENTS));
	cr_expect(!mr_stats_first(s, MR_ONCE_OLD_EVENTS));
	mr_stats_free(s);
}

Test(stats, without_stats_nothing_is_counted)
{
	uint64_t task[MR_C_COUNT] = {3}, seen[MR_C_COUNT] = {0};

	cr_expect(mr_stats_part(NULL, "0") == NULL && mr_stats_task_new(NULL, 1) == NULL);
	mr_stats_add(NULL, MR_STAT_EVENTS, 1);
	mr_stats_record(NULL, MR_STAT_BATCH, 1);
	mr_stats_counters(NULL, task, seen);
	cr_expect_eq(seen[0], 3);
	mr_stats_task_state(NULL, MR_TASK_LOST);
	mr_stats_task_set(NULL, MR_GAUGE_LAG, 1);
	mr_stats_task_free(NULL);
	mr_stats_identity(NULL, MR_LIT("a"), "b", true);
	mr_stats_joined(NULL, true);
	mr_stats_problem(NULL, "x");
	mr_stats_beat(NULL, 1);
	cr_expect_eq(mr_stats_get(NULL, MR_STAT_EVENTS), 0);
	mr_stats_free(NULL);
}
