// Seeded noise against rules that use everything: what comes out is the same whether records stay in
// memory or go through their pages after every input, and whether the noise is applied once or again.
#include "rules_util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const char yaml[] =
	"output: {decisions: {topic: d, entry: write}, explain: true}\n"
	"time: {old: 2h}\n"
	"session: {gap: 20m}\n"
	"rules:\n"
	"  cart:\n"
	"    on: [A, B]\n    for_each: event.properties.k\n    when: event.properties.n > 1\n    while_running: restart\n"
	"    again_after: 1h\n    cancel_on: [{event: C, when: event.properties.k == run.key}, {event: D}]\n    priority: 3\n"
	"    then:\n"
	"      - wait: 10m\n"
	"      - send: {channel: push, template: one, as: nudge, expires: 1h, data: {k: run.key, n: event.properties.n}}\n"
	"      - wait_for: {event: [B, E], when: event.properties.n >= run.event.properties.n, within: 15m}\n"
	"        as: back\n"
	"        then: [{if: back.properties.n > 3, then: [stop], else: [{send: {channel: push, template: two, data: {n: back.properties.n}}}]}]\n"
	"        else: [{tag: {add: gone, for: 30m}}, {wait: 5m}]\n"
	"      - tag: {remove: gone}\n"
	"  often: {on: A, at_least: 3 within 20m, at_most: 2 per day, then: [{send: {channel: c, template: often}}, {wait: 1m}]}\n"
	"  once: {on: E, at_most: 1 per 30m, then: [{tag: {add: seen}}, {wait: {until: 'run.started_at + duration(\"3m\")'}}]}\n"
	"  tagged: {on: [Tag Added, Tag Removed], for_each: event.properties.tag, again_after: 5m, then: [{send: {channel: c, template: tag, data: {tags: user.tags}}}]}\n"
	"  ended: {on: Session Ended, when: event.properties.events > 2, then: [{send: {channel: c, template: bye, data: {n: event.properties.events}}}]}\n"
	"  never: {on: {type: identify}, then: [{send: {channel: c, template: hello, data: {missing: event.properties.none}}}]}\n";

static uint32_t
draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33) % below;
}

// Time goes on by up to a minute; one event in four is late, some by hours.
static void
next_input(uint64_t *seed, int *clock_s, char out[160])
{
	*clock_s += (int)draw(seed, 60);
	int s = *clock_s, late = (int)draw(seed, 16);

	if (late < 3)
		s -= (int)draw(seed, 300);
	else if (late == 3)
		s -= (int)draw(seed, 12000);
	s = s < 0 ? 0 : s;
	if (draw(seed, 20) == 0)
		snprintf(out, 160, "until %02d/%02d:%02d:%02d", s / 86400 + 1, s / 3600 % 24, s / 60 % 60, s % 60);
	else
		snprintf(out, 160, "%02d/%02d:%02d:%02d u%u %s | {'k': 'k%u', 'n': %u}", s / 86400 + 1, s / 3600 % 24, s / 60 % 60,
		    s % 60, draw(seed, 3), (const char *const[]){"A", "B", "C", "D", "E", "<identify>"}[draw(seed, 6)],
		    draw(seed, 4), draw(seed, 6));
}

static char *
noise(uint64_t seed, bool trips)
{
	struct mr_test *t = rules_load(yaml);
	int clock_s = 3600;
	char *text, input[160];
	size_t size;

	for (unsigned i = 0; i < 800; i++) {
		next_input(&seed, &clock_s, input);
		rules_apply(t, input, i);
		if (trips)
			cr_assert(mr_test_roundtrip(t), "seed %lu, input %u", (unsigned long)seed, i);
	}
	mr_test_until(t, rules_time("03/00:00:00"));
	FILE *out = open_memstream(&text, &size);
	for (size_t i = 0; i < mr_test_effects(t); i++) {
		struct mr_test_effect e = mr_test_effect(t, i);
		fprintf(out, "%s %lld %.*s\n", e.id, (long long)e.time_ms, (int)e.body.n, e.body.p);
	}
	fclose(out);
	mr_test_free(t);
	return text;
}

Test(rules_noise, pages_change_nothing)
{
	static const char *const reasons[] = {"completed", "cancelled", "restarted", "stopped", "again_too_soon", "entry_limit",
		"already_running", "trigger_too_old", "data_missing", "\"template\":\"one\"", "\"template\":\"two\"",
		"\"template\":\"often\"", "\"template\":\"tag\"", "\"template\":\"bye\"", "Tag Removed"};
	size_t seen[sizeof(reasons) / sizeof(reasons[0])] = {0};

	for (uint64_t seed = 1; seed <= 10; seed++) {
		char *plain = noise(seed, false), *paged = noise(seed, true), *again = noise(seed, false);
		cr_expect_str_eq(plain, again, "seed %lu", (unsigned long)seed);
		cr_expect_str_eq(plain, paged, "seed %lu", (unsigned long)seed);
		for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
			seen[i] += strstr(plain, reasons[i]) != NULL;
		free(plain);
		free(paged);
		free(again);
	}
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		cr_expect_gt(seen[i], 0, "the noise never met %s", reasons[i]);
}

// No message has the id of another.
Test(rules_noise, ids_are_unique)
{
	char *text = noise(77, false);
	size_t n = 0;
	const char *lines[8192];

	for (char *line = strtok(text, "\n"); line && n < 8192; line = strtok(NULL, "\n"))
		lines[n++] = line;
	cr_assert_gt(n, 200);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++)
			cr_assert(memcmp(lines[i], lines[j], 32) != 0, "%s\n%s", lines[i], lines[j]);
	}
	free(text);
}
