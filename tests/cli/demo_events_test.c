#include "cli/demo_events.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

static void
member(const char *object, const char *key, const char *want)
{
	struct mr_str got = mr_demo_member(mr_str_of(object), key);

	cr_assert(mr_str_eq(got, mr_str_of(want)), "%s in %s: %.*s, not %s", key, object, (int)got.n, got.p, want);
}

Test(demo_events, finds_members_of_the_first_level)
{
	const char *o = "{\"a\":\"x,\\\"}\",\"b\":{\"a\":1,\"c\":[1,{\"d\":\"]\"}]},\"e\":-1.5,\"f\":[],\"g\":true}";

	member(o, "a", "x,\\\"}");
	member(o, "b", "{\"a\":1,\"c\":[1,{\"d\":\"]\"}]}");
	member(o, "e", "-1.5");
	member(o, "f", "[]");
	member(o, "g", "true");
	member(o, "c", "");
	member(o, "", "");
	member("{}", "a", "");
	member("[]", "a", "");
	member("", "a", "");
}

// Cut short anywhere: no member is read beyond the end.
Test(demo_events, a_text_that_is_cut_short)
{
	const char whole[] = "{\"a\":{\"b\":[\"\\\\\"]},\"z\":1}";

	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		char *part = malloc(n);
		memcpy(part, whole, n);
		mr_demo_member((struct mr_str){part, n}, "z");
		free(part);
	}
}

static bool
load(const char *text, struct mr_demo_events *events, char error[512])
{
	char path[] = "/tmp/mr-demo-XXXXXX";
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	bool ok = mr_demo_events_load(events, path, error);
	unlink(path);
	return ok;
}

Test(demo_events, loads_a_file)
{
	struct mr_demo_events events;
	char error[512] = "";

	cr_assert(load("{\"userId\":\"1\",\"messageId\":\"m1\",\"timestamp\":\"2011-01-01T00:00:00.000Z\"}\n\n"
	               "{\"userId\":\"2\",\"messageId\":\"m2\",\"timestamp\":\"2011-01-01T00:00:01.000Z\"}", &events, error), "%s", error);
	cr_assert_eq(events.n, 2u);
	cr_assert_eq(events.items[1].time_ms - events.items[0].time_ms, 1000);
	cr_assert_eq(mr_demo_events_find(&events, MR_LIT("m1")), &events.items[0]);
	cr_assert_null(mr_demo_events_find(&events, MR_LIT("m3")));
	mr_demo_events_free(&events);
}

Test(demo_events, says_what_is_wrong_with_a_file)
{
	struct mr_demo_events events;
	char error[512];

	cr_assert_not(mr_demo_events_load(&events, "/nowhere/x", error));
	cr_assert(strstr(error, "No such file"));
	cr_assert_not(load("", &events, error));
	cr_assert(strstr(error, "no events"));
	cr_assert_not(load("{\"userId\":\"1\",\"messageId\":\"m\",\"timestamp\":\"soon\"}\n", &events, error));
	cr_assert(strstr(error, "line 1"));
	cr_assert_not(load("{\"messageId\":\"m\",\"timestamp\":\"2011-01-01T00:00:00.000Z\"}\n", &events, error));
}
