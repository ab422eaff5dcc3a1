// What has no fixed size in a session, in one block: its parts one behind another in their order. The
// texts of the exit change with each event, so they are the last.
#include "session.h"

#define STEP 64u       // capacities are multiples of it
#define FIRST 192u     // what most sessions come to
#define IDLE_MAX 512u  // bytes that may lie idle

static size_t
part_at(const struct session_block *b, unsigned part)
{
	size_t at = 0;

	if (part >= PART_EXIT) {
		at = b->n;
		for (unsigned i = part; i < PARTS; i++)
			at -= b->size[i];
		return at;
	}
	for (unsigned i = 0; i < part; i++)
		at += b->size[i];
	return at;
}

struct mr_str
mr_session_part(const struct session *s, unsigned part)
{
	MR_ASSERT(part < PARTS);
	return s->block.n ? (struct mr_str){s->block.p + part_at(&s->block, part), s->block.size[part]} : (struct mr_str){0};
}

// Makes `now` bytes of the `was` bytes at `at`; what stands behind them moves.
static char *
resize(struct mr_mem *mem, struct session_block *b, size_t at, size_t was, size_t now)
{
	size_t n = b->n - was + now, behind = b->n - at - was;

	MR_ASSERT(at + was <= b->n && n <= UINT32_MAX / 2);
	if (n > b->cap || b->cap - n > IDLE_MAX) {
		uint32_t cap = n < FIRST ? FIRST : (uint32_t)((n + STEP - 1) / STEP * STEP);
		// Where it shrinks, what stands behind has to move first.
		if (cap < b->cap && behind)
			memmove(b->p + at + now, b->p + at + was, behind);
		b->p = mr_mem_resize(mem, b->p, b->cap, cap);
		if (cap > b->cap && behind)
			memmove(b->p + at + now, b->p + at + was, behind);
		b->cap = cap;
	} else if (behind && was != now) {
		memmove(b->p + at + now, b->p + at + was, behind);
	}
	b->n = (uint32_t)n;
	return n ? b->p + at : NULL;
}

bool
mr_session_put(struct mr_mem *mem, struct session *s, unsigned first, const struct mr_str *texts, size_t n, size_t max)
{
	struct session_block *b = &s->block;
	size_t was = 0, now = 0;
	bool whole = true;

	MR_ASSERT(first >= PART_ENTRY && first + n <= PARTS && max <= UINT16_MAX);
	for (size_t i = 0; i < n; i++)
		was += b->size[first + i];
	size_t at = first == PART_EXIT ? b->n - was : part_at(b, first);
	for (size_t i = 0; i < n; i++) {
		size_t size = texts[i].n;
		if (size > max) {
			size = mr_str_cut(texts[i], max).n;
			whole = false;
		}
		b->size[first + i] = (uint16_t)size;
		now += size;
	}
	if (was + now == 0)
		return whole;
	char *to = resize(mem, b, at, was, now);
	for (size_t i = 0; i < n; i++) {
		size_t size = b->size[first + i];
		if (size)
			memcpy(to, texts[i].p, size);
		to += size;
	}
	return whole;
}

void *
mr_session_extend(struct mr_mem *mem, struct session *s, unsigned part, size_t at, size_t more)
{
	struct session_block *b = &s->block;

	MR_ASSERT(part < PART_ENTRY && at <= b->size[part] && b->size[part] + more <= UINT16_MAX);
	char *p = resize(mem, b, part_at(b, part) + at, 0, more);
	b->size[part] = (uint16_t)(b->size[part] + more);
	return p;
}

void
mr_session_block_free(struct mr_mem *mem, struct session_block *b)
{
	mr_mem_resize(mem, b->p, b->cap, 0);
	*b = (struct session_block){0};
}
