// JSON to the fields of a schema, over the tokens that simdjson On-Demand found.
//
// On-Demand checks UTF-8 and strings' ends, and unescapes. The walk is ours, because On-Demand's own
// skipping takes a bracket for a brace, knows no depth and believes what it does not read: what an
// event is taken for must not depend on which of its fields a configuration happens to use.
#include "event/json.h"

#include "event/number.h"
#include "event/simd.h"

#include <stdlib.h>

struct mr_json {
	struct mr_simd *simd;
	const struct mr_tree *tree;
	uint32_t depth_max, key_max, string_max;
	struct mr_member *stack;    // items and members of the containers that are being read whole
	size_t n, cap;
	char *unescaped;            // room for the longest string and MR_PADDING
};

struct walk {
	struct mr_json *json;
	const char *doc;
	size_t doc_n;
	const uint32_t *at, *end;
	uint32_t depth;
	bool escapes;               // somewhere in the document there is a backslash
	struct mr_arena *arena;
	struct mr_fields *out;
	struct mr_decode_error *error;
};

static size_t
position(const struct walk *w)
{
	return w->at < w->end ? *w->at : w->doc_n;
}

static bool
malformed(struct walk *w, const char *detail)
{
	return mr_bad(w->error, MR_BAD_JSON, position(w), detail);
}

// The token's first byte; 0, which begins no token that is right, at the end.
static inline char
peek(const struct walk *w)
{
	return w->at < w->end ? w->doc[*w->at] : 0;
}

static inline bool
take(struct walk *w, char c)
{
	if (peek(w) != c)
		return false;
	w->at++;
	return true;
}

// The whole token, without the white space that follows it. Other control bytes end no token.
static inline struct mr_str
text(const struct walk *w)
{
	const char *p = w->doc + w->at[0], *end = w->doc + w->at[1];

	while ((unsigned char)end[-1] <= ' ' && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' || end[-1] == '\t'))
		end--;
	return (struct mr_str){p, (size_t)(end - p)};
}

static bool
descend(struct walk *w)
{
	if (w->depth >= w->json->depth_max)
		return mr_bad(w->error, MR_BAD_TOO_DEEP, position(w), "nested too deep");
	w->depth++;
	w->at++;
	return true;
}

static inline bool
is_word(struct mr_str s)
{
	return mr_str_eq(s, MR_LIT("true")) || mr_str_eq(s, MR_LIT("false")) || mr_str_eq(s, MR_LIT("null"));
}

// What is between the quotes, escapes and all; `max` bounds it as it was sent.
static inline bool
raw_string(struct walk *w, uint32_t max, struct mr_str *raw)
{
	struct mr_str s = text(w);

	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return malformed(w, "a string was expected");
	if (s.n - 2 > max)
		return mr_bad(w->error, MR_BAD_TOO_LARGE, position(w), "a key or string is too long");
	*raw = (struct mr_str){s.p + 1, s.n - 2};
	return true;
}

static inline bool
has_escape(const struct walk *w, struct mr_str raw)
{
	return w->escapes && memchr(raw.p, '\\', raw.n) != NULL;
}

static bool
unescape(struct walk *w, struct mr_str raw, struct mr_str *out)
{
	struct mr_json *j = w->json;
	size_t n;

	MR_ASSERT(raw.n <= j->key_max || raw.n <= j->string_max);
	if (!mr_simd_unescape(j->simd, raw, j->unescaped, &n))
		return malformed(w, "an escape that is none");
	*out = mr_arena_copy(w->arena, (struct mr_str){j->unescaped, n});
	return true;
}

// At a string; moves past it.
static inline bool
read_string(struct walk *w, uint32_t max, struct mr_str *out)
{
	if (!raw_string(w, max, out) || (has_escape(w, *out) && !unescape(w, *out, out)))
		return false;
	w->at++;
	return true;
}

static inline bool
skip_string(struct walk *w, uint32_t max)
{
	struct mr_str raw;

	if (!raw_string(w, max, &raw))
		return false;
	if (has_escape(w, raw) && !mr_json_escapes(raw))
		return malformed(w, "an escape that is none");
	w->at++;
	return true;
}

// A key and its colon; `key` NULL: nobody wants to know which.
static inline bool
read_key(struct walk *w, struct mr_str *key)
{
	if (peek(w) != '"')
		return malformed(w, "a key was expected");
	if (!(key ? read_string(w, w->json->key_max, key) : skip_string(w, w->json->key_max)))
		return false;
	return take(w, ':') || malformed(w, "':' was expected");
}

// The usual member, its four tokens looked at together: a key and a string that end where they seem to,
// in a document without escapes. Not past them yet. False says nothing but that it is some other one.
static inline bool
plain_member(const struct walk *w, struct mr_str *key, struct mr_str *value)
{
	const uint32_t *at = w->at;

	if (w->end - at < 4 || w->escapes)
		return false;
	const char *k = w->doc + at[0], *colon = w->doc + at[1], *v = w->doc + at[2], *next = w->doc + at[3];
	if (*k != '"' || colon[-1] != '"' || *colon != ':' || *v != '"' || next[-1] != '"')
		return false;
	*key = (struct mr_str){k + 1, (size_t)(colon - k) - 2};
	*value = (struct mr_str){v + 1, (size_t)(next - v) - 2};
	return key->n <= w->json->key_max && value->n <= w->json->string_max;
}

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

// A container, its grammar checked. `objects` has a bit for each level opened here.
static bool
skip_container(struct walk *w)
{
	uint64_t objects = 0;
	uint32_t from = w->depth;

	for (;;) {
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
		while (w->depth > from && take(w, objects & 1 ? '}' : ']')) {
			objects >>= 1;
			w->depth--;
		}
		if (w->depth == from)
			return true;
		if (!take(w, ','))
			return malformed(w, "',' or a closing bracket was expected");
		if ((objects & 1) && !read_key(w, NULL))
			return false;
	}
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
static bool
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
