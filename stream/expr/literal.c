// Text literals of expressions: quotes, escapes, UTF-8.
#include "expr/ast.h"

// Length of the sequence at p, or 0 where it is none (RFC 3629: no surrogates, no overlong forms).
static size_t
utf8_length(const unsigned char *p, size_t n)
{
	if (p[0] < 0x80)
		return 1;
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

bool
expr_utf8_valid(struct mr_str s, size_t *byte)
{
	for (size_t i = 0; i < s.n;) {
		size_t len = utf8_length((const unsigned char *)s.p + i, s.n - i);
		if (len == 0) {
			*byte = i;
			return false;
		}
		i += len;
	}
	return true;
}

static size_t
utf8_put(char *out, uint32_t code)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	MR_ASSERT(code <= 0x10ffff);
	size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = len - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	out[0] = (char)(first[len] | code);
	return len;
}

static int
digit_of(char c, int base)
{
	int d = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : 99;

	return d < base ? d : -1;
}

// A code point of `digits` digits at ->at.
static bool
escape_code(struct compiler *c, size_t start, int digits, int base, uint32_t *code)
{
	*code = 0;
	for (int i = 0; i < digits; i++, c->at++) {
		int d = c->at < c->text.n ? digit_of(c->text.p[c->at], base) : -1;
		if (d < 0)
			return expr_fail(c, start, "the escape needs %s", base == 8 ? "three octal digits, at most \\377" :
			    digits == 2 ? "two hexadecimal digits" : digits == 4 ? "four hexadecimal digits" :
			    "eight hexadecimal digits");
		*code = *code * (uint32_t)base + (uint32_t)d;
	}
	if (*code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff) || (base == 8 && *code > 0xff))
		return expr_fail(c, start, "the escape is no character");
	return true;
}

// An escape after its backslash.
static bool
escape(struct compiler *c, char *out, size_t *n)
{
	static const char from[] = "abfnrtv\\?\"'`", to[] = "\a\b\f\n\r\t\v\\?\"'`";
	size_t start = c->at - 1;
	uint32_t code;

	if (c->at == c->text.n)
		return expr_fail(c, start, "the text has no closing quote");
	char x = c->text.p[c->at];
	const char *simple = x ? strchr(from, x) : NULL;
	if (simple) {
		c->at++;
		out[(*n)++] = to[simple - from];
		return true;
	}
	if (x >= '0' && x <= '3') {
		if (!escape_code(c, start, 3, 8, &code))
			return false;
	} else if (x == 'x' || x == 'X' || x == 'u' || x == 'U') {
		c->at++;
		if (!escape_code(c, start, x == 'u' ? 4 : x == 'U' ? 8 : 2, 16, &code))
			return false;
	} else {
		return expr_fail(c, start, "unknown escape; write \\\\ for a backslash, or r\"...\" for raw text");
	}
	*n += utf8_put(out + *n, code);
	return true;
}

bool
expr_lex_text(struct compiler *c, struct token *t)
{
	bool raw = false;

	for (; c->text.p[c->at] != '"' && c->text.p[c->at] != '\''; c->at++) {
		if ((c->text.p[c->at] | 0x20) == 'b')
			return expr_fail(c, t->byte, "there are no byte strings here: leave out the 'b'");
		raw = true;
	}
	char quote = c->text.p[c->at];
	const char triple[3] = {quote, quote, quote};
	size_t quotes = c->text.n - c->at >= 3 && memcmp(c->text.p + c->at, triple, 3) == 0 ? 3 : 1;
	// No escape is shorter than what it stands for.
	char *out = mr_arena_alloc(c->arena, c->text.n - c->at);
	size_t n = 0;
	for (c->at += quotes;;) {
		if (c->at == c->text.n)
			return expr_fail(c, t->byte, "the text has no closing quote");
		char x = c->text.p[c->at];
		if (x == quote && c->text.n - c->at >= quotes && memcmp(c->text.p + c->at, triple, quotes) == 0)
			break;
		if (quotes == 1 && (x == '\n' || x == '\r'))
			return expr_fail(c, t->byte, "the text has no closing quote on its line");
		c->at++;
		if (x != '\\' || raw)
			out[n++] = x;
		else if (!escape(c, out, &n))
			return false;
	}
	MR_ASSERT(n <= c->text.n);
	c->at += quotes;
	t->kind = T_TEXT;
	t->value = mr_string((struct mr_str){out, n});
	return true;
}
