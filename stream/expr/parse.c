// Tokens of an expression to a tree. Recursion is bounded by the nesting of brackets; chains of
// operators, members and ternaries are loops.
#include "expr/ast.h"

static struct node *parse_expr(struct compiler *c);

static struct node *
node_new(struct compiler *c, enum node_kind kind, uint32_t byte)
{
	if (++c->nodes > NODES_MAX) {
		expr_fail(c, byte, "the expression is too long: at most %d parts", NODES_MAX);
		return NULL;
	}
	struct node *node = mr_arena_alloc(c->arena, sizeof(*node));
	node->kind = (uint8_t)kind;
	node->byte = byte;
	return node;
}

static struct mr_str
token_text(const struct compiler *c)
{
	return (struct mr_str){c->text.p + c->token.byte, c->token.len};
}

// Common words of other languages, and texts without quotes.
static bool
fail_word(struct compiler *c)
{
	static const struct { const char *word, *sign; } words[] = {
		{"and", "&&"}, {"AND", "&&"}, {"or", "||"}, {"OR", "||"}, {"not", "!"}, {"NOT", "!"},
		{"is", "=="}, {"equals", "=="}, {"mod", "%"},
	};
	struct mr_str word = token_text(c);

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (mr_str_eq(word, mr_str_of(words[i].word)))
			return expr_fail(c, c->token.byte, "write %s for \"%s\"", words[i].sign, words[i].word);
	return false;
}

// The token can't stand here.
static bool
fail_token(struct compiler *c, const char *expected)
{
	struct mr_str text = token_text(c);

	if (c->failed)
		return false;
	if (c->token.kind == T_END)
		return expr_fail(c, c->token.byte, "the expression ends too early: expected %s", expected);
	if (c->token.kind == T_NAME) {
		fail_word(c);
		return expr_fail(c, c->token.byte, "expected %s before '%.*s'; text needs quotes: did you mean '%.*s'?",
		    expected, (int)text.n, text.p, (int)text.n, text.p);
	}
	return expr_fail(c, c->token.byte, "expected %s, not %.*s", expected, (int)(text.n < 40 ? text.n : 40), text.p);
}

static bool
accept(struct compiler *c, enum token_kind kind)
{
	return !c->failed && c->token.kind == kind && expr_next(c);
}

static bool
expect(struct compiler *c, enum token_kind kind, const char *expected)
{
	return c->token.kind == kind ? expr_next(c) : fail_token(c, expected);
}

static bool
enter(struct compiler *c)
{
	if (++c->nesting > NESTING_MAX)
		return expr_fail(c, c->token.byte, "brackets are nested too deep: at most %d", NESTING_MAX);
	return true;
}

// EXPR, EXPR, ... up to the closing token, which is consumed. A map has "KEY: VALUE" for each.
static bool
parse_items(struct compiler *c, struct node *into, enum token_kind close, const char *expected)
{
	struct node **last = &into->args;

	while (*last)
		last = &(*last)->next;
	if (!enter(c))
		return false;
	while (c->token.kind != close) {
		struct node *item = parse_expr(c);
		if (item == NULL)
			return false;
		*last = item;
		last = &item->next;
		into->n_args++;
		bool key = close == T_MAP_END && into->n_args % 2 == 1;
		if (key && !expect(c, T_COLON, "':' after the key"))
			return false;
		if (!key && !accept(c, T_COMMA) && (c->failed || c->token.kind != close))
			return fail_token(c, expected);
		if (key && c->token.kind == close)
			return fail_token(c, "a value");
	}
	c->nesting--;
	return expr_next(c);
}

// has(x) and x.exists(p, CONDITION): what looks like a call but binds or looks at a name.
static struct node *
make_macro(struct compiler *c, struct node *call, const struct expr_fn *f)
{
	struct node *first = call->args;

	MR_ASSERT(first != NULL && f->id >= F_HAS);
	if (f->id == F_HAS) {
		call->kind = N_HAS;
		call->a = first;
		if (first->kind == N_NAME || first->kind == N_MEMBER || first->kind == N_INDEX)
			return call;
		expr_fail(c, first->byte, "has() takes a name, as has(event.properties.coupon)");
		return NULL;
	}
	struct node *name = first->next;
	if (name->kind != N_NAME) {
		expr_fail(c, name->byte, "%s() takes a new name for the item first: %s", f->name, f->usage);
		return NULL;
	}
	call->kind = N_MACRO;
	call->op = f->id;
	call->a = first;
	call->text = name->text;
	call->b = name->next;
	return call;
}

// A call's arguments, after '('; a method's target is already among them.
static struct node *
parse_call(struct compiler *c, struct node *call)
{
	const struct expr_fn *f = expr_function(call->text);
	struct mr_str name = call->text;

	MR_ASSERT(call->kind == N_CALL && call->n_args == (call->method ? 1 : 0));
	if (f == NULL) {
		const char *near = expr_function_near(name);
		expr_fail(c, call->byte, near ? "unknown function '%.*s': did you mean '%s'?" : "unknown function '%.*s'%s",
		    (int)(name.n < 60 ? name.n : 60), name.p, near ? near : "");
		return NULL;
	}
	if (f->id == F_MONEY) {
		expr_fail(c, call->byte, "money(): not yet");
		return NULL;
	}
	if (call->method ? !f->method : !f->global) {
		expr_fail(c, call->byte, "%s() is written as %s", f->name, f->usage);
		return NULL;
	}
	call->op = f->id;
	if (!parse_items(c, call, T_CLOSE, "',' or ')'"))
		return NULL;
	if (call->n_args != f->args) {
		expr_fail(c, call->byte, "%s() with the wrong number of arguments: it is written as %s", f->name, f->usage);
		return NULL;
	}
	return f->id >= F_HAS ? make_macro(c, call, f) : call;
}

static struct node *
parse_constant(struct compiler *c, struct mr_value value)
{
	struct node *node = node_new(c, N_CONST, c->token.byte);

	if (node == NULL)
		return NULL;
	node->value = value;
	return expr_next(c) ? node : NULL;
}

static struct node *
parse_name(struct compiler *c)
{
	struct mr_str text = token_text(c);
	struct node *node = node_new(c, N_NAME, c->token.byte);

	if (node == NULL || fail_word(c) || c->failed || !expr_next(c))
		return NULL;
	node->text = text;
	if (c->token.kind == T_OPEN) {
		node->kind = N_CALL;
		return expr_next(c) ? parse_call(c, node) : NULL;
	}
	if (mr_str_eq(text, MR_LIT("now")))
		node->kind = N_NOW;
	return node;
}

static struct node *
parse_brackets(struct compiler *c)
{
	if (!expr_next(c) || !enter(c))
		return NULL;
	struct node *node = parse_expr(c);
	c->nesting--;
	return node && expect(c, T_CLOSE, "an operator or ')'") ? node : NULL;
}

static struct node *
parse_collection(struct compiler *c, enum node_kind kind)
{
	struct node *node = node_new(c, kind, c->token.byte);
	bool map = kind == N_MAP;

	if (node == NULL || !expr_next(c))
		return NULL;
	return parse_items(c, node, map ? T_MAP_END : T_LIST_END, map ? "',' or '}'" : "',' or ']'") ? node : NULL;
}

static struct node *
parse_primary(struct compiler *c)
{
	switch (c->token.kind) {
	case T_NUMBER:
	case T_TEXT:
		return parse_constant(c, c->token.value);
	case T_TRUE:
	case T_FALSE:
		return parse_constant(c, mr_bool(c->token.kind == T_TRUE));
	case T_NULL:
		return parse_constant(c, mr_absent());
	case T_NAME:
		return parse_name(c);
	case T_OPEN:
		return parse_brackets(c);
	case T_LIST:
		return parse_collection(c, N_LIST);
	case T_MAP:
		return parse_collection(c, N_MAP);
	default:
		fail_token(c, "a value");
		return NULL;
	}
}

// After '.': a member, or a method's call.
static struct node *
parse_dot(struct compiler *c, struct node *target)
{
	enum token_kind kind = c->token.kind;

	if (kind != T_NAME && kind != T_IN && kind != T_TRUE && kind != T_FALSE && kind != T_NULL) {
		fail_token(c, "a name after '.' (other keys are written as [\"a key\"])");
		return NULL;
	}
	struct node *node = node_new(c, N_MEMBER, c->token.byte);
	if (node == NULL)
		return NULL;
	node->text = token_text(c);
	if (!expr_next(c))
		return NULL;
	if (c->token.kind != T_OPEN) {
		node->a = target;
		return node;
	}
	node->kind = N_CALL;
	node->method = true;
	node->args = target;
	node->n_args = 1;
	return expr_next(c) ? parse_call(c, node) : NULL;
}

static struct node *
parse_index(struct compiler *c, struct node *target)
{
	struct node *node = node_new(c, N_INDEX, c->token.byte);

	if (node == NULL || !enter(c))
		return NULL;
	node->a = target;
	node->b = parse_expr(c);
	c->nesting--;
	return node->b && expect(c, T_LIST_END, "']'") ? node : NULL;
}

static struct node *
parse_member(struct compiler *c)
{
	struct node *node = parse_primary(c);

	while (node && !c->failed) {
		if (accept(c, T_DOT))
			node = parse_dot(c, node);
		else if (accept(c, T_LIST))
			node = parse_index(c, node);
		else
			break;
	}
	return c->failed ? NULL : node;
}

static struct node *
parse_unary(struct compiler *c)
{
	struct node *top = NULL, **into = &top;

	while (c->token.kind == T_NOT || c->token.kind == T_SUB) {
		struct node *node = node_new(c, c->token.kind == T_NOT ? N_NOT : N_NEG, c->token.byte);
		if (node == NULL || !expr_next(c))
			return NULL;
		*into = node;
		into = &node->a;
	}
	*into = parse_member(c);
	return *into ? top : NULL;
}

// The level at which an operator binds, from 1; 0: none.
static int
level_of(enum token_kind kind)
{
	if (kind == T_OR)
		return 1;
	if (kind == T_AND)
		return 2;
	if (kind >= T_EQ && kind <= T_IN)
		return 3;
	if (kind == T_ADD || kind == T_SUB)
		return 4;
	return kind >= T_MUL && kind <= T_MOD ? 5 : 0;
}

static void
set_operator(struct node *node, enum token_kind kind)
{
	static const uint8_t ops[] = {
		[T_EQ] = OP_EQ, [T_NE] = OP_NE, [T_LT] = OP_LT, [T_LE] = OP_LE, [T_GT] = OP_GT, [T_GE] = OP_GE,
		[T_IN] = OP_IN, [T_ADD] = OP_ADD, [T_SUB] = OP_SUB, [T_MUL] = OP_MUL, [T_DIV] = OP_DIV,
	};

	node->kind = kind == T_OR ? N_OR : kind == T_AND ? N_AND : N_BINARY;
	if (node->kind == N_BINARY)
		node->op = ops[kind];
}

// Operators of at least this level; calls itself once a level at most.
static struct node *
parse_binary(struct compiler *c, int level)
{
	struct node *left = level > 5 ? parse_unary(c) : parse_binary(c, level + 1);

	while (left && level <= 5 && level_of(c->token.kind) == level) {
		struct token sign = c->token;
		struct node *node = node_new(c, N_BINARY, sign.byte);
		if (node == NULL)
			return NULL;
		if (sign.kind == T_MOD) {
			expr_fail(c, sign.byte, "there is no %% for numbers that may have a fraction");
			return NULL;
		}
		set_operator(node, sign.kind);
		node->a = left;
		node->b = expr_next(c) ? parse_binary(c, level + 1) : NULL;
		left = node->b ? node : NULL;
	}
	return left;
}

static struct node *
parse_expr(struct compiler *c)
{
	struct node *top = NULL, **into = &top;

	for (;;) {
		struct node *node = parse_binary(c, 1);
		if (node == NULL)
			return NULL;
		*into = node;
		if (c->token.kind != T_ASK)
			return top;
		struct node *ternary = node_new(c, N_TERNARY, c->token.byte);
		if (ternary == NULL || !expr_next(c))
			return NULL;
		ternary->a = node;
		ternary->b = parse_binary(c, 1);
		if (ternary->b == NULL || !expect(c, T_COLON, "an operator or ':'"))
			return NULL;
		*into = ternary;
		into = &ternary->c;
	}
}

struct node *
expr_parse(struct compiler *c)
{
	if (!expr_next(c))
		return NULL;
	if (c->token.kind == T_END) {
		expr_fail(c, 0, "the expression is empty");
		return NULL;
	}
	struct node *top = parse_expr(c);
	if (top && c->token.kind != T_END) {
		fail_token(c, "an operator");
		return NULL;
	}
	MR_ASSERT((top == NULL) == c->failed);
	MR_ASSERT(top == NULL || c->nesting == 0);
	return top;
}
