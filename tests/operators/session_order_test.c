// Events that arrive in another order within the grace give the same sessions. Random users, small
// gaps: bridges, splits and ties all happen many times. The seed is in the name of what fails.
#include "scenario.h"

#define EVENTS 60
#define GRACE_MS 10000

struct happening {
	int64_t ms, arrives_ms;
};

static uint64_t
draw(uint64_t *seed, uint64_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed % below;
}

static void
sort(struct happening *h, bool by_arrival)
{
	for (size_t i = 1; i < EVENTS; i++)
		for (size_t j = i; j > 0; j--) {
			int64_t a = by_arrival ? h[j - 1].arrives_ms : h[j - 1].ms, b = by_arrival ? h[j].arrives_ms : h[j].ms;
			if (a <= b)
				break;
			struct happening swap = h[j];
			h[j] = h[j - 1];
			h[j - 1] = swap;
		}
}

static void
play(struct scenario *s, const struct happening *h)
{
	for (size_t i = 0; i < EVENTS; i++) {
		char stamp[25];
		mr_time_format(stamp, h[i].ms);
		call(s, stamp, "\"type\":\"page\"");
	}
}

// What must not depend on the order: from started_at to late_events.
static struct mr_str
essence(struct scenario *s, size_t number)
{
	struct mr_str body = mr_test_effect(s->t, number).body;
	const char *from = memmem(body.p, body.n, "\"started_at\"", 12);
	const char *to = memmem(body.p, body.n, "\"late_events\":0", 15);

	cr_assert(from && to, "%.*s", (int)body.n, body.p);
	return (struct mr_str){from, (size_t)(to - from)};
}

static void
check(const char *yaml)
{
	struct scenario sorted = scenario_new(yaml, false), shuffled = scenario_new(yaml, false);
	struct happening h[EVENTS];

	for (uint64_t seed = 1; seed <= 300; seed++) {
		uint64_t random = seed * 0x9e3779b97f4a7c15u;
		int64_t ms = ms_of("23:55") + (int64_t)seed * 86400000;   // a day each
		size_t before = mr_test_effects(sorted.t);
		for (size_t i = 0; i < EVENTS; i++) {
			ms += (int64_t)(draw(&random, 4) ? draw(&random, 4000) : draw(&random, 14000));
			h[i] = (struct happening){ms, ms + (int64_t)draw(&random, GRACE_MS)};
		}
		sort(h, false);
		play(&sorted, h);
		mr_test_until(sorted.t, ms + 3600000);
		sort(h, true);
		play(&shuffled, h);
		mr_test_until(shuffled.t, ms + 3600000);
		size_t n = mr_test_effects(sorted.t);
		cr_assert(n > before + 1);
		cr_assert_eq(n, mr_test_effects(shuffled.t), "seed %lu", (unsigned long)seed);
		for (size_t i = before; i < n; i++) {
			struct mr_str a = essence(&sorted, i), b = essence(&shuffled, i);
			cr_assert(mr_str_eq(a, b), "seed %lu: %.*s, shuffled %.*s", (unsigned long)seed, (int)a.n, a.p, (int)b.n, b.p);
		}
	}
	mr_test_free(sorted.t);
	mr_test_free(shuffled.t);
}

Test(session_order, gap)
{
	check("session: {gap: 5s, keep: 16}\ntime: {grace: 10s}\n");
}

Test(session_order, midnight)
{
	check("session: {gap: 6s, keep: 16, new_on: [midnight]}\ntime: {grace: 10s}\n");
}

Test(session_order, length)
{
	check("session: {gap: 6s, keep: 16, longest: 40s}\ntime: {grace: 10s}\n");
}
