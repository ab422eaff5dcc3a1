// ${VAR}, ${VAR:-default}, ${VAR:?message} in scalars; $${ stands for ${.
#include "config/internal.h"

#include <stdlib.h>

#define NAME_MAX_BYTES 128

struct grow {
	struct mr_setup *s;
	char *p;
	size_t n, cap;
};

static void
put(struct grow *g, const char *p, size_t n)
{
	if (n > g->cap - g->n) {
		size_t cap = (g->n + n) * 2;
		char *bigger = mr_arena_alloc(g->s->arena, cap);
		if (g->n)
			memcpy(bigger, g->p, g->n);
		g->p = bigger;
		g->cap = cap;
	}
	MR_ASSERT(g->n + n <= g->cap);
	if (n)
		memcpy(g->p + g->n, p, n);
	g->n += n;
}

static size_t
name_length(struct mr_str t)
{
	size_t n = 0;

	while (n < t.n && (t.p[n] == '_' || (t.p[n] >= 'A' && t.p[n] <= 'Z') || (t.p[n] >= 'a' && t.p[n] <= 'z') ||
	    (n > 0 && t.p[n] >= '0' && t.p[n] <= '9')))
		n++;
	return n;
}

// Whether bytes from outside are UTF-8 (no overlong forms, no surrogates), as the file's own are.
static bool
utf8(const char *p)
{
	const unsigned char *c = (const unsigned char *)p;

	while (*c) {
		size_t n = *c < 0x80 ? 1 : *c >= 0xC2 && *c < 0xE0 ? 2 : (*c & 0xF0) == 0xE0 ? 3 : *c >= 0xF0 && *c < 0xF5 ? 4 : 0;
		if (n == 0 || (*c == 0xE0 && c[1] < 0xA0) || (*c == 0xED && c[1] >= 0xA0) || (*c == 0xF0 && c[1] < 0x90) ||
		    (*c == 0xF4 && c[1] >= 0x90))
			return false;
		for (size_t i = 1; i < n; i++)
			if ((c[i] & 0xC0) != 0x80)
				return false;
		c += n;
	}
	return true;
}

// `body` is what stands between the braces.
static void
expand_one(struct grow *g, const struct mr_node *at, struct mr_str body)
{
	size_t n = name_length(body);
	char name[NAME_MAX_BYTES + 1];
	struct mr_str rest = {body.p + n, body.n - n};
	bool fallback = rest.n >= 2 && rest.p[0] == ':' && rest.p[1] == '-';
	bool message = rest.n >= 2 && rest.p[0] == ':' && rest.p[1] == '?';

	if (n == 0 || n > NAME_MAX_BYTES || (rest.n && !fallback && !message)) {
		mr_setup_error(g->s, at, "${%.*s}: not a variable; write ${NAME}, ${NAME:-default} or ${NAME:?message}, "
		    "and $${ for the two characters themselves", (int)body.n, body.p);
		return;
	}
	memcpy(name, body.p, n);
	name[n] = '\0';
	const char *value = getenv(name);
	if (value && !utf8(value)) {
		mr_setup_error(g->s, at, "%s: not UTF-8", name);
	} else if (value && (*value || rest.n == 0)) {
		put(g, value, strlen(value));
	} else if (fallback) {
		put(g, rest.p + 2, rest.n - 2);
	} else if (message && rest.n > 2) {
		mr_setup_error(g->s, at, "%s is not set: %.*s", name, (int)rest.n - 2, rest.p + 2);
	} else {
		mr_setup_error(g->s, at, "%s is not set in the environment; set it, or write ${%s:-default}", name, name);
	}
}

struct mr_str
mr_env_expand(struct mr_setup *s, const struct mr_node *at, struct mr_str text)
{
	struct grow g = {.s = s};

	if (text.n == 0 || memmem(text.p, text.n, "${", 2) == NULL)
		return text;
	for (size_t i = 0; i < text.n;) {
		struct mr_str left = {text.p + i, text.n - i};
		MR_ASSERT(left.n > 0);
		if (left.n >= 3 && memcmp(left.p, "$${", 3) == 0) {
			put(&g, "${", 2);
			i += 3;
		} else if (left.n >= 2 && memcmp(left.p, "${", 2) == 0) {
			const char *end = memchr(left.p, '}', left.n);
			if (end == NULL) {
				mr_setup_error(s, at, "${ without its }; write $${ for the two characters themselves");
				break;
			}
			expand_one(&g, at, (struct mr_str){left.p + 2, (size_t)(end - left.p) - 2});
			i += (size_t)(end - left.p) + 1;
		} else {
			put(&g, left.p, 1);
			i++;
		}
	}
	return (struct mr_str){g.p, g.n};
}
