// The profile: each kind of value, its windows, what late events do to it, and its bounds.
#include "scenario.h"

#define EACH_REPEAT(n) for (int i = 0; i < (n); i++)

static void
view(struct scenario *s, const char *time, const char *category)
{
	char properties[512];

	snprintf(properties, sizeof(properties), "\"category\":\"%s\"", category);
	track(s, time, "Viewed", properties);
}

static void
spend(struct scenario *s, const char *time, const char *amount)
{
	char properties[128];

	snprintf(properties, sizeof(properties), "\"amount\":%s", amount);
	track(s, time, "Bought", properties);
}

// ---- for ever ----

SCENARIO(profile, count_and_sum_start_at_0, "profile:\n"
    "  n: {count: Bought}\n"
    "  both: {count: [Bought, Viewed]}\n"
    "  spent: {sum: event.properties.amount, of: Bought}\n"
    "  big: {count: Bought, when: event.properties.amount >= 10}\n"
    "  lasting: {last: event.properties.amount, of: Bought}\n")
{
	track(s, "10:00", "Else", NULL);
	expect_number(s, "user", "n", 0);
	expect_number(s, "user", "spent", 0);
	expect_absent(s, "user", "lasting");
	spend(s, "10:01", "9.5");
	spend(s, "10:02", "10");
	view(s, "10:03", "tea");
	track(s, "10:04", "Bought", NULL);                       // no amount
	track(s, "10:05", "Bought", "\"amount\":\"12\"");        // text is never a number
	expect_number(s, "user", "n", 4);
	expect_number(s, "user", "both", 5);
	expect_number(s, "user", "spent", 19.5);
	expect_number(s, "user", "big", 1);
}

SCENARIO(profile, least_and_greatest, "profile:\n"
    "  low: {min: event.properties.amount, of: Bought}\n"
    "  high: {max: event.properties.amount, of: Bought}\n"
    "  newest: {max: event.time, of: Bought}\n")
{
	expect_absent(s, "user", "low");
	spend(s, "10:02", "-3");
	spend(s, "10:01", "7");
	spend(s, "10:03", "2");
	track(s, "10:04", "Bought", "\"amount\":\"text\"");
	expect_number(s, "user", "low", -3);
	expect_number(s, "user", "high", 7);
	cr_assert_eq(value(s, "user", "newest").type, MR_TIME);
	cr_assert_eq(value(s, "user", "newest").ms, ms_of("10:04"));
}

SCENARIO(profile, first_and_last_by_event_time, "profile:\n"
    "  first: {first: event.properties.category, of: Viewed}\n"
    "  last: {last: event.properties.category, of: Viewed}\n"
    "  when_last: {last: event.time, of: Viewed}\n"
    "  recent: {last: event.properties.category, of: Viewed, over: 1h}\n")
{
	view(s, "10:30", "b");
	view(s, "10:00", "a");       // late: the first, not the last
	view(s, "10:45", "c");
	view(s, "10:40", "d");
	expect_text(s, "user", "first", "a");
	expect_text(s, "user", "last", "c");
	cr_assert_eq(value(s, "user", "when_last").ms, ms_of("10:45"));
	until(s, "11:45");
	expect_text(s, "user", "recent", "c");
	until(s, "11:45:00.001");
	expect_absent(s, "user", "recent");
	expect_text(s, "user", "last", "c");
	view(s, "10:45:00.000", "e"); // older than the window, as late as the last
	expect_absent(s, "user", "recent");
	expect_text(s, "user", "last", "e");
	expect_counted(s, MR_C_LATE_DROPPED, 1);
}

SCENARIO(profile, last_keeps_every_scalar, "profile:\n"
    "  birthday: {last: event.traits.birthday, of: {type: identify}}\n")
{
	static const char *const traits[] = {"true", "5", "\"1990-01-01\"", "null"};

	EACH_REPEAT(4) {
		char fields[128];
		snprintf(fields, sizeof(fields), "\"type\":\"identify\",\"traits\":{\"birthday\":%s}", traits[i]);
		call(s, "10:00", fields);
		if (i == 0)
			cr_assert(value(s, "user", "birthday").b);
		if (i == 1)
			expect_number(s, "user", "birthday", 5);
	}
	expect_text(s, "user", "birthday", "1990-01-01");
	call(s, "10:01", "\"type\":\"identify\",\"traits\":{\"birthday\":[1]}");
	expect_counted(s, MR_C_CONDITION_UNKNOWN, 1);   // lists are not kept
	call(s, "10:02", "\"type\":\"track\",\"event\":\"X\",\"traits\":{\"birthday\":7}");
	expect_text(s, "user", "birthday", "1990-01-01");
}

// ---- windows ----

SCENARIO(profile, an_event_stays_for_over_and_at_most_a_pane_longer, "profile:\n"
    "  n: {count: Bought, over: 1h, pane: 10m}\n"
    "  spent: {sum: event.properties.amount, of: Bought, over: 1h, pane: 10m}\n"
    "  high: {max: event.properties.amount, of: Bought, over: 1h, pane: 10m}\n")
{
	spend(s, "10:01", "5");
	spend(s, "10:09", "2");
	spend(s, "10:15", "3");
	expect_number(s, "user", "n", 3);
	until(s, "11:09:59.999");          // 10:09:59.999 lies in the first pane
	expect_number(s, "user", "n", 3);
	expect_number(s, "user", "high", 5);
	until(s, "11:10");
	expect_number(s, "user", "n", 1);
	expect_number(s, "user", "spent", 3);
	expect_number(s, "user", "high", 3);
	until(s, "11:20");
	expect_number(s, "user", "n", 0);
	expect_number(s, "user", "spent", 0);
	expect_absent(s, "user", "high");
}

SCENARIO(profile, late_events_are_added_to_their_pane, "profile:\n"
    "  n: {count: Bought, over: 1h, pane: 10m}\n")
{
	spend(s, "12:00", "1");
	spend(s, "11:00", "1");
	expect_number(s, "user", "n", 2);
	expect_counted(s, MR_C_LATE_APPLIED, 1);
	spend(s, "10:59", "1");            // its pane has left the window
	expect_number(s, "user", "n", 2);
	expect_counted(s, MR_C_LATE_DROPPED, 1);
	until(s, "12:10");
	expect_number(s, "user", "n", 1);
}

SCENARIO(profile, panes_have_a_usual_length, "profile:\n"
    "  hour: {count: Bought, over: 1h}\n"
    "  long: {count: Bought, over: 90d}\n")
{
	spend(s, "10:00:30.000", "1");
	until(s, "11:00:59.999");
	expect_number(s, "user", "hour", 1);   // panes of a minute
	until(s, "11:01");
	expect_number(s, "user", "hour", 0);
	until(s, "2026-05-30T23:59:59.999Z");  // panes of a day
	expect_number(s, "user", "long", 1);
	until(s, "2026-05-31T00:00:00Z");
	expect_number(s, "user", "long", 0);
}

// ---- decayed ----

SCENARIO(profile, decayed_values_halve, "profile:\n"
    "  n: {decayed_count: Bought, half_life: 1h}\n"
    "  spent: {decayed_sum: event.properties.amount, of: Bought, half_life: 1h}\n")
{
	view(s, "10:00", "a");
	expect_number(s, "user", "n", 0);
	spend(s, "10:00", "8");
	until(s, "11:00");
	expect_number(s, "user", "n", 0.5);
	expect_number(s, "user", "spent", 4);
	spend(s, "11:00", "1");
	expect_number(s, "user", "n", 1.5);
	until(s, "13:00");
	expect_number(s, "user", "n", 0.375);
	spend(s, "12:00", "4");             // late: weighs what it would have by now
	expect_number(s, "user", "n", 0.875);
	expect_number(s, "user", "spent", 3.25);
}

// ---- values told apart ----

SCENARIO(profile, distinct_is_exact_up_to_keep, "profile:\n"
    "  n: {distinct: event.properties.category, of: Viewed, keep: 3}\n")
{
	view(s, "10:00", "a");
	view(s, "10:01", "b");
	view(s, "10:02", "a");
	expect_number(s, "user", "n", 2);
	track(s, "10:03", "Viewed", "\"category\":7");
	view(s, "10:04", "b");
	expect_counted(s, MR_C_BOUND_CUT, 0);
	view(s, "10:05", "d");
	expect_number(s, "user", "n", 3);
	expect_counted(s, MR_C_BOUND_CUT, 1);
}

SCENARIO(profile, distinct_tells_text_from_numbers, "profile:\n"
    "  n: {distinct: event.properties.category, of: Viewed}\n")
{
	view(s, "10:00", "7");
	track(s, "10:01", "Viewed", "\"category\":7");
	track(s, "10:01", "Viewed", "\"category\":7.0");
	track(s, "10:01", "Viewed", "\"category\":-0.0");
	track(s, "10:01", "Viewed", "\"category\":0");
	expect_number(s, "user", "n", 3);
}

SCENARIO(profile, distinct_over_a_window, "profile:\n"
    "  n: {distinct: event.properties.category, of: Viewed, over: 1h, keep: 2}\n")
{
	view(s, "10:00", "a");
	view(s, "10:30", "b");
	until(s, "11:00");
	expect_number(s, "user", "n", 2);
	until(s, "11:00:00.001");
	expect_number(s, "user", "n", 1);
	view(s, "11:10", "c");              // takes the place of the one that left
	expect_number(s, "user", "n", 2);
	expect_counted(s, MR_C_BOUND_CUT, 0);
	view(s, "10:00", "d");
	expect_counted(s, MR_C_LATE_DROPPED, 1);
}

SCENARIO(profile, top_is_the_most_frequent, "profile:\n"
    "  favourite: {top: event.properties.category, of: Viewed}\n"
    "  hour: {top: event.properties.n, of: Viewed}\n")
{
	expect_absent(s, "user", "favourite");
	view(s, "10:00", "a");
	view(s, "10:01", "b");
	expect_text(s, "user", "favourite", "b");   // as often, and later
	view(s, "10:02", "a");
	expect_text(s, "user", "favourite", "a");
	track(s, "10:03", "Viewed", "\"n\":9");
	expect_number(s, "user", "hour", 9);
}

SCENARIO(profile, top_with_a_half_life_follows_the_taste, "profile:\n"
    "  favourite: {top: event.properties.category, of: Viewed, half_life: 1h}\n")
{
	EACH_REPEAT(3)
		view(s, "10:00", "old");
	view(s, "11:00", "new");
	expect_text(s, "user", "favourite", "old"); // 1.5 against 1
	view(s, "12:00", "new");
	expect_text(s, "user", "favourite", "new"); // 0.75 against 1.5
	EACH_REPEAT(4)
		view(s, "11:00", "old");                // late: half each by now
	expect_text(s, "user", "favourite", "old");
}

SCENARIO(profile, top_keeps_a_bounded_number, "profile:\n"
    "  favourite: {top: event.properties.category, of: Viewed, keep: 2, text: 4}\n")
{
	EACH_REPEAT(3)
		view(s, "10:00", "a");
	view(s, "10:01", "b");
	view(s, "10:02", "c");              // instead of b, with its one
	expect_counted(s, MR_C_BOUND_CUT, 1);
	view(s, "10:03", "c");
	view(s, "10:03", "c");
	expect_text(s, "user", "favourite", "c");
	EACH_REPEAT(9)
		view(s, "10:04", "longer than four");
	expect_text(s, "user", "favourite", "long");
	expect_counted(s, MR_C_BOUND_CUT, 11);  // c's place, and nine cuts
}

static int64_t
interval_ms(struct scenario *s)
{
	struct mr_value v = value(s, "user", "gap");

	cr_assert_eq(v.type, MR_DURATION);
	return v.ms;
}

SCENARIO(profile, interval_is_the_median_of_the_last_ones, "profile:\n"
    "  gap: {interval: Bought, keep: 4}\n")
{
	spend(s, "10:00", "1");
	expect_absent(s, "user", "gap");
	spend(s, "10:10", "1");
	cr_assert_eq(interval_ms(s), 600000);
	spend(s, "10:14", "1");                          // 10 and 4
	cr_assert_eq(interval_ms(s), 420000);
	spend(s, "10:04", "1");                          // late: 4, 6, 4
	cr_assert_eq(interval_ms(s), 240000);
	spend(s, "11:00", "1");                          // of the last four: 6, 4, 46
	cr_assert_eq(interval_ms(s), 360000);
	spend(s, "10:05", "1");                          // late, in the first one's place: 5, 4, 46
	cr_assert_eq(interval_ms(s), 300000);
	expect_counted(s, MR_C_LATE_DROPPED, 0);
	spend(s, "10:01", "1");                          // before the last four
	cr_assert_eq(interval_ms(s), 300000);
	expect_counted(s, MR_C_LATE_DROPPED, 1);
}

// ---- order ----

SCENARIO(profile, conditions_read_the_names_above_with_the_event_counted_in, "profile:\n"
    "  favourite: {top: event.properties.category, of: Viewed}\n"
    "  fav_views: {count: Viewed, when: event.properties.category == user.favourite}\n")
{
	view(s, "10:00", "a");
	view(s, "10:01", "a");
	view(s, "10:02", "b");
	expect_number(s, "user", "fav_views", 2);
}

SCENARIO(profile, counts_derived_events, "session: {gap: 30m}\n"
    "profile:\n"
    "  sessions: {count: Session Ended, over: 1d}\n"
    "  calls: {count: {type: track}}\n")
{
	spend(s, "10:00", "1");
	until(s, "12:00");
	expect_number(s, "user", "sessions", 1);
	expect_number(s, "user", "calls", 1);   // {type: ...} means calls that were made
}

SCENARIO(profile, text_is_cut_at_a_character, "profile:\n"
    "  last: {last: event.properties.category, of: Viewed, text: 4}\n")
{
	view(s, "10:00", "abc\xc3\xa9");
	expect_text(s, "user", "last", "abc");
	expect_counted(s, MR_C_BOUND_CUT, 1);
}

// Sums stop at the largest double instead of becoming infinite.
SCENARIO(profile, sums_stay_finite, "profile:\n"
    "  spent: {sum: event.properties.amount, of: Bought}\n"
    "  fading: {decayed_sum: event.properties.amount, of: Bought, half_life: 1d}\n")
{
	spend(s, "10:00", "1.7e308");
	spend(s, "10:00", "1.7e308");
	expect_number(s, "user", "spent", 1.7e308);
	expect_number(s, "user", "fading", 1.7e308);
}

// ---- configuration ----

static void
refuse(const char *feature, const char *message)
{
	char yaml[512], *errors = NULL;

	snprintf(yaml, sizeof(yaml), "profile:\n  x: %s\n", feature);
	cr_assert(mr_test_new(yaml, NULL, &errors) == NULL, "%s", feature);
	cr_assert(strstr(errors, message) != NULL, "%s: %s", feature, errors);
	free(errors);
}

Test(profile, wrong_settings_are_refused)
{
	refuse("{interval: Bought, keep: 1}", "2 to 64");
	refuse("{interval: Bought, keep: 65}", "2 to 64");
	refuse("{interval: Bought, of: Viewed}", "'of' has no meaning for interval");
	refuse("{}", "doesn't say what it is");
	refuse("Bought", "must be a map");
	refuse("{count: Bought, sum: event.properties.amount, of: Bought}", "made of 2 things");
	refuse("{sum: event.properties.amount}", "needs `of`");
	refuse("{count: Bought, of: Bought}", "'of' has no meaning for count");
	refuse("{first: event.time, of: Bought, over: 1d}", "'over' has no meaning for first");
	refuse("{count: Bought, half_life: 1d}", "'half_life' has no meaning for count");
	refuse("{decayed_count: Bought}", "needs `half_life`");
	refuse("{count: Bought, pane: 1m}", "'pane' needs `over`");
	refuse("{count: Bought, over: 1d, pane: 1m}", "at least a 512th");
	refuse("{count: Bought, over: 1h, pane: 2h}", "at most 'over'");
	refuse("{count: []}", "empty list");
	refuse("{count: {type: click}}", "click");
	refuse("{sum: [1], of: Bought}", "takes an expression");
	refuse("{count: Bought, when: event.properties.amount >}", "test.yaml:2:");
	refuse("{sum: '\"text\"', of: Bought}", "test.yaml:2:");
}

Test(profile, wrong_names_are_refused)
{
	char *errors = NULL;

	cr_assert(mr_test_new("profile:\n  a-b: {count: X}\n", NULL, &errors) == NULL);
	cr_assert(strstr(errors, "can't be read as user.NAME") != NULL, "%s", errors);
	free(errors);
	cr_assert(mr_test_new("profile:\n  timezone: {count: X}\n", NULL, &errors) == NULL);
	cr_assert(strstr(errors, "timezone") != NULL, "%s", errors);
	free(errors);
}
