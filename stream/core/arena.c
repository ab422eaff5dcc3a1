#include "core/arena.h"

#include <stdlib.h>

#define BLOCK_BYTES (256u * 1024)
#define ALIGN 16u

struct block {
	struct block *next;
	size_t size;
	_Alignas(16) char bytes[];
};

struct mr_arena {
	struct block *first, *now;
	size_t used;             // of `now`
	size_t total, bytes_max; // of all blocks
	bool overflowed;
	struct block *red;       // handed out again and again once the bound is reached; outgrown ones behind
};

static struct block *
block_new(size_t size)
{
	struct block *b = malloc(sizeof(*b) + size);

	MR_ASSERT(b != NULL);
	b->next = NULL;
	b->size = size;
	return b;
}

static void
blocks_free(struct block *b)
{
	for (struct block *next; b; b = next) {
		next = b->next;
		free(b);
	}
}

struct mr_arena *
mr_arena_new(size_t bytes_max)
{
	struct mr_arena *a = calloc(1, sizeof(*a));

	MR_ASSERT(a != NULL);
	a->bytes_max = bytes_max < BLOCK_BYTES ? BLOCK_BYTES : bytes_max;
	a->first = a->now = block_new(BLOCK_BYTES);
	a->total = BLOCK_BYTES;
	return a;
}

void
mr_arena_free(struct mr_arena *a)
{
	if (a == NULL)
		return;
	blocks_free(a->first);
	blocks_free(a->red);
	free(a);
}

static void *
red_zone(struct mr_arena *a, size_t size)
{
	a->overflowed = true;
	if (a->red == NULL || a->red->size < size) {
		struct block *b = block_new(size);
		b->next = a->red;
		a->red = b;
	}
	return memset(a->red->bytes, 0, size);
}

// The next kept block that is large enough, or a new one behind the present; NULL at the bound.
static struct block *
next_block(struct mr_arena *a, size_t size)
{
	struct block *next = a->now->next;

	if (next && next->size >= size)
		return next;
	size_t want = size > BLOCK_BYTES ? size : BLOCK_BYTES;
	if (want > a->bytes_max - a->total)
		return NULL;
	struct block *b = block_new(want);
	a->total += want;
	b->next = next;
	a->now->next = b;
	return b;
}

void *
mr_arena_raw(struct mr_arena *a, size_t size)
{
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (size > a->now->size - a->used) {
		struct block *b = size <= a->bytes_max ? next_block(a, size) : NULL;
		if (b == NULL)
			return red_zone(a, size);
		a->now = b;
		a->used = 0;
	}
	void *p = a->now->bytes + a->used;
	a->used += size;
	return p;
}

void *
mr_arena_alloc(struct mr_arena *a, size_t size)
{
	return memset(mr_arena_raw(a, size), 0, size);
}

struct mr_str
mr_arena_copy(struct mr_arena *a, struct mr_str s)
{
	if (s.n == 0)
		return (struct mr_str){0};
	char *p = mr_arena_raw(a, s.n);
	size_t room = (s.n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	memset(p + room - ALIGN, 0, ALIGN);   // what lies behind the copy is zero: words of it may be read whole
	memcpy(p, s.p, s.n);
	return (struct mr_str){p, s.n};
}

void
mr_arena_reset(struct mr_arena *a)
{
	a->now = a->first;
	a->used = 0;
	a->overflowed = false;
}

bool
mr_arena_overflowed(const struct mr_arena *a)
{
	return a->overflowed;
}

size_t
mr_arena_used(const struct mr_arena *a)
{
	size_t n = a->used;

	for (const struct block *b = a->first; b != a->now; b = b->next)
		n += b->size;
	return n;
}

struct mr_arena_mark
mr_arena_mark(const struct mr_arena *a)
{
	return (struct mr_arena_mark){a->now, a->used};
}

void
mr_arena_rewind(struct mr_arena *a, struct mr_arena_mark mark)
{
	a->now = mark.block;
	a->used = mark.used;
}
