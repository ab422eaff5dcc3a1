// A queue ordered by (time, number). The caller numbers its items, so that equal times have an order.
#ifndef MR_GENERATE_HEAP_H
#define MR_GENERATE_HEAP_H

#include <millrace/base.h>

struct mr_heap_item {
	int64_t at_ms;
	uint64_t number;
	void *what;          // the caller's
};

struct mr_heap {
	struct mr_heap_item *items;
	size_t n, cap;
};

void mr_heap_free(struct mr_heap *);                 // not what the items point to
void mr_heap_push(struct mr_heap *, struct mr_heap_item);
// The earliest one; NULL where it is empty.
const struct mr_heap_item *mr_heap_first(const struct mr_heap *);
struct mr_heap_item mr_heap_pop(struct mr_heap *);   // not when empty

#endif
