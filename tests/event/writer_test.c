#include <criterion/criterion.h>
#include <millrace/writer.h>
#include <msgpack.h>
#include <signal.h>

static void
is_text(struct mr_writer *w, const char *text)
{
	struct mr_str s = mr_writer_str(w);

	cr_expect(mr_str_eq(s, mr_str_of(text)), "%.*s, not %s", (int)s.n, s.p, text);
}

static void
sample(struct mr_writer *w)
{
	mr_write_map(w, 6);
	MR_W_STR(w, "s", MR_LIT("a\"b"));
	MR_W_NUM(w, "n", 1.5);
	mr_write_key(w, MR_LIT("list"));
	mr_write_array(w, 3);
	mr_write_array(w, 0);
	mr_write_map(w, 0);
	mr_write_map(w, 1);
	MR_W_BOOL(w, "t", true);
	MR_W_INT(w, "i", -3);
	MR_W_TIME(w, "at", 1772359200000);
	mr_write_key(w, MR_LIT("last"));
	mr_write_map(w, 1);
	mr_write_key(w, MR_LIT("nil"));
	mr_write_nil(w);
}

Test(writer, closes_what_is_full)
{
	struct mr_writer w;

	mr_writer_init(&w, MR_JSON);
	sample(&w);
	is_text(&w, "{\"s\":\"a\\\"b\",\"n\":1.5,\"list\":[[],{},{\"t\":true}],\"i\":-3,"
	            "\"at\":\"2026-03-01T10:00:00.000Z\",\"last\":{\"nil\":null}}");
	cr_expect_eq(w.depth, 0);
	mr_writer_reset(&w);
	mr_write_array(&w, 0);
	is_text(&w, "[]");
	mr_writer_free(&w);
}

Test(writer, writes_the_same_map_in_msgpack)
{
	struct mr_writer w;
	msgpack_unpacked u;
	char text[512];
	size_t at = 0;

	mr_writer_init(&w, MR_MSGPACK);
	sample(&w);
	msgpack_unpacked_init(&u);
	cr_assert_eq(msgpack_unpack_next(&u, w.p, w.n, &at), MSGPACK_UNPACK_SUCCESS);
	cr_expect_eq(at, w.n);
	msgpack_object_print_buffer(text, sizeof(text), u.data);
	cr_expect_str_eq(text, "{\"s\"=>\"a\"b\", \"n\"=>1.500000, \"list\"=>[[], {}, {\"t\"=>true}], \"i\"=>-3, "
	                       "\"at\"=>\"2026-03-01T10:00:00.000Z\", \"last\"=>{\"nil\"=>nil}}");
	msgpack_unpacked_destroy(&u);
	mr_writer_free(&w);
}

Test(writer, escapes_exactly_what_json_asks_for)
{
	char all[131];
	struct mr_writer w;

	for (int i = 0; i < 128; i++)
		all[i] = (char)i;
	memcpy(all + 128, "\xc3\xa9", 3);
	mr_writer_init(&w, MR_JSON);
	mr_write_str(&w, (struct mr_str){all, 130});
	is_text(&w, "\"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f"
	            "\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d"
	            "\\u001e\\u001f !\\\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`"
	            "abcdefghijklmnopqrstuvwxyz{|}~\x7f\xc3\xa9\"");
	mr_writer_free(&w);
}

// Each byte that needs an escape, at each place of a long string.
Test(writer, finds_an_escape_at_any_place)
{
	static const char bad[] = {'"', '\\', 0x1f, 0};
	struct mr_writer w;

	mr_writer_init(&w, MR_JSON);
	for (int b = 0; b < 4; b++) {
		for (size_t at = 0; at < 24; at++) {
			char s[24];
			memset(s, 'x', sizeof(s));
			s[at] = bad[b];
			mr_writer_reset(&w);
			mr_write_str(&w, (struct mr_str){s, sizeof(s)});
			cr_expect_eq(w.n, 26u + (b < 2 ? 1 : 5));
			cr_expect_eq(w.p[1 + at], '\\');
		}
	}
	mr_writer_free(&w);
}

Test(writer, writes_numbers_of_every_size)
{
	struct mr_writer w;

	mr_writer_init(&w, MR_JSON);
	mr_write_array(&w, 8);
	mr_write_int(&w, INT64_MIN);
	mr_write_int(&w, INT64_MAX);
	mr_write_uint(&w, UINT64_MAX);
	mr_write_uint(&w, 0);
	mr_write_num(&w, -0.0);
	mr_write_num(&w, 1e21);
	mr_write_num(&w, 0.1);
	mr_write_num(&w, -9007199254740992.0);
	is_text(&w, "[-9223372036854775808,9223372036854775807,18446744073709551615,0,0,1e+21,0.1,-9007199254740992]");
	mr_writer_free(&w);
}

Test(writer, writes_bytes_as_base64_in_json)
{
	static const char *const bytes[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar", "\xff\xfe\xfd"};
	static const char *const text[] = {"\"\"", "\"Zg==\"", "\"Zm8=\"", "\"Zm9v\"", "\"Zm9vYg==\"",
		"\"Zm9vYmE=\"", "\"Zm9vYmFy\"", "\"//79\""};
	struct mr_writer w;

	mr_writer_init(&w, MR_JSON);
	for (int i = 0; i < 8; i++) {
		mr_writer_reset(&w);
		mr_write_bin(&w, mr_str_of(bytes[i]));
		is_text(&w, text[i]);
	}
	mr_writer_free(&w);
}

Test(writer, leaves_absent_members_out)
{
	struct mr_value items[] = {mr_num(1), mr_absent(), mr_duration(90)};
	struct mr_member members[] = {
		{MR_LIT("a"), mr_absent()}, {MR_LIT("b"), {.type = MR_LIST, .n = 3, .items = items}},
		{MR_LIT("c"), {.type = MR_UNKNOWN}}, {MR_LIT("d"), mr_time(0)}, {MR_LIT("e"), mr_bool(false)},
	};
	struct mr_writer w;

	mr_writer_init(&w, MR_JSON);
	mr_write_value(&w, (struct mr_value){.type = MR_MAP, .n = 5, .members = members});
	is_text(&w, "{\"b\":[1,null,90],\"d\":\"1970-01-01T00:00:00.000Z\",\"e\":false}");
	mr_writer_free(&w);
}

Test(writer, grows_and_keeps_its_buffer)
{
	struct mr_writer w;
	char big[5000];

	memset(big, 'y', sizeof(big));
	mr_writer_init(&w, MR_MSGPACK);
	for (int i = 0; i < 10; i++)
		mr_write_str(&w, (struct mr_str){big, sizeof(big)});
	cr_expect_eq(w.n, 10 * (sizeof(big) + 3));
	char *p = w.p;
	mr_writer_reset(&w);
	mr_write_str(&w, (struct mr_str){big, sizeof(big)});
	cr_expect_eq(w.p, p);
	mr_writer_free(&w);
}

Test(writer, asserts_a_key_before_each_value, .signal = SIGABRT)
{
	struct mr_writer w;

	mr_writer_init(&w, MR_JSON);
	mr_write_map(&w, 1);
	mr_write_int(&w, 1);
}

Test(writer, asserts_no_key_in_an_array, .signal = SIGABRT)
{
	struct mr_writer w;

	mr_writer_init(&w, MR_JSON);
	mr_write_array(&w, 1);
	mr_write_key(&w, MR_LIT("k"));
}

Test(writer, asserts_a_finite_number, .signal = SIGABRT)
{
	struct mr_writer w;

	mr_writer_init(&w, MR_JSON);
	mr_write_num(&w, 1e308 * 10);
}

Test(writer, asserts_its_depth, .signal = SIGABRT)
{
	struct mr_writer w;

	mr_writer_init(&w, MR_JSON);
	for (int i = 0; i <= MR_WRITER_DEPTH; i++)
		mr_write_array(&w, 1);
}
