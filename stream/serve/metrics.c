#include "serve/metrics.h"

#include <string.h>

// A write to a store in the same machine takes tens of µs, an action some ms, a commit some tens.
static const uint64_t micros[] = {50, 100, 250, 500, 1000, 2000, 3000, 4000, 5000, 7500, 10000, 15000, 25000, 50000,
    75000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000, 0};
static const uint64_t records[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 0};

static const char *const outputs[] = {"action", "decision", "session", "dead_letter", NULL};
static const char *const drops[] = {"late", "duplicate", "malformed", "derived_excess", NULL};
static const char *const entries[] = {"trigger_too_old", "key_missing", "already_running", "again_too_soon",
    "entry_limit", "run_limit", NULL};
static const char *const rebalances[] = {"assigned", "revoked", "lost", NULL};
static const char *const states[] = {"starting", "running", "denied", "lost", NULL};

#define COUNTER .type = MR_METRIC_COUNTER
#define GAUGE .type = MR_METRIC_GAUGE
#define HISTOGRAM(b) .type = MR_METRIC_HISTOGRAM, .bounds = (b)
#define TIMES HISTOGRAM(micros), .unit = "seconds", .scale = MR_MICROS
#define TASKS(g, how) GAUGE, .source = MR_FROM_TASKS, .label = "partition", .first = (g), .across = (how)

const struct mr_metric mr_metrics[] = {
	// what goes through
	{.name = "millrace_events_applied_total", COUNTER, .unit = "events", .first = MR_STAT_EVENTS,
	    .help = "Records taken from the input topics and applied, good and bad ones alike."},
	{.name = "millrace_messages_total", COUNTER, .unit = "messages", .label = "output", .values = outputs,
	    .first = MR_STAT_MESSAGES, .help = "Messages produced, by output. One that is sent again after an abort counts again."},
	{.name = "millrace_dropped_total", COUNTER, .unit = "events", .label = "reason", .values = drops,
	    .first = MR_STAT_DROPPED_LATE, .help = "Events that changed nothing, by reason: too late for everything, a messageId "
	    "seen before, not readable (a dead letter), or one derived event too many for one input."},
	{.name = "millrace_entries_refused_total", COUNTER, .unit = "triggers", .label = "reason", .values = entries,
	    .first = MR_STAT_ENTRY_TRIGGER_TOO_OLD, .help = "Triggers that started no run of a rule, by the reason code of decisions."},
	{.name = "millrace_rules_fired_total", COUNTER, .unit = "runs", .first = MR_STAT_RULES_FIRED,
	    .help = "Runs of rules that were started."},
	{.name = "millrace_conditions_unknown_total", COUNTER, .unit = "conditions", .first = MR_STAT_CONDITIONS_UNKNOWN,
	    .help = "Conditions that ended unknown, because a value was absent, and counted as false."},
	{.name = "millrace_late_applied_total", COUNTER, .unit = "events", .first = MR_STAT_LATE_APPLIED,
	    .help = "Events behind stream time that could still be applied."},
	{.name = "millrace_clamped_total", COUNTER, .unit = "events", .first = MR_STAT_CLAMPED,
	    .help = "Events from the future whose time was set to the wall clock plus time.ahead."},
	{.name = "millrace_bounds_cut_total", COUNTER, .unit = "values", .first = MR_STAT_BOUND_CUT,
	    .help = "Things cut off at a bound of a user's record."},
	{.name = "millrace_bad_timezones_total", COUNTER, .unit = "events", .first = MR_STAT_BAD_TIMEZONE,
	    .help = "Events whose context.timezone names no known time zone."},
	{.name = "millrace_wrong_partition_total", COUNTER, .unit = "events", .first = MR_STAT_WRONG_PARTITION,
	    .help = "Records that lay on another partition than their key's hash chooses (input.events.partitioner)."},

	// how fast
	{.name = "millrace_event_to_action_seconds", TIMES, .first = MR_STAT_EVENT_TO_ACTION,
	    .help = "From the timestamp of the triggering record in Kafka to the produce of its action; timers' actions aside."},
	{.name = "millrace_drain_to_action_seconds", TIMES, .first = MR_STAT_DRAIN_TO_ACTION,
	    .help = "The part of it spent in this process: from draining the record's batch to the produce of its action."},
	{.name = "millrace_batch_records", HISTOGRAM(records), .unit = "records", .first = MR_STAT_BATCH,
	    .help = "Records drained from a partition at once."},
	{.name = "millrace_commit_seconds", TIMES, .first = MR_STAT_COMMIT_LATENCY,
	    .help = "From the beginning of a transaction's commit to its good outcome."},
	{.name = "millrace_store_read_seconds", TIMES, .first = MR_STAT_STORE_READ,
	    .help = "Reading the users of a batch from the store, failed reads included."},
	{.name = "millrace_store_write_seconds", TIMES, .first = MR_STAT_STORE_WRITE,
	    .help = "Writing one chunk of users to the store, failed writes included."},
	{.name = "millrace_worker_busy_seconds_total", COUNTER, .unit = "seconds", .label = "worker", .source = MR_FROM_WORKERS,
	    .first = MR_STAT_BUSY_US, .scale = MR_MICROS,
	    .help = "Time that a worker did not spend waiting; its rate is the busy ratio, 1 at most."},

	// how far
	{.name = "millrace_lag_messages", TASKS(MR_GAUGE_LAG, MR_SUM), .unit = "messages",
	    .help = "Records in the input topics that were not applied when their ends were last asked for."},
	{.name = "millrace_lag_seconds", TASKS(MR_GAUGE_BEHIND_SINCE, MR_MAX), .unit = "seconds", .scale = MR_MILLIS_SINCE,
	    .help = "Age of the last record applied while more of them wait; 0 where none does."},
	{.name = "millrace_stream_time_seconds", TASKS(MR_GAUGE_STREAM_TIME, MR_MIN), .unit = "seconds", .scale = MR_MILLIS,
	    .help = "Stream time (the watermark) in seconds since 1970; absent before the first event."},
	{.name = "millrace_write_behind_age_seconds", TASKS(MR_GAUGE_UNWRITTEN_SINCE, MR_MAX), .unit = "seconds",
	    .scale = MR_MILLIS_SINCE, .help = "Upper bound of the age of the oldest change that is not in the store; 0 where all are."},
	{.name = "millrace_write_behind_bytes", TASKS(MR_GAUGE_HELD_BYTES, MR_SUM), .unit = "bytes",
	    .help = "Encoded users that the store has not acknowledged."},
	{.name = "millrace_pages_written_total", COUNTER, .unit = "pages", .first = MR_STAT_PAGES_WRITTEN,
	    .help = "Users' records that the store acknowledged."},

	// state
	{.name = "millrace_users", TASKS(MR_GAUGE_USERS, MR_SUM), .unit = "users", .help = "Users in memory."},
	{.name = "millrace_user_bytes", TASKS(MR_GAUGE_USER_BYTES, MR_SUM), .unit = "bytes",
	    .help = "Memory that their records take; limits.user_memory bounds it."},
	{.name = "millrace_timer_users", TASKS(MR_GAUGE_TIMER_USERS, MR_SUM), .unit = "users",
	    .help = "Users in memory with timers pending."},
	{.name = "millrace_ticks_total", COUNTER, .unit = "ticks", .first = MR_STAT_TICKS,
	    .help = "Moves of stream time by the clock instead of an event."},
	{.name = "millrace_partitions", GAUGE, .unit = "partitions", .label = "state", .values = states, .source = MR_FROM_STATES,
	    .help = "Partitions assigned to this process: starting (being taken over), running, denied (waiting for a "
	    "permission), lost (another has it)."},

	// what went wrong, or moved
	{.name = "millrace_commits_total", COUNTER, .unit = "transactions", .first = MR_STAT_COMMITS,
	    .help = "Transactions committed."},
	{.name = "millrace_aborts_total", COUNTER, .unit = "transactions", .first = MR_STAT_ABORTS,
	    .help = "Transactions aborted and sent again."},
	{.name = "millrace_takeovers_total", COUNTER, .unit = "partitions", .first = MR_STAT_TAKEOVERS,
	    .help = "Partitions taken over, at start-up, in a rebalance or after an error."},
	{.name = "millrace_replayed_total", COUNTER, .unit = "inputs", .first = MR_STAT_REPLAYED,
	    .help = "Records applied once more at take-overs, because the store did not have what they changed."},
	{.name = "millrace_lost_inputs_total", COUNTER, .unit = "inputs", .first = MR_STAT_GAPS,
	    .help = "Records that Kafka no longer kept when they had to be applied: profiles miss them."},
	{.name = "millrace_rebalances_total", COUNTER, .unit = "rebalances", .label = "kind", .values = rebalances,
	    .first = MR_STAT_REBALANCE_ASSIGNED, .help = "What the consumer group told: partitions assigned, revoked, or lost."},
	{.name = "millrace_denied_writes_total", COUNTER, .unit = "writes", .first = MR_STAT_DENIED,
	    .help = "Writes refused for want of a permission; the partition waits and tries again."},
	{.name = "millrace_store_errors_total", COUNTER, .unit = "calls", .first = MR_STAT_STORE_ERRORS,
	    .help = "Calls to the store that failed."},

	// which
	{.name = "millrace_build_info", GAUGE, .unit = "1", .label = "version", .source = MR_FROM_BUILD,
	    .help = "Always 1; the version of this program."},
	{.name = "millrace_config_info", GAUGE, .unit = "1", .label = "app,hash", .source = MR_FROM_CONFIG,
	    .help = "Always 1; the application and the hash of the configuration in force."},
	{0},
};

size_t
mr_metric_bounds(const struct mr_metric *m)
{
	size_t n = 0;

	while (m->bounds && m->bounds[n])
		n++;
	MR_ASSERT(n < MR_BUCKETS_MAX);
	return n;
}

size_t
mr_metric_cells(const struct mr_metric *m)
{
	size_t n = 0;

	MR_ASSERT(m->source == MR_FROM_CELLS);
	while (m->values && m->values[n])
		n++;
	return n ? n : 1;
}

const struct mr_metric *
mr_metric_of(enum mr_stat histogram)
{
	const struct mr_metric *m = mr_metrics;

	MR_ASSERT(histogram >= MR_STAT_COUNTERS && histogram < MR_STAT_END);
	while (m->name && (m->type != MR_METRIC_HISTOGRAM || m->first != (int)histogram))
		m++;
	MR_ASSERT(m->name != NULL);
	return m;
}

static void
reference_row(FILE *out, const struct mr_metric *m)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};

	fprintf(out, "| `%s` | %s | %s | ", m->name, types[m->type], m->unit);
	if (m->label)
		fprintf(out, "`%s`", m->label);
	for (size_t i = 0; m->values && m->values[i]; i++)
		fprintf(out, "%s %s", i ? "," : ":", m->values[i]);
	fprintf(out, " | %s |\n", m->help);
}

static void
reference_buckets(FILE *out)
{
	fputs("\n## Buckets\n\nUpper bounds in the unit of the metric; the last bucket is `+Inf`.\n\n| metric | bounds |\n|---|---|\n", out);
	for (const struct mr_metric *m = mr_metrics; m->name; m++) {
		if (m->type != MR_METRIC_HISTOGRAM)
			continue;
		fprintf(out, "| `%s` |", m->name);
		for (size_t i = 0; i < mr_metric_bounds(m); i++) {
			char text[32];
			mr_text_number(text, m->scale, (int64_t)m->bounds[i]);
			fprintf(out, "%s %s", i ? "," : "", text);
		}
		fputs(" |\n", out);
	}
}

void
mr_metrics_reference(FILE *out)
{
	static const char *const across[] = {"sum", "greatest", "least"};

	fputs("# Metrics\n\n"
	      "What `millrace run` shows at `/metrics`, in Prometheus' text format, from the table that the program itself\n"
	      "reads. This page is made by `millrace echo --metrics`, and a test compares the two.\n\n"
	      "The address is `serve.listen` (default `127.0.0.1:9464`; port 0 takes a free one and logs it; `off` for none).\n"
	      "No label ever holds a user's id. Counters start at 0 with the process. What a take-over replays counts as\n"
	      "`millrace_replayed_total` and nowhere else.\n\n"
	      "`/healthz` answers 200 and `ok` when every assigned partition is running and Kafka and the store answer;\n"
	      "otherwise 503 and one line a reason.\n\n"
	      "| metric | type | unit | label | what it is |\n|---|---|---|---|---|\n", out);
	for (const struct mr_metric *m = mr_metrics; m->name; m++)
		reference_row(out, m);
	fputs("\n## Partitions\n\nWith `serve.partitions: false` there is one series without the label instead of one a partition:\n\n"
	      "| metric | one series is |\n|---|---|\n", out);
	for (const struct mr_metric *m = mr_metrics; m->name; m++)
		if (m->source == MR_FROM_TASKS)
			fprintf(out, "| `%s` | the %s over all partitions |\n", m->name, across[m->across]);
	reference_buckets(out);
	fputs("\n## Questions that are asked often\n\n"
	      "    rate(millrace_worker_busy_seconds_total[1m])                                      # busy ratio of each worker\n"
	      "    histogram_quantile(0.99, sum by (le) (rate(millrace_event_to_action_seconds_bucket[5m])))\n"
	      "    max(millrace_lag_seconds)                                                         # how far behind\n"
	      "    sum by (reason) (rate(millrace_dropped_total[5m]))                                # what is dropped, and why\n"
	      "    time() - min(millrace_stream_time_seconds)                                        # stream time behind the wall clock\n",
	    out);
}
