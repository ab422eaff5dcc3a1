// msgpack-test-suite through the decoder that production uses: bare, cut short, as a field that is
// read, and as one that isn't. The suite is a JSON file; it is read by the very same decoder.
#include "fixture.h"

#include <millrace/writer.h>

static const char *const paths[] = {"properties.x", NULL};

struct item {
	struct mr_str kind;         // "number", "timestamp", ...
	struct mr_value expected;
	char bytes[512];
	size_t n;
};

static int
hex(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

// "d6-ff-5a"
static size_t
unhex(char *out, size_t max, struct mr_str text)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < text.n; i += 3) {
		cr_assert_lt(n, max);
		out[n++] = (char)(hex(text.p[i]) << 4 | hex(text.p[i + 1]));
	}
	return n;
}

static struct mr_value
suite_read(struct fixture *f)
{
	const char *path = fixture_shared("conformance/msgpack-test-suite/dist/msgpack-test-suite.json");
	struct mr_arena *arena = mr_arena_new(1 << 20);
	struct mr_str file = fixture_file(arena, path);
	const char before[] = "{\"event\":\"E\",\"userId\":\"u\",\"properties\":{\"x\":";
	char *all = mr_arena_alloc(arena, file.n + sizeof(before) + 2);

	memcpy(all, before, sizeof(before) - 1);
	memcpy(all + sizeof(before) - 1, file.p, file.n);
	memcpy(all + sizeof(before) - 1 + file.n, "}}", 2);
	cr_assert(fixture_decode(f, (struct mr_str){all, sizeof(before) - 1 + file.n + 2}, ""), "%s", f->error.detail);
	mr_arena_free(arena);
	return fixture_field(f, "properties.x");
}

// Calls `look` for each encoding of each case.
static size_t
each(void (*look)(struct fixture *, struct item *))
{
	struct fixture suite = fixture_new(paths), f = fixture_new(paths);
	struct mr_value files = suite_read(&suite);
	size_t n = 0;

	cr_assert_eq(files.type, MR_MAP);
	for (uint32_t i = 0; i < files.n; i++) {
		struct mr_value cases = files.members[i].value;
		for (uint32_t k = 0; k < cases.n; k++) {
			struct mr_value c = cases.items[k];
			struct mr_value encodings = c.members[c.n - 1].value;
			struct item item = {.kind = c.members[0].key, .expected = c.members[0].value};
			cr_assert_eq(encodings.type, MR_LIST);
			for (uint32_t e = 0; e < encodings.n; e++, n++) {
				item.n = unhex(item.bytes, sizeof(item.bytes), mr_value_str(encodings.items[e]));
				look(&f, &item);
			}
		}
	}
	fixture_free(&suite);
	fixture_free(&f);
	return n;
}

static void
bare(struct fixture *f, struct item *item)
{
	struct mr_str s = {item->bytes, item->n};

	cr_expect_not(fixture_decode(f, s, "application/msgpack"));
	cr_expect_eq(f->error.reason, MR_BAD_NOT_AN_EVENT, "%s: %s", mr_bad_reason(f->error.reason), f->error.detail);
	for (s.n = 0; s.n < item->n; s.n++) {
		cr_expect_not(fixture_decode(f, s, "application/msgpack"));
		cr_expect_eq(f->error.reason, MR_BAD_MSGPACK);
	}
	item->bytes[item->n] = 0;
	s.n = item->n + 1;
	cr_expect_not(fixture_decode(f, s, "application/x-msgpack"));
	cr_expect_eq(f->error.reason, MR_BAD_MSGPACK);
}

Test(msgpack_suite, bare_items_have_the_right_reason)
{
	cr_expect_eq(each(bare), 233);
}

static bool
embedded(struct fixture *f, const struct item *item, const char *key)
{
	static const char before[] = "\x83\xa5" "event\xa1" "E\xa6" "userId\xa1" "u\xaa" "properties\x82\xa1";
	char all[1024];
	size_t n = sizeof(before) - 1;

	memcpy(all, before, n);
	all[n++] = *key;
	memcpy(all + n, item->bytes, item->n);
	n += item->n;
	memcpy(all + n, "\xa1y\x01", 3);
	n += 3;
	return fixture_decode(f, (struct mr_str){all, n}, "");
}

static const char *
text_of(struct fixture *f, struct mr_value v)
{
	struct mr_writer w;

	mr_writer_init(&w, MR_JSON);
	mr_write_value(&w, v);
	char *text = mr_arena_alloc(f->arena, w.n + 1);
	memcpy(text, w.p, w.n);
	mr_writer_free(&w);
	return text;
}

static bool
is(const struct item *item, const char *kind)
{
	return mr_str_eq(item->kind, mr_str_of(kind));
}

static void
is_binary(struct fixture *f, struct item *item, bool ok)
{
	char bytes[64];
	size_t n = unhex(bytes, sizeof(bytes), mr_value_str(item->expected));
	bool text = n == 0 || memchr(bytes, 0xff, n) == NULL;

	cr_expect_eq(ok, text);
	if (text)
		cr_expect(mr_str_eq(mr_value_str(fixture_field(f, "properties.x")), (struct mr_str){bytes, n}));
	else
		cr_expect_eq(f->error.reason, MR_BAD_UTF8);
}

static void
is_time(struct fixture *f, struct item *item, bool ok)
{
	double s = item->expected.items[0].num, ns = item->expected.items[1].num;

	if (s > 1e15 || s < -1e15) {
		cr_expect_not(ok);
		cr_expect_eq(f->error.reason, MR_BAD_TIME);
		return;
	}
	struct mr_value v = fixture_field(f, "properties.x");
	cr_expect(ok);
	cr_expect_eq(v.type, MR_TIME);
	cr_expect_eq(v.ms, (int64_t)s * 1000 + (int64_t)ns / 1000000);
}

static void
read(struct fixture *f, struct item *item)
{
	bool ok = embedded(f, item, "x");

	if (is(item, "binary")) {
		is_binary(f, item, ok);
	} else if (is(item, "timestamp")) {
		is_time(f, item, ok);
	} else if (is(item, "ext")) {
		cr_expect_not(ok);
		cr_expect_eq(f->error.reason, MR_BAD_TYPE);
	} else if (is(item, "bignum")) {   // beyond 2^53: the nearest double
		double d;
		cr_assert(mr_num_parse(mr_value_str(item->expected), &d));
		cr_expect_eq(fixture_field(f, "properties.x").num, d);
	} else {
		cr_expect(ok, "%s", f->error.detail);
		cr_expect_str_eq(text_of(f, fixture_field(f, "properties.x")), text_of(f, item->expected));
	}
}

Test(msgpack_suite, a_field_that_is_read_has_its_value)
{
	cr_expect_eq(each(read), 233);
}

static void
unread(struct fixture *f, struct item *item)
{
	cr_expect(embedded(f, item, "z"), "%s", f->error.detail);
	cr_expect_eq(fixture_field(f, "properties.x").type, MR_ABSENT);
}

Test(msgpack_suite, a_field_that_is_not_read_is_taken)
{
	cr_expect_eq(each(unread), 233);
}
