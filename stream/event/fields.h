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

// A key in a form that is quick to compare.
struct mr_tree_key {
	uint64_t first;              // its first eight bytes, or all of them and zeros
	struct mr_str key;           // with room to read 7 bytes more
};

// The schema's tree in a form that is quick to search. Immutable; one for both decoders.
struct mr_tree {
	int32_t field;               // number of the value that ends here, or -1
	uint32_t n;
	const struct mr_tree_key *keys;   // n of them, ordered by (length & 63)
	const struct mr_tree *children;
	uint32_t from[65];           // keys of length & 63 == l are from[l] up to from[l + 1]
};

const struct mr_tree *mr_tree_new(const struct mr_schema *, struct mr_arena *);

// The eight bytes at p, of which only `left` count where these are fewer; little-endian on every machine.
static inline uint64_t
mr_key_word(const char *p, size_t left)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return left < 8 ? v & ((UINT64_C(1) << left * 8) - 1) : v;
}

// Index of the child that a key leads to, or -1. The key lies in a document with MR_PADDING bytes
// behind, or in an arena.
static inline int32_t
mr_tree_child(const struct mr_tree *tree, struct mr_str key)
{
	uint32_t end = tree->from[(key.n & 63) + 1];
	uint64_t first = mr_key_word(key.p, key.n);

	for (uint32_t i = tree->from[key.n & 63]; i < end; i++) {
		const struct mr_tree_key *k = &tree->keys[i];
		if (k->first != first || k->key.n != key.n)
			continue;
		size_t at = 8;
		while (at < key.n && mr_key_word(k->key.p + at, key.n - at) == mr_key_word(key.p + at, key.n - at))
			at += 8;
		if (at >= key.n)
			return (int32_t)i;
	}
	return -1;
}

// Sets the fields below `tree` from a value that was read whole.
void mr_fields_project(struct mr_fields *, const struct mr_tree *tree, struct mr_value);

// Drops repeated keys of a map's members in place, the first wins; returns how many are left.
uint32_t mr_members_unique(struct mr_member *, uint32_t n, struct mr_arena *);

// Notes an error and returns false.
bool mr_bad(struct mr_decode_error *, enum mr_bad, size_t position, const char *detail);

#endif
