#include "core/timers.h"

#include <stdlib.h>

#define CHILDREN 4u

// A user's due stands beside him: comparing must not wait for his record.
struct node {
	int64_t due_ms;            // heap_due_ms
	struct mr_user *user;
};

struct mr_timers {
	struct node *heap;         // by before()
	uint32_t n, cap;
};

struct mr_timers *
mr_timers_new(void)
{
	struct mr_timers *ts = calloc(1, sizeof(*ts));

	MR_ASSERT(ts != NULL);
	return ts;
}

void
mr_timers_free(struct mr_timers *ts)
{
	if (ts == NULL)
		return;
	free(ts->heap);
	free(ts);
}

static inline bool
before(struct node a, struct node b)
{
	if (a.due_ms != b.due_ms)
		return a.due_ms < b.due_ms;
	return mr_str_cmp(mr_user_id(a.user), mr_user_id(b.user)) < 0;
}

static inline void
place(struct mr_timers *ts, struct node node, uint32_t pos)
{
	ts->heap[pos] = node;
	node.user->heap_pos = pos;
}

static void
sift_up(struct mr_timers *ts, struct node node, uint32_t pos)
{
	while (pos > 0 && before(node, ts->heap[(pos - 1) / CHILDREN])) {
		place(ts, ts->heap[(pos - 1) / CHILDREN], pos);
		pos = (pos - 1) / CHILDREN;
	}
	place(ts, node, pos);
}

static void
sift_down(struct mr_timers *ts, struct node node, uint32_t pos)
{
	for (;;) {
		uint32_t child = CHILDREN * pos + 1;
		if (child >= ts->n)
			break;
		uint32_t first = child, end = child + CHILDREN < ts->n ? child + CHILDREN : ts->n;
		while (++child < end)
			if (before(ts->heap[child], ts->heap[first]))
				first = child;
		if (!before(ts->heap[first], node))
			break;
		place(ts, ts->heap[first], pos);
		pos = first;
	}
	place(ts, node, pos);
}

void
mr_timers_remove(struct mr_timers *ts, struct mr_user *u)
{
	uint32_t pos = u->heap_pos;

	if (pos == MR_NOT_IN_HEAP)
		return;
	MR_ASSERT(ts->heap[pos].user == u);
	u->heap_pos = MR_NOT_IN_HEAP;
	struct node last = ts->heap[--ts->n];
	if (last.user == u)
		return;
	sift_up(ts, last, pos);
	sift_down(ts, last, last.user->heap_pos);
}

static void
insert(struct mr_timers *ts, struct mr_user *u)
{
	if (ts->n == ts->cap) {
		ts->cap = ts->cap ? 2 * ts->cap : 256;
		ts->heap = realloc(ts->heap, ts->cap * sizeof(*ts->heap));
		MR_ASSERT(ts->heap != NULL);
	}
	ts->n++;
	sift_up(ts, (struct node){u->heap_due_ms, u}, ts->n - 1);
}

void
mr_timers_update(struct mr_timers *ts, struct mr_user *u)
{
	int64_t due_ms = u->due_ms;

	if (u->heap_pos == MR_NOT_IN_HEAP) {
		u->heap_due_ms = due_ms;
		if (due_ms != MR_DUE_NEVER)
			insert(ts, u);
	} else if (due_ms < u->heap_due_ms) {
		u->heap_due_ms = due_ms;
		sift_up(ts, (struct node){due_ms, u}, u->heap_pos);
	}
}

struct mr_user *
mr_timers_first(struct mr_timers *ts, int64_t until_ms, int64_t *due_ms)
{
	while (ts->n > 0 && ts->heap[0].due_ms <= until_ms) {
		struct mr_user *u = ts->heap[0].user;
		int64_t due = u->due_ms;
		MR_ASSERT(due >= u->heap_due_ms);
		if (due == u->heap_due_ms) {
			*due_ms = due;
			return u;
		}
		if (due == MR_DUE_NEVER) {
			mr_timers_remove(ts, u);
			u->heap_due_ms = MR_DUE_NEVER;
		} else {
			u->heap_due_ms = due;
			sift_down(ts, (struct node){due, u}, 0);
		}
	}
	return NULL;
}

size_t
mr_timers_size(const struct mr_timers *ts)
{
	return ts->n;
}

size_t
mr_timers_count(const struct mr_timers *ts, int64_t due_ms, size_t max)
{
	uint32_t stack[64];       // depth of a heap of 2^32 entries, all children waiting
	size_t found = 0, depth = 0;

	if (ts->n > 0)
		stack[depth++] = 0;
	while (depth > 0 && found < max) {
		uint32_t pos = stack[--depth];
		if (pos >= ts->n || ts->heap[pos].due_ms > due_ms)
			continue;
		found++;
		MR_ASSERT(depth + CHILDREN <= 64);
		for (uint32_t i = 1; i <= CHILDREN; i++)
			stack[depth++] = CHILDREN * pos + i;
	}
	return found;
}

// ---- one user's timers: few, unsorted; the earliest is found by a scan ----

static const struct mr_user_timer *
earliest(const struct mr_user *u)
{
	const struct mr_user_timer *best = NULL;

	for (uint16_t i = 0; i < u->n_timers; i++) {
		const struct mr_user_timer *t = &u->timers[i];
		if (best == NULL || t->due_ms < best->due_ms || (t->due_ms == best->due_ms && t->number < best->number))
			best = t;
	}
	return best;
}

int64_t
mr_user_due(const struct mr_user *u)
{
	return u->due_ms;
}

void
mr_user_timers_changed(struct mr_user *u)
{
	const struct mr_user_timer *t = earliest(u);

	u->due_ms = t ? t->due_ms : MR_DUE_NEVER;
}

const struct mr_user_timer *
mr_user_timer_find(const struct mr_user *u, uint16_t op, uint64_t key)
{
	for (uint16_t i = 0; i < u->n_timers; i++)
		if (u->timers[i].op == op && u->timers[i].key == key)
			return &u->timers[i];
	return NULL;
}

bool
mr_user_timer_set(struct mr_user *u, uint16_t op, uint64_t key, int64_t due_ms)
{
	struct mr_user_timer *t = (struct mr_user_timer *)(uintptr_t)mr_user_timer_find(u, op, key);

	MR_ASSERT(due_ms != MR_DUE_NEVER);
	if (t == NULL) {
		if (u->n_timers == MR_TIMERS_MAX)
			return false;
		if (u->n_timers == u->cap_timers) {
			uint16_t cap = u->cap_timers ? (uint16_t)(2 * u->cap_timers) : 2;
			u->timers = mr_mem_resize(&u->mem, u->timers, u->cap_timers * sizeof(*t), cap * sizeof(*t));
			u->cap_timers = cap;
		}
		t = &u->timers[u->n_timers++];
		t->op = op;
		t->key = key;
		t->due_ms = MR_DUE_NEVER;
	}
	int64_t was_ms = t->due_ms;
	t->due_ms = due_ms;
	t->number = ++u->timer_number;
	if (due_ms <= u->due_ms)
		u->due_ms = due_ms;
	else if (was_ms == u->due_ms)
		mr_user_timers_changed(u);
	return true;
}

// The last one to go takes the numbers along: a user who is read anew from an empty page has none.
static void
drop(struct mr_user *u, const struct mr_user_timer *t)
{
	bool first = t->due_ms == u->due_ms;

	u->timers[t - u->timers] = u->timers[--u->n_timers];
	if (u->n_timers == 0)
		u->timer_number = 0;
	if (first)
		mr_user_timers_changed(u);
}

void
mr_user_timer_clear(struct mr_user *u, uint16_t op, uint64_t key)
{
	const struct mr_user_timer *t = mr_user_timer_find(u, op, key);

	if (t)
		drop(u, t);
}

struct mr_user_timer
mr_user_timer_take(struct mr_user *u)
{
	const struct mr_user_timer *first = earliest(u);

	MR_ASSERT(first != NULL);
	struct mr_user_timer t = *first;
	drop(u, first);
	return t;
}
