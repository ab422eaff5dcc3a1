// What operators may ask for while an input is applied (include/millrace/operator.h).
#include "core/task_impl.h"

#include "expr/expr.h"
#include "expr/schema.h"
#include "expr/zone.h"

#define EVAL_COST_MAX 100000u

// ---- timers ----

void
mr_timer_set(struct mr_ctx *ctx, uint64_t key, int64_t due_ms)
{
	if (!mr_user_timer_set(ctx->record, ctx->op, key, due_ms))
		mr_count(ctx, MR_C_BOUND_CUT);
}

void
mr_timer_clear(struct mr_ctx *ctx, uint64_t key)
{
	mr_user_timer_clear(ctx->record, ctx->op, key);
}

int64_t
mr_timer_due(const struct mr_ctx *ctx, uint64_t key)
{
	const struct mr_user_timer *t = mr_user_timer_find(ctx->record, ctx->op, key);

	return t ? t->due_ms : MR_DUE_NEVER;
}

// ---- values and expressions ----

struct mr_value
mr_user_value(struct mr_ctx *ctx, int32_t number)
{
	const struct mr_plan *plan = ctx->task->plan;

	MR_ASSERT(number >= 0 && (uint32_t)number < plan->n_offers);
	const struct mr_offer *offer = &plan->offers[number];
	const struct mr_instance *inst = &plan->ops[offer->op];
	struct mr_ctx of = *ctx;

	of.op = offer->op;
	return inst->op->read(&of, inst->conf, mr_user_state(ctx->record, inst), offer->index);
}

static struct mr_value
env_user(void *arg, uint32_t number)
{
	return mr_user_value(arg, (int32_t)number);
}

static int32_t
user_zone(void *arg)
{
	struct mr_ctx *ctx = arg;
	const struct mr_plan *plan = ctx->task->plan;
	struct mr_str name = {0};

	if (plan->offer_timezone >= 0)
		name = mr_value_str(mr_user_value(ctx, plan->offer_timezone));
	int32_t zone = name.n ? mr_zones_find(plan->zones, name) : -1;
	return zone >= 0 ? zone : plan->zone;
}

struct mr_value
mr_eval(struct mr_ctx *ctx, const struct mr_expr *expr, const struct mr_frame *frame)
{
	struct mr_env env = {
		.now_ms = ctx->now_ms,
		.user = env_user,
		.user_arg = ctx,
		.zones = ctx->task->plan->zones,
		.zone = user_zone,
		.arena = ctx->arena,
		.cost_left = EVAL_COST_MAX,
	};

	if (frame)
		for (int i = MR_SPACE_EVENT + 1; i < MR_SPACE_MAX; i++) {
			env.spaces[i] = frame->spaces[i];
			env.sizes[i] = frame->sizes[i];
		}
	if (ctx->event) {
		env.spaces[MR_SPACE_EVENT] = ctx->event->fields;
		env.sizes[MR_SPACE_EVENT] = ctx->event->n_fields;
	}
	struct mr_value v = mr_expr_eval(expr, &env);
	ctx->task->eval_spent = env.spent;
	return v;
}

bool
mr_eval_spent(const struct mr_ctx *ctx)
{
	return ctx->task->eval_spent;
}

bool
mr_test(struct mr_ctx *ctx, const struct mr_expr *expr, const struct mr_frame *frame)
{
	struct mr_value v = mr_eval(ctx, expr, frame);

	if (v.type == MR_BOOL)
		return v.b;
	mr_count(ctx, MR_C_CONDITION_UNKNOWN);
	return false;
}

void
mr_count(struct mr_ctx *ctx, enum mr_counter counter)
{
	MR_ASSERT(counter < MR_C_COUNT);
	ctx->task->counters[counter]++;
}

// ---- local time ----

bool
mr_zone_known(const struct mr_ctx *ctx, struct mr_str name)
{
	return mr_zones_find(ctx->task->plan->zones, name) >= 0;
}

int64_t
mr_local_start(struct mr_ctx *ctx, enum mr_calendar unit, int64_t ms)
{
	return mr_zone_start(ctx->task->plan->zones, user_zone(ctx), unit, ms);
}

int64_t
mr_local_next(struct mr_ctx *ctx, enum mr_calendar unit, int64_t ms)
{
	return mr_zone_next(ctx->task->plan->zones, user_zone(ctx), unit, ms);
}

// ---- derived events ----

// Puts a value where the paths below `node` are read; members of maps lead further down.
static void
place(const struct mr_schema_node *node, struct mr_value v, struct mr_value *fields)
{
	const struct mr_schema_node *nodes[MR_WRITER_DEPTH];
	struct mr_value values[MR_WRITER_DEPTH];
	uint32_t next[MR_WRITER_DEPTH] = {0};
	int depth = 0;

	nodes[0] = node;
	values[0] = v;
	if (node->field >= 0)
		fields[node->field] = v;
	while (depth >= 0) {
		if (values[depth].type != MR_MAP || next[depth] == values[depth].n || nodes[depth]->n == 0) {
			depth--;
			continue;
		}
		const struct mr_member *m = &values[depth].members[next[depth]++];
		const struct mr_schema_node *child = mr_schema_child(nodes[depth], m->key);
		if (child == NULL)
			continue;
		if (child->field >= 0 && fields[child->field].type == MR_ABSENT)
			fields[child->field] = m->value;
		if (depth + 1 == MR_WRITER_DEPTH)
			continue;
		depth++;
		nodes[depth] = child;
		values[depth] = m->value;
		next[depth] = 0;
	}
}

static const struct mr_value *
derived_fields(struct mr_ctx *ctx, struct mr_str name, int64_t time_ms, const struct mr_member *members, uint32_t n)
{
	const struct mr_schema *schema = ctx->task->plan->schema;
	struct mr_value *fields = mr_arena_alloc(ctx->arena, schema->n_fields * sizeof(*fields));
	const struct mr_schema_node *properties = ctx->task->properties;

	fields[MR_FIELD_TIME] = mr_time(time_ms);
	fields[MR_FIELD_EVENT] = mr_string(name);
	fields[MR_FIELD_TYPE] = mr_string(MR_LIT("track"));
	fields[MR_FIELD_USER_ID] = mr_string(ctx->user);
	if (properties)
		place(properties, (struct mr_value){.type = MR_MAP, .n = n, .members = members}, fields);
	return fields;
}

bool
mr_derive_reads(const struct mr_ctx *ctx, struct mr_str key)
{
	const struct mr_schema_node *properties = ctx->task->properties;

	return properties && (properties->field >= 0 || mr_schema_child(properties, key));
}

bool
mr_derive(struct mr_ctx *ctx, int32_t name_id, struct mr_str name, const struct mr_member *members, uint32_t n)
{
	struct mr_task *t = ctx->task;

	MR_ASSERT(n <= 64);
	if (t->n_derived == DERIVED_MAX || t->depth >= DERIVED_DEPTH_MAX) {
		t->counters[MR_C_DERIVED_EXCESS]++;
		return false;
	}
	int64_t time_ms = ctx->event ? ctx->event->time_ms : ctx->now_ms;
	struct mr_event *e = &t->derived[t->n_derived++];
	*e = (struct mr_event){
		.type = MR_TRACK,
		.name = name,
		.name_id = name_id,
		.user = ctx->user,
		.time_ms = time_ms,
		.fields = derived_fields(ctx, name, time_ms, members, n),
		.n_fields = t->plan->schema->n_fields,
		.origin = t->origin,
		.derived = true,
		.depth = (uint8_t)(t->depth + 1),
		.number = ++ctx->record->n_derived,
	};
	return true;
}
