// The compiled form: instructions for a stack machine, and the values they work with.
// Internal to stream/expr.
#ifndef MR_EXPR_PROGRAM_H
#define MR_EXPR_PROGRAM_H

#include "expr/expr.h"

enum mr_op {
	OP_CONST,     // push consts[c]
	OP_LOAD,      // push spaces[a][c]
	OP_USER,      // push user(c)
	OP_NOW,
	OP_LOCAL,     // push stack[b]
	OP_MEMBER,    // top = top.(consts[c])
	OP_INDEX,     // pop key; top = top[key]
	OP_HAS,
	OP_NOT, OP_NEG,
	// Binary: pop the right one, top = top op right. In this order.
	OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_IN,
	OP_AND_TEST,  // top false: go to c
	OP_AND,       // pop; top = top && it
	OP_OR_TEST, OP_OR,
	OP_BRANCH,    // pop: true goes on, false goes to c, else push unknown and go to b
	OP_JUMP,      // to c
	OP_LIST,      // pop c items, push the list
	OP_MAP,       // pop c keys and values in turns, push the map
	OP_CALL,      // function a of b arguments
	OP_MATCHES,   // top = top matches regexes[c]
	// A macro owns four places of the stack: what it runs over, the index, the result, the item.
	OP_EACH,      // top is what it runs over: make the other three; macro a; go to c where it can't run
	OP_NEXT,      // item = next one; go to c after the last
	OP_STEP,      // pop what the body gave; macro a; go to c, or on where the result is settled
	OP_DONE,      // leave the result only
	OP_WANT,      // top is not of type a: unknown (an absent value stays absent unless a is MR_BOOL)
	OP_END,
};

enum function {
	F_SIZE, F_STARTS_WITH, F_ENDS_WITH, F_CONTAINS, F_MATCHES,
	F_TIMESTAMP, F_DURATION, F_AT_LOCAL, F_LOCAL_HOUR, F_MONEY,
	F_HAS,
	F_EXISTS, F_ALL, F_FILTER, F_MAP,   // macros
};

struct insn {
	uint8_t op, a;
	uint16_t b;
	uint32_t c;
};

// One block of memory holds all but the regular expressions themselves.
struct mr_expr {
	uint8_t type;               // enum mr_type
	uint16_t stack;             // places needed
	uint32_t n_insns, n_consts, n_regexes;
	const struct insn *insns;
	const struct mr_value *consts;
	void **regexes;             // pcre2_code
};

// Runs from an instruction to the next OP_END.
struct mr_value expr_run(const struct mr_expr *, struct mr_env *, uint32_t at);

// Functions and operators over values. All may give MR_UNKNOWN, all take what they cost.
struct mr_value expr_binary(struct mr_env *, enum mr_op, struct mr_value, struct mr_value);
struct mr_value expr_in(struct mr_env *, struct mr_value item, struct mr_value where);
struct mr_value expr_member(struct mr_value, struct mr_str key);
struct mr_value expr_index(struct mr_value, struct mr_value key);
struct mr_value expr_call(struct mr_env *, enum function, const struct mr_value *args);

// Regular expressions of RE2's syntax: linear in what they accept, no look-around, no back references.
// NULL with *why and *at (byte in the pattern) where it is none.
void *expr_regex_new(struct mr_str pattern, const char **why, size_t *at);
void expr_regex_free(void *);
struct mr_value expr_regex_match(struct mr_env *, const void *regex, struct mr_value text);

// False where the budget is spent: the evaluation ends as unknown.
static inline bool
expr_charge(struct mr_env *env, size_t steps)
{
	if (steps > env->cost_left) {
		env->cost_left = 0;
		env->spent = true;
		return false;
	}
	env->cost_left -= (uint32_t)steps;
	return true;
}

// Memory of the evaluation; NULL where the arena is at its bound (its red zone must not be kept).
void *expr_alloc(struct mr_env *, size_t);

static inline struct mr_value
expr_unknown(void)
{
	return (struct mr_value){.type = MR_UNKNOWN};
}

// Within the years 1 to 9999, and within 2^63 ns: what CEL allows.
struct mr_value expr_time_in_range(int64_t ms);
struct mr_value expr_duration_in_range(int64_t ms);
bool expr_duration_parse(struct mr_str, int64_t *ms);   // "1d", "1h30m", "-1.5s"
bool expr_clock_parse(struct mr_str, int32_t *minutes); // "HH:MM"

#endif
