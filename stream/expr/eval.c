// The stack machine. No recursion, no memory of its own: budget and arena are the caller's.
#include "core/arena.h"
#include "expr/program.h"

#include <millrace/text.h>

#define STACK_LOCAL 48

void *
expr_alloc(struct mr_env *env, size_t size)
{
	void *p = mr_arena_alloc(env->arena, size);

	if (!mr_arena_overflowed(env->arena))
		return p;
	env->cost_left = 0;
	env->spent = true;
	return NULL;
}

static bool
is(struct mr_value v, bool b)
{
	return v.type == MR_BOOL && v.b == b;
}

// && and || as CEL has them: what decides absorbs what is unknown.
static struct mr_value
logic(struct mr_value a, struct mr_value b, bool decides)
{
	if (is(a, decides) || is(b, decides))
		return mr_bool(decides);
	return is(a, !decides) && is(b, !decides) ? mr_bool(!decides) : expr_unknown();
}

static struct mr_value
make_list(struct mr_env *env, const struct mr_value *from, uint32_t n)
{
	struct mr_value list = {.type = MR_LIST, .n = n};

	if (!expr_charge(env, n))
		return expr_unknown();
	struct mr_value *items = n ? expr_alloc(env, n * sizeof(*items)) : NULL;
	if (n && items == NULL)
		return expr_unknown();
	for (uint32_t i = 0; i < n; i++) {
		if (from[i].type == MR_UNKNOWN)
			return expr_unknown();
		items[i] = from[i];
	}
	list.items = items;
	return list;
}

// Keys and values in turns. A key that is no text, or comes twice, makes it unknown.
static struct mr_value
make_map(struct mr_env *env, const struct mr_value *from, uint32_t n)
{
	struct mr_value map = {.type = MR_MAP, .n = n / 2};
	struct mr_member *members = NULL;

	MR_ASSERT(n % 2 == 0);
	if (!expr_charge(env, (size_t)n * n / 16 + 1))   // the search for repeated keys
		return expr_unknown();
	if (n && (members = expr_alloc(env, n / 2 * sizeof(*members))) == NULL)
		return expr_unknown();
	for (uint32_t i = 0; i < n; i += 2) {
		struct mr_str key = mr_value_str(from[i]);
		if (from[i].type != MR_STRING || from[i + 1].type == MR_UNKNOWN)
			return expr_unknown();
		for (uint32_t j = 0; j < i / 2; j++)
			if (mr_str_eq(members[j].key, key))
				return expr_unknown();
		members[i / 2] = (struct mr_member){key, from[i + 1]};
	}
	map.members = members;
	return map;
}

// The places of a running macro, counted from the top of the stack (behind the item).
#define OVER (-4)
#define INDEX (-3)
#define RESULT (-2)
#define ITEM (-1)

static uint32_t
each(struct mr_env *env, const struct insn *in, struct mr_value *sp, uint32_t at)
{
	struct mr_value over = sp[OVER], result = mr_bool(in->a == F_ALL);

	MR_ASSERT(in->a >= F_EXISTS && in->a <= F_MAP);
	sp[INDEX] = (struct mr_value){.type = MR_NUMBER};
	sp[ITEM] = mr_absent();
	if (over.type != MR_LIST && over.type != MR_MAP) {
		sp[RESULT] = expr_unknown();
		return in->c;
	}
	if (in->a == F_FILTER || in->a == F_MAP) {
		result = (struct mr_value){.type = MR_LIST};
		if (!expr_charge(env, over.n) || (over.n && !(result.items = expr_alloc(env, over.n * sizeof(*result.items)))))
			result = expr_unknown();
	}
	sp[RESULT] = result;
	return result.type == MR_UNKNOWN ? in->c : at;
}

static uint32_t
next(const struct insn *in, struct mr_value *sp, uint32_t at)
{
	struct mr_value over = sp[OVER];
	uint32_t i = sp[INDEX].n++;

	MR_ASSERT(over.type == MR_LIST || over.type == MR_MAP);
	if (i >= over.n)
		return in->c;
	sp[ITEM] = over.type == MR_LIST ? over.items[i] : mr_string(over.members[i].key);
	return at;
}

static void
append(struct mr_value *list, struct mr_value item)
{
	struct mr_value *items = (struct mr_value *)(uintptr_t)list->items;   // ours, from each()

	MR_ASSERT(list->type == MR_LIST && items != NULL);
	items[list->n++] = item;
}

// Takes what the body gave for one item. `sp` is behind the item, where the body's value lies.
static uint32_t
step(struct mr_env *env, const struct insn *in, struct mr_value *sp, uint32_t at)
{
	struct mr_value body = sp[0], *result = &sp[RESULT];
	bool settled = false;

	MR_ASSERT(in->c < at);   // the loop goes back
	switch (in->a) {
	case F_EXISTS:
	case F_ALL:
		settled = is(body, in->a == F_EXISTS);
		if (settled)
			*result = body;
		else if (body.type != MR_BOOL)
			*result = expr_unknown();
		break;
	case F_FILTER:
		if (is(body, true))
			append(result, sp[ITEM]);
		else if (!is(body, false))
			settled = true, *result = expr_unknown();
		break;
	default:
		if (body.type == MR_UNKNOWN)
			settled = true, *result = expr_unknown();
		else
			append(result, body);
		break;
	}
	if (!settled && !expr_charge(env, at - in->c))
		settled = true, *result = expr_unknown();
	return settled ? at : in->c;
}

// Everything that is not worth a place in the loop below. Returns the new top.
static struct mr_value *
run_other(const struct mr_expr *e, struct mr_env *env, const struct insn *in, struct mr_value *sp, uint32_t *at)
{
	switch (in->op) {
	case OP_NOW:
		*sp = mr_time(env->now_ms);
		return sp + 1;
	case OP_INDEX:
		sp[-2] = expr_index(sp[-2], sp[-1]);
		return sp - 1;
	case OP_NEG:
		sp[-1] = sp[-1].type == MR_NUMBER ? mr_num(-sp[-1].num) : expr_unknown();
		return sp;
	case OP_BRANCH:
		if (is(sp[-1], true))
			return sp - 1;
		if (is(sp[-1], false)) {
			*at = in->c;
			return sp - 1;
		}
		*at = in->b;
		sp[-1] = expr_unknown();
		return sp;
	case OP_LIST:
		sp -= in->c;
		*sp = make_list(env, sp, in->c);
		return sp + 1;
	case OP_MAP:
		sp -= in->c;
		*sp = make_map(env, sp, in->c);
		return sp + 1;
	case OP_CALL:
		sp -= in->b;
		*sp = expr_call(env, in->a, sp);
		return sp + 1;
	case OP_MATCHES:
		sp[-1] = expr_regex_match(env, e->regexes[in->c], sp[-1]);
		return sp;
	case OP_EACH:
		sp += 3;
		*at = each(env, in, sp, *at);
		return sp;
	case OP_NEXT:
		*at = next(in, sp, *at);
		return sp;
	case OP_STEP:
		*at = step(env, in, sp - 1, *at);
		return sp - 1;
	case OP_DONE:
		sp[OVER] = sp[RESULT];
		return sp - 3;
	default:
		MR_ASSERT(in->op == OP_WANT);
		if (sp[-1].type != in->a && (sp[-1].type != MR_ABSENT || in->a == MR_BOOL))
			sp[-1] = expr_unknown();
		return sp;
	}
}

// Operators with two operands, numbers first: they are what conditions are made of.
static inline struct mr_value
binary(struct mr_env *env, enum mr_op op, struct mr_value a, struct mr_value b)
{
	if (a.type != MR_NUMBER || b.type != MR_NUMBER)
		return expr_binary(env, op, a, b);
	double r;
	switch (op) {
	case OP_EQ: return mr_bool(a.num == b.num);
	case OP_NE: return mr_bool(a.num != b.num);
	case OP_LT: return mr_bool(a.num < b.num);
	case OP_LE: return mr_bool(a.num <= b.num);
	case OP_GT: return mr_bool(a.num > b.num);
	case OP_GE: return mr_bool(a.num >= b.num);
	case OP_ADD: r = a.num + b.num; break;
	case OP_SUB: r = a.num - b.num; break;
	case OP_MUL: r = a.num * b.num; break;
	case OP_DIV: r = a.num / b.num; break;
	default: return expr_unknown();
	}
	return __builtin_isfinite(r) ? mr_num(r) : expr_unknown();
}

static struct mr_value
load(const struct mr_env *env, const struct insn *in)
{
	return in->c < env->sizes[in->a] ? env->spaces[in->a][in->c] : mr_absent();
}

static struct mr_value
run(const struct mr_expr *e, struct mr_env *env, uint32_t at, struct mr_value *stack)
{
	struct mr_value *sp = stack;

	for (;;) {
		const struct insn *in = &e->insns[at++];
		switch ((enum mr_op)in->op) {
		case OP_CONST: *sp++ = e->consts[in->c]; break;
		case OP_LOAD: *sp++ = load(env, in); break;
		case OP_USER: *sp++ = env->user ? env->user(env->user_arg, in->c) : mr_absent(); break;
		case OP_LOCAL: *sp++ = stack[in->b]; break;
		case OP_MEMBER: sp[-1] = expr_member(sp[-1], mr_value_str(e->consts[in->c])); break;
		case OP_HAS: sp[-1] = mr_bool(sp[-1].type != MR_ABSENT && sp[-1].type != MR_UNKNOWN); break;
		case OP_NOT: sp[-1] = sp[-1].type == MR_BOOL ? mr_bool(!sp[-1].b) : expr_unknown(); break;
		case OP_ADD: case OP_SUB: case OP_MUL: case OP_DIV: case OP_EQ: case OP_NE:
		case OP_LT: case OP_LE: case OP_GT: case OP_GE:
			sp--;
			sp[-1] = binary(env, in->op, sp[-1], sp[0]);
			break;
		case OP_IN: sp--; sp[-1] = expr_in(env, sp[-1], sp[0]); break;
		case OP_AND_TEST: at = is(sp[-1], false) ? in->c : at; break;
		case OP_OR_TEST: at = is(sp[-1], true) ? in->c : at; break;
		case OP_AND: sp--; sp[-1] = logic(sp[-1], sp[0], false); break;
		case OP_OR: sp--; sp[-1] = logic(sp[-1], sp[0], true); break;
		case OP_JUMP: at = in->c; break;
		case OP_END:
			MR_ASSERT(sp == stack + 1);
			return sp[-1];
		default: sp = run_other(e, env, in, sp, &at); break;
		}
	}
}

struct mr_value
expr_run(const struct mr_expr *e, struct mr_env *env, uint32_t at)
{
	struct mr_value local[STACK_LOCAL], *stack = local;

	MR_ASSERT(e->stack > 0);
	MR_ASSERT(env->arena != NULL);
	env->spent = false;
	if (!expr_charge(env, e->n_insns))
		return expr_unknown();
	if (e->stack > STACK_LOCAL && (stack = expr_alloc(env, e->stack * sizeof(*stack))) == NULL)
		return expr_unknown();
	struct mr_value value = run(e, env, at, stack);
	return env->spent ? expr_unknown() : value;
}

struct mr_value
mr_expr_eval(const struct mr_expr *e, struct mr_env *env)
{
	return expr_run(e, env, 0);
}
