// What both decoders fill: values by field number. Inside of stream/event only.
#ifndef MR_EVENT_FIELDS_H
#define MR_EVENT_FIELDS_H

#include "event/decode.h"
#include "expr/schema.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MR_DEPTH_MAX 64        // of plan->depth_max: bounds the recursion of the decoders

struct mr_fields {
	struct mr_value *values;            // plan->schema->n_fields of them, absent at first
	uint32_t at[MR_FIXED_FIELDS];       // byte in the document where a fixed field's value begins
};

// Index of the child that a key leads to, or -1.
static inline int32_t
mr_fields_child(const struct mr_schema_node *node, struct mr_str key)
{
	for (uint32_t i = 0; i < node->n; i++)
		if (mr_str_eq(node->children[i]->key, key))
			return (int32_t)i;
	return -1;
}

// Sets the fields below `node` from a value that was read whole.
void mr_fields_project(struct mr_fields *, const struct mr_schema_node *node, struct mr_value);

// Drops repeated keys of a map's members in place, the first wins; returns how many are left.
uint32_t mr_members_unique(struct mr_member *, uint32_t n, struct mr_arena *);

// Notes an error and returns false.
bool mr_bad(struct mr_decode_error *, enum mr_bad, size_t position, const char *detail);

#ifdef __cplusplus
}
#endif
#endif
