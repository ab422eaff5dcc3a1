// The one writer of both encodings. msgpack goes through msgpack-c's packer.
#include "event/base64.h"
#include "event/decode.h"
#include "event/escape.h"
#include "event/verbatim.h"

#include <millrace/writer.h>
#include <msgpack.h>
#include <stdlib.h>

#define FIRST_BYTES 1024
#define EXACT_MAX 9007199254740992.0   // 2^53

void
mr_writer_init(struct mr_writer *w, enum mr_format format)
{
	memset(w, 0, sizeof(*w));
	w->format = format;
}

void
mr_writer_reset(struct mr_writer *w)
{
	w->n = 0;
	w->depth = 0;
	w->after_key = false;
}

void
mr_writer_free(struct mr_writer *w)
{
	free(w->p);
	mr_writer_init(w, w->format);
}

static void
enlarge(struct mr_writer *w, size_t more)
{
	size_t cap = w->cap ? w->cap : FIRST_BYTES;

	while (cap - w->n < more)
		cap *= 2;
	char *p = realloc(w->p, cap);
	MR_ASSERT(p != NULL);
	w->p = p;
	w->cap = cap;
}

static inline char *
grow(struct mr_writer *w, size_t more)
{
	if (more > w->cap - w->n)
		enlarge(w, more);
	return w->p + w->n;
}

static void
put(struct mr_writer *w, const char *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(grow(w, n), p, n);
	w->n += n;
}

static inline void
put_char(struct mr_writer *w, char c)
{
	*grow(w, 1) = c;
	w->n++;
}

static int
packer_put(void *w, const char *p, size_t n)
{
	put(w, p, n);
	return 0;
}

static msgpack_packer
packer(struct mr_writer *w)
{
	return (msgpack_packer){.data = w, .callback = packer_put};
}

// ---- the structure ----

static inline void
comma(struct mr_writer *w)
{
	if (w->format == MR_JSON && !w->stack[w->depth - 1].first)
		put_char(w, ',');
	w->stack[w->depth - 1].first = false;
}

// Before each value, containers included.
static inline void
begin(struct mr_writer *w)
{
	if (w->depth == 0)
		return;
	if (w->stack[w->depth - 1].map) {
		MR_ASSERT(w->after_key);
		w->after_key = false;
	} else {
		comma(w);
	}
	MR_ASSERT(w->stack[w->depth - 1].left > 0);
	w->stack[w->depth - 1].left--;
}

static void
close_full(struct mr_writer *w)
{
	do {
		w->depth--;
		if (w->format == MR_JSON)
			put_char(w, w->stack[w->depth].map ? '}' : ']');
	} while (w->depth > 0 && w->stack[w->depth - 1].left == 0);
}

// After each value: closes whatever it filled.
static inline void
end(struct mr_writer *w)
{
	if (w->depth > 0 && w->stack[w->depth - 1].left == 0)
		close_full(w);
}

static void
open(struct mr_writer *w, uint32_t n, bool map)
{
	MR_ASSERT(w->depth < MR_WRITER_DEPTH);
	w->stack[w->depth].left = n;
	w->stack[w->depth].map = map;
	w->stack[w->depth].first = true;
	w->depth++;
	end(w);
}

void
mr_write_map(struct mr_writer *w, uint32_t members)
{
	begin(w);
	if (w->format == MR_JSON) {
		put_char(w, '{');
	} else {
		msgpack_packer pk = packer(w);
		msgpack_pack_map(&pk, members);
	}
	open(w, members, true);
}

void
mr_write_array(struct mr_writer *w, uint32_t items)
{
	begin(w);
	if (w->format == MR_JSON) {
		put_char(w, '[');
	} else {
		msgpack_packer pk = packer(w);
		msgpack_pack_array(&pk, items);
	}
	open(w, items, false);
}

// ---- text ----

static void
json_text(struct mr_writer *w, struct mr_str s)
{
	// Room for the worst case first, so that nothing below needs to look.
	w->n += mr_escape(grow(w, s.n * 6 + 2), s);
}

static void
text(struct mr_writer *w, struct mr_str s)
{
	if (w->format == MR_JSON) {
		json_text(w, s);
		return;
	}
	msgpack_packer pk = packer(w);
	msgpack_pack_str(&pk, s.n);
	put(w, s.p, s.n);
}

void
mr_write_key(struct mr_writer *w, struct mr_str key)
{
	MR_ASSERT(w->depth > 0 && w->stack[w->depth - 1].map && !w->after_key);
	MR_ASSERT(w->stack[w->depth - 1].left > 0);
	comma(w);
	text(w, key);
	if (w->format == MR_JSON)
		put_char(w, ':');
	w->after_key = true;
}

void
mr_write_name(struct mr_writer *w, struct mr_str key)
{
	if (w->format != MR_JSON) {
		mr_write_key(w, key);
		return;
	}
	MR_ASSERT(w->depth > 0 && w->stack[w->depth - 1].map && !w->after_key);
	MR_ASSERT(w->stack[w->depth - 1].left > 0);
	comma(w);
	char *out = grow(w, key.n + 3);
	*out = '"';
	memcpy(out + 1, key.p, key.n);
	memcpy(out + 1 + key.n, "\":", 2);
	w->n += key.n + 3;
	w->after_key = true;
}

void
mr_write_str(struct mr_writer *w, struct mr_str s)
{
	begin(w);
	text(w, s);
	end(w);
}

void
mr_write_time(struct mr_writer *w, int64_t ms)
{
	char at[25];

	mr_time_format(at, ms);
	if (w->format != MR_JSON) {
		mr_write_str(w, (struct mr_str){at, 24});
		return;
	}
	begin(w);
	char *out = grow(w, 26);
	out[0] = '"';
	memcpy(out + 1, at, 24);
	out[25] = '"';
	w->n += 26;
	end(w);
}

void
mr_write_bin(struct mr_writer *w, struct mr_str s)
{
	begin(w);
	if (w->format == MR_JSON) {
		size_t n = mr_base64_size(s.n);
		put_char(w, '"');
		mr_base64(grow(w, n), s);
		w->n += n;
		put_char(w, '"');
	} else {
		msgpack_packer pk = packer(w);
		msgpack_pack_bin(&pk, s.n);
		put(w, s.p, s.n);
	}
	end(w);
}

// ---- numbers and the rest ----

static void
json_uint(struct mr_writer *w, uint64_t v)
{
	char digits[20];
	int n = 20;

	if (v < 10) {
		put_char(w, (char)('0' + v));
		return;
	}
	do
		digits[--n] = (char)('0' + v % 10);
	while (v /= 10);
	put(w, digits + n, (size_t)(20 - n));
}

void
mr_write_uint(struct mr_writer *w, uint64_t v)
{
	begin(w);
	if (w->format == MR_JSON) {
		json_uint(w, v);
	} else {
		msgpack_packer pk = packer(w);
		msgpack_pack_uint64(&pk, v);
	}
	end(w);
}

void
mr_write_int(struct mr_writer *w, int64_t v)
{
	if (v >= 0) {
		mr_write_uint(w, (uint64_t)v);
		return;
	}
	begin(w);
	if (w->format == MR_JSON) {
		put_char(w, '-');
		json_uint(w, 0 - (uint64_t)v);
	} else {
		msgpack_packer pk = packer(w);
		msgpack_pack_int64(&pk, v);
	}
	end(w);
}

// The msgpack form of an integral number is an integer, as it is in JSON: the two convert without loss.
void
mr_write_num(struct mr_writer *w, double d)
{
	char digits[32];

	MR_ASSERT(d - d == 0);   // finite
	if (d >= -EXACT_MAX && d <= EXACT_MAX && d == (double)(int64_t)d) {
		mr_write_int(w, (int64_t)d);
		return;
	}
	begin(w);
	if (w->format == MR_JSON) {
		put(w, digits, mr_num_format(digits, d));
	} else {
		msgpack_packer pk = packer(w);
		msgpack_pack_double(&pk, d);
	}
	end(w);
}

void
mr_write_bool(struct mr_writer *w, bool b)
{
	begin(w);
	if (w->format == MR_JSON) {
		put(w, b ? "true" : "false", b ? 4 : 5);
	} else {
		msgpack_packer pk = packer(w);
		b ? msgpack_pack_true(&pk) : msgpack_pack_false(&pk);
	}
	end(w);
}

void
mr_write_nil(struct mr_writer *w)
{
	begin(w);
	if (w->format == MR_JSON) {
		put(w, "null", 4);
	} else {
		msgpack_packer pk = packer(w);
		msgpack_pack_nil(&pk);
	}
	end(w);
}

void
mr_write_verbatim(struct mr_writer *w, struct mr_str json)
{
	MR_ASSERT(w->format == MR_JSON);
	MR_ASSERT(json.n > 0);
	begin(w);
	put(w, json.p, json.n);
	end(w);
}

// ---- state ----

// msgpack only: ext 1 is a time, ext 2 a duration.
static void
write_ms(struct mr_writer *w, int8_t kind, int64_t ms)
{
	char body[8];
	uint64_t v = (uint64_t)ms;
	msgpack_packer pk = packer(w);

	for (int i = 7; i >= 0; i--, v >>= 8)
		body[i] = (char)(v & 0xff);
	begin(w);
	msgpack_pack_ext(&pk, 8, kind);
	put(w, body, 8);
	end(w);
}

static void
write_exact(struct mr_writer *w, double d)
{
	if (d != 0) {
		mr_write_num(w, d);
		return;
	}
	// Zero has a sign, which the short form would lose.
	msgpack_packer pk = packer(w);
	begin(w);
	msgpack_pack_double(&pk, d);
	end(w);
}

void
mr_write_state_value(struct mr_writer *w, struct mr_value v)
{
	MR_ASSERT(w->format == MR_MSGPACK);
	MR_ASSERT(v.type != MR_UNKNOWN && v.type != MR_ANY);
	if (v.type == MR_TIME || v.type == MR_DURATION) {
		write_ms(w, v.type == MR_TIME ? 1 : 2, v.ms);
	} else if (v.type == MR_NUMBER) {
		write_exact(w, v.num);
	} else if (v.type == MR_LIST) {
		mr_write_array(w, v.n);
		for (uint32_t i = 0; i < v.n; i++)
			mr_write_state_value(w, v.items[i]);
	} else if (v.type == MR_MAP) {
		mr_write_map(w, v.n);
		for (uint32_t i = 0; i < v.n; i++) {
			mr_write_key(w, v.members[i].key);
			mr_write_state_value(w, v.members[i].value);
		}
	} else {
		mr_write_value(w, v);
	}
}

void
mr_writer_put(struct mr_writer *w, struct mr_str bytes)
{
	MR_ASSERT(w->depth == 0);
	put(w, bytes.p, bytes.n);
}
