// What the files of the rules operator share: loaded rules, a user's state, and the calls between
// them. Loading: load.c (rule maps), steps.c (steps to a flat program), compile.c (expressions,
// index). Running: entry.c (does a run begin), run.c (a run's life), dispose.c (is a proposal
// published), message.c (bodies and ids), memory.c, tags.c,
// why.c, codec.c.
#ifndef MR_OPERATORS_RULES_RULES_H
#define MR_OPERATORS_RULES_RULES_H

#include <millrace/operator.h>

enum {
	MR_RULES_MAX = 10000,
	MR_STEPS_MAX = 64,                // of a rule, as written
	MR_STEP_DEPTH_MAX = 8,
	MR_PROGRAM_MAX = 2 * MR_STEPS_MAX + 1,  // each step may bring a jump, and an end
	MR_SELECTORS_MAX = 64,            // names in one `on` or `event`
	MR_CANCELS_MAX = 16,
	MR_DATA_DEPTH_MAX = 8,
	MR_DATA_ITEMS_MAX = 64,           // of one map or list written in `data`
	MR_NAMES_MAX = MR_SPACE_MAX - MR_SPACE_NAMED,
	MR_KEY_BYTES_MAX = 255,           // of run.key
	MR_READS_MAX = 16,                // names of one condition that `why` can tell
	MR_WHY_MAX = 32,                  // names that one action tells
	// A user's state. What happens at each bound is said where it is kept.
	MR_RUNS_MAX = 64,
	MR_MEMOS_MAX = 256,
	MR_TIMES_MAX = 256,               // N of at_least, and of at_most with `per`
	MR_TAGS_MAX = 64,
	MR_VALUES_BYTES_MAX = 16 * 1024,  // captured values of one run
	MR_DATA_BYTES_MAX = 32 * 1024,    // `data` of one action
};
#define MR_RULES_VERSION 1
#define MR_LENGTH_MS_MAX 315360000000.0   // ten years: the longest wait, memory or window

// ---- loaded rules ----

// Which events: names of track calls, and whole types.
struct mr_selector {
	const int32_t *names;
	uint32_t n;
	uint8_t types;       // bit 1 << enum mr_event_type
};

static inline bool
mr_selects(const struct mr_selector *s, const struct mr_event *e)
{
	if (s->types >> e->type & 1)
		return true;
	if (e->type != MR_TRACK || e->name_id < 0)
		return false;
	for (uint32_t i = 0; i < s->n; i++) {
		if (s->names[i] == e->name_id)
			return true;
	}
	return false;
}

// `data` as written: maps and lists of expressions.
struct mr_data {
	enum { MR_DATA_EXPR, MR_DATA_MAP, MR_DATA_LIST } kind;
	const struct mr_node *node;
	const struct mr_expr *expr;
	uint32_t n;
	struct mr_str *keys;       // of a map
	struct mr_data *items;
};

// A name that a condition reads, as written, and where it leads.
struct mr_read {
	struct mr_str name;
	int space;                 // MR_SPACE_*, or -1: number is for mr_user_value
	uint32_t number;
};

struct mr_reads {
	struct mr_read *items;
	uint32_t n;
};

struct mr_send {
	struct mr_str channel, template, category;
	struct mr_data data;       // MR_DATA_MAP, maybe empty
	int64_t expires_ms;        // 0: never
};

enum mr_step_op {
	MR_STEP_WAIT,              // length_ms, or until `expr`
	MR_STEP_WAIT_FOR,          // `on`, `expr`; goes on behind it, or at `target` after length_ms
	MR_STEP_IF,                // `expr`: goes on behind it, or at `target`
	MR_STEP_JUMP,              // to `target`; not a step of the rule
	MR_STEP_SEND,
	MR_STEP_TAG,
	MR_STEP_STOP,
	MR_STEP_END,               // the last of every program
};

struct mr_step {
	enum mr_step_op op;
	struct mr_str path;        // as in the YAML: then[2].else[0]
	const struct mr_node *node;  // of `expr`, NULL: none
	const struct mr_expr *expr;
	struct mr_reads reads;     // of a condition
	uint16_t visible;          // names that its expressions may use, a bit each
	uint16_t target;
	int8_t name;               // its `as`: number of the name, or -1
	int64_t length_ms;         // wait, within, a tag's `for` (0: for good)
	struct mr_selector on;
	struct mr_send *send;
	struct mr_str tag;
	bool remove;
};

struct mr_cancel {
	struct mr_selector on;
	const struct mr_node *node;
	const struct mr_expr *when;
};

// A value that a run keeps while it waits.
struct mr_slot {
	uint8_t space;             // MR_SPACE_TRIGGER, or MR_SPACE_NAMED + name
	uint32_t number;
};

struct mr_rule {
	struct mr_str name;
	char hash[33];
	uint16_t index;
	const struct mr_node *when_node, *key_node;
	const struct mr_expr *when, *for_each;
	struct mr_reads reads;     // of `when`
	struct mr_selector on;
	bool restart;              // while_running
	int64_t again_after_ms;    // 0: none
	struct mr_rate at_most;    // n 0: none
	struct mr_rate at_least;   // n 0: none
	int32_t priority;
	struct mr_str category;    // of its first send: that of decisions about its runs
	struct mr_cancel *cancels;
	uint32_t n_cancels;
	struct mr_step *steps;
	uint32_t n_steps;
	struct mr_scope_name names[MR_NAMES_MAX];
	uint32_t n_names;
	struct mr_slot *slots;     // in the order in which the rule's text uses them: stored by number
	uint32_t n_slots, cap_slots;
	uint32_t sizes[MR_SPACE_MAX];  // values that a frame needs in each space
};

// What one event touches.
struct mr_touched {
	uint16_t *rules;           // whose `on` selects it, in order of priority, then name
	uint32_t n;
	bool runs;                 // some rule's cancel_on or wait_for selects it
};

struct mr_rules {
	struct mr_str app;
	struct mr_rule *rules;     // sorted by name
	uint32_t n;
	struct mr_touched *by_name;  // by number of the event's name; rules on all tracks are in each
	uint32_t n_by_name;
	struct mr_touched by_type[MR_ALIAS + 1];  // of a track: those whose name no rule has
	struct mr_time_conf time;
	int32_t tag_added, tag_removed;     // numbers of the events' names
	int32_t user_locale, user_timezone; // for mr_user_value, or -1
};

// The maps that a rule is made of (load.c, steps.c), also for the docs.
extern const struct mr_param mr_rule_params[], mr_cancel_params[], mr_step_params[], mr_until_params[],
    mr_wait_for_params[], mr_send_params[], mr_tag_params[];
// load.c: the operator's `setup`.
void *mr_rules_setup(struct mr_setup *, const struct mr_node *);
static inline const struct mr_touched *
mr_rules_touched(const struct mr_rules *conf, const struct mr_event *e)
{
	if (e->type == MR_TRACK && e->name_id >= 0 && (uint32_t)e->name_id < conf->n_by_name)
		return &conf->by_name[e->name_id];
	return &conf->by_type[e->type];
}

// steps.c: fills rule->steps and rule->names; false after an error.
bool mr_rules_steps(struct mr_setup *, struct mr_rule *, const struct mr_node *then);
// load.c: a name, a list, or {type: TYPE}; names are warned about where they look misspelt.
bool mr_rules_selector(struct mr_setup *, const struct mr_node *, struct mr_selector *);
// compile.c: all expressions, and the index.
bool mr_rules_compile(struct mr_setup *, void *conf);
// NULL where there is none; ends at n names.
const struct mr_rule *mr_rules_find(const struct mr_rules *, struct mr_str name);

// ---- a user's state ----

// Strings of a run, in one block.
enum mr_part {
	MR_PART_KEY,               // run.key
	MR_PART_EVENT,             // the trigger's
	MR_PART_MESSAGE_ID,
	MR_PART_ANONYMOUS_ID,
	MR_PART_TOPIC,
	MR_PART_TRACEPARENT,
	MR_PART_VALUES,            // msgpack: slot number, value, slot number, value ...; beyond the slots: why
	MR_PART_RULE, MR_PART_HASH, MR_PART_PATH,  // only of a run whose rule is gone
	MR_PARTS
};

#define MR_RULE_GONE (-1)

// A run that waits.
struct mr_run {
	uint64_t number;           // grows; its timer's key is number * 2
	int32_t rule;              // index, or MR_RULE_GONE: its rule was removed or changed
	uint16_t step;             // where it waits
	int32_t partition;         // of the trigger
	int64_t offset, time_ms;
	int64_t started_ms;        // stream time
	int64_t reached_ms;        // when it came to its step: the event's time, or stream time of a timer
	char id[33], set[33];
	uint32_t ends[MR_PARTS];   // of each part within block
	char *block;
};

static inline struct mr_str
mr_run_part(const struct mr_run *r, enum mr_part part)
{
	uint32_t from = part ? r->ends[part - 1] : 0;

	return (struct mr_str){r->block + from, r->ends[part] - from};
}

// Times that a rule remembers of a user.
enum mr_memo_kind {
	MR_MEMO_AGAIN,             // again_after, by key: the last start
	MR_MEMO_MOST,              // at_most: the last n starts; without `per` just their count
	MR_MEMO_LEAST,             // at_least, by key: the last n event times, in order
};

struct mr_memo {
	uint16_t rule;
	uint8_t kind;
	uint32_t key_n, n, cap;    // n: times, or the count
	char *key;
	int64_t *times;            // oldest first
};

struct mr_tag {
	uint64_t number;           // its timer's key is number * 2 + 1
	int64_t until_ms;          // INT64_MAX: for good
	uint32_t n;
	char *name;
};

struct mr_rules_state {
	struct mr_run *runs;       // by number
	struct mr_memo *memos;     // in the order in which they were made
	struct mr_tag *tags;       // in the order in which they were added
	uint32_t n_runs, cap_runs, n_memos, cap_memos, n_tags, cap_tags;
	uint32_t n_gone;           // runs to be ended when the user is next touched
	uint64_t next;             // 0 while there is neither a run nor a tag
};

static inline uint64_t mr_run_timer(uint64_t number) { return number * 2; }
static inline uint64_t mr_tag_timer(uint64_t number) { return number * 2 + 1; }

// codec.c
void mr_rules_encode(const void *conf, const void *state, struct mr_writer *);
bool mr_rules_decode(const void *conf, void *state, struct mr_mem *, struct mr_reader *);
void mr_rules_release(const void *conf, void *state, struct mr_mem *);
bool mr_rules_empty(const void *conf, const void *state);
// Builds a run's block from its parts (copied), freeing the one it had.
void mr_run_set_parts(struct mr_run *, struct mr_mem *, const struct mr_str parts[MR_PARTS]);
void mr_run_release(struct mr_run *, struct mr_mem *);
// Makes room for one more item in an array that grows by doubling.
void *mr_rules_grow(struct mr_mem *, void *items, uint32_t n, uint32_t *cap, size_t size);

// memory.c: times are stream time for AGAIN and MOST, event time for LEAST.
// At MR_MEMOS_MAX: what has expired goes; if nothing has, the one that would expire first (a count
// without `per` never does), and MR_C_BOUND_CUT counts it.
bool mr_memo_again(struct mr_ctx *, const struct mr_rules_state *, const struct mr_rule *, struct mr_str key, int64_t *until_ms);
bool mr_memo_most(struct mr_ctx *, const struct mr_rules_state *, const struct mr_rule *);
// Counts the event; true where it is the n-th within the length.
bool mr_memo_least(struct mr_ctx *, const struct mr_rules *, struct mr_rules_state *, const struct mr_rule *, struct mr_str key, int64_t time_ms);
// A run began: notes it, and clears what at_least counted. A restart takes its predecessor's
// place under at_most.
void mr_memo_began(struct mr_ctx *, const struct mr_rules *, struct mr_rules_state *, const struct mr_rule *, struct mr_str key, bool restarted);
void mr_memo_release(struct mr_memo *, struct mr_mem *);

// tags.c
// At MR_TAGS_MAX a tag is not added, and MR_C_BOUND_CUT counts it. Of two ends the later one holds.
void mr_tag_add(struct mr_ctx *, const struct mr_rules *, struct mr_rules_state *, struct mr_str name, int64_t for_ms);
void mr_tag_remove(struct mr_ctx *, const struct mr_rules *, struct mr_rules_state *, struct mr_str name);
void mr_tag_expire(struct mr_ctx *, const struct mr_rules *, struct mr_rules_state *, uint64_t number);
struct mr_value mr_tag_list(struct mr_ctx *, const struct mr_rules_state *);
void mr_tag_release(struct mr_tag *, struct mr_mem *);

// ---- running ----

// The input that led to a message.
struct mr_cause {
	bool timer;
	int64_t due_ms;            // of a timer
	struct mr_str event, message_id;
	int64_t time_ms;
	struct mr_origin origin;
};

// Who and what a message is about: a run that is live, that ended, or that did not begin.
struct mr_subject {
	struct mr_str rule, hash, category, set, id, key, anonymous_id, traceparent;
	int32_t priority;
	int64_t started_ms;        // INT64_MIN: it did not begin
	struct mr_cause cause;
};

// A run while it moves.
struct mr_live {
	struct mr_ctx *ctx;
	const struct mr_rules *conf;
	struct mr_rules_state *state;
	const struct mr_rule *rule;
	struct mr_subject subject;
	struct mr_str trigger_event, trigger_message_id;
	struct mr_origin trigger_origin;
	int64_t trigger_ms;
	bool fresh;                // it has not waited yet
	bool changed;              // values were added since it was stored
	struct mr_frame frame;
	struct mr_member *why;     // NULL: nobody asks; room for MR_WHY_MAX
	uint32_t n_why;
	struct mr_value run_values[MR_RUN_FIELDS];
	struct mr_value *values[MR_SPACE_MAX];  // what frame.spaces points to, where it can be set
};

// entry.c: an event that the rule's `on` selects.
void mr_rules_enter(struct mr_ctx *, const struct mr_rules *, struct mr_rules_state *, const struct mr_rule *);
// run.c
struct mr_run *mr_run_find(const struct mr_rules_state *, const struct mr_rule *, struct mr_str key);
// Begins a run at the present event. `id` is its run.id.
void mr_run_begin(struct mr_ctx *, const struct mr_rules *, struct mr_rules_state *, const struct mr_rule *,
    struct mr_str key, const char id[33]);
// The present event, for each run: cancels it, or answers its wait.
void mr_runs_event(struct mr_ctx *, const struct mr_rules *, struct mr_rules_state *);
void mr_run_timer_fired(struct mr_ctx *, const struct mr_rules *, struct mr_rules_state *, uint64_t number, int64_t due_ms);
// Ends it with a decision; `run` is gone afterwards.
void mr_run_end(struct mr_ctx *, const struct mr_rules *, struct mr_rules_state *, struct mr_run *,
    const char *reason, const struct mr_cause *);
// Ends the runs whose rule is gone.
void mr_runs_sweep(struct mr_ctx *, const struct mr_rules *, struct mr_rules_state *, const struct mr_cause *);

// dispose.c: a send step proposes; this decides, and says what became of it to `as`.
void mr_rules_propose(struct mr_live *, const struct mr_step *);

// why.c: with output.explain, keeps what a condition reads, as of now. A later value of the same name
// takes the place of the earlier one; names beyond MR_WHY_MAX are left out.
void mr_why_add(struct mr_live *, const struct mr_reads *);
struct mr_value mr_why(const struct mr_live *);            // absent where there is nothing to tell
void mr_why_restore(struct mr_live *, struct mr_value);

// message.c
struct mr_cause mr_cause_event(const struct mr_event *);
void mr_run_id(const struct mr_ctx *, const struct mr_rules *, const struct mr_rule *, struct mr_str key, char out[33]);
void mr_action_id(struct mr_str run_id, struct mr_str path, char out[33]);
struct mr_proposal {
	const char *id;            // action_id
	const struct mr_send *send;
	struct mr_str path;
	struct mr_value data, why;  // why may be absent
	int64_t expires_ms;        // 0: never
};
// False: it was too large.
bool mr_write_action(struct mr_ctx *, const struct mr_rules *, const struct mr_subject *, const struct mr_proposal *);
// `until_ms` INT64_MIN and `proposal` NULL where there is none.
void mr_write_decision(struct mr_ctx *, const struct mr_rules *, const struct mr_subject *, const struct mr_proposal *,
    const char *kind, const char *reason, int64_t until_ms, const struct mr_cause *blocked_by);

#endif
