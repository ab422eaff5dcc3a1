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

static void
tree_fill(struct mr_tree *tree, const struct mr_schema_node *node, struct mr_arena *arena)
{
	struct mr_tree *children = mr_arena_alloc(arena, node->n * sizeof(*children));
	struct mr_tree_key *keys = mr_arena_alloc(arena, node->n * sizeof(*keys));
	uint32_t n = 0;

	for (uint32_t length = 0; length < 64; length++) {
		tree->from[length] = n;
		for (uint32_t i = 0; i < node->n; i++) {
			struct mr_str key = node->children[i]->key;
			if ((key.n & 63) != length)
				continue;
			keys[n].key = mr_arena_copy(arena, key);   // arenas hand out multiples of 16, zeros behind
			keys[n].first = key.n ? mr_key_word(keys[n].key.p, key.n) : 0;
			tree_fill(&children[n++], node->children[i], arena);
		}
	}
	MR_ASSERT(n == node->n);
	tree->from[64] = n;
	tree->field = node->field;
	tree->n = n;
	tree->keys = keys;
	tree->children = children;
}

// Recursion follows the schema's paths, which are as deep as the configuration's text made them.
const struct mr_tree *
mr_tree_new(const struct mr_schema *schema, struct mr_arena *arena)
{
	struct mr_tree *root = mr_arena_alloc(arena, sizeof(*root));

	MR_ASSERT(schema->frozen);
	tree_fill(root, &schema->root, arena);
	return root;
}

// Recursion stops where the value's nesting does.
void
mr_fields_project(struct mr_fields *out, const struct mr_tree *tree, struct mr_value v)
{
	for (uint32_t i = 0; i < tree->n; i++) {
		const struct mr_value *found = member(v, tree->keys[i].key);
		if (found == NULL)
			continue;
		if (tree->children[i].field >= 0)
			out->values[tree->children[i].field] = *found;
		mr_fields_project(out, &tree->children[i], *found);
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
