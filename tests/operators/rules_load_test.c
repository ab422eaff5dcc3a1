// What a rule may say, and what is said about the rest: positions, what is wrong, what would be right.
#include "rules_util.h"

#include "config/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define RULE(text) "rules:\n  r:\n    on: A\n" text
#define STEP(text) RULE("    then:\n" text)
#define SEND(more) STEP("      - send: {channel: c, template: t" more "}\n")

Test(rules_load, not_yet_keys_are_listed_in_one_run)
{
	REFUSED("rules:\n"
	    "  r:\n"
	    "    on: {date: user.birthday}\n"                       // 3
	    "    goal: {event: B}\n"
	    "    mode: shadow\n"                                    // 5
	    "    rollout: 5%\n"
	    "    holdout: 10%\n"
	    "    active: {from: 2026-01-01T00:00:00Z}\n"            // 8
	    "    limit: {total: 5}\n"
	    "    for_each: {item: event.properties.products, key: item.id}\n"   // 10
	    "    then:\n"
	    "      - send: {channel: [a, b], template: t}\n"        // 12
	    "      - send: {channel: a, template: t, variants: {a: 1}, quiet: drop}\n"
	    "      - send: {channel: a, template: t, bandit: {}}\n" // 14
	    "      - split: {x: {share: 10%}}\n"
	    "  s:\n"
	    "    on: {event: Price Changed, reach: watchers}\n"     // 17
	    "    then: [stop]\n",
	    "test.yaml:3:10: date: not yet", "test.yaml:4:5: goal: not yet", "test.yaml:5:5: mode: not yet",
	    "test.yaml:6:5: rollout: not yet", "test.yaml:7:5: holdout: not yet", "test.yaml:8:5: active: not yet",
	    "test.yaml:9:5: limit: not yet", "test.yaml:10:16: item: not yet", "test.yaml:10:49: key: not yet",
	    "test.yaml:12:25: channel: a list of channels: not yet", "test.yaml:13:41: variants: not yet",
	    "test.yaml:13:59: quiet: not yet", "test.yaml:14:41: bandit: not yet", "test.yaml:15:9: split: not yet",
	    "test.yaml:17:10: event: not yet", "test.yaml:17:32: reach: not yet");
}

Test(rules_load, a_rule_needs_on_and_then)
{
	REFUSED("rules:\n  r: {when: true}\n", "on", "then");
	REFUSED("rules:\n  r: 5\n", "test.yaml:2:6: a rule is a map");
	REFUSED("rules: [a]\n", "test.yaml:1:8: rules is a map");
	REFUSED(RULE("    then: []\n"), "test.yaml:4:11: then needs at least one step");
	REFUSED(RULE("    then: stop\n"), "test.yaml:4:11: steps are a list");
	REFUSED(RULE("    them: [stop]\n"), "did you mean then");
	REFUSED("rules:\n  \"\": {on: A, then: [stop]}\n", "test.yaml:2:3: a rule's name has 1 to 128 bytes");
}

Test(rules_load, selectors)
{
	REFUSED("rules:\n  r: {on: [], then: [stop]}\n", "test.yaml:2:11: 1 to 64 event names");
	REFUSED("rules:\n  r: {on: [[A]], then: [stop]}\n", "test.yaml:2:12: an event name");
	REFUSED("rules:\n  r: {on: {type: buy}, then: [stop]}\n", "test.yaml:2:18: {type: T} selects events by type");
	REFUSED("rules:\n  r: {on: {}, then: [stop]}\n", "{type: T} selects events by type");
	REFUSED("rules:\n  r: {on: \"\", then: [stop]}\n", "test.yaml:2:11: an event name");
}

Test(rules_load, rates)
{
	REFUSED(RULE("    at_most: 0\n    then: [stop]\n"), "test.yaml:4:14:");
	REFUSED(RULE("    at_most: 257 per day\n    then: [stop]\n"), "test.yaml:4:14: at_most counts from 1 to 256");
	REFUSED(RULE("    at_least: 3\n    then: [stop]\n"), "test.yaml:4:15:");
	REFUSED(RULE("    at_least: 300 within 1h\n    then: [stop]\n"), "test.yaml:4:15: at_least is N within LENGTH");
	REFUSED(RULE("    at_least: 3 per day\n    then: [stop]\n"), "test.yaml:4:15:");
	REFUSED(RULE("    priority: 101\n    then: [stop]\n"), "test.yaml:4:15:");
	REFUSED(RULE("    while_running: maybe\n    then: [stop]\n"), "test.yaml:4:20:");
	REFUSED(RULE("    again_after: soon\n    then: [stop]\n"), "test.yaml:4:18:");
}

Test(rules_load, cancel_on)
{
	REFUSED(RULE("    cancel_on: B\n    then: [stop]\n"), "test.yaml:4:16: cancel_on takes {event: NAME, when: EXPR}");
	REFUSED(RULE("    cancel_on: {when: true}\n    then: [stop]\n"), "event");
	REFUSED(RULE("    cancel_on: {event: B, when: 5}\n    then: [stop]\n"), "test.yaml:4:33:");
}

Test(rules_load, steps)
{
	REFUSED(RULE("    then: [go]\n"), "test.yaml:4:12: a step is one of wait, wait_for, if, send, tag and stop");
	REFUSED(RULE("    then: [{wait: 1m, stop: true}]\n"), "a step is one of");
	REFUSED(RULE("    then: [{wiat: 1m}]\n"), "test.yaml:4:13:", "did you mean wait");
	REFUSED(RULE("    then: [{wait: 1m, then: [stop]}]\n"), "test.yaml:4:23: then and else belong to if and wait_for");
	REFUSED(RULE("    then: [{wait: 5}]\n"), "test.yaml:4:19: 5: a length of time needs a unit");
	REFUSED(RULE("    then: [{wait: 0s}]\n"), "test.yaml:4:19: a length of time above 0");
	REFUSED(RULE("    then: [{wait: {till: now}}]\n"), "till");
	REFUSED(RULE("    then: [{wait: {until: 5}}]\n"), "test.yaml:4:27:");
	REFUSED(RULE("    then: [{if: 5, then: [stop]}]\n"), "test.yaml:4:17:");
	REFUSED(RULE("    then: [{if: true}, stop]\n"), "test.yaml:4:17: an if without then or else");
	REFUSED(RULE("    then: [{wait_for: B}]\n"), "test.yaml:4:23: wait_for takes");
	REFUSED(RULE("    then: [{wait_for: {event: B}}]\n"), "within");
	REFUSED(RULE("    then: [{tag: vip}]\n"), "test.yaml:4:18: tag takes");
	REFUSED(RULE("    then: [{tag: {add: a, remove: b}}]\n"), "tag takes");
	REFUSED(RULE("    then: [{tag: {remove: b, for: 1d}}]\n"), "tag takes");
}

Test(rules_load, send)
{
	REFUSED(STEP("      - send: {channel: c}\n"), "template");
	REFUSED(STEP("      - send: {template: t}\n"), "channel");
	REFUSED(STEP("      - send: c\n"), "test.yaml:5:15: send takes");
	REFUSED(STEP("      - send: {channel: \"a b\", template: t}\n"), "test.yaml:5:25: a channel is a word");
	REFUSED(SEND(", category: \"\""), "a category has 1 to 64 bytes");
	REFUSED(SEND(", expires: never"), "test.yaml:5:50:");
	REFUSED(SEND(", data: 5"), "test.yaml:5:47: data is a map");
	REFUSED(SEND(", daat: {}"), "did you mean data");
	REFUSED(STEP("      - send: {channel: c, template: t}\n        as: x\n"), "test.yaml:6:9: as belongs inside send's braces");
}

// Point 19: a bare word in data asks whether a text was meant.
Test(rules_load, bare_word_in_data)
{
	REFUSED(SEND(", data: {level: gold}"), "test.yaml:5:55:", "did you mean 'gold'?");
	REFUSED(SEND(", data: {a: {b: [1, gold]}}"), "test.yaml:5:59:", "did you mean 'gold'?");
}

// Point 2: without for_each, run.key is a load error.
Test(rules_load, run_key_needs_for_each)
{
	REFUSED(SEND(", data: {k: run.key}"), "test.yaml:5:51:", "run.key", "for_each");
	REFUSED(RULE("    for_each: run.key\n    then: [stop]\n"), "test.yaml:4:15:", "run.key");
}

Test(rules_load, names_given_by_as)
{
	REFUSED(SEND(", data: {k: nudge.id}"), "test.yaml:5:51:", "nudge");
	// Not before it is given, nor in the branch that was not taken.
	REFUSED(STEP("      - send: {channel: c, template: t, data: {k: n.id}}\n"
	    "      - send: {channel: c, template: t, as: n}\n"), "test.yaml:5:51:");
	REFUSED(STEP("      - if: true\n        then: [{send: {channel: c, template: t, as: n}}]\n"
	    "        else: [{send: {channel: c, template: t, data: {k: n.id}}}]\n"), "test.yaml:7:59:");
	REFUSED(STEP("      - wait_for: {event: B, within: 1h}\n        as: b\n"
	    "        else: [{send: {channel: c, template: t, data: {k: b.time}}}]\n"), "test.yaml:7:59:");
	REFUSED(STEP("      - send: {channel: c, template: t, as: n}\n      - send: {channel: c, template: t, as: n}\n"),
	    "test.yaml:6:45: the name 'n' is taken");
	REFUSED(SEND(", as: event"), "test.yaml:5:45: 'event' can't be a name");
	REFUSED(SEND(", as: \"a b\""), "can't be a name");
	REFUSED(STEP("      - send: {channel: c, template: t, as: n}\n      - if: n.opened\n        then: [stop]\n"), "test.yaml:6:13:");
}

Test(rules_load, names_reach_what_follows)
{
	mr_test_free(rules_load(STEP("      - if: true\n        then: [{send: {channel: c, template: t, as: n}}]\n"
	    "      - send: {channel: c, template: t, data: {k: 'has(n.id) ? n.id : \"\"'}}\n")));
	mr_test_free(rules_load(RULE("    cancel_on: {event: B, when: event.properties.action_id == n.id}\n"
	    "    then: [{send: {channel: c, template: t, as: n}}]\n")));
}

// ---- bounds ----

static char *
many(const char *head, const char *item, const char *behind, int n, const char *tail)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs(head, out);
	for (int i = 0; i < n; i++)
		fprintf(out, "%s%.0d%s", item, behind ? i + 1 : 0, behind ? behind : "");
	fputs(tail, out);
	fclose(out);
	return text;
}

static void
bound(const char *head, const char *item, const char *behind, int max, const char *tail, const char *error)
{
	char *fits = many(head, item, behind, max, tail), *over = many(head, item, behind, max + 1, tail);

	mr_test_free(rules_load(fits));
	REFUSED(over, error);
	free(fits);
	free(over);
}

Test(rules_load, bounds)
{
	bound(RULE("    then:\n"), "      - tag: {add: t", "}\n", 64, "", "test.yaml:69:9: a rule has at most 64 steps");
	bound("rules:\n  r: {on: [A", ", B", "", 63, "], then: [stop]}\n", "1 to 64 event names");
	bound(RULE("    cancel_on:\n"), "      - {event: B", "}\n", 16, "    then: [stop]\n", "cancel_on takes at most 16");
	bound(RULE("    then:\n"), "      - send: {channel: c, template: t, as: n", "}\n", 13, "", "at most 13 names");
	bound(STEP("      - send: {channel: c, template: t, data: {a: 1"), ", b", ": 1", 63, "}}\n", "data has at most 8 levels, and 64 members");
}

Test(rules_load, nesting)
{
	char *fits = many(RULE("    then: ["), "{if: true, then: [", NULL, 7, "stop]}]}]}]}]}]}]}]\n");
	char *over = many(RULE("    then: ["), "{if: true, then: [", NULL, 8, "stop]}]}]}]}]}]}]}]}]\n");

	mr_test_free(rules_load(fits));
	REFUSED(over, "nested too deep");
	free(fits);
	free(over);
}

// ---- warnings ----

static void
warned(const char *yaml, const char *text)
{
	const struct mr_config_options options = {.lenient = true};
	char *warnings = NULL;
	struct mr_config *c = mr_config_load("test.yaml", yaml, &options, NULL, &warnings);

	cr_assert(c);
	if (text)
		cr_expect(warnings && strstr(warnings, text), "'%s' is not among: %s", text, warnings);
	else
		cr_expect(warnings == NULL, "%s", warnings);
	free(warnings);
	mr_config_free(c);
}

Test(rules_load, warnings)
{
	warned("rules:\n  r: {on: Order Complete, then: [stop]}\n", "test.yaml:2:11: warning: 'Order Complete' is no standard event; did you mean 'Order Completed'?");
	warned("rules:\n  r: {on: session started, then: [stop]}\n", "did you mean 'Session Started'?");
	warned("rules:\n  r: {on: Order Completed, then: [stop]}\n", NULL);
	warned("rules:\n  r: {on: Warranty Registered, then: [stop]}\n", NULL);
	warned(RULE("    then: [stop, {tag: {add: x}}]\n"), "test.yaml:4:18: warning: no run gets here");
}
