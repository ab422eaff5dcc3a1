// Private to the profile operator: named values of a user, each updated in bounded space.
#ifndef MR_OPERATORS_PROFILE_H
#define MR_OPERATORS_PROFILE_H

#include "../common/kept.h"

#define PROFILE_VERSION 1
#define PANES_MAX 512
#define TIMES_MAX 64

// In the order of their words in mr_profile_params. Numbers are stored: add at the end.
enum profile_kind {
	KIND_COUNT, KIND_SUM, KIND_MIN, KIND_MAX, KIND_FIRST, KIND_LAST, KIND_DISTINCT, KIND_TOP,
	KIND_DECAYED_COUNT, KIND_DECAYED_SUM, KIND_INTERVAL, KINDS,
};

struct feature {
	struct mr_str name;
	enum profile_kind kind;
	const struct mr_node *source, *condition;  // what expr and when are compiled from
	const struct mr_expr *expr, *when;         // NULL: none
	const int32_t *names;                      // of events; none: by type
	uint32_t n_names;
	uint8_t types;                             // bit of each enum mr_event_type
	int64_t over_ms, pane_ms, half_life_ms;    // 0: none
	uint32_t keep;                             // most entries of distinct, top and interval
	size_t text_max;
	size_t offset;                             // of its state
};

struct profile_conf {
	struct feature *features;   // in the order of the file
	uint32_t n;
	size_t size;
	int64_t grace_ms;
};

// ---- what is kept of each kind; all zero: nothing yet ----

// A scalar value of the language that owns its text.
struct kept {
	uint8_t type;   // MR_ABSENT, MR_BOOL, MR_NUMBER, MR_STRING, MR_TIME, MR_DURATION
	union {
		bool b;
		double num;
		int64_t ms;
		struct mr_text text;
	};
};

struct pane {
	int64_t number;   // event time / pane length, rounded down
	double value;
};

// count, sum, min, max. Without `over` the value alone; with it only panes that hold something.
struct tally {
	double value;
	struct pane *panes;   // by number
	uint16_t n, cap;
	uint8_t type;         // of min and max: MR_NUMBER, MR_TIME or MR_DURATION, as the first value was
};

struct moment {           // first, last
	int64_t ms;
	struct kept value;
};

struct decayed {          // weight as of ms
	double weight;
	int64_t ms;
};

struct seen {
	uint64_t hash;
	int64_t ms;           // when last
};
struct distinct {
	struct seen *list;    // by hash
	uint32_t n;
};

struct ranked {
	struct kept value;
	struct decayed score;
};
struct top {
	struct ranked *list;
	uint32_t n;
};

struct times {            // interval
	int64_t *list;        // of the last events, ascending
	uint32_t n;
};

size_t mr_profile_size(const struct feature *);
static inline void *mr_profile_at(void *state, const struct feature *f) { return (char *)state + f->offset; }
static inline const void *
mr_profile_of(const void *state, const struct feature *f)
{
	return (const char *)state + f->offset;
}

// ---- profile/setup.c ----

extern const struct mr_param mr_profile_params[];   // of a name's map; begins with the kinds in their order
struct profile_conf *mr_profile_setup(struct mr_setup *, const struct mr_node *);

// ---- profile/tally.c: values over panes, decayed ones ----

// Adds `x` at event time `ms`. False: older than the window.
bool mr_tally_add(struct mr_ctx *, const struct feature *, struct tally *, int64_t ms, double x);
double mr_tally_value(const struct feature *, const struct tally *, int64_t now_ms, bool *any);
int64_t mr_pane_number(const struct feature *, int64_t ms);
// Adds to a pane by number, whatever the window.
void mr_tally_pane(struct mr_mem *, const struct feature *, struct tally *, int64_t number, double x);

void mr_decayed_add(struct decayed *, int64_t half_life_ms, int64_t ms, double x);
double mr_decayed_value(const struct decayed *, int64_t half_life_ms, int64_t now_ms);

// ---- profile/keyed.c: values told apart ----

// Takes a copy of a scalar. False where text was cut.
bool mr_kept_copy(struct mr_mem *, struct kept *, struct mr_value, size_t text_max);
void mr_kept_free(struct mr_mem *, struct kept *);
struct mr_value mr_kept_value(const struct kept *);
static inline bool
mr_is_scalar(struct mr_value v)
{
	return v.type >= MR_BOOL && v.type <= MR_DURATION;
}

// False: older than the window.
bool mr_distinct_add(struct mr_ctx *, const struct feature *, struct distinct *, int64_t ms, struct mr_value);
uint32_t mr_distinct_value(const struct feature *, const struct distinct *, int64_t now_ms);
void mr_top_add(struct mr_ctx *, const struct feature *, struct top *, int64_t ms, struct mr_value);
struct mr_value mr_top_value(const struct feature *, const struct top *);

// False: older than all that are kept.
bool mr_times_add(struct mr_ctx *, const struct feature *, struct times *, int64_t ms);
// The median of the times between neighbours; absent below two events.
struct mr_value mr_times_value(const struct times *);

// ---- profile/state.c ----

bool mr_profile_empty(const void *conf, const void *state);
void mr_profile_encode(const void *conf, const void *state, struct mr_writer *);
bool mr_profile_decode(const void *conf, void *state, struct mr_mem *, struct mr_reader *);
void mr_profile_release(const void *conf, void *state, struct mr_mem *);

#endif
