// A run's life: it begins at a trigger, moves from step to step, waits in the user's record, and
// ends with a decision. A run that never waits is never stored.
#include "rules.h"

// ---- frames: where the names in a rule's expressions lead ----

static void
set_value(struct mr_live *l, int space, uint32_t number, struct mr_value v)
{
	MR_ASSERT(space >= MR_SPACE_TRIGGER && space < MR_SPACE_MAX);
	if (number >= l->rule->sizes[space])
		return;
	if (l->values[space] == NULL) {
		l->values[space] = mr_arena_alloc(l->ctx->arena, l->rule->sizes[space] * sizeof(struct mr_value));
		l->frame.spaces[space] = l->values[space];
		l->frame.sizes[space] = l->rule->sizes[space];
	}
	l->values[space][number] = v;
}

static void
open_frame(struct mr_live *l)
{
	struct mr_str key = l->subject.key;

	l->run_values[MR_RUN_KEY] = key.n ? mr_string(key) : mr_absent();
	l->run_values[MR_RUN_STARTED_AT] = mr_time(l->subject.started_ms);
	l->frame.spaces[MR_SPACE_RUN] = l->run_values;
	l->frame.sizes[MR_SPACE_RUN] = MR_RUN_FIELDS;
}

static struct mr_subject
subject_of(const struct mr_rules *conf, const struct mr_run *run)
{
	const struct mr_rule *rule = run->rule == MR_RULE_GONE ? NULL : &conf->rules[run->rule];

	return (struct mr_subject){
		.rule = rule ? rule->name : mr_run_part(run, MR_PART_RULE),
		.hash = rule ? mr_str_of(rule->hash) : mr_run_part(run, MR_PART_HASH),
		.category = rule ? rule->category : MR_LIT("marketing"),
		.priority = rule ? rule->priority : 0,
		.set = mr_str_of(run->set), .id = mr_str_of(run->id),
		.key = mr_run_part(run, MR_PART_KEY),
		.anonymous_id = mr_run_part(run, MR_PART_ANONYMOUS_ID),
		.traceparent = mr_run_part(run, MR_PART_TRACEPARENT),
		.started_ms = run->started_ms,
	};
}

// Copies the stored parts to the arena, so that they outlive the run's block.
static void
open_stored(struct mr_live *l, struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st,
    const struct mr_run *run)
{
	struct mr_run copy = *run;

	MR_ASSERT(run->rule >= 0 && (uint32_t)run->rule < conf->n);
	*l = (struct mr_live){.ctx = ctx, .conf = conf, .state = st, .rule = &conf->rules[run->rule]};
	copy.block = (char *)(uintptr_t)mr_arena_copy(ctx->arena,
	    (struct mr_str){run->block, run->ends[MR_PARTS - 1]}).p;
	l->subject = subject_of(conf, &copy);
	l->subject.id = mr_arena_copy(ctx->arena, l->subject.id);
	l->subject.set = mr_arena_copy(ctx->arena, l->subject.set);
	l->trigger_event = mr_run_part(&copy, MR_PART_EVENT);
	l->trigger_message_id = mr_run_part(&copy, MR_PART_MESSAGE_ID);
	l->trigger_origin = (struct mr_origin){mr_run_part(&copy, MR_PART_TOPIC), copy.partition, copy.offset};
	l->trigger_ms = copy.time_ms;
	open_frame(l);
	struct mr_reader r = mr_reader_of(mr_run_part(&copy, MR_PART_VALUES));
	while (!mr_reader_done(&r)) {
		uint64_t slot = mr_read_uint(&r);
		struct mr_value v = mr_read_state_value(&r, ctx->arena);
		if (mr_reader_ok(&r) && slot < l->rule->n_slots)
			set_value(l, l->rule->slots[slot].space, l->rule->slots[slot].number, v);
		else if (mr_reader_ok(&r) && slot == l->rule->n_slots)
			mr_why_restore(l, v);
	}
	MR_ASSERT(mr_reader_ok(&r));
}

// ---- storing ----

static struct mr_value
slot_value(const struct mr_live *l, const struct mr_slot *slot)
{
	const struct mr_value *values = l->frame.spaces[slot->space];

	return values && slot->number < l->frame.sizes[slot->space] ? values[slot->number] : mr_absent();
}

// A value that would go over the bound is left out, and counted.
static void
write_slot(const struct mr_live *l, struct mr_writer *w, uint32_t slot, struct mr_value v)
{
	size_t before = w->n;

	if (v.type == MR_ABSENT || v.type == MR_UNKNOWN)
		return;
	mr_write_uint(w, slot);
	mr_write_state_value(w, v);
	if (w->n > MR_VALUES_BYTES_MAX) {
		w->n = before;
		mr_count(l->ctx, MR_C_BOUND_CUT);
	}
}

// What the rule's steps may still read, and what was read on the way.
static void
write_values(const struct mr_live *l, struct mr_writer *w)
{
	for (uint32_t i = 0; i < l->rule->n_slots; i++)
		write_slot(l, w, i, slot_value(l, &l->rule->slots[i]));
	write_slot(l, w, l->rule->n_slots, mr_why(l));
}

static void
store_parts(const struct mr_live *l, struct mr_run *run)
{
	struct mr_writer w;

	mr_writer_init(&w, MR_MSGPACK);
	write_values(l, &w);
	struct mr_str parts[MR_PARTS] = {
		[MR_PART_KEY] = l->subject.key,
		[MR_PART_EVENT] = l->trigger_event,
		[MR_PART_MESSAGE_ID] = l->trigger_message_id,
		[MR_PART_ANONYMOUS_ID] = l->subject.anonymous_id,
		[MR_PART_TOPIC] = l->trigger_origin.topic,
		[MR_PART_TRACEPARENT] = l->subject.traceparent,
		[MR_PART_VALUES] = mr_writer_str(&w),
	};
	mr_run_set_parts(run, l->ctx->mem, parts);
	mr_writer_free(&w);
}

static struct mr_run *
insert(const struct mr_live *l)
{
	struct mr_rules_state *st = l->state;

	MR_ASSERT(st->n_runs < MR_RUNS_MAX);
	st->runs = mr_rules_grow(l->ctx->mem, st->runs, st->n_runs, &st->cap_runs, sizeof(*st->runs));
	struct mr_run *run = &st->runs[st->n_runs++];
	*run = (struct mr_run){
		.number = st->next++, .rule = l->rule->index, .partition = l->trigger_origin.partition,
		.offset = l->trigger_origin.offset, .time_ms = l->trigger_ms, .started_ms = l->subject.started_ms,
	};
	MR_ASSERT(l->subject.id.n == 32 && l->subject.set.n == 32);
	memcpy(run->id, l->subject.id.p, 32);
	memcpy(run->set, l->subject.set.p, 32);
	return run;
}

// The run waits at `step` until due. `run` is NULL where it has not been stored yet.
static void
park(struct mr_live *l, struct mr_run *run, uint32_t step, int64_t due_ms)
{
	bool is_new = run == NULL;

	MR_ASSERT(step < l->rule->n_steps);
	if (is_new)
		run = insert(l);
	if (is_new || l->changed)
		store_parts(l, run);
	run->step = (uint16_t)step;
	run->reached_ms = l->ctx->event ? l->ctx->event->time_ms : l->ctx->now_ms;
	mr_timer_set(l->ctx, mr_run_timer(run->number), due_ms);
}

static void
forget(struct mr_ctx *ctx, struct mr_rules_state *st, struct mr_run *run)
{
	uint32_t at = (uint32_t)(run - st->runs);

	MR_ASSERT(at < st->n_runs);
	mr_timer_clear(ctx, mr_run_timer(run->number));
	st->n_gone -= run->rule == MR_RULE_GONE;
	mr_run_release(run, ctx->mem);
	st->n_runs--;
	memmove(run, run + 1, (st->n_runs - at) * sizeof(*run));
	if (st->n_runs == 0 && st->n_tags == 0)
		st->next = 0;
}

// ---- steps ----

// Whether an absence that ended at `due` has been waited for: the grace is over too.
static bool
is_over(const struct mr_live *l, int64_t due_ms)
{
	return due_ms <= l->ctx->now_ms - l->conf->time.grace_ms;
}

// The end of a wait. The first one counts from the trigger's event time, a later one from now.
// INT64_MAX: `until` gives no time.
static int64_t
wait_end(struct mr_live *l, const struct mr_step *s)
{
	if (s->expr == NULL)
		return (l->fresh ? l->trigger_ms : l->ctx->now_ms) + s->length_ms;
	struct mr_value v = mr_eval(l->ctx, s->expr, &l->frame);
	return v.type == MR_TIME ? v.ms : INT64_MAX;
}

static void
finish(struct mr_live *l, struct mr_run *run, const char *reason)
{
	mr_write_decision(l->ctx, l->conf, &l->subject, NULL, "run", reason, INT64_MIN, NULL);
	if (run)
		forget(l->ctx, l->state, run);
}

static void
tag(struct mr_live *l, const struct mr_step *s)
{
	if (s->remove)
		mr_tag_remove(l->ctx, l->conf, l->state, s->tag);
	else
		mr_tag_add(l->ctx, l->conf, l->state, s->tag, s->length_ms);
}

// Moves on from `step` until the run waits or ends. There are no loops in a rule, so it does.
// Tags can't move runs, so `run` stays where it is.
static void
advance(struct mr_live *l, struct mr_run *run, uint32_t step)
{
	for (;;) {
		MR_ASSERT(step < l->rule->n_steps);
		const struct mr_step *s = &l->rule->steps[step++];
		switch (s->op) {
		case MR_STEP_WAIT: {
			int64_t due_ms = wait_end(l, s);
			if (due_ms == INT64_MAX) {
				mr_count(l->ctx, MR_C_CONDITION_UNKNOWN);
				finish(l, run, "stopped");
				return;
			}
			l->fresh = false;
			if (!is_over(l, due_ms)) {
				park(l, run, step - 1, due_ms);
				return;
			}
			break;
		}
		case MR_STEP_WAIT_FOR:
			park(l, run, step - 1, l->ctx->now_ms + s->length_ms);
			return;
		case MR_STEP_IF:
			mr_why_add(l, &s->reads);
			if (!mr_test(l->ctx, s->expr, &l->frame))
				step = s->target;
			break;
		case MR_STEP_JUMP:
			step = s->target;
			break;
		case MR_STEP_SEND:
			mr_rules_propose(l, s);
			break;
		case MR_STEP_TAG:
			tag(l, s);
			break;
		case MR_STEP_STOP:
			finish(l, run, "stopped");
			return;
		case MR_STEP_END:
			finish(l, run, "completed");
			return;
		}
	}
}

// ---- what the other files call ----

struct mr_run *
mr_run_find(const struct mr_rules_state *st, const struct mr_rule *rule, struct mr_str key)
{
	for (uint32_t i = 0; i < st->n_runs; i++) {
		if (st->runs[i].rule == rule->index && mr_str_eq(mr_run_part(&st->runs[i], MR_PART_KEY), key))
			return &st->runs[i];
	}
	return NULL;
}

void
mr_run_begin(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st, const struct mr_rule *rule,
    struct mr_str key, const char id[33])
{
	const struct mr_event *e = ctx->event;
	MR_ASSERT(e != NULL && st->n_runs < MR_RUNS_MAX);
	struct mr_live l = {
		.ctx = ctx, .conf = conf, .state = st, .rule = rule,
		.subject = {
			.rule = rule->name, .hash = mr_str_of(rule->hash), .category = rule->category,
			.set = mr_str_of(ctx->rule_set), .id = mr_str_of(id), .key = key, .anonymous_id = e->anonymous_id,
			.traceparent = e->traceparent, .priority = rule->priority,
			.started_ms = ctx->now_ms, .cause = mr_cause_event(e),
		},
		.trigger_event = e->name, .trigger_message_id = e->message_id,
		.trigger_origin = e->origin, .trigger_ms = e->time_ms, .fresh = true,
	};

	open_frame(&l);
	l.frame.spaces[MR_SPACE_TRIGGER] = e->fields;
	l.frame.sizes[MR_SPACE_TRIGGER] = e->n_fields;
	mr_why_add(&l, &rule->reads);
	advance(&l, NULL, 0);
}

void
mr_run_end(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st, struct mr_run *run,
    const char *reason, const struct mr_cause *cause)
{
	struct mr_subject subject = subject_of(conf, run);

	subject.cause = *cause;
	mr_write_decision(ctx, conf, &subject, NULL, "run", reason, INT64_MIN,
	    strcmp(reason, "cancelled") == 0 ? cause : NULL);
	forget(ctx, st, run);
}

void
mr_runs_sweep(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st, const struct mr_cause *cause)
{
	for (uint32_t i = 0; st->n_gone > 0 && i < st->n_runs;) {
		const struct mr_run *run = &st->runs[i];
		struct mr_cause c = *cause;
		if (run->rule != MR_RULE_GONE) {
			i++;
			continue;
		}
		if (c.timer) {
			c.event = mr_run_part(run, MR_PART_EVENT);
			c.message_id = mr_run_part(run, MR_PART_MESSAGE_ID);
			c.time_ms = run->time_ms;
			c.origin = (struct mr_origin){mr_run_part(run, MR_PART_TOPIC), run->partition, run->offset};
		}
		mr_run_end(ctx, conf, st, &st->runs[i], "rule_removed", &c);
	}
}

// An event older than the trigger can't cancel what the trigger began.
static bool
cancels(struct mr_live *l, const struct mr_event *e)
{
	if (e->time_ms < l->trigger_ms)
		return false;
	for (uint32_t i = 0; i < l->rule->n_cancels; i++) {
		const struct mr_cancel *c = &l->rule->cancels[i];
		if (mr_selects(&c->on, e) && (c->when == NULL || mr_test(l->ctx, c->when, &l->frame)))
			return true;
	}
	return false;
}

static bool
may_touch(const struct mr_rule *rule, const struct mr_run *run, const struct mr_event *e)
{
	const struct mr_step *s = &rule->steps[run->step];

	MR_ASSERT(s->op == MR_STEP_WAIT || s->op == MR_STEP_WAIT_FOR);
	if (s->op == MR_STEP_WAIT_FOR && mr_selects(&s->on, e))
		return true;
	for (uint32_t i = 0; i < rule->n_cancels; i++) {
		if (mr_selects(&rule->cancels[i].on, e))
			return true;
	}
	return false;
}

// An event that happened before the step was reached is no answer though it comes later, nor is one
// that happened after the wait's end though the grace is not over yet.
static bool
answers(struct mr_live *l, const struct mr_run *run, const struct mr_event *e)
{
	const struct mr_step *s = &l->rule->steps[run->step];

	return s->op == MR_STEP_WAIT_FOR && mr_selects(&s->on, e) &&
	    e->time_ms >= run->reached_ms && e->time_ms <= mr_timer_due(l->ctx, mr_run_timer(run->number)) &&
	    (s->expr == NULL || mr_test(l->ctx, s->expr, &l->frame));
}

static void
answered(struct mr_live *l, struct mr_run *run, const struct mr_event *e)
{
	const struct mr_step *s = &l->rule->steps[run->step];
	int space = MR_SPACE_NAMED + s->name;

	l->subject.cause = mr_cause_event(e);
	for (uint32_t i = 0; s->name >= 0 && i < l->rule->n_slots; i++) {
		const struct mr_slot *slot = &l->rule->slots[i];
		if (slot->space == space) {
			set_value(l, space, slot->number, mr_event_field(e, slot->number));
			l->changed = true;
		}
	}
	mr_why_add(l, &s->reads);
	mr_timer_clear(l->ctx, mr_run_timer(run->number));
	advance(l, run, run->step + 1u);
}

void
mr_runs_event(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st)
{
	const struct mr_event *e = ctx->event;

	for (uint32_t i = 0; i < st->n_runs;) {
		struct mr_run *run = &st->runs[i];
		uint64_t number = run->number;
		if (may_touch(&conf->rules[run->rule], run, e)) {
			struct mr_live l;
			open_stored(&l, ctx, conf, st, run);
			struct mr_cause cause = mr_cause_event(e);
			if (cancels(&l, e))
				mr_run_end(ctx, conf, st, run, "cancelled", &cause);
			else if (answers(&l, run, e))
				answered(&l, run, e);
		}
		// A run that ended made room for the next one.
		if (i < st->n_runs && st->runs[i].number == number)
			i++;
	}
}

void
mr_run_timer_fired(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st, uint64_t number, int64_t due_ms)
{
	struct mr_run *run = st->runs;
	struct mr_live l;

	while (run < st->runs + st->n_runs && run->number != number)
		run++;
	if (run == st->runs + st->n_runs)
		return;   // swept just now
	open_stored(&l, ctx, conf, st, run);
	l.subject.cause = (struct mr_cause){
		.timer = true, .due_ms = due_ms, .event = l.trigger_event, .message_id = l.trigger_message_id,
		.time_ms = l.trigger_ms, .origin = l.trigger_origin,
	};
	const struct mr_step *s = &l.rule->steps[run->step];
	MR_ASSERT(s->op == MR_STEP_WAIT || s->op == MR_STEP_WAIT_FOR);
	advance(&l, run, s->op == MR_STEP_WAIT ? run->step + 1u : s->target);
}
