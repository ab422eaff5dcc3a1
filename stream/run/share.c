#include "run/share.h"

#include "core/arena.h"

#include <stdlib.h>

#define ARENA_BYTES_MAX (1024u << 20)

struct mr_share *
mr_share_new(struct mr_lane *lane, int64_t bound_ms, uint64_t first_seq)
{
	struct mr_share *s = calloc(1, sizeof(*s));

	MR_ASSERT(s != NULL);
	s->lane = lane;
	s->bound_ms = bound_ms;
	s->first_seq = first_seq;
	s->last_seq = first_seq - 1;
	mr_writer_init(&s->state, MR_MSGPACK);
	mr_writer_init(&s->journal, MR_MSGPACK);
	return s;
}

void
mr_share_free(struct mr_share *s)
{
	if (s == NULL)
		return;
	for (uint32_t i = 0; i < s->n_inputs; i++)
		free((void *)(uintptr_t)s->inputs[i].user.p);
	free(s->inputs);
	free(s->effects);
	free(s->causes);
	mr_arena_free(s->arena);
	mr_writer_free(&s->state);
	mr_writer_free(&s->journal);
	free(s);
}

static struct mr_journal_input *
input_add(struct mr_share *s)
{
	if (s->n_inputs == s->cap_inputs) {
		s->cap_inputs = s->cap_inputs ? 2 * s->cap_inputs : 8;
		s->inputs = realloc(s->inputs, s->cap_inputs * sizeof(*s->inputs));
		MR_ASSERT(s->inputs != NULL);
	}
	struct mr_journal_input *in = &s->inputs[s->n_inputs++];
	*in = (struct mr_journal_input){0};
	return in;
}

void
mr_share_add_record(struct mr_share *s, uint32_t topic, int64_t offset)
{
	struct mr_journal_input *last = s->n_inputs ? &s->inputs[s->n_inputs - 1] : NULL;

	s->last_seq++;
	if (last && last->kind == MR_JOURNAL_RANGE && last->topic == topic) {
		MR_ASSERT(offset >= last->to);
		last->to = offset + 1;
		last->count++;
		return;
	}
	last = input_add(s);
	last->kind = MR_JOURNAL_RANGE;
	last->topic = topic;
	last->from = offset;
	last->to = offset + 1;
	last->count = 1;
}

void
mr_share_add_tick(struct mr_share *s, int64_t time_ms, const struct mr_due_bound *upto)
{
	struct mr_journal_input *in = input_add(s);

	s->last_seq++;
	in->kind = MR_JOURNAL_TICK;
	in->time_ms = time_ms;
	if (upto == NULL)
		return;
	char *user = malloc(upto->user.n + 1);
	MR_ASSERT(user != NULL);
	memcpy(user, upto->user.p, upto->user.n);
	in->bounded = true;
	in->due_ms = upto->due_ms;
	in->user = (struct mr_str){user, upto->user.n};
}

void
mr_share_add_gap(struct mr_share *s, uint32_t topic, int64_t from, int64_t to)
{
	struct mr_journal_input *in = input_add(s);

	in->kind = MR_JOURNAL_GAP;
	in->topic = topic;
	in->from = from;
	in->to = to;
}

static void
copy_effect(struct mr_share *s, const struct mr_effect *from)
{
	if (s->n_effects == s->cap_effects) {
		s->cap_effects = s->cap_effects ? 2 * s->cap_effects : 16;
		s->effects = realloc(s->effects, s->cap_effects * sizeof(*s->effects));
		s->causes = realloc(s->causes, s->cap_effects * sizeof(*s->causes));
		MR_ASSERT(s->effects && s->causes);
	}
	if (s->arena == NULL)
		s->arena = mr_arena_new(ARENA_BYTES_MAX);
	s->causes[s->n_effects] = (struct mr_share_cause){0};
	struct mr_effect *e = &s->effects[s->n_effects++];
	*e = *from;
	e->channel = mr_arena_copy(s->arena, from->channel);
	e->user = mr_arena_copy(s->arena, from->user);
	e->body = mr_arena_copy(s->arena, from->body);
	e->traceparent = mr_arena_copy(s->arena, from->traceparent);
	MR_ASSERT(!mr_arena_overflowed(s->arena));
}

void
mr_share_take(struct mr_share *s, struct mr_task *task)
{
	size_t n;
	const struct mr_effect *effects = mr_task_effects(task, &n);

	for (size_t i = 0; i < n; i++)
		copy_effect(s, &effects[i]);
	mr_task_effects_done(task);
	MR_ASSERT(s->last_seq == mr_task_seq(task) && !s->journal_sent);
	mr_writer_reset(&s->state);
	mr_task_state_encode(task, &s->state);
	mr_task_digests(task, &s->input_digest, &s->effect_digest);
}

void
mr_share_unsend(struct mr_share *s)
{
	MR_ASSERT(atomic_load(&s->pending) == 0);
	s->n_sent = 0;
	s->journal_sent = false;
}
