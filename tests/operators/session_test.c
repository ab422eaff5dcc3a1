// Sessions: where an event belongs, and what late events change.
#include "sessions.h"

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
