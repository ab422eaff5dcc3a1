// Sessions: what else than a pause ends one, what is published, and its bounds.
#include "sessions.h"

// ---- what else ends a session ----

SCENARIO(session_message, length, SESSION("gap: 30m, longest: 1h"))
{
	ping(s, "10:00");
	ping(s, "10:30");
	ping(s, "11:00");            // exactly the longest
	ping(s, "11:00:00.001");
	until(s, "11:00:10.001");
	cr_assert_eq(published(s), 1, "closed when the next one began, after the grace");
	expect(s, 0, "\"closed_by\":\"length\"");
	expect(s, 0, "\"duration_ms\":3600000");
	until(s, "12:00");
	expect(s, 1, "\"closed_by\":\"gap\"");
	expect_number(s, "user", "started", 2);
}

SCENARIO(session_message, length_is_kept_by_bridges, SESSION("gap: 30m, longest: 1h"))
{
	ping(s, "10:00");
	ping(s, "10:40");
	ping(s, "11:10");            // of the second session
	ping(s, "10:20");            // would join both to 70 minutes
	until(s, "13:00");
	cr_assert_eq(published(s), 3);
	expect(s, 0, "\"revision\":0");
	expect(s, 1, "\"events\":2");
	expect(s, 1, "\"ended_at\":\"2026-03-01T10:20:00.000Z\"");
	expect(s, 2, "\"events\":2");
}

SCENARIO(session_message, number_of_events, SESSION("gap: 30m, most_events: 3"))
{
	ping(s, "10:00");
	ping(s, "10:01");
	ping(s, "10:02");
	ping(s, "10:03");
	until(s, "12:00");
	cr_assert_eq(published(s), 2);
	expect(s, 0, "\"events\":3");
	expect(s, 0, "\"closed_by\":\"events\"");
	expect(s, 1, "\"events\":1");
	expect(s, 1, "\"closed_by\":\"gap\"");
}

SCENARIO(session_message, number_of_events_of_one_instant, SESSION("gap: 30m, most_events: 2"))
{
	EACH_REPEAT(3)
		ping(s, "10:00");
	until(s, "12:00");
	cr_assert_eq(published(s), 2);
	expect(s, 0, "\"events\":2");
}

// Three in under a minute are too many for one session, in a minute they are not.
SCENARIO(session_message, burst, SESSION("gap: 30m, burst: 2 within 1m"))
{
	ping(s, "10:00:00");
	ping(s, "10:00:30");
	ping(s, "10:00:59.999");
	ping(s, "10:01:30");
	ping(s, "10:01:59.999");
	ping(s, "10:02:00");
	until(s, "12:00");
	cr_assert_eq(published(s), 2);
	expect(s, 0, "\"events\":2");
	expect(s, 0, "\"closed_by\":\"events\"");
	expect(s, 1, "\"events\":4");   // its third came exactly a minute after its first
	expect(s, 1, "\"closed_by\":\"gap\"");
}

SCENARIO(session_message, midnight_in_the_users_zone, SESSION("gap: 30m, new_on: [midnight]"))
{
	call(s, "10:45", "\"type\":\"track\",\"event\":\"A\",\"context\":{\"timezone\":\"Asia/Kolkata\"}");
	ping(s, "18:29:59.999");     // 23:59:59.999 there
	ping(s, "18:30");
	until(s, "20:00");
	cr_assert_eq(published(s), 3);
	expect(s, 1, "\"closed_by\":\"midnight\"");
	expect(s, 1, "\"closed_at\":\"2026-03-01T18:30:10.000Z\"");
	expect(s, 2, "\"started_at\":\"2026-03-01T18:30:00.000Z\"");
	ping(s, "18:45");            // late: of the later day
	expect(s, 3, "\"events\":2");
	ping(s, "18:29:59.000");     // late: of the earlier day, no bridge
	expect(s, 4, "\"ended_at\":\"2026-03-01T18:29:59.999Z\"");
	cr_assert_eq(published(s), 5);
}

static void
landing(struct scenario *s, const char *time, const char *campaign)
{
	char fields[256];

	snprintf(fields, sizeof(fields), "\"type\":\"page\",\"context\":{\"campaign\":{\"name\":\"%s\",\"source\":\"ads\"}}", campaign);
	call(s, time, fields);
}

SCENARIO(session_message, a_change_of_campaign, SESSION("gap: 30m, new_on: campaign"))
{
	landing(s, "10:00", "spring");
	ping(s, "10:05");            // names none: goes on
	landing(s, "10:06", "spring");
	landing(s, "10:07", "summer");
	ping(s, "10:08");
	until(s, "12:00");
	cr_assert_eq(published(s), 2);
	expect(s, 0, "\"events\":3");
	expect(s, 0, "\"closed_by\":\"campaign\"");
	expect(s, 0, "\"campaign\":{\"name\":\"spring\",\"source\":\"ads\"}");
	expect(s, 1, "\"events\":2");
	expect(s, 1, "\"campaign\":{\"name\":\"summer\",\"source\":\"ads\"}");
}

SCENARIO(session_message, a_campaign_after_none_is_a_change, SESSION("gap: 30m, new_on: campaign"))
{
	ping(s, "10:00");
	landing(s, "10:01", "spring");
	until(s, "12:00");
	cr_assert_eq(published(s), 2);
}

SCENARIO(session_message, a_late_event_without_campaign_does_not_lead_to_one, SESSION("gap: 30m, new_on: campaign"))
{
	landing(s, "10:05", "spring");
	ping(s, "10:00");
	landing(s, "10:01", "spring");
	until(s, "12:00");
	cr_assert_eq(published(s), 2);
	expect(s, 0, "\"events\":1");
	expect(s, 0, "\"closed_by\":\"campaign\"");
	expect(s, 1, "\"started_at\":\"2026-03-01T10:01:00.000Z\"");
}

SCENARIO(session_message, without_new_on_the_first_campaign_is_the_sessions, SESSION("gap: 30m"))
{
	landing(s, "10:05", "summer");
	landing(s, "10:00", "spring");
	until(s, "12:00");
	cr_assert_eq(published(s), 1);
	expect(s, 0, "\"campaign\":{\"name\":\"spring\",\"source\":\"ads\"}");
}

// ---- what a session tells ----

SCENARIO(session_message, message, SESSION("gap: 30m"))
{
	call(s, "10:00", "\"type\":\"page\",\"name\":\"Home\",\"anonymousId\":\"a1\",\"properties\":{\"path\":\"/?utm=1\","
	    "\"title\":\"Home\",\"referrer\":\"https://x.org/a?q=secret#f\"},\"context\":{\"device\":{\"type\":\"phone\"},"
	    "\"os\":{\"name\":\"Android\"},\"app\":{\"version\":\"1.2\"}}");
	track(s, "10:01", "Products Searched", "\"query\":\"tea\"");
	track(s, "10:02", "Product Added", "\"cart_id\":\"c1\"");
	track(s, "10:03", "Product Added", "\"cart_id\":\"c1\"");
	track(s, "10:04", "Product Added", "\"cart_id\":\"c2\"");
	track(s, "10:05", "Order Completed", "\"revenue\":0.1,\"currency\":\"GBP\"");
	track(s, "10:06", "Order Completed", "\"total\":0.2,\"currency\":\"GBP\"");
	track(s, "10:07", "Order Completed", "\"revenue\":5");
	call(s, "10:08", "\"type\":\"screen\",\"name\":\"Bye\"");
	expect_number(s, "session", "events", 9);
	cr_assert_eq(value(s, "session", "duration").ms, 480000);
	cr_assert(value(s, "session", "open").b);
	until(s, "12:00");
	expect(s, 0, "\"user\":{\"id\":\"u1\",\"anonymous_id\":\"a1\"}");
	expect(s, 0, "\"entry\":{\"event\":\"Home\",\"path\":\"/\",\"title\":\"Home\",\"referrer\":\"https://x.org/a\"}");
	expect(s, 0, "\"exit\":{\"event\":\"Bye\"}");
	expect(s, 0, "\"device\":{\"type\":\"phone\",\"os\":\"Android\",\"app_version\":\"1.2\"}");
	expect(s, 0, "\"events\":9,\"pages\":1,\"screens\":1,\"late_events\":0");
	expect(s, 0, "\"orders\":3,\"carts\":2,\"searches\":1");
	expect(s, 0, "\"revenue\":[{\"amount\":0.3,\"currency\":\"GBP\"},{\"amount\":5,\"currency\":\"XXX\"}]");
	cr_assert(!holds(s, 0, "campaign"), "what has no value is left out");
	cr_assert(!holds(s, 0, "replaces"));
	cr_assert(mr_str_eq(session(s, 0).subject, MR_LIT("u1")));
}

// The ids are part of the contract: every release must give the same.
SCENARIO(session_message, ids, "app: shop\n" SESSION("gap: 30m"))
{
	char id[33], message[33];
	const struct mr_str parts[] = {MR_LIT("shop"), MR_LIT("u1"), MR_LIT("events/0/0")};

	ping(s, "10:00");
	until(s, "12:00");
	mr_id(id, parts, 3);
	const struct mr_str revision[] = {{id, 32}, MR_LIT("0")};
	mr_id(message, revision, 2);
	cr_assert_str_eq(session(s, 0).id, message);
	cr_assert(mr_str_eq(id_of(s, 0), mr_str_of(id)));
}

SCENARIO(session_message, session_ended_carries_the_message,
    SESSION("gap: 30m") "  pages: {last: event.properties.pages, of: Session Ended}\n"
                        "  way_in: {last: event.properties.entry.path, of: Session Ended}\n"
                        "  began: {last: event.properties.started_at, of: Session Ended}\n")
{
	call(s, "10:00", "\"type\":\"page\",\"properties\":{\"path\":\"/sale\"}");
	until(s, "12:00");
	expect_number(s, "user", "pages", 1);
	expect_text(s, "user", "way_in", "/sale");
	cr_assert_eq(value(s, "user", "began").ms, ms_of("10:00"));
}

SCENARIO(session_message, outcomes_of_messages_are_no_activity, SESSION("gap: 30m, ignore: Heartbeat"))
{
	track(s, "10:00", "Message Delivered", "\"action_id\":\"x\"");
	track(s, "10:00", "Heartbeat", NULL);
	until(s, "12:00");
	cr_assert_eq(published(s), 0);
	expect_number(s, "user", "started", 0);
}

SCENARIO(session_message, a_repeated_message_counts_once, SESSION("gap: 30m"))
{
	for (int i = 0; i < 2; i++)
		mr_test_event(s->t, "{\"type\":\"track\",\"event\":\"A\",\"userId\":\"u1\",\"messageId\":\"same\","
		    "\"timestamp\":\"2026-03-01T10:00:00Z\"}");
	expect_number(s, "session", "events", 1);
}

// ---- bounds ----

SCENARIO(session_message, at_most_keep_sessions_are_kept, SESSION("gap: 1m, keep: 2"))
{
	ping(s, "10:00");
	ping(s, "10:10");
	ping(s, "10:20");
	expect_counted(s, MR_C_BOUND_CUT, 1);   // the first one is forgotten
	ping(s, "10:00:30.000");                // so nobody can tell whether this belongs to it
	expect_counted(s, MR_C_LATE_DROPPED, 1);
	until(s, "12:00");
	cr_assert_eq(published(s), 3);
}

// The bound made it forget a session; later all of the user has gone, that mark too.
SCENARIO(session_message, nothing_is_left_of_a_user_without_sessions, "session: {gap: 1m, keep: 2}\ntime: {old: 1h}\n")
{
	for (int minute = 0; minute < 30; minute += 10) {
		char json[128];
		snprintf(json, sizeof(json), "{\"type\":\"track\",\"event\":\"A\",\"userId\":\"u1\","
		    "\"timestamp\":\"2026-03-01T10:%02d:00Z\"}", minute);
		mr_test_event(s->t, json);
	}
	expect_counted(s, MR_C_BOUND_CUT, 1);
	until(s, "23:00");
	cr_assert_eq(published(s), 3);
}

SCENARIO(session_message, a_full_record_closes_its_oldest_session_message, SESSION("gap: 3s, keep: 2"))
{
	ping(s, "10:00:00.000");
	ping(s, "10:00:04.000");
	ping(s, "10:00:08.000");                // all within the grace
	cr_assert_eq(published(s), 1);
	expect_counted(s, MR_C_BOUND_CUT, 1);
}

SCENARIO(session_message, text_carts_and_currencies_have_bounds, SESSION("gap: 30m, text: 16"))
{
	char properties[64];

	call(s, "10:00", "\"type\":\"page\",\"properties\":{\"path\":\"/0123456789abc\xc3\xa9xyz\"}");
	expect_counted(s, MR_C_BOUND_CUT, 2);   // as entry and as exit
	for (int i = 0; i < 17; i++) {
		snprintf(properties, sizeof(properties), "\"cart_id\":\"c%d\"", i);
		track(s, "10:01", "Product Added", properties);
	}
	expect_number(s, "session", "carts", 16);
	expect_counted(s, MR_C_BOUND_CUT, 3);
	for (int i = 0; i < 5; i++) {
		snprintf(properties, sizeof(properties), "\"revenue\":1,\"currency\":\"EU%d\"", i);
		track(s, "10:02", "Order Completed", properties);
	}
	expect_counted(s, MR_C_BOUND_CUT, 4);
	expect_number(s, "session", "revenue", 4);
	until(s, "12:00");
	expect(s, 0, "\"path\":\"/0123456789abc\xc3\xa9\"");
}

// ---- configuration ----

static void
refuse(const char *yaml, const char *message)
{
	char *errors = NULL;

	cr_assert(mr_test_new(yaml, NULL, &errors) == NULL);
	cr_assert(strstr(errors, message) != NULL, "%s", errors);
	free(errors);
}

Test(session_message, wrong_settings_are_refused)
{
	refuse("session: {new_on: [noon]}\n", "test.yaml:1:20: a new session can't begin on 'noon'");
	refuse("session: {gap: 0s}\n", "gap");
	refuse("session: {gapp: 30m}\n", "gap");
	refuse("session: {keep: 1}\n", "keep");
}

// ---- rules ----

static size_t
actions(struct scenario *s, const char *template)
{
	char part[64];
	size_t n = 0;

	snprintf(part, sizeof(part), "\"template\":\"%s\"", template);
	for (size_t i = 0; i < mr_test_effects(s->t); i++) {
		struct mr_test_effect e = mr_test_effect(s->t, i);
		n += e.output == MR_OUT_ACTION && memmem(e.body.p, e.body.n, part, strlen(part)) != NULL;
	}
	return n;
}

SCENARIO(session_message, rules_use_it, "session: {gap: 30m}\n"
    "lifecycle: {purchase: Order Completed, dormant: 60d, churned: 120d}\n"
    "rules:\n"
    "  hello: {on: Session Started, then: [{send: {channel: push, template: hello, data: {id: event.properties.session_id}}}]}\n"
    "  browsed:\n"
    "    on: Session Ended\n"
    "    when: session.events == 2 && event.properties.events == 2.0 && !session.open && event.properties.entry.event == \"Ping\"\n"
    "    then: [{send: {channel: push, template: browsed}}]\n"
    "  twice: {on: Ping, when: session.events == 2, then: [{send: {channel: push, template: twice}}]}\n"
    "  asleep: {on: Stage Changed, when: user.stage == \"dormant\", then: [{send: {channel: push, template: asleep}}]}\n")
{
	ping(s, "10:00");
	cr_assert_eq(actions(s, "hello"), 1);
	track(s, "10:01", "Order Completed", NULL);
	ping(s, "10:50");
	cr_assert_eq(actions(s, "hello"), 2);
	cr_assert_eq(actions(s, "browsed"), 1);
	cr_assert_eq(actions(s, "twice"), 0);
	ping(s, "10:51");
	cr_assert_eq(actions(s, "twice"), 1, "the event is counted in before rules look");
	until(s, "2026-04-30T10:01:10Z");
	cr_assert_eq(actions(s, "asleep"), 1);
	cr_assert_eq(actions(s, "browsed"), 2);
}
