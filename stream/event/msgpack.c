// msgpack by msgpack-c. It is looked over first, since msgpack-c believes counts and stops at a depth
// of 32 with an answer that means "no memory".
#include "event/msgpack.h"

#include "event/head.h"
#include "event/json.h"

#include <msgpack.h>
#include <stdlib.h>

#define UNPACK_DEPTH_MAX 32      // msgpack-c's stack
#define ZONE_BYTES (64 * 1024)   // a chunk; the first one is kept from event to event

struct mr_msgpack {
	const struct mr_tree *tree;
	uint32_t depth_max, key_max, string_max;
	uint64_t decoded;                // documents
	uint64_t *seen;                  // by node: the last document that had its key
	msgpack_zone zone;
};

struct source {
	const struct mr_msgpack *m;
	struct mr_str doc;
	struct mr_arena *arena;
	struct mr_fields *out;
	struct mr_decode_error *error;
};

struct mr_msgpack *
mr_msgpack_new(const struct mr_plan *plan, const struct mr_tree *tree, uint32_t nodes)
{
	struct mr_msgpack *m = calloc(1, sizeof(*m));

	MR_ASSERT(m != NULL);
	m->tree = tree;
	m->depth_max = plan->depth_max < UNPACK_DEPTH_MAX ? plan->depth_max : UNPACK_DEPTH_MAX;
	m->key_max = plan->key_bytes_max;
	m->string_max = plan->string_bytes_max;
	m->seen = calloc(nodes, sizeof(*m->seen));
	MR_ASSERT(m->seen != NULL);
	bool ok = msgpack_zone_init(&m->zone, ZONE_BYTES);
	MR_ASSERT(ok);
	return m;
}

void
mr_msgpack_free(struct mr_msgpack *m)
{
	if (m == NULL)
		return;
	msgpack_zone_destroy(&m->zone);
	free(m->seen);
	free(m);
}

// ---- looking over ----

struct level {
	uint64_t left;   // items; of a map, keys and values
	bool map;
};

static bool
check_text(const struct source *s, struct mr_reader *r, const struct mr_head *h, bool key)
{
	size_t at = (size_t)(r->p - s->doc.p);
	struct mr_str text = {r->p, (size_t)h->n};

	r->p += h->n;
	if (h->n > (key ? s->m->key_max : s->m->string_max))
		return mr_bad(s->error, MR_BAD_TOO_LARGE, at, "a key or string is too long");
	if (h->kind != MR_HEAD_STR)
		return true;
	size_t good = mr_utf8_check(text);
	return good == text.n || mr_bad(s->error, MR_BAD_UTF8, at + good, "not UTF-8");
}

static bool
malformed(const struct source *s, const struct mr_reader *r, const char *detail)
{
	return mr_bad(s->error, MR_BAD_MSGPACK, (size_t)(r->p - s->doc.p), detail);
}

// Each item in turn, with its place in the levels above it.
static bool
check_items(const struct source *s, struct mr_reader *r)
{
	struct level levels[UNPACK_DEPTH_MAX + 1];
	uint32_t depth = 0;
	struct mr_head h;

	levels[0] = (struct level){.left = 1};   // the others are set when they are entered
	for (;;) {
		while (levels[depth].left == 0) {
			if (depth-- == 0)
				return r->p == r->end || malformed(s, r, "something follows the document");
		}
		bool key = levels[depth].map && levels[depth].left % 2 == 0;
		levels[depth].left--;
		if (!mr_head_read(r, &h))
			return malformed(s, r, "not msgpack from here on");
		if (h.kind == MR_HEAD_ARRAY || h.kind == MR_HEAD_MAP) {
			if (depth == s->m->depth_max)
				return mr_bad(s->error, MR_BAD_TOO_DEEP, (size_t)(r->p - s->doc.p) - 1, "nested too deep");
			bool map = h.kind == MR_HEAD_MAP;
			levels[++depth] = (struct level){map ? h.n * 2 : h.n, map};
		} else if (h.kind == MR_HEAD_STR || h.kind == MR_HEAD_BIN || h.kind == MR_HEAD_EXT) {
			if (!check_text(s, r, &h, key))
				return false;
		}
	}
}

static bool
check(const struct source *s)
{
	struct mr_reader r = mr_reader_of(s->doc);

	if (check_items(s, &r))
		return true;
	// Malformed comes before every other reason.
	r = mr_reader_of(s->doc);
	mr_read_skip(&r);
	if (!mr_reader_ok(&r))
		malformed(s, &r, "not msgpack from here on");
	else if (r.p != r.end)
		malformed(s, &r, "something follows the document");
	return false;
}

// ---- values ----

static size_t
position(const struct source *s, const msgpack_object *o)
{
	// Only text knows where it came from.
	return o->type == MSGPACK_OBJECT_STR || o->type == MSGPACK_OBJECT_BIN ? (size_t)(o->via.str.ptr - s->doc.p) : 0;
}

static bool
key_of(const msgpack_object *o, struct mr_str *key)
{
	*key = (struct mr_str){o->via.str.ptr, o->via.str.size};
	return o->type == MSGPACK_OBJECT_STR;
}

static bool
from_number(const struct source *s, double d, struct mr_value *out)
{
	*out = mr_num(d);
	return d - d == 0 || mr_bad(s->error, MR_BAD_TYPE, 0, "a number that is not finite");
}

static bool
from_bin(const struct source *s, const msgpack_object *o, struct mr_value *out)
{
	struct mr_str bytes = {o->via.bin.ptr, o->via.bin.size};
	size_t good = mr_utf8_check(bytes);

	*out = mr_string(bytes);
	return good == bytes.n || mr_bad(s->error, MR_BAD_UTF8, position(s, o) + good, "not UTF-8");
}

// ext -1: a timestamp of 4, 8 or 12 bytes.
static bool
from_ext(const struct source *s, const msgpack_object *o, struct mr_value *out)
{
	msgpack_timestamp t;
	const int64_t seconds_max = INT64_C(1) << 50;

	if (o->via.ext.type != -1 || !msgpack_object_to_timestamp(o, &t))
		return mr_bad(s->error, MR_BAD_TYPE, (size_t)(o->via.ext.ptr - s->doc.p), "an ext type that has no meaning here");
	if (t.tv_sec > seconds_max || t.tv_sec < -seconds_max || t.tv_nsec > 999999999)
		return mr_bad(s->error, MR_BAD_TIME, (size_t)(o->via.ext.ptr - s->doc.p), "a timestamp out of range");
	*out = mr_time(t.tv_sec * 1000 + t.tv_nsec / 1000000);
	return true;
}

static bool from_object(const struct source *, const msgpack_object *, struct mr_value *);

static bool
from_array(const struct source *s, const msgpack_object *o, struct mr_value *out)
{
	uint32_t n = o->via.array.size;
	struct mr_value *items = mr_arena_alloc(s->arena, n * sizeof(*items));

	for (uint32_t i = 0; i < n; i++)
		if (!from_object(s, &o->via.array.ptr[i], &items[i]))
			return false;
	*out = (struct mr_value){.type = MR_LIST, .n = n, .items = items};
	return true;
}

// Members whose key is no text have no place in the language, and are left out.
static bool
from_map(const struct source *s, const msgpack_object *o, struct mr_value *out)
{
	uint32_t n = 0;
	struct mr_member *members = mr_arena_alloc(s->arena, o->via.map.size * sizeof(*members));

	for (uint32_t i = 0; i < o->via.map.size; i++) {
		const msgpack_object_kv *kv = &o->via.map.ptr[i];
		if (!from_object(s, &kv->val, &members[n].value))
			return false;
		n += key_of(&kv->key, &members[n].key);
	}
	n = mr_members_unique(members, n, s->arena);
	*out = (struct mr_value){.type = MR_MAP, .n = n, .members = members};
	return true;
}

// Recursion is bounded: nothing deeper than 32 was let through.
static bool
from_object(const struct source *s, const msgpack_object *o, struct mr_value *out)
{
	switch (o->type) {
	case MSGPACK_OBJECT_NIL:
		*out = mr_absent();
		return true;
	case MSGPACK_OBJECT_BOOLEAN:
		*out = mr_bool(o->via.boolean);
		return true;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		return from_number(s, (double)o->via.u64, out);
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		return from_number(s, (double)o->via.i64, out);
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		return from_number(s, o->via.f64, out);
	case MSGPACK_OBJECT_STR:
		*out = mr_string((struct mr_str){o->via.str.ptr, o->via.str.size});
		return true;
	case MSGPACK_OBJECT_ARRAY:
		return from_array(s, o, out);
	case MSGPACK_OBJECT_MAP:
		return from_map(s, o, out);
	case MSGPACK_OBJECT_BIN:
		return from_bin(s, o, out);
	case MSGPACK_OBJECT_EXT:
		return from_ext(s, o, out);
	}
	return mr_bad(s->error, MR_BAD_MSGPACK, 0, "an item of no known type");
}

// ---- projection ----

static bool project(const struct source *, const struct mr_tree *, const msgpack_object *);

static bool
visit(const struct source *s, const struct mr_tree *node, const msgpack_object *o)
{
	if (node->field < 0)
		return o->type != MSGPACK_OBJECT_MAP || project(s, node, o);
	s->out->at[node->note] = (uint32_t)position(s, o);
	struct mr_value *v = &s->out->values[node->field];
	if (!from_object(s, o, v))
		return false;
	if (node->n > 0)
		mr_fields_project(s->out, node, *v);
	return true;
}

static bool
project(const struct source *s, const struct mr_tree *node, const msgpack_object *o)
{
	struct mr_str key;

	for (uint32_t i = 0; i < o->via.map.size; i++) {
		const msgpack_object_kv *kv = &o->via.map.ptr[i];
		const struct mr_tree *child = key_of(&kv->key, &key) ? mr_tree_child(node, key, s->doc.p + s->doc.n) : NULL;
		if (child == NULL || s->m->seen[child->number] == s->m->decoded)
			continue;
		s->m->seen[child->number] = s->m->decoded;
		if (!visit(s, child, &kv->val))
			return false;
	}
	return true;
}

bool
mr_msgpack_decode(struct mr_msgpack *m, struct mr_str doc, struct mr_arena *arena, struct mr_fields *out,
    struct mr_decode_error *error)
{
	struct source s = {m, doc, arena, out, error};
	msgpack_object o;
	size_t used = 0;

	m->decoded++;
	if (!check(&s))
		return false;
	msgpack_zone_clear(&m->zone);
	msgpack_unpack_return got = msgpack_unpack(doc.p, doc.n, &used, &m->zone, &o);
	if (got != MSGPACK_UNPACK_SUCCESS || used != doc.n)
		return mr_bad(error, MR_BAD_MSGPACK, used, "refused by msgpack-c");
	if (o.type != MSGPACK_OBJECT_MAP)
		return mr_bad(error, MR_BAD_NOT_AN_EVENT, 0, "an event is a map");
	return project(&s, m->tree, &o);
}
