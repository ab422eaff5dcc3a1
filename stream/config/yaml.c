// YAML to nodes with positions, by libyaml's events. What the language has no use for (anchors, tags,
// several documents) is refused, each with what to write instead.
#include "config/internal.h"

#include <yaml.h>

struct frame {
	struct mr_node *node;
	const struct mr_node *key;    // waits for its value
	uint32_t cap;
};

struct parse {
	struct mr_setup *s;
	yaml_parser_t parser;
	struct frame stack[MR_CONFIG_DEPTH_MAX];
	int depth;
	size_t nodes;
	bool failed;
	const struct mr_node *root;
};

static struct mr_node *
node_new(struct parse *p, enum mr_node_kind kind, yaml_mark_t mark)
{
	struct mr_node *node = mr_arena_alloc(p->s->arena, sizeof(*node));

	node->kind = kind;
	node->file = p->s->path;
	node->line = (uint32_t)mark.line + 1;
	node->column = (uint32_t)mark.column + 1;
	if (++p->nodes > MR_CONFIG_NODES_MAX && !p->failed) {
		mr_setup_error(p->s, node, "more than %d values; split this configuration", MR_CONFIG_NODES_MAX);
		p->failed = true;
	}
	return node;
}

static const struct mr_node **
grown(struct parse *p, const struct mr_node **old, uint32_t n, uint32_t cap)
{
	const struct mr_node **items = mr_arena_alloc(p->s->arena, cap * sizeof(*items));

	MR_ASSERT(n < cap);
	if (n)
		memcpy(items, old, n * sizeof(*items));
	return items;
}

static bool
known_key(struct parse *p, const struct mr_node *map, const struct mr_node *key)
{
	for (uint32_t i = 0; i < map->n; i++)
		if (mr_str_eq(map->keys[i]->text, key->text)) {
			mr_setup_error(p->s, key, "%.*s: this key is here already (line %u); remove one",
			    (int)key->text.n, key->text.p, map->keys[i]->line);
			return true;
		}
	return false;
}

static void
add(struct parse *p, struct frame *f, const struct mr_node *value)
{
	struct mr_node *into = f->node;

	if (into->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 8;
		into->values = grown(p, into->values, into->n, f->cap);
		if (into->kind == MR_NODE_MAP)
			into->keys = grown(p, into->keys, into->n, f->cap);
	}
	MR_ASSERT(into->n < f->cap);
	MR_ASSERT((into->kind == MR_NODE_MAP) == (f->key != NULL));
	if (into->kind == MR_NODE_MAP)
		into->keys[into->n] = f->key;
	into->values[into->n++] = value;
}

// Gives a finished node (or one that will be filled) to the map or list that holds it.
static void
attach(struct parse *p, const struct mr_node *node)
{
	if (p->depth == 0) {
		p->root = node;
		return;
	}
	struct frame *f = &p->stack[p->depth - 1];
	if (f->node->kind == MR_NODE_LIST) {
		add(p, f, node);
	} else if (f->key == NULL) {
		if (node->kind == MR_NODE_SCALAR && node->text.n > MR_CONFIG_KEY_MAX)
			mr_setup_error(p->s, node, "a key of %zu bytes; at most %d are allowed", node->text.n, MR_CONFIG_KEY_MAX);
		if (node->kind != MR_NODE_SCALAR) {
			mr_setup_error(p->s, node, "a key must be a word; quote an expression that begins with [ or {");
			p->failed = true;
		}
		f->key = node;
	} else {
		if (f->node->n == MR_CONFIG_KEYS_MAX) {
			mr_setup_error(p->s, f->key, "more than %d keys in one map; split this configuration", MR_CONFIG_KEYS_MAX);
			p->failed = true;
		} else if (!known_key(p, f->node, f->key)) {
			add(p, f, node);
		}
		f->key = NULL;
	}
}

// A scalar that was refused already: `n`, which scalars have no use for, marks it, and check() drops it.
static void
spoil(struct mr_node *node)
{
	MR_ASSERT(node->kind == MR_NODE_SCALAR);
	node->n = 1;
}

static bool
is_key(const struct parse *p)
{
	return p->depth > 0 && p->stack[p->depth - 1].node->kind == MR_NODE_MAP && p->stack[p->depth - 1].key == NULL;
}

static void
on_scalar(struct parse *p, const yaml_event_t *e)
{
	struct mr_node *node = node_new(p, MR_NODE_SCALAR, e->start_mark);

	node->text = mr_arena_copy(p->s->arena, (struct mr_str){(const char *)e->data.scalar.value, e->data.scalar.length});
	node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (e->data.scalar.tag) {
		mr_setup_error(p->s, node, "a plain ! makes a YAML tag of what follows; quote an expression that begins with !");
		spoil(node);
	}
	if (e->data.scalar.anchor) {
		mr_setup_error(p->s, node, "anchors (&name) are not supported; repeat the value, or quote text that begins with &");
		spoil(node);
	}
	size_t errors = p->s->errors.n;
	if (!is_key(p))
		node->text = mr_env_expand(p->s, node, node->text);
	if (p->s->errors.n > errors)
		spoil(node);
	attach(p, node);
}

static void
on_alias(struct parse *p, const yaml_event_t *e)
{
	struct mr_node *node = node_new(p, MR_NODE_SCALAR, e->start_mark);

	mr_setup_error(p->s, node, "aliases (*name) are not supported; repeat the value, or quote text that begins with *");
	spoil(node);
	attach(p, node);
}

static void
on_start(struct parse *p, const yaml_event_t *e, enum mr_node_kind kind)
{
	struct mr_node *node = node_new(p, kind, e->start_mark);
	bool map = kind == MR_NODE_MAP;

	if (map ? e->data.mapping_start.anchor != NULL : e->data.sequence_start.anchor != NULL)
		mr_setup_error(p->s, node, "anchors (&name) are not supported; repeat the value");
	if (map ? e->data.mapping_start.tag != NULL : e->data.sequence_start.tag != NULL)
		mr_setup_error(p->s, node, "YAML tags (!name) are not supported; quote an expression that begins with !");
	attach(p, node);
	if (p->depth == MR_CONFIG_DEPTH_MAX) {
		mr_setup_error(p->s, node, "nested deeper than %d; put the inner steps into a rule of their own", MR_CONFIG_DEPTH_MAX);
		p->failed = true;
		return;
	}
	MR_ASSERT(p->depth < MR_CONFIG_DEPTH_MAX);
	p->stack[p->depth++] = (struct frame){.node = node};
}

static void
on_event(struct parse *p, const yaml_event_t *e, bool *done)
{
	uint32_t line = (uint32_t)e->start_mark.line + 1, column = (uint32_t)e->start_mark.column + 1;

	switch (e->type) {
	case YAML_SCALAR_EVENT:
		on_scalar(p, e);
		break;
	case YAML_MAPPING_START_EVENT:
		on_start(p, e, MR_NODE_MAP);
		break;
	case YAML_SEQUENCE_START_EVENT:
		on_start(p, e, MR_NODE_LIST);
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		MR_ASSERT(p->depth > 0);
		p->depth--;
		break;
	case YAML_ALIAS_EVENT:
		on_alias(p, e);
		break;
	case YAML_DOCUMENT_START_EVENT:
		if (p->root) {
			mr_setup_error_pos(p->s, line, column, "a second document begins here; one file holds one configuration");
			p->failed = true;
		}
		break;
	case YAML_STREAM_END_EVENT:
		*done = true;
		break;
	default:
		break;
	}
}

static char
source_at(const struct mr_setup *s, uint32_t line, uint32_t column)
{
	if (line > s->n_lines)
		return 0;
	size_t at = s->lines[line - 1] + column - 1;   // good enough: a tab comes before anything beyond ASCII
	return at < s->source.n ? s->source.p[at] : 0;
}

// libyaml's words, and the most likely reason: an expression that should have been quoted.
static void
note_problem(struct parse *p)
{
	const yaml_parser_t *y = &p->parser;
	uint32_t line = (uint32_t)y->problem_mark.line + 1, column = (uint32_t)y->problem_mark.column + 1;
	const char *what = y->problem ? y->problem : "unreadable";
	const char *hint = "";

	if (y->error == YAML_READER_ERROR) {
		line = column = 1;
		for (size_t i = 0; i < y->problem_offset && i < p->s->source.n; i++)
			if (p->s->source.p[i] == '\n') {
				line++;
				column = 1;
			} else {
				column++;
			}
		hint = "; the file must be UTF-8 without control characters";
	} else if (strstr(what, "mapping values are not allowed")) {
		hint = "; if it holds \": \", quote this expression; else check the indentation";
	} else if (strstr(what, "did not find expected ',' or '}'") || strstr(what, "did not find expected ',' or ']'")) {
		hint = "; within {...} and [...], if it holds a comma, \": \", [ or {, quote this expression";
	} else if (y->context && (strstr(y->context, "a tag") || strstr(y->context, "an anchor") || strstr(y->context, "an alias"))) {
		hint = "; quote an expression that begins with !, & or *";
	} else if (source_at(p->s, line, column) == '\t') {
		hint = "; indent with spaces";
	} else if (strstr(what, "cannot start any token")) {
		hint = "; quote text that begins with this character";
	} else if (strstr(what, "block") || strstr(what, "expected key") || strstr(what, "expected <document start>")) {
		hint = "; check the indentation, and quote an expression that begins with \" ' [ or {";
	}
	mr_setup_error_pos(p->s, line, column, "not YAML: %s%s", what, hint);
}

static bool
parse_all(struct parse *p)
{
	bool done = false;

	while (!done && !p->failed) {
		yaml_event_t event;
		if (!yaml_parser_parse(&p->parser, &event)) {
			note_problem(p);
			return false;
		}
		on_event(p, &event, &done);
		yaml_event_delete(&event);
	}
	return !p->failed;
}

bool
mr_cut_short(struct mr_str t)
{
	int open = 0;
	char quote = 0;

	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];
		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else
			open += (c == '(' || c == '[' || c == '{') - (c == ')' || c == ']' || c == '}');
	}
	return quote != 0 || open > 0;
}

// `{when: f(a, b)}`: YAML makes of it the keys `when` and `b)`, the latter empty. True where member
// `i` is such a remainder; then the text before it is what has to be quoted.
static bool
left_over(struct mr_setup *s, const struct mr_node *map, uint32_t i)
{
	const struct mr_node *before = i ? map->values[i - 1] : NULL;

	if (before == NULL || before->kind != MR_NODE_SCALAR || before->quoted || !mr_cut_short(before->text))
		return false;
	mr_setup_error(s, before, "YAML ends this text at the comma: quote this expression");
	return true;
}

static bool
is_null(const struct mr_node *node)
{
	return node->kind == MR_NODE_SCALAR && mr_scalar_kind(node) == MR_SCALAR_NULL;
}

// Stray nulls. Depth is bounded by the parser. In tests, events may say null in words.
static void
check(struct mr_setup *s, struct mr_node *node, bool tests)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < node->n; i++) {
		const struct mr_node *value = node->values[i];
		const struct mr_node *key = node->kind == MR_NODE_MAP ? node->keys[i] : NULL;
		bool in_tests = tests || (node == s->root && key && mr_str_eq(key->text, MR_LIT("tests")));
		bool spoilt = value->kind == MR_NODE_SCALAR && value->n > 0;
		bool bad = is_null(value) && (!in_tests || value->text.n == 0);

		if (spoilt)
			continue;
		if (bad && key && left_over(s, node, i))
			kept -= kept > 0 && node->values[kept - 1] == node->values[i - 1];
		else if (bad && key)
			mr_setup_error(s, key, "%.*s: has no value; write one, or remove the key", (int)key->text.n, key->text.p);
		else if (bad && !key)
			mr_setup_error(s, value, "an item without a value; write one, or remove it");
		if (value->kind != MR_NODE_SCALAR)
			check(s, (struct mr_node *)(uintptr_t)value, in_tests);
		if (bad)
			continue;
		node->values[kept] = value;
		if (key)
			node->keys[kept] = key;
		kept++;
	}
	MR_ASSERT(kept <= node->n);
	node->n = kept;
}

bool
mr_yaml_parse(struct mr_setup *s)
{
	struct parse p = {.s = s};

	MR_ASSERT(s->lines != NULL);
	if (!yaml_parser_initialize(&p.parser)) {
		mr_setup_error_pos(s, 1, 1, "out of memory");
		return false;
	}
	yaml_parser_set_encoding(&p.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p.parser, (const unsigned char *)s->source.p, s->source.n);
	bool ok = parse_all(&p);
	yaml_parser_delete(&p.parser);
	if (!ok)
		return false;
	MR_ASSERT(p.depth == 0);
	if (p.root == NULL || p.root->kind != MR_NODE_MAP) {
		mr_setup_error_pos(s, 1, 1, "a configuration is a map: app, input, rules and so on");
		return false;
	}
	s->root = p.root;
	check(s, (struct mr_node *)(uintptr_t)p.root, false);
	return true;
}
