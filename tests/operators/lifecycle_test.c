// Stages of a customer, and the figures of recency and frequency.
#include "scenario.h"

#define LIFE                                                                  \
	"lifecycle: {purchase: [Order Completed, Store Purchase], dormant: 60d, churned: 120d}\n" \
	"profile:\n"                                                              \
	"  changes: {count: Stage Changed}\n"                                     \
	"  from: {last: event.properties.from, of: Stage Changed}\n"              \
	"  to: {last: event.properties.to, of: Stage Changed}\n"                  \
	"  at: {last: event.time, of: Stage Changed}\n"

static void
buy(struct scenario *s, const char *time, const char *revenue)
{
	char properties[128];

	snprintf(properties, sizeof(properties), "\"revenue\":%s", revenue);
	track(s, time, "Order Completed", properties);
}

static void
expect_change(struct scenario *s, double changes, const char *from, const char *to)
{
	expect_number(s, "user", "changes", changes);
	expect_text(s, "user", "from", from);
	expect_text(s, "user", "to", to);
	expect_text(s, "user", "stage", to);
}

SCENARIO(lifecycle, from_prospect_to_churned_and_back, LIFE)
{
	track(s, "2026-01-01T10:00:00Z", "Viewed", NULL);
	expect_text(s, "user", "stage", "prospect");
	expect_number(s, "user", "purchases", 0);
	expect_absent(s, "user", "frequency");
	buy(s, "2026-01-01T12:00:00Z", "10");
	expect_change(s, 1, "prospect", "new");
	track(s, "2026-01-01T23:59:59Z", "Store Purchase", "\"total\":5.5");
	expect_text(s, "user", "stage", "new");
	buy(s, "2026-01-02T00:00:00Z", "\"much\"");
	expect_change(s, 2, "new", "active");
	until(s, "2026-03-02T23:59:59.999Z");
	expect_text(s, "user", "stage", "active");
	until(s, "2026-03-03T00:00:00Z");       // 60 days, but not yet the grace
	expect_number(s, "user", "changes", 2);
	expect_text(s, "user", "stage", "dormant");
	until(s, "2026-03-03T00:00:10Z");
	expect_change(s, 3, "active", "dormant");
	until(s, "2026-05-02T00:00:10Z");
	expect_change(s, 4, "dormant", "churned");
	until(s, "2027-05-02T00:00:10Z");
	expect_number(s, "user", "changes", 4);
	buy(s, "2027-05-03T00:00:00Z", "1");
	expect_change(s, 5, "churned", "active");
	expect_number(s, "user", "revenue_total", 16.5);
}

SCENARIO(lifecycle, a_late_purchase_prolongs_the_stage, LIFE)
{
	buy(s, "2026-01-01T12:00:00Z", "10");
	track(s, "2026-02-10T00:00:00Z", "Viewed", NULL);
	buy(s, "2026-01-30T12:00:00Z", "10");
	expect_change(s, 2, "new", "active");
	until(s, "2026-03-31T12:00:09Z");
	expect_number(s, "user", "changes", 2);
	until(s, "2026-03-31T12:00:10Z");
	expect_change(s, 3, "active", "dormant");
	buy(s, "2026-03-30T23:00:00Z", "10");   // late, but of yesterday
	expect_number(s, "user", "changes", 4);
	expect_text(s, "user", "stage", "active");
}

SCENARIO(lifecycle, days_are_counted_once_in_any_order, LIFE)
{
	buy(s, "2026-03-10T12:00:00Z", "1");
	buy(s, "2026-03-01T12:00:00Z", "1");
	buy(s, "2026-03-05T12:00:00Z", "1");
	buy(s, "2026-03-05T23:00:00Z", "1");
	buy(s, "2026-03-01T01:00:00Z", "1");
	buy(s, "2026-03-12T01:00:00Z", "2");
	until(s, "2026-03-31T00:00:00Z");
	expect_number(s, "user", "purchases", 6);
	expect_number(s, "user", "purchase_days", 4);
	expect_number(s, "user", "frequency", 3);
	expect_number(s, "user", "recency_days", 11);
	expect_number(s, "user", "tenure_days", 30);
	expect_number(s, "user", "days_since_purchase", 19);
	expect_number(s, "user", "revenue_total", 7);
	expect_number(s, "user", "monetary", 7.0 / 6);
	cr_assert_eq(value(s, "user", "first_purchase").ms, ms_of("2026-03-01T01:00:00Z"));
	cr_assert_eq(value(s, "user", "last_purchase").ms, ms_of("2026-03-12T01:00:00Z"));
}

SCENARIO(lifecycle, days_over_64_back_are_not_told_apart, LIFE)
{
	buy(s, "2026-01-01T12:00:00Z", "1");
	buy(s, "2026-05-01T12:00:00Z", "1");
	buy(s, "2026-02-26T12:00:00Z", "1");    // 64 days before the last one: nobody knows
	expect_number(s, "user", "purchase_days", 2);
	expect_counted(s, MR_C_LATE_DROPPED, 1);
	buy(s, "2026-02-27T12:00:00Z", "1");    // 63
	expect_number(s, "user", "purchase_days", 3);
	buy(s, "2026-01-01T13:00:00Z", "1");    // the first day is known
	buy(s, "2025-12-31T13:00:00Z", "1");    // and what lies before it is new
	expect_number(s, "user", "purchase_days", 4);
	expect_number(s, "user", "purchases", 6);
	expect_counted(s, MR_C_LATE_DROPPED, 1);
}

SCENARIO(lifecycle, days_are_forgotten_beyond_64, LIFE)
{
	buy(s, "2026-01-01T12:00:00Z", "1");
	buy(s, "2026-01-03T12:00:00Z", "1");
	buy(s, "2026-03-08T12:00:00Z", "1");    // 64 days later
	buy(s, "2026-03-06T12:00:00Z", "1");    // late, and no repeat of an old day
	expect_number(s, "user", "purchase_days", 4);
}

// Stage Changed is a moment of stream time: where silence caused it, that of the timer.
SCENARIO(lifecycle, a_change_has_the_time_of_its_cause, LIFE)
{
	buy(s, "2026-01-01T12:00:00Z", "1");
	cr_assert_eq(value(s, "user", "at").ms, ms_of("2026-01-01T12:00:00Z"));
	until(s, "2026-12-01T12:00:00Z");
	cr_assert_eq(value(s, "user", "at").ms, ms_of("2026-05-01T12:00:10Z"));
}

static void
refuse(const char *yaml, const char *message)
{
	char *errors = NULL;

	cr_assert(mr_test_new(yaml, NULL, &errors) == NULL);
	cr_assert(strstr(errors, message) != NULL, "%s", errors);
	free(errors);
}

Test(lifecycle, wrong_settings_are_refused)
{
	refuse("lifecycle: {dormant: 60d, churned: 60d}\n", "'churned' must be longer than 'dormant'");
	refuse("lifecycle: {purchase: []}\n", "empty list");
	refuse("lifecycle: {dormant: never}\n", "test.yaml:1:22");
}
