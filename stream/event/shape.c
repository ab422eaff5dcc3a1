#include "event/shape.h"

#include "event/number.h"

#include <stdlib.h>

#define SETS 32
#define WAYS 4
#define FIXED_MAX 2048        // bytes
#define KEYS 6                // whose lengths tell shapes apart
#define PAUSE_MAX 1024

// A value, and how many bytes lie between the one before and it.
struct value {
	uint32_t field;           // the number behind the last one: nobody reads it
	uint16_t token, between;
	uint8_t note;
	bool string;              // its quotes count as between
};

struct shape {
	uint32_t tag, tokens;
	uint32_t n;               // values; 0: none was learned
	uint32_t behind;          // bytes behind the last one
	bool used;
	struct value values[MR_SHAPE_VALUES_MAX];
	char fixed[FIXED_MAX];    // all that is between, before and behind
};

struct mr_shapes {
	uint32_t n_fields, tag;   // of the document that was looked for
	uint32_t pause, pausing;  // documents that nothing is learned from
	uint8_t order[SETS][WAYS];   // last used first
	struct shape shapes[SETS][WAYS];
};

struct mr_shapes *
mr_shapes_new(uint32_t n_fields)
{
	struct mr_shapes *s = calloc(1, sizeof(*s));

	MR_ASSERT(s != NULL);
	s->n_fields = n_fields;
	for (int set = 0; set < SETS; set++)
		for (uint8_t way = 0; way < WAYS; way++)
			s->order[set][way] = way;
	return s;
}

void
mr_shapes_free(struct mr_shapes *s)
{
	free(s);
}

// By the number of tokens, and the lengths of keys at every fourth one, where an object of strings has them.
static uint32_t
tag(struct mr_str doc, const struct mr_tokens *t)
{
	const uint32_t *at = t->first;
	uint32_t n = (uint32_t)(t->behind - at), h = n;

	for (uint32_t i = 1; i + 1 < n && i < 4 * KEYS; i += 4)
		h = h * 31 + (doc.p[at[i + 1]] == ':' ? at[i + 1] - at[i] : 0);
	return h * 0x9e3779b1u;
}

static inline bool
same(const char *a, const char *b, size_t n)
{
	if (n < 8)
		return memcmp(a, b, n) == 0;
	uint64_t differs = (mr_word(a) ^ mr_word(b)) | (mr_word(a + n - 8) ^ mr_word(b + n - 8));
	for (size_t i = 8; i + 8 < n; i += 8)
		differs |= mr_word(a + i) ^ mr_word(b + i);
	return differs == 0;
}

// A number, true, false or null.
static bool __attribute__((noinline))
read_bare(const char *p, const char *end, struct mr_value *out)
{
	double d;

	while ((unsigned char)end[-1] <= ' ' && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' || end[-1] == '\t'))
		end--;
	if (*p == 't' || *p == 'f' || *p == 'n') {
		struct mr_str s = {p, (size_t)(end - p)};
		*out = *p == 'n' ? mr_absent() : mr_bool(*p == 't');
		return mr_str_eq(s, *p == 't' ? MR_LIT("true") : *p == 'f' ? MR_LIT("false") : MR_LIT("null"));
	}
	if (mr_num_scan(p, end, &d) != MR_NUM_OK)
		return false;
	*out = mr_num(d);
	return true;
}

// Each token of a string or scalar is where the shape has it if all bytes up to it are the same. What was read
// before the first difference, the walk reads again.
static bool
read_values(const struct shape *s, struct mr_str doc, const uint32_t *at, struct mr_fields *out)
{
	struct mr_value *values = out->values;
	const struct value *v = s->values, *end = v + s->n;
	const char *from = doc.p, *fixed = s->fixed;

	for (; v < end; v++) {
		uint32_t n = v->between, token = at[v->token];
		const char *p = doc.p + token + v->string, *next = doc.p + at[v->token + 1] - v->string;
		if (p - from != n || !same(from, fixed, n))
			return false;
		fixed += n;
		from = next;
		out->at[v->note] = token;
		if (v->string)
			values[v->field] = mr_string((struct mr_str){p, (size_t)(next - p)});
		else if (!read_bare(p, next, &values[v->field]))
			return false;
	}
	size_t left = (size_t)(doc.p + doc.n - from);
	return left == s->behind && same(from, fixed, left);
}

static void
to_front(uint8_t *order, uint32_t i)
{
	uint8_t way = order[i];

	for (; i > 0; i--)
		order[i] = order[i - 1];
	order[0] = way;
}

bool
mr_shapes_read(struct mr_shapes *s, struct mr_str doc, const struct mr_tokens *t, struct mr_fields *out)
{
	s->tag = tag(doc, t);
	uint32_t set = s->tag >> 27;
	uint8_t *order = s->order[set];

	for (uint32_t i = 0; i < WAYS; i++) {
		struct shape *shape = &s->shapes[set][order[i]];
		if (shape->tag != s->tag || shape->tokens != (uint32_t)(t->behind - t->first) || shape->n == 0)
			continue;
		if (read_values(shape, doc, t->first, out)) {
			shape->used = true;
			to_front(order, i);
			return true;
		}
	}
	return false;
}

// What was learned and never used makes way: then shapes are too many, and learning them is not worth it.
static bool
pauses(struct mr_shapes *s, const struct shape *old)
{
	if (s->pause > 0) {
		s->pause--;
		return true;
	}
	if (old->n == 0 || old->used)
		s->pausing = 0;
	else
		s->pausing = s->pausing < PAUSE_MAX ? 2 * s->pausing + 1 : PAUSE_MAX;
	s->pause = s->pausing;
	return false;
}

static bool
keep(struct shape *shape, size_t *room, const char *p, size_t n)
{
	if (n > *room)
		return false;
	memcpy(shape->fixed + FIXED_MAX - *room, p, n);
	*room -= n;
	return true;
}

static bool
fill(struct shape *shape, struct mr_str doc, const uint32_t *at, const struct mr_shape_values *values, uint32_t nobody)
{
	size_t room = FIXED_MAX;
	uint32_t from = 0;

	for (uint32_t i = 0; i < values->n; i++) {
		uint32_t token = values->items[i].token;
		const struct mr_tree *node = values->items[i].node;
		bool string = doc.p[at[token]] == '"';
		uint32_t begin = at[token] + string;
		if (token > UINT16_MAX || !keep(shape, &room, doc.p + from, begin - from))
			return false;
		shape->values[i] = (struct value){.field = node->field >= 0 ? (uint32_t)node->field : nobody, .token = (uint16_t)token,
			.between = (uint16_t)(begin - from), .note = (uint8_t)node->note, .string = string};
		from = at[token + 1] - string;
	}
	shape->behind = (uint32_t)doc.n - from;
	return keep(shape, &room, doc.p + from, shape->behind);
}

void
mr_shapes_learn(struct mr_shapes *s, struct mr_str doc, const struct mr_tokens *t, const struct mr_shape_values *values)
{
	uint32_t set = s->tag >> 27;
	uint8_t *order = s->order[set];
	struct shape *shape = &s->shapes[set][order[WAYS - 1]];

	if (values->n > MR_SHAPE_VALUES_MAX || pauses(s, shape))
		return;
	shape->n = 0;
	if (!fill(shape, doc, t->first, values, s->n_fields))
		return;
	shape->tag = s->tag;
	shape->tokens = (uint32_t)(t->behind - t->first);
	shape->n = values->n;
	shape->used = false;
	to_front(order, WAYS - 1);
}
