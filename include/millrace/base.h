// Base types shared by every public header: strings, values, memory, asserts.
#ifndef MILLRACE_BASE_H
#define MILLRACE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

// An assert that stays on in production: states an invariant whose failure is a bug of ours,
// never of the input. Prints file, line and condition, then aborts.
#define MR_ASSERT(cond) ((cond) ? (void)0 : mr_assert_fail(#cond, __FILE__, __LINE__))
void mr_assert_fail(const char *cond, const char *file, int line) __attribute__((noreturn));

#define MR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

// Bytes that somebody else owns. `p` may be NULL when `n` is 0. Not NUL-terminated.
struct mr_str {
	const char *p;
	size_t n;
};

#define MR_LIT(s) ((struct mr_str){(s), sizeof(s) - 1})

static inline struct mr_str
mr_str_of(const char *cstr)
{
	return (struct mr_str){cstr, cstr ? strlen(cstr) : 0};
}

static inline bool
mr_str_eq(struct mr_str a, struct mr_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

// Bytewise order, shorter first on a common prefix: the one order of users and names everywhere.
static inline int
mr_str_cmp(struct mr_str a, struct mr_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

// A value of the rule language. Missing, null and absent are one: MR_ABSENT.
enum mr_type {
	MR_ABSENT,
	MR_BOOL,
	MR_NUMBER,    // finite IEEE double
	MR_STRING,    // UTF-8
	MR_TIME,      // ms since 1970-01-01T00:00:00Z
	MR_DURATION,  // ms
	MR_LIST,
	MR_MAP,
	MR_UNKNOWN,   // result of comparing or computing with something absent (never stored, never decoded)
	MR_ANY,       // only in type declarations: not known before run time
};

struct mr_value {
	uint8_t type;  // enum mr_type
	uint32_t n;    // bytes of a string, items of a list, members of a map
	union {
		bool b;
		double num;
		int64_t ms;
		const char *str;
		const struct mr_value *items;
		const struct mr_member *members;  // in document order; a repeated key: the first wins
	};
};

struct mr_member {
	struct mr_str key;
	struct mr_value value;
};

static inline struct mr_value mr_absent(void) { return (struct mr_value){.type = MR_ABSENT}; }
static inline struct mr_value mr_bool(bool b) { return (struct mr_value){.type = MR_BOOL, .b = b}; }
static inline struct mr_value mr_num(double d) { return (struct mr_value){.type = MR_NUMBER, .num = d}; }
static inline struct mr_value mr_time(int64_t ms) { return (struct mr_value){.type = MR_TIME, .ms = ms}; }
static inline struct mr_value mr_duration(int64_t ms) { return (struct mr_value){.type = MR_DURATION, .ms = ms}; }
static inline struct mr_value
mr_string(struct mr_str s)
{
	return (struct mr_value){.type = MR_STRING, .n = (uint32_t)s.n, .str = s.p};
}

static inline struct mr_str
mr_value_str(struct mr_value v)
{
	return v.type == MR_STRING ? (struct mr_str){v.str, v.n} : (struct mr_str){0};
}

// Scratch memory that lives until its owner resets it. Never returns NULL: a bound that is
// reached sets the sticky overflow flag and hands out a red zone of its own.
// Thread: the owner's. See stream/core/arena.h for making one.
struct mr_arena;
void *mr_arena_alloc(struct mr_arena *, size_t size);  // zeroed, 16-byte aligned
struct mr_str mr_arena_copy(struct mr_arena *, struct mr_str);

// Memory of one user's record, counted against the cache's bound.
struct mr_mem {
	size_t bytes;
};
// Grows or shrinks a block (new_size 0 frees it and returns NULL; old may be NULL with old_size 0).
// New bytes are zero. Out of memory ends the process (jemalloc's answer is final; the bound on
// users is what keeps us from there).
void *mr_mem_resize(struct mr_mem *, void *old, size_t old_size, size_t new_size);

// 128-bit id over parts, each preceded by its length as u32 little-endian (XXH3-128, seed 0),
// as 32 lower-case hex digits. `out` holds 33 bytes.
void mr_id(char out[33], const struct mr_str *parts, size_t n);
// Its first 16 digits, as a number.
uint64_t mr_id_head(const struct mr_str *parts, size_t n);

#ifdef __cplusplus
}
#endif
#endif
