// The order of timers: (due, user, number), whatever the order in which they were set.
#include "core/timers.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct mr_plan plan;   // no operators: records are headers alone

struct world {
	struct mr_users *users;
	struct mr_timers *timers;
};

static struct world
new_world(void)
{
	struct world w = {.users = mr_users_new(&plan)};

	w.timers = mr_timers_new();
	return w;
}

static void
end_world(struct world *w)
{
	mr_timers_free(w->timers);
	mr_users_free(w->users);
}

static struct mr_user *
user(struct world *w, const char *name)
{
	struct mr_str id = mr_str_of(name);
	uint64_t hash = mr_users_hash(id);
	struct mr_user *u = mr_users_find(w->users, id, hash);

	return u ? u : mr_users_add(w->users, id, hash);
}

static void
set(struct world *w, const char *name, uint64_t key, int64_t due_ms)
{
	struct mr_user *u = user(w, name);
	size_t before = u->mem.bytes;

	cr_assert(mr_user_timer_set(u, 0, key, due_ms));
	mr_users_account(w->users, before, u->mem.bytes);
	mr_timers_update(w->timers, u);
}

// Takes the first; "user key due", or "" when nothing is due.
static const char *
take(struct world *w, int64_t until_ms)
{
	static char text[64];
	int64_t due_ms;
	struct mr_user *u = mr_timers_first(w->timers, until_ms, &due_ms);

	if (u == NULL)
		return "";
	struct mr_user_timer t = mr_user_timer_take(u);
	mr_timers_update(w->timers, u);
	cr_assert_eq(t.due_ms, due_ms);
	struct mr_str id = mr_user_id(u);
	snprintf(text, sizeof(text), "%.*s %lu %ld", (int)id.n, id.p, (unsigned long)t.key, (long)t.due_ms);
	return text;
}

Test(timers, fire_by_due_then_user_then_number)
{
	struct world w = new_world();

	set(&w, "b", 1, 20);
	set(&w, "b", 2, 10);
	set(&w, "c", 3, 10);
	set(&w, "a", 4, 20);
	set(&w, "b", 5, 10);
	cr_assert_str_eq(take(&w, 100), "b 2 10");
	cr_assert_str_eq(take(&w, 100), "b 5 10");
	cr_assert_str_eq(take(&w, 100), "c 3 10");
	cr_assert_str_eq(take(&w, 100), "a 4 20");
	cr_assert_str_eq(take(&w, 100), "b 1 20");
	cr_assert_str_eq(take(&w, 100), "");
	end_world(&w);
}

Test(timers, a_timer_that_moves_on_fires_at_its_last_due)
{
	struct world w = new_world();

	set(&w, "a", 1, 10);
	set(&w, "b", 1, 15);
	for (int64_t due_ms = 11; due_ms <= 30; due_ms++)
		set(&w, "a", 1, due_ms);
	cr_assert_str_eq(take(&w, 14), "");
	cr_assert_str_eq(take(&w, 20), "b 1 15");
	cr_assert_str_eq(take(&w, 29), "");
	cr_assert_str_eq(take(&w, 30), "a 1 30");
	end_world(&w);
}

Test(timers, a_timer_that_moves_back_or_goes_is_seen)
{
	struct world w = new_world();

	set(&w, "a", 1, 50);
	set(&w, "b", 1, 40);
	set(&w, "a", 1, 30);
	cr_assert_eq(mr_timers_count(w.timers, 40, 10), 2);
	cr_assert_eq(mr_timers_count(w.timers, 39, 10), 1);
	cr_assert_eq(mr_timers_count(w.timers, 40, 1), 1);
	mr_user_timer_clear(user(&w, "b"), 0, 1);
	mr_timers_update(w.timers, user(&w, "b"));
	cr_assert_str_eq(take(&w, 100), "a 1 30");
	cr_assert_str_eq(take(&w, 100), "");
	end_world(&w);
}

Test(timers, a_user_has_a_bound)
{
	struct world w = new_world();
	struct mr_user *u = user(&w, "a");
	size_t before = u->mem.bytes;

	for (uint64_t key = 0; key < MR_TIMERS_MAX; key++)
		cr_assert(mr_user_timer_set(u, 0, key, 10));
	cr_assert_not(mr_user_timer_set(u, 0, MR_TIMERS_MAX, 10));
	cr_assert(mr_user_timer_set(u, 0, 7, 11), "one that is there can be moved all the same");
	mr_users_account(w.users, before, u->mem.bytes);
	end_world(&w);
}

// Many users in a scrambled order come out sorted.
Test(timers, a_heap_of_many)
{
	struct world w = new_world();
	char name[16], last[32] = "";
	uint64_t state = 1;

	for (int i = 0; i < 5000; i++) {
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		snprintf(name, sizeof(name), "u%04d", (int)(state >> 33) % 3000);
		set(&w, name, state >> 60, 1000 + (int64_t)(state >> 40) % 500);
	}
	for (int64_t until_ms = 1000; until_ms < 1500; until_ms++)
		for (const char *text; *(text = take(&w, until_ms));) {
			char user_name[16];
			long due_ms;
			cr_assert_eq(sscanf(text, "%15s %*u %ld", user_name, &due_ms), 2);
			cr_assert_eq(due_ms, until_ms);
			char now[32];
			snprintf(now, sizeof(now), "%ld %s", due_ms, user_name);
			cr_assert_leq(strcmp(last, now), 0, "%s before %s", last, now);
			snprintf(last, sizeof(last), "%s", now);
		}
	int64_t due_ms;
	cr_assert_null(mr_timers_first(w.timers, INT64_MAX - 1, &due_ms));
	end_world(&w);
}
