// An operator: one file with one `const struct mr_operator`. It sees a context with time, event and
// its own state of one user, and functions to set a timer, derive an event, or emit a message.
// It can't see a clock, a socket or another user, and keeps nothing outside the user's state.
#ifndef MILLRACE_OPERATOR_H
#define MILLRACE_OPERATOR_H

#include "base.h"
#include "event.h"
#include "setup.h"
#include "writer.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mr_task;
struct mr_user;

// What is at hand while one input is applied. Read-only for operators.
struct mr_ctx {
	int64_t now_ms;                // stream time
	const struct mr_event *event;  // NULL while a timer fires
	struct mr_str user;
	struct mr_origin origin;       // of the last record applied for the user
	const char *rule_set;          // 32 hex digits: the configuration in force
	struct mr_arena *arena;        // scratch until the input has been applied
	struct mr_mem *mem;            // the user's
	struct mr_task *task;
	struct mr_user *record;
	uint16_t op;                   // the running operator
};

struct mr_timer {
	uint64_t key;     // chosen by the operator
	int64_t due_ms;
};

// A map within an operator's map, for the docs: "*" stands for any name, "[]" for an item of a list
// ("*.then[].send" of rules). The operator hands the same table to mr_setup_params.
struct mr_inner {
	const char *path;
	const struct mr_param *params;
};

struct mr_operator {
	const char *name;              // its key in the configuration and in the stored record
	const struct mr_param *params; // of its map in the configuration; NULL: it reads the node itself
	uint16_t version;              // of the stored state; older ones are decoded for ever
	bool always;                   // set up even where the configuration doesn't name it
	const char *text;              // one line for the docs; may be NULL
	const struct mr_inner *inner;  // ends with path NULL; may be NULL

	// Fills a configuration of its own (mr_setup_alloc) or notes errors and returns NULL.
	// `node` is NULL where the key is absent and `always` is set. Called in the order of the pipeline.
	void *(*setup)(struct mr_setup *, const struct mr_node *node);
	// Second round, after all operators offered their names: expressions are compiled here.
	// NULL: none needed. False after an error.
	bool (*compile)(struct mr_setup *, void *conf);

	size_t (*state_size)(const void *conf);   // bytes in the user's record, zeroed at first
	void (*on_event)(struct mr_ctx *, const void *conf, void *state);
	void (*on_timer)(struct mr_ctx *, const void *conf, void *state, const struct mr_timer *);
	// A value offered by mr_setup_offer, as of ctx->now_ms. Must not change state.
	struct mr_value (*read)(struct mr_ctx *, const void *conf, const void *state, uint32_t index);

	// True: nothing worth keeping (the record may be deleted). NULL: judged by bytes being zero.
	bool (*empty)(const void *conf, const void *state);
	// One msgpack item, an array that begins with the version.
	void (*encode)(const void *conf, const void *state, struct mr_writer *);
	// Fills a zeroed state. False: not decodable (the page is refused, loudly).
	bool (*decode)(const void *conf, void *state, struct mr_mem *, struct mr_reader *);
	// Frees what the state points to (mr_mem_resize to 0). NULL: it points to nothing.
	void (*release)(const void *conf, void *state, struct mr_mem *);
};

// ---- timers: per (user, operator, key), kept in the user's record ----

// Sets or moves the timer. It fires once stream time has reached due + time.grace.
void mr_timer_set(struct mr_ctx *, uint64_t key, int64_t due_ms);
void mr_timer_clear(struct mr_ctx *, uint64_t key);
// INT64_MAX where it is not set.
int64_t mr_timer_due(const struct mr_ctx *, uint64_t key);

// ---- values of other operators ----
struct mr_value mr_user_value(struct mr_ctx *, int32_t number);

// ---- expressions ----

// Values by number for each space beyond MR_SPACE_EVENT (which is ctx->event); NULL: all absent.
struct mr_frame {
	const struct mr_value *spaces[MR_SPACE_MAX];
	uint32_t sizes[MR_SPACE_MAX];
};

// frame may be NULL. Unknown and absent results come back as MR_UNKNOWN / MR_ABSENT.
struct mr_value mr_eval(struct mr_ctx *, const struct mr_expr *, const struct mr_frame *);
// Whether the last mr_eval or mr_test was cut short: it went over the bound on an expression's cost.
bool mr_eval_spent(const struct mr_ctx *);
// True only for true; an unknown result is counted (condition_unknown).
bool mr_test(struct mr_ctx *, const struct mr_expr *, const struct mr_frame *);

// ---- derived events ----

// Applied to the whole pipeline right after the present input, with its time. False where the
// bound (depth 4, 16 an input) is reached: counted, dropped.
// `members` (at most 64) become event.properties.*; they and their strings must live in ctx->arena.
// What nobody reads (below) may be left out.
bool mr_derive(struct mr_ctx *, int32_t name_id, struct mr_str name, const struct mr_member *members, uint32_t n);
// Whether any expression reads event.properties.KEY.
bool mr_derive_reads(const struct mr_ctx *, struct mr_str key);

// ---- messages out ----

enum mr_output { MR_OUT_ACTION, MR_OUT_DECISION, MR_OUT_SESSION, MR_OUT_DEAD_LETTER, MR_OUTPUTS };

struct mr_message {
	enum mr_output output;
	struct mr_str channel;        // actions only: chooses the topic
	char id[33];                  // ce_id
	int64_t expires_ms;           // 0: never
	struct mr_str traceparent;    // may be empty
};

// Begins a message; write its body as ONE map to the writer returned, then end it. The context adds
// type, time (ctx->now_ms), subject, partition key and sequence. Between begin and end, no other emit.
struct mr_writer *mr_emit_begin(struct mr_ctx *, const struct mr_message *);
// False: the body is over its bound and was dropped (emit a decision `too_large` instead).
bool mr_emit_end(struct mr_ctx *);
// Whether anybody takes that output (an output that is `off` need not be encoded).
bool mr_emit_wanted(const struct mr_ctx *, enum mr_output);
// Whether refused entries are written, or only counted (output.decisions.entry).
bool mr_emit_entry_decisions(const struct mr_ctx *);
// Whether actions say why (output.explain).
bool mr_emit_explain(const struct mr_ctx *);

// ---- counters: shown in /metrics as millrace_<operator>_<name>_total ----
enum mr_counter {
	MR_C_LATE_DROPPED,          // too late for everything
	MR_C_LATE_APPLIED,
	MR_C_DUPLICATE,
	MR_C_CONDITION_UNKNOWN,
	MR_C_DERIVED_EXCESS,
	MR_C_BOUND_CUT,             // something was cut at a bound of a user's record
	MR_C_ENTRY_TRIGGER_TOO_OLD,
	MR_C_ENTRY_KEY_MISSING,
	MR_C_ENTRY_ALREADY_RUNNING,
	MR_C_ENTRY_AGAIN_TOO_SOON,
	MR_C_ENTRY_LIMIT,
	MR_C_ENTRY_RUN_LIMIT,
	MR_C_BAD_TIMEZONE,
	MR_C_WRONG_PARTITION,
	MR_C_CLAMPED,               // event time beyond bound + time.ahead
	MR_C_MALFORMED,             // dead letters
	MR_C_RULE_FIRED,
	MR_C_COUNT
};
void mr_count(struct mr_ctx *, enum mr_counter);

// Time zone of the user for calendar rules: the last valid context.timezone, else time.zone.
// Start of the local calendar unit that `ms` lies in, and local parts, in that zone.
int64_t mr_local_start(struct mr_ctx *, enum mr_calendar, int64_t ms);
int64_t mr_local_next(struct mr_ctx *, enum mr_calendar, int64_t ms);  // start of the next unit
// Whether the machine's zone data has that name ("Europe/London").
bool mr_zone_known(const struct mr_ctx *, struct mr_str name);

#ifdef __cplusplus
}
#endif
#endif
