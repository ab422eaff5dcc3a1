#include "support.h"

struct row {
	const char *text, *expected;
};

static void
check_rows(const struct row *rows, size_t n, enum mr_type want)
{
	for (size_t i = 0; i < n; i++) {
		char *got = outcome(mr_str_of(rows[i].text), want);
		cr_expect_str_eq(got, rows[i].expected, "%s gives %s, not %s", rows[i].text, got, rows[i].expected);
		free(got);
	}
}
#define CHECK(rows, want) check_rows(rows, sizeof(rows) / sizeof(*(rows)), want)

Test(expr, literals)
{
	static const struct row rows[] = {
		{"0", "0"}, {"1e3", "1000"}, {".5", "0.5"}, {"007", "7"}, {"0x1F", "31"}, {"-2.5e-1", "-0.25"}, {"1e-400", "0"},
		{"true", "true"}, {"null", "absent"}, {"'a\\n\\x41\\u270c'", "\"a\nA\xe2\x9c\x8c\""}, {"r'a\\n'", "\"a\\n\""},
		{"'''it's'''", "\"it's\""}, {"\"\"\"a\n\"b\" \"\"\"", "\"a\n\"b\" \""}, {"'\\377'", "\"\xc3\xbf\""}, {"''", "\"\""},
		{"[1, 'a', [true,],]", "[1, \"a\", [true]]"}, {"[]", "[]"}, {"{}", "{}"}, {"{'a': 1, 'b': [2]}", "{\"a\": 1, \"b\": [2]}"},
		{"{'a': 1, 'a': 2}", "unknown"}, {"1 // a comment", "1"}, {"9007199254740991", "9007199254740991"},
	};

	CHECK(rows, MR_ANY);
}

Test(expr, arithmetic)
{
	static const struct row rows[] = {
		{"1 + 2 * 3 - 4 / 8", "6.5"}, {"(1 + 2) * 3", "9"}, {"--3", "3"}, {"-(-0.0)", "0"}, {"1/0", "unknown"},
		{"1e308 * 10", "unknown"}, {"event.properties.price * event.properties.quantity", "30"},
		{"event.properties.price + event.properties.absent", "unknown"}, {"-event.properties.nothing", "unknown"},
		{"event.properties.price + event.properties.name", "unknown"}, {"'a' + 'b'", "\"ab\""},
		{"event.properties.name + '!'", "\"Tea \xe2\x9c\x8c!\""}, {"[1] + [2, 3]", "[1, 2, 3]"}, {"user.never * 2", "unknown"},
		{"event.properties.price - 'a'.size()", "9"},
	};

	CHECK(rows, MR_ANY);
}

Test(expr, comparisons)
{
	static const struct row rows[] = {
		{"event.properties.price * event.properties.quantity >= 20", "true"}, {"1 < 2 == true", "true"}, {"'a' < 'b'", "true"},
		{"'a' < 'B'", "false"}, {"false < true", "true"}, {"event.properties.price == '10'", "unknown"},
		{"event.properties.price != '10'", "unknown"}, {"event.properties.nothing == 1", "unknown"},
		{"event.properties.absent != 1", "unknown"}, {"[1, [2]] == [1, [2]]", "true"}, {"[1] == [1, 2]", "false"},
		{"[event.properties.absent, 1] == [1, 2]", "false"}, {"[event.properties.absent, 1] == [1, 1]", "unknown"},
		{"{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "true"}, {"{'a': 1} == {'b': 1}", "false"},
		{"event.properties.sold", "true"}, {"event.properties.sold == true", "true"}, {"event.properties.name > 'S'", "true"},
		{"event.time == user.last_order + duration('1d')", "true"}, {"user.stage != \"churned\"", "true"},
		{"event.properties.address == event.properties.address", "true"}, {"event.properties.name < 3", "unknown"},
	};

	CHECK(rows, MR_ANY);
}

Test(expr, unknown_is_absorbed_as_cel_absorbs_errors)
{
	static const struct row rows[] = {
		{"user.flag && false", "false"}, {"false && user.flag", "false"}, {"user.flag && true", "unknown"},
		{"true && user.flag", "unknown"}, {"user.flag || true", "true"}, {"true || user.flag", "true"},
		{"user.flag || false", "unknown"}, {"!user.flag", "unknown"}, {"!(1/0 > 1)", "unknown"},
		{"user.flag ? 1 : 2", "unknown"}, {"user.never > 1 ? 1 : 2", "unknown"}, {"true ? 1 : 1/0", "1"},
		{"event.properties.name && false", "false"}, {"event.properties.name || false", "unknown"},
		{"event.properties.sold ? 'a' : 'b'", "\"a\""}, {"!event.properties.sold ? 'a' : 'b'", "\"b\""},
		{"true ? null : 1", "absent"}, {"(user.flag && true) ? 1 : 2", "unknown"},
	};

	CHECK(rows, MR_ANY);
}

Test(expr, members_and_has)
{
	static const struct row rows[] = {
		{"event.properties.address.city", "\"Leeds\""}, {"event.properties.address['city']", "\"Leeds\""},
		{"event['properties'].address['odd key']", "7"}, {"event.properties.address['a.b']", "8"},
		{"event.properties.address.street", "absent"}, {"event.properties.address.street.number", "absent"},
		{"event.properties.products[1].price", "20"}, {"event.properties.products[2].price", "absent"},
		{"event.properties.products[0.5]", "absent"}, {"event.properties.products[-1]", "absent"},
		{"event.properties.products[user.never]", "absent"}, {"event.properties.products['0']", "absent"},
		{"event.properties.price.amount", "absent"}, {"{'a': {'b': 3}}.a.b", "3"}, {"[7, 8, 9][user.orders]", "9"},
		{"has(event.properties.price)", "true"}, {"has(event.properties.absent)", "false"}, {"has(user.never)", "false"},
		{"has(event.properties.address.city) && !has(event.properties.address.street)", "true"},
		{"has(event.properties.products[0].category)", "true"}, {"has(event.properties.products[1].category)", "false"},
		{"run.key", "\"c1\""}, {"event.properties.in", "absent"}, {"event.properties.address[user.stage]", "absent"},
	};

	CHECK(rows, MR_ANY);
}

Test(expr, membership)
{
	static const struct row rows[] = {
		{"user.stage in ['active', 'dormant']", "true"}, {"user.stage in []", "false"}, {"user.orders in [10, 50]", "false"},
		{"!(\"staff\" in user.tags)", "false"}, {"'x' in user.tags", "false"}, {"'city' in event.properties.address", "true"},
		{"'zip' in event.properties.address", "false"}, {"event.properties.nothing in [1]", "unknown"},
		{"1 in event.properties.nulls", "true"}, {"2 in event.properties.nulls", "unknown"},
		{"1 in event.properties.absent", "unknown"}, {"event.properties.name in [1, 'Tea \xe2\x9c\x8c']", "true"},
		{"1 in event.properties.name", "unknown"}, {"'a' in [1, 'a']", "true"}, {"'b' in [1, 'a']", "unknown"},
		{"event.properties.price in {}", "false"}, {"event.properties.price in {'a': 1}", "unknown"},
	};

	CHECK(rows, MR_ANY);
}

Test(expr, text_functions)
{
	static const struct row rows[] = {
		{"size('\xe2\x9c\x8c a')", "3"}, {"event.properties.name.size()", "5"}, {"size(user.tags)", "2"},
		{"size(event.properties.address)", "4"}, {"size(event.properties.absent)", "unknown"}, {"size(event.properties.price)", "unknown"},
		{"'foobar'.startsWith('foo')", "true"}, {"'foobar'.endsWith('bar')", "true"}, {"'foobar'.contains('ob')", "true"},
		{"''.contains('')", "true"}, {"'a'.startsWith('ab')", "false"}, {"event.properties.absent.contains('a')", "unknown"},
		{"event.properties.price.contains('1')", "unknown"}, {"event.properties.name.matches('^Tea .$')", "true"},
		{"matches('abc', 'b')", "true"}, {"'abc'.matches('^b')", "false"}, {"'a\\n'.matches('a$')", "false"},
		{"'AbC'.matches('(?i)^abc$')", "true"}, {"event.properties.price.matches('1')", "unknown"}, {"''.matches('')", "true"},
		{"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('^(a|aa)+$')", "true"},
		{"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'.matches('^(a|aa)+$')", "unknown"},   // the bound on its work
	};

	CHECK(rows, MR_ANY);
}

Test(expr, macros)
{
	static const struct row rows[] = {
		{"event.properties.products.exists(p, p.category == 'tea')", "true"},
		{"event.properties.products.exists(p, p.category == 'pot')", "unknown"},   // the cup has none
		{"event.properties.products.exists(p, p.price > 100)", "false"}, {"event.properties.products.all(p, p.price > 3)", "true"},
		{"event.properties.products.all(p, p.price > 4)", "false"}, {"event.properties.products.all(p, p.category == 'tea')", "unknown"},
		{"event.properties.products.map(p, p.product_id)", "[\"p1\", \"p2\"]"},
		{"event.properties.products.map(p, p.category)", "[\"tea\", absent]"},
		{"event.properties.products.map(p, p.category + '!')", "unknown"},
		{"event.properties.products.filter(p, p.price > 4).map(p, p.price * 2)", "[40]"},
		{"event.properties.products.filter(p, p.category == 'tea')", "unknown"},
		{"event.properties.products.filter(p, has(p.category) && p.category == 'tea').size()", "1"},
		{"event.properties.absent.exists(p, true)", "unknown"}, {"event.properties.absent.exists(p, true) || true", "true"},
		{"event.properties.address.map(k, k)", "[\"city\", \"odd key\", \"a.b\", \"city\"]"},
		{"[[1, 2], [3]].map(row, row.map(x, x * 10))", "[[10, 20], [30]]"},
		{"[1, 2].exists(x, [2, 3].exists(y, x == y))", "true"}, {"[1, 2].map(x, [3].map(x, x))", "[[3], [3]]"},
		{"[1, 2, 3].filter(event, event > 1)", "[2, 3]"},   // a name of one's own hides others
		{"event.properties.price.exists(x, true)", "unknown"}, {"[].all(x, false)", "true"},
		{"user.tags.map(t, t + '!')[1]", "\"staff!\""}, {"1 + [1, 2].map(x, x + 1).size() * 2", "5"},
	};

	CHECK(rows, MR_ANY);
}

Test(expr, times)
{
	static const struct row rows[] = {
		{"now", "2026-03-01T10:00:00.000Z"}, {"event.time - user.last_order", "86400s"}, {"now + user.gap - duration('3d')", "2026-03-08T10:00:00.000Z"},
		{"timestamp('2026-03-01T10:00:00.5+01:00')", "2026-03-01T09:00:00.500Z"}, {"timestamp(event.properties.when)", "2026-03-08T09:00:00.000Z"},
		{"timestamp(event.properties.when) - duration('7d') < now", "true"}, {"timestamp(event.properties.name)", "unknown"},
		{"timestamp(event.properties.absent)", "unknown"}, {"timestamp(user.last_order)", "2026-02-28T10:00:00.000Z"},
		{"timestamp(1772359200)", "2026-03-01T10:00:00.000Z"}, {"duration('1h30m') == duration('90m')", "true"},
		{"duration('1d2h3m4.5s6ms')", "93784.506s"}, {"duration('-1.5s')", "-1.5s"}, {"duration('1.5d')", "129600s"}, {"duration('999us')", "0s"},
		{"duration('100d') < duration('101d')", "true"}, {"duration(event.properties.name)", "unknown"}, {"duration(user.gap)", "864000s"},
		{"event.time > event.properties.when", "unknown"}, {"event.time + event.properties.price", "unknown"},
		{"timestamp('9999-12-31T23:59:59Z') + duration('1s')", "unknown"}, {"duration('9223372036s') + duration('1000s')", "unknown"},
		{"at_local(now, '18:30')", "2026-03-01T18:30:00.000Z"}, {"at_local(now, 7)", "2026-03-01T07:00:00.000Z"},
		{"at_local(now, event.properties.price)", "2026-03-01T10:00:00.000Z"}, {"at_local(now, event.properties.name)", "unknown"},
		{"at_local(now, user.never)", "unknown"}, {"at_local(timestamp(event.properties.absent), 7)", "unknown"},
		{"local_hour(event.time)", "10"}, {"local_hour(event.properties.absent)", "unknown"}, {"has(user.gap) ? at_local(now, 7) : now", "2026-03-01T07:00:00.000Z"},
	};

	CHECK(rows, MR_ANY);
}

Test(expr, gives_the_type_that_is_needed_or_unknown)
{
	static const struct row booleans[] = {
		{"event.properties.sold", "true"}, {"event.properties.price", "unknown"}, {"event.properties.absent", "unknown"},
		{"user.flag", "unknown"}, {"true ? true : null", "true"}, {"false ? true : null", "unknown"},
		{"1", "error at 0: true or false is needed here, this is a number"},
		{"user.stage", "error at 0: true or false is needed here, this is text"},
		{"null", "error at 0: true or false is needed here, this is null"},
	};
	static const struct row numbers[] = {
		{"event.properties.price", "10"}, {"event.properties.name", "unknown"}, {"event.properties.absent", "absent"},
		{"user.never", "absent"}, {"'a'", "error at 0: a number is needed here, this is text"},
	};

	CHECK(booleans, MR_BOOL);
	CHECK(numbers, MR_NUMBER);
}

Test(expr, knows_types_of_results)
{
	static const struct { const char *text; enum mr_type type; } rows[] = {
		{"event.properties.price", MR_ANY}, {"event.properties.price * 2", MR_NUMBER}, {"event.properties.price + 'a'", MR_STRING},
		{"event.time - event.properties.x", MR_ANY}, {"event.properties.x - event.time", MR_DURATION}, {"now + event.properties.x", MR_TIME},
		{"event.properties.a + event.properties.b", MR_ANY}, {"event.properties.a == 1", MR_BOOL}, {"event.properties.a ? 1 : 2", MR_NUMBER},
		{"event.properties.a ? 1 : 'a'", MR_ANY}, {"[1]", MR_LIST}, {"{}", MR_MAP}, {"null", MR_ABSENT}, {"user.gap", MR_DURATION},
	};
	struct mr_expr_error error;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct mr_expr *e = mr_expr_compile(mr_str_of(rows[i].text), &resolver, MR_ANY, &error);
		cr_assert_not_null(e, "%s: %s", rows[i].text, error.text);
		cr_expect_eq(mr_expr_type(e), rows[i].type, "%s is %d", rows[i].text, mr_expr_type(e));
		mr_expr_free(e);
	}
}

Test(expr, stops_at_its_budget)
{
	struct mr_expr_error error;
	struct mr_expr *e = mr_expr_compile(MR_LIT("[1, 2, 3].map(x, [1, 2, 3].map(y, x * y)).size()"), &resolver, MR_ANY, &error);
	struct mr_arena *arena = mr_arena_new(1 << 20);
	uint32_t enough = 0;

	cr_assert_not_null(e);
	for (uint32_t cost = 0; cost < 400; cost++) {
		struct mr_env env = {.arena = arena, .cost_left = cost};
		struct mr_value v = mr_expr_eval(e, &env);
		if (env.spent) {
			cr_assert_eq(v.type, MR_UNKNOWN);
			cr_assert_eq(env.cost_left, 0);
			cr_assert_eq(enough, 0, "once a budget is enough, a larger one is too");
		} else {
			cr_assert_eq(v.num, 3);
			enough = enough ? enough : cost;
		}
	}
	cr_assert(enough > 50 && enough < 300, "%u", enough);
	mr_arena_free(arena);
	mr_expr_free(e);
}

Test(expr, stops_at_the_bound_of_its_memory)
{
	struct mr_expr_error error;
	struct mr_expr *e = mr_expr_compile(MR_LIT("event.properties.name + event.properties.name == 'a' || "
	    "event.properties.name.matches('a+')"), &resolver, MR_ANY, &error);
	static char big[200000];
	struct mr_value fields[N_WORLD] = {{0}};

	memset(big, 'b', sizeof(big));
	for (size_t i = 0; i < N_WORLD; i++)
		fields[i] = mr_string((struct mr_str){big, sizeof(big)});
	struct mr_arena *arena = mr_arena_new(1);
	struct mr_env env = {.arena = arena, .cost_left = 1000000, .spaces = {fields}, .sizes = {N_WORLD}};
	cr_assert_eq(mr_expr_eval(e, &env).type, MR_UNKNOWN);
	cr_assert(env.spent);
	cr_assert(mr_arena_overflowed(arena));
	mr_arena_free(arena);
	mr_expr_free(e);
}

Test(expr, values_as_text)
{
	struct mr_arena *arena = mr_arena_new(1 << 16);
	static const struct { struct mr_value v; const char *text; } rows[] = {
		{S("a b"), "a b"}, {N(1e21), "1e+21"}, {N(0.1), "0.1"}, {N(-0.0), "0"}, {N(42), "42"}, {B(false), "false"},
		{{.type = MR_TIME, .ms = T0 + 5}, "2026-03-01T10:00:00.005Z"}, {{.type = MR_DURATION, .ms = 1500}, "1.5s"},
		{{.type = MR_ABSENT}, ""}, {{.type = MR_UNKNOWN}, ""}, {L(tags), ""}, {M(tea), ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct mr_str got = mr_value_text(rows[i].v, arena);
		cr_expect(mr_str_eq(got, mr_str_of(rows[i].text)), "row %zu: %.*s", i, (int)got.n, got.n ? got.p : "");
	}
	mr_arena_free(arena);
}
