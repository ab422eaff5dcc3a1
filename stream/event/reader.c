// A cursor over msgpack. Everything is checked against the bytes that are left; nothing recurses
// but mr_read_state_value, which has a bound.
#include "event/head.h"

#define DEPTH_MAX MR_WRITER_DEPTH

void
mr_reader_fail(struct mr_reader *r)
{
	r->failed = true;
}

static size_t
left(const struct mr_reader *r)
{
	return (size_t)(r->end - r->p);
}

// `n` bytes, big-endian. False where they aren't there.
static bool
take(struct mr_reader *r, size_t n, uint64_t *v)
{
	if (left(r) < n)
		return false;
	*v = 0;
	for (size_t i = 0; i < n; i++)
		*v = *v << 8 | (unsigned char)r->p[i];
	r->p += n;
	return true;
}

static bool
take_float(struct mr_reader *r, size_t n, struct mr_head *h)
{
	uint64_t v;

	if (!take(r, n, &v))
		return false;
	h->kind = MR_HEAD_FLOAT;
	if (n == 8) {
		memcpy(&h->d, &v, 8);
	} else {
		uint32_t v32 = (uint32_t)v;
		float f;
		memcpy(&f, &v32, 4);
		h->d = (double)f;
	}
	return true;
}

static bool
take_int(struct mr_reader *r, size_t n, struct mr_head *h)
{
	uint64_t v;

	if (!take(r, n, &v))
		return false;
	uint64_t sign = UINT64_C(1) << (n * 8 - 1);
	h->kind = MR_HEAD_INT;
	h->i = (int64_t)((v ^ sign) - sign);
	return true;
}

static bool
take_ext(struct mr_reader *r, struct mr_head *h)
{
	uint64_t type;

	h->kind = MR_HEAD_EXT;
	if (!take(r, 1, &type))
		return false;
	h->ext = (int8_t)(uint8_t)type;
	return true;
}

static bool
counted(struct mr_reader *r, struct mr_head *h, enum mr_head_kind kind, size_t n)
{
	h->kind = kind;
	return take(r, n, &h->n) && (kind != MR_HEAD_EXT || take_ext(r, h));
}

// Bytes 0xc0 to 0xdf.
static bool
take_typed(struct mr_reader *r, unsigned c, struct mr_head *h)
{
	switch (c) {
	case 0xc0: h->kind = MR_HEAD_NIL; return true;
	case 0xc2: case 0xc3: h->kind = MR_HEAD_BOOL; h->n = c & 1; return true;
	case 0xc4: case 0xc5: case 0xc6: return counted(r, h, MR_HEAD_BIN, (size_t)1 << (c - 0xc4));
	case 0xc7: case 0xc8: case 0xc9: return counted(r, h, MR_HEAD_EXT, (size_t)1 << (c - 0xc7));
	case 0xca: return take_float(r, 4, h);
	case 0xcb: return take_float(r, 8, h);
	case 0xcc: case 0xcd: case 0xce: case 0xcf: return counted(r, h, MR_HEAD_UINT, (size_t)1 << (c - 0xcc));
	case 0xd0: case 0xd1: case 0xd2: case 0xd3: return take_int(r, (size_t)1 << (c - 0xd0), h);
	case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: h->n = 1u << (c - 0xd4); return take_ext(r, h);
	case 0xd9: case 0xda: case 0xdb: return counted(r, h, MR_HEAD_STR, (size_t)1 << (c - 0xd9));
	case 0xdc: case 0xdd: return counted(r, h, MR_HEAD_ARRAY, (size_t)2 << (c - 0xdc));
	case 0xde: case 0xdf: return counted(r, h, MR_HEAD_MAP, (size_t)2 << (c - 0xde));
	default: return false;   // 0xc1 is never used
	}
}

// Whether what the head announces can be in the bytes left: an item takes at least one byte.
static bool
fits(const struct mr_reader *r, const struct mr_head *h)
{
	switch (h->kind) {
	case MR_HEAD_STR: case MR_HEAD_BIN: case MR_HEAD_EXT: case MR_HEAD_ARRAY: return h->n <= left(r);
	case MR_HEAD_MAP: return h->n <= left(r) / 2;
	default: return true;
	}
}

bool
mr_head_read(struct mr_reader *r, struct mr_head *h)
{
	*h = (struct mr_head){0};
	if (r->failed || r->p == r->end) {
		r->failed = true;
		return false;
	}
	unsigned c = (unsigned char)*r->p++;
	bool ok = true;
	if (c < 0x80) {
		h->kind = MR_HEAD_UINT;
		h->n = c;
	} else if (c < 0x90) {
		h->kind = MR_HEAD_MAP;
		h->n = c & 15;
	} else if (c < 0xa0) {
		h->kind = MR_HEAD_ARRAY;
		h->n = c & 15;
	} else if (c < 0xc0) {
		h->kind = MR_HEAD_STR;
		h->n = c & 31;
	} else if (c < 0xe0) {
		ok = take_typed(r, c, h);
	} else {
		h->kind = MR_HEAD_INT;
		h->i = (int64_t)c - 256;
	}
	if (!ok || !fits(r, h))
		r->failed = true;
	return !r->failed;
}

enum mr_type
mr_read_peek(const struct mr_reader *r)
{
	struct mr_reader copy = *r;
	struct mr_head h;

	if (!mr_head_read(&copy, &h))
		return MR_UNKNOWN;
	switch (h.kind) {
	case MR_HEAD_NIL: return MR_ABSENT;
	case MR_HEAD_BOOL: return MR_BOOL;
	case MR_HEAD_UINT: case MR_HEAD_INT: case MR_HEAD_FLOAT: return MR_NUMBER;
	case MR_HEAD_STR: case MR_HEAD_BIN: return MR_STRING;
	case MR_HEAD_ARRAY: return MR_LIST;
	case MR_HEAD_MAP: return MR_MAP;
	default: return MR_UNKNOWN;
	}
}

static uint32_t
read_count(struct mr_reader *r, enum mr_head_kind kind)
{
	struct mr_head h;

	if (!mr_head_read(r, &h))
		return 0;
	if (h.kind != kind) {
		r->failed = true;
		return 0;
	}
	return (uint32_t)h.n;
}

uint32_t
mr_read_map(struct mr_reader *r)
{
	return read_count(r, MR_HEAD_MAP);
}

uint32_t
mr_read_array(struct mr_reader *r)
{
	return read_count(r, MR_HEAD_ARRAY);
}

struct mr_str
mr_read_str(struct mr_reader *r)
{
	struct mr_head h;

	if (!mr_head_read(r, &h))
		return (struct mr_str){0};
	if (h.kind != MR_HEAD_STR && h.kind != MR_HEAD_BIN) {
		r->failed = true;
		return (struct mr_str){0};
	}
	struct mr_str s = {r->p, (size_t)h.n};
	r->p += h.n;
	return s;
}

int64_t
mr_read_int(struct mr_reader *r)
{
	struct mr_head h;

	if (!mr_head_read(r, &h))
		return 0;
	if (h.kind == MR_HEAD_INT)
		return h.i;
	if (h.kind == MR_HEAD_UINT && h.n <= INT64_MAX)
		return (int64_t)h.n;
	r->failed = true;
	return 0;
}

uint64_t
mr_read_uint(struct mr_reader *r)
{
	struct mr_head h;

	if (!mr_head_read(r, &h))
		return 0;
	if (h.kind == MR_HEAD_UINT)
		return h.n;
	if (h.kind == MR_HEAD_INT && h.i >= 0)
		return (uint64_t)h.i;
	r->failed = true;
	return 0;
}

double
mr_read_num(struct mr_reader *r)
{
	struct mr_head h;

	if (!mr_head_read(r, &h))
		return 0;
	if (h.kind == MR_HEAD_UINT)
		return (double)h.n;
	if (h.kind == MR_HEAD_INT)
		return (double)h.i;
	if (h.kind == MR_HEAD_FLOAT && h.d - h.d == 0)   // finite
		return h.d;
	r->failed = true;
	return 0;
}

bool
mr_read_bool(struct mr_reader *r)
{
	struct mr_head h;

	if (!mr_head_read(r, &h))
		return false;
	if (h.kind != MR_HEAD_BOOL)
		r->failed = true;
	return h.kind == MR_HEAD_BOOL && h.n == 1;
}

void
mr_read_skip(struct mr_reader *r)
{
	struct mr_head h;

	for (uint64_t items = 1; items > 0; items--) {
		if (!mr_head_read(r, &h))
			return;
		if (h.kind == MR_HEAD_ARRAY)
			items += h.n;
		else if (h.kind == MR_HEAD_MAP)
			items += h.n * 2;
		else if (h.kind == MR_HEAD_STR || h.kind == MR_HEAD_BIN || h.kind == MR_HEAD_EXT)
			r->p += h.n;
	}
}

// ---- values of the language ----

static struct mr_value read_value(struct mr_reader *, struct mr_arena *, int depth);

static struct mr_value
read_list(struct mr_reader *r, struct mr_arena *arena, int depth)
{
	uint32_t n = mr_read_array(r);
	struct mr_value *items = mr_arena_alloc(arena, n * sizeof(*items));

	for (uint32_t i = 0; i < n && !r->failed; i++)
		items[i] = read_value(r, arena, depth + 1);
	return (struct mr_value){.type = MR_LIST, .n = n, .items = items};
}

static struct mr_value
read_map(struct mr_reader *r, struct mr_arena *arena, int depth)
{
	uint32_t n = mr_read_map(r);
	struct mr_member *members = mr_arena_alloc(arena, n * sizeof(*members));

	for (uint32_t i = 0; i < n && !r->failed; i++) {
		members[i].key = mr_read_str(r);
		members[i].value = read_value(r, arena, depth + 1);
	}
	return (struct mr_value){.type = MR_MAP, .n = n, .members = members};
}

static struct mr_value
read_ext(struct mr_reader *r)
{
	struct mr_head h;
	uint64_t ms = 0;

	if (!mr_head_read(r, &h) || h.kind != MR_HEAD_EXT || h.n != 8 || (h.ext != 1 && h.ext != 2)) {
		r->failed = true;
		return mr_absent();
	}
	take(r, 8, &ms);
	return h.ext == 1 ? mr_time((int64_t)ms) : mr_duration((int64_t)ms);
}

static struct mr_value
read_value(struct mr_reader *r, struct mr_arena *arena, int depth)
{
	if (depth > DEPTH_MAX) {
		r->failed = true;
		return mr_absent();
	}
	switch (mr_read_peek(r)) {
	case MR_ABSENT: mr_read_skip(r); return mr_absent();
	case MR_BOOL: return mr_bool(mr_read_bool(r));
	case MR_NUMBER: return mr_num(mr_read_num(r));
	case MR_STRING: return mr_string(mr_read_str(r));
	case MR_LIST: return read_list(r, arena, depth);
	case MR_MAP: return read_map(r, arena, depth);
	default: return read_ext(r);
	}
}

struct mr_value
mr_read_state_value(struct mr_reader *r, struct mr_arena *arena)
{
	struct mr_value v = read_value(r, arena, 0);

	return r->failed ? mr_absent() : v;
}
