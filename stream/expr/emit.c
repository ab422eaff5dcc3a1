// The checked tree to a program, and the program into one block of memory.
#include "expr/ast.h"

#include <stdlib.h>

#define INSNS_MAX (NODES_MAX * 5 + 2)  // a macro takes the most: four, and its parts
#define FOLD_STEPS 100000

struct emitter {
	struct compiler *c;
	struct insn *insns;
	struct mr_value *consts;
	void **regexes;
	uint32_t n_insns, n_consts, n_regexes;
	uint32_t height, stack;
};

static void emit(struct emitter *e, struct node *node);

// Appends an instruction that changes the stack's height by `delta`; returns its number.
static uint32_t
put(struct emitter *e, enum mr_op op, int delta, uint32_t c)
{
	MR_ASSERT(e->n_insns < INSNS_MAX);
	MR_ASSERT((int)e->height + delta >= 0);
	e->insns[e->n_insns] = (struct insn){.op = (uint8_t)op, .c = c};
	e->height = (uint32_t)((int)e->height + delta);
	if (e->height > e->stack)
		e->stack = e->height;
	return e->n_insns++;
}

static uint32_t
constant(struct emitter *e, struct mr_value value)
{
	MR_ASSERT(e->n_consts < INSNS_MAX);
	e->consts[e->n_consts] = value;
	return e->n_consts++;
}

static void
emit_ref(struct emitter *e, const struct mr_ref *ref)
{
	if (ref->space == MR_SPACE_USER) {
		put(e, OP_USER, 1, ref->number);
		return;
	}
	MR_ASSERT(ref->space >= 0 && ref->space < MR_SPACE_MAX);
	uint32_t at = put(e, OP_LOAD, 1, ref->number);
	e->insns[at].a = (uint8_t)ref->space;
}

static void
emit_logic(struct emitter *e, struct node *node)
{
	bool is_and = node->kind == N_AND;

	emit(e, node->a);
	uint32_t test = put(e, is_and ? OP_AND_TEST : OP_OR_TEST, 0, 0);
	emit(e, node->b);
	put(e, is_and ? OP_AND : OP_OR, -1, 0);
	e->insns[test].c = e->n_insns;
}

static void
emit_ternary(struct emitter *e, struct node *node)
{
	emit(e, node->a);
	uint32_t branch = put(e, OP_BRANCH, -1, 0);
	emit(e, node->b);
	uint32_t jump = put(e, OP_JUMP, -1, 0);   // the other way starts one lower
	e->insns[branch].c = e->n_insns;
	emit(e, node->c);
	e->insns[jump].c = e->n_insns;
	e->insns[branch].b = (uint16_t)e->n_insns;
}

static void
emit_macro(struct emitter *e, struct node *node)
{
	emit(e, node->a);
	uint32_t each = put(e, OP_EACH, 3, 0);
	node->slot = (uint16_t)(e->height - 1);
	MR_ASSERT(node->slot >= 3);
	uint32_t next = put(e, OP_NEXT, 0, 0);
	emit(e, node->b);
	uint32_t step = put(e, OP_STEP, -1, next);
	e->insns[each].a = e->insns[step].a = node->op;
	e->insns[each].c = e->insns[next].c = put(e, OP_DONE, -3, 0);
}

static void
emit_matches(struct emitter *e, const struct node *node)
{
	const char *why;
	size_t at;
	void *regex = expr_regex_new(mr_value_str(node->args->next->value), &why, &at);

	MR_ASSERT(regex != NULL);   // checked
	MR_ASSERT(e->n_regexes < NODES_MAX);
	e->regexes[e->n_regexes] = regex;
	put(e, OP_MATCHES, 0, e->n_regexes++);
}

static void
emit_args(struct emitter *e, struct node *node)
{
	if (node->kind == N_CALL && node->op == F_MATCHES) {
		emit(e, node->args);
		emit_matches(e, node);
		return;
	}
	for (struct node *arg = node->args; arg; arg = arg->next)
		emit(e, arg);
	uint32_t at = put(e, node->kind == N_LIST ? OP_LIST : node->kind == N_MAP ? OP_MAP : OP_CALL,
	    1 - (int)node->n_args, node->n_args);
	if (node->kind == N_CALL) {
		e->insns[at].a = node->op;
		e->insns[at].b = (uint16_t)node->n_args;
	}
}

static void
emit_code(struct emitter *e, struct node *node)
{
	switch (node->kind) {
	case N_CONST:
		put(e, OP_CONST, 1, constant(e, node->value));
		break;
	case N_REF:
		emit_ref(e, &node->ref);
		break;
	case N_LOCAL:
		put(e, OP_LOCAL, 1, 0);
		MR_ASSERT(node->macro->slot < e->height);
		e->insns[e->n_insns - 1].b = node->macro->slot;
		break;
	case N_NOW:
		put(e, OP_NOW, 1, 0);
		break;
	case N_MEMBER:
		emit(e, node->a);
		put(e, OP_MEMBER, 0, constant(e, mr_string(node->text)));
		break;
	case N_INDEX:
	case N_BINARY:
		emit(e, node->a);
		emit(e, node->b);
		put(e, node->kind == N_INDEX ? OP_INDEX : node->op, -1, 0);
		break;
	case N_NOT:
	case N_NEG:
	case N_HAS:
		emit(e, node->a);
		put(e, node->kind == N_NOT ? OP_NOT : node->kind == N_NEG ? OP_NEG : OP_HAS, 0, 0);
		break;
	case N_OR:
	case N_AND:
		emit_logic(e, node);
		break;
	case N_TERNARY:
		emit_ternary(e, node);
		break;
	case N_MACRO:
		emit_macro(e, node);
		break;
	default:
		emit_args(e, node);
		break;
	}
}

// Emits a node; what is the same in every evaluation is computed now.
static void
emit(struct emitter *e, struct node *node)
{
	uint32_t insns = e->n_insns, consts = e->n_consts, height = e->height;

	emit_code(e, node);
	MR_ASSERT(e->height == height + 1);
	if (!node->constant || node->kind == N_CONST)
		return;
	put(e, OP_END, 0, 0);
	struct mr_expr part = {.stack = (uint16_t)e->stack, .n_insns = e->n_insns - insns, .insns = e->insns,
	    .consts = e->consts, .regexes = e->regexes};
	struct mr_env env = {.arena = e->c->arena, .cost_left = FOLD_STEPS};
	struct mr_value value = expr_run(&part, &env, insns);
	e->n_insns = insns;
	e->n_consts = consts;
	e->height = height;
	put(e, OP_CONST, 1, constant(e, value));
}

// Bytes behind a value, each piece rounded up to 16. Literals nest as deep as their brackets.
static size_t
packed_size(struct mr_value v)
{
	size_t n = 0;

	if (v.type == MR_STRING)
		n = v.n;
	else if (v.type == MR_LIST)
		n = v.n * sizeof(*v.items);
	else if (v.type == MR_MAP)
		n = v.n * sizeof(*v.members);
	n = (n + 15) & ~(size_t)15;
	for (uint32_t i = 0; v.type == MR_LIST && i < v.n; i++)
		n += packed_size(v.items[i]);
	for (uint32_t i = 0; v.type == MR_MAP && i < v.n; i++)
		n += packed_size(mr_string(v.members[i].key)) + packed_size(v.members[i].value);
	return n;
}

static void *
pack_bytes(char **at, const void *from, size_t n)
{
	void *to = *at;

	if (n)
		memcpy(to, from, n);
	*at += (n + 15) & ~(size_t)15;
	return to;
}

static struct mr_value
pack(char **at, struct mr_value v)
{
	if (v.type == MR_STRING) {
		v.str = pack_bytes(at, v.str, v.n);
	} else if (v.type == MR_LIST) {
		struct mr_value *items = pack_bytes(at, v.items, v.n * sizeof(*items));
		for (uint32_t i = 0; i < v.n; i++)
			items[i] = pack(at, items[i]);
		v.items = items;
	} else if (v.type == MR_MAP) {
		struct mr_member *members = pack_bytes(at, v.members, v.n * sizeof(*members));
		for (uint32_t i = 0; i < v.n; i++) {
			members[i].key.p = pack_bytes(at, members[i].key.p, members[i].key.n);
			members[i].value = pack(at, members[i].value);
		}
		v.members = members;
	}
	return v;
}

static struct mr_expr *
assemble(const struct emitter *e, enum mr_type type)
{
	size_t head = (sizeof(struct mr_expr) + 15) & ~(size_t)15;
	size_t size = head + ((e->n_insns * sizeof(struct insn) + 15) & ~(size_t)15) +
	    ((e->n_consts * sizeof(struct mr_value) + 15) & ~(size_t)15) + ((e->n_regexes * sizeof(void *) + 15) & ~(size_t)15);

	for (uint32_t i = 0; i < e->n_consts; i++)
		size += packed_size(e->consts[i]);
	struct mr_expr *x = calloc(1, size);
	MR_ASSERT(x != NULL);
	char *at = (char *)x + head;
	*x = (struct mr_expr){.type = (uint8_t)type, .stack = (uint16_t)e->stack, .n_insns = e->n_insns,
	    .n_consts = e->n_consts, .n_regexes = e->n_regexes};
	x->insns = pack_bytes(&at, e->insns, e->n_insns * sizeof(struct insn));
	struct mr_value *consts = pack_bytes(&at, e->consts, e->n_consts * sizeof(*consts));
	x->regexes = pack_bytes(&at, e->regexes, e->n_regexes * sizeof(void *));
	for (uint32_t i = 0; i < e->n_consts; i++)
		consts[i] = pack(&at, consts[i]);
	x->consts = consts;
	MR_ASSERT(x->insns[x->n_insns - 1].op == OP_END);
	MR_ASSERT(at == (char *)x + size);
	return x;
}

struct mr_expr *
expr_emit(struct compiler *c, struct node *top, enum mr_type want)
{
	struct emitter e = {.c = c};

	e.insns = mr_arena_alloc(c->arena, INSNS_MAX * sizeof(*e.insns));
	e.consts = mr_arena_alloc(c->arena, INSNS_MAX * sizeof(*e.consts));
	e.regexes = mr_arena_alloc(c->arena, NODES_MAX * sizeof(*e.regexes));
	emit(&e, top);
	MR_ASSERT(e.height == 1);
	// A declared boolean may be absent, an operator's result never is.
	bool sure = top->kind == N_BINARY || top->kind == N_AND || top->kind == N_OR || top->kind == N_NOT;
	if (want != MR_ANY && ((enum mr_type)top->type != want || (want == MR_BOOL && !sure))) {
		put(&e, OP_WANT, 0, 0);
		e.insns[e.n_insns - 1].a = (uint8_t)want;
	}
	put(&e, OP_END, 0, 0);
	if (!mr_arena_overflowed(c->arena))
		return assemble(&e, want != MR_ANY ? want : (enum mr_type)top->type);
	for (uint32_t i = 0; i < e.n_regexes; i++)
		expr_regex_free(e.regexes[i]);
	expr_fail(c, 0, "the expression takes too much memory");
	return NULL;
}
