// A plan with some fields, and one record decoded by the very function that production uses.
#ifndef MR_TESTS_EVENT_FIXTURE_H
#define MR_TESTS_EVENT_FIXTURE_H

#include "core/arena.h"
#include "event/decode.h"
#include "expr/schema.h"

#include <criterion/criterion.h>

struct fixture {
	struct mr_schema *schema;
	struct mr_plan plan;
	struct mr_arena *arena;
	struct mr_decoder *decoder;
	char *record;              // of the last event, which points into it
	struct mr_event event;
	struct mr_decode_error error;
};

// `paths` is NULL-terminated.
struct fixture fixture_new(const char *const *paths);
void fixture_free(struct fixture *);

// Decodes bytes that came with a content type (may be empty), from a buffer of just their size.
bool fixture_decode(struct fixture *, struct mr_str bytes, const char *content_type);
// The same for a text; asserts success.
void fixture_good(struct fixture *, const char *json);
// Asserts the reason.
void fixture_bad(struct fixture *, const char *json, enum mr_bad reason);
// A field of the last event by its path; absent where the plan doesn't read it.
struct mr_value fixture_field(const struct fixture *, const char *path);
// A field as JSON text; "" where it is absent. Lives until the next event.
const char *fixture_json(struct fixture *, const char *path);

// A number below n; the same ones from the same state.
uint32_t fixture_draw(uint64_t *state, uint32_t n);
struct mr_str fixture_file(struct mr_arena *, const char *path);
// A folder beside the repository that holds public test data. Skips the test where it isn't there.
const char *fixture_shared(const char *name);

#endif
