// What a task is besides its users: clock, seq, digests, and its form in the journal.
#include "core/task_impl.h"

void
mr_task_bound(struct mr_task *t, int64_t bound_ms)
{
	t->bound_ms = bound_ms;
}

uint64_t
mr_task_seq(const struct mr_task *t)
{
	return t->seq;
}

int64_t
mr_task_clock(const struct mr_task *t)
{
	return t->clock_ms;
}

int64_t
mr_task_next_due(struct mr_task *t)
{
	int64_t due_ms;

	return mr_timers_first(t->timers, MR_DUE_NEVER - 1, &due_ms) ? due_ms : MR_DUE_NEVER;
}

struct mr_users *
mr_task_users(struct mr_task *t)
{
	return t->users;
}

const struct mr_plan *
mr_task_plan(const struct mr_task *t)
{
	return t->plan;
}

const uint64_t *
mr_task_counters(const struct mr_task *t)
{
	return t->counters;
}

#define TASK_STATE_VERSION 1

void
mr_task_state_encode(const struct mr_task *t, struct mr_writer *w)
{
	mr_write_array(w, 2);
	mr_write_uint(w, TASK_STATE_VERSION);
	mr_write_int(w, t->clock_ms);
}

bool
mr_task_state_decode(struct mr_task *t, struct mr_str state)
{
	struct mr_reader r = mr_reader_of(state);

	if (mr_read_array(&r) < 2 || mr_read_uint(&r) != TASK_STATE_VERSION)
		return false;
	t->clock_ms = mr_read_int(&r);
	return mr_reader_ok(&r);
}

void
mr_task_resume(struct mr_task *t, uint64_t seq)
{
	MR_ASSERT(t->seq == 0 && mr_users_count(t->users) == 0);
	t->seq = seq;
}

void
mr_task_skip(struct mr_task *t, uint64_t n)
{
	t->seq += n;
}

void
mr_task_pages_as_of(struct mr_task *t, uint64_t meta_seq)
{
	t->resumed_seq = meta_seq;
}

void
mr_task_digests(struct mr_task *t, uint64_t *inputs, uint64_t *effects)
{
	*inputs = t->input_digest;
	*effects = t->effect_digest;
}

void
mr_task_digests_begin(struct mr_task *t)
{
	t->input_digest = t->effect_digest = 0;
}
