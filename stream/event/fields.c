#include "event/fields.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define LINEAR_MAX 12

bool
mr_bad(struct mr_decode_error *e, enum mr_bad reason, size_t position, const char *detail)
{
	size_t n = strnlen(detail, sizeof(e->detail) - 1);

	MR_ASSERT(reason != MR_GOOD);
	e->reason = reason;
	e->position = position;
	memcpy(e->detail, detail, n);
	e->detail[n] = 0;
	return false;
}

static const struct mr_value *
member(struct mr_value map, struct mr_str key)
{
	for (uint32_t i = 0; map.type == MR_MAP && i < map.n; i++)
		if (mr_str_eq(map.members[i].key, key))
			return &map.members[i].value;
	return NULL;
}

const struct mr_tree_slot mr_tree_empty[2];

static void
slots_fill(struct mr_tree *tree, const struct mr_schema_node *node, struct mr_arena *arena)
{
	uint32_t bits = 2;

	tree->slots = mr_tree_empty;
	tree->shift = 63;
	tree->mask = 1;
	if (node->n == 0)
		return;
	while ((UINT64_C(1) << bits) < (uint64_t)node->n * 4)
		bits++;
	struct mr_tree_slot *slots = mr_arena_alloc(arena, sizeof(*slots) << bits);
	tree->slots = slots;
	tree->shift = 64 - bits;
	tree->mask = (1u << bits) - 1;
	for (uint32_t k = 0; k < node->n; k++) {
		struct mr_str key = mr_arena_copy(arena, node->children[k]->key);
		uint64_t first = mr_key_first(key, key.p + key.n);
		uint32_t i = mr_tree_slot(tree, first, key.n);
		while (slots[i].child)
			i = (i + 1) & tree->mask;
		uint64_t last = key.n < 8 ? first : mr_word(key.p + key.n - 8);
		slots[i] = (struct mr_tree_slot){first, last, &tree->children[k], key};
	}
}

// Recursion follows the schema's paths, which are as deep as the configuration's text made them.
static void
tree_fill(struct mr_tree *tree, const struct mr_schema_node *node, struct mr_arena *arena, uint32_t *nodes)
{
	struct mr_tree *children = mr_arena_alloc(arena, node->n * sizeof(*children));

	tree->field = node->field;
	tree->note = node->field >= 0 && node->field < MR_FIXED_FIELDS ? (uint32_t)node->field : MR_FIXED_FIELDS;
	tree->number = (*nodes)++;
	tree->n = node->n;
	tree->children = children;
	for (uint32_t i = 0; i < node->n; i++)
		tree_fill(&children[i], node->children[i], arena, nodes);
	slots_fill(tree, node, arena);
}

const struct mr_tree *
mr_tree_new(const struct mr_schema *schema, struct mr_arena *arena, uint32_t *nodes)
{
	struct mr_tree *root = mr_arena_alloc(arena, sizeof(*root));

	MR_ASSERT(schema->frozen);
	*nodes = 0;
	tree_fill(root, &schema->root, arena, nodes);
	return root;
}

// Recursion stops where the value's nesting does.
void
mr_fields_project(struct mr_fields *out, const struct mr_tree *tree, struct mr_value v)
{
	for (uint32_t i = 0; i <= tree->mask; i++) {
		const struct mr_tree *child = tree->slots[i].child;
		const struct mr_value *found = child ? member(v, tree->slots[i].key) : NULL;
		if (found == NULL)
			continue;
		if (child->field >= 0)
			out->values[child->field] = *found;
		mr_fields_project(out, child, *found);
	}
}

static bool
seen_before(const struct mr_member *m, uint32_t n, struct mr_str key)
{
	for (uint32_t i = 0; i < n; i++)
		if (mr_str_eq(m[i].key, key))
			return true;
	return false;
}

// Open addressing over numbers of members; at most half of the slots are used.
static bool
insert(uint32_t *slots, uint32_t mask, const struct mr_member *m, uint32_t number, struct mr_str key)
{
	uint32_t i = (uint32_t)XXH3_64bits(key.n ? key.p : "", key.n) & mask;

	for (; slots[i]; i = (i + 1) & mask)
		if (mr_str_eq(m[slots[i] - 1].key, key))
			return false;
	slots[i] = number + 1;
	return true;
}

uint32_t
mr_members_unique(struct mr_member *m, uint32_t n, struct mr_arena *arena)
{
	uint32_t kept = 0, mask = 31;
	uint32_t *slots = NULL;

	if (n > LINEAR_MAX) {
		while (mask < n * 2)
			mask = mask * 2 + 1;
		slots = mr_arena_alloc(arena, ((size_t)mask + 1) * sizeof(*slots));
	}
	for (uint32_t i = 0; i < n; i++) {
		if (slots ? !insert(slots, mask, m, kept, m[i].key) : seen_before(m, kept, m[i].key))
			continue;
		if (kept != i)
			m[kept] = m[i];
		kept++;
	}
	return kept;
}
