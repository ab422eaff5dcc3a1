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
	uint64_t lengths;            // bit (length & 63) of each key
	const struct mr_str *keys;   // n of them
	const struct mr_tree *children;
};

const struct mr_tree *mr_tree_new(const struct mr_schema *, struct mr_arena *);

// Index of the child that a key leads to, or -1.
static inline int32_t
mr_tree_child(const struct mr_tree *tree, struct mr_str key)
{
	if (!(tree->lengths >> (key.n & 63) & 1))
		return -1;
	for (uint32_t i = 0; i < tree->n; i++)
		if (tree->keys[i].n == key.n && (key.n == 0 || memcmp(tree->keys[i].p, key.p, key.n) == 0))
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
