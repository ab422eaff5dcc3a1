// The tokens that simdjson found, and what one or a few of them are. Inside of json.c only.
#ifndef MR_EVENT_TOKENS_H
#define MR_EVENT_TOKENS_H

#include "event/json.h"
#include "event/shape.h"
#include "event/simd.h"

struct mr_json {
	struct mr_simd *simd;
	const struct mr_tree *tree;
	uint32_t depth_max, key_max, string_max;
	struct mr_shapes *shapes;
	struct mr_shape_values values;   // of the document that is walked
	uint64_t decoded;           // documents
	uint64_t *seen;             // by node: the last document that had its key
	struct mr_member *stack;    // items and members of the containers that are being read whole
	size_t n, cap;
	char *unescaped;            // room for the longest string, MR_SIMD_PADDING, and both again for its source
	size_t half;                // of it
};

struct walk {
	struct mr_json *json;
	const char *doc;
	size_t doc_n;
	const uint32_t *first, *at, *end;
	uint32_t depth;
	bool escapes;               // somewhere in the document there is a backslash
	size_t plain_key, plain_string;   // a string below is not too long and has no escapes
	struct mr_arena *arena;
	struct mr_fields *out;
	struct mr_decode_error *error;
};

static inline size_t
position(const struct walk *w)
{
	return w->at < w->end ? *w->at : w->doc_n;
}

static inline bool
malformed(struct walk *w, const char *detail)
{
	return mr_bad(w->error, MR_BAD_JSON, position(w), detail);
}

// The token's first byte; 0, which begins no token that is right, at the end.
static inline char
peek(const struct walk *w)
{
	return w->at < w->end ? w->doc[*w->at] : 0;
}

static inline bool
take(struct walk *w, char c)
{
	if (peek(w) != c)
		return false;
	w->at++;
	return true;
}

// The whole token, without the white space that follows it. Other control bytes end no token.
static inline struct mr_str
text(const struct walk *w)
{
	const char *p = w->doc + w->at[0], *end = w->doc + w->at[1];

	while ((unsigned char)end[-1] <= ' ' && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' || end[-1] == '\t'))
		end--;
	return (struct mr_str){p, (size_t)(end - p)};
}

static inline bool
descend(struct walk *w)
{
	if (w->depth >= w->json->depth_max)
		return mr_bad(w->error, MR_BAD_TOO_DEEP, position(w), "nested too deep");
	w->depth++;
	w->at++;
	return true;
}

static inline bool
is_word(struct mr_str s)
{
	return mr_str_eq(s, MR_LIT("true")) || mr_str_eq(s, MR_LIT("false")) || mr_str_eq(s, MR_LIT("null"));
}

// What is between the quotes, escapes and all; `max` bounds it as it was sent.
static inline bool
raw_string(struct walk *w, uint32_t max, struct mr_str *raw)
{
	struct mr_str s = text(w);

	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return malformed(w, "a string was expected");
	if (s.n - 2 > max)
		return mr_bad(w->error, MR_BAD_TOO_LARGE, position(w), "a key or string is too long");
	*raw = (struct mr_str){s.p + 1, s.n - 2};
	return true;
}

static inline bool
has_escape(const struct walk *w, struct mr_str raw)
{
	return w->escapes && memchr(raw.p, '\\', raw.n) != NULL;
}

static inline bool
unescape(struct walk *w, struct mr_str raw, struct mr_str *out)
{
	struct mr_json *j = w->json;
	size_t n;

	MR_ASSERT(raw.n <= j->key_max || raw.n <= j->string_max);
	// More than the string is read: not where it lies.
	char *source = j->unescaped + j->half;
	memcpy(source, raw.p, raw.n + 1);
	if (!mr_simd_unescape(j->simd, (struct mr_str){source, raw.n}, j->unescaped, &n))
		return malformed(w, "an escape that is none");
	*out = mr_arena_copy(w->arena, (struct mr_str){j->unescaped, n});
	return true;
}

// At a string; moves past it.
static inline bool
read_string(struct walk *w, uint32_t max, struct mr_str *out)
{
	if (!raw_string(w, max, out) || (has_escape(w, *out) && !unescape(w, *out, out)))
		return false;
	w->at++;
	return true;
}

static inline bool
skip_string(struct walk *w, uint32_t max)
{
	struct mr_str raw;

	if (!raw_string(w, max, &raw))
		return false;
	if (has_escape(w, raw) && !mr_json_escapes(raw))
		return malformed(w, "an escape that is none");
	w->at++;
	return true;
}

// A key and its colon; `key` NULL: nobody wants to know which.
static inline bool
read_key(struct walk *w, struct mr_str *key)
{
	if (peek(w) != '"')
		return malformed(w, "a key was expected");
	if (!(key ? read_string(w, w->json->key_max, key) : skip_string(w, w->json->key_max)))
		return false;
	return take(w, ':') || malformed(w, "':' was expected");
}

#endif
