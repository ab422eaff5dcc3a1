// JSON to the fields of a schema, over the tokens that simdjson's first stage found.
//
// It checks UTF-8 and strings' ends. The walk is ours, because On-Demand's own skipping takes a bracket
// for a brace, knows no depth and believes what it does not read: what an event is taken for must not
// depend on which of its fields a configuration happens to use.
#include "event/json.h"

#include "event/number.h"
#include "event/tokens.h"

#include <stdlib.h>

static bool
skip_scalar(struct walk *w)
{
	char c = peek(w);

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

// ---- what is read whole ----

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

// ---- the walk ----

// What nobody reads.
static const struct mr_tree unread = {.field = -1, .note = MR_FIXED_FIELDS, .slots = mr_tree_empty, .shift = 63, .mask = 1};
// Stands for a list that is open.
static const struct mr_tree list;

// The value of a node's key. It is read into its place: a copy of a value that was just written in
// parts would wait for the store buffer.
static bool
visit(struct walk *w, const struct mr_tree *node)
{
	struct mr_value *v = &w->out->values[node->field];

	w->out->at[node->note] = (uint32_t)position(w);
	if (!read_value(w, v))
		return false;
	if (node->n > 0)
		mr_fields_project(w->out, node, *v);
	return true;
}

// The child that a key, which lies before `end`, leads to, once; `unread` if it is not wanted.
static inline const struct mr_tree *
wanted(struct mr_json *j, const struct mr_tree *node, struct mr_str key, const char *end)
{
	const struct mr_tree *child = mr_tree_child(node, key, end);

	if (child == NULL || j->seen[child->number] == j->decoded)
		return &unread;
	j->seen[child->number] = j->decoded;
	return child;
}

// The functions below take the place in the tokens and return the one that follows, NULL for an error: so
// it stays in a register. The last token is a brace; whoever passes a brace looks whether it was that one.

static const uint32_t *
unusual_key(struct walk *w, const uint32_t *at, const struct mr_tree *node, const struct mr_tree **child)
{
	struct mr_str name;

	w->at = at;
	*child = &unread;
	if (!read_key(w, node == &unread ? NULL : &name))
		return NULL;
	if (node != &unread)
		*child = wanted(w->json, node, name, name.p + name.n);
	return w->at;
}

// A key and its colon. The usual key ends where it seems to.
static inline const uint32_t *
key(struct walk *w, const uint32_t *at, const struct mr_tree *node, const struct mr_tree **child)
{
	const char *k = w->doc + at[0], *colon = w->doc + at[1];
	struct mr_str name = {k + 1, (size_t)(colon - k) - 2};

	if (*k != '"' || colon[-1] != '"' || *colon != ':' || name.n >= w->plain_key)
		return unusual_key(w, at, node, child);
	*child = wanted(w->json, node, name, w->doc + w->doc_n);
	return at + 2;
}

// What shapes know of a value.
static inline void
note(struct walk *w, const uint32_t *at, const struct mr_tree *node)
{
	struct mr_shape_values *values = &w->json->values;

	if (values->n < MR_SHAPE_VALUES_MAX) {
		values->items[values->n].token = (uint32_t)(at - w->first);
		values->items[values->n].node = node;
	}
	values->n++;
}

static const uint32_t *
unusual_value(struct walk *w, const uint32_t *at, const struct mr_tree *node)
{
	char c = w->doc[*at];

	w->at = at;
	if (c == '"' || c == '{' || c == '[')
		w->json->values.n = MR_SHAPE_VALUES_MAX;   // too much for a shape
	note(w, at, node);
	if (!(node->field >= 0 ? visit(w, node) : skip_scalar(w)))
		return NULL;
	if (w->at == w->end)
		malformed(w, "an object has no end");
	return w->at < w->end ? w->at : NULL;
}

// A value that is no container, or is read whole. Most are strings that end where they seem to.
static inline const uint32_t *
value(struct walk *w, const uint32_t *at, const struct mr_tree *node)
{
	const char *v = w->doc + at[0], *next = w->doc + at[1];
	struct mr_str s = {v + 1, (size_t)(next - v) - 2};

	if (*v != '"' || next[-1] != '"' || s.n >= w->plain_string)
		return unusual_value(w, at, node);
	note(w, at, node);
	if (node->field >= 0) {
		w->out->at[node->note] = at[0];
		w->out->values[node->field] = mr_string(s);
	}
	return at + 1;
}

// Behind a value: closes what ends here, passes a comma. *node is what is open then.
static inline const uint32_t *
behind(struct walk *w, const uint32_t *at, const struct mr_tree **levels, const struct mr_tree **node)
{
	for (char c; (c = w->doc[*at]) != ',';) {
		bool closes = c == (*node == &list ? ']' : '}');
		at += closes;
		w->depth -= closes;
		if (closes && at == w->end && w->depth == 0)
			return at;
		if (!closes || at == w->end || w->depth == 0) {
			w->at = at;
			malformed(w, "',' or a closing bracket was expected");
			return NULL;
		}
		*node = levels[w->depth];
	}
	return at + 1;
}

// Whether it's the beginning of a container whose parts are looked at one by one.
static inline bool
opens(char c, const struct mr_tree *node)
{
	return (c == '{' || c == '[') && node->field < 0;
}

static bool
walk_document(struct walk *w)
{
	const struct mr_tree *levels[MR_DEPTH_MAX], *node = NULL, *child = w->json->tree;
	const uint32_t *at = w->at;

	if (peek(w) != '{')
		return mr_bad(w->error, MR_BAD_NOT_AN_EVENT, position(w), "an event is an object");
	if (w->doc[w->end[-1]] != '}')
		return malformed(w, "an object has no end");
	do {
		char c = w->doc[*at];
		if (opens(c, child)) {
			w->at = at++;
			if (w->depth == w->json->depth_max)
				return mr_bad(w->error, MR_BAD_TOO_DEEP, position(w), "nested too deep");
			levels[w->depth++] = node;
			node = c == '{' ? child : &list;
			bool empty = w->doc[*at] == (c == '{' ? '}' : ']');
			if (empty)
				at = behind(w, at, levels, &node);
		} else {
			at = value(w, at, child);
			if (at)
				at = behind(w, at, levels, &node);
		}
		child = &unread;
		if (at && w->depth > 0 && node != &list)
			at = key(w, at, node, &child);
	} while (at && w->depth > 0);
	return at != NULL;
}

struct mr_json *
mr_json_new(const struct mr_plan *plan, const struct mr_tree *tree, uint32_t nodes)
{
	struct mr_json *j = calloc(1, sizeof(*j));

	MR_ASSERT(j != NULL);
	MR_ASSERT(plan->depth_max <= MR_DEPTH_MAX);
	j->simd = mr_simd_new(plan->record_bytes_max);
	j->tree = tree;
	j->depth_max = plan->depth_max;
	j->key_max = plan->key_bytes_max;
	j->string_max = plan->string_bytes_max;
	j->half = (j->key_max > j->string_max ? j->key_max : j->string_max) + MR_SIMD_PADDING;
	j->unescaped = calloc(2, j->half);
	j->shapes = mr_shapes_new(plan->schema->n_fields);
	j->seen = calloc(nodes, sizeof(*j->seen));
	MR_ASSERT(j->unescaped != NULL && j->seen != NULL);
	return j;
}

void
mr_json_free(struct mr_json *j)
{
	if (j == NULL)
		return;
	mr_simd_free(j->simd);
	mr_shapes_free(j->shapes);
	free(j->unescaped);
	free(j->seen);
	free(j->stack);
	free(j);
}

static bool
decode(struct mr_json *j, struct mr_str doc, const struct mr_tokens *tokens, struct mr_arena *arena, struct mr_fields *out,
    struct mr_decode_error *error)
{
	bool escapes = memchr(doc.p, '\\', doc.n) != NULL, plain = !escapes && doc.n <= j->string_max;

	if (plain && mr_shapes_read(j->shapes, doc, tokens, out))
		return true;
	struct walk w = {.json = j, .doc = doc.p, .doc_n = doc.n, .first = tokens->first, .at = tokens->first,
		.end = tokens->behind, .escapes = escapes, .plain_key = escapes ? 0 : (size_t)j->key_max + 1,
		.plain_string = escapes ? 0 : (size_t)j->string_max + 1, .arena = arena, .out = out, .error = error};
	j->n = j->values.n = 0;
	j->decoded++;
	if (!walk_document(&w))
		return false;
	if (plain)
		mr_shapes_learn(j->shapes, doc, tokens, &j->values);
	return true;
}

bool
mr_json_decode(struct mr_json *j, struct mr_str doc, struct mr_arena *arena, struct mr_fields *out,
    struct mr_decode_error *error)
{
	struct mr_tokens tokens;
	bool utf8;
	const char *wrong = mr_simd_tokens(j->simd, doc, &tokens, &utf8);

	if (!wrong && decode(j, doc, &tokens, arena, out, error))
		return true;
	if (wrong)
		mr_bad(error, utf8 ? MR_BAD_UTF8 : MR_BAD_JSON, 0, wrong);
	mr_json_judge(doc, arena, error);
	return false;
}
