// The condition language: a subset of CEL, compiled to a compact program over numbered fields.
#ifndef MR_EXPR_EXPR_H
#define MR_EXPR_EXPR_H

#include <millrace/setup.h>

struct mr_zones;

// Where a name leads: `consumed` of the chain's parts (a.b.c) name the reference, the rest are
// member accesses at run time.
struct mr_ref {
	int space;              // MR_SPACE_*, or MR_SPACE_USER
	uint32_t number;
	enum mr_type type;      // MR_ANY where not known before run time
	size_t consumed;
};
#define MR_SPACE_USER (-1)  // read through mr_env.user

struct mr_resolver {
	// False: unknown name; then *why (arena or literal) may say what would be right.
	bool (*resolve)(void *arg, const struct mr_str *parts, size_t n, struct mr_ref *, const char **why);
	void *arg;
};

struct mr_expr_error {
	size_t byte;            // in the text
	char text[256];
};

// Compiles `text`. NULL with *error set where it is wrong. Bounds: 4 KiB of text, depth 32, 512 nodes.
struct mr_expr *mr_expr_compile(struct mr_str text, const struct mr_resolver *, enum mr_type want, struct mr_expr_error *);
void mr_expr_free(struct mr_expr *);

struct mr_env {
	int64_t now_ms;
	const struct mr_value *spaces[MR_SPACE_MAX];
	uint32_t sizes[MR_SPACE_MAX];
	struct mr_value (*user)(void *arg, uint32_t number);
	void *user_arg;
	const struct mr_zones *zones;
	int32_t (*zone)(void *arg);        // of the user, asked only where an expression needs it
	struct mr_arena *arena;
	// An evaluation takes the length of its program at once, a macro's body again for each item,
	// work on long text and lists a step for each 32 bytes or item. What can't be paid sets it to 0,
	// and so does an arena at its bound: then the result is MR_UNKNOWN and spent is set.
	uint32_t cost_left;
	bool spent;             // of the last evaluation
};

struct mr_value mr_expr_eval(const struct mr_expr *, struct mr_env *);

// Text of a value as `run.key` uses it (numbers in shortest form, times as RFC 3339);
// empty for lists and maps.
struct mr_str mr_value_text(struct mr_value, struct mr_arena *);

#endif
