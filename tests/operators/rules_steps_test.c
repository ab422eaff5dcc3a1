// What rules do, point by point of the language's contract. Grace is 10 s.
#include "rules_util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define ONE(on_and_more, steps) "rules:\n  r:\n" on_and_more "    then:\n" steps

Test(rules, sends_at_once_and_completes)
{
	CHECK(ONE("    on: Signed Up\n", "      - send: {channel: email, template: hello}\n"),
	    "10:00:00 u1 email/hello {}\n"
	    "10:00:00 u1 run completed\n",
	    "10:00:00 u1 Signed Up", "10:00:01 u1 Signed In");
}

Test(rules, on_takes_a_list_and_types)
{
	CHECK(ONE("    on: [A, B, {type: identify}]\n", "      - send: {channel: email, template: hello}\n"),
	    "10:00:00 u1 email/hello {}\n10:00:00 u1 run completed\n"
	    "10:00:01 u1 email/hello {}\n10:00:01 u1 run completed\n"
	    "10:00:03 u1 email/hello {}\n10:00:03 u1 run completed\n",
	    "10:00:00 u1 A", "10:00:01 u1 B", "10:00:02 u1 C", "10:00:03 u1 <identify> | {'a': 1}",
	    "10:00:04 u1 <page> | {}");
}

Test(rules, the_name_of_a_page_is_not_that_of_a_track_call)
{
	struct mr_test *t = rules_load(ONE("    on: Home\n", "      - send: {channel: email, template: hello}\n"));

	mr_test_event(t, "{\"type\":\"page\",\"name\":\"Home\",\"userId\":\"u1\",\"timestamp\":\"2026-03-01T10:00:00Z\"}");
	cr_expect_eq(mr_test_effects(t), 0);
	mr_test_free(t);
}

Test(rules, every_track_call_can_be_selected)
{
	CHECK("rules:\n  a: {on: {type: track}, then: [{send: {channel: c, template: any}}]}\n"
	      "  b: {on: B, then: [{send: {channel: c, template: b}}]}\n",
	    "10:00:00 u1 c/any {}\n10:00:00 u1 run completed\n"
	    "10:00:01 u1 c/any {}\n10:00:01 u1 run completed\n10:00:01 u1 c/b {}\n10:00:01 u1 run completed\n",
	    "10:00:00 u1 X", "10:00:01 u1 B");
}

Test(rules, when_is_a_condition_on_the_event)
{
	CHECK(ONE("    on: Order Completed\n    when: event.properties.total >= 20\n",
	    "      - send: {channel: crm, template: big}\n"),
	    "10:00:01 u1 crm/big {}\n10:00:01 u1 run completed\n",
	    "10:00:00 u1 Order Completed | {'total': 19.5}", "10:00:01 u1 Order Completed | {'total': 20}",
	    "10:00:02 u1 Order Completed", "10:00:03 u1 Order Completed | {'total': 'plenty'}");
}

// Points 1 and 2: event is the event under test in a `when`, the trigger in a step; run.event is the
// trigger everywhere, and run.key the value of for_each as text.
Test(rules, event_and_run_event)
{
	CHECK(ONE("    on: A\n    for_each: event.properties.id\n"
	    "    cancel_on: {event: B, when: event.properties.id == run.key && event.properties.n > run.event.properties.n}\n",
	    "      - wait: 30m\n"
	    "      - send: {channel: c, template: t, data: {key: run.key, n: event.properties.n, same: run.event.properties.n}}\n"),
	    "10:05:00 u1 run cancelled\n"
	    "10:30:10 u1 c/t {\"key\":\"7\",\"n\":5,\"same\":5}\n10:30:10 u1 run completed\n",
	    "10:00:00 u1 A | {'id': 7, 'n': 5}", "10:00:00 u1 A | {'id': 'x', 'n': 1}",
	    "10:01:00 u1 B | {'id': '7', 'n': 5}", "10:05:00 u1 B | {'id': 'x', 'n': 2}", "until 11:00:00");
}

// Point 2: an absent or null key starts no run.
Test(rules, key_missing)
{
	CHECK("output: {decisions: {topic: d, entry: write}}\n" ONE("    on: A\n    for_each: event.properties.id\n",
	    "      - send: {channel: c, template: t}\n"),
	    "10:00:00 u1 entry key_missing\n10:00:01 u1 entry key_missing\n10:00:02 u1 entry key_missing\n"
	    "10:00:03 u1 c/t {}\n10:00:03 u1 run completed\n",
	    "10:00:00 u1 A", "10:00:01 u1 A | {'id': null}", "10:00:02 u1 A | {'id': [1]}", "10:00:03 u1 A | {'id': false}");
}

// Point 2: a key is an id of at most 255 bytes.
Test(rules, key_too_long_is_missing)
{
	char input[400];

	snprintf(input, sizeof(input), "10:00:00 u1 A | {'id': '%0256d'}", 7);
	CHECK("output: {decisions: {topic: d, entry: write}}\n" ONE("    on: A\n    for_each: event.properties.id\n",
	    "      - send: {channel: c, template: t}\n"), "10:00:00 u1 entry key_missing\n", input);
}

// Point 10: a wait counts from when its step is reached, the first one from the trigger's event time.
Test(rules, waits)
{
	CHECK(ONE("    on: A\n", "      - wait: 30m\n      - send: {channel: c, template: one}\n"
	    "      - wait: 1h\n      - send: {channel: c, template: two}\n"),
	    "10:30:10 u1 c/one {}\n11:30:20 u1 c/two {}\n11:30:20 u1 run completed\n",
	    "10:00:00 u1 A", "10:30:09 u2 X", "10:30:11 u2 X", "11:30:19 u2 X", "until 12:00:00");
}

Test(rules, first_wait_of_a_late_trigger_counts_from_its_event_time)
{
	CHECK(ONE("    on: A\n", "      - wait: 30m\n      - send: {channel: c, template: one}\n"
	    "      - wait: 1h\n      - send: {channel: c, template: two}\n"),
	    "12:20:10 u1 c/one {}\n"               // 11:50 + 30m + grace
	    "13:00:00 u3 c/one {}\n"               // 12:29:50 + 30m + grace: over when it is reached
	    "13:20:20 u1 c/two {}\n13:20:20 u1 run completed\n"
	    "14:00:10 u3 c/two {}\n14:00:10 u3 run completed\n",
	    "12:00:00 u2 X", "11:50:00 u1 A", "13:00:00 u2 X", "12:29:50 u3 A", "until 15:00:00");
}

Test(rules, wait_until_a_time)
{
	CHECK(ONE("    on: A\n",
	    "      - wait: {until: 'timestamp(event.properties.at)'}\n      - send: {channel: c, template: t}\n"),
	    "12:00:10 u1 c/t {}\n12:00:10 u1 run completed\n"
	    "13:00:00 u2 c/t {}\n13:00:00 u2 run completed\n"        // in the past: at once
	    "13:00:01 u3 run stopped\n",                             // nobody knows when
	    "10:00:00 u1 A | {'at': '2026-03-01T12:00:00Z'}", "13:00:00 u2 A | {'at': '2026-03-01T12:00:00Z'}",
	    "13:00:01 u3 A", "until 14:00:00");
}

Test(rules, if_then_else_and_stop)
{
	CHECK(ONE("    on: A\n",
	    "      - if: event.properties.n > 1\n"
	    "        then: [{send: {channel: c, template: more}}, {if: event.properties.n > 2, then: [stop]}]\n"
	    "        else: [{send: {channel: c, template: less}}]\n"
	    "      - send: {channel: c, template: end}\n"),
	    "10:00:00 u1 c/less {}\n10:00:00 u1 c/end {}\n10:00:00 u1 run completed\n"
	    "10:00:01 u1 c/more {}\n10:00:01 u1 c/end {}\n10:00:01 u1 run completed\n"
	    "10:00:02 u1 c/more {}\n10:00:02 u1 run stopped\n"
	    "10:00:03 u1 c/less {}\n10:00:03 u1 c/end {}\n10:00:03 u1 run completed\n",   // unknown is false
	    "10:00:00 u1 A | {'n': 1}", "10:00:01 u1 A | {'n': 2}", "10:00:02 u1 A | {'n': 3}", "10:00:03 u1 A");
}

#define WAIT_FOR ONE("    on: A\n", \
	"      - wait_for: {event: B, when: event.properties.ok, within: 1h}\n" \
	"        as: b\n" \
	"        then: [{send: {channel: c, template: yes, data: {n: b.properties.n, at: b.time}}}]\n" \
	"        else: [{send: {channel: c, template: no}}]\n" \
	"      - send: {channel: c, template: end}\n")

Test(rules, wait_for_is_answered_or_not)
{
	CHECK(WAIT_FOR,
	    "10:20:00 u1 c/yes {\"n\":4,\"at\":\"2026-03-01T10:20:00.000Z\"}\n10:20:00 u1 c/end {}\n10:20:00 u1 run completed\n"
	    "11:00:10 u2 c/no {}\n11:00:10 u2 c/end {}\n11:00:10 u2 run completed\n",
	    "10:00:00 u1 A", "10:00:00 u2 A", "10:10:00 u1 B | {'ok': false}", "10:20:00 u1 B | {'ok': true, 'n': 4}",
	    "10:30:00 u1 B | {'ok': true, 'n': 5}", "until 12:00:00");
}

// Point 10: wait_for sees only events after the step is reached, and none that happened after its end.
Test(rules, wait_for_sees_what_happens_in_its_time)
{
	CHECK(WAIT_FOR,
	    "11:00:09 u1 c/yes {\"n\":2,\"at\":\"2026-03-01T11:00:00.000Z\"}\n11:00:09 u1 c/end {}\n11:00:09 u1 run completed\n"
	    "11:00:10 u2 c/no {}\n11:00:10 u2 c/end {}\n11:00:10 u2 run completed\n",
	    "09:59:00 u1 B | {'ok': true, 'n': 1}", "10:00:00 u1 A", "10:00:00 u2 A",
	    "11:00:05 u2 B | {'ok': true, 'n': 3}", "11:00:09 u3 X", "11:00:00 u1 B | {'ok': true, 'n': 2}", "until 12:00:00");
}

// A late event that happened before the step was reached is no answer.
Test(rules, wait_for_does_not_look_back)
{
	CHECK(ONE("    on: A\n", "      - wait_for: {event: B, within: 1h}\n        then: [{send: {channel: c, template: one}}]\n"
	    "      - wait: 10m\n      - wait_for: {event: B, within: 1h}\n        then: [{send: {channel: c, template: two}}]\n"),
	    "10:06:00 u1 c/one {}\n"
	    "10:30:00 u1 c/two {}\n10:30:00 u1 run completed\n",
	    "10:05:00 u9 X", "10:00:00 u1 A", "09:59:59 u1 B", "10:06:00 u9 X", "10:00:00 u1 B",
	    "10:20:00 u9 X", "10:16:09 u1 B", "10:30:00 u9 X", "10:16:10 u1 B", "until 12:00:00");
}

Test(rules, wait_for_without_branches_goes_on_either_way)
{
	CHECK(ONE("    on: A\n", "      - wait_for: {event: [B, C], within: 1h, as: b}\n"
	    "      - if: has(b.event)\n        then: [{send: {channel: c, template: got, data: {what: b.event}}}]\n"
	    "        else: [{send: {channel: c, template: none}}]\n"),
	    "10:20:00 u1 c/got {\"what\":\"C\"}\n10:20:00 u1 run completed\n"
	    "11:00:10 u2 c/none {}\n11:00:10 u2 run completed\n",
	    "10:00:00 u1 A", "10:00:00 u2 A", "10:20:00 u1 C", "until 12:00:00");
}

// One event answers one wait, not the next one of the same run.
Test(rules, one_event_answers_one_wait)
{
	CHECK(ONE("    on: A\n", "      - wait_for: {event: B, within: 1h}\n      - wait_for: {event: B, within: 1h}\n"
	    "      - send: {channel: c, template: t}\n"),
	    "10:02:00 u1 c/t {}\n10:02:00 u1 run completed\n",
	    "10:00:00 u1 A", "10:01:00 u1 B", "10:02:00 u1 B");
}

// Point 8: if one event both cancels and answers, it cancels; cancelling runs no steps.
Test(rules, cancel_beats_answer)
{
	CHECK(ONE("    on: A\n    cancel_on: {event: B}\n",
	    "      - wait_for: {event: B, within: 1h}\n        then: [{send: {channel: c, template: t}}]\n"),
	    "10:01:00 u1 run cancelled\n",
	    "10:00:00 u1 A", "10:01:00 u1 B", "until 12:00:00");
}

// Point 8: from entry to the last step, by any item of the list.
Test(rules, cancel_on_holds_at_every_step)
{
	CHECK(ONE("    on: A\n    cancel_on: [{event: [B, C]}, {event: D, when: event.properties.ok}]\n",
	    "      - wait: 1h\n      - send: {channel: c, template: t}\n      - wait: 1h\n"),
	    "10:01:00 u1 run cancelled\n"
	    "11:00:10 u2 c/t {}\n11:00:10 u3 c/t {}\n"
	    "11:10:00 u2 run cancelled\n12:00:20 u3 run completed\n",
	    "10:00:00 u1 A", "10:00:00 u2 A", "10:00:00 u3 A", "10:01:00 u1 C", "10:02:00 u3 D | {'ok': false}",
	    "11:10:00 u2 D | {'ok': true}", "until 13:00:00");
}

// Point 8: a late event cancels if its event time is at or after the trigger's.
Test(rules, late_events_cancel)
{
	CHECK(ONE("    on: A\n    cancel_on: {event: B}\n", "      - wait: 1h\n      - send: {channel: c, template: t}\n"),
	    "10:30:00 u1 run cancelled\n"
	    "11:00:10 u2 c/t {}\n11:00:10 u2 run completed\n",
	    "10:00:00 u1 A", "10:00:00 u2 A", "10:30:00 u3 X", "10:00:00 u1 B", "09:59:59 u2 B", "until 12:00:00");
}

// The event that begins a run does not cancel it, but ends the one before.
Test(rules, an_event_may_cancel_and_begin)
{
	CHECK(ONE("    on: A\n    cancel_on: {event: A}\n", "      - wait: 1h\n      - send: {channel: c, template: t}\n"),
	    "10:30:00 u1 run cancelled\n11:30:10 u1 c/t {}\n11:30:10 u1 run completed\n",
	    "10:00:00 u1 A", "10:30:00 u1 A", "until 12:00:00");
}

Test(rules, while_running_skip)
{
	CHECK("output: {decisions: {topic: d, entry: write}}\n" ONE("    on: A\n    for_each: event.properties.id\n",
	    "      - wait: 30m\n      - send: {channel: c, template: t, data: {n: event.properties.n}}\n"),
	    "10:10:00 u1 entry already_running\n"
	    "10:30:10 u1 c/t {\"n\":1}\n10:30:10 u1 run completed\n"
	    "10:40:10 u1 c/t {\"n\":3}\n10:40:10 u1 run completed\n",
	    "10:00:00 u1 A | {'id': 'x', 'n': 1}", "10:10:00 u1 A | {'id': 'x', 'n': 2}", "10:10:00 u1 A | {'id': 'y', 'n': 3}",
	    "until 12:00:00");
}

// The clock runs from the last change; a restart is not held up by again_after or at_most.
Test(rules, while_running_restart)
{
	CHECK("output: {decisions: {topic: d, entry: write}}\n"
	    ONE("    on: A\n    while_running: restart\n    again_after: 1d\n    at_most: 1 per week\n",
	    "      - wait: 30m\n      - send: {channel: c, template: t, data: {n: event.properties.n}}\n"),
	    "10:10:00 u1 run restarted\n10:20:00 u1 run restarted\n"
	    "10:50:10 u1 c/t {\"n\":3}\n10:50:10 u1 run completed\n"
	    "11:00:00 u1 entry again_too_soon\n",
	    "10:00:00 u1 A | {'n': 1}", "10:10:00 u1 A | {'n': 2}", "10:20:00 u1 A | {'n': 3}", "until 10:59:00",
	    "11:00:00 u1 A | {'n': 4}", "until 12:00:00");
}

// A trigger that is older than the run's own is no later change.
Test(rules, an_older_trigger_does_not_restart)
{
	CHECK("output: {decisions: {topic: d, entry: write}}\n" ONE("    on: A\n    while_running: restart\n",
	    "      - wait: 30m\n      - send: {channel: c, template: t, data: {n: event.properties.n}}\n"),
	    "10:10:00 u1 entry already_running\n10:40:10 u1 c/t {\"n\":1}\n10:40:10 u1 run completed\n",
	    "10:10:00 u1 A | {'n': 1}", "10:09:00 u1 A | {'n': 2}", "until 12:00:00");
}

// Point 9: at most time.old behind stream time.
Test(rules, trigger_too_old)
{
	CHECK("time: {old: 1h}\noutput: {decisions: {topic: d, entry: write}}\n"
	    ONE("    on: A\n", "      - send: {channel: c, template: t}\n"),
	    "12:00:00 u1 c/t {}\n12:00:00 u1 run completed\n12:00:00 u2 entry trigger_too_old\n",
	    "12:00:00 u9 X", "11:00:00 u1 A", "10:59:59 u2 A");
}

// Point 13: expires counts from when the step decides.
Test(rules, expires_from_the_decision)
{
	struct mr_test *t = rules_load(ONE("    on: A\n",
	    "      - wait: 30m\n      - send: {channel: c, template: t, expires: 2h}\n"));

	rules_apply(t, "10:00:00 u1 A", 1);
	rules_apply(t, "until 11:00:00", 2);
	char *body = rules_body(t, 0);
	cr_expect(strstr(body, "\"decided_at\":\"2026-03-01T10:30:10.000Z\",\"expires_at\":\"2026-03-01T12:30:10.000Z\""), "%s", body);
	free(body);
	mr_test_free(t);
}

// Points 14 and 18: a data expression that is absent refuses the send, and the run goes on.
Test(rules, data_missing)
{
	CHECK(ONE("    on: A\n",
	    "      - send: {channel: c, template: t, data: {a: {b: [1, event.properties.x]}}, as: s}\n"
	    "      - send: {channel: c, template: u, data: {sent: s.sent, why: 's.sent ? \"none\" : s.reason'}}\n"
	    "      - wait: 1m\n"
	    "      - send: {channel: c, template: v, data: {sent: s.sent, on: s.channel}}\n"),
	    "10:00:00 u1 c/t {\"a\":{\"b\":[1,\"y\"]}}\n10:00:00 u1 c/u {\"sent\":true,\"why\":\"none\"}\n"
	    "10:00:01 u2 send data_missing\n10:00:01 u2 c/u {\"sent\":false,\"why\":\"data_missing\"}\n"
	    "10:01:10 u1 c/v {\"sent\":true,\"on\":\"c\"}\n10:01:10 u1 run completed\n"
	    "10:01:11 u2 c/v {\"sent\":false,\"on\":\"c\"}\n10:01:11 u2 run completed\n",
	    "10:00:00 u1 A | {'x': 'y'}", "10:00:01 u2 A", "until 11:00:00");
}

Test(rules, data_too_large)
{
	char *input = NULL;
	size_t size;
	FILE *out = open_memstream(&input, &size);

	fprintf(out, "10:00:00 u1 A | {'x': '%032760d'}", 0);
	fclose(out);
	CHECK(ONE("    on: A\n", "      - send: {channel: c, template: t, data: {x: event.properties.x}}\n"),
	    "10:00:00 u1 send too_large\n10:00:00 u1 run completed\n", input);
	free(input);
}

// An expression that goes over its cost is cut short: a send that needs it is refused, the run goes on.
Test(rules, error_budget)
{
	char *input = NULL;
	size_t size;
	FILE *out = open_memstream(&input, &size);

	fputs("10:00:00 u1 A | {'x': [0", out);
	for (int i = 1; i < 600; i++)
		fprintf(out, ",%d", i);
	fputs("]}", out);
	fclose(out);
	CHECK(ONE("    on: A\n",
	    "      - send: {channel: c, template: t, data: {n: 1, x: 'event.properties.x.exists(a, event.properties.x.exists(b, a + b < 0))', m: 2}, as: s}\n"
	    "      - if: event.properties.x.exists(a, event.properties.x.exists(b, a + b < 0))\n"
	    "        then: [stop]\n"
	    "      - send: {channel: c, template: u, data: {why: s.reason}}\n"),
	    "10:00:00 u1 send error_budget\n10:00:00 u1 c/u {\"why\":\"error_budget\"}\n10:00:00 u1 run completed\n", input);
	free(input);
}

// Point 7: what other operators and the rules themselves derive are ordinary events.
Test(rules, tags_are_values_and_events)
{
	CHECK("rules:\n"
	    "  a: {on: A, then: [{tag: {add: vip, for: 1h}}]}\n"
	    "  b: {on: B, then: [{tag: {remove: vip}}]}\n"
	    "  c: {on: C, when: '\"vip\" in user.tags', then: [{send: {channel: c, template: vip}}]}\n"
	    "  d: {on: [Tag Added, Tag Removed], then: [{send: {channel: c, template: tag,\n"
	    "      data: {event: event.event, tag: event.properties.tag, tags: user.tags}}}]}\n",
	    "10:00:01 u1 run completed\n"
	    "10:00:01 u1 c/tag {\"event\":\"Tag Added\",\"tag\":\"vip\",\"tags\":[\"vip\"]}\n10:00:01 u1 run completed\n"
	    "10:00:02 u1 c/vip {}\n10:00:02 u1 run completed\n"
	    "10:30:00 u1 run completed\n"                              // again: the later end holds, nothing is new
	    "11:30:10 u1 c/tag {\"event\":\"Tag Removed\",\"tag\":\"vip\",\"tags\":[]}\n11:30:10 u1 run completed\n"
	    "11:40:00 u1 run completed\n"                              // nothing to take away
	    "11:41:00 u1 run completed\n"
	    "11:41:00 u1 c/tag {\"event\":\"Tag Added\",\"tag\":\"vip\",\"tags\":[\"vip\"]}\n11:41:00 u1 run completed\n"
	    "11:42:00 u1 run completed\n"
	    "11:42:00 u1 c/tag {\"event\":\"Tag Removed\",\"tag\":\"vip\",\"tags\":[]}\n11:42:00 u1 run completed\n",
	    "10:00:00 u1 C", "10:00:01 u1 A", "10:00:02 u1 C", "10:30:00 u1 A", "11:00:30 u1 X", "11:35:00 u1 C",
	    "11:40:00 u1 B", "11:41:00 u1 A", "11:42:00 u1 B", "until 14:00:00");
}

Test(rules, session_events_begin_runs)
{
	CHECK("session: {gap: 30m}\nrules:\n"
	    "  s: {on: Session Ended, then: [{send: {channel: c, template: bye, data: {n: event.properties.events}}}]}\n",
	    "10:35:10 u1 c/bye {\"n\":2}\n10:35:10 u1 run completed\n",
	    "10:00:00 u1 A", "10:05:00 u1 B", "until 12:00:00");
}

// Point 15: higher priority first; ties by rule name, then step.
Test(rules, order_within_one_input)
{
	CHECK("rules:\n"
	    "  b: {on: A, then: [{send: {channel: c, template: b}}]}\n"
	    "  z: {on: A, priority: 5, then: [{send: {channel: c, template: z}}]}\n"
	    "  a: {on: A, then: [{send: {channel: c, template: a1}}, {send: {channel: c, template: a2}}]}\n"
	    "  y: {on: A, priority: -5, then: [{send: {channel: c, template: y}}]}\n",
	    "10:00:00 u1 c/z {}\n10:00:00 u1 run completed\n"
	    "10:00:00 u1 c/a1 {}\n10:00:00 u1 c/a2 {}\n10:00:00 u1 run completed\n"
	    "10:00:00 u1 c/b {}\n10:00:00 u1 run completed\n10:00:00 u1 c/y {}\n10:00:00 u1 run completed\n",
	    "10:00:00 u1 A");
}

// Of the same user only: another user's events neither cancel nor answer.
Test(rules, users_are_apart)
{
	CHECK(ONE("    on: A\n    cancel_on: {event: B}\n", "      - wait: 1h\n      - send: {channel: c, template: t}\n"),
	    "10:05:00 u1 run cancelled\n11:00:11 u2 c/t {}\n11:00:11 u2 run completed\n",
	    "10:00:00 u1 A", "10:00:01 u2 A", "10:05:00 u1 B", "until 12:00:00");
}
