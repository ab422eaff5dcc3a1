// The cache of users: found by id, counted to the byte, evicted only when clean.
#include "core/user.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct mr_plan plan = {.dedup_keep = 5};

static struct mr_user *
add(struct mr_users *us, int number)
{
	char name[16];
	struct mr_str id = {name, (size_t)snprintf(name, sizeof(name), "user-%d", number)};

	return mr_users_add(us, id, mr_users_hash(id));
}

static struct mr_user *
find(struct mr_users *us, int number)
{
	char name[16];
	struct mr_str id = {name, (size_t)snprintf(name, sizeof(name), "user-%d", number)};

	return mr_users_find(us, id, mr_users_hash(id));
}

static void
gone(void *arg, struct mr_user *u)
{
	(void)u;
	++*(int *)arg;
}

Test(users, are_found_through_growth_and_eviction)
{
	struct mr_users *us = mr_users_new(&plan);
	size_t empty = mr_users_bytes(us);
	int evicted = 0;

	for (int i = 0; i < 20000; i++)
		add(us, i)->first_change = i % 3 ? 0 : 1;   // a third is dirty
	cr_assert_eq(mr_users_count(us), 20000);
	mr_users_evict(us, 0, gone, &evicted);
	cr_assert_eq(evicted, 20000 - (20000 + 2) / 3, "all that is clean goes");
	for (int i = 0; i < 20000; i++)
		cr_assert_eq(find(us, i) != NULL, i % 3 == 0, "user-%d", i);
	for (int i = 0; i < 20000; i += 3)
		find(us, i)->first_change = 0;
	mr_users_evict(us, empty, gone, &evicted);
	cr_assert_eq(mr_users_count(us), 0);
	mr_users_free(us);
}

Test(users, what_is_held_stays)
{
	struct mr_users *us = mr_users_new(&plan);
	int evicted = 0;

	add(us, 1)->held = 1;
	add(us, 2);
	mr_users_evict(us, 0, gone, &evicted);
	cr_assert_eq(evicted, 1);
	cr_assert_not_null(find(us, 1));
	mr_users_free(us);
}

Test(users, the_recent_ones_get_a_second_chance)
{
	struct mr_users *us = mr_users_new(&plan);
	int evicted = 0;

	for (int i = 0; i < 100; i++)
		add(us, i)->recent = i < 50;
	mr_users_evict(us, mr_users_bytes(us) - 50 * (mr_users_bytes(us) / 1000), gone, &evicted);
	cr_assert_gt(evicted, 0);
	cr_assert_lt(evicted, 50);
	for (int i = 0; i < 50; i++)
		cr_assert_not_null(find(us, i), "user-%d was used lately", i);
	mr_users_free(us);
}

Test(users, a_message_is_seen_once_within_the_window)
{
	struct mr_users *us = mr_users_new(&plan);
	struct mr_user *u = add(us, 1);
	char id[8];

	cr_assert_not(mr_user_seen(us, u, (struct mr_str){0}), "no id, no repeat");
	cr_assert_not(mr_user_seen(us, u, (struct mr_str){0}));
	for (int i = 0; i < 20; i++) {
		struct mr_str message = {id, (size_t)snprintf(id, sizeof(id), "m%d", i)};
		cr_assert_not(mr_user_seen(us, u, message));
		cr_assert(mr_user_seen(us, u, message));
	}
	cr_assert(mr_user_seen(us, u, MR_LIT("m15")), "the last five are known");
	cr_assert_not(mr_user_seen(us, u, MR_LIT("m14")), "an older one is not");
	mr_users_free(us);
}
