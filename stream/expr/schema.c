#include "expr/schema.h"

#include "core/arena.h"

#define XXH_INLINE_ALL // names are short: a call would cost as much as the hash
#include <xxhash.h>

#define LINEAR_MAX 8

struct slot {
	uint32_t tag;            // high half of the hash
	int32_t name;            // -1: free
};

struct name_index {
	uint32_t mask;
	struct slot slots[];
};

// The public part comes first, so that a pointer to it is a pointer to the whole.
struct schema {
	struct mr_schema pub;
	struct mr_arena *arena;
	uint32_t fields_max, names_max;
};

// Children are ordered by length, then bytes: nothing but a fixed order is needed.
static int
key_cmp(struct mr_str a, struct mr_str b)
{
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return a.n ? memcmp(a.p, b.p, a.n) : 0;
}

// First child not below `key`.
static uint32_t
lower_bound(const struct mr_schema_node *node, struct mr_str key)
{
	uint32_t from = 0, to = node->n;

	while (from < to) {
		uint32_t mid = from + (to - from) / 2;
		if (key_cmp(node->children[mid]->key, key) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static inline uint64_t
bit_of(struct mr_str key)
{
	unsigned char first = key.n ? (unsigned char)key.p[0] : 0, last = key.n ? (unsigned char)key.p[key.n - 1] : 0;

	return UINT64_C(1) << ((first * 5u + last * 3u + key.n) % 64);
}

const struct mr_schema_node *
mr_schema_child(const struct mr_schema_node *node, struct mr_str key)
{
	if (!(node->some & bit_of(key)))
		return NULL;
	if (node->n <= LINEAR_MAX) {
		for (uint32_t i = 0; i < node->n; i++)
			if (mr_str_eq(node->children[i]->key, key))
				return node->children[i];
		return NULL;
	}
	uint32_t i = lower_bound(node, key);
	return i < node->n && mr_str_eq(node->children[i]->key, key) ? node->children[i] : NULL;
}

static void *
grown(struct schema *s, const void *old, uint32_t n, size_t size)
{
	void *new = mr_arena_alloc(s->arena, (n ? (size_t)n * 2 : 4) * size);

	if (n)
		memcpy(new, old, n * size);
	return new;
}

// An array of a node's children holds a power of two from 4 on, so it is full just there.
static bool
is_full(uint32_t n)
{
	return n == 0 || (n >= 4 && (n & (n - 1)) == 0);
}

static struct mr_schema_node *
child_of(struct schema *s, struct mr_schema_node *parent, struct mr_str key)
{
	uint32_t at = lower_bound(parent, key);

	if (at < parent->n && mr_str_eq(parent->children[at]->key, key))
		return parent->children[at];
	if (is_full(parent->n))
		parent->children = grown(s, parent->children, parent->n, sizeof(*parent->children));
	struct mr_schema_node *child = mr_arena_alloc(s->arena, sizeof(*child));
	*child = (struct mr_schema_node){.key = mr_arena_copy(s->arena, key), .field = -1, .parent = parent};
	memmove(parent->children + at + 1, parent->children + at, (parent->n - at) * sizeof(*parent->children));
	parent->children[at] = child;
	parent->n++;
	parent->some |= bit_of(key);
	return child;
}

static struct name_index *
index_new(struct schema *s, uint32_t slots)
{
	struct name_index *x = mr_arena_alloc(s->arena, sizeof(*x) + slots * sizeof(*x->slots));

	MR_ASSERT((slots & (slots - 1)) == 0);
	x->mask = slots - 1;
	for (uint32_t i = 0; i < slots; i++)
		x->slots[i].name = -1;
	return x;
}

// The slot of a name, or the free one where it would go. A free one exists: at most half are used.
static struct slot *
index_slot(const struct mr_schema *s, struct mr_str name, uint64_t hash)
{
	struct name_index *x = s->name_index;
	uint32_t tag = (uint32_t)(hash >> 32);

	for (uint32_t i = (uint32_t)hash & x->mask;; i = (i + 1) & x->mask) {
		struct slot *slot = &x->slots[i];
		if (slot->name < 0 || (slot->tag == tag && mr_str_eq(s->names[slot->name], name)))
			return slot;
	}
}

static uint64_t
name_hash(struct mr_str name)
{
	return XXH3_64bits(name.n ? name.p : "", name.n);
}

static void
index_grow(struct schema *s)
{
	struct name_index *old = s->pub.name_index;

	s->pub.name_index = index_new(s, (old->mask + 1) * 2);
	for (uint32_t i = 0; i < s->pub.n_names; i++) {
		uint64_t hash = name_hash(s->pub.names[i]);
		struct slot *slot = index_slot(&s->pub, s->pub.names[i], hash);
		*slot = (struct slot){(uint32_t)(hash >> 32), (int32_t)i};
	}
}

struct mr_schema *
mr_schema_new(void)
{
	static const char *const fixed[MR_FIXED_FIELDS] = {"time", "event", "type", "messageId", "userId",
	    "anonymousId", "name", "timestamp", "originalTimestamp", "sentAt", "receivedAt"};
	struct mr_arena *arena = mr_arena_new(SIZE_MAX / 2);
	struct schema *s = mr_arena_alloc(arena, sizeof(*s));

	s->arena = arena;
	s->pub.root.field = -1;
	s->pub.name_index = index_new(s, 16);
	for (uint32_t i = 0; i < MR_FIXED_FIELDS; i++) {
		uint32_t number = mr_schema_field(&s->pub, mr_str_of(fixed[i]));
		MR_ASSERT(number == i);
	}
	return &s->pub;
}

void
mr_schema_free(struct mr_schema *schema)
{
	if (schema)
		mr_arena_free(((struct schema *)schema)->arena);
}

uint32_t
mr_schema_field(struct mr_schema *schema, struct mr_str path)
{
	struct schema *s = (struct schema *)schema;
	struct mr_schema_node *node = &schema->root;

	MR_ASSERT(!schema->frozen);
	MR_ASSERT(path.n > 0);
	for (size_t from = 0; from <= path.n;) {
		const char *dot = memchr(path.p + from, '.', path.n - from);
		size_t to = dot ? (size_t)(dot - path.p) : path.n;
		node = child_of(s, node, (struct mr_str){path.p + from, to - from});
		from = to + 1;
	}
	if (node->field >= 0)
		return (uint32_t)node->field;
	if (schema->n_fields == s->fields_max) {
		schema->paths = grown(s, schema->paths, s->fields_max, sizeof(*schema->paths));
		s->fields_max = s->fields_max ? s->fields_max * 2 : 4;
	}
	schema->paths[schema->n_fields] = mr_arena_copy(s->arena, path);
	node->field = (int32_t)schema->n_fields++;
	return (uint32_t)node->field;
}

int32_t
mr_schema_name(struct mr_schema *schema, struct mr_str name)
{
	struct schema *s = (struct schema *)schema;
	uint64_t hash = name_hash(name);
	struct slot *slot = index_slot(schema, name, hash);

	MR_ASSERT(!schema->frozen);
	if (slot->name >= 0)
		return slot->name;
	if (schema->n_names == s->names_max) {
		schema->names = grown(s, schema->names, s->names_max, sizeof(*schema->names));
		s->names_max = s->names_max ? s->names_max * 2 : 4;
	}
	int32_t number = (int32_t)schema->n_names++;
	schema->names[number] = mr_arena_copy(s->arena, name);
	*slot = (struct slot){(uint32_t)(hash >> 32), number};
	if (schema->n_names * 2 > ((struct name_index *)schema->name_index)->mask)
		index_grow(s);
	return number;
}

void
mr_schema_freeze(struct mr_schema *schema)
{
	schema->frozen = true;
}

int32_t
mr_schema_find_name(const struct mr_schema *schema, struct mr_str name)
{
	MR_ASSERT(schema->frozen);
	return index_slot(schema, name, name_hash(name))->name;
}
