// What rules remember between runs: again_after, at_most, at_least; and the bounds of a user's record.
#include "rules_util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define WRITE "output: {decisions: {topic: d, entry: write}}\n"
#define RULE(more) WRITE "rules:\n  r:\n    on: A\n" more "    then: [{send: {channel: c, template: t}}]\n"
#define SENT " c/t {}\n"
#define DONE " run completed\n"

// Point 5: for each user, rule and key, from the previous run's start.
Test(rules_memory, again_after)
{
	CHECK(RULE("    again_after: 1h\n    for_each: event.properties.k\n"),
	    "10:00:00 u1" SENT "10:00:00 u1" DONE "10:30:00 u1" SENT "10:30:00 u1" DONE
	    "10:30:00 u2" SENT "10:30:00 u2" DONE "10:59:59 u1 entry again_too_soon\n"
	    "11:00:00 u1" SENT "11:00:00 u1" DONE "11:30:00 u1" SENT "11:30:00 u1" DONE,
	    "10:00:00 u1 A | {'k': 1}", "10:30:00 u1 A | {'k': 2}", "10:30:00 u2 A | {'k': 1}", "10:59:59 u1 A | {'k': 1}",
	    "11:00:00 u1 A | {'k': 1}", "11:30:00 u1 A | {'k': 2}");
}

Test(rules_memory, again_too_soon_says_until_when)
{
	struct mr_test *t = rules_load(RULE("    again_after: 1h\n"));

	rules_apply(t, "10:00:00 u1 A", 1);
	rules_apply(t, "10:10:00 u1 A", 2);
	char *body = rules_body(t, 2);
	cr_expect(strstr(body, "\"until\":\"2026-03-01T11:00:00.000Z\""), "%s", body);
	free(body);
	mr_test_free(t);
}

// Point 5: at_most counts entries over all keys; without `per`: ever.
Test(rules_memory, at_most_ever)
{
	CHECK(RULE("    at_most: 2\n    for_each: event.properties.k\n"),
	    "10:00:00 u1" SENT "10:00:00 u1" DONE "11:00:00 u1" SENT "11:00:00 u1" DONE
	    "31/10:00:00 u1 entry entry_limit\n31/10:00:00 u2" SENT "31/10:00:00 u2" DONE,
	    "10:00:00 u1 A | {'k': 1}", "11:00:00 u1 A | {'k': 2}", "31/10:00:00 u1 A | {'k': 3}", "31/10:00:00 u2 A | {'k': 3}");
}

Test(rules_memory, at_most_per_length_rolls)
{
	CHECK(RULE("    at_most: 2 per 1h\n"),
	    "10:00:00 u1" SENT "10:00:00 u1" DONE "10:30:00 u1" SENT "10:30:00 u1" DONE
	    "10:59:59 u1 entry entry_limit\n11:00:00 u1" SENT "11:00:00 u1" DONE
	    "11:29:59 u1 entry entry_limit\n11:30:00 u1" SENT "11:30:00 u1" DONE,
	    "10:00:00 u1 A", "10:30:00 u1 A", "10:59:59 u1 A", "11:00:00 u1 A", "11:29:59 u1 A", "11:30:00 u1 A");
}

// Point 11: calendar units are those of the user's zone; weeks begin on Monday (2026-03-02).
Test(rules_memory, at_most_per_day_in_the_users_zone)
{
	CHECK("time: {zone: America/New_York}\n" RULE("    at_most: 1 per day\n"),
	    "10:00:00 u1" SENT "10:00:00 u1" DONE "02/04:59:59 u1 entry entry_limit\n"
	    "02/05:00:00 u1" SENT "02/05:00:00 u1" DONE,
	    "10:00:00 u1 A", "02/04:59:59 u1 A", "02/05:00:00 u1 A");
}

Test(rules_memory, at_most_per_week_and_month)
{
	CHECK(RULE("    at_most: 1 per week\n"),
	    "10:00:00 u1" SENT "10:00:00 u1" DONE "23:59:59 u1 entry entry_limit\n"
	    "02/00:00:00 u1" SENT "02/00:00:00 u1" DONE "08/23:59:59 u1 entry entry_limit\n",
	    "10:00:00 u1 A", "23:59:59 u1 A", "02/00:00:00 u1 A", "08/23:59:59 u1 A");
	CHECK(RULE("    at_most: 1 per month\n"),
	    "00:00:00 u1" SENT "00:00:00 u1" DONE "31/23:59:59 u1 entry entry_limit\n",
	    "00:00:00 u1 A", "31/23:59:59 u1 A");
}

// Point 6: by key, in event time, events that pass `when`; firing clears them.
Test(rules_memory, at_least)
{
	CHECK(RULE("    when: event.properties.ok\n    at_least: 3 within 10m\n    for_each: event.properties.k\n"),
	    "10:10:00 u1" SENT "10:10:00 u1" DONE           // exactly ten minutes are within
	    "10:40:01 u1" SENT "10:40:01 u1" DONE,
	    "10:00:00 u1 A | {'k': 1, 'ok': true}", "10:01:00 u1 A | {'k': 1, 'ok': false}",
	    "10:02:00 u1 A | {'k': 2, 'ok': true}", "10:05:00 u1 A | {'k': 1, 'ok': true}",
	    "10:06:00 u2 A | {'k': 1, 'ok': true}", "10:10:00 u1 A | {'k': 1, 'ok': true}",
	    "10:11:00 u1 A | {'k': 1, 'ok': true}", "10:12:00 u1 A | {'k': 1, 'ok': true}",     // two since it fired
	    "10:30:00 u1 A | {'k': 1, 'ok': true}", "10:40:00 u1 A | {'k': 1, 'ok': true}",
	    "10:40:01 u1 A | {'k': 1, 'ok': true}", "10:40:01 u1 A | {'k': 1, 'ok': true}");
}

Test(rules_memory, at_least_counts_in_event_time)
{
	CHECK(RULE("    at_least: 2 within 10m\n"),
	    "10:30:00 u1" SENT "10:30:00 u1" DONE,
	    "10:00:00 u1 A", "10:30:00 u2 X", "10:30:00 u1 A", "10:20:00 u1 A");
	// A late one may be the last of those before it, with one after them already here.
	CHECK(RULE("    at_least: 3 within 10m\n"),
	    "10:20:00 u1" SENT "10:20:00 u1" DONE,
	    "10:00:00 u1 A", "10:05:00 u1 A", "10:20:00 u1 A", "10:06:00 u1 A");
	CHECK(RULE("    at_least: 3 within 10m\n"), "",
	    "10:00:00 u1 A", "10:05:00 u1 A", "10:20:00 u1 A", "10:10:01 u1 A");
}

// ---- bounds ----

// At 64 live runs of a user, no more begin.
Test(rules_memory, run_limit)
{
	for (int trips = 0; trips < 2; trips++) {
		struct mr_test *t = rules_load(WRITE "rules:\n  r:\n    on: A\n    for_each: event.properties.k\n"
		    "    then: [{wait: 1h}]\n");
		for (unsigned i = 0; i < 66; i++) {
			char input[80];
			snprintf(input, sizeof(input), "10:00:%02u u1 A | {'k': %u}", i % 60 / 2, i);
			rules_apply(t, input, i);
		}
		if (trips)
			cr_assert(mr_test_roundtrip(t));
		char *trace = rules_trace(t);
		cr_expect_str_eq(trace, "10:00:29 u1 entry run_limit\n10:00:29 u1 entry run_limit\n", "%s", trace);
		free(trace);
		rules_apply(t, "until 12:00:00", 99);
		cr_expect_eq(mr_test_effects(t), 66);    // 64 completed
		rules_apply(t, "13:00:00 u1 A | {'k': 100}", 100);
		rules_apply(t, "until 15:00:00", 101);
		cr_expect_eq(mr_test_effects(t), 67);
		mr_test_free(t);
	}
}

static size_t
effects_of(struct mr_test *t, const char *input, unsigned number)
{
	size_t before = mr_test_effects(t);

	rules_apply(t, input, number);
	return mr_test_effects(t) - before;
}

// At 256 memories the one that would expire first goes: its rule may begin again too soon.
Test(rules_memory, memories_are_bounded)
{
	for (int trips = 0; trips < 2; trips++) {
		struct mr_test *t = rules_load(RULE("    again_after: 1d\n    for_each: event.properties.k\n"));
		for (unsigned i = 0; i < 257; i++) {
			char input[80];
			snprintf(input, sizeof(input), "10:%02u:%02u u1 A | {'k': %u}", i / 60, i % 60, i);
			cr_expect_eq(effects_of(t, input, i), 2);
			if (trips && i % 16 == 0)
				cr_assert(mr_test_roundtrip(t));
		}
		cr_expect_eq(effects_of(t, "11:00:00 u1 A | {'k': 1}", 300), 1);    // remembered
		cr_expect_eq(effects_of(t, "11:00:00 u1 A | {'k': 0}", 301), 2);    // forgotten
		mr_test_free(t);
	}
}

// What has expired makes room first.
Test(rules_memory, expired_memories_make_room)
{
	struct mr_test *t = rules_load(RULE("    again_after: 1h\n    for_each: event.properties.k\n"));

	for (unsigned i = 0; i < 256; i++) {
		char input[80];
		snprintf(input, sizeof(input), "%s:%02u:%02u u1 A | {'k': %u}", i < 128 ? "10" : "12", i / 60 % 60, i % 60, i);
		rules_apply(t, input, i);
	}
	cr_expect_eq(effects_of(t, "12:30:00 u1 A | {'k': 1000}", 300), 2);
	cr_expect_eq(effects_of(t, "12:30:00 u1 A | {'k': 128}", 301), 1);
	mr_test_free(t);
}

// At 64 tags no more are added.
Test(rules_memory, tags_are_bounded)
{
	char *yaml;
	size_t size;
	FILE *out = open_memstream(&yaml, &size);

	fputs("rules:\n  a:\n    on: A\n    then:\n", out);
	for (int i = 0; i < 64; i++)
		fprintf(out, "      - tag: {add: t%d}\n", i);
	fputs("  b: {on: B, then: [{tag: {add: more}}]}\n", out);
	fclose(out);
	struct mr_test *t = rules_load(yaml);
	rules_apply(t, "10:00:00 u1 A", 1);
	cr_expect_eq(mr_test_value(t, "u1", "user", "tags").n, 64);
	rules_apply(t, "10:00:01 u1 B", 2);
	cr_assert(mr_test_roundtrip(t));
	struct mr_value tags = mr_test_value(t, "u1", "user", "tags");
	cr_assert_eq(tags.n, 64);
	cr_expect(mr_str_eq(mr_value_str(tags.items[63]), MR_LIT("t63")));
	mr_test_free(t);
	free(yaml);
}

// A run keeps at most 16 KiB of values: one that would go over is absent afterwards.
Test(rules_memory, captured_values_are_bounded)
{
	char *input;
	size_t size;
	FILE *out = open_memstream(&input, &size);

	fprintf(out, "10:00:00 u1 A | {'big': '%017000d', 'small': 'x'}", 0);
	fclose(out);
	CHECK("rules:\n  r:\n    on: A\n    then:\n      - wait: 1m\n"
	    "      - send: {channel: c, template: t, data: {big: has(run.event.properties.big), small: run.event.properties.small}}\n",
	    "10:01:10 u1 c/t {\"big\":false,\"small\":\"x\"}\n10:01:10 u1 run completed\n", input, "until 11:00:00");
	free(input);
}

// ---- counters ----

static void
counted(const char *yaml, enum mr_counter counter, uint64_t n, const char *const *inputs)
{
	struct mr_test *t = rules_load(yaml);

	for (unsigned i = 0; inputs[i]; i++)
		rules_apply(t, inputs[i], i);
	cr_expect_eq(mr_test_counted(t, counter), n, "counter %d: %lu", counter, (unsigned long)mr_test_counted(t, counter));
	mr_test_free(t);
}

#define COUNTED(yaml, counter, n, ...) counted(yaml, counter, n, (const char *const[]){__VA_ARGS__, NULL})
#define PLAIN(more) "rules:\n  r:\n    on: A\n" more "    then: [{wait: 1m}]\n"

// What is refused is counted, written or not.
Test(rules_memory, refusals_are_counted)
{
	COUNTED(PLAIN(""), MR_C_RULE_FIRED, 1, "10:00:00 u1 A", "10:00:01 u1 A");
	COUNTED(PLAIN(""), MR_C_ENTRY_ALREADY_RUNNING, 1, "10:00:00 u1 A", "10:00:01 u1 A");
	COUNTED(PLAIN("    again_after: 1h\n"), MR_C_ENTRY_AGAIN_TOO_SOON, 1, "10:00:00 u1 A", "until 10:30:00", "10:31:00 u1 A");
	COUNTED(PLAIN("    at_most: 1\n"), MR_C_ENTRY_LIMIT, 1, "10:00:00 u1 A", "until 10:30:00", "10:31:00 u1 A");
	COUNTED(PLAIN("    for_each: event.properties.k\n"), MR_C_ENTRY_KEY_MISSING, 1, "10:00:00 u1 A");
	COUNTED(PLAIN(""), MR_C_ENTRY_TRIGGER_TOO_OLD, 1, "20:00:00 u2 A", "10:00:00 u1 A");
	// A condition that is false is nothing to count; one that is unknown is.
	COUNTED(PLAIN("    when: event.properties.n > 1\n"), MR_C_CONDITION_UNKNOWN, 1, "10:00:00 u1 A", "10:00:01 u1 A | {'n': 0}");
}

Test(rules_memory, bounds_are_counted)
{
	struct mr_test *t = rules_load(RULE("    again_after: 1d\n    for_each: event.properties.k\n"));

	for (unsigned i = 0; i < 260; i++) {
		char input[80];
		snprintf(input, sizeof(input), "10:%02u:%02u u1 A | {'k': %u}", i / 60, i % 60, i);
		rules_apply(t, input, i);
	}
	cr_expect_eq(mr_test_counted(t, MR_C_BOUND_CUT), 4);
	mr_test_free(t);
}

// Point 7: what rules derive from what rules derived ends at depth 4; the excess is counted.
Test(rules_memory, derived_events_end)
{
	char *yaml;
	size_t size;
	FILE *out = open_memstream(&yaml, &size);

	fputs("rules:\n  a: {on: A, then: [{tag: {add: t0}}]}\n", out);
	for (int i = 0; i < 8; i++)
		fprintf(out, "  r%d: {on: Tag Added, when: event.properties.tag == \"t%d\", then: [{tag: {add: t%d}}]}\n", i, i, i + 1);
	fclose(out);
	struct mr_test *t = rules_load(yaml);
	rules_apply(t, "10:00:00 u1 A", 1);
	cr_expect_eq(mr_test_value(t, "u1", "user", "tags").n, 5);
	cr_expect_eq(mr_test_counted(t, MR_C_DERIVED_EXCESS), 1);
	mr_test_free(t);
	free(yaml);
}
