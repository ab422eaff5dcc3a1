#include "fixture.h"

#include <millrace/writer.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture
fixture_new(const char *const *paths)
{
	struct fixture f = {.schema = mr_schema_new(), .arena = mr_arena_new(64 << 20)};

	for (size_t i = 0; paths && paths[i]; i++)
		mr_schema_field(f.schema, mr_str_of(paths[i]));
	mr_schema_name(f.schema, MR_LIT("Product Added"));
	mr_schema_freeze(f.schema);
	f.plan = (struct mr_plan){.schema = f.schema, .record_bytes_max = 1 << 20, .depth_max = 32, .key_bytes_max = 256,
		.string_bytes_max = 64 << 10};
	// The decoder keeps a pointer to the plan, and the fixture is copied: it gets one at first use.
	return f;
}

void
fixture_free(struct fixture *f)
{
	mr_decoder_free(f->decoder);
	free(f->record);
	mr_arena_free(f->arena);
	mr_schema_free(f->schema);
}

bool
fixture_decode(struct fixture *f, struct mr_str bytes, const char *content_type)
{
	if (f->decoder == NULL)
		f->decoder = mr_decoder_new(&f->plan);
	mr_arena_reset(f->arena);
	// A block of its own, so that a sanitizer sees any read beyond it.
	free(f->record);
	f->record = malloc(bytes.n);
	if (bytes.n)
		memcpy(f->record, bytes.p, bytes.n);
	struct mr_raw_record raw = {.origin = {MR_LIT("events"), 3, 812}, .timestamp_ms = 1772359200000,
		.value = {f->record, bytes.n}, .content_type = mr_str_of(content_type)};
	bool ok = mr_decode(f->decoder, &raw, f->arena, &f->event, &f->error);
	cr_assert_eq(ok, f->error.reason == MR_GOOD);
	cr_assert(f->error.position <= bytes.n);
	return ok;
}

void
fixture_good(struct fixture *f, const char *json)
{
	bool ok = fixture_decode(f, mr_str_of(json), "");

	cr_assert(ok, "%s: %s at %zu in %s", mr_bad_reason(f->error.reason), f->error.detail, f->error.position, json);
}

void
fixture_bad(struct fixture *f, const char *json, enum mr_bad reason)
{
	bool ok = fixture_decode(f, mr_str_of(json), "");

	cr_assert_not(ok, "%s was taken", json);
	cr_expect_eq(f->error.reason, reason, "%s (%s), not %s: %s", mr_bad_reason(f->error.reason), f->error.detail,
	    mr_bad_reason(reason), json);
}

struct mr_value
fixture_field(const struct fixture *f, const char *path)
{
	for (uint32_t i = 0; i < f->schema->n_fields; i++)
		if (mr_str_eq(f->schema->paths[i], mr_str_of(path)))
			return mr_event_field(&f->event, i);
	return mr_absent();
}

const char *
fixture_json(struct fixture *f, const char *path)
{
	struct mr_value v = fixture_field(f, path);
	struct mr_writer w;

	if (v.type == MR_ABSENT)
		return "";
	mr_writer_init(&w, MR_JSON);
	mr_write_value(&w, v);
	char *text = mr_arena_alloc(f->arena, w.n + 1);
	memcpy(text, w.p, w.n);
	mr_writer_free(&w);
	return text;
}

uint32_t
fixture_draw(uint64_t *state, uint32_t n)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((*state >> 33) % n);
}

struct mr_str
fixture_file(struct mr_arena *arena, const char *path)
{
	FILE *f = fopen(path, "rb");

	cr_assert_not_null(f, "%s", path);
	fseek(f, 0, SEEK_END);
	size_t n = (size_t)ftell(f);
	rewind(f);
	char *p = mr_arena_alloc(arena, n + 1);
	cr_assert_eq(fread(p, 1, n, f), n);
	fclose(f);
	return (struct mr_str){p, n};
}

const char *
fixture_shared(const char *name)
{
	static char path[512];
	const char *required = getenv("MILLRACE_REQUIRE_SHARED");

	snprintf(path, sizeof(path), "../shared/%s", name);
	if (access(path, R_OK) == 0)
		return path;
	cr_assert(required == NULL || required[0] != '1', "%s is not there", path);
	cr_skip_test("%s is not there", path);
	return NULL;
}
