// The made-up shop: decided by its seed, at the rate asked for, in the order of arrival.
#include "generate/heap.h"
#include "generate/random.h"
#include "generate/shop.h"
#include "generate/visit.h"

#include <criterion/criterion.h>

#define DAY_MS (24 * 3600000LL)

static struct mr_shop_conf
a_day(uint64_t seed)
{
	return (struct mr_shop_conf){.users = 3000, .rate = 0.5, .seed = seed, .start_ms = 1772409600000,
		.end_ms = 1772409600000 + DAY_MS};
}

struct seen {
	uint64_t events, hash, backwards, empty_keys;
};

static struct seen
run(const struct mr_shop_conf *conf)
{
	struct mr_shop *shop = mr_shop_new(conf);
	struct mr_shop_message m;
	struct seen seen = {0};
	int64_t last_ms = conf->start_ms;

	while (mr_shop_next(shop, &m)) {
		seen.events++;
		seen.backwards += m.arrival_ms < last_ms;
		seen.empty_keys += m.key.n == 0;
		last_ms = m.arrival_ms;
		for (size_t i = 0; i < m.json.n; i++)
			seen.hash = mr_mix64(seen.hash ^ (uint8_t)m.json.p[i]);
	}
	mr_shop_free(shop);
	return seen;
}

Test(generate_shop, same_seed_same_bytes)
{
	struct mr_shop_conf conf = a_day(7), other = a_day(8);
	struct seen first = run(&conf), again = run(&conf), differs = run(&other);

	cr_assert_eq(first.hash, again.hash);
	cr_assert_eq(first.events, again.events);
	cr_assert_neq(first.hash, differs.hash);
}

Test(generate_shop, keeps_the_rate_and_the_order_of_arrival)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct mr_shop_conf conf = a_day(seed);
		struct seen seen = run(&conf);
		double expected = conf.rate * DAY_MS / 1000;
		cr_assert_gt((double)seen.events, expected * 0.92, "%lu", seen.events);
		cr_assert_lt((double)seen.events, expected * 1.08, "%lu", seen.events);
		cr_assert_eq(seen.backwards, 0);
		cr_assert_eq(seen.empty_keys, 0);
	}
}

Test(generate_shop, flat_keeps_the_rate_at_any_hour)
{
	struct mr_shop_conf conf = a_day(5);

	conf.flat = true;
	conf.rate = 20;
	conf.end_ms = conf.start_ms + 1800000;
	double events = (double)run(&conf).events;
	cr_assert_gt(events, 20 * 1800 * 0.9, "%g", events);
	cr_assert_lt(events, 20 * 1800 * 1.1, "%g", events);
}

Test(generate_shop, one_user_and_a_high_rate_go_on)
{
	struct mr_shop_conf conf = a_day(1);

	conf.users = 1;
	conf.rate = 500;
	conf.end_ms = conf.start_ms + 60000;
	cr_assert_gt(run(&conf).events, 10000);
}

Test(generate_shop, may_be_left_in_the_middle)
{
	struct mr_shop_conf conf = a_day(1);
	struct mr_shop *shop = mr_shop_new(&conf);
	struct mr_shop_message m;

	cr_assert(mr_shop_next(shop, &m));
	mr_shop_free(shop);   // the sanitizer's build looks for leaks
	mr_shop_free(NULL);
}

Test(generate_heap, gives_items_by_time_then_number)
{
	struct mr_heap h = {0};
	struct mr_random r;

	mr_random_seed(&r, 3);
	cr_assert_null(mr_heap_first(&h));
	for (uint64_t i = 0; i < 1000; i++)
		mr_heap_push(&h, (struct mr_heap_item){mr_random_between(&r, -50, 50), i, NULL});
	struct mr_heap_item last = {INT64_MIN, 0, NULL};
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(mr_heap_first(&h)->at_ms, h.items[0].at_ms);
		struct mr_heap_item item = mr_heap_pop(&h);
		cr_assert(item.at_ms > last.at_ms || (item.at_ms == last.at_ms && item.number > last.number));
		last = item;
	}
	cr_assert_null(mr_heap_first(&h));
	mr_heap_free(&h);
}

Test(generate_random, stays_in_bounds_and_reaches_both_ends)
{
	struct mr_random r;
	bool low = false, high = false;
	double sum = 0;

	mr_random_seed(&r, 11);
	for (int i = 0; i < 10000; i++) {
		int64_t x = mr_random_between(&r, -3, 3);
		cr_assert(x >= -3 && x <= 3);
		low |= x == -3;
		high |= x == 3;
		double u = mr_random_unit(&r);
		cr_assert(u >= 0 && u < 1);
		sum += mr_random_exponential(&r, 5);
	}
	cr_assert(low && high);
	cr_assert_float_eq(sum / 10000, 5, 0.3);
}

Test(generate_random, is_the_published_generator)
{
	// xoshiro256++ from the state 1, 2, 3, 4: the first numbers of its reference implementation.
	struct mr_random r = {{1, 2, 3, 4}};

	cr_assert_eq(mr_random_next(&r), 41943041u);
	cr_assert_eq(mr_random_next(&r), 58720359u);
	cr_assert_eq(mr_random_next(&r), 3588806011781223u);
	cr_assert_eq(mr_random_next(&r), 3591011842654386u);
	// splitmix64 from the state 0.
	cr_assert_eq(mr_mix64(0), 0xe220a8397b1dcdafu);
}
