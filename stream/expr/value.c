// Operators over values, with what is unknown as a third truth.
#include "expr/program.h"

#include "core/arena.h"
#include "expr/zone.h"

#include <millrace/text.h>

#define EQUAL_DEPTH 40  // decoded values and literals nest to 32
#define TIME_MIN INT64_C(-62135596800000)
#define TIME_MAX INT64_C(253402300799999)
#define DURATION_MAX INT64_C(9223372036854)

static size_t
text_cost(struct mr_value v)
{
	return v.n / 32;
}

struct mr_value
expr_time_in_range(int64_t ms)
{
	return ms >= TIME_MIN && ms <= TIME_MAX ? mr_time(ms) : expr_unknown();
}

struct mr_value
expr_duration_in_range(int64_t ms)
{
	return ms >= -DURATION_MAX && ms <= DURATION_MAX ? mr_duration(ms) : expr_unknown();
}

static struct mr_value equal(struct mr_env *env, struct mr_value a, struct mr_value b, int depth);

// Folds the truth of one pair into that of all: false decides, unknown stays.
static bool
settles(struct mr_value one, struct mr_value *all)
{
	if (one.type == MR_BOOL && one.b)
		return false;
	*all = one.type == MR_BOOL ? one : expr_unknown();
	return one.type == MR_BOOL;
}

static struct mr_value
lists_equal(struct mr_env *env, struct mr_value a, struct mr_value b, int depth)
{
	struct mr_value all = mr_bool(a.n == b.n);

	for (uint32_t i = 0; a.n == b.n && i < a.n; i++)
		if (settles(equal(env, a.items[i], b.items[i], depth), &all))
			break;
	return all;
}

// By key; of a repeated key the first counts, and a key without a value is as good as none.
static struct mr_value
maps_equal(struct mr_env *env, struct mr_value a, struct mr_value b, int depth)
{
	struct mr_value all = mr_bool(true);

	if (!expr_charge(env, (size_t)a.n * (a.n + b.n) / 16 + (size_t)b.n * a.n / 16))
		return expr_unknown();
	for (uint32_t i = 0; i < b.n; i++)
		if (b.members[i].value.type != MR_ABSENT && expr_member(a, b.members[i].key).type == MR_ABSENT)
			return mr_bool(false);
	for (uint32_t i = 0; i < a.n; i++) {
		struct mr_value one = expr_member(a, a.members[i].key), other = expr_member(b, a.members[i].key);
		bool missing = one.type != MR_ABSENT && other.type == MR_ABSENT;
		if (settles(missing ? mr_bool(false) : equal(env, one, other, depth), &all))
			break;
	}
	return all;
}

static struct mr_value
equal(struct mr_env *env, struct mr_value a, struct mr_value b, int depth)
{
	if (a.type != b.type || depth == EQUAL_DEPTH || !expr_charge(env, 1))
		return expr_unknown();
	switch (a.type) {
	case MR_BOOL:
		return mr_bool(a.b == b.b);
	case MR_NUMBER:
		return mr_bool(a.num == b.num);
	case MR_STRING:
		if (a.n == b.n && !expr_charge(env, text_cost(a)))
			return expr_unknown();
		return mr_bool(mr_str_eq(mr_value_str(a), mr_value_str(b)));
	case MR_TIME:
	case MR_DURATION:
		return mr_bool(a.ms == b.ms);
	case MR_LIST:
		return lists_equal(env, a, b, depth + 1);
	case MR_MAP:
		return maps_equal(env, a, b, depth + 1);
	default:
		return expr_unknown();
	}
}

static struct mr_value
order(struct mr_env *env, enum mr_op op, struct mr_value a, struct mr_value b)
{
	int c;

	MR_ASSERT(op >= OP_LT && op <= OP_GE);
	if (a.type != b.type)
		return expr_unknown();
	if (a.type == MR_STRING) {
		if (!expr_charge(env, text_cost(a)))
			return expr_unknown();
		c = mr_str_cmp(mr_value_str(a), mr_value_str(b));
	} else if (a.type == MR_TIME || a.type == MR_DURATION) {
		c = (a.ms > b.ms) - (a.ms < b.ms);
	} else if (a.type == MR_BOOL) {
		c = a.b - b.b;
	} else {
		return expr_unknown();   // numbers never come here
	}
	return mr_bool(op == OP_LT ? c < 0 : op == OP_LE ? c <= 0 : op == OP_GT ? c > 0 : c >= 0);
}

static struct mr_value
concat(struct mr_env *env, struct mr_value a, struct mr_value b)
{
	bool list = a.type == MR_LIST;
	size_t size = list ? sizeof(struct mr_value) : 1, n = (size_t)a.n + b.n;

	MR_ASSERT(a.type == b.type);
	if (n > UINT32_MAX || !expr_charge(env, list ? n : n / 32))
		return expr_unknown();
	if (a.n == 0 || b.n == 0)
		return a.n ? a : b;
	char *p = expr_alloc(env, n * size);
	if (p == NULL)
		return expr_unknown();
	memcpy(p, list ? (const void *)a.items : a.str, a.n * size);
	memcpy(p + a.n * size, list ? (const void *)b.items : b.str, b.n * size);
	if (!list)
		return mr_string((struct mr_str){p, n});
	return (struct mr_value){.type = MR_LIST, .n = (uint32_t)n, .items = (const struct mr_value *)(void *)p};
}

// Times and lengths; both are far inside what an int64_t holds, so nothing overflows.
static struct mr_value
sum(struct mr_env *env, bool add, struct mr_value a, struct mr_value b)
{
	int64_t ms = add ? a.ms + b.ms : a.ms - b.ms;

	if (a.type == MR_DURATION && b.type == MR_DURATION)
		return expr_duration_in_range(ms);
	if (a.type == MR_TIME && b.type == MR_DURATION)
		return expr_time_in_range(ms);
	if (add && a.type == MR_DURATION && b.type == MR_TIME)
		return expr_time_in_range(ms);
	if (!add && a.type == MR_TIME && b.type == MR_TIME)
		return expr_duration_in_range(ms);
	if (add && a.type == b.type && (a.type == MR_STRING || a.type == MR_LIST))
		return concat(env, a, b);
	return expr_unknown();
}

static bool
is_time(struct mr_value v)
{
	return v.type == MR_TIME || v.type == MR_DURATION;
}

struct mr_value
expr_binary(struct mr_env *env, enum mr_op op, struct mr_value a, struct mr_value b)
{
	struct mr_value same;

	MR_ASSERT(a.type != MR_NUMBER || b.type != MR_NUMBER);   // the machine's own
	switch (op) {
	case OP_EQ:
		return equal(env, a, b, 0);
	case OP_NE:
		same = equal(env, a, b, 0);
		return same.type == MR_BOOL ? mr_bool(!same.b) : same;
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
		return order(env, op, a, b);
	case OP_ADD:
	case OP_SUB:
		if (is_time(a) != is_time(b))
			return expr_unknown();
		return sum(env, op == OP_ADD, a, b);
	default:
		return expr_unknown();
	}
}

// As list.exists(x, x == item): one that is equal decides, one that can't be compared makes it unknown.
struct mr_value
expr_in(struct mr_env *env, struct mr_value item, struct mr_value where)
{
	struct mr_value found = mr_bool(false);

	if (where.type == MR_MAP && (item.type == MR_STRING || where.n == 0)) {
		if (!expr_charge(env, where.n / 16))
			return expr_unknown();
		for (uint32_t i = 0; i < where.n; i++)
			if (mr_str_eq(where.members[i].key, mr_value_str(item)))
				return mr_bool(true);
		return found;
	}
	if (where.type != MR_LIST)
		return expr_unknown();
	for (uint32_t i = 0; i < where.n; i++) {
		struct mr_value same = equal(env, item, where.items[i], 0);
		if (same.type != MR_BOOL)
			found = same;
		else if (same.b)
			return same;
	}
	return found;
}

struct mr_value
expr_member(struct mr_value v, struct mr_str key)
{
	if (v.type != MR_MAP)
		return v.type == MR_UNKNOWN ? v : mr_absent();
	for (uint32_t i = 0; i < v.n; i++)
		if (mr_str_eq(v.members[i].key, key))
			return v.members[i].value;
	return mr_absent();
}

struct mr_value
expr_index(struct mr_value v, struct mr_value key)
{
	if (v.type == MR_UNKNOWN || key.type == MR_UNKNOWN)
		return expr_unknown();
	if (v.type == MR_MAP && key.type == MR_STRING)
		return expr_member(v, mr_value_str(key));
	if (v.type != MR_LIST || key.type != MR_NUMBER || !(key.num >= 0) || key.num >= v.n)
		return mr_absent();
	uint32_t i = (uint32_t)key.num;
	return (double)i == key.num ? v.items[i] : mr_absent();
}

static struct mr_str
duration_text(int64_t ms, struct mr_arena *arena)
{
	char out[32];
	size_t n = mr_num_format(out, (double)ms / 1000);

	out[n++] = 's';
	return mr_arena_copy(arena, (struct mr_str){out, n});
}

struct mr_str
mr_value_text(struct mr_value v, struct mr_arena *arena)
{
	char out[32];

	switch (v.type) {
	case MR_BOOL:
		return v.b ? MR_LIT("true") : MR_LIT("false");
	case MR_NUMBER:   // -0 is equal to 0, so it has the same text
		return mr_arena_copy(arena, (struct mr_str){out, mr_num_format(out, v.num == 0 ? 0 : v.num)});
	case MR_STRING:
		return mr_value_str(v);
	case MR_TIME:
		mr_time_format(out, v.ms);
		return mr_arena_copy(arena, mr_str_of(out));
	case MR_DURATION:
		return duration_text(v.ms, arena);
	default:
		return (struct mr_str){0};
	}
}
