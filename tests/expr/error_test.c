// What is wrong in an expression, where, and what would be right.
#include "support.h"

static void
expect_error(const char *text, size_t byte, const char *part)
{
	char *got = outcome(mr_str_of(text), MR_ANY), head[32];

	snprintf(head, sizeof(head), "error at %zu: ", byte);
	cr_expect(strncmp(got, head, strlen(head)) == 0, "%s gives %s, not %s", text, got, head);
	cr_expect(strstr(got, part) != NULL, "%s gives %s, without '%s'", text, got, part);
	free(got);
}

struct wrong {
	const char *text;
	size_t byte;
	const char *part;
};

static void
check_wrong(const struct wrong *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect_error(rows[i].text, rows[i].byte, rows[i].part);
}
#define CHECK(rows) check_wrong(rows, sizeof(rows) / sizeof(*(rows)))

Test(expr_errors, common_mistakes)
{
	static const struct wrong rows[] = {
		{"gold", 0, "did you mean 'gold'"}, {"user.stage == gold", 14, "did you mean 'gold'"},
		{"user.orders = 3", 12, "write =="}, {"user.orders > 1 and true", 16, "write &&"}, {"true or false", 5, "write ||"},
		{"not true", 0, "write !"}, {"user.orders <> 3", 12, "write !="}, {"user.orders => 3", 12, "write >="},
		{"true & false", 5, "write &&"}, {"true | false", 5, "write ||"}, {"user.stage is 'a'", 11, "write =="},
		{"Order Completed", 6, "text needs quotes"}, {"user.ordres > 3", 0, "did you mean 'user.orders'?"},
		{"foo(1)", 0, "unknown function 'foo'"}, {"'a'.startswith('b')", 4, "did you mean 'startsWith'?"},
		{"'a'.starts_with('b')", 4, "did you mean 'startsWith'?"}, {"len('a')", 0, "did you mean 'size'?"},
		{"'a", 0, "no closing quote"}, {"\"a\nb\"", 0, "no closing quote"}, {"'''a''", 0, "no closing quote"},
		{"duration('3 days')", 9, "not a length of time"}, {"duration('3')", 9, "not a length of time"}, {"3d", 0, "duration("},
		{"timestamp('2026-03-01')", 10, "not a time"}, {"at_local(now, '9:00')", 14, "not a time of day"},
		{"at_local(now, 24)", 14, "not a time of day"}, {"at_local(now, '24:00')", 14, "not a time of day"},
		{"money(event.properties.x, 'EUR')", 0, "money(): not yet"}, {"event.properties.x == null", 22, "has(x)"},
		{"null != event.properties.x", 0, "has(x)"}, {"1 % 2", 2, "no %"}, {"", 0, "empty"}, {"  ", 0, "empty"},
		{"5u", 0, "leave out the 'u'"}, {"b'a'", 0, "leave out the 'b'"}, {"9007199254740992", 0, "not exact"},
		{"12345678901234567890", 0, "not exact"}, {"1e999", 0, "too large"}, {"0x", 0, "hexadecimal"}, {"0xfffffffffffffff", 0, "not exact"},
	};

	CHECK(rows);
}

Test(expr_errors, grammar)
{
	static const struct wrong rows[] = {
		{"1 +", 3, "ends too early"}, {"(1", 2, "')'"}, {"1)", 1, "an operator"}, {"[1", 2, "']'"}, {"[1 2]", 3, "']'"}, {"{1}", 2, "':'"},
		{"{'a'}", 4, "':'"}, {"{'a':}", 5, "a value"}, {"{'a': 1 'b'}", 8, "'}'"}, {"f(", 0, "unknown function"}, {"size(", 5, "ends too early"},
		{"size(1,", 7, "ends too early"}, {"true ? 1", 8, "':'"}, {"true ? : 2", 7, "a value"}, {"event.", 6, "a name after '.'"},
		{"event.properties[", 17, "ends too early"}, {"event.properties['a'", 20, "']'"}, {"* 2", 0, "a value"}, {"1 $ 2", 2, "no meaning"},
		{"\xe2\x9c\x8c", 0, "no meaning"}, {"'\\q'", 1, "unknown escape"}, {"'\\x4'", 1, "two hexadecimal"}, {"'\\ud800'", 1, "no character"},
		{"'\\U00110000'", 1, "no character"}, {"'\\400'", 1, "unknown escape"}, {"'\\08'", 1, "octal"}, {"'\\", 1, "no closing quote"},
		{"'a' 'b'", 4, "an operator"}, {"1 2", 2, "an operator"}, {"event.properties.a.b.", 21, "a name after"}, {"a..b", 2, "a name after"},
		{"'\xff'", 1, "UTF-8"}, {"'\xc0\x80'", 1, "UTF-8"}, {"'\xed\xa0\x80'", 1, "UTF-8"}, {"'\xe2\x9c'", 1, "UTF-8"},
	};

	CHECK(rows);
}

Test(expr_errors, calls)
{
	static const struct wrong rows[] = {
		{"size()", 0, "number of arguments"}, {"size(1, 2)", 0, "number of arguments"}, {"'a'.size('b')", 4, "number of arguments"},
		{"startsWith('a', 'b')", 0, "x.startsWith"}, {"'a'.timestamp()", 4, "timestamp("}, {"has()", 0, "number of arguments"},
		{"has(1)", 4, "has() takes a name"}, {"has('a' + 'b')", 8, "has() takes a name"}, {"[1].exists(x)", 4, "number of arguments"},
		{"[1].exists(1, true)", 11, "a new name"}, {"[1].exists(now, true)", 11, "a new name"}, {"exists([1], x, true)", 0, "list.exists"},
		{"'a'.matches(event.properties.x)", 12, "literal"}, {"'a'.matches('(')", 12, "not a pattern"}, {"'a'.matches('(?=a)')", 12, "look-around"},
		{"'a'.matches('(?<!a)')", 12, "look-around"}, {"'a'.matches('(?<=a)')", 12, "look-around"}, {"'a'.matches(r'(a)\\1')", 12, "RE2"},
		{"'a'.matches('a++')", 12, "possessive"}, {"'a'.matches('(*LIMIT_MATCH=9)a')", 12, "verbs"}, {"'a'.matches('(?R)')", 12, "look-around"},
		{"'a'.matches('(?P>x)')", 12, "look-around"}, {"'a'.matches(r'\\K')", 12, "RE2"}, {"'a'.matches('[z-a]')", 12, "not a pattern"},
	};

	CHECK(rows);
}

Test(expr_errors, types)
{
	static const struct wrong rows[] = {
		{"1 == 'a'", 2, "text is never turned into a number"}, {"1 + 'a'", 2, "never turned"}, {"now > '2026-01-01T00:00:00Z'", 4, "timestamp("},
		{"user.gap > '3d'", 9, "duration("}, {"user.gap > 3", 9, "don't go together"}, {"1 && true", 0, "'&&' needs true or false"},
		{"true || 'a'", 8, "'||' needs true or false"}, {"!1", 1, "'!' needs"}, {"-'a'", 1, "'-' needs a number"}, {"'a' * 2", 0, "'*' needs a number"},
		{"2 / true", 4, "'/' needs a number"}, {"1 ? 2 : 3", 0, "'?' needs true or false"}, {"[1] < [2]", 4, "no order"}, {"{} < 1", 3, "no order"},
		{"now + now", 4, "don't go together"}, {"user.gap - now", 9, "don't go together"}, {"true + true", 5, "don't go together"},
		{"{} + {}", 3, "don't go together"}, {"[1] - [1]", 4, "don't go together"}, {"'a' - 'a'", 4, "don't go together"},
		{"1 in 2", 2, "list or a map"}, {"'a' in 'abc'", 4, "x.contains"}, {"user.stage in [2, 1]", 15, "text is looked for, this is a number"},
		{"user.stage.length", 11, "text has no members"}, {"now.hour", 4, "has no members"}, {"'abc'[0]", 6, "has no items"}, {"[1].x", 4, "a list has no members"},
		{"[1][true]", 4, "an index is"}, {"[1]['a']", 4, "an index is"}, {"{'a': 1}[1]", 9, "an index is"}, {"{1: 2}", 1, "a key needs text"},
		{"size(1)", 5, "size() needs"}, {"1.contains('a')", 0, ""}, {"'a'.contains(1)", 13, "needs text"}, {"timestamp(true)", 10, "needs text"},
		{"duration(1)", 9, "needs text"}, {"at_local('a', 1)", 9, "timestamp("}, {"at_local(now, true)", 14, "at_local() takes"},
		{"local_hour(1)", 11, "needs a time"}, {"'a'.exists(x, true)", 0, "not a list"}, {"[1].exists(x, 1)", 14, "a condition needs"},
		{"[1].filter(x, 'a')", 14, "a condition needs"}, {"{'a': 1}.all(k, k > 1)", 18, "don't go together"}, {"1 < 2 < 3", 6, "don't go together"},
		{"user.orders.exists(x, true)", 0, "not a list"}, {"(1 == 2) == 'a'", 9, "don't go together"},
	};

	CHECK(rows);
}

static char *
repeat(const char *before, const char *part, size_t n, const char *after)
{
	char *text = calloc(1, strlen(before) + strlen(part) * n + strlen(after) + 1);

	strcpy(text, before);
	for (size_t i = 0; i < n; i++)
		strcat(text, part);
	strcat(text, after);
	return text;
}

Test(expr_errors, bounds)
{
	static const struct { const char *before, *part; size_t n; const char *after, *expected; } rows[] = {
		{"", "(", 32, "7))))))))))))))))))))))))))))))))", "7"}, {"", "(", 33, "7", "error at 33: brackets are nested too deep"},
		{"", "[", 33, "", "error at 33: brackets are nested too deep"}, {"size(", "size(", 32, "", "error at 165: brackets are nested too deep"},
		{"event", "[event.a", 33, "", "error at 262: brackets are nested too deep"},
		{"1", "+1", 255, "", "256"}, {"1", "+1", 256, "", "error at 512: the expression is too long"},
		{"", "!", 511, "true", "false"}, {"", "-", 512, "1", "error at 512: the expression is too long"},
		{"", "true?1:", 170, "2", "1"}, {"", " ", 4095, "1", "1"}, {"", " ", 4096, "1", "error at 4096: the expression is too long"},
		{"[", "1,", 510, "]", NULL}, {"'", "a", 4094, "'", NULL}, {"", "event.a+", 170, "1", "unknown"},
		{"{}", ".a", 400, "", "absent"}, {"event.properties.address", ".a", 400, "", "absent"},
		{"false", "||false", 200, "", "false"}, {"1", "0", 78, "", "error at 0: a whole number"}, {"1", "0", 79, "", "error at 0: a number of at most"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = repeat(rows[i].before, rows[i].part, rows[i].n, rows[i].after), *got = outcome(mr_str_of(text), MR_ANY);
		const char *expected = rows[i].expected;
		if (expected)
			cr_expect(strncmp(got, expected, strlen(expected)) == 0, "row %zu gives %.100s", i, got);
		else
			cr_expect(strncmp(got, "error", 5) != 0, "row %zu gives %.100s", i, got);
		free(text);
		free(got);
	}
}
