// Looking into a task from outside an input: profiles, tests.
#include "core/task_impl.h"

bool
mr_task_values(struct mr_task *t, struct mr_str user, struct mr_value *out)
{
	struct mr_user *u = mr_users_find(t->users, user, mr_users_hash(user));
	struct mr_ctx ctx;

	if (u == NULL)
		return false;
	mr_arena_reset(t->scratch);
	mr_task_ctx(t, u, NULL, &ctx);
	for (uint32_t i = 0; i < t->plan->n_offers; i++)
		out[i] = mr_user_value(&ctx, (int32_t)i);
	return true;
}

size_t
mr_task_timer_users(const struct mr_task *t)
{
	return mr_timers_size(t->timers);
}

struct roundtrip {
	struct mr_task *task;
	struct mr_writer first, second;
	bool same;
};

static void
roundtrip(void *arg, struct mr_user *u)
{
	struct roundtrip *r = arg;
	struct mr_task *t = r->task;

	mr_writer_reset(&r->first);
	mr_page_encode(t->users, u, t->conf.topics, &r->first);
	mr_timers_remove(t->timers, u);
	bool stored = !mr_user_empty(t->users, u);    // of an empty record the store keeps nothing
	mr_user_reset(t->users, u);
	if (stored && !mr_page_decode(t->users, u, mr_writer_str(&r->first), t->conf.topics, t->conf.n_topics))
		r->same = false;
	mr_timers_update(t->timers, u);
	mr_writer_reset(&r->second);
	mr_page_encode(t->users, u, t->conf.topics, &r->second);
	if (!mr_str_eq(mr_writer_str(&r->first), mr_writer_str(&r->second)))
		r->same = false;
}

bool
mr_task_roundtrip(struct mr_task *t)
{
	struct roundtrip r = {.task = t, .same = true};

	mr_writer_init(&r.first, MR_MSGPACK);
	mr_writer_init(&r.second, MR_MSGPACK);
	mr_users_each(t->users, roundtrip, &r);
	mr_writer_free(&r.first);
	mr_writer_free(&r.second);
	return r.same;
}
