// JSON to the fields of a schema, over the tokens that simdjson On-Demand found.
//
// On-Demand checks UTF-8 and strings' ends, and unescapes. The walk is ours, because On-Demand's own
// skipping takes a bracket for a brace, knows no depth and believes what it does not read: what an
// event is taken for must not depend on which of its fields a configuration happens to use.
#include "event/json.h"

#include "event/number.h"
#include "event/tokens.h"

#include <stdlib.h>

// ---- what is not read ----

static inline bool
skip_scalar(struct walk *w, char c)
{
	if (c == '"')
		return skip_string(w, w->json->string_max);
	if (w->at == w->end)
		return malformed(w, "a value was expected");
	struct mr_str s = text(w);
	if (!(c == 't' || c == 'f' || c == 'n' ? is_word(s) : mr_num_grammar(s.p, s.p + s.n)))
		return malformed(w, "not a value");
	w->at++;
	return true;
}

// Behind a value, and up to the next one that is to be looked at: closes containers, passes plain
// members. *more is false at the end of the outermost.
static inline bool
skip_between(struct walk *w, uint64_t *objects, uint32_t from, bool *more)
{
	struct mr_str key, value;

	for (;;) {
		while (w->depth > from && take(w, *objects & 1 ? '}' : ']')) {
			*objects >>= 1;
			w->depth--;
		}
		*more = w->depth > from;
		if (!*more)
			return true;
		if (!take(w, ','))
			return malformed(w, "',' or a closing bracket was expected");
		if (!(*objects & 1))
			return true;
		if (!plain_member(w, &key, &value))
			return read_key(w, NULL);
		w->at += 3;
	}
}

// A container, its grammar checked. `objects` has a bit for each level opened here.
static bool
skip_container(struct walk *w)
{
	uint64_t objects = 0;
	uint32_t from = w->depth;
	bool more = true;

	while (more) {
		char c = peek(w);
		if (c == '{' || c == '[') {
			if (!descend(w))
				return false;
			objects = objects << 1 | (c == '{');
			if (peek(w) != (c == '{' ? '}' : ']')) {
				if (c == '{' && !read_key(w, NULL))
					return false;
				continue;
			}
		} else if (!skip_scalar(w, c)) {
			return false;
		}
		if (!skip_between(w, &objects, from, &more))
			return false;
	}
	return true;
}

// One value of any shape.
static inline bool
skip(struct walk *w)
{
	char c = peek(w);

	return c == '{' || c == '[' ? skip_container(w) : skip_scalar(w, c);
}

// ---- what is read ----

static bool read_value(struct walk *, struct mr_value *);

static struct mr_member *
push(struct mr_json *j)
{
	if (j->n == j->cap) {
		j->cap = j->cap ? j->cap * 2 : 256;
		void *p = realloc(j->stack, j->cap * sizeof(*j->stack));
		MR_ASSERT(p != NULL);
		j->stack = p;
	}
	return &j->stack[j->n++];
}

// Between two items: *more is false once the container is closed.
static inline bool
separator(struct walk *w, char close, bool *more)
{
	*more = take(w, ',');
	if (*more)
		return true;
	if (!take(w, close))
		return malformed(w, "',' or a closing bracket was expected");
	w->depth--;
	return true;
}

static bool
read_list(struct walk *w, struct mr_value *out)
{
	struct mr_json *j = w->json;
	size_t base = j->n;
	struct mr_value v;

	if (!descend(w))
		return false;
	bool more = peek(w) != ']';
	if (!more && !separator(w, ']', &more))
		return false;
	while (more) {
		if (!read_value(w, &v))
			return false;
		push(j)->value = v;
		if (!separator(w, ']', &more))
			return false;
	}
	size_t n = j->n - base;
	struct mr_value *items = mr_arena_alloc(w->arena, n * sizeof(v));
	for (size_t i = 0; i < n; i++)
		items[i] = j->stack[base + i].value;
	j->n = base;
	*out = (struct mr_value){.type = MR_LIST, .n = (uint32_t)n, .items = items};
	return true;
}

static bool
read_map(struct walk *w, struct mr_value *out)
{
	struct mr_json *j = w->json;
	size_t base = j->n;
	struct mr_member m;

	if (!descend(w))
		return false;
	bool more = peek(w) != '}';
	if (!more && !separator(w, '}', &more))
		return false;
	while (more) {
		if (!read_key(w, &m.key) || !read_value(w, &m.value))
			return false;
		*push(j) = m;
		if (!separator(w, '}', &more))
			return false;
	}
	size_t n = j->n - base;
	struct mr_member *members = mr_arena_alloc(w->arena, n * sizeof(m));
	if (n > 0)
		memcpy(members, j->stack + base, n * sizeof(m));
	j->n = base;
	uint32_t kept = mr_members_unique(members, (uint32_t)n, w->arena);
	*out = (struct mr_value){.type = MR_MAP, .n = kept, .members = members};
	return true;
}

static bool
read_number(struct walk *w, struct mr_value *out)
{
	double d = 0;

	if (w->at == w->end)
		return malformed(w, "a value was expected");
	struct mr_str s = text(w);
	switch (mr_num_scan(s.p, s.p + s.n, &d)) {
	case MR_NUM_OK:
		*out = mr_num(d);
		w->at++;
		return true;
	case MR_NUM_TOO_LARGE:
		return malformed(w, "a number too large for a double");
	default:
		return malformed(w, "not a value");
	}
}

static bool
read_word(struct walk *w, struct mr_value *out)
{
	struct mr_str s = text(w);

	if (!is_word(s))
		return malformed(w, "not a value");
	*out = *s.p == 'n' ? mr_absent() : mr_bool(*s.p == 't');
	w->at++;
	return true;
}

// Recursion is bounded by depth_max.
static bool
read_value(struct walk *w, struct mr_value *out)
{
	struct mr_str s;

	switch (peek(w)) {
	case '"':
		if (!read_string(w, w->json->string_max, &s))
			return false;
		*out = mr_string(s);
		return true;
	case '{':
		return read_map(w, out);
	case '[':
		return read_list(w, out);
	case 't':
	case 'f':
	case 'n':
		return read_word(w, out);
	default:
		return read_number(w, out);
	}
}

static bool project(struct walk *, const struct mr_tree *);

// Where a fixed field's value begins, for the errors of those who read it later.
static inline void
note(struct walk *w, int32_t field)
{
	if (field < MR_FIXED_FIELDS)
		w->out->at[field] = (uint32_t)position(w);
}

// The value of a node's key. It is read into its place: a copy of a value that was just written in
// parts would wait for the store buffer.
static bool
visit(struct walk *w, const struct mr_tree *node)
{
	if (node->field < 0)
		return peek(w) == '{' ? project(w, node) : skip(w);
	note(w, node->field);
	struct mr_value *v = &w->out->values[node->field];
	if (!read_value(w, v))
		return false;
	if (node->n > 0)
		mr_fields_project(w->out, node, *v);
	return true;
}

// The child that a key leads to, once; NULL: none that is wanted.
static inline const struct mr_tree *
wanted(const struct mr_tree *node, struct mr_str key, uint64_t *seen)
{
	int32_t i = mr_tree_child(node, key);

	if (i < 0 || seen[i / 64] >> (i & 63) & 1)
		return NULL;
	seen[i / 64] |= UINT64_C(1) << (i & 63);
	return &node->children[i];
}

static inline bool
member(struct walk *w, const struct mr_tree *node, uint64_t *seen)
{
	struct mr_str key, value;

	if (plain_member(w, &key, &value)) {
		const struct mr_tree *child = wanted(node, key, seen);
		w->at += 2;
		if (child && child->field >= 0) {
			note(w, child->field);
			w->out->values[child->field] = mr_string(value);
		}
		w->at++;
		return true;
	}
	if (!read_key(w, &key))
		return false;
	const struct mr_tree *child = wanted(node, key, seen);
	return child ? visit(w, child) : skip(w);
}

// At '{': reads the members that the schema has below `node`, skips the rest. Each key counts once.
static bool
project(struct walk *w, const struct mr_tree *node)
{
	uint64_t few = 0, *seen = &few;
	bool more;

	if (node->n > 64)
		seen = mr_arena_alloc(w->arena, (node->n + 63) / 64 * sizeof(*seen));
	if (!descend(w))
		return false;
	more = peek(w) != '}';
	if (!more)
		return separator(w, '}', &more);
	while (more)
		if (!member(w, node, seen) || !separator(w, '}', &more))
			return false;
	return true;
}

static bool
walk_document(struct walk *w)
{
	if (peek(w) != '{')
		return mr_bad(w->error, MR_BAD_NOT_AN_EVENT, position(w), "an event is an object");
	if (!project(w, w->json->tree))
		return false;
	MR_ASSERT(w->depth == 0);
	return w->at == w->end || malformed(w, "something follows the document");
}

struct mr_json *
mr_json_new(const struct mr_plan *plan, const struct mr_tree *tree)
{
	struct mr_json *j = calloc(1, sizeof(*j));

	MR_ASSERT(j != NULL);
	MR_ASSERT(plan->depth_max <= MR_DEPTH_MAX);
	j->simd = mr_simd_new(plan->record_bytes_max, plan->depth_max);
	j->tree = tree;
	j->depth_max = plan->depth_max;
	j->key_max = plan->key_bytes_max;
	j->string_max = plan->string_bytes_max;
	j->unescaped = malloc((j->key_max > j->string_max ? j->key_max : j->string_max) + MR_PADDING);
	MR_ASSERT(j->unescaped != NULL);
	return j;
}

void
mr_json_free(struct mr_json *j)
{
	if (j == NULL)
		return;
	mr_simd_free(j->simd);
	free(j->unescaped);
	free(j->stack);
	free(j);
}

bool
mr_json_decode(struct mr_json *j, struct mr_str doc, struct mr_arena *arena, struct mr_fields *out,
    struct mr_decode_error *error)
{
	struct mr_tokens tokens = {0};
	bool utf8, ok;

	j->n = 0;
	const char *wrong = mr_simd_tokens(j->simd, doc, &tokens, &utf8);
	if (wrong) {
		ok = mr_bad(error, utf8 ? MR_BAD_UTF8 : MR_BAD_JSON, 0, wrong);
	} else {
		struct walk w = {.json = j, .doc = doc.p, .doc_n = doc.n, .at = tokens.first, .end = tokens.behind,
			.escapes = memchr(doc.p, '\\', doc.n) != NULL, .arena = arena, .out = out, .error = error};
		ok = walk_document(&w);
	}
	if (!ok)
		mr_json_judge(doc, arena, error);
	return ok;
}
