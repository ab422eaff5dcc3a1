#include "run/profiles.h"

#include "event/cloudevents.h"

#include <stdlib.h>

struct entry {
	struct mr_task *task;
	struct mr_str user;
	uint64_t seq;
};

struct list {
	struct mr_task *task;
	struct entry *items;
	size_t n;
};

static void
note(void *arg, struct mr_user *u)
{
	struct list *l = arg;

	l->items[l->n++] = (struct entry){l->task, mr_user_id(u), u->stamp};
}

static int
by_user(const void *a, const void *b)
{
	return mr_str_cmp(((const struct entry *)a)->user, ((const struct entry *)b)->user);
}

static bool
is_user_space(const struct mr_offer *offer)
{
	return mr_str_eq(offer->space, MR_LIT("user"));
}

// {user, seq, values}: what is absent is left out.
static void
write_body(const struct entry *e, struct mr_writer *w)
{
	const struct mr_plan *plan = mr_task_plan(e->task);
	struct mr_value *values = calloc(plan->n_offers + 1, sizeof(*values));
	uint32_t n = 0;

	MR_ASSERT(values != NULL);
	bool known = mr_task_values(e->task, e->user, values);
	MR_ASSERT(known);
	for (uint32_t i = 0; i < plan->n_offers; i++) {
		if (!is_user_space(&plan->offers[i]))
			values[i] = mr_absent();
		n += values[i].type != MR_ABSENT;
	}
	mr_writer_reset(w);
	mr_write_map(w, 3);
	MR_W_STR(w, "user", e->user);
	mr_write_key(w, MR_LIT("seq"));
	mr_write_uint(w, e->seq);
	mr_write_key(w, MR_LIT("values"));
	mr_write_map(w, n);
	for (uint32_t i = 0; i < plan->n_offers; i++) {
		if (values[i].type == MR_ABSENT)
			continue;
		mr_write_key(w, plan->offers[i].name);
		mr_write_value(w, values[i]);
	}
	free(values);
}

static void
print(const struct entry *e, struct mr_writer *body, struct mr_writer *line, FILE *out)
{
	const struct mr_plan *plan = mr_task_plan(e->task);
	char id[33];
	const struct mr_str parts[] = {plan->app, MR_LIT("profile"), e->user};

	mr_id(id, parts, sizeof(parts) / sizeof(parts[0]));
	write_body(e, body);
	struct mr_cloudevent ce = {
		.app = plan->app,
		.kind = MR_LIT("profile"),
		.id = {id, 32},
		.time_ms = mr_task_clock(e->task),
		.subject = e->user,
		.seq = e->seq,
		.format = MR_JSON,
	};
	mr_writer_reset(line);
	mr_ce_json(line, &ce, mr_writer_str(body));
	mr_writer_put(line, MR_LIT("\n"));
	fwrite(line->p, 1, line->n, out);
}

void
mr_profiles_print(struct mr_task **tasks, size_t n, FILE *out)
{
	struct mr_writer body, line;
	struct list list = {0};
	size_t users = 0;

	for (size_t i = 0; i < n; i++)
		users += mr_users_count(mr_task_users(tasks[i]));
	list.items = calloc(users + 1, sizeof(*list.items));
	MR_ASSERT(list.items != NULL);
	for (size_t i = 0; i < n; i++) {
		list.task = tasks[i];
		mr_users_each(mr_task_users(tasks[i]), note, &list);
	}
	MR_ASSERT(list.n == users);
	qsort(list.items, list.n, sizeof(*list.items), by_user);   // no ties: a user lies in one task
	mr_writer_init(&body, MR_JSON);
	mr_writer_init(&line, MR_JSON);
	for (size_t i = 0; i < list.n; i++)
		print(&list.items[i], &body, &line, out);
	mr_writer_free(&body);
	mr_writer_free(&line);
	free(list.items);
}
