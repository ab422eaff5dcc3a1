// JSON's grammar byte by byte, with neither recursion nor a bound on depth. Only documents that are
// refused come here, so that the reason and the position are exact; it is also what the tests hold
// the fast decoder against.
#include "event/json.h"

#include "core/arena.h"

struct cursor {
	const unsigned char *p;
	size_t at, n;
	uint8_t *bits;     // one a level: whether it is an object
	size_t depth;
};

static void
space(struct cursor *c)
{
	while (c->at < c->n &&
	       (c->p[c->at] == ' ' || c->p[c->at] == '\t' || c->p[c->at] == '\n' || c->p[c->at] == '\r'))
		c->at++;
}

static bool
next_is(const struct cursor *c, unsigned char b)
{
	return c->at < c->n && c->p[c->at] == b;
}

static bool
digits(struct cursor *c)
{
	size_t from = c->at;

	while (c->at < c->n && c->p[c->at] >= '0' && c->p[c->at] <= '9')
		c->at++;
	return c->at > from;
}

static bool
number(struct cursor *c)
{
	c->at += next_is(c, '-');
	bool zero = next_is(c, '0');
	size_t from = c->at;
	if (!digits(c))
		return false;
	if (zero && c->at - from > 1) {
		c->at = from + 1;
		return false;
	}
	if (next_is(c, '.')) {
		c->at++;
		if (!digits(c))
			return false;
	}
	if (next_is(c, 'e') || next_is(c, 'E')) {
		c->at++;
		c->at += next_is(c, '+') || next_is(c, '-');
		return digits(c);
	}
	return true;
}

static bool
word(struct cursor *c, const char *w)
{
	for (; *w; w++, c->at++)
		if (!next_is(c, (unsigned char)*w))
			return false;
	return true;
}

static bool
hex(unsigned char b)
{
	return (b >= '0' && b <= '9') || (b >= 'a' && b <= 'f') || (b >= 'A' && b <= 'F');
}

static bool
escape(struct cursor *c)
{
	if (c->at >= c->n || c->p[c->at] == 0 || strchr("\"\\/bfnrtu", c->p[c->at]) == NULL)
		return false;
	if (c->p[c->at++] != 'u')
		return true;
	for (int i = 0; i < 4; i++, c->at++)
		if (c->at >= c->n || !hex(c->p[c->at]))
			return false;
	return true;
}

// At its quote.
static bool
string(struct cursor *c)
{
	for (c->at++; c->at < c->n && c->p[c->at] >= 0x20;) {
		unsigned char b = c->p[c->at];
		c->at++;
		if (b == '"')
			return true;
		if (b == '\\' && !escape(c))
			return false;
	}
	return false;
}

bool
mr_json_escapes(struct mr_str raw)
{
	struct cursor c = {.p = (const unsigned char *)raw.p, .n = raw.n};

	while (c.at < c.n)
		if (c.p[c.at++] == '\\' && !escape(&c))
			return false;
	return true;
}

static bool
scalar(struct cursor *c)
{
	if (c->at >= c->n)
		return false;
	switch (c->p[c->at]) {
	case '"': return string(c);
	case 't': return word(c, "true");
	case 'f': return word(c, "false");
	case 'n': return word(c, "null");
	default: return number(c);
	}
}

static bool
in_object(const struct cursor *c)
{
	return c->bits[(c->depth - 1) / 8] >> ((c->depth - 1) % 8) & 1;
}

static void
push(struct cursor *c, bool object)
{
	uint8_t bit = (uint8_t)(1u << (c->depth % 8));

	MR_ASSERT(c->depth < c->n);
	c->bits[c->depth / 8] = (uint8_t)(object ? c->bits[c->depth / 8] | bit : c->bits[c->depth / 8] & ~bit);
	c->depth++;
}

static bool
key(struct cursor *c)
{
	space(c);
	if (!next_is(c, '"') || !string(c))
		return false;
	space(c);
	if (!next_is(c, ':'))
		return false;
	c->at++;
	return true;
}

// After a value: closes containers. *more: a comma, so another value follows.
static bool
after_value(struct cursor *c, bool *more)
{
	*more = false;
	while (c->depth > 0) {
		bool object = in_object(c);
		space(c);
		if (next_is(c, ',')) {
			c->at++;
			*more = true;
			return !object || key(c);
		}
		if (!next_is(c, object ? '}' : ']'))
			return false;
		c->at++;
		c->depth--;
	}
	return true;
}

// One value, or the opening of a container up to its first value. *empty: it is closed already.
static bool
value(struct cursor *c, bool *open)
{
	space(c);
	*open = next_is(c, '{') || next_is(c, '[');
	if (!*open)
		return scalar(c);
	bool object = next_is(c, '{');
	push(c, object);
	c->at++;
	space(c);
	if (next_is(c, object ? '}' : ']')) {
		c->at++;
		c->depth--;
		*open = false;
		return true;
	}
	return !object || key(c);
}

static bool
grammar(struct cursor *c)
{
	bool open, more = true;

	while (more) {
		if (!value(c, &open))
			return false;
		if (!open && !after_value(c, &more))
			return false;
	}
	space(c);
	return c->at == c->n;
}

bool
mr_json_check(struct mr_str doc, uint8_t *bits, size_t *position, size_t *utf8)
{
	struct cursor c = {.p = (const unsigned char *)doc.p, .n = doc.n, .bits = bits};
	bool ok = grammar(&c);

	MR_ASSERT(c.at <= doc.n);
	*position = c.at;
	*utf8 = mr_utf8_check(doc);
	return ok;
}

void
mr_json_judge(struct mr_str doc, struct mr_arena *arena, struct mr_decode_error *e)
{
	struct mr_arena_mark mark = mr_arena_mark(arena);
	uint8_t *bits = mr_arena_alloc(arena, doc.n / 8 + 1);
	size_t at, utf8;

	if (!mr_json_check(doc, bits, &at, &utf8))
		mr_bad(e, MR_BAD_JSON, at, "not JSON from here on");
	else if (utf8 < doc.n)
		mr_bad(e, MR_BAD_UTF8, utf8, "not UTF-8");
	mr_arena_rewind(arena, mark);
}

// ---- UTF-8 ----

// Bytes of the well-formed sequence that begins here; 0 where none does.
static size_t
sequence(const unsigned char *p, size_t left)
{
	static const struct { unsigned char from, to, low, high, n; } rows[] = {
		{0x00, 0x7f, 0, 0, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (p[0] < rows[i].from || p[0] > rows[i].to)
			continue;
		if (rows[i].n > left)
			return 0;
		if (rows[i].n > 1 && (p[1] < rows[i].low || p[1] > rows[i].high))
			return 0;
		for (size_t k = 2; k < rows[i].n; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return rows[i].n;
	}
	return 0;
}

static bool
ascii8(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return (v & UINT64_C(0x8080808080808080)) == 0;
}

size_t
mr_utf8_check(struct mr_str s)
{
	size_t at = 0;

	while (at < s.n) {
		if (s.n - at >= 8 && ascii8(s.p + at)) {
			at += 8;
			continue;
		}
		if ((unsigned char)s.p[at] < 0x80) {
			at++;
			continue;
		}
		size_t n = sequence((const unsigned char *)s.p + at, s.n - at);
		if (n == 0)
			return at;
		at += n;
	}
	return s.n;
}
