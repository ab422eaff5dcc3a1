// What both decoders fill: values by field number. Inside of stream/event only.
#ifndef MR_EVENT_FIELDS_H
#define MR_EVENT_FIELDS_H

#include "event/decode.h"
#include "event/word.h"
#include "expr/schema.h"

#define MR_DEPTH_MAX 64        // of plan->depth_max: bounds the recursion of the decoders

struct mr_fields {
	struct mr_value *values;            // plan->schema->n_fields of them and one more, absent at first
	uint32_t at[MR_FIXED_FIELDS + 1];   // byte in the document where a fixed field's value begins; last: any other's
};

// Where a key may be found: what it has to be, in a form that is quick to compare.
struct mr_tree_slot {
	uint64_t first, last;        // its first and its last eight bytes; where it has fewer, all of them and zeros
	const struct mr_tree *child; // NULL: no key is here
	struct mr_str key;
};

// The schema's tree in a form that is quick to search. Immutable; one for both decoders.
struct mr_tree {
	int32_t field;               // number of the value that ends here, or -1
	uint32_t note;               // where in mr_fields.at its position goes
	uint32_t number;             // among all nodes
	uint32_t n;
	const struct mr_tree *children;
	const struct mr_tree_slot *slots;   // open addressing, at least half of them empty
	uint32_t shift, mask;
};

// Its slots, where a node has no children.
extern const struct mr_tree_slot mr_tree_empty[2];

// *nodes is how many there are, the root too.
const struct mr_tree *mr_tree_new(const struct mr_schema *, struct mr_arena *, uint32_t *nodes);

// A key's first eight bytes, or all of them and zeros. Nothing at or behind `end` is read.
static inline uint64_t
mr_key_first(struct mr_str key, const char *end)
{
	static const uint64_t masks[] = {0, 0xff, 0xffff, 0xffffff, 0xffffffff, 0xffffffffff, 0xffffffffffff,
		0xffffffffffffff, UINT64_MAX};
	char few[8] = {0};

	if (end - key.p >= 8)
		return mr_word(key.p) & masks[key.n < 8 ? key.n : 8];
	MR_ASSERT(key.n < 8);
	for (size_t i = 0; i < key.n; i++)
		few[i] = key.p[i];
	return mr_word(few);
}

static inline uint32_t
mr_tree_slot(const struct mr_tree *tree, uint64_t first, size_t n)
{
	return (uint32_t)(((first + n) * UINT64_C(0x9e3779b97f4a7c15)) >> tree->shift);
}

// The child that a key leads to, or NULL. The key lies before `end`.
static inline const struct mr_tree *
mr_tree_child(const struct mr_tree *tree, struct mr_str key, const char *end)
{
	uint64_t first = mr_key_first(key, end);

	for (uint32_t i = mr_tree_slot(tree, first, key.n);; i = (i + 1) & tree->mask) {
		const struct mr_tree_slot *s = &tree->slots[i];
		if (s->child == NULL)
			return NULL;
		if (s->first != first || s->key.n != key.n)
			continue;
		if (key.n <= 8 || (s->last == mr_word(key.p + key.n - 8) &&
		    (key.n <= 16 || memcmp(s->key.p + 8, key.p + 8, key.n - 16) == 0)))
			return s->child;
	}
}

// Sets the fields below `tree` from a value that was read whole.
void mr_fields_project(struct mr_fields *, const struct mr_tree *tree, struct mr_value);

// Drops repeated keys of a map's members in place, the first wins; returns how many are left.
uint32_t mr_members_unique(struct mr_member *, uint32_t n, struct mr_arena *);

// Notes an error and returns false.
bool mr_bad(struct mr_decode_error *, enum mr_bad, size_t position, const char *detail);

#endif
