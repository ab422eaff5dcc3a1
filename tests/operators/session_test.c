// Sessions: where an event belongs, what is published, and what late events change.
#include "scenario.h"

#define SESSION(settings)                                                     \
	"session: {" settings "}\n"                                               \
	"profile:\n"                                                              \
	"  started: {count: Session Started}\n"                                   \
	"  ended: {count: Session Ended}\n"

static size_t
published(struct scenario *s)
{
	size_t n = 0;

	for (size_t i = 0; i < mr_test_effects(s->t); i++)
		n += mr_test_effect(s->t, i).output == MR_OUT_SESSION;
	return n;
}

static struct mr_test_effect
session(struct scenario *s, size_t number)
{
	for (size_t i = 0; i < mr_test_effects(s->t); i++) {
		struct mr_test_effect e = mr_test_effect(s->t, i);
		if (e.output == MR_OUT_SESSION && number-- == 0)
			return e;
	}
	cr_assert_fail("no such session");
	return (struct mr_test_effect){0};
}

static bool
holds(struct scenario *s, size_t n, const char *part)
{
	struct mr_str body = session(s, n).body;

	return memmem(body.p, body.n, part, strlen(part)) != NULL;
}

static void
expect(struct scenario *s, size_t n, const char *part)
{
	struct mr_str body = session(s, n).body;

	cr_assert(holds(s, n, part), "no %s in %.*s", part, (int)body.n, body.p);
}

#define EACH_REPEAT(n) for (int i = 0; i < (n); i++)

static void
ping(struct scenario *s, const char *time)
{
	track(s, time, "Ping", NULL);
}

// The session_id of a published session.
static struct mr_str
id_of(struct scenario *s, size_t n)
{
	struct mr_str body = session(s, n).body;
	const char *at = memmem(body.p, body.n, "\"session_id\":\"", 14);

	cr_assert(at != NULL);
	return (struct mr_str){at + 14, 32};
}

// ---- gap ----

SCENARIO(session, a_gap_of_exactly_gap_belongs_to_the_old_session, SESSION("gap: 30m"))
{
	ping(s, "10:00");
	ping(s, "10:30");
	until(s, "12:00");
	cr_assert_eq(published(s), 1);
	expect(s, 0, "\"events\":2");
	expect(s, 0, "\"duration_ms\":1800000");
	expect(s, 0, "\"closed_by\":\"gap\"");
	expect(s, 0, "\"revision\":0");
	expect(s, 0, "\"closed_at\":\"2026-03-01T11:00:10.001Z\"");
}

SCENARIO(session, one_millisecond_more_is_a_new_session, SESSION("gap: 30m"))
{
	ping(s, "10:00");
	ping(s, "10:30:00.001");
	until(s, "12:00");
	cr_assert_eq(published(s), 2);
	expect(s, 0, "\"ended_at\":\"2026-03-01T10:00:00.000Z\"");
	expect(s, 0, "\"closed_at\":\"2026-03-01T10:30:10.001Z\"");
	expect(s, 1, "\"started_at\":\"2026-03-01T10:30:00.001Z\"");
	expect_number(s, "user", "started", 2);
	expect_number(s, "user", "ended", 2);
}

SCENARIO(session, closes_only_after_the_grace, SESSION("gap: 30m"))
{
	ping(s, "10:00");
	until(s, "10:30:10.000");
	cr_assert_eq(published(s), 0);
	until(s, "10:30:10.001");
	cr_assert_eq(published(s), 1);
}

// ---- late events ----

SCENARIO(session, an_event_within_the_grace_bridges_two_open_sessions, SESSION("gap: 30m"))
{
	ping(s, "10:00");
	ping(s, "10:30:05.000");
	expect_number(s, "user", "started", 2);
	ping(s, "10:29:59.000");
	until(s, "12:00");
	cr_assert_eq(published(s), 1);
	expect(s, 0, "\"events\":3");
	expect(s, 0, "\"late_events\":0");
	expect(s, 0, "\"replaces\":[\"");
	expect_number(s, "user", "ended", 1);
}

SCENARIO(session, a_late_event_bridges_a_closed_and_an_open_session, SESSION("gap: 30m"))
{
	ping(s, "10:00");
	ping(s, "10:50");
	cr_assert_eq(published(s), 1);   // the first has ended
	ping(s, "10:25");                // 25 minutes late: joins both
	expect_number(s, "session", "events", 3);
	until(s, "12:00");
	cr_assert_eq(published(s), 2);
	cr_assert(mr_str_eq(id_of(s, 0), id_of(s, 1)), "the earliest id survives");
	cr_assert(strcmp(session(s, 0).id, session(s, 1).id) != 0, "a revision has its own id");
	expect(s, 1, "\"revision\":1");
	expect(s, 1, "\"events\":3");
	expect(s, 1, "\"late_events\":1");
	expect(s, 1, "\"replaces\":[\"");
	expect_number(s, "user", "ended", 1);   // no second firing
	expect_counted(s, MR_C_LATE_APPLIED, 1);
}

SCENARIO(session, a_late_event_bridges_two_closed_sessions, SESSION("gap: 30m"))
{
	ping(s, "10:00");
	ping(s, "10:50");
	until(s, "13:00");
	cr_assert_eq(published(s), 2);
	ping(s, "10:25");
	cr_assert_eq(published(s), 3);
	expect(s, 2, "\"revision\":1");
	expect(s, 2, "\"events\":3");
	cr_assert(mr_str_eq(id_of(s, 0), id_of(s, 2)));
	struct mr_str gone = id_of(s, 1);
	char replaces[64];
	snprintf(replaces, sizeof(replaces), "\"replaces\":[\"%.32s\"]", gone.p);
	expect(s, 2, replaces);
	expect_number(s, "user", "ended", 2);
}

SCENARIO(session, a_late_event_revises_a_closed_session, SESSION("gap: 30m"))
{
	ping(s, "10:00");
	ping(s, "10:10");
	until(s, "12:00");
	track(s, "10:05", "Order Completed", "\"revenue\":12.5,\"currency\":\"EUR\"");
	cr_assert_eq(published(s), 2);
	expect(s, 1, "\"revision\":1");
	expect(s, 1, "\"orders\":1");
	expect(s, 1, "\"revenue\":[{\"amount\":12.5,\"currency\":\"EUR\"}]");
	expect(s, 1, "\"closed_at\":\"2026-03-01T10:40:10.001Z\"");   // when it was closed
	ping(s, "10:06");
	expect(s, 2, "\"revision\":2");
	expect_number(s, "user", "ended", 1);
}

SCENARIO(session, a_late_event_at_its_end_opens_a_closed_session_again, SESSION("gap: 30m"))
{
	ping(s, "10:00");
	until(s, "10:40");
	cr_assert_eq(published(s), 1);
	ping(s, "10:20");                // so that until 10:50 the next one belongs to it
	cr_assert_eq(published(s), 1);
	ping(s, "10:45");
	until(s, "12:00");
	cr_assert_eq(published(s), 2);
	expect(s, 1, "\"revision\":1");
	expect(s, 1, "\"events\":3");
	expect_number(s, "user", "ended", 1);
	expect_number(s, "user", "started", 1);
}

SCENARIO(session, a_late_event_before_an_open_session_moves_its_start, SESSION("gap: 30m"))
{
	track(s, "10:20", "Second", NULL);
	track(s, "10:00", "First", NULL);
	until(s, "12:00");
	cr_assert_eq(published(s), 1);
	expect(s, 0, "\"started_at\":\"2026-03-01T10:00:00.000Z\"");
	expect(s, 0, "\"entry\":{\"event\":\"First\"}");
	expect(s, 0, "\"exit\":{\"event\":\"Second\"}");
}

SCENARIO(session, the_gap_before_a_session_is_as_long, SESSION("gap: 30m"))
{
	ping(s, "12:00");
	ping(s, "11:30");
	expect_number(s, "session", "events", 2);
	ping(s, "10:59:59.999");
	expect_number(s, "session", "events", 1);
}

SCENARIO(session, late_is_more_than_the_grace, SESSION("gap: 30m"))
{
	ping(s, "10:00:10.000");
	ping(s, "10:00:00.000");
	expect_counted(s, MR_C_LATE_APPLIED, 0);
	ping(s, "09:59:59.999");
	expect_counted(s, MR_C_LATE_APPLIED, 1);
}

SCENARIO(session, opened_again_while_the_grace_of_its_new_end_runs, SESSION("gap: 30m"))
{
	ping(s, "10:00");
	until(s, "10:40:05.000");
	cr_assert_eq(published(s), 1);
	ping(s, "10:10");               // ends at 10:40:00.001 now, and another 10 s may pass
	cr_assert_eq(published(s), 1);
	cr_assert(value(s, "session", "open").b);
	until(s, "10:40:10.001");
	cr_assert_eq(published(s), 2);
	expect(s, 1, "\"closed_at\":\"2026-03-01T10:40:10.001Z\"");
}

SCENARIO(session, a_late_event_that_fits_nothing_has_a_session_of_its_own, SESSION("gap: 30m"))
{
	ping(s, "12:00");
	ping(s, "10:00");
	cr_assert_eq(published(s), 1, "its time is over already");
	expect(s, 0, "\"events\":1");
	expect(s, 0, "\"late_events\":1");
	until(s, "13:00");
	cr_assert_eq(published(s), 2);
}

SCENARIO(session, an_event_older_than_old_is_dropped_and_counted, SESSION("gap: 30m"))
{
	ping(s, "18:00");
	ping(s, "11:59:59.999");   // time.old is 6h
	until(s, "20:00");
	cr_assert_eq(published(s), 1);
	expect_counted(s, MR_C_LATE_DROPPED, 1);
	ping(s, "14:00");
	cr_assert_eq(published(s), 2);
}

SCENARIO(session, the_last_closed_one_is_kept_for_old_and_no_longer, SESSION("gap: 30m"))
{
	ping(s, "10:00");
	until(s, "16:30:20.000");   // closed at 10:30:10.001, and the grace once more
	expect_number(s, "session", "events", 1);
	ping(s, "10:30");            // 10:30 + 30m + grace is past: a revision
	cr_assert_eq(published(s), 2);
	until(s, "16:30:20.001");
	expect_absent(s, "session", "events");
}

// ---- what else ends a session ----

SCENARIO(session, length, SESSION("gap: 30m, longest: 1h"))
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

SCENARIO(session, length_is_kept_by_bridges, SESSION("gap: 30m, longest: 1h"))
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

SCENARIO(session, number_of_events, SESSION("gap: 30m, most_events: 3"))
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

SCENARIO(session, number_of_events_of_one_instant, SESSION("gap: 30m, most_events: 2"))
{
	EACH_REPEAT(3)
		ping(s, "10:00");
	until(s, "12:00");
	cr_assert_eq(published(s), 2);
	expect(s, 0, "\"events\":2");
}

SCENARIO(session, midnight_in_the_users_zone, SESSION("gap: 30m, new_on: [midnight]"))
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

SCENARIO(session, a_change_of_campaign, SESSION("gap: 30m, new_on: campaign"))
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

SCENARIO(session, a_campaign_after_none_is_a_change, SESSION("gap: 30m, new_on: campaign"))
{
	ping(s, "10:00");
	landing(s, "10:01", "spring");
	until(s, "12:00");
	cr_assert_eq(published(s), 2);
}

SCENARIO(session, a_late_event_without_campaign_does_not_lead_to_one, SESSION("gap: 30m, new_on: campaign"))
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

SCENARIO(session, without_new_on_the_first_campaign_is_the_sessions, SESSION("gap: 30m"))
{
	landing(s, "10:05", "summer");
	landing(s, "10:00", "spring");
	until(s, "12:00");
	cr_assert_eq(published(s), 1);
	expect(s, 0, "\"campaign\":{\"name\":\"spring\",\"source\":\"ads\"}");
}

// ---- what a session tells ----

SCENARIO(session, message, SESSION("gap: 30m"))
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
SCENARIO(session, ids, "app: shop\n" SESSION("gap: 30m"))
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

SCENARIO(session, session_ended_carries_the_message,
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

SCENARIO(session, outcomes_of_messages_are_no_activity, SESSION("gap: 30m, ignore: Heartbeat"))
{
	track(s, "10:00", "Message Delivered", "\"action_id\":\"x\"");
	track(s, "10:00", "Heartbeat", NULL);
	until(s, "12:00");
	cr_assert_eq(published(s), 0);
	expect_number(s, "user", "started", 0);
}

SCENARIO(session, a_repeated_message_counts_once, SESSION("gap: 30m"))
{
	for (int i = 0; i < 2; i++)
		mr_test_event(s->t, "{\"type\":\"track\",\"event\":\"A\",\"userId\":\"u1\",\"messageId\":\"same\","
		    "\"timestamp\":\"2026-03-01T10:00:00Z\"}");
	expect_number(s, "session", "events", 1);
}

// ---- bounds ----

SCENARIO(session, at_most_keep_sessions_are_kept, SESSION("gap: 1m, keep: 2"))
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

SCENARIO(session, a_full_record_closes_its_oldest_session, SESSION("gap: 3s, keep: 2"))
{
	ping(s, "10:00:00.000");
	ping(s, "10:00:04.000");
	ping(s, "10:00:08.000");                // all within the grace
	cr_assert_eq(published(s), 1);
	expect_counted(s, MR_C_BOUND_CUT, 1);
}

SCENARIO(session, text_carts_and_currencies_have_bounds, SESSION("gap: 30m, text: 16"))
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

Test(session, wrong_settings_are_refused)
{
	refuse("session: {new_on: [noon]}\n", "test.yaml:1:20: a new session can't begin on 'noon'");
	refuse("session: {gap: 0s}\n", "gap");
	refuse("session: {gapp: 30m}\n", "gap");
	refuse("session: {keep: 1}\n", "keep");
}
