#include "generate/heap.h"

#include <stdlib.h>

static bool
before(const struct mr_heap_item *a, const struct mr_heap_item *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

void
mr_heap_free(struct mr_heap *h)
{
	free(h->items);
	*h = (struct mr_heap){0};
}

void
mr_heap_push(struct mr_heap *h, struct mr_heap_item item)
{
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 64;
		h->items = realloc(h->items, h->cap * sizeof(*h->items));
		MR_ASSERT(h->items != NULL);
	}
	size_t i = h->n++;
	for (; i > 0 && before(&item, &h->items[(i - 1) / 2]); i = (i - 1) / 2)
		h->items[i] = h->items[(i - 1) / 2];
	h->items[i] = item;
}

const struct mr_heap_item *
mr_heap_first(const struct mr_heap *h)
{
	return h->n ? &h->items[0] : NULL;
}

struct mr_heap_item
mr_heap_pop(struct mr_heap *h)
{
	MR_ASSERT(h->n > 0);
	struct mr_heap_item first = h->items[0], last = h->items[--h->n];
	size_t i = 0;

	for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
		if (child + 1 < h->n && before(&h->items[child + 1], &h->items[child]))
			child++;
		if (!before(&h->items[child], &last))
			break;
		h->items[i] = h->items[child];
	}
	if (h->n > 0)
		h->items[i] = last;
	return first;
}
