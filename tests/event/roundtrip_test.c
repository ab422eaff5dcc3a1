// What the writer writes the decoder reads, in both encodings; and reading allocates nothing.
#include "fixture.h"

#include <millrace/writer.h>
#include <stdlib.h>

static const char *const paths[] = {"properties.x", "context.timezone", NULL};

static struct mr_str
any_text(struct mr_arena *arena, uint64_t *state)
{
	static const char *const letters[] = {"a", "Z", "\"", "\\", "/", "\b", "\f", "\n", "\r", "\t", "\x01", "\x1f", "\x7f",
		"é", "€", "😀", "\\u0041", "{", "]", ",", ":", " "};
	uint32_t n = fixture_draw(state, 20);
	char *p = mr_arena_alloc(arena, n * 8 + 1);

	for (uint32_t i = 0; i < n; i++)
		strcat(p, letters[fixture_draw(state, sizeof(letters) / sizeof(letters[0]))]);
	return mr_str_of(p);
}

static double
any_number(uint64_t *state)
{
	static const double some[] = {0, 1, -1, 0.1, 1e21, -2.5e-9, 9007199254740993.0, 1.7976931348623157e308, 5e-324, 123456.789};

	if (fixture_draw(state, 2) == 0)
		return some[fixture_draw(state, sizeof(some) / sizeof(some[0]))];
	return (double)fixture_draw(state, 1u << 31) / (1 + fixture_draw(state, 1000)) - 1e6;
}

static struct mr_value any_value(struct mr_arena *, uint64_t *, int depth);

static struct mr_value
any_container(struct mr_arena *arena, uint64_t *state, int depth, bool map)
{
	uint32_t n = fixture_draw(state, 5);
	struct mr_value *items = mr_arena_alloc(arena, n * sizeof(*items));
	struct mr_member *members = mr_arena_alloc(arena, n * sizeof(*members));

	for (uint32_t i = 0; i < n; i++) {
		char *key = mr_arena_alloc(arena, 256);
		struct mr_str text = any_text(arena, state);
		key[0] = (char)('0' + i);   // no two alike
		memcpy(key + 1, text.p, text.n);
		items[i] = any_value(arena, state, depth + 1);
		// A member that is absent would be left out, and not come back.
		members[i].value = items[i].type == MR_ABSENT ? mr_num(7) : items[i];
		members[i].key = (struct mr_str){key, text.n + 1};
	}
	if (map)
		return (struct mr_value){.type = MR_MAP, .n = n, .members = members};
	return (struct mr_value){.type = MR_LIST, .n = n, .items = items};
}

static struct mr_value
any_value(struct mr_arena *arena, uint64_t *state, int depth)
{
	uint32_t kind = fixture_draw(state, depth > 6 ? 4 : 7);

	switch (kind) {
	case 0: return mr_absent();
	case 1: return mr_bool(fixture_draw(state, 2));
	case 2: return mr_num(any_number(state));
	case 3: return mr_string(any_text(arena, state));
	default: return any_container(arena, state, depth, kind % 2);
	}
}

static bool
same(struct mr_value a, struct mr_value b)
{
	if (a.type != b.type)
		return false;
	switch ((enum mr_type)a.type) {
	case MR_BOOL:
		return a.b == b.b;
	case MR_NUMBER:
		return a.num == b.num;
	case MR_STRING:
		return mr_str_eq(mr_value_str(a), mr_value_str(b));
	case MR_LIST:
		for (uint32_t i = 0; a.n == b.n && i < a.n; i++)
			if (!same(a.items[i], b.items[i]))
				return false;
		return a.n == b.n;
	case MR_MAP:
		for (uint32_t i = 0; a.n == b.n && i < a.n; i++)
			if (!mr_str_eq(a.members[i].key, b.members[i].key) || !same(a.members[i].value, b.members[i].value))
				return false;
		return a.n == b.n;
	default:
		return a.type == MR_ABSENT;
	}
}

Test(roundtrip, brings_any_value_back_in_both_encodings)
{
	struct mr_arena *arena = mr_arena_new(8 << 20);
	struct fixture f = fixture_new(paths);
	struct mr_writer w[2];
	uint64_t state = 99;

	mr_writer_init(&w[0], MR_JSON);
	mr_writer_init(&w[1], MR_MSGPACK);
	for (int i = 0; i < 6000; i++) {
		mr_arena_reset(arena);
		struct mr_value v = any_value(arena, &state, 0);
		for (int k = 0; k < 2; k++) {
			mr_writer_reset(&w[k]);
			mr_write_map(&w[k], 3);
			MR_W_STR(&w[k], "event", MR_LIT("E"));
			mr_write_key(&w[k], MR_LIT("properties"));
			mr_write_map(&w[k], 1);
			mr_write_key(&w[k], MR_LIT("x"));
			mr_write_value(&w[k], v);
			MR_W_STR(&w[k], "userId", MR_LIT("u"));
			cr_assert(fixture_decode(&f, mr_writer_str(&w[k]), ""), "%s: %.*s", f.error.detail, (int)w[0].n, w[0].p);
			cr_assert(same(fixture_field(&f, "properties.x"), v), "%.*s", (int)w[0].n, w[0].p);
		}
	}
	mr_writer_free(&w[0]);
	mr_writer_free(&w[1]);
	mr_arena_free(arena);
	fixture_free(&f);
}

// ---- allocations ----

#ifndef __SANITIZE_ADDRESS__
// This program's malloc counts, for the libraries too; glibc has the real one under another name.
void *__libc_malloc(size_t);
void *__libc_realloc(void *, size_t);
static size_t calls;

void *
malloc(size_t n)
{
	calls++;
	return __libc_malloc(n);
}

void *
realloc(void *p, size_t n)
{
	calls++;
	return __libc_realloc(p, n);
}

static void
decode_often(struct fixture *f, struct mr_str bytes)
{
	static char room[4096];
	struct mr_raw_record raw = {.timestamp_ms = 1, .value = {room, bytes.n}};
	size_t before = 0;

	memcpy(room, bytes.p, bytes.n);
	for (int i = 0; i < 1000; i++) {
		if (i == 10)
			before = calls;
		mr_arena_reset(f->arena);
		cr_assert(mr_decode(f->decoder, &raw, f->arena, &f->event, &f->error));
	}
	cr_expect_eq(calls, before, "%zu allocations in 990 events", calls - before);
}

Test(roundtrip, decoding_allocates_nothing)
{
	struct fixture f = fixture_new(paths);
	struct mr_writer w;

	f.decoder = mr_decoder_new(&f.plan);
	size_t before = calls;
	free(malloc(1));
	cr_assert_gt(calls, before, "the count doesn't count");
	for (int k = 0; k < 2; k++) {
		mr_writer_init(&w, k ? MR_MSGPACK : MR_JSON);
		mr_write_map(&w, 3);
		MR_W_STR(&w, "event", MR_LIT("a \"quoted\" name"));
		MR_W_STR(&w, "userId", MR_LIT("u"));
		mr_write_key(&w, MR_LIT("properties"));
		mr_write_map(&w, 1);
		mr_write_key(&w, MR_LIT("x"));
		mr_write_array(&w, 300);
		for (int i = 0; i < 300; i++)
			mr_write_int(&w, i);
		decode_often(&f, mr_writer_str(&w));
		mr_writer_free(&w);
	}
	fixture_free(&f);
}
#endif
