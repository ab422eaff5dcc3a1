#include "textproto.h"

struct reader {
	struct mr_str text;
	size_t at;
	struct mr_arena *arena;
	bool failed;
	char buffer[16384];      // of the text being unescaped
};

static char
peek(const struct reader *r)
{
	return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

static void
skip(struct reader *r)
{
	while (r->at < r->text.n && strchr(" \t\r\n,;#", peek(r))) {
		if (peek(r) == '#')
			while (r->at < r->text.n && peek(r) != '\n')
				r->at++;
		else
			r->at++;
	}
}

static bool
accept(struct reader *r, char c)
{
	skip(r);
	if (peek(r) != c)
		return false;
	r->at++;
	return true;
}

static struct mr_str
word(struct reader *r)
{
	size_t from = r->at;

	while (peek(r) && (strchr("_.+-/", peek(r)) || (peek(r) >= '0' && peek(r) <= '9') ||
	    ((peek(r) | 0x20) >= 'a' && (peek(r) | 0x20) <= 'z')))
		r->at++;
	r->failed = r->failed || r->at == from;
	return (struct mr_str){r->text.p + from, r->at - from};
}

static int
digit(char c, int base)
{
	int d = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : 99;

	return d < base ? d : -1;
}

static size_t
utf8_put(char *out, unsigned code)
{
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = len - 1; i > 0; i--, code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(first[len] | code);
	return len;
}

// Octal and \x are bytes, \u and \U characters.
static size_t
escape(struct reader *r, char *out)
{
	static const char from[] = "abfnrtv\\?\"'`", to[] = "\a\b\f\n\r\t\v\\?\"'`";
	char c = r->text.p[r->at++];
	const char *simple = strchr(from, c);
	bool hex = c == 'x' || c == 'u' || c == 'U';
	int digits = 0, max = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 3;
	unsigned value = 0;

	if (simple && c) {
		*out = to[simple - from];
		return 1;
	}
	if (!hex)
		r->at--;
	for (; digits < max && digit(peek(r), hex ? 16 : 8) >= 0; digits++)
		value = value * (hex ? 16 : 8) + (unsigned)digit(r->text.p[r->at++], hex ? 16 : 8);
	r->failed = r->failed || digits == 0;
	if (max > 3)
		return utf8_put(out, value);
	*out = (char)value;
	return 1;
}

// One or more quoted pieces.
static struct mr_str
quoted(struct reader *r)
{
	size_t n = 0;

	while (!r->failed && (peek(r) == '"' || peek(r) == '\'')) {
		char quote = r->text.p[r->at++];
		while (peek(r) != quote) {
			if (r->at >= r->text.n || peek(r) == '\n' || n + 4 > sizeof(r->buffer)) {
				r->failed = true;
				break;
			}
			char c = r->text.p[r->at++];
			if (c == '\\')
				n += escape(r, r->buffer + n);
			else
				r->buffer[n++] = c;
		}
		r->at++;
		skip(r);
	}
	return mr_arena_copy(r->arena, (struct mr_str){r->buffer, n});
}

static struct proto *fields(struct reader *r, char end, int depth);

static void
value(struct reader *r, struct proto *field, int depth)
{
	if (accept(r, '{')) {
		field->message = true;
		field->fields = fields(r, '}', depth + 1);
	} else if (peek(r) == '"' || peek(r) == '\'') {
		field->text = quoted(r);
	} else {
		field->text = word(r);
	}
}

static struct proto *
fields(struct reader *r, char end, int depth)
{
	struct proto *first = NULL, **last = &first;

	r->failed = r->failed || depth > 60;
	while (!r->failed) {
		skip(r);
		if (end ? accept(r, end) : r->at == r->text.n)
			return first;
		bool extension = accept(r, '[');
		struct mr_str name = word(r);
		if (extension && !accept(r, ']'))
			r->failed = true;
		accept(r, ':');
		skip(r);
		bool list = accept(r, '[');
		do {
			if (list && accept(r, ']'))
				break;
			struct proto *field = mr_arena_alloc(r->arena, sizeof(*field));
			field->name = name;
			*last = field;
			last = &field->next;
			value(r, field, depth);
		} while (list && !r->failed);
	}
	return first;
}

struct proto *
proto_parse(struct mr_str text, struct mr_arena *arena, size_t *byte)
{
	struct reader r = {.text = text, .arena = arena};
	struct proto *top = mr_arena_alloc(arena, sizeof(*top));

	top->message = true;
	top->fields = fields(&r, '\0', 0);
	*byte = r.at;
	return r.failed ? NULL : top;
}

const struct proto *
proto_field(const struct proto *message, const char *name, const struct proto *after)
{
	const struct proto *f = after ? after->next : message ? message->fields : NULL;

	while (f && !mr_str_eq(f->name, mr_str_of(name)))
		f = f->next;
	return f;
}

struct mr_str
proto_text(const struct proto *message, const char *name)
{
	const struct proto *f = proto_field(message, name, NULL);

	return f ? f->text : (struct mr_str){0};
}
