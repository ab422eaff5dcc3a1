// The profile: named values of a user that rules read as user.NAME. Each is updated in bounded
// space, in the order of the file, before rules look at the event; so `when` may read the names
// above it with the event counted in.
#include "profile/profile.h"

static void *
setup(struct mr_setup *s, const struct mr_node *node)
{
	return mr_profile_setup(s, node);
}

static bool
compile(struct mr_setup *s, void *conf)
{
	struct profile_conf *c = conf;
	const struct mr_scope scope = {.event_space = MR_SPACE_EVENT};
	bool fine = true;

	for (uint32_t i = 0; i < c->n; i++) {
		struct feature *f = &c->features[i];
		MR_ASSERT((f->n_names > 0) != (f->types != 0));
		bool number = f->kind == KIND_SUM || f->kind == KIND_DECAYED_SUM;
		if (f->source)
			f->expr = mr_setup_expr(s, f->source, &scope, number ? MR_NUMBER : MR_ANY);
		if (f->condition)
			f->when = mr_setup_expr(s, f->condition, &scope, MR_BOOL);
		fine &= (f->expr != NULL || f->source == NULL) && (f->when != NULL || f->condition == NULL);
	}
	return fine;
}

size_t
mr_profile_size(const struct feature *f)
{
	switch (f->kind) {
	case KIND_COUNT: case KIND_SUM: case KIND_MIN: case KIND_MAX: return sizeof(struct tally);
	case KIND_FIRST: case KIND_LAST: return sizeof(struct moment);
	case KIND_DISTINCT: return sizeof(struct distinct);
	case KIND_TOP: return sizeof(struct top);
	case KIND_INTERVAL: return sizeof(struct times);
	default: return sizeof(struct decayed);
	}
}

static size_t
state_size(const void *conf)
{
	return ((const struct profile_conf *)conf)->size;
}

// ---- events ----

static bool
is_about(const struct feature *f, const struct mr_event *e)
{
	if (f->types)
		return !e->derived && f->types >> e->type & 1;
	for (uint32_t i = 0; i < f->n_names; i++)
		if (f->names[i] == e->name_id)
			return true;
	return false;
}

// Numbers, times and durations have an order; they are kept as numbers of the first one's type.
static bool
add_extreme(struct mr_ctx *ctx, const struct feature *f, struct tally *t, int64_t ms, struct mr_value v)
{
	if (v.type != MR_NUMBER && v.type != MR_TIME && v.type != MR_DURATION) {
		mr_count(ctx, MR_C_CONDITION_UNKNOWN);
		return true;
	}
	if (t->n == 0)
		t->type = v.type;
	if (t->type != v.type) {
		mr_count(ctx, MR_C_CONDITION_UNKNOWN);
		return true;
	}
	return mr_tally_add(ctx, f, t, ms, v.type == MR_NUMBER ? v.num : (double)v.ms);
}

static bool
add_moment(struct mr_ctx *ctx, const struct feature *f, struct moment *m, int64_t ms, struct mr_value v)
{
	bool set = m->value.type != MR_ABSENT;

	if (f->over_ms && ms < ctx->now_ms - f->over_ms)
		return false;
	if (set && (f->kind == KIND_FIRST ? ms >= m->ms : ms < m->ms))
		return true;
	m->ms = ms;
	if (!mr_kept_copy(ctx->mem, &m->value, v, f->text_max))
		mr_count(ctx, MR_C_BOUND_CUT);
	return true;
}

// False: too late for its window.
static bool
add(struct mr_ctx *ctx, const struct feature *f, void *at, struct mr_value v)
{
	int64_t ms = ctx->event->time_ms;

	switch (f->kind) {
	case KIND_COUNT: return mr_tally_add(ctx, f, at, ms, 1);
	case KIND_SUM: return mr_tally_add(ctx, f, at, ms, v.num);
	case KIND_MIN: case KIND_MAX: return add_extreme(ctx, f, at, ms, v);
	case KIND_FIRST: case KIND_LAST: return add_moment(ctx, f, at, ms, v);
	case KIND_DISTINCT: return mr_distinct_add(ctx, f, at, ms, v);
	case KIND_TOP: mr_top_add(ctx, f, at, ms, v); return true;
	case KIND_DECAYED_COUNT: mr_decayed_add(at, f->half_life_ms, ms, 1); return true;
	case KIND_DECAYED_SUM: mr_decayed_add(at, f->half_life_ms, ms, v.num); return true;
	case KIND_INTERVAL: return mr_times_add(ctx, f, at, ms);
	default: MR_ASSERT(f->kind < KINDS); return true;
	}
}

// The value to add. False: there is none (absent), or it is of no use (counted).
static bool
evaluate(struct mr_ctx *ctx, const struct feature *f, struct mr_value *v)
{
	*v = mr_absent();
	if (f->when && !mr_test(ctx, f->when, NULL))
		return false;
	if (f->expr == NULL)
		return true;
	*v = mr_eval(ctx, f->expr, NULL);
	if (v->type == MR_ABSENT)
		return false;
	bool number = f->kind == KIND_SUM || f->kind == KIND_DECAYED_SUM;
	bool fits = number ? v->type == MR_NUMBER : mr_is_scalar(*v);
	if (!fits)
		mr_count(ctx, MR_C_CONDITION_UNKNOWN);
	return fits;
}

static void
on_event(struct mr_ctx *ctx, const void *conf, void *state)
{
	const struct profile_conf *c = conf;
	bool late = !ctx->event->derived && ctx->now_ms - ctx->event->time_ms > c->grace_ms;
	struct mr_value v;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct feature *f = &c->features[i];
		if (!is_about(f, ctx->event) || !evaluate(ctx, f, &v))
			continue;
		if (!add(ctx, f, mr_profile_at(state, f), v))
			mr_count(ctx, MR_C_LATE_DROPPED);
		else if (late)
			mr_count(ctx, MR_C_LATE_APPLIED);
	}
}

// ---- values ----

static struct mr_value
read_tally(const struct mr_ctx *ctx, const struct feature *f, const struct tally *t)
{
	bool any;
	double x = mr_tally_value(f, t, ctx->now_ms, &any);

	if (f->kind == KIND_COUNT || f->kind == KIND_SUM)
		return mr_num(x);
	if (!any)
		return mr_absent();
	switch (t->type) {
	case MR_TIME: return mr_time((int64_t)x);
	case MR_DURATION: return mr_duration((int64_t)x);
	default: return mr_num(x);
	}
}

static struct mr_value
read(struct mr_ctx *ctx, const void *conf, const void *state, uint32_t index)
{
	const struct profile_conf *c = conf;

	MR_ASSERT(index < c->n);
	const struct feature *f = &c->features[index];
	const void *at = mr_profile_of(state, f);
	switch (f->kind) {
	case KIND_COUNT: case KIND_SUM: case KIND_MIN: case KIND_MAX: return read_tally(ctx, f, at);
	case KIND_FIRST: case KIND_LAST: {
		const struct moment *m = at;
		bool gone = f->over_ms && m->ms < ctx->now_ms - f->over_ms;
		return gone ? mr_absent() : mr_kept_value(&m->value);
	}
	case KIND_DISTINCT: return mr_num(mr_distinct_value(f, at, ctx->now_ms));
	case KIND_TOP: return mr_top_value(f, at);
	case KIND_INTERVAL: return mr_times_value(at);
	default: return mr_num(mr_decayed_value(at, f->half_life_ms, ctx->now_ms));
	}
}

static const struct mr_inner inner[] = {{"*", mr_profile_params}, {NULL, NULL}};

const struct mr_operator mr_operator_profile = {
	.name = "profile",
	.version = PROFILE_VERSION,
	.text = "Named values of a user, which rules read as user.NAME.",
	.inner = inner,
	.setup = setup,
	.compile = compile,
	.state_size = state_size,
	.on_event = on_event,
	.read = read,
	.empty = mr_profile_empty,
	.encode = mr_profile_encode,
	.decode = mr_profile_decode,
	.release = mr_profile_release,
};
