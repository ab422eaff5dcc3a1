// Setting up: what an operator may ask for while the configuration is loaded.
// Thread: any, one configuration at a time. Nothing here is called once events flow.
#ifndef MILLRACE_SETUP_H
#define MILLRACE_SETUP_H

#include "base.h"
#include "writer.h"

#ifdef __cplusplus
extern "C" {
#endif

// A piece of the configuration file, with its position. Lives as long as the setup.
enum mr_node_kind { MR_NODE_SCALAR, MR_NODE_LIST, MR_NODE_MAP };

struct mr_node {
	enum mr_node_kind kind;
	struct mr_str text;              // scalar: as written, unquoted
	bool quoted;                     // scalar: was quoted (so never a number, boolean or null)
	const char *file;
	uint32_t line, column;           // from 1
	uint32_t n;                      // items, or members
	const struct mr_node **keys;     // map: scalar nodes
	const struct mr_node **values;   // map: values; list: items
};

// NULL where the key is absent. `map` may be NULL.
const struct mr_node *mr_node_get(const struct mr_node *map, const char *key);

struct mr_setup;   // the configuration being loaded

// Notes an error at a node: "file:line:column: TEXT". Say what is wrong and what would be right.
// Loading goes on, so that all errors are listed in one run.
void mr_setup_error(struct mr_setup *, const struct mr_node *, const char *fmt, ...) MR_PRINTF(3, 4);
// The same at `column` bytes into a scalar's text (expressions).
void mr_setup_error_at(struct mr_setup *, const struct mr_node *, size_t byte, const char *fmt, ...) MR_PRINTF(4, 5);
void mr_setup_warn(struct mr_setup *, const struct mr_node *, const char *fmt, ...) MR_PRINTF(3, 4);
// A key of the language that this version refuses: "KEY: not yet".
void mr_setup_not_yet(struct mr_setup *, const struct mr_node *key);

// Memory that lives as long as the loaded configuration; zeroed; never NULL.
void *mr_setup_alloc(struct mr_setup *, size_t);

// ---- parameters: one table feeds parsing, validation, `echo` and the docs ----

enum mr_param_type {
	MR_P_DURATION,   // int64_t ms; "30m", "1d", "250ms", "1h30m"
	MR_P_INT,        // int64_t
	MR_P_NUMBER,     // double
	MR_P_BOOL,       // bool
	MR_P_STRING,     // struct mr_str
	MR_P_ENUM,       // int32_t: index of the word in `words`
	MR_P_BYTES,      // int64_t; "64MiB"
	MR_P_STRINGS,    // struct mr_strs: one string or a list
	MR_P_NODE,       // const struct mr_node *: anything; its operator reads it
	MR_P_NOT_YET,    // refused with "not yet"
};

struct mr_strs {
	const struct mr_str *items;
	const struct mr_node *const *nodes;  // the positions
	uint32_t n;
};

struct mr_param {
	const char *name;
	enum mr_param_type type;
	size_t offset;           // into the struct that the table fills
	const char *unit;        // NULL where there is none
	double min, max;         // of numbers and lengths (ms); both 0: any
	const char *def;         // as one would write it; NULL: none (zero, empty); "!" : required
	const char *const *words;  // MR_P_ENUM: NULL-terminated
	const char *text;        // one line for the docs
};

#define MR_PARAMS_END {.name = NULL}

// Fills *out from a map node (NULL: all defaults) by the table: checks types and bounds, refuses
// unknown and repeated keys with a suggestion. False if anything was wrong (errors are noted).
bool mr_setup_params(struct mr_setup *, const struct mr_node *map, const struct mr_param *, void *out);

// Parse helpers for nodes that a table can't describe. Each notes its error and returns false.
bool mr_setup_duration(struct mr_setup *, const struct mr_node *, int64_t *ms);
bool mr_setup_number(struct mr_setup *, const struct mr_node *, double *);
bool mr_setup_strings(struct mr_setup *, const struct mr_node *, struct mr_strs *);  // one or a list
// "N per day|week|month|DURATION" / "N" and "N within DURATION". calendar: 0 none, else the word.
enum mr_calendar { MR_CAL_NONE, MR_CAL_DAY, MR_CAL_WEEK, MR_CAL_MONTH };
struct mr_rate {
	int64_t n;
	enum mr_calendar per;
	int64_t length_ms;   // 0 with a calendar word or without a length
};
bool mr_setup_rate(struct mr_setup *, const struct mr_node *, const char *word /* "per" or "within" */, struct mr_rate *);
// A literal of YAML as a value (absent for null). Lists and maps too.
struct mr_value mr_setup_literal(struct mr_setup *, const struct mr_node *);

// ---- events and fields ----

// The number of an event name; the same name gives the same number.
int32_t mr_setup_event(struct mr_setup *, struct mr_str name);
// The name's number without adding it: MR_NAME_NONE where nobody asked for it.
// The number of a field of events, by its path below `event`: "properties.cart_id",
// "context.campaign.name", "time", "event", "type", "userId", "anonymousId", "messageId".
uint32_t mr_setup_field(struct mr_setup *, struct mr_str path);
// The declared derived events of an operator, so that `on: Session Startde` can be warned about.

// ---- what expressions can read ----

// Offers `SPACE.NAME` ("user" or "session") to expressions. `index` is handed to the operator's read().
// False, with an error at `node`, where the name is taken.
bool mr_setup_offer(struct mr_setup *, const char *space, struct mr_str name, enum mr_type, uint32_t index,
    const struct mr_node *node);
// The number of an offered value for mr_user_value; -1 where nobody offers it.
int32_t mr_setup_user(struct mr_setup *, const char *space, struct mr_str name);

// ---- expressions ----

struct mr_expr;    // compiled, immutable, lives as long as the configuration

// Where the names in an expression lead. Spaces are arrays of values that the caller fills at
// evaluation (struct mr_frame in operator.h).
#define MR_SPACE_EVENT 0     // the event under test: ctx's current event
#define MR_SPACE_TRIGGER 1   // the event that began the run
#define MR_SPACE_RUN 2       // MR_RUN_KEY, MR_RUN_STARTED_AT
#define MR_SPACE_NAMED 3     // and on: one for each `as`
#define MR_SPACE_MAX 16
enum { MR_RUN_KEY, MR_RUN_STARTED_AT, MR_RUN_FIELDS };
// What a `send ... as NAME` offers; a `wait_for ... as NAME` offers fields of an event.
enum { MR_SENT_ID, MR_SENT_SENT, MR_SENT_REASON, MR_SENT_CHANNEL, MR_SENT_VARIANT, MR_SENT_FIELDS };

struct mr_scope_name {
	struct mr_str name;
	bool is_send;            // else an event
};

struct mr_scope {
	int event_space;         // what `event` means here: MR_SPACE_EVENT or MR_SPACE_TRIGGER
	bool run;                // run.event, run.started_at are visible
	bool run_key;            // run.key too
	const struct mr_scope_name *names;  // NAMED + i
	uint32_t n_names;
	// Where not NULL: set for each event field read through the trigger or a named event
	// (so that a run keeps just those). The arrays are called with (arg, space, field number).
	void (*uses)(void *arg, int space, uint32_t field);
	// Where not NULL: told each name that the expression reads, as written, and where it leads
	// (MR_SPACE_*, or -1 for a value of user or session with its number for mr_user_value). The name
	// lives as long as the setup.
	void (*reads)(void *arg, struct mr_str name, int space, uint32_t number);
	void *arg;
};

// Compiles the text of a scalar node. `want` is MR_ANY or the type that is needed (MR_BOOL for
// conditions); NULL after an error, which has been noted with its position.
const struct mr_expr *mr_setup_expr(struct mr_setup *, const struct mr_node *, const struct mr_scope *, enum mr_type want);
enum mr_type mr_expr_type(const struct mr_expr *);

// The app's name, first part of every id.
struct mr_str mr_setup_app(const struct mr_setup *);
// The settings of `time:` that operators need.
struct mr_time_conf {
	int64_t grace_ms, ahead_ms, old_ms;
};
const struct mr_time_conf *mr_setup_time(const struct mr_setup *);
// Reads a file named by the configuration, relative to it. It becomes part of the configuration's
// identity. Empty, with an error at the node, where it can't be read.
struct mr_str mr_setup_file(struct mr_setup *, const struct mr_node *path);
// The 32 hex digits of a node's normalised form (a rule's own hash).
void mr_setup_hash(struct mr_setup *, const struct mr_node *, char out[33]);

#ifdef __cplusplus
}
#endif
#endif
