#include "event/decode.h"

#include "core/arena.h"
#include "event/json.h"
#include "event/msgpack.h"
#include "event/segment.h"

#include <stdlib.h>

#define FRAME_BYTES 5    // Confluent's: a zero and the schema's id
#define PREFETCH_BYTES_MAX 1024

struct mr_decoder {
	const struct mr_plan *plan;
	struct mr_arena *arena;    // of the tree
	struct mr_json *json;
	struct mr_msgpack *msgpack;
};

enum encoding { E_JSON, E_MSGPACK, E_UNKNOWN };

const char *
mr_bad_reason(enum mr_bad reason)
{
	static const char *const names[] = {"", "malformed_json", "malformed_msgpack", "not_an_event", "bad_utf8",
		"too_large", "too_deep", "no_user", "bad_type", "bad_time", "unknown_encoding"};

	MR_ASSERT(reason > MR_GOOD && (size_t)reason < sizeof(names) / sizeof(names[0]));
	return names[reason];
}

struct mr_decoder *
mr_decoder_new(const struct mr_plan *plan)
{
	struct mr_decoder *d = calloc(1, sizeof(*d));

	MR_ASSERT(d != NULL);
	d->plan = plan;
	d->arena = mr_arena_new(SIZE_MAX / 2);   // as large as the configuration makes it
	uint32_t nodes;
	const struct mr_tree *tree = mr_tree_new(plan->schema, d->arena, &nodes);
	d->json = mr_json_new(plan, tree, nodes);
	d->msgpack = mr_msgpack_new(plan, tree, nodes);
	return d;
}

void
mr_decoder_free(struct mr_decoder *d)
{
	if (d == NULL)
		return;
	mr_json_free(d->json);
	mr_msgpack_free(d->msgpack);
	mr_arena_free(d->arena);
	free(d);
}

// The media type without its parameters, compared without case.
static bool
media_is(struct mr_str type, const char *name)
{
	size_t n = strlen(name);

	if (type.n < n || (type.n > n && type.p[n] != ';' && type.p[n] != ' '))
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = type.p[i];
		if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != name[i])
			return false;
	}
	return true;
}

// Without a header the first byte says it. Maps of msgpack begin with 0x80-0x8f, 0xde, 0xdf, and
// other msgpack that no UTF-8 text can begin with is read as such, to be told that it is no event.
// Whatever can begin a text is JSON, good or malformed. The rest is neither.
static enum encoding
sniff(struct mr_str s)
{
	if (s.n == 0)
		return E_JSON;
	unsigned char c = (unsigned char)s.p[0];
	if (c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0x80))
		return E_JSON;
	if ((c >= 0x80 && c <= 0xc0) || c == 0xde || c == 0xdf)
		return E_MSGPACK;
	return c >= 0xc2 && c <= 0xf4 ? E_JSON : E_UNKNOWN;
}

static enum encoding
encoding(struct mr_str content_type, struct mr_str s)
{
	if (content_type.n == 0)
		return sniff(s);
	if (media_is(content_type, "application/json"))
		return E_JSON;
	if (media_is(content_type, "application/msgpack") || media_is(content_type, "application/x-msgpack") ||
	    media_is(content_type, "application/vnd.msgpack"))
		return E_MSGPACK;
	return media_is(content_type, "application/octet-stream") ? sniff(s) : E_UNKNOWN;
}

static bool
decode_document(struct mr_decoder *d, const struct mr_raw_record *raw, struct mr_str doc, struct mr_arena *arena,
    struct mr_event *event, struct mr_decode_error *error)
{
	struct mr_fields fields = {0};
	enum encoding e = encoding(raw->content_type, doc);
	bool ok;

	if (e == E_UNKNOWN)
		return mr_bad(error, MR_BAD_ENCODING, 0, "neither JSON nor msgpack");
	fields.values = mr_arena_alloc(arena, ((size_t)d->plan->schema->n_fields + 1) * sizeof(*fields.values));
	if (e == E_JSON)
		ok = mr_json_decode(d->json, doc, arena, &fields, error);
	else
		ok = mr_msgpack_decode(d->msgpack, doc, arena, &fields, error);
	return ok && mr_segment(d->plan, raw, &fields, event, error);
}

// The records of a batch mostly lie one behind another, and are as large. Where they don't, nothing is lost.
static void
prefetch_behind(struct mr_str record)
{
	uintptr_t end = (uintptr_t)record.p + record.n;
	size_t n = record.n < PREFETCH_BYTES_MAX ? record.n : PREFETCH_BYTES_MAX;

	for (size_t i = 0; i < n; i += 64)
		__builtin_prefetch((const void *)(end + i));
}

bool
mr_decode(struct mr_decoder *d, const struct mr_raw_record *raw, struct mr_arena *arena, struct mr_event *event,
    struct mr_decode_error *error)
{
	struct mr_arena_mark mark = mr_arena_mark(arena);
	bool had_room = !mr_arena_overflowed(arena);
	size_t frame = 0;

	prefetch_behind(raw->value);
	error->reason = MR_GOOD;
	error->position = 0;
	error->detail[0] = 0;
	if (raw->value.n > d->plan->record_bytes_max)
		return mr_bad(error, MR_BAD_TOO_LARGE, d->plan->record_bytes_max, "the record is too large");
	if (raw->value.n >= FRAME_BYTES && raw->value.p[0] == 0)
		frame = FRAME_BYTES;
	struct mr_str doc = {raw->value.p + frame, raw->value.n - frame};
	bool ok = decode_document(d, raw, doc, arena, event, error);
	if (ok && had_room && mr_arena_overflowed(arena))
		ok = mr_bad(error, MR_BAD_TOO_LARGE, 0, "more values than there is memory for");
	if (ok)
		return true;
	error->position += frame;
	mr_arena_rewind(arena, mark);
	return false;
}
