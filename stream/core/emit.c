// Effects: messages out, numbered within their input, kept until the worker takes them away.
#include "core/task_impl.h"

#include "event/dead_letter.h"

#include <stdlib.h>

#include <xxhash.h>

#define MESSAGE_BYTES_MAX 900000u   // below Kafka's default bound of a message

bool
mr_emit_wanted(const struct mr_ctx *ctx, enum mr_output output)
{
	return ctx->task->plan->wanted[output];
}

bool
mr_emit_entry_decisions(const struct mr_ctx *ctx)
{
	return ctx->task->plan->wanted_entry_decisions;
}

bool
mr_emit_explain(const struct mr_ctx *ctx)
{
	return ctx->task->plan->explain;
}

static struct mr_writer *
emit_begin(struct mr_task *t, const struct mr_message *m)
{
	MR_ASSERT(!t->emitting);
	t->emitting = true;
	t->message = *m;
	mr_writer_reset(&t->writer);
	return &t->writer;
}

struct mr_writer *
mr_emit_begin(struct mr_ctx *ctx, const struct mr_message *m)
{
	return emit_begin(ctx->task, m);
}

static struct mr_effect *
effect_add(struct mr_task *t)
{
	if (t->n_effects == t->cap_effects) {
		t->cap_effects = t->cap_effects ? 2 * t->cap_effects : 256;
		t->effects = realloc(t->effects, t->cap_effects * sizeof(*t->effects));
		MR_ASSERT(t->effects != NULL);
	}
	return &t->effects[t->n_effects++];
}

static bool
emit_end(struct mr_task *t, struct mr_str user)
{
	struct mr_str body = mr_writer_str(&t->writer);
	const struct mr_message *m = &t->message;
	size_t max = m->output == MR_OUT_ACTION ? t->plan->action_bytes_max : MESSAGE_BYTES_MAX;

	MR_ASSERT(t->emitting);
	MR_ASSERT(t->writer.depth == 0);
	t->emitting = false;
	if (body.n > max)
		return false;
	if (!t->plan->wanted[m->output])
		return true;
	uint32_t number = t->effect_number++;
	t->effect_digest = XXH3_64bits_withSeed(m->id, 32, t->effect_digest);
	t->effect_digest = XXH3_64bits_withSeed(body.p, body.n, t->effect_digest);
	if (t->seq <= t->quiet_until)
		return true;
	struct mr_effect *e = effect_add(t);
	*e = (struct mr_effect){
		.seq = t->seq,
		.number = number,
		.output = m->output,
		.timer = t->in_timer,
		.channel = mr_arena_copy(t->effects_arena, m->channel),
		.user = mr_arena_copy(t->effects_arena, user),
		.body = mr_arena_copy(t->effects_arena, body),
		.traceparent = mr_arena_copy(t->effects_arena, m->traceparent),
		.time_ms = t->clock_ms == INT64_MIN ? 0 : t->clock_ms,   // no event so far: nothing is before 1970
		.expires_ms = m->expires_ms,
	};
	memcpy(e->id, m->id, sizeof(e->id));
	return true;
}

bool
mr_emit_end(struct mr_ctx *ctx)
{
	return emit_end(ctx->task, ctx->user);
}

void
mr_task_dead_letter(struct mr_task *t, const struct mr_item *item)
{
	struct mr_message m = {.output = MR_OUT_DEAD_LETTER, .traceparent = mr_raw_traceparent(item->raw)};
	struct mr_str key = item->raw->key;

	mr_dead_letter_id(m.id, t->plan->app, &item->raw->origin);
	mr_dead_letter_write(emit_begin(t, &m), item->raw, &item->error, t->scratch);
	if (key.n > MR_DEAD_KEY_MAX)
		key.n = MR_DEAD_KEY_MAX;
	bool fits = emit_end(t, key);
	MR_ASSERT(fits);   // its parts are capped
}

const struct mr_effect *
mr_task_effects(const struct mr_task *t, size_t *n)
{
	*n = t->n_effects;
	return t->effects;
}

void
mr_task_effects_done(struct mr_task *t)
{
	t->n_effects = 0;
	mr_arena_reset(t->effects_arena);
}

void
mr_task_quiet_until(struct mr_task *t, uint64_t seq)
{
	t->quiet_until = seq;
}
