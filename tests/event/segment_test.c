// What counts as an event, its user and time, and every bound of the input.
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const paths[] = {"properties.x", NULL};
static struct fixture f;

static void
setup(void)
{
	f = fixture_new(paths);
}

static void
teardown(void)
{
	fixture_free(&f);
}

TestSuite(segment, .init = setup, .fini = teardown);

Test(segment, knows_the_six_types)
{
	static const char *const types[] = {"track", "identify", "page", "screen", "group", "alias"};
	char text[128];

	for (size_t i = 0; i < 6; i++) {
		snprintf(text, sizeof(text), "{\"type\":\"%s\",\"userId\":\"u\",\"name\":\"N\",\"event\":\"E\"}", types[i]);
		fixture_good(&f, text);
		cr_expect_eq(f.event.type, (enum mr_event_type)i);
		struct mr_str name = i == MR_TRACK ? MR_LIT("E") : i == MR_PAGE || i == MR_SCREEN ? MR_LIT("N") : MR_LIT("");
		cr_expect(mr_str_eq(f.event.name, name), "%s", types[i]);
	}
}

Test(segment, an_event_without_a_type_is_a_track_call)
{
	fixture_good(&f, "{\"event\":\"Product Added\",\"anonymousId\":\"a\"}");
	cr_expect_eq(f.event.type, MR_TRACK);
	cr_expect_eq(f.event.name_id, 0);
	cr_expect_str_eq(fixture_json(&f, "type"), "\"track\"");
}

Test(segment, only_track_calls_have_a_number)
{
	fixture_good(&f, "{\"type\":\"page\",\"name\":\"Product Added\",\"userId\":\"u\"}");
	cr_expect_eq(f.event.name_id, MR_NAME_NONE);
	fixture_good(&f, "{\"type\":\"track\",\"event\":\"Unheard Of\",\"userId\":\"u\"}");
	cr_expect_eq(f.event.name_id, MR_NAME_NONE);
	fixture_good(&f, "{\"type\":\"track\",\"userId\":\"u\"}");
	cr_expect_eq(f.event.name_id, MR_NAME_NONE);
}

Test(segment, refuses_what_is_no_event)
{
	static const char *const bad[] = {"{}", "[]", "1", "\"x\"", "null", "{\"userId\":\"u\"}",
		"{\"type\":\"tracks\",\"userId\":\"u\"}", "{\"type\":\"\",\"userId\":\"u\"}", "[{\"event\":\"E\",\"userId\":\"u\"}]",
		"{\"type\":null,\"userId\":\"u\"}"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		fixture_bad(&f, bad[i], MR_BAD_NOT_AN_EVENT);
}

Test(segment, the_user_is_user_id_else_anonymous_id)
{
	fixture_good(&f, "{\"event\":\"E\",\"userId\":\"u\",\"anonymousId\":\"a\"}");
	cr_expect(mr_str_eq(f.event.user, MR_LIT("u")));
	cr_expect(mr_str_eq(f.event.anonymous_id, MR_LIT("a")));
	fixture_good(&f, "{\"event\":\"E\",\"userId\":\"\",\"anonymousId\":\"a\"}");
	cr_expect(mr_str_eq(f.event.user, MR_LIT("a")));
	fixture_good(&f, "{\"event\":\"E\",\"userId\":null,\"anonymousId\":\"a\"}");
	cr_expect(mr_str_eq(f.event.user, MR_LIT("a")));
	fixture_bad(&f, "{\"event\":\"E\"}", MR_BAD_NO_USER);
	fixture_bad(&f, "{\"event\":\"E\",\"userId\":\"\",\"anonymousId\":null}", MR_BAD_NO_USER);
}

Test(segment, refuses_wrong_types)
{
	static const char *const bad[] = {
		"{\"event\":\"E\",\"userId\":7}", "{\"event\":\"E\",\"userId\":\"u\",\"anonymousId\":[]}",
		"{\"event\":\"E\",\"userId\":\"u\",\"messageId\":{}}", "{\"type\":1,\"userId\":\"u\"}",
		"{\"event\":true,\"userId\":\"u\"}", "{\"type\":\"page\",\"name\":1,\"userId\":\"u\"}",
		"{\"event\":\"E\",\"userId\":\"u\",\"timestamp\":1772359200000}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		fixture_bad(&f, bad[i], MR_BAD_TYPE);
	// What the kind of event has no use for is anybody's own.
	fixture_good(&f, "{\"event\":\"E\",\"name\":1,\"userId\":\"u\"}");
}

Test(segment, takes_the_time_that_is_corrected_for_the_clients_clock)
{
	fixture_good(&f, "{\"event\":\"E\",\"userId\":\"u\",\"timestamp\":\"2020-01-01T00:00:00Z\","
	                 "\"receivedAt\":\"2026-03-01T10:00:05Z\",\"sentAt\":\"2026-03-01T12:00:03Z\","
	                 "\"originalTimestamp\":\"2026-03-01T12:00:00Z\"}");
	cr_expect_eq(f.event.time_ms, 1772359202000);
	fixture_good(&f, "{\"event\":\"E\",\"userId\":\"u\",\"timestamp\":\"2026-03-01T10:00:01Z\","
	                 "\"receivedAt\":\"2026-03-01T10:00:05Z\",\"sentAt\":\"2026-03-01T12:00:03Z\"}");
	cr_expect_eq(f.event.time_ms, 1772359201000);
	fixture_good(&f, "{\"event\":\"E\",\"userId\":\"u\"}");
	cr_expect_eq(f.event.time_ms, 1772359200000);   // the record's
	cr_expect_eq(fixture_field(&f, "time").ms, 1772359200000);
}

Test(segment, refuses_times_that_are_none_or_absurd)
{
	static const char *const bad[] = {
		"{\"event\":\"E\",\"userId\":\"u\",\"timestamp\":\"yesterday\"}", "{\"event\":\"E\",\"userId\":\"u\",\"timestamp\":\"\"}",
		"{\"event\":\"E\",\"userId\":\"u\",\"timestamp\":\"1969-12-31T23:59:59.999Z\"}",
		"{\"event\":\"E\",\"userId\":\"u\",\"timestamp\":\"9999-12-31T23:59:59-01:00\"}",
		"{\"event\":\"E\",\"userId\":\"u\",\"receivedAt\":\"1970-01-01T00:00:00Z\",\"sentAt\":\"2026-03-01T12:00:03Z\","
		"\"originalTimestamp\":\"2026-03-01T12:00:00Z\"}",
		"{\"event\":\"E\",\"userId\":\"u\",\"receivedAt\":\"2026-03-01T12:00:03Z\",\"sentAt\":\"x\","
		"\"originalTimestamp\":\"2026-03-01T12:00:00Z\"}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		fixture_bad(&f, bad[i], MR_BAD_TIME);
	fixture_good(&f, "{\"event\":\"E\",\"userId\":\"u\",\"timestamp\":\"1970-01-01T00:00:00Z\"}");
	cr_expect_eq(f.event.time_ms, 0);
}

Test(segment, refuses_a_record_without_any_time)
{
	struct mr_raw_record raw = {.timestamp_ms = -1, .value = MR_LIT("{\"event\":\"E\",\"userId\":\"u\"}")};

	f.decoder = mr_decoder_new(&f.plan);
	cr_expect_not(mr_decode(f.decoder, &raw, f.arena, &f.event, &f.error));
	cr_expect_eq(f.error.reason, MR_BAD_TIME);
}

Test(segment, keeps_a_traceparent_only_where_it_can_be_one)
{
	struct mr_raw_record raw = {.timestamp_ms = 1, .value = MR_LIT("{\"event\":\"E\",\"userId\":\"u\"}"),
		.traceparent = MR_LIT("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")};

	f.decoder = mr_decoder_new(&f.plan);
	cr_assert(mr_decode(f.decoder, &raw, f.arena, &f.event, &f.error));
	cr_expect(mr_str_eq(f.event.traceparent, raw.traceparent));
	raw.traceparent = MR_LIT("00-\xff");
	cr_assert(mr_decode(f.decoder, &raw, f.arena, &f.event, &f.error));
	cr_expect_eq(f.event.traceparent.n, 0);
}

// ---- bounds: the last good size, and one more ----

static char text[3 << 20];

// %s in `format` becomes `n` times `unit`.
static const char *
filled(const char *format, const char *unit, size_t n)
{
	const char *hole = strstr(format, "%s");
	char *p = text;

	p = mempcpy(p, format, (size_t)(hole - format));
	for (size_t i = 0; i < n; i++)
		p = mempcpy(p, unit, strlen(unit));
	strcpy(p, hole + 2);
	return text;
}

static void
bound(const char *format, const char *unit, size_t max, enum mr_bad reason)
{
	fixture_good(&f, filled(format, unit, max));
	fixture_bad(&f, filled(format, unit, max + 1), reason);
}

Test(segment, bounds_ids)
{
	bound("{\"event\":\"E\",\"userId\":\"%s\"}", "u", 255, MR_BAD_TOO_LARGE);
	bound("{\"event\":\"E\",\"anonymousId\":\"%s\"}", "u", 255, MR_BAD_TOO_LARGE);
	bound("{\"event\":\"E\",\"userId\":\"u\",\"messageId\":\"%s\"}", "m", 255, MR_BAD_TOO_LARGE);
}

Test(segment, bounds_strings_and_keys_read_or_not)
{
	bound("{\"event\":\"E\",\"userId\":\"u\",\"properties\":{\"x\":\"%s\"}}", "x", 64 << 10, MR_BAD_TOO_LARGE);
	bound("{\"event\":\"E\",\"userId\":\"u\",\"unread\":\"%s\"}", "x", 64 << 10, MR_BAD_TOO_LARGE);
	bound("{\"event\":\"E\",\"userId\":\"u\",\"unread\":[\"%s\"]}", "x", 64 << 10, MR_BAD_TOO_LARGE);
	bound("{\"event\":\"E\",\"userId\":\"u\",\"%s\":1}", "k", 256, MR_BAD_TOO_LARGE);
	bound("{\"event\":\"E\",\"userId\":\"u\",\"unread\":{\"%s\":1}}", "k", 256, MR_BAD_TOO_LARGE);
	bound("{\"event\":\"E\",\"userId\":\"u\",\"properties\":{\"x\":{\"%s\":1}}}", "k", 256, MR_BAD_TOO_LARGE);
}

Test(segment, bounds_the_record)
{
	bound("{\"event\":\"E\",\"userId\":\"u\"%s}", " ", (1 << 20) - 26, MR_BAD_TOO_LARGE);
}

// "[[[...]]]" inside of the root, and of properties.
static const char *
nested(const char *field, size_t n)
{
	char *p = text + sprintf(text, "{\"event\":\"E\",\"userId\":\"u\",%s", field);

	memset(p, '[', n);
	memset(p + n, ']', n);
	strcpy(p + 2 * n, strchr(field, '{') ? "}}" : "}");
	return text;
}

Test(segment, bounds_depth_read_or_not)
{
	fixture_good(&f, nested("\"unread\":", 31));
	fixture_bad(&f, nested("\"unread\":", 32), MR_BAD_TOO_DEEP);
	fixture_good(&f, nested("\"properties\":{\"x\":", 30));
	fixture_bad(&f, nested("\"properties\":{\"x\":", 31), MR_BAD_TOO_DEEP);
	fixture_bad(&f, nested("\"properties\":{\"x\":", 100000), MR_BAD_TOO_DEEP);
	fixture_bad(&f, nested("\"unread\":", 100000), MR_BAD_TOO_DEEP);
}

Test(segment, bounds_depth_in_msgpack)
{
	for (size_t n = 31; n <= 33; n++) {
		char *p = mempcpy(text, "\x83\xa5" "event\xa1" "E\xa6" "userId\xa1" "u\xa6" "unread", 25);
		memset(p, '\x91', n);
		p[n] = 1;
		bool ok = fixture_decode(&f, (struct mr_str){text, 25 + n + 1}, "");
		cr_expect_eq(ok, n == 31);
		cr_expect(ok || f.error.reason == MR_BAD_TOO_DEEP, "%s", mr_bad_reason(f.error.reason));
	}
}

Test(segment, bounds_strings_and_keys_in_msgpack)
{
	static const char before[] = "\x83\xa5" "event\xa1" "E\xa6" "userId\xa1" "u";

	for (size_t n = 256; n <= 257; n++) {
		char *p = mempcpy(text, before, sizeof(before) - 1);
		*p++ = '\xda';
		*p++ = (char)(n >> 8);
		*p++ = (char)n;
		memset(p, 'k', n);
		p[n] = 1;
		bool ok = fixture_decode(&f, (struct mr_str){text, (size_t)(p - text) + n + 1}, "");
		cr_expect_eq(ok, n == 256);
	}
	cr_expect_eq(f.error.reason, MR_BAD_TOO_LARGE);
	for (size_t n = 65536; n <= 65537; n++) {
		char *p = mempcpy(text, before, sizeof(before) - 1);
		p = mempcpy(p, "\xa1k\xdb\0\1\0", 6);
		*p++ = (char)(n - 65536);
		memset(p, 'v', n);
		bool ok = fixture_decode(&f, (struct mr_str){text, (size_t)(p - text) + n}, "");
		cr_expect_eq(ok, n == 65536);
	}
	cr_expect_eq(f.error.reason, MR_BAD_TOO_LARGE);
}

Test(segment, refuses_what_is_not_utf8_read_or_not)
{
	static const char *const bad[] = {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xff", "ok\xfe"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fixture_bad(&f, filled("{\"event\":\"E\",\"userId\":\"%s\"}", bad[i], 1), MR_BAD_UTF8);
		fixture_bad(&f, filled("{\"event\":\"E\",\"userId\":\"u\",\"unread\":{\"a\":[\"%s\"]}}", bad[i], 1), MR_BAD_UTF8);
		fixture_bad(&f, filled("{\"event\":\"E\",\"userId\":\"u\",\"%s\":1}", bad[i], 1), MR_BAD_UTF8);
		// Not UTF-8 and no JSON either: malformed comes first.
		fixture_bad(&f, filled("{\"event\":\"E\",\"userId\":\"%s\"", bad[i], 1), MR_BAD_JSON);
	}
	fixture_good(&f, "{\"event\":\"E\",\"userId\":\"\xf4\x8f\xbf\xbf\xed\x9f\xbf\xc2\x80\"}");
}

Test(segment, refuses_msgpack_text_that_is_not_utf8)
{
	cr_expect_not(fixture_decode(&f, MR_LIT("\x82\xa5" "event\xa1" "E\xa6" "userId\xa1\xff"), ""));
	cr_expect_eq(f.error.reason, MR_BAD_UTF8);
	cr_expect_eq(f.error.position, 17);
	// bin that nobody reads may be anything
	cr_expect(fixture_decode(&f, MR_LIT("\x83\xa5" "event\xa1" "E\xa6" "userId\xa1" "u\xa1" "b\xc4\x01\xff"), ""));
}

Test(segment, refuses_numbers_that_no_double_holds_where_they_are_read)
{
	fixture_bad(&f, "{\"event\":\"E\",\"userId\":\"u\",\"properties\":{\"x\":1e999}}", MR_BAD_JSON);
	cr_expect_not(fixture_decode(&f, MR_LIT("\x83\xa5" "event\xa1" "E\xa6" "userId\xa1" "u\xaa" "properties\x81\xa1"
	                                        "x\xcb\x7f\xf8\0\0\0\0\0\0"), ""));
	cr_expect_eq(f.error.reason, MR_BAD_TYPE);
}

// Values that outgrow the arena are refused, and the arena goes back to where it was.
Test(segment, refuses_more_values_than_there_is_memory_for)
{
	mr_arena_free(f.arena);
	f.arena = mr_arena_new(256 << 10);
	fixture_bad(&f, filled("{\"event\":\"E\",\"userId\":\"u\",\"properties\":{\"x\":[%s1]}}", "1,", 30000), MR_BAD_TOO_LARGE);
	mr_arena_reset(f.arena);
	fixture_good(&f, "{\"event\":\"E\",\"userId\":\"u\"}");
}

Test(segment, has_a_word_for_each_reason)
{
	static const char *const words[] = {"malformed_json", "malformed_msgpack", "not_an_event", "bad_utf8", "too_large",
		"too_deep", "no_user", "bad_type", "bad_time", "unknown_encoding"};

	for (int i = 0; i < 10; i++)
		cr_expect_str_eq(mr_bad_reason((enum mr_bad)(i + 1)), words[i]);
}
