#include "event/dead_letter.h"

#include "core/arena.h"

#include <criterion/criterion.h>

static struct mr_arena *arena;
static struct mr_writer writer;

static const char *
body(const struct mr_raw_record *raw, const struct mr_decode_error *e)
{
	mr_writer_reset(&writer);
	mr_dead_letter_write(&writer, raw, e, arena);
	char *text = mr_arena_alloc(arena, writer.n + 1);
	return memcpy(text, writer.p, writer.n);
}

static void
setup(void)
{
	arena = mr_arena_new(8 << 20);
	mr_writer_init(&writer, MR_JSON);
}

static void
teardown(void)
{
	mr_writer_free(&writer);
	mr_arena_free(arena);
}

TestSuite(dead_letter, .init = setup, .fini = teardown);

Test(dead_letter, says_what_where_and_why)
{
	struct mr_raw_record raw = {.origin = {MR_LIT("events"), 3, 812}, .key = MR_LIT("u1"), .value = MR_LIT("{\"a\"")};
	struct mr_decode_error e = {MR_BAD_JSON, 4, "not JSON from here on"};

	cr_expect_str_eq(body(&raw, &e), "{\"reason\":\"malformed_json\",\"detail\":\"not JSON from here on\",\"position\":4,"
	    "\"topic\":\"events\",\"partition\":3,\"offset\":812,\"key_base64\":\"dTE=\",\"record_base64\":\"eyJhIg==\","
	    "\"truncated\":false}");
}

Test(dead_letter, keeps_at_most_64_kib_of_the_record)
{
	static char big[MR_DEAD_RECORD_MAX + 1];
	struct mr_raw_record raw = {.origin = {MR_LIT("events"), 0, 1}, .value = {big, MR_DEAD_RECORD_MAX}};
	struct mr_decode_error e = {MR_BAD_TOO_LARGE, 0, "x"};

	cr_expect_not_null(strstr(body(&raw, &e), "\"truncated\":false"));
	raw.value.n++;
	const char *text = body(&raw, &e);
	cr_expect_not_null(strstr(text, "\"truncated\":true"));
	cr_expect_null(strstr(text, "key_base64"));
	cr_expect_lt(strlen(text), MR_DEAD_RECORD_MAX * 4 / 3 + 400);
}

Test(dead_letter, has_an_id_that_only_its_place_decides)
{
	struct mr_origin a = {MR_LIT("events"), 0, 1}, b = {MR_LIT("events"), 1, 0};
	char one[33], two[33], again[33];

	mr_dead_letter_id(one, MR_LIT("shop"), &a);
	mr_dead_letter_id(two, MR_LIT("shop"), &b);
	mr_dead_letter_id(again, MR_LIT("shop"), &a);
	cr_expect_str_eq(one, again);
	cr_expect_str_neq(one, two);
	mr_dead_letter_id(two, MR_LIT("shop2"), &a);
	cr_expect_str_neq(one, two);
}
