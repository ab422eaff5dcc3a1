// However late events come: each is in exactly one session as it stands at last, or counted as
// dropped. What a later message replaces or revises no longer stands.
#include "scenario.h"

#define EVENTS 80
#define IDS 256

struct book {
	char id[33];
	int64_t events, revision;
	bool replaced;
};

struct books {
	struct book of[IDS];
	size_t n;
};

static struct book *
book_of(struct books *b, const char *id)
{
	for (size_t i = 0; i < b->n; i++)
		if (memcmp(b->of[i].id, id, 32) == 0)
			return &b->of[i];
	cr_assert(b->n < IDS);
	struct book *new = &b->of[b->n++];
	memcpy(new->id, id, 32);
	new->revision = -1;
	return new;
}

static const char *
after(struct mr_str body, const char *key)
{
	const char *at = memmem(body.p, body.n, key, strlen(key));

	return at ? at + strlen(key) : NULL;
}

static void
enter(struct books *b, struct mr_str body)
{
	struct book *book = book_of(b, after(body, "\"session_id\":\""));
	int64_t revision = atoll(after(body, "\"revision\":"));
	const char *replaces = after(body, "\"replaces\":[");

	cr_assert_eq(revision, book->revision + 1, "revisions count up by one");
	cr_assert(!book->replaced, "what was replaced doesn't come back");
	book->revision = revision;
	book->events = atoll(after(body, "\"events\":"));
	for (; replaces && *replaces == '"'; replaces += 34 + (replaces[34] == ','))
		book_of(b, replaces + 1)->replaced = true;
}

static uint64_t
draw(uint64_t *seed, uint64_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed % below;
}

static void
play(struct scenario *s, uint64_t seed, int64_t late_ms)
{
	uint64_t random = seed * 0x9e3779b97f4a7c15u;
	int64_t ms = ms_of("10:00") + (int64_t)seed * 3 * 86400000;   // three days each
	char stamp[25], fields[128];

	s->roundtrips = seed % 8 == 0;
	for (int i = 0; i < EVENTS; i++) {
		ms += (int64_t)draw(&random, 600000);
		mr_time_format(stamp, ms - (draw(&random, 2) ? 0 : (int64_t)draw(&random, (uint64_t)late_ms)));
		snprintf(fields, sizeof(fields), "\"type\":\"page\",\"context\":{\"campaign\":{\"name\":\"%c\"}}",
		    "abc"[draw(&random, 3)]);
		call(s, stamp, fields);
	}
	mr_test_until(s->t, ms + 86400000);
}

static void
check(const char *yaml, int64_t late_ms)
{
	struct scenario s = scenario_new(yaml, false);
	uint64_t merged = 0, revised = 0, dropped = 0;
	size_t seen = 0;

	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct books b = {.n = 0};
		int64_t stands = 0;
		play(&s, seed, late_ms);
		for (; seen < mr_test_effects(s.t); seen++)
			enter(&b, mr_test_effect(s.t, seen).body);
		for (size_t i = 0; i < b.n; i++) {
			stands += b.of[i].replaced ? 0 : b.of[i].events;
			merged += b.of[i].replaced;
			revised += b.of[i].revision > 0;
		}
		uint64_t lost = mr_test_counted(s.t, MR_C_LATE_DROPPED) - dropped;
		cr_assert_eq((uint64_t)stands + lost, EVENTS, "seed %lu: %ld in sessions, %lu dropped", (unsigned long)seed,
		    (long)stands, (unsigned long)lost);
		dropped += lost;
	}
	cr_assert(merged + revised > 100, "%lu merged, %lu revised", (unsigned long)merged, (unsigned long)revised);
	cr_assert(dropped > 0);
	mr_test_free(s.t);
}

Test(session_books, gap)
{
	check("session: {gap: 10m, keep: 16}\ntime: {old: 1h}\n", 5400000);
}

Test(session_books, few_are_kept)
{
	check("session: {gap: 5m, keep: 2}\ntime: {old: 6h}\n", 3600000);
}

Test(session_books, everything_splits)
{
	check("session: {gap: 10m, keep: 4, longest: 20m, most_events: 5, burst: 3 within 2m, new_on: [campaign, midnight]}\n"
	    "time: {old: 2h}\n", 9000000);
}
