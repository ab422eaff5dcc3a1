#include "core/arena.h"

#include <criterion/criterion.h>
#include <millrace/writer.h>

static const uint64_t sizes[] = {0, 1, 31, 32, 127, 128, 255, 256, 65535, 65536, UINT32_MAX,
	UINT64_C(1) << 32, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX};

Test(reader, reads_unsigned_integers_of_every_size)
{
	struct mr_writer w;

	mr_writer_init(&w, MR_MSGPACK);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		mr_write_uint(&w, sizes[i]);
	struct mr_reader r = mr_reader_of(mr_writer_str(&w));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		cr_expect_eq(mr_read_uint(&r), sizes[i]);
	cr_expect(mr_reader_ok(&r) && mr_reader_done(&r));
	mr_writer_free(&w);
}

Test(reader, reads_signed_integers_of_every_size)
{
	static const int64_t values[] = {-1, -32, -33, -128, -129, -32768, -32769, INT32_MIN,
		(int64_t)INT32_MIN - 1, INT64_MIN, 0, 127, 128, INT64_MAX};
	struct mr_writer w;

	mr_writer_init(&w, MR_MSGPACK);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		mr_write_int(&w, values[i]);
	struct mr_reader r = mr_reader_of(mr_writer_str(&w)), numbers = r;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		cr_expect_eq(mr_read_int(&r), values[i]);
		cr_expect_eq(mr_read_num(&numbers), (double)values[i]);
	}
	cr_expect(mr_reader_ok(&r) && mr_reader_done(&r));
	mr_writer_free(&w);
}

Test(reader, reads_what_only_others_write)
{
	struct mr_reader r = mr_reader_of(MR_LIT("\xca\x3f\xc0\x00\x00"    // float 32
	                                         "\xd0\x05\xd1\x00\x05\xd3\x00\x00\x00\x00\x00\x00\x00\x05"  // ints, not shortest
	                                         "\xda\x00\x01x\xdb\x00\x00\x00\x01y\xc5\x00\x01z"           // str 16, 32, bin 16
	                                         "\xdc\x00\x01\xc0\xdf\x00\x00\x00\x00"));

	cr_expect_eq(mr_read_num(&r), 1.5);
	cr_expect_eq(mr_read_int(&r), 5);
	cr_expect_eq(mr_read_uint(&r), 5);
	cr_expect_eq(mr_read_num(&r), 5);
	cr_expect(mr_str_eq(mr_read_str(&r), MR_LIT("x")));
	cr_expect(mr_str_eq(mr_read_str(&r), MR_LIT("y")));
	cr_expect(mr_str_eq(mr_read_str(&r), MR_LIT("z")));
	cr_expect_eq(mr_read_array(&r), 1);
	cr_expect_eq(mr_read_peek(&r), MR_ABSENT);
	mr_read_skip(&r);
	cr_expect_eq(mr_read_map(&r), 0);
	cr_expect(mr_reader_ok(&r) && mr_reader_done(&r));
}

static void
fails(struct mr_str bytes, void (*read)(struct mr_reader *))
{
	struct mr_reader r = mr_reader_of(bytes);

	read(&r);
	cr_expect_not(mr_reader_ok(&r));
	// and stays failed
	cr_expect_eq(mr_read_int(&r), 0);
	cr_expect_eq(mr_read_map(&r), 0);
	cr_expect_eq(mr_read_str(&r).n, 0);
	cr_expect_not(mr_read_bool(&r));
	cr_expect_eq(mr_read_peek(&r), MR_UNKNOWN);
	cr_expect(mr_reader_done(&r));
}

static void a_map(struct mr_reader *r) { cr_expect_eq(mr_read_map(r), 0); }
static void an_array(struct mr_reader *r) { cr_expect_eq(mr_read_array(r), 0); }
static void a_str(struct mr_reader *r) { cr_expect_eq(mr_read_str(r).n, 0); }
static void an_int(struct mr_reader *r) { cr_expect_eq(mr_read_int(r), 0); }
static void an_uint(struct mr_reader *r) { cr_expect_eq(mr_read_uint(r), 0); }
static void a_num(struct mr_reader *r) { cr_expect_eq(mr_read_num(r), 0); }
static void a_bool(struct mr_reader *r) { cr_expect_not(mr_read_bool(r)); }
static void a_skip(struct mr_reader *r) { mr_read_skip(r); }

Test(reader, fails_at_the_end)
{
	void (*const reads[])(struct mr_reader *) = {a_map, an_array, a_str, an_int, an_uint, a_num, a_bool, a_skip};

	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
		fails(MR_LIT(""), reads[i]);
}

Test(reader, fails_on_another_type)
{
	fails(MR_LIT("\x90"), a_map);
	fails(MR_LIT("\x80"), an_array);
	fails(MR_LIT("\x01"), a_str);
	fails(MR_LIT("\xa0"), an_int);
	fails(MR_LIT("\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"), an_int);
	fails(MR_LIT("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), an_int);
	fails(MR_LIT("\xff"), an_uint);
	fails(MR_LIT("\xc3"), a_num);
	fails(MR_LIT("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"), a_num);   // NaN
	fails(MR_LIT("\x01"), a_bool);
	fails(MR_LIT("\xc1"), a_skip);
}

Test(reader, fails_on_counts_beyond_the_bytes_left)
{
	fails(MR_LIT("\xdd\xff\xff\xff\xff\xc0"), an_array);
	fails(MR_LIT("\xdf\x7f\xff\xff\xff\xc0\xc0"), a_map);
	fails(MR_LIT("\x82\xc0\xc0\xc0"), a_map);
	fails(MR_LIT("\xa5" "abcd"), a_str);
	fails(MR_LIT("\xdb\xff\xff\xff\xff" "a"), a_str);
	fails(MR_LIT("\xcd\x01"), an_uint);
	fails(MR_LIT("\xd3\x01"), an_int);
	fails(MR_LIT("\xcb\x01"), a_num);
	fails(MR_LIT("\xd8\x01" "123456789012345"), a_skip);
	fails(MR_LIT("\xc7\x05\x01" "1234"), a_skip);
	fails(MR_LIT("\x92\x01"), a_skip);
}

// A million levels of nesting: neither a stack nor a count grows with them.
Test(reader, skips_any_depth)
{
	static char deep[1000001];

	memset(deep, '\x91', 1000000);
	deep[1000000] = '\x01';
	struct mr_reader r = mr_reader_of((struct mr_str){deep, sizeof(deep)});
	mr_read_skip(&r);
	cr_expect(mr_reader_ok(&r) && mr_reader_done(&r));
	struct mr_arena *arena = mr_arena_new(1 << 20);
	r = mr_reader_of((struct mr_str){deep, sizeof(deep)});
	cr_expect_eq(mr_read_state_value(&r, arena).type, MR_ABSENT);
	cr_expect_not(mr_reader_ok(&r));
	mr_arena_free(arena);
}

static bool
same(struct mr_value a, struct mr_value b)
{
	if (a.type != b.type || (a.type >= MR_STRING && a.type != MR_TIME && a.type != MR_DURATION && a.n != b.n))
		return false;
	switch ((enum mr_type)a.type) {
	case MR_BOOL: return a.b == b.b;
	case MR_NUMBER: return memcmp(&a.num, &b.num, sizeof(double)) == 0;
	case MR_STRING: return mr_str_eq(mr_value_str(a), mr_value_str(b));
	case MR_TIME: case MR_DURATION: return a.ms == b.ms;
	case MR_LIST:
		for (uint32_t i = 0; i < a.n; i++)
			if (!same(a.items[i], b.items[i]))
				return false;
		return true;
	case MR_MAP:
		for (uint32_t i = 0; i < a.n; i++)
			if (!mr_str_eq(a.members[i].key, b.members[i].key) || !same(a.members[i].value, b.members[i].value))
				return false;
		return true;
	default: return true;
	}
}

Test(reader, brings_state_values_back_as_they_were)
{
	struct mr_value items[] = {mr_num(-0.0), mr_num(0), mr_num(1e-300), mr_num(3), mr_bool(true), mr_absent(),
		mr_string(MR_LIT("é")), mr_string((struct mr_str){0}), mr_time(-5), mr_duration(INT64_MAX), mr_time(INT64_MIN)};
	struct mr_member members[] = {{MR_LIT("list"), {.type = MR_LIST, .n = 11, .items = items}},
		{MR_LIT("none"), mr_absent()}, {MR_LIT("map"), {.type = MR_MAP, .n = 0}}};
	struct mr_value v = {.type = MR_MAP, .n = 3, .members = members};
	struct mr_arena *arena = mr_arena_new(1 << 20);
	struct mr_writer w;

	mr_writer_init(&w, MR_MSGPACK);
	mr_write_state_value(&w, v);
	struct mr_reader r = mr_reader_of(mr_writer_str(&w));
	struct mr_value back = mr_read_state_value(&r, arena);
	cr_expect(mr_reader_ok(&r) && mr_reader_done(&r));
	cr_expect(same(v, back));
	// Cut short anywhere it fails, and never reads beyond.
	for (size_t n = 0; n < w.n; n++) {
		char *cut = malloc(n + 1);
		memcpy(cut, w.p, n);
		r = mr_reader_of((struct mr_str){cut, n});
		cr_expect_eq(mr_read_state_value(&r, arena).type, MR_ABSENT);
		cr_expect_not(mr_reader_ok(&r));
		free(cut);
	}
	mr_writer_free(&w);
	mr_arena_free(arena);
}
