// apply(task, input) -> effects: the clock, the order of timers, and the way of an event through
// the operators.
#include "core/mutation.h"
#include "core/task_impl.h"

#include "event/partition.h"
#include "expr/schema.h"

#include <stdlib.h>

#define XXH_INLINE_ALL // short texts: a call would cost more than the hash
#include <xxhash.h>

#define BATCH_BYTES_MAX (256u << 20)
#define SCRATCH_BYTES_MAX (64u << 20)
#define EFFECTS_BYTES_MAX (1024u << 20)

struct mr_task *
mr_task_new(const struct mr_task_conf *conf)
{
	struct mr_task *t = calloc(1, sizeof(*t));

	MR_ASSERT(t != NULL);
	MR_ASSERT(conf->n_topics > 0);
	t->conf = *conf;
	t->plan = conf->plan;
	t->properties = mr_schema_child(&conf->plan->schema->root, MR_LIT("properties"));
	t->users = mr_users_new(conf->plan);
	t->timers = mr_timers_new();
	t->decoder = mr_decoder_new(conf->plan);
	t->clock_ms = INT64_MIN;
	t->bound_ms = INT64_MAX;
	t->index.due_ms = conf->stored ? INT64_MIN : INT64_MAX;
	t->batch = mr_arena_new(BATCH_BYTES_MAX);
	t->scratch = mr_arena_new(SCRATCH_BYTES_MAX);
	t->effects_arena = mr_arena_new(EFFECTS_BYTES_MAX);
	mr_writer_init(&t->writer, conf->plan->format);
	mr_writer_init(&t->page, MR_MSGPACK);
	return t;
}

void
mr_task_free(struct mr_task *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->held.n; i++)
		free((void *)(uintptr_t)t->held.items[(t->held.head + i) % t->held.cap].user.p);
	free(t->held.items);
	free(t->effects);
	mr_writer_free(&t->writer);
	mr_writer_free(&t->page);
	mr_arena_free(t->effects_arena);
	mr_arena_free(t->scratch);
	mr_arena_free(t->batch);
	mr_decoder_free(t->decoder);
	mr_timers_free(t->timers);
	mr_users_free(t->users);
	free(t);
}

// ---- a batch ----

void
mr_task_batch(struct mr_task *t)
{
	mr_arena_reset(t->batch);
}

size_t
mr_task_batch_bytes(const struct mr_task *t)
{
	return mr_arena_used(t->batch);
}

struct mr_item *
mr_task_decode(struct mr_task *t, const struct mr_raw_record *raw)
{
	struct mr_item *item = mr_arena_alloc(t->batch, sizeof(*item));

	item->raw = raw;
	item->good = mr_decode(t->decoder, raw, t->batch, &item->event, &item->error);
	if (item->good) {
		item->user_hash = mr_users_hash(item->event.user);
		mr_users_prefetch(t->users, item->user_hash);
	}
	return item;
}

bool
mr_task_knows(struct mr_task *t, const struct mr_item *item)
{
	if (!item->good || !t->conf.stored)
		return true;
	struct mr_user *u = mr_users_find(t->users, item->event.user, item->user_hash);
	if (u)
		u->recent = true;   // stays until the batch has been applied
	return u != NULL;
}

bool
mr_task_has_user(const struct mr_task *t, struct mr_str user)
{
	return mr_users_find(t->users, user, mr_users_hash(user)) != NULL;
}

bool
mr_task_install(struct mr_task *t, struct mr_str user, struct mr_str page, uint64_t stamp)
{
	uint64_t hash = mr_users_hash(user);

	MR_ASSERT(mr_users_find(t->users, user, hash) == NULL);
	struct mr_user *u = mr_users_add(t->users, user, hash);
	if (page.n > 0) {
		if (!mr_page_decode(t->users, u, page, t->conf.topics, t->conf.n_topics))
			return false;
	} else {
		u->stamp = stamp;
	}
	u->ahead_until = u->stamp > t->resumed_seq ? u->stamp : t->resumed_seq;
	mr_timers_update(t->timers, u);
	return true;
}

// ---- one user, one event or timer ----

void
mr_task_ctx(struct mr_task *t, struct mr_user *u, const struct mr_event *e, struct mr_ctx *ctx)
{
	*ctx = (struct mr_ctx){
		.now_ms = t->clock_ms,
		.event = e,
		.user = mr_user_id(u),
		.origin = t->origin,
		.rule_set = t->plan->hash,
		.arena = t->scratch,
		.mem = &u->mem,
		.task = t,
		.record = u,
	};
}

static void
run_event(struct mr_task *t, struct mr_user *u, const struct mr_event *e)
{
	struct mr_ctx ctx;

	t->depth = e->depth;
	mr_task_ctx(t, u, e, &ctx);
	for (uint16_t i = 0; i < t->plan->n_ops; i++) {
		const struct mr_instance *inst = &t->plan->ops[i];
		ctx.op = i;
		if (inst->op->on_event)
			inst->op->on_event(&ctx, inst->conf, mr_user_state(u, inst));
	}
}

// The event (none where a timer fired), then all that was derived from it, breadth first.
void
mr_task_run_user(struct mr_task *t, struct mr_user *u, const struct mr_event *e)
{
	if (e)
		run_event(t, u, e);
	for (uint16_t i = 0; i < t->n_derived; i++) {
		struct mr_event derived = t->derived[i];
		run_event(t, u, &derived);
	}
	t->n_derived = 0;
	t->depth = 0;
}

static void
set_origin(struct mr_task *t, const struct mr_user *u)
{
	t->origin = (struct mr_origin){.partition = t->conf.partition, .offset = u->last_offset};
	if (u->last_topic >= 0)
		t->origin.topic = t->conf.topics[u->last_topic];
	else
		t->origin.offset = -1;
}

// Derived events are numbered by user, so that the numbers, which ids are made of, stay the same where
// a replay skips the users whose pages are ahead.
static void
begin_user(struct mr_task *t, struct mr_user *u)
{
	if (u->stamp != t->seq)
		u->n_derived = 0;
}

static void
fire(struct mr_task *t, struct mr_user *u)
{
	size_t before = u->mem.bytes;
	struct mr_user_timer timer = mr_user_timer_take(u);
	const struct mr_instance *inst = &t->plan->ops[timer.op];
	struct mr_ctx ctx;

	begin_user(t, u);
	set_origin(t, u);
	t->in_timer = true;
	mr_task_ctx(t, u, NULL, &ctx);
	ctx.op = timer.op;
	MR_ASSERT(inst->op->on_timer != NULL);
	inst->op->on_timer(&ctx, inst->conf, mr_user_state(u, inst), &(struct mr_timer){timer.key, timer.due_ms});
	mr_task_run_user(t, u, NULL);
	t->in_timer = false;
	mr_users_account(t->users, before, u->mem.bytes);
	mr_task_touch(t, u);
	mr_timers_update(t->timers, u);
	mr_arena_reset(t->scratch);
}

static int
compare(const struct mr_due_bound *a, const struct mr_due_bound *b)
{
	if (a->due_ms != b->due_ms)
		return a->due_ms < b->due_ms ? -1 : 1;
	return mr_str_cmp(a->user, b->user);
}

static bool
beyond(const struct mr_user *u, int64_t due_ms, const struct mr_due_bound *upto)
{
	return compare(&(struct mr_due_bound){due_ms, mr_user_id(u)}, upto) > 0;
}

// No timer of anybody who is not in memory may come before it.
static bool
in_order(const struct mr_task *t, const struct mr_user *u, int64_t due_ms)
{
	return compare(&(struct mr_due_bound){due_ms, mr_user_id(u)}, &t->index) < 0;
}

// The bound so far: the latest (due, user) that has fired.
static void
raise_bound(struct mr_task *t, const struct mr_user *u, int64_t due_ms, struct mr_due_bound *fired)
{
	struct mr_str id = mr_user_id(u);

	if (fired->user.n > 0 && !beyond(u, due_ms, fired))
		return;
	MR_ASSERT(id.n <= sizeof(t->upto_user));
	memcpy(t->upto_user, id.p, id.n);
	*fired = (struct mr_due_bound){due_ms, {t->upto_user, id.n}};
}

// Fires what is due, in order. With `fired` it stops after `max`, at the end of a user's timers of
// one instant, or where the next may be of a user who is not in memory, and says how far it came.
//
// An input leaves nothing that is due by its clock (or, with a bound, up to that), and the clock never goes
// back. So where a page is ahead in a replay, its timers are due after all that is skipped for it.
static void
fire_due(struct mr_task *t, int64_t time_ms, const struct mr_due_bound *upto, size_t max, struct mr_due_bound *fired)
{
	int64_t grace_ms = t->plan->time.grace_ms, due_ms;
	struct mr_user *u;
	size_t n = 0;

	MR_ASSERT(t->n_derived == 0);
	while ((u = mr_timers_first(t->timers, time_ms - grace_ms, &due_ms)) != NULL) {
		if (upto && beyond(u, due_ms, upto))
			break;
		if (fired && (!in_order(t, u, due_ms) || (n >= max && beyond(u, due_ms, fired))))
			break;
		if (fired)
			raise_bound(t, u, due_ms, fired);
		n++;
		if (due_ms + grace_ms > t->clock_ms)
			t->clock_ms = due_ms + grace_ms;
		fire(t, u);
	}
}

// All that is due by then is in memory, up to the bound where there is one.
static void
check_index(const struct mr_task *t, int64_t time_ms, const struct mr_due_bound *upto)
{
	bool before = upto && compare(upto, &t->index) < 0;

	MR_ASSERT(before || t->index.due_ms > time_ms - t->plan->time.grace_ms);
}

// ---- inputs ----

static void
begin_input(struct mr_task *t)
{
	t->seq++;
	t->effect_number = 0;
	mr_arena_reset(t->scratch);
}

static int64_t
clamped(const struct mr_task *t, int64_t time_ms)
{
	if (t->bound_ms != INT64_MAX && time_ms > t->bound_ms + t->plan->time.ahead_ms)
		return t->bound_ms + t->plan->time.ahead_ms;
	return time_ms;
}

static void
digest_input(struct mr_task *t, const struct mr_raw_record *raw)
{
	t->input_digest = XXH3_64bits_withSeed(raw->key.p, raw->key.n, t->input_digest);
	t->input_digest = XXH3_64bits_withSeed(raw->value.p, raw->value.n, t->input_digest);
}

static int16_t
topic_index(const struct mr_task *t, struct mr_str topic)
{
	for (size_t i = 0; i < t->conf.n_topics; i++)
		if (topic.p == t->conf.topics[i].p || mr_str_eq(topic, t->conf.topics[i]))
			return (int16_t)i;
	MR_ASSERT(!"a record of a topic that is no input");
	return -1;
}

static void
apply_event(struct mr_task *t, struct mr_user *u, const struct mr_item *item, int64_t time_ms)
{
	struct mr_event e = item->event;
	struct mr_value *fields = (struct mr_value *)(uintptr_t)e.fields;
	size_t before;

	e.time_ms = time_ms;
	fields[MR_FIELD_TIME] = mr_time(time_ms);
	t->origin = e.origin;
	if (mr_user_seen(t->users, u, e.message_id)) {
		t->counters[MR_C_DUPLICATE]++;
		return;
	}
	begin_user(t, u);
	before = u->mem.bytes;
	u->last_topic = topic_index(t, e.origin.topic);
	u->last_offset = e.origin.offset;
	mr_task_run_user(t, u, &e);
	mr_users_account(t->users, before, u->mem.bytes);
	mr_task_touch(t, u);
	mr_timers_update(t->timers, u);
}

static void
check_partition(struct mr_task *t, const struct mr_event *e)
{
	if (t->conf.partitions > 0 && !e->derived &&
	    mr_partition(e->user, t->conf.partitions, t->plan->crc32) != t->conf.partition)
		t->counters[MR_C_WRONG_PARTITION]++;
}

void
mr_task_apply(struct mr_task *t, const struct mr_item *item)
{
	begin_input(t);
	digest_input(t, item->raw);
	if (!item->good) {
		t->counters[MR_C_MALFORMED]++;
		t->origin = item->raw->origin;
		mr_task_dead_letter(t, item);
		return;
	}
	int64_t time_ms = clamped(t, item->event.time_ms);
	if (MR_MUTATION(CLAMP_BY_RECORD))
		time_ms = item->event.time_ms < item->raw->timestamp_ms ? item->event.time_ms : item->raw->timestamp_ms;
	if (time_ms != item->event.time_ms)
		t->counters[MR_C_CLAMPED]++;
	if (time_ms > t->clock_ms) {
		check_index(t, time_ms, NULL);
		fire_due(t, time_ms, NULL, 0, NULL);
		t->clock_ms = time_ms;
	}
	check_partition(t, &item->event);
	struct mr_user *u = mr_users_find(t->users, item->event.user, item->user_hash);
	if (u == NULL) {
		MR_ASSERT(!t->conf.stored);
		u = mr_users_add(t->users, item->event.user, item->user_hash);
	}
	u->recent = true;
	if (u->ahead_until < t->seq || MR_MUTATION(APPLY_TWICE))
		apply_event(t, u, item, time_ms);
	check_index(t, t->clock_ms, NULL);
	fire_due(t, t->clock_ms, NULL, 0, NULL);   // what was set in the past already
}

void
mr_task_tick(struct mr_task *t, int64_t time_ms, const struct mr_due_bound *upto)
{
	begin_input(t);
	if (upto && upto->due_ms + t->plan->time.grace_ms < time_ms)
		time_ms = upto->due_ms + t->plan->time.grace_ms;
	check_index(t, time_ms, upto);
	fire_due(t, time_ms, upto, 0, NULL);
	if (time_ms > t->clock_ms)
		t->clock_ms = time_ms;
}

bool
mr_task_crowded(const struct mr_task *t, int64_t time_ms, size_t max)
{
	if (time_ms == INT64_MIN)
		return false;   // nothing that has a time was applied yet
	int64_t due_ms = time_ms - t->plan->time.grace_ms;
	return t->index.due_ms <= due_ms || mr_timers_count(t->timers, due_ms, max + 1) > max;
}

bool
mr_task_fires(struct mr_task *t, int64_t time_ms)
{
	int64_t due_ms;
	const struct mr_user *u = mr_timers_first(t->timers, time_ms - t->plan->time.grace_ms, &due_ms);

	return u && in_order(t, u, due_ms);
}

void
mr_task_tick_some(struct mr_task *t, int64_t time_ms, size_t max, struct mr_due_bound *upto)
{
	MR_ASSERT(mr_task_fires(t, time_ms));
	*upto = (struct mr_due_bound){.due_ms = INT64_MIN};
	begin_input(t);
	fire_due(t, time_ms, NULL, max, upto);
}

int64_t
mr_task_clock_after(const struct mr_task *t, const struct mr_item *item)
{
	int64_t time_ms = item->good ? clamped(t, item->event.time_ms) : INT64_MIN;

	return time_ms > t->clock_ms ? time_ms : t->clock_ms;
}
