// Names to references, and types as far as they are known before run time. Walks the tree; how deep
// is bounded by the number of its nodes.
#include "expr/ast.h"

#include <millrace/text.h>

#define PARTS_MAX 16

struct scope {
	const struct scope *outer;
	struct node *macro;
};

static bool check(struct compiler *c, struct node *node, const struct scope *scope);

const char *
expr_type_name(enum mr_type type)
{
	static const char *const names[] = {
		[MR_ABSENT] = "null", [MR_BOOL] = "true or false", [MR_NUMBER] = "a number", [MR_STRING] = "text",
		[MR_TIME] = "a time", [MR_DURATION] = "a length of time", [MR_LIST] = "a list", [MR_MAP] = "a map",
		[MR_UNKNOWN] = "unknown", [MR_ANY] = "any value",
	};

	return names[type];
}

static bool
may_be(const struct node *node, enum mr_type type)
{
	return node->type == MR_ANY || node->type == type;
}

static bool
need(struct compiler *c, const struct node *node, enum mr_type type, const char *who)
{
	if (may_be(node, type))
		return true;
	return expr_fail(c, node->byte, "%s needs %s, this is %s%s", who, expr_type_name(type), expr_type_name(node->type),
	    type == MR_TIME && node->type == MR_STRING ? ": write timestamp(...) around it" :
	    type == MR_DURATION && node->type == MR_STRING ? ": write duration(...) around it" : "");
}

static struct node *
local_of(const struct scope *scope, struct mr_str name)
{
	for (; scope; scope = scope->outer)
		if (mr_str_eq(scope->macro->text, name))
			return scope->macro;
	return NULL;
}

// The key of a link that can be part of a name: .key or ["key"].
static struct mr_str
link_key(const struct node *node)
{
	if (node->kind == N_MEMBER || node->kind == N_NAME)
		return node->text;
	if (node->kind == N_INDEX && node->b->kind == N_CONST)
		return mr_value_str(node->b->value);
	return (struct mr_str){0};
}

static bool
fail_name(struct compiler *c, const struct node *root, const struct mr_str *parts, size_t n, const char *why)
{
	char name[100] = "";
	size_t len = 0;

	for (size_t i = 0; i < n && len + parts[i].n + 1 < sizeof(name); i++) {
		if (i)
			name[len++] = '.';
		memcpy(name + len, parts[i].p, parts[i].n);
		len += parts[i].n;
	}
	if (n == 1 && why == NULL)
		return expr_fail(c, root->byte, "unknown name '%s': did you mean '%s'? Text within an expression needs quotes of its own", name, name);
	return expr_fail(c, root->byte, "unknown name '%s'%s%s", name, why ? ": " : "", why ? why : "");
}

// The chain that ends in `top`, root first. 0 where it is none, or begins with a local.
static size_t
chain_of(struct node *top, const struct scope *scope, struct node **links, struct mr_str *parts)
{
	size_t depth = 1, n = 0;
	struct node *root = top;

	for (; root->kind == N_MEMBER || root->kind == N_INDEX; root = root->a)
		depth++;
	if (root->kind != N_NAME || local_of(scope, root->text))
		return 0;
	// Only the links next to the root count, up to the first that is no plain key.
	for (size_t skip = depth > PARTS_MAX ? depth - PARTS_MAX : 0; skip; skip--)
		top = top->a;
	MR_ASSERT(top != NULL);
	size_t links_n = depth > PARTS_MAX ? PARTS_MAX : depth;
	for (size_t i = links_n; i > 0; i--, top = top->a)
		links[i - 1] = top;
	for (; n < links_n; n++) {
		parts[n] = link_key(links[n]);
		if (parts[n].n == 0 || memchr(parts[n].p, '.', parts[n].n))
			break;
	}
	return n;
}

// Resolves the longest name that ends at or before `top`.
static bool
resolve(struct compiler *c, struct node *top, const struct scope *scope)
{
	struct node *links[PARTS_MAX];
	struct mr_str parts[PARTS_MAX];
	size_t n = chain_of(top, scope, links, parts);
	const char *why = NULL;
	struct mr_ref ref = {.type = MR_ANY};

	if (n == 0)
		return true;
	if (c->resolver == NULL || !c->resolver->resolve(c->resolver->arg, parts, n, &ref, &why))
		return fail_name(c, links[0], parts, n, why);
	MR_ASSERT(ref.consumed >= 1 && ref.consumed <= n);
	MR_ASSERT(ref.space == MR_SPACE_USER || (ref.space >= 0 && ref.space < MR_SPACE_MAX));
	struct node *end = links[ref.consumed - 1];
	end->kind = N_REF;
	end->ref = ref;
	end->type = (uint8_t)ref.type;
	end->byte = links[0]->byte;
	return true;
}

static bool
check_member(struct compiler *c, struct node *node, const struct scope *scope)
{
	if (!resolve(c, node, scope))
		return false;
	if (node->kind == N_REF)
		return true;
	if (!check(c, node->a, scope) || (node->kind == N_INDEX && !check(c, node->b, scope)))
		return false;
	node->constant = node->a->constant && (node->kind == N_MEMBER || node->b->constant);
	node->type = MR_ANY;
	bool list = node->kind == N_INDEX && may_be(node->a, MR_LIST);
	if (!may_be(node->a, MR_MAP) && !list)
		return expr_fail(c, node->byte, "%s has no %s", expr_type_name(node->a->type),
		    node->kind == N_INDEX ? "items" : "members");
	if (node->kind == N_MEMBER)
		return true;
	bool text = may_be(node->a, MR_MAP) && may_be(node->b, MR_STRING), number = list && may_be(node->b, MR_NUMBER);
	return text || number || expr_fail(c, node->b->byte, "an index is a number (of a list) or text (of a map), this is %s",
	    expr_type_name(node->b->type));
}

static bool
fail_pair(struct compiler *c, const struct node *node)
{
	enum mr_type a = node->a->type, b = node->b->type;
	bool text = a == MR_STRING || b == MR_STRING;
	enum mr_type other = a == MR_STRING ? b : a;

	return expr_fail(c, node->byte, "%s and %s don't go together%s", expr_type_name(a), expr_type_name(b),
	    text && other == MR_TIME ? ": write timestamp(...) around the text" :
	    text && other == MR_DURATION ? ": write duration(...) around the text" :
	    text && other == MR_NUMBER ? ": text is never turned into a number" : "");
}

// What `a op b` gives; MR_UNKNOWN where there is no such operation. One of them may be MR_ANY.
static enum mr_type
sum_type(enum mr_op op, enum mr_type a, enum mr_type b)
{
	bool add = op == OP_ADD;

	if (a == MR_TIME)
		return b == MR_DURATION ? MR_TIME : b == MR_ANY ? (add ? MR_TIME : MR_ANY) :
		    b == MR_TIME && !add ? MR_DURATION : MR_UNKNOWN;
	if (a == MR_DURATION)
		return b == MR_DURATION ? MR_DURATION : b == MR_ANY ? (add ? MR_ANY : MR_DURATION) :
		    b == MR_TIME && add ? MR_TIME : MR_UNKNOWN;
	if (b == MR_TIME)
		return a == MR_ANY ? (add ? MR_TIME : MR_DURATION) : MR_UNKNOWN;
	if (b == MR_DURATION)
		return a == MR_ANY ? MR_ANY : MR_UNKNOWN;
	enum mr_type known = a == MR_ANY ? b : a;
	if (b != MR_ANY && b != known)
		return MR_UNKNOWN;
	return known == MR_NUMBER || known == MR_ANY || (add && (known == MR_STRING || known == MR_LIST)) ? known : MR_UNKNOWN;
}

static bool
check_in(struct compiler *c, struct node *node)
{
	if (node->b->type == MR_STRING)
		return expr_fail(c, node->byte, "'in' looks into a list or a map; for text write x.contains(...)");
	if (!may_be(node->b, MR_LIST) && !may_be(node->b, MR_MAP))
		return expr_fail(c, node->byte, "'in' looks into a list or a map, this is %s", expr_type_name(node->b->type));
	const struct node *first = node->b->args;
	if (node->b->kind != N_LIST || first == NULL)
		return true;
	for (const struct node *item = first; item; item = item->next)
		if (may_be(item, node->a->type) || node->a->type == MR_ANY)
			return true;
	return expr_fail(c, first->byte, "%s is looked for, this is %s", expr_type_name(node->a->type),
	    expr_type_name(first->type));
}

static bool
check_binary(struct compiler *c, struct node *node)
{
	enum mr_type a = node->a->type, b = node->b->type;

	if (a == MR_ABSENT || b == MR_ABSENT)
		return expr_fail(c, (a == MR_ABSENT ? node->a : node->b)->byte,
		    "nothing can be compared or computed with null: write has(x) or !has(x)");
	node->type = MR_BOOL;
	switch (node->op) {
	case OP_IN:
		return check_in(c, node);
	case OP_EQ:
	case OP_NE:
		return a == b || a == MR_ANY || b == MR_ANY || fail_pair(c, node);
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
		if (a == MR_LIST || a == MR_MAP || b == MR_LIST || b == MR_MAP)
			return expr_fail(c, node->byte, "lists and maps have no order");
		return a == b || a == MR_ANY || b == MR_ANY || fail_pair(c, node);
	case OP_MUL:
	case OP_DIV:
		node->type = MR_NUMBER;
		return need(c, node->a, MR_NUMBER, node->op == OP_MUL ? "'*'" : "'/'") &&
		    need(c, node->b, MR_NUMBER, node->op == OP_MUL ? "'*'" : "'/'");
	default: {
		enum mr_type type = sum_type(node->op, a, b);
		node->type = (uint8_t)type;
		return type != MR_UNKNOWN || fail_pair(c, node);
	}
	}
}

static bool
check_matches(struct compiler *c, struct node *pattern)
{
	const char *why;
	size_t at;

	if (pattern->kind != N_CONST)
		return expr_fail(c, pattern->byte, "the pattern of matches() is a literal text");
	void *regex = expr_regex_new(mr_value_str(pattern->value), &why, &at);
	if (regex == NULL)
		return expr_fail(c, pattern->byte, "not a pattern: %s (at its byte %u)", why, (unsigned)at);
	expr_regex_free(regex);
	return true;
}

static bool
check_time_text(struct compiler *c, const struct node *node)
{
	int64_t ms;

	if (!mr_time_parse(mr_value_str(node->value), &ms))
		return expr_fail(c, node->byte, "not a time: write it as \"2026-03-01T10:00:00Z\"");
	return expr_time_in_range(ms).type == MR_TIME || expr_fail(c, node->byte, "the time is not within the years 1 to 9999");
}

// "HH:MM", or an hour.
static bool
check_clock(struct compiler *c, const struct node *node)
{
	int32_t minutes;

	if (node->type != MR_NUMBER && node->type != MR_STRING && node->type != MR_ANY)
		return expr_fail(c, node->byte, "at_local() takes \"HH:MM\" or an hour, this is %s", expr_type_name(node->type));
	if (node->kind != N_CONST)
		return true;
	double hour = node->value.num;
	bool ok = node->type == MR_STRING ? expr_clock_parse(mr_value_str(node->value), &minutes) :
	    hour >= 0 && hour <= 23 && hour == (double)(int)hour;
	return ok || expr_fail(c, node->byte, "not a time of day: write \"18:00\", or an hour from 0 to 23");
}

static bool
check_call(struct compiler *c, struct node *node)
{
	struct node *first = node->args;
	int64_t ms;

	switch (node->op) {
	case F_SIZE:
		return may_be(first, MR_STRING) || may_be(first, MR_LIST) || may_be(first, MR_MAP) ||
		    expr_fail(c, first->byte, "size() needs text, a list or a map, this is %s", expr_type_name(first->type));
	case F_MATCHES:
		return need(c, first, MR_STRING, "matches()") && need(c, first->next, MR_STRING, "matches()") &&
		    check_matches(c, first->next);
	case F_TIMESTAMP:
		if (first->kind == N_CONST && first->type == MR_STRING)
			return check_time_text(c, first);
		return may_be(first, MR_TIME) || may_be(first, MR_NUMBER) || need(c, first, MR_STRING, "timestamp()");
	case F_DURATION:
		if (first->kind == N_CONST && first->type == MR_STRING && !expr_duration_parse(mr_value_str(first->value), &ms))
			return expr_fail(c, first->byte, "not a length of time: write it as \"3d\", \"12h\", \"30m\", \"10s\" or \"1h30m\"");
		return may_be(first, MR_DURATION) || need(c, first, MR_STRING, "duration()");
	case F_AT_LOCAL:
		return need(c, first, MR_TIME, "at_local()") && check_clock(c, first->next);
	case F_LOCAL_HOUR:
		return need(c, first, MR_TIME, "local_hour()");
	default:
		return need(c, first, MR_STRING, "a text function") && need(c, first->next, MR_STRING, "a text function");
	}
}

static bool
check_args(struct compiler *c, struct node *node, const struct scope *scope)
{
	size_t i = 0;

	node->constant = true;
	for (struct node *arg = node->args; arg; arg = arg->next, i++) {
		if (!check(c, arg, scope))
			return false;
		if (node->kind == N_MAP && i % 2 == 0 && !need(c, arg, MR_STRING, "a key"))
			return false;
		node->constant = node->constant && arg->constant;
	}
	MR_ASSERT(i == node->n_args);
	if (node->kind != N_CALL) {
		node->type = node->kind == N_LIST ? MR_LIST : MR_MAP;
		return true;
	}
	node->type = expr_function(node->text)->result;
	if (node->op == F_AT_LOCAL || node->op == F_LOCAL_HOUR)
		node->constant = false;
	return check_call(c, node);
}

static bool
check_macro(struct compiler *c, struct node *node, const struct scope *scope)
{
	struct scope inner = {scope, node};

	MR_ASSERT(node->a != NULL && node->b != NULL && node->text.n > 0);
	if (!check(c, node->a, scope))
		return false;
	if (!may_be(node->a, MR_LIST) && !may_be(node->a, MR_MAP))
		return expr_fail(c, node->a->byte, "this is %s, not a list", expr_type_name(node->a->type));
	if (!check(c, node->b, &inner))
		return false;
	bool test = node->op != F_MAP;
	node->type = node->op == F_EXISTS || node->op == F_ALL ? MR_BOOL : MR_LIST;
	return !test || need(c, node->b, MR_BOOL, "a condition");
}

static bool
check_ternary(struct compiler *c, struct node *node, const struct scope *scope)
{
	if (!check(c, node->a, scope) || !check(c, node->b, scope) || !check(c, node->c, scope) ||
	    !need(c, node->a, MR_BOOL, "'?'"))
		return false;
	enum mr_type yes = node->b->type, no = node->c->type;
	node->type = (uint8_t)(yes == no || no == MR_ABSENT ? yes : yes == MR_ABSENT ? no : MR_ANY);
	node->constant = node->a->constant && node->b->constant && node->c->constant;
	return true;
}

static bool
check(struct compiler *c, struct node *node, const struct scope *scope)
{
	switch (node->kind) {
	case N_CONST:
		node->type = node->value.type;
		node->constant = true;
		return true;
	case N_REF:
		return true;
	case N_NOW:
		node->type = MR_TIME;
		return true;
	case N_NAME:
		node->macro = local_of(scope, node->text);
		if (node->macro == NULL)
			return resolve(c, node, scope);
		node->kind = N_LOCAL;
		node->type = node->macro->a->type == MR_MAP ? MR_STRING : MR_ANY;
		return true;
	case N_MEMBER:
	case N_INDEX:
		return check_member(c, node, scope);
	case N_HAS:
		node->type = MR_BOOL;
		return check(c, node->a, scope);
	case N_NOT:
	case N_NEG:
		node->type = node->kind == N_NOT ? MR_BOOL : MR_NUMBER;
		if (!check(c, node->a, scope))
			return false;
		node->constant = node->a->constant;
		return need(c, node->a, node->type, node->kind == N_NOT ? "'!'" : "'-'");
	case N_OR:
	case N_AND:
	case N_BINARY:
		if (!check(c, node->a, scope) || !check(c, node->b, scope))
			return false;
		node->constant = node->a->constant && node->b->constant;
		if (node->kind == N_BINARY)
			return check_binary(c, node);
		node->type = MR_BOOL;
		return need(c, node->a, MR_BOOL, node->kind == N_OR ? "'||'" : "'&&'") &&
		    need(c, node->b, MR_BOOL, node->kind == N_OR ? "'||'" : "'&&'");
	case N_TERNARY:
		return check_ternary(c, node, scope);
	case N_MACRO:
		return check_macro(c, node, scope);
	default:
		return check_args(c, node, scope);
	}
}

bool
expr_check(struct compiler *c, struct node *top, enum mr_type want)
{
	if (!check(c, top, NULL))
		return false;
	if (want == MR_ANY || may_be(top, want))
		return true;
	return expr_fail(c, top->byte, "%s is needed here, this is %s", expr_type_name(want), expr_type_name(top->type));
}
