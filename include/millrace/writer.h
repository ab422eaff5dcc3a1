// One writer for both encodings (JSON and msgpack), and a reader for operators' state.
// Deterministic: numbers are written in the shortest form that reads back the same.
#ifndef MILLRACE_WRITER_H
#define MILLRACE_WRITER_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum mr_format { MR_JSON, MR_MSGPACK };

#define MR_WRITER_DEPTH 40

// Appends to a growing buffer that the writer owns (mr_writer_free). Reuse with mr_writer_reset:
// steady state allocates nothing. Maps and arrays announce their size; the writer knows when one
// is full, so there is no end call. A map of n takes n times (key, value).
// In a map, mr_write_key must precede each value. Misuse is an assert.
struct mr_writer {
	enum mr_format format;
	char *p;
	size_t n, cap;
	struct { uint32_t left; bool map; bool first; } stack[MR_WRITER_DEPTH];
	int depth;
	bool after_key;
};

void mr_writer_init(struct mr_writer *, enum mr_format);
void mr_writer_reset(struct mr_writer *);
void mr_writer_free(struct mr_writer *);
static inline struct mr_str mr_writer_str(const struct mr_writer *w) { return (struct mr_str){w->p, w->n}; }

void mr_write_map(struct mr_writer *, uint32_t members);
void mr_write_array(struct mr_writer *, uint32_t items);
void mr_write_key(struct mr_writer *, struct mr_str);
void mr_write_name(struct mr_writer *, struct mr_str);   // a key in which nothing is to be escaped: a literal of ours
void mr_write_str(struct mr_writer *, struct mr_str);
void mr_write_num(struct mr_writer *, double);     // finite; integral values print without a point
void mr_write_int(struct mr_writer *, int64_t);
void mr_write_uint(struct mr_writer *, uint64_t);
void mr_write_bool(struct mr_writer *, bool);
void mr_write_nil(struct mr_writer *);             // state only: messages leave a field out
void mr_write_bin(struct mr_writer *, struct mr_str);   // msgpack bin; JSON: base64 text
void mr_write_time(struct mr_writer *, int64_t ms);  // "2026-03-01T10:00:00.000Z" in both encodings
// Bytes between items (a line's end). Only outside of maps and arrays.
void mr_writer_put(struct mr_writer *, struct mr_str bytes);
// Any value of the language. Time as text, duration as integer ms, absent members of a map are left out;
// an absent list item is nil.
void mr_write_value(struct mr_writer *, struct mr_value);

// Key-and-value shorthands with a literal key.
#define MR_W_STR(w, k, s) (mr_write_name((w), MR_LIT(k)), mr_write_str((w), (s)))
#define MR_W_NUM(w, k, v) (mr_write_name((w), MR_LIT(k)), mr_write_num((w), (v)))
#define MR_W_INT(w, k, v) (mr_write_name((w), MR_LIT(k)), mr_write_int((w), (v)))
#define MR_W_BOOL(w, k, v) (mr_write_name((w), MR_LIT(k)), mr_write_bool((w), (v)))
#define MR_W_TIME(w, k, v) (mr_write_name((w), MR_LIT(k)), mr_write_time((w), (v)))

// Reads msgpack in place, one item after another. An error is sticky: after it every read gives
// zero or empty, and mr_reader_ok is false, so that a decoder checks once, at its end.
struct mr_reader {
	const char *p, *end;
	bool failed;
};

static inline struct mr_reader mr_reader_of(struct mr_str s) { return (struct mr_reader){s.p, s.p + s.n, false}; }
static inline bool mr_reader_ok(const struct mr_reader *r) { return !r->failed; }
static inline bool mr_reader_done(const struct mr_reader *r) { return r->failed || r->p == r->end; }
void mr_reader_fail(struct mr_reader *);

enum mr_type mr_read_peek(const struct mr_reader *);   // MR_ABSENT for nil, MR_UNKNOWN at the end or for ext
uint32_t mr_read_map(struct mr_reader *);              // number of members
uint32_t mr_read_array(struct mr_reader *);            // number of items; never more than bytes left
struct mr_str mr_read_str(struct mr_reader *);         // str or bin; points into the input
int64_t mr_read_int(struct mr_reader *);
uint64_t mr_read_uint(struct mr_reader *);
double mr_read_num(struct mr_reader *);                // float or integer
bool mr_read_bool(struct mr_reader *);
void mr_read_skip(struct mr_reader *);                 // one whole item; no recursion
// State form of a value, loss-free for every mr_type but MR_UNKNOWN: time is [0, ms] and duration
// [1, ms] as msgpack ext types 1 and 2 (8 bytes big-endian).
void mr_write_state_value(struct mr_writer *, struct mr_value);
struct mr_value mr_read_state_value(struct mr_reader *, struct mr_arena *);  // strings point into the input

#ifdef __cplusplus
}
#endif
#endif
