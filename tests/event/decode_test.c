#include "fixture.h"

#include <millrace/writer.h>
#include <stdio.h>

static const char *const paths[] = {"properties.cart_id", "properties.total", "properties", "context.campaign.name",
	"properties.items", "context.timezone", "properties.deep.a.b", "properties.deep.a", NULL};

static const char whole[] =
    "{\"type\":\"track\",\"event\":\"Product Added\",\"userId\":\"u1\",\"anonymousId\":\"a1\",\"messageId\":\"m1\","
    "\"timestamp\":\"2026-03-01T10:00:00.000Z\",\"properties\":{\"cart_id\":\"c1\",\"total\":12.5,\"items\":[1,\"x\",null,"
    "{\"k\":true}],\"deep\":{\"a\":{\"b\":7,\"c\":8}}},\"context\":{\"campaign\":{\"source\":\"s\",\"name\":\"spring\"},"
    "\"timezone\":null,\"page\":{\"url\":\"http://x/\"}},\"integrations\":{\"All\":true}}";

static void
is_whole(struct fixture *f)
{
	struct mr_event *e = &f->event;

	cr_expect_eq(e->type, MR_TRACK);
	cr_expect(mr_str_eq(e->name, MR_LIT("Product Added")));
	cr_expect_eq(e->name_id, 0);
	cr_expect(mr_str_eq(e->user, MR_LIT("u1")));
	cr_expect(mr_str_eq(e->anonymous_id, MR_LIT("a1")));
	cr_expect(mr_str_eq(e->message_id, MR_LIT("m1")));
	cr_expect_eq(e->time_ms, 1772359200000);
	cr_expect_eq(e->origin.offset, 812);
	cr_expect_str_eq(fixture_json(f, "properties.cart_id"), "\"c1\"");
	cr_expect_str_eq(fixture_json(f, "properties.total"), "12.5");
	cr_expect_str_eq(fixture_json(f, "properties.items"), "[1,\"x\",null,{\"k\":true}]");
	cr_expect_str_eq(fixture_json(f, "properties"), "{\"cart_id\":\"c1\",\"total\":12.5,"
	    "\"items\":[1,\"x\",null,{\"k\":true}],\"deep\":{\"a\":{\"b\":7,\"c\":8}}}");
	cr_expect_str_eq(fixture_json(f, "properties.deep.a"), "{\"b\":7,\"c\":8}");
	cr_expect_str_eq(fixture_json(f, "properties.deep.a.b"), "7");
	cr_expect_str_eq(fixture_json(f, "context.campaign.name"), "\"spring\"");
	cr_expect_str_eq(fixture_json(f, "context.timezone"), "");
	cr_expect_str_eq(fixture_json(f, "time"), "\"2026-03-01T10:00:00.000Z\"");
	cr_expect_str_eq(fixture_json(f, "type"), "\"track\"");
}

Test(decode, reads_a_json_event)
{
	struct fixture f = fixture_new(paths);

	fixture_good(&f, whole);
	is_whole(&f);
	fixture_free(&f);
}

// The same maps in msgpack give the same event.
static void
write_whole(struct mr_writer *w)
{
	mr_write_map(w, 9);
	MR_W_STR(w, "type", MR_LIT("track"));
	MR_W_STR(w, "event", MR_LIT("Product Added"));
	MR_W_STR(w, "userId", MR_LIT("u1"));
	MR_W_STR(w, "anonymousId", MR_LIT("a1"));
	MR_W_STR(w, "messageId", MR_LIT("m1"));
	MR_W_TIME(w, "timestamp", 1772359200000);
	mr_write_key(w, MR_LIT("properties"));
	mr_write_map(w, 4);
	MR_W_STR(w, "cart_id", MR_LIT("c1"));
	MR_W_NUM(w, "total", 12.5);
	mr_write_key(w, MR_LIT("items"));
	mr_write_array(w, 4);
	mr_write_int(w, 1);
	mr_write_str(w, MR_LIT("x"));
	mr_write_nil(w);
	mr_write_map(w, 1);
	MR_W_BOOL(w, "k", true);
	mr_write_key(w, MR_LIT("deep"));
	mr_write_map(w, 1);
	mr_write_key(w, MR_LIT("a"));
	mr_write_map(w, 2);
	MR_W_INT(w, "b", 7);
	MR_W_INT(w, "c", 8);
	mr_write_key(w, MR_LIT("context"));
	mr_write_map(w, 2);
	mr_write_key(w, MR_LIT("campaign"));
	mr_write_map(w, 2);
	MR_W_STR(w, "source", MR_LIT("s"));
	MR_W_STR(w, "name", MR_LIT("spring"));
	mr_write_key(w, MR_LIT("timezone"));
	mr_write_nil(w);
	mr_write_key(w, MR_LIT("integrations"));
	mr_write_map(w, 1);
	MR_W_BOOL(w, "All", true);
}

Test(decode, reads_the_same_event_from_both_encodings_and_behind_a_frame)
{
	static const enum mr_format formats[] = {MR_JSON, MR_MSGPACK};
	static const char *const types[] = {"application/json", "Application/MsgPack; v=1"};
	struct fixture f = fixture_new(paths);
	struct mr_writer w;

	for (int i = 0; i < 2; i++) {
		char framed[1024] = {0, 0, 0, 0, 7};
		mr_writer_init(&w, formats[i]);
		write_whole(&w);
		memcpy(framed + 5, w.p, w.n);
		cr_assert(fixture_decode(&f, mr_writer_str(&w), ""), "%s", f.error.detail);
		is_whole(&f);
		cr_assert(fixture_decode(&f, mr_writer_str(&w), types[i]));
		is_whole(&f);
		cr_assert(fixture_decode(&f, (struct mr_str){framed, w.n + 5}, ""));
		is_whole(&f);
		// An error's position is a byte of the record, frame included.
		cr_assert_not(fixture_decode(&f, (struct mr_str){framed, w.n + 4}, ""));
		cr_expect_geq(f.error.position, 5);
		mr_writer_free(&w);
	}
	fixture_free(&f);
}

Test(decode, points_into_the_record)
{
	struct fixture f = fixture_new(paths);
	struct mr_raw_record raw = {.timestamp_ms = 1, .value = MR_LIT(whole)};

	f.decoder = mr_decoder_new(&f.plan);
	cr_assert(mr_decode(f.decoder, &raw, f.arena, &f.event, &f.error));
	cr_expect(f.event.user.p > whole && f.event.user.p < whole + sizeof(whole));
	fixture_free(&f);
}

Test(decode, refuses_what_is_neither_encoding)
{
	static const struct { struct mr_str bytes; const char *type; } cases[] = {
		{{"\x01\x02", 2}, ""}, {{"\0\0\0", 3}, ""}, {{"\xff\xfe{\0", 4}, ""}, {{"{}", 2}, "text/csv"},
		{{"{}", 2}, "application/cloudevents+json"}, {{"{}", 2}, "application/jsonx"}, {{"\xc1", 1}, ""},
	};
	struct fixture f = fixture_new(paths);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_not(fixture_decode(&f, cases[i].bytes, cases[i].type));
		cr_expect_eq(f.error.reason, MR_BAD_ENCODING, "%zu: %s", i, mr_bad_reason(f.error.reason));
	}
	fixture_free(&f);
}

Test(decode, the_first_of_a_repeated_key_wins)
{
	struct fixture f = fixture_new(paths);

	fixture_good(&f, "{\"event\":\"E\",\"event\":7,\"userId\":\"u\",\"userId\":\"v\",\"properties\":{\"cart_id\":null,"
	                 "\"cart_id\":\"late\",\"total\":1,\"total\":2,\"deep\":{\"a\":{\"b\":1}},\"deep\":{\"a\":{\"b\":2}}},"
	                 "\"properties\":{\"cart_id\":\"second\"}}");
	cr_expect(mr_str_eq(f.event.name, MR_LIT("E")));
	cr_expect(mr_str_eq(f.event.user, MR_LIT("u")));
	cr_expect_str_eq(fixture_json(&f, "properties.cart_id"), "");
	cr_expect_str_eq(fixture_json(&f, "properties.total"), "1");
	cr_expect_str_eq(fixture_json(&f, "properties.deep.a.b"), "1");
	cr_expect_str_eq(fixture_json(&f, "properties"), "{\"total\":1,\"deep\":{\"a\":{\"b\":1}}}");
	fixture_free(&f);
}

// A map that is read whole keeps the first of each, however many there are.
Test(decode, drops_repeated_keys_of_large_maps)
{
	struct fixture f = fixture_new(paths);
	char text[8192] = "{\"event\":\"E\",\"userId\":\"u\",\"properties\":{";
	char *p = text + strlen(text);

	for (int i = 0; i < 300; i++)
		p += sprintf(p, "%s\"k%d\":%d", i ? "," : "", i % 100, i);
	strcpy(p, "}}");
	fixture_good(&f, text);
	struct mr_value v = fixture_field(&f, "properties");
	cr_assert_eq(v.n, 100);
	for (uint32_t i = 0; i < 100; i++)
		cr_expect_eq(v.members[i].value.num, i);
	fixture_free(&f);
}

Test(decode, compares_keys_unescaped)
{
	struct fixture f = fixture_new(paths);

	fixture_good(&f, "{\"\\u0065vent\":\"E\",\"user\\u0049d\":\"u\",\"propertie\\u0073\":{\"cart\\u005fid\":\"\\u00e9\\n\"}}");
	cr_expect(mr_str_eq(f.event.user, MR_LIT("u")));
	cr_expect_str_eq(fixture_json(&f, "properties.cart_id"), "\"é\\n\"");
	// Escaped and plain are one key.
	fixture_good(&f, "{\"event\":\"E\",\"user\\u0049d\":\"u\",\"userId\":\"v\"}");
	cr_expect(mr_str_eq(f.event.user, MR_LIT("u")));
	// A quote in a key ends nothing.
	fixture_good(&f, "{\"event\":\"E\",\"userId\\\":\\\"x\":1,\"userId\":\"u\"}");
	cr_expect(mr_str_eq(f.event.user, MR_LIT("u")));
	fixture_free(&f);
}

// Each of these, were it believed, would put data into another field.
Test(decode, a_wrong_bracket_moves_nothing)
{
	static const char *const bad[] = {
		"{\"event\":\"E\",\"skip\":[1},\"userId\":\"u\"}",
		"{\"event\":\"E\",\"skip\":{\"a\":[1},\"userId\":\"evil\"],\"userId\":\"u\"}",
		"{\"event\":\"E\",\"skip\":{\"a\":1],\"userId\":\"u\"}",
		"{\"event\":\"E\",\"userId\":\"u\",\"skip\":[[1],\"properties\":{\"cart_id\":\"x\"}}]}",
		"{\"event\":\"E\",\"userId\":\"u\",\"properties\":{\"cart_id\":\"x\"}},\"skip\":{}",
		"{\"event\":\"E\",\"userId\":\"u\",\"skip\":{\"a\" \"b\":1}}",
		"{\"event\":\"E\",\"userId\":\"u\",\"skip\":{\"a\":1 \"b\":1}}",
		"{\"event\":\"E\",\"userId\":\"u\",\"skip\":{\"a\":1,}}",
		"{\"event\":\"E\",\"userId\":\"u\",\"skip\":[1,]}",
		"{\"event\":\"E\",\"userId\":\"u\",\"skip\":{1:2}}",
		"{\"event\":\"E\",\"userId\":\"u\"}{\"userId\":\"v\"}",
		"{\"event\":\"E\",\"userId\":\"u\"} x",
		"{\"event\":\"E\",\"userId\":\"u\"",
		"{\"event\":\"E\",\"userId\":\"u\"]",
		"{\"event\":\"E\",\"userId\":\"u\",\"skip\":}",
		"{\"event\":\"E\",\"userId\":\"u\",\"skip\"}",
		"{\"event\":\"E\",\"userId\":\"u\",\"skip",
	};
	struct fixture f = fixture_new(paths);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		fixture_bad(&f, bad[i], MR_BAD_JSON);
	fixture_free(&f);
}

// What stands behind a record's end must not complete it.
Test(decode, believes_nothing_behind_the_record)
{
	static const char text[] = "{\"event\":\"E\",\"userId\":\"u\",\"skip\":[1]";
	struct fixture f = fixture_new(paths);
	char room[sizeof(text) + 64];
	struct mr_raw_record raw = {.timestamp_ms = 1, .value = {room, sizeof(text) - 1}};

	memset(room, '}', sizeof(room));
	memcpy(room, text, sizeof(text) - 1);
	f.decoder = mr_decoder_new(&f.plan);
	cr_expect_not(mr_decode(f.decoder, &raw, f.arena, &f.event, &f.error));
	cr_expect_eq(f.error.reason, MR_BAD_JSON);
	fixture_free(&f);
}

Test(decode, says_where_a_document_goes_wrong)
{
	static const struct { const char *text; enum mr_bad reason; size_t position; } cases[] = {
		{"{\"event\":\"E\",\"userId\":\"u\",\"a\":nul}", MR_BAD_JSON, 33},
		{"{\"event\":\"E\",\"userId\":\"u\",\"a\":01}", MR_BAD_JSON, 31},
		{"{\"event\":\"E\",\"userId\":\"u\",\"a\":\"\\x\"}", MR_BAD_JSON, 32},
		{"{\"event\":\"E\" \"userId\":\"u\"}", MR_BAD_JSON, 13},
		{"{\"event\":\"E\",\"userId\":\"u\"", MR_BAD_JSON, 25},
		{"{\"event\":\"E\",\"userId\":\"\xff\"}", MR_BAD_UTF8, 23},
		{"{\"event\":\"E\",\"userId\":7}", MR_BAD_TYPE, 22},
		{"{\"event\":\"E\",\"userId\":\"u\",\"timestamp\":\"now\"}", MR_BAD_TIME, 38},
		{"", MR_BAD_JSON, 0},
		{" ", MR_BAD_JSON, 1},
	};
	struct fixture f = fixture_new(paths);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fixture_bad(&f, cases[i].text, cases[i].reason);
		cr_expect_eq(f.error.position, cases[i].position, "%s: %zu", cases[i].text, f.error.position);
	}
	fixture_free(&f);
}

Test(decode, checks_escapes_that_nobody_reads)
{
	static const char *const bad[] = {"\\x", "\\u12", "\\u12g4", "\\", "a\\", "\\u", "\\U0041", "\\'"};
	static const char *const good[] = {"\\\\", "\\\"", "\\/\\b\\f\\n\\r\\t", "\\u00e9\\uD83D\\uDE00", "\\\\u12"};
	struct fixture f = fixture_new(paths);
	char text[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "{\"event\":\"E\",\"userId\":\"u\",\"no\":{\"a\":\"%s\"}}", bad[i]);
		fixture_bad(&f, text, MR_BAD_JSON);
		snprintf(text, sizeof(text), "{\"event\":\"E\",\"userId\":\"u\",\"no\":{\"%s\":1}}", bad[i]);
		fixture_bad(&f, text, MR_BAD_JSON);
		snprintf(text, sizeof(text), "{\"event\":\"E\",\"userId\":\"%s\"}", bad[i]);
		fixture_bad(&f, text, MR_BAD_JSON);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "{\"event\":\"E\",\"userId\":\"u\",\"no\":{\"%s\":\"%s\"}}", good[i], good[i]);
		fixture_good(&f, text);
	}
	fixture_free(&f);
}

// More fields than a word has bits, with keys whose lengths are the same modulo 64.
Test(decode, reads_very_many_fields)
{
	enum { N = 150 };
	static char names[N][128], json[64 << 10];
	static const char *many[N + 1];
	char *p = json + sprintf(json, "{\"event\":\"E\",\"userId\":\"u\",\"properties\":{\"skip\":1");

	for (int i = 0; i < N; i++) {
		// "k7", and from the hundredth on 64 letters more
		sprintf(names[i], "properties.k%d%.*s", i % 100, i < 100 ? 0 : 64,
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
		many[i] = names[i];
		p += sprintf(p, ",\"%s\":%d", names[i] + strlen("properties."), i);
	}
	for (int i = 0; i < N; i++)   // once more: repeated keys
		p += sprintf(p, ",\"%s\":-1", names[i] + strlen("properties."));
	strcpy(p, "}}");
	struct fixture f = fixture_new(many);
	fixture_good(&f, json);
	for (int i = 0; i < N; i++)
		cr_expect_eq(fixture_field(&f, names[i]).num, i, "%s", names[i]);
	fixture_free(&f);
}
