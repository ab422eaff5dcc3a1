// The one table of all that a running process measures: what /metrics shows, what docs/metrics.md
// explains, and which cell of the counters (run/stats.h) each series is read from.
#ifndef MR_SERVE_METRICS_H
#define MR_SERVE_METRICS_H

#include <millrace/operator.h>

#include <stdio.h>

// Cells of counters and histograms. A labelled metric has one cell for each value of its label,
// one after another, in the order of its table row.
enum mr_stat {
	MR_STAT_EVENTS,
	MR_STAT_MESSAGES,                            // + enum mr_output
	MR_STAT_DROPPED_LATE = MR_STAT_MESSAGES + MR_OUTPUTS,
	MR_STAT_DROPPED_DUPLICATE,
	MR_STAT_DROPPED_MALFORMED,
	MR_STAT_DROPPED_DERIVED,
	MR_STAT_ENTRY_TRIGGER_TOO_OLD,
	MR_STAT_ENTRY_KEY_MISSING,
	MR_STAT_ENTRY_ALREADY_RUNNING,
	MR_STAT_ENTRY_AGAIN_TOO_SOON,
	MR_STAT_ENTRY_LIMIT,
	MR_STAT_ENTRY_RUN_LIMIT,
	MR_STAT_RULES_FIRED,
	MR_STAT_CONDITIONS_UNKNOWN,
	MR_STAT_LATE_APPLIED,
	MR_STAT_CLAMPED,
	MR_STAT_BOUND_CUT,
	MR_STAT_BAD_TIMEZONE,
	MR_STAT_WRONG_PARTITION,
	MR_STAT_TICKS,
	MR_STAT_COMMITS,
	MR_STAT_ABORTS,
	MR_STAT_TAKEOVERS,
	MR_STAT_REPLAYED,
	MR_STAT_GAPS,
	MR_STAT_REBALANCE_ASSIGNED,
	MR_STAT_REBALANCE_REVOKED,
	MR_STAT_REBALANCE_LOST,
	MR_STAT_DENIED,
	MR_STAT_STORE_ERRORS,
	MR_STAT_PAGES_WRITTEN,
	MR_STAT_BUSY_US,
	MR_STAT_COUNTERS,
	// histograms; times in µs
	MR_STAT_EVENT_TO_ACTION = MR_STAT_COUNTERS,  // record's timestamp to produce
	MR_STAT_DRAIN_TO_ACTION,                     // drained from its queue to produce
	MR_STAT_BATCH,
	MR_STAT_COMMIT_LATENCY,                      // commit begun to its outcome
	MR_STAT_STORE_READ,
	MR_STAT_STORE_WRITE,
	MR_STAT_END
};

// What is known of a task at the moment. Times are wall-clock ms.
enum mr_gauge {
	MR_GAUGE_LAG,               // messages
	MR_GAUGE_BEHIND_SINCE,      // timestamp of the last record applied, where more wait; else ahead of all time
	MR_GAUGE_STREAM_TIME,
	MR_GAUGE_USERS,
	MR_GAUGE_USER_BYTES,
	MR_GAUGE_TIMER_USERS,
	MR_GAUGE_HELD_BYTES,
	MR_GAUGE_UNWRITTEN_SINCE,   // nothing changed before then is unwritten
	MR_GAUGES
};
#define MR_GAUGE_UNKNOWN INT64_MIN   // the series is left out
#define MR_GAUGE_NEVER INT64_MAX     // of a "since": now, so 0 s

// Where a task stands.
enum mr_task_state {
	MR_TASK_STARTING,           // to be taken over, or being so
	MR_TASK_RUNNING,
	MR_TASK_DENIED,
	MR_TASK_LOST,
	MR_TASK_STATES
};

enum mr_metric_type { MR_METRIC_COUNTER, MR_METRIC_GAUGE, MR_METRIC_HISTOGRAM };

enum mr_metric_source {
	MR_FROM_CELLS,              // the sum over all workers; one series, or one a value of the label
	MR_FROM_WORKERS,            // a cell, one series a worker
	MR_FROM_TASKS,              // a gauge, one series a partition, or one for all of them
	MR_FROM_STATES,             // how many tasks are in each state
	MR_FROM_BUILD,
	MR_FROM_CONFIG,
};

enum mr_scale { MR_AS_IS, MR_MICROS, MR_MILLIS, MR_MILLIS_SINCE };   // of the cell, to the unit
enum mr_across { MR_SUM, MR_MAX, MR_MIN };   // one series instead of one a partition

struct mr_metric {
	const char *name;
	enum mr_metric_type type;
	const char *unit;           // "seconds", "bytes"; else what is counted
	const char *label;          // comma-separated; NULL: none
	const char *const *values;  // of the label, where they are known; ends with NULL
	const char *help;
	enum mr_metric_source source;
	int first;                  // enum mr_stat or enum mr_gauge
	enum mr_scale scale;
	enum mr_across across;
	const uint64_t *bounds;     // histograms: upper bounds, as the cells are scaled; ends with 0
};

extern const struct mr_metric mr_metrics[];   // ends with a NULL name

#define MR_BUCKETS_MAX 32
size_t mr_metric_bounds(const struct mr_metric *);                // number of bounds
size_t mr_metric_cells(const struct mr_metric *);                 // MR_FROM_CELLS: how many, from `first`
const struct mr_metric *mr_metric_of(enum mr_stat histogram);

// The table as a page in Markdown: docs/metrics.md.
void mr_metrics_reference(FILE *);

// ---- Prometheus' text format, version 0.0.4 (text.c) ----
#define MR_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

// A cell in the unit of its metric, in full: 1500 µs is 0.0015. out holds 32 bytes.
void mr_text_number(char *out, enum mr_scale, int64_t cell);
void mr_text_head(FILE *, const struct mr_metric *);
// label NULL: none. `value` is a cell: written as the metric's scale says, in full, without rounding.
void mr_text_series(FILE *, const struct mr_metric *, const char *label, const char *value_of_label, int64_t value);
// An information metric: value 1, labels by name, in pairs that end with NULL.
void mr_text_info(FILE *, const struct mr_metric *, const char *const *pairs);
// buckets: one for each bound, and one for the rest; not cumulative.
void mr_text_histogram(FILE *, const struct mr_metric *, const uint64_t *buckets, uint64_t sum);

#endif
