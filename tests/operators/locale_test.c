// Time zone and locale of a user.
#include "scenario.h"

static void
with_context(struct scenario *s, const char *time, const char *context)
{
	char fields[256];

	snprintf(fields, sizeof(fields), "\"type\":\"track\",\"event\":\"A\",\"context\":{%s}", context);
	call(s, time, fields);
}

SCENARIO(locale, the_last_valid_one_holds, "profile: {n: {count: A}}\n")
{
	expect_absent(s, "user", "timezone");
	with_context(s, "10:00", "\"timezone\":\"Europe/Berlin\",\"locale\":\"de-DE\"");
	expect_text(s, "user", "timezone", "Europe/Berlin");
	expect_text(s, "user", "locale", "de-DE");
	with_context(s, "10:01", "\"timezone\":\"Mars/Olympus\"");
	expect_text(s, "user", "timezone", "Europe/Berlin");
	expect_counted(s, MR_C_BAD_TIMEZONE, 1);
	with_context(s, "10:02", "\"timezone\":7,\"locale\":null");
	expect_text(s, "user", "locale", "de-DE");
	with_context(s, "10:03", "\"timezone\":\"Asia/Tokyo\"");
	expect_text(s, "user", "timezone", "Asia/Tokyo");
}

SCENARIO(locale, a_late_event_does_not_undo_a_newer_one, "profile: {n: {count: A}}\n")
{
	with_context(s, "10:05", "\"timezone\":\"Europe/Berlin\",\"locale\":\"de-DE\"");
	with_context(s, "10:00", "\"timezone\":\"Asia/Tokyo\",\"locale\":\"ja-JP\"");
	expect_text(s, "user", "timezone", "Europe/Berlin");
	expect_text(s, "user", "locale", "de-DE");
}

SCENARIO(locale, text_is_bounded, "profile: {n: {count: A}}\n")
{
	char context[128];

	snprintf(context, sizeof(context), "\"locale\":\"%070d\"", 0);
	with_context(s, "10:00", context);
	cr_assert_eq(value(s, "user", "locale").n, 64);
	expect_counted(s, MR_C_BOUND_CUT, 1);
}

Test(locale, has_no_settings)
{
	char *errors = NULL;

	cr_assert(mr_test_new("locale: {}\n", NULL, &errors) == NULL);
	cr_assert(strstr(errors, "locale") != NULL, "%s", errors);
	free(errors);
}
