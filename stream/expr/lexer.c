// Text of an expression to tokens.
#include "expr/ast.h"

#include <millrace/text.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

// The byte at an offset from where the lexer is; 0 behind the end (never part of a token).
static char
peek(const struct compiler *c, size_t ahead)
{
	return c->at + ahead < c->text.n ? c->text.p[c->at + ahead] : '\0';
}

static void
skip_blanks(struct compiler *c)
{
	for (;;) {
		char x = peek(c, 0);
		if (x == ' ' || x == '\t' || x == '\n' || x == '\r' || x == '\f') {
			c->at++;
		} else if (x == '/' && peek(c, 1) == '/') {
			while (c->at < c->text.n && c->text.p[c->at] != '\n')
				c->at++;
		} else {
			return;
		}
	}
}

static int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
lex_hex(struct compiler *c, struct token *t)
{
	double value = 0;

	c->at += 2;
	while (hex_digit(peek(c, 0)) >= 0)
		value = value * 16 + hex_digit(peek(c, 0)), c->at++;
	if (c->at == (size_t)t->byte + 2 || is_word(peek(c, 0)))
		return expr_fail(c, t->byte, "not a number: a hexadecimal one is written as 0x1F");
	if (value > 9007199254740991.0)
		return expr_fail(c, t->byte, "a whole number this large is not exact: compare ids as text");
	t->kind = T_NUMBER;
	t->value = mr_num(value);
	return true;
}

static void
skip_digits(struct compiler *c)
{
	while (is_digit(peek(c, 0)))
		c->at++;
}

// The literal without leading zeros, and with one before a leading point: as JSON has numbers.
static bool
number_value(struct compiler *c, struct token *t, bool whole)
{
	char buffer[80] = "0";
	struct mr_str s = {c->text.p + t->byte, c->at - t->byte};

	while (s.n > 1 && s.p[0] == '0' && is_digit(s.p[1]))
		s.p++, s.n--;
	size_t lead = s.p[0] == '.';
	if (s.n + lead >= sizeof(buffer))
		return expr_fail(c, t->byte, "a number of at most 79 characters is enough");
	memcpy(buffer + lead, s.p, s.n);
	double value;
	if (!mr_num_parse((struct mr_str){buffer, s.n + lead}, &value))
		return expr_fail(c, t->byte, "the number is too large");
	if (whole && value > 9007199254740991.0)
		return expr_fail(c, t->byte, "a whole number this large is not exact: compare ids as text");
	t->kind = T_NUMBER;
	t->value = mr_num(value);
	return true;
}

static bool
lex_number(struct compiler *c, struct token *t)
{
	if (peek(c, 0) == '0' && (peek(c, 1) == 'x' || peek(c, 1) == 'X'))
		return lex_hex(c, t);
	bool whole = true;
	skip_digits(c);
	if (peek(c, 0) == '.' && is_digit(peek(c, 1))) {
		whole = false;
		c->at++;
		skip_digits(c);
	}
	if (peek(c, 0) == 'e' || peek(c, 0) == 'E') {
		size_t sign = peek(c, 1) == '+' || peek(c, 1) == '-';
		if (is_digit(peek(c, 1 + sign))) {
			whole = false;
			c->at += 1 + sign;
			skip_digits(c);
		}
	}
	if (is_word(peek(c, 0))) {
		if ((peek(c, 0) | 0x20) == 'u' && !is_word(peek(c, 1)))
			return expr_fail(c, t->byte, "numbers are of one kind here: leave out the 'u'");
		return expr_fail(c, t->byte, "not a number; a length of time is written as duration(\"30m\"), text in quotes");
	}
	return number_value(c, t, whole);
}

static bool
lex_word(struct compiler *c, struct token *t)
{
	static const struct { const char *word; enum token_kind kind; } words[] = {
		{"true", T_TRUE}, {"false", T_FALSE}, {"null", T_NULL}, {"in", T_IN},
	};

	while (is_word(peek(c, 0)))
		c->at++;
	struct mr_str word = {c->text.p + t->byte, c->at - t->byte};
	t->kind = T_NAME;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (mr_str_eq(word, mr_str_of(words[i].word)))
			t->kind = words[i].kind;
	return true;
}

static bool
lex_sign(struct compiler *c, struct token *t)
{
	static const struct { char text[3]; uint8_t kind; } signs[] = {
		{"||", T_OR}, {"&&", T_AND}, {"==", T_EQ}, {"!=", T_NE}, {"<=", T_LE}, {">=", T_GE},
		{"<", T_LT}, {">", T_GT}, {"+", T_ADD}, {"-", T_SUB}, {"*", T_MUL}, {"/", T_DIV}, {"%", T_MOD},
		{"!", T_NOT}, {"(", T_OPEN}, {")", T_CLOSE}, {"[", T_LIST}, {"]", T_LIST_END}, {"{", T_MAP},
		{"}", T_MAP_END}, {".", T_DOT}, {",", T_COMMA}, {":", T_COLON}, {"?", T_ASK},
	};
	static const struct { char text[3]; const char *advice; } wrong[] = {
		{"<>", "write != for \"is not\""}, {"=<", "write <= for \"at most\""}, {"=>", "write >= for \"at least\""},
		{"=", "write == to compare"}, {"&", "write && for \"and\""}, {"|", "write || for \"or\""},
	};
	struct mr_str rest = {c->text.p + c->at, c->text.n - c->at};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		size_t n = strlen(wrong[i].text);
		bool real = rest.n > 1 && n == 1 && rest.p[0] == rest.p[1];   // "==", "&&", "||"
		if (n <= rest.n && memcmp(rest.p, wrong[i].text, n) == 0 && !real)
			return expr_fail(c, t->byte, "%s", wrong[i].advice);
	}
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		size_t n = strlen(signs[i].text);
		if (n <= rest.n && memcmp(rest.p, signs[i].text, n) == 0) {
			t->kind = signs[i].kind;
			c->at += n;
			return true;
		}
	}
	size_t n = 1;
	while (n < rest.n && ((unsigned char)rest.p[n] & 0xc0) == 0x80)
		n++;
	return expr_fail(c, t->byte, "'%.*s' has no meaning here; text needs quotes", (int)n, rest.p);
}

static bool
starts_text(const struct compiler *c)
{
	char x = peek(c, 0), y = peek(c, 1);

	if (x == 'r' || x == 'R' || x == 'b' || x == 'B') {
		if ((y | 0x20) == 'b' || (y | 0x20) == 'r')
			y = peek(c, 2);
		return y == '"' || y == '\'';
	}
	return x == '"' || x == '\'';
}

bool
expr_next(struct compiler *c)
{
	struct token *t = &c->token;

	if (c->failed)
		return false;
	skip_blanks(c);
	MR_ASSERT(c->at <= c->text.n);
	*t = (struct token){.byte = (uint32_t)c->at};
	bool ok = true;
	if (c->at == c->text.n)
		t->kind = T_END;
	else if (starts_text(c))
		ok = expr_lex_text(c, t);
	else if (is_digit(peek(c, 0)) || (peek(c, 0) == '.' && is_digit(peek(c, 1))))
		ok = lex_number(c, t);
	else if (is_word(peek(c, 0)))
		ok = lex_word(c, t);
	else
		ok = lex_sign(c, t);
	MR_ASSERT(!ok || c->at > t->byte || t->kind == T_END);
	t->len = (uint32_t)(c->at - t->byte);
	return ok;
}
