// Seeded mutations: the decoder must neither crash nor believe what is no JSON, and what it reads
// must be what a plain look at the whole document finds.
#include "fixture.h"

#include "event/json.h"
#include "expr/schema.h"

#include <millrace/writer.h>

static const char *const all[] = {"properties", "context", "traits", "integrations", "unread", NULL};
static const char *const some[] = {"properties.a", "properties.b.c", "properties.b.d", "properties.list", "context.page.url",
	"traits", "traits.plan", NULL};

#define SEED(s) {s, sizeof(s) - 1}

static const struct mr_str seeds[] = {
	SEED("{\"type\":\"track\",\"event\":\"E\",\"userId\":\"u\",\"properties\":{\"a\":1.5e3,\"b\":{\"c\":\"x\\u00e9\",\"d\":[1,2,"
	     "{\"e\":null}]},\"list\":[true,false,[[]]]},\"context\":{\"page\":{\"url\":\"http:\\/\\/x\",\"title\":\"t\"}},"
	     "\"traits\":{\"plan\":\"p\"}}"),
	SEED("{\"event\":\"E\",\"properties\":{\"a\":{\"a\":1},\"a\":2,\"b\":{\"c\":-0,\"c\":1}},\"userId\":\"\\ud83d\\ude00\","
	     "\"unread\":[{},[],\"\"]}"),
	SEED(" {\"event\" : \"E\" , \"anonymousId\" : \"a\" ,\n\"traits\" : { \"plan\" : { \"deep\" : [ 0.1 , \"}\" , \"]\\\"\" ] } } } "),
	SEED("\x84\xa4" "type\xa5" "track\xa5" "event\xa1" "E\xa6" "userId\xa1" "u\xaa" "properties\x83\xa1" "a\xcb\x3f\xf8\0\0\0\0"
	     "\0\0\xa1" "b\x82\xa1" "c\xc0\xa1" "d\xd9\x01x\xa4" "list\x93\x01\x90\x80"),
};
#define SEEDS (sizeof(seeds) / sizeof(seeds[0]))

// One to four small changes: a byte set, flipped, dropped, doubled, or a piece copied elsewhere.
static size_t
mutate(char *p, size_t n, uint64_t *state)
{
	static const char likely[] = "{}[]:,\"\\u0te1-.\x00\x80\xff\x91\x81\xdf \n";

	for (uint32_t changes = 1 + fixture_draw(state, 3); changes > 0 && n > 2; changes--) {
		size_t at = fixture_draw(state, (uint32_t)n);
		switch (fixture_draw(state, 5)) {
		case 0:
			p[at] = likely[fixture_draw(state, sizeof(likely) - 1)];
			break;
		case 1:
			p[at] = (char)(p[at] ^ 1 << fixture_draw(state, 8));
			break;
		case 2:
			memmove(p + at, p + at + 1, n - at - 1);
			n--;
			break;
		case 3:
			memmove(p + at + 1, p + at, n - at);
			n++;
			break;
		default:
			p[fixture_draw(state, (uint32_t)n)] = p[at];
			break;
		}
	}
	return n;
}

static const char *
json(struct mr_arena *arena, struct mr_value v)
{
	struct mr_writer w;

	if (v.type == MR_ABSENT)
		return "";
	mr_writer_init(&w, MR_JSON);
	mr_write_value(&w, v);
	char *text = mr_arena_alloc(arena, w.n + 1);
	memcpy(text, w.p, w.n);
	mr_writer_free(&w);
	return text;
}

// "a.b" below a value that was read whole.
static struct mr_value
below(struct mr_value v, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, ".");
		struct mr_value next = mr_absent();
		for (uint32_t i = 0; v.type == MR_MAP && i < v.n; i++) {
			if (mr_str_eq(v.members[i].key, (struct mr_str){path, n})) {
				next = v.members[i].value;
				break;
			}
		}
		v = next;
		path += n + (path[n] == '.');
	}
	return v;
}

static void
same_fields(struct fixture *whole, struct fixture *part, const char *bytes)
{
	for (size_t i = 0; some[i]; i++) {
		char top[64];
		size_t n = strcspn(some[i], ".");
		memcpy(top, some[i], n);
		top[n] = 0;
		struct mr_value expected = below(fixture_field(whole, top), some[i] + n + (some[i][n] == '.'));
		cr_assert_str_eq(json(part->arena, fixture_field(part, some[i])), json(whole->arena, expected), "%s of %s",
		    some[i], bytes);
	}
	cr_assert(mr_str_eq(whole->event.user, part->event.user));
	cr_assert_eq(whole->event.time_ms, part->event.time_ms);
}

static bool
is_json(struct mr_str s)
{
	static uint8_t bits[512];
	size_t at, utf8;

	return mr_json_check(s, bits, &at, &utf8) && utf8 == s.n;
}

Test(fuzz, decodes_the_same_whichever_fields_are_read)
{
	struct fixture whole = fixture_new(all), part = fixture_new(some);
	size_t taken = 0, refused = 0;
	uint64_t state = 20260301;

	for (int i = 0; i < 200000; i++) {
		char bytes[1024] = {0};
		struct mr_str seed = seeds[fixture_draw(&state, SEEDS)];
		memcpy(bytes, seed.p, seed.n);
		size_t n = mutate(bytes, seed.n, &state);
		struct mr_str s = {bytes, n};
		bool a = fixture_decode(&whole, s, ""), b = fixture_decode(&part, s, "");
		// What is read can be refused for its value (a surrogate, a number too large), nothing else.
		cr_assert(!a || b, "refused with fewer fields: %s: %.*s", part.error.detail, (int)n, bytes);
		taken += a;
		refused += !a;
		if (a)
			same_fields(&whole, &part, bytes);
		if (a && n > 0 && (bytes[0] == '{' || bytes[0] == ' '))
			cr_assert(is_json(s), "taken: %.*s", (int)n, bytes);
	}
	// Both roads were really walked.
	cr_expect_gt(taken, 5000, "%zu", taken);
	cr_expect_gt(refused, 5000);
	fixture_free(&whole);
	fixture_free(&part);
}

Test(fuzz, refuses_every_proper_prefix)
{
	struct fixture f = fixture_new(some);

	for (size_t i = 0; i < SEEDS; i++) {
		struct mr_str s = seeds[i];
		cr_assert(fixture_decode(&f, s, ""), "%zu: %s at %zu", i, f.error.detail, f.error.position);
		while (s.p[s.n - 1] == ' ')
			s.n--;
		while (s.n-- > 1) {
			cr_assert_not(fixture_decode(&f, s, ""));
			cr_assert_eq(f.error.reason, i == 3 ? MR_BAD_MSGPACK : MR_BAD_JSON);
		}
	}
	fixture_free(&f);
}

// Random bytes of every first byte.
Test(fuzz, survives_noise)
{
	struct fixture f = fixture_new(some);
	uint64_t state = 7;

	for (int i = 0; i < 20000; i++) {
		char bytes[64];
		size_t n = fixture_draw(&state, sizeof(bytes));
		for (size_t k = 0; k < n; k++)
			bytes[k] = (char)fixture_draw(&state, 256);
		if (n > 0)
			bytes[0] = (char)i;
		fixture_decode(&f, (struct mr_str){bytes, n}, "");
		fixture_decode(&f, (struct mr_str){bytes, n}, "application/msgpack");
	}
	fixture_free(&f);
}
