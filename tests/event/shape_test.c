// A decoder that knows a document's shape must say of it what one says that has never seen any.
#include "fixture.h"

#include <millrace/writer.h>
#include <stdio.h>

static const char *const paths[] = {"properties.a", "properties.b.c", "properties.b", "properties.n", "context.page.url",
	"traits.plan", "traits", "properties.list", NULL};
// What of them is no container in the documents below.
static const char *const scalars[] = {"properties.a", "properties.n", "properties.b.c", "context.page.url", "traits.plan", NULL};

#define EVENT "{\"type\":\"track\",\"event\":\"E\",\"messageId\":\"m-1\",\"userId\":\"u\",\"timestamp\":\"2026-03-01T10:00:00.000Z\","

static const char *const seeds[] = {
	EVENT "\"properties\":{\"a\":\"x\",\"b\":{\"c\":1.25,\"d\":[1,\"y\",{\"e\":null}]},\"n\":-7},\"unread\":true}",
	EVENT "\"context\": {\"page\": {\"url\": \"/a\", \"title\": \"t\"}}, \"properties\": {\"a\": null, \"n\": 12 }}",
	" {\"event\" : \"E\",\"anonymousId\":\"a\",\"a\":\"\",\"a\":\"\",\"traits\":{\"plan\":\"p\",\"plan\":\"q\"},\"n\":[]}\n",
	EVENT "\"properties\":{\"a\":\"Stra\xc3\x9f" "e\",\"a\":2,\"n\":0.5},\"context\":{\"page\":{\"url\":\"\"}}}",
};
#define SEEDS (sizeof(seeds) / sizeof(seeds[0]))

// A byte or two set, dropped or doubled.
static size_t
mutate(char *p, size_t n, uint64_t *state)
{
	static const char likely[] = "{}[]:,\"\\u0te19-.\x01\x7f\x80\xc3\xff \n";

	for (uint32_t changes = 1 + fixture_draw(state, 2); changes > 0; changes--) {
		size_t at = fixture_draw(state, (uint32_t)n);
		char c = likely[fixture_draw(state, sizeof(likely) - 1)];
		switch (fixture_draw(state, 3)) {
		case 0:
			p[at] = c;
			break;
		case 1:
			memmove(p + at, p + at + 1, n - at - 1);
			n--;
			break;
		default:
			memmove(p + at + 1, p + at, n - at);
			n++;
			p[at] = fixture_draw(state, 2) ? c : p[at];
			break;
		}
	}
	return n;
}

static void
same(struct fixture *warm, struct fixture *cold, struct mr_str s)
{
	bool a = fixture_decode(warm, s, "application/json"), b = fixture_decode(cold, s, "application/json");

	cr_assert_eq(a, b, "%d, not %d: %.*s", a, b, (int)s.n, s.p);
	cr_assert_eq(warm->error.reason, cold->error.reason, "%.*s", (int)s.n, s.p);
	cr_assert_eq(warm->error.position, cold->error.position, "%.*s", (int)s.n, s.p);
	cr_assert_str_eq(warm->error.detail, cold->error.detail);
	if (!a)
		return;
	cr_assert(mr_str_eq(warm->event.user, cold->event.user));
	cr_assert(mr_str_eq(warm->event.name, cold->event.name));
	cr_assert_eq(warm->event.time_ms, cold->event.time_ms);
	for (uint32_t i = 0; i < warm->schema->n_fields; i++) {
		char path[64] = {0};
		memcpy(path, warm->schema->paths[i].p, warm->schema->paths[i].n);
		cr_assert_str_eq(fixture_json(warm, path), fixture_json(cold, path), "%s of %.*s", path, (int)s.n, s.p);
	}
}

static void
forget(struct fixture *f)
{
	mr_decoder_free(f->decoder);
	f->decoder = NULL;
}

static void
compare_mutated(const char *const *read, size_t string_max)
{
	struct fixture warm = fixture_new(read), cold = fixture_new(read);
	uint64_t state = 20261122;
	size_t taken = 0;

	warm.plan.string_bytes_max = cold.plan.string_bytes_max = (uint32_t)string_max;
	warm.plan.record_bytes_max = cold.plan.record_bytes_max = 1024;
	for (int i = 0; i < 10000; i++) {
		char bytes[512];
		const char *seed = seeds[fixture_draw(&state, SEEDS)];
		size_t n = strlen(seed);
		memcpy(bytes, seed, n);
		// So often that it is known: twice its shape is learned, and then it is used.
		fixture_decode(&warm, (struct mr_str){bytes, n}, "");
		n = mutate(bytes, n, &state);
		forget(&cold);
		same(&warm, &cold, (struct mr_str){bytes, n});
		taken += warm.error.reason == MR_GOOD;
	}
	cr_expect_gt(taken, 1500, "%zu", taken);
	fixture_free(&warm);
	fixture_free(&cold);
}

Test(shape, changes_nothing_where_scalars_are_read)
{
	compare_mutated(scalars, 1000);
}

Test(shape, changes_nothing_where_containers_are_read_whole)
{
	compare_mutated(paths, 1000);
}

// Strings may be too long here, so no shape is used at all.
Test(shape, changes_nothing_where_strings_may_be_too_long)
{
	compare_mutated(scalars, 30);
}

// More shapes than are kept, in turn, and sizes about the bounds of what can be learned.
Test(shape, changes_nothing_where_there_are_very_many)
{
	static char text[1 << 16];
	struct fixture warm = fixture_new(scalars), cold = fixture_new(scalars);

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 300; i++) {
			size_t n = (size_t)sprintf(text, EVENT "\"properties\":{\"a\":\"x\",\"n\":%d", i);
			for (int k = 0; k < i; k++)
				n += (size_t)sprintf(text + n, ",\"%s%d\":%d", i % 7 ? "k" : "a rather long key, so that room runs out ", k, k);
			n += (size_t)sprintf(text + n, "}}");
			for (int again = 0; again < 3; again++) {
				forget(&cold);
				same(&warm, &cold, (struct mr_str){text, n});
			}
		}
	}
	fixture_free(&warm);
	fixture_free(&cold);
}

// A value of another type where the shape has one, and what is refused only where it is read.
Test(shape, reads_other_values_in_the_same_place)
{
	static const struct { const char *value; enum mr_bad reason; const char *read; } cases[] = {
		{"1", MR_GOOD, "1"}, {"-0", MR_GOOD, "0"}, {"1e3", MR_GOOD, "1000"}, {"null", MR_GOOD, ""}, {"true", MR_GOOD, "true"},
		{"\"x\"", MR_GOOD, "\"x\""}, {"1e999", MR_BAD_JSON, NULL}, {"01", MR_BAD_JSON, NULL}, {"nul", MR_BAD_JSON, NULL},
		{"1 2", MR_BAD_JSON, NULL}, {"[1]", MR_GOOD, "[1]"}, {"{\"a\":1}", MR_GOOD, "{\"a\":1}"}, {"1 ", MR_GOOD, "1"},
		{"1,\"n\":2", MR_GOOD, "1"}, {"", MR_BAD_JSON, NULL}, {"1}", MR_BAD_JSON, NULL}, {"123456789012345678", MR_GOOD,
		"123456789012345680"},
	};
	struct fixture f = fixture_new(scalars);
	char text[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int known = 0; known < 2; known++) {
			fixture_good(&f, EVENT "\"properties\":{\"n\":7,\"a\":\"x\"}}");
			snprintf(text, sizeof(text), EVENT "\"properties\":{\"n\":%s,\"a\":\"x\"}}", cases[i].value);
			bool ok = fixture_decode(&f, mr_str_of(text), "");
			cr_expect_eq(f.error.reason, cases[i].reason, "%s: %s", cases[i].value, f.error.detail);
			if (ok)
				cr_expect_str_eq(fixture_json(&f, "properties.n"), cases[i].read);
		}
	}
	fixture_free(&f);
}
