// Bodies and ids of what rules emit, as the contract of messages has them.
#include "rules_util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD "app: shop\ninput: {events: events}\noutput: {decisions: {topic: d, entry: write}}\n"

static const char event[] =
	"{\"type\":\"track\",\"event\":\"Product Added\",\"userId\":\"u1\",\"anonymousId\":\"a1\",\"messageId\":\"m-1\","
	"\"timestamp\":\"2026-03-01T10:00:00Z\",\"properties\":{\"cart_id\":\"c1\"},"
	"\"context\":{\"timezone\":\"Europe/London\",\"locale\":\"en-GB\"}}";

// The value of a member that is a text, wherever it stands first in the body.
static void
text_of(const char *body, const char *key, char out[64])
{
	const char *at = strstr(body, key);

	cr_assert(at, "no %s in %s", key, body);
	at = strchr(at + strlen(key), '"') + 1;
	size_t n = strcspn(at, "\"");
	cr_assert(n < 64);
	memcpy(out, at, n);
	out[n] = '\0';
}

static void
expect_body(const struct mr_test *t, size_t n, const char *format_without_hashes)
{
	char *body = rules_body(t, n), hash[64], set[64], expected[4096];

	text_of(body, "\"hash\":", hash);
	text_of(body, "\"set\":", set);
	cr_expect_eq(strlen(hash), 32);
	cr_expect_eq(strlen(set), 32);
	// $ stands for {"name", "hash", "set"} of the rule.
	const char *dollar = strchr(format_without_hashes, '$');
	snprintf(expected, sizeof(expected), "%.*s{\"name\":\"cart\",\"hash\":\"%s\",\"set\":\"%s\"}%s",
	    (int)(dollar - format_without_hashes), format_without_hashes, hash, set, dollar + 1);
	cr_expect_str_eq(body, expected, "\n%s\n%s", body, expected);
	free(body);
}

#define ID(out, ...) do { \
	const char *const texts[] = {__VA_ARGS__}; \
	struct mr_str parts[16]; \
	size_t n = sizeof(texts) / sizeof(texts[0]); \
	for (size_t i = 0; i < n; i++) \
		parts[i] = mr_str_of(texts[i]); \
	mr_id(out, parts, n); \
} while (0)

Test(rules_message, action_and_decision)
{
	struct mr_test *t = rules_load(HEAD "rules:\n  cart:\n    on: Product Added\n    for_each: event.properties.cart_id\n"
	    "    priority: 10\n    then:\n      - wait: 30m\n"
	    "      - send: {channel: push, template: cart-reminder, expires: 2h, data: {cart: run.key, at: event.time, none: {}}}\n");
	char run[33], action[33], decision[33], expected[2048];

	rules_apply(t, "09:00:00 u9 X", 0);
	mr_test_event(t, event);
	rules_apply(t, "until 11:00:00", 1);
	cr_assert_eq(mr_test_effects(t), 2);
	ID(run, "shop", "cart", "u1", "c1", "events", "0", "1");
	ID(action, run, "then[1]", "1");
	snprintf(expected, sizeof(expected),
	    "{\"action_id\":\"%s\",\"user\":{\"id\":\"u1\",\"anonymous_id\":\"a1\"},\"channel\":\"push\",\"template\":\"cart-reminder\","
	    "\"category\":\"marketing\",\"data\":{\"cart\":\"c1\",\"at\":\"2026-03-01T10:00:00.000Z\",\"none\":{}},\"rule\":$,"
	    "\"run\":{\"id\":\"%s\",\"key\":\"c1\",\"started_at\":\"2026-03-01T10:00:00.000Z\",\"step\":\"then[1]\"},"
	    "\"cause\":{\"kind\":\"timer\",\"event\":\"Product Added\",\"message_id\":\"m-1\",\"time\":\"2026-03-01T10:00:00.000Z\","
	    "\"topic\":\"events\",\"partition\":0,\"offset\":1,\"due_at\":\"2026-03-01T10:30:00.000Z\"},"
	    "\"decided_at\":\"2026-03-01T10:30:10.000Z\",\"expires_at\":\"2026-03-01T12:30:10.000Z\",\"priority\":10,"
	    "\"locale\":\"en-GB\",\"timezone\":\"Europe/London\"}", action, run);
	expect_body(t, 0, expected);
	cr_expect_str_eq(mr_test_effect(t, 0).id, action);

	ID(decision, "run", run, "", "completed", "1");
	snprintf(expected, sizeof(expected),
	    "{\"user\":{\"id\":\"u1\",\"anonymous_id\":\"a1\"},\"category\":\"marketing\",\"rule\":$,"
	    "\"run\":{\"id\":\"%s\",\"key\":\"c1\",\"started_at\":\"2026-03-01T10:00:00.000Z\"},"
	    "\"cause\":{\"kind\":\"timer\",\"event\":\"Product Added\",\"message_id\":\"m-1\",\"time\":\"2026-03-01T10:00:00.000Z\","
	    "\"topic\":\"events\",\"partition\":0,\"offset\":1,\"due_at\":\"2026-03-01T10:30:00.000Z\"},"
	    "\"decided_at\":\"2026-03-01T10:30:10.000Z\",\"priority\":10,\"locale\":\"en-GB\",\"timezone\":\"Europe/London\","
	    "\"kind\":\"run\",\"reason\":\"completed\",\"final\":true}", run);
	expect_body(t, 1, expected);
	cr_expect_str_eq(mr_test_effect(t, 1).id, decision);
	mr_test_free(t);
}

Test(rules_message, refused_send)
{
	struct mr_test *t = rules_load(HEAD "rules:\n  cart:\n    on: A\n    then:\n"
	    "      - send: {channel: push, template: t, category: news, expires: 1m, data: {x: event.properties.x}}\n");
	char run[33], action[33], decision[33], expected[2048];

	rules_apply(t, "10:00:00 u1 A", 7);
	ID(run, "shop", "cart", "u1", "", "events", "0", "0");
	ID(action, run, "then[0]", "1");
	ID(decision, "send", action, "push", "data_missing", "1");
	snprintf(expected, sizeof(expected),
	    "{\"action_id\":\"%s\",\"user\":{\"id\":\"u1\"},\"channel\":\"push\",\"template\":\"t\",\"category\":\"news\",\"rule\":$,"
	    "\"run\":{\"id\":\"%s\",\"started_at\":\"2026-03-01T10:00:00.000Z\",\"step\":\"then[0]\"},"
	    "\"cause\":{\"kind\":\"event\",\"event\":\"A\",\"message_id\":\"m7\",\"time\":\"2026-03-01T10:00:00.000Z\","
	    "\"topic\":\"events\",\"partition\":0,\"offset\":0},\"decided_at\":\"2026-03-01T10:00:00.000Z\","
	    "\"expires_at\":\"2026-03-01T10:01:00.000Z\",\"priority\":0,"
	    "\"kind\":\"send\",\"reason\":\"data_missing\",\"final\":true}", action, run);
	expect_body(t, 0, expected);
	cr_expect_str_eq(mr_test_effect(t, 0).id, decision);
	mr_test_free(t);
}

Test(rules_message, refused_entry)
{
	struct mr_test *t = rules_load(HEAD "rules:\n  cart: {on: A, again_after: 1h, then: [stop]}\n");
	char run[33], decision[33], expected[2048];

	rules_apply(t, "10:00:00 u1 A", 1);
	rules_apply(t, "10:10:00 u1 A", 2);
	ID(run, "shop", "cart", "u1", "", "events", "0", "1");
	ID(decision, "entry", run, "", "again_too_soon", "1");
	snprintf(expected, sizeof(expected), "{\"user\":{\"id\":\"u1\"},\"category\":\"marketing\",\"rule\":$,\"run\":{\"id\":\"%s\"},"
	    "\"cause\":{\"kind\":\"event\",\"event\":\"A\",\"message_id\":\"m2\",\"time\":\"2026-03-01T10:10:00.000Z\","
	    "\"topic\":\"events\",\"partition\":0,\"offset\":1},\"decided_at\":\"2026-03-01T10:10:00.000Z\",\"priority\":0,"
	    "\"kind\":\"entry\",\"reason\":\"again_too_soon\",\"final\":true,\"until\":\"2026-03-01T11:00:00.000Z\"}", run);
	expect_body(t, 1, expected);
	cr_expect_str_eq(mr_test_effect(t, 1).id, decision);
	mr_test_free(t);
}

Test(rules_message, entry_decisions_are_counted_unless_asked_for)
{
	struct mr_test *t = rules_load("rules:\n  cart: {on: A, again_after: 1h, then: [stop]}\n");

	rules_apply(t, "10:00:00 u1 A", 1);
	rules_apply(t, "10:10:00 u1 A", 2);
	cr_expect_eq(mr_test_effects(t), 1);
	mr_test_free(t);
}

Test(rules_message, cancelled_names_what_cancelled)
{
	struct mr_test *t = rules_load("rules:\n  cart: {on: A, cancel_on: {event: B}, then: [{wait: 1h}]}\n");

	rules_apply(t, "10:00:00 u1 A", 1);
	rules_apply(t, "10:10:00 u1 B", 2);
	char *body = rules_body(t, 0);
	cr_expect(strstr(body, "\"blocked_by\":{\"event\":\"B\",\"message_id\":\"m2\"}"), "%s", body);
	cr_expect(strstr(body, "\"cause\":{\"kind\":\"event\",\"event\":\"B\",\"message_id\":\"m2\","), "%s", body);
	free(body);
	mr_test_free(t);
}

// The input that led to an action: the event that answered a wait, an outcome.
Test(rules_message, cause_of_an_answer)
{
	struct mr_test *t = rules_load("rules:\n  cart:\n    on: A\n    then:\n"
	    "      - wait_for: {event: [B, Message Clicked], within: 1h}\n      - send: {channel: c, template: t}\n");
	static const char *const inputs[] = {"10:00:00 u1 A", "10:00:00 u2 A", "10:10:00 u1 B", "10:10:00 u2 Message Clicked"};

	for (unsigned i = 0; i < 4; i++)
		rules_apply(t, inputs[i], i);
	char *one = rules_body(t, 0), *two = rules_body(t, 2);
	cr_expect(strstr(one, "\"cause\":{\"kind\":\"event\",\"event\":\"B\",\"message_id\":\"m2\""), "%s", one);
	cr_expect(strstr(two, "\"cause\":{\"kind\":\"outcome\",\"event\":\"Message Clicked\",\"message_id\":\"m3\""), "%s", two);
	free(one);
	free(two);
	mr_test_free(t);
}

// What `as` tells later steps is the action's own id.
Test(rules_message, as_gives_the_id_of_the_action)
{
	struct mr_test *t = rules_load("rules:\n  cart:\n    on: A\n    then:\n"
	    "      - send: {channel: c, template: t, as: n}\n      - wait: 1m\n      - send: {channel: c, template: u, data: {id: n.id}}\n");
	char expected[80];

	rules_apply(t, "10:00:00 u1 A", 1);
	cr_assert(mr_test_roundtrip(t));
	rules_apply(t, "until 11:00:00", 2);
	snprintf(expected, sizeof(expected), "\"data\":{\"id\":\"%s\"}", mr_test_effect(t, 0).id);
	char *body = rules_body(t, 1);
	cr_expect(strstr(body, expected), "%s: %s", expected, body);
	free(body);
	mr_test_free(t);
}

// For a derived event the id has its name, its stream time and its number in the input too.
Test(rules_message, id_of_a_run_on_a_derived_event)
{
	struct mr_test *t = rules_load(HEAD "rules:\n"
	    "  a: {on: A, then: [{tag: {add: x, for: 1h}}]}\n"
	    "  cart: {on: [Tag Added, Tag Removed], then: [{send: {channel: c, template: t}}]}\n");
	char run[33], action[33];

	rules_apply(t, "10:00:00 u1 A", 1);
	rules_apply(t, "10:00:01 u1 B", 2);
	rules_apply(t, "until 12:00:00", 3);
	ID(run, "shop", "cart", "u1", "", "events", "0", "0", "Tag Added", "1772359200000", "1");
	ID(action, run, "then[0]", "1");
	cr_expect_str_eq(mr_test_effect(t, 1).id, action);
	// A timer made it: the coordinates of the last record applied for the user.
	ID(run, "shop", "cart", "u1", "", "events", "0", "1", "Tag Removed", "1772362810000", "1");
	ID(action, run, "then[0]", "1");
	cr_expect_str_eq(mr_test_effect(t, 3).id, action);
	mr_test_free(t);
}

// A message over its bound is a decision, and the run goes on.
Test(rules_message, over_the_bound_of_a_message)
{
	struct mr_test *t = rules_load("limits: {action_bytes: 1KiB}\nrules:\n  cart:\n    on: A\n    then:\n"
	    "      - send: {channel: c, template: t, data: {x: event.properties.x}, as: s}\n"
	    "      - send: {channel: c, template: u, data: {why: s.reason}}\n");
	char input[1400];

	snprintf(input, sizeof(input), "10:00:00 u1 A | {'x': '%01024d'}", 0);
	rules_apply(t, input, 1);
	char *trace = rules_trace(t);
	cr_expect_str_eq(trace, "10:00:00 u1 send too_large\n10:00:00 u1 c/u {\"why\":\"too_large\"}\n10:00:00 u1 run completed\n", "%s", trace);
	free(trace);
	mr_test_free(t);
}

// With output.explain an action says what the conditions on its way read.
static void
why(const char *yaml, bool trips, const char *expected)
{
	struct mr_test *t = rules_load(yaml);
	static const char *const inputs[] = {"10:00:00 u1 A | {'n': 5, 'k': 'x'}", "10:10:00 u1 B | {'n': 7}", "until 12:00:00"};

	for (unsigned i = 0; i < 3; i++) {
		rules_apply(t, inputs[i], i);
		if (trips)
			cr_assert(mr_test_roundtrip(t));
	}
	char *body = rules_body(t, 0);
	const char *at = strstr(body, ",\"why\":");
	cr_expect_str_eq(at ? at : "", expected, "%s", body);
	free(body);
	mr_test_free(t);
}

#define WHY(switch, more, steps) "output: {explain: " switch "}\nprofile: {as: {count: A}}\nrules:\n  r:\n    on: A\n" \
	"    for_each: event.properties.k\n" more "    then:\n" steps

Test(rules_message, why)
{
	for (int trips = 0; trips < 2; trips++) {
		why(WHY("true", "    when: user.as > 0 && event.properties.n > 1 && (event.properties.n < 9 || event.properties.none == 1)\n",
		        "      - wait_for: {event: B, when: event.properties.n > run.event.properties.n, within: 1h, as: b}\n"
		        "      - wait: 1m\n"
		        "      - if: b.properties.n == 7 && run.key == \"x\"\n"
		        "        then: [{send: {channel: c, template: t}}]\n"), trips,
		    ",\"why\":{\"user.as\":1,\"event.properties.n\":7,\"run.event.properties.n\":5,\"b.properties.n\":7,\"run.key\":\"x\"}}");
		why(WHY("true", "", "      - send: {channel: c, template: t}\n"), trips, "");
		why(WHY("false", "    when: user.as > 0\n", "      - send: {channel: c, template: t}\n"), trips, "");
	}
}

Test(rules_message, why_is_bounded)
{
	char *yaml;
	size_t size;
	FILE *out = open_memstream(&yaml, &size);

	fputs("output: {explain: true}\nrules:\n  r:\n    on: A\n    then:\n", out);
	for (int i = 0; i < 40; i += 2)
		fprintf(out, "      - if: event.properties.f%d + event.properties.f%d == 1\n        then: [stop]\n", i, i + 1);
	fputs("      - send: {channel: c, template: t}\n", out);
	fclose(out);
	struct mr_test *t = rules_load(yaml);
	char *input;
	out = open_memstream(&input, &size);
	fputs("10:00:00 u1 A | {'f0': 0", out);
	for (int i = 1; i < 40; i++)
		fprintf(out, ", 'f%d': 0", i);
	fputs("}", out);
	fclose(out);
	rules_apply(t, input, 1);
	char *body = rules_body(t, 0);
	cr_expect(strstr(body, "\"event.properties.f31\":0}}"), "%s", body);
	free(body);
	free(input);
	free(yaml);
	mr_test_free(t);
}

Test(rules_message, outputs_that_are_off)
{
	struct mr_test *t = rules_load("output: {decisions: off}\nrules:\n  r: {on: A, then: [{send: {channel: c, template: t}}]}\n");

	rules_apply(t, "10:00:00 u1 A", 1);
	cr_assert_eq(mr_test_effects(t), 1);
	cr_expect_eq(mr_test_effect(t, 0).output, MR_OUT_ACTION);
	mr_test_free(t);
}
