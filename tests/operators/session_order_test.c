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

// Appends what must not depend on the order: from started_at to late_events, sorted by started_at.
static void
sessions(const char *yaml, const struct happening *h, char out[EVENTS][256], size_t *n)
{
	struct scenario s = scenario_new(yaml, false);

	for (size_t i = 0; i < EVENTS; i++) {
		char stamp[25];
		mr_time_format(stamp, h[i].ms);
		call(&s, stamp, "\"type\":\"page\"");
	}
	until(&s, "2026-03-02T12:00:00Z");
	*n = 0;
	for (size_t i = 0; i < mr_test_effects(s.t); i++) {
		struct mr_str body = mr_test_effect(s.t, i).body;
		const char *from = memmem(body.p, body.n, "\"started_at\"", 12);
		const char *to = memmem(body.p, body.n, "\"late_events\":0", 15);
		cr_assert(from && to, "%.*s", (int)body.n, body.p);
		snprintf(out[(*n)++], 256, "%.*s", (int)(to - from), from);
	}
	mr_test_free(s.t);
}

static void
check(const char *yaml)
{
	struct happening h[EVENTS];
	char sorted[EVENTS][256], shuffled[EVENTS][256];
	size_t n, m, several = 0;

	for (uint64_t seed = 1; seed <= 300; seed++) {
		uint64_t random = seed * 0x9e3779b97f4a7c15u;
		int64_t ms = ms_of("23:55");
		for (size_t i = 0; i < EVENTS; i++) {
			ms += (int64_t)(draw(&random, 4) ? draw(&random, 4000) : draw(&random, 14000));
			h[i] = (struct happening){ms, ms + (int64_t)draw(&random, GRACE_MS)};
		}
		sort(h, false);
		sessions(yaml, h, sorted, &n);
		sort(h, true);
		sessions(yaml, h, shuffled, &m);
		cr_assert_eq(n, m, "seed %lu: %zu sessions sorted, %zu shuffled", (unsigned long)seed, n, m);
		for (size_t i = 0; i < n; i++)
			cr_assert_str_eq(sorted[i], shuffled[i], "seed %lu: %s, shuffled %s", (unsigned long)seed, sorted[i], shuffled[i]);
		several += n > 1;
	}
	cr_assert(several > 200);
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
