// Runs the operator through the harness: events in, effects out. Prints what came, exits 1 where wrong.
#include <millrace/testing.h>

#include <stdio.h>
#include <stdlib.h>

extern const struct mr_operator dwell;

static const char yaml[] =
    "dwell: {longest: 10m}\n"
    "rules:\n"
    "  reader:\n"
    "    on: Page Left\n"
    "    when: event.properties.seconds >= 60 && event.properties.path == '/guide'\n"
    "    then: [{send: {channel: email, template: more-like-this, data: {seconds: user.last_dwell}}}]\n";

static int failures;

static void
check(bool fine, const char *what)
{
	printf("%s  %s\n", fine ? "ok  " : "FAIL", what);
	failures += !fine;
}

static void
page(struct mr_test *test, const char *path, const char *time)
{
	char json[300];

	snprintf(json, sizeof(json), "{\"type\":\"page\",\"userId\":\"u1\",\"timestamp\":\"2026-03-01T%s.000Z\","
	    "\"context\":{\"page\":{\"path\":\"%s\"}}}", time, path);
	mr_test_event(test, json);
}

static size_t
actions(const struct mr_test *test)
{
	size_t n = 0;

	for (size_t i = 0; i < mr_test_effects(test); i++)
		n += mr_test_effect(test, i).output == MR_OUT_ACTION;
	return n;
}

static void
refused(void)
{
	char *errors = NULL;
	struct mr_test *test = mr_test_new("dwell: {longest: never}\nrules: {}\n", &dwell, &errors);

	check(test == NULL && errors != NULL && strstr(errors, "test.yaml:1:"), "a wrong parameter is refused with its position");
	free(errors);
	mr_test_free(test);
}

int
main(void)
{
	char *errors = NULL;
	struct mr_test *test = mr_test_new(yaml, &dwell, &errors);

	if (test == NULL) {
		fputs(errors, stderr);
		return 1;
	}
	page(test, "/guide", "10:00:00");
	check(actions(test) == 0, "one page: nothing yet");
	check(mr_test_value(test, "u1", "user", "last_dwell").type == MR_ABSENT, "and no dwell time");
	check(mr_test_roundtrip(test), "the state comes back from its stored form");
	page(test, "/shop", "10:01:30");
	check(mr_test_value(test, "u1", "user", "last_dwell").num == 90, "90 s on the guide");
	check(actions(test) == 1, "the rule saw Page Left and sent one action");
	page(test, "/guide", "10:02:00");
	page(test, "/shop", "10:30:00");
	check(actions(test) == 1, "28 minutes are no dwell time: too long");
	struct mr_test_effect last = {0};
	for (size_t i = 0; i < mr_test_effects(test); i++)
		if (mr_test_effect(test, i).output == MR_OUT_ACTION)
			last = mr_test_effect(test, i);
	check(last.body.n > 0 && memmem(last.body.p, last.body.n, "\"seconds\":90", 12) != NULL, "its data hold the seconds");
	mr_test_free(test);
	refused();
	return failures > 0;
}
