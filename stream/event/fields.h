// What both decoders fill: values by field number. Inside of stream/event only.
#ifndef MR_EVENT_FIELDS_H
#define MR_EVENT_FIELDS_H

#include "event/decode.h"
#include "expr/schema.h"

#define MR_DEPTH_MAX 64        // of plan->depth_max: bounds the recursion of the decoders

struct mr_fields {
	struct mr_value *values;            // plan->schema->n_fields of them, absent at first
	uint32_t at[MR_FIXED_FIELDS];       // byte in the document where a fixed field's value begins
};

// The schema's tree in a form that is quick to search. Immutable; one for both decoders.
struct mr_tree {
	int32_t field;               // number of the value that ends here, or -1
	uint32_t n;
	const struct mr_str *keys;   // n of them, ordered by (length & 63); each has room to read 7 bytes more
	const struct mr_tree *children;
	uint32_t from[65];           // keys of length & 63 == l are from[l] up to from[l + 1]
};

const struct mr_tree *mr_tree_new(const struct mr_schema *, struct mr_arena *);

// Eight bytes at once: both sides must be readable up to the next multiple of eight. Little-endian
// machines keep the first bytes low; elsewhere memcmp does.
static inline bool
mr_key_eq(const char *a, const char *b, size_t n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	for (size_t i = 0; i < n; i += 8) {
		uint64_t x, y;
		memcpy(&x, a + i, sizeof(x));
		memcpy(&y, b + i, sizeof(y));
		x ^= y;
		if (n - i < 8)
			x <<= (8 - (n - i)) * 8;
		if (x)
			return false;
	}
	return true;
#else
	return n == 0 || memcmp(a, b, n) == 0;
#endif
}

// Index of the child that a key leads to, or -1. The key lies in a document with MR_PADDING bytes
// behind, or in an arena.
static inline int32_t
mr_tree_child(const struct mr_tree *tree, struct mr_str key)
{
	uint32_t end = tree->from[(key.n & 63) + 1];

	for (uint32_t i = tree->from[key.n & 63]; i < end; i++)
		if (tree->keys[i].n == key.n && mr_key_eq(tree->keys[i].p, key.p, key.n))
			return (int32_t)i;
	return -1;
}

// Sets the fields below `tree` from a value that was read whole.
void mr_fields_project(struct mr_fields *, const struct mr_tree *tree, struct mr_value);

// Drops repeated keys of a map's members in place, the first wins; returns how many are left.
uint32_t mr_members_unique(struct mr_member *, uint32_t n, struct mr_arena *);

// Notes an error and returns false.
bool mr_bad(struct mr_decode_error *, enum mr_bad, size_t position, const char *detail);

#endif
