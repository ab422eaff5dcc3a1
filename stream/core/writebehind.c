// Which records changed since when, and their encodings on the way to the store.
//
//   changed users ──encode──> held ──(stamp committed)──> chunk ──acknowledged──> gone
//
// `meta.seq` may never pass a first change whose encoding is not acknowledged.
#include "core/mutation.h"
#include "core/task_impl.h"

#include <stdlib.h>

void
mr_task_touch(struct mr_task *t, struct mr_user *u)
{
	u->stamp = t->seq;
	mr_user_clear_if_empty(t->users, u);
	if (u->first_change || !t->conf.stored)
		return;
	u->first_change = t->seq;
	u->next_dirty = NULL;
	if (t->dirty_last)
		t->dirty_last->next_dirty = u;
	else
		t->dirty_first = u;
	t->dirty_last = u;
}

uint64_t
mr_task_first_change(const struct mr_task *t)
{
	return t->dirty_first ? t->dirty_first->first_change : 0;
}

static struct mr_held *
held_push(struct held_queue *q)
{
	if (q->n == q->cap) {
		size_t cap = q->cap ? 2 * q->cap : 64;
		struct mr_held *items = calloc(cap, sizeof(*items));
		MR_ASSERT(items != NULL);
		for (size_t i = 0; i < q->n; i++)
			items[i] = q->items[(q->head + i) % q->cap];
		free(q->items);
		q->items = items;
		q->cap = cap;
		q->head = 0;
	}
	return &q->items[(q->head + q->n++) % q->cap];
}

// One block holds the id and the page.
static void
hold(struct mr_task *t, struct mr_user *u)
{
	struct mr_str id = mr_user_id(u), page = {0};

	if (!mr_user_empty(t->users, u)) {
		mr_writer_reset(&t->page);
		mr_page_encode(t->users, u, t->conf.topics, &t->page);
		page = mr_writer_str(&t->page);
	}
	char *bytes = malloc(id.n + page.n);
	MR_ASSERT(bytes != NULL);
	memcpy(bytes, id.p, id.n);
	if (page.n)
		memcpy(bytes + id.n, page.p, page.n);
	*held_push(&t->held) = (struct mr_held){
		.user = {bytes, id.n},
		.page = {bytes + id.n, page.n},
		.stamp = u->stamp,
		.first_change = u->first_change,
		.due_ms = mr_user_due(u),
		.record = u,
	};
	t->held.bytes += id.n + page.n;
	MR_ASSERT(u->held < UINT16_MAX);
	u->held++;
	u->first_change = 0;
}

size_t
mr_task_encode(struct mr_task *t, uint64_t seq, size_t max)
{
	size_t n = 0;

	while (n < max && t->dirty_first && t->dirty_first->first_change <= seq) {
		struct mr_user *u = t->dirty_first;
		t->dirty_first = u->next_dirty;
		if (t->dirty_first == NULL)
			t->dirty_last = NULL;
		hold(t, u);
		n++;
	}
	return n;
}

size_t
mr_task_chunk(const struct mr_task *t, uint64_t committed, const struct mr_held **out, size_t max)
{
	size_t n = 0;

	while (n < max && n < t->held.n) {
		const struct mr_held *h = &t->held.items[(t->held.head + n) % t->held.cap];
		if (h->stamp > committed && !MR_MUTATION(STAMP_BEYOND_COMMIT))
			break;
		out[n++] = h;
	}
	return n;
}

void
mr_task_chunk_acknowledged(struct mr_task *t, size_t n)
{
	struct held_queue *q = &t->held;

	MR_ASSERT(n <= q->n);
	for (size_t i = 0; i < n; i++) {
		struct mr_held *h = &q->items[q->head];
		if (!MR_MUTATION(EVICT_HELD)) {   // else the record may be gone
			MR_ASSERT(h->record->held > 0);
			h->record->held--;
		}
		q->bytes -= h->user.n + h->page.n;
		free((void *)(uintptr_t)h->user.p);
		q->head = (q->head + 1) % q->cap;
		q->n--;
	}
}

uint64_t
mr_task_meta_seq(const struct mr_task *t, uint64_t committed, size_t n)
{
	uint64_t first = UINT64_MAX;

	MR_ASSERT(n <= t->held.n);
	if (t->dirty_first)
		first = t->dirty_first->first_change;
	for (size_t i = n; i < t->held.n; i++) {
		const struct mr_held *h = &t->held.items[(t->held.head + i) % t->held.cap];
		if (h->first_change < first)
			first = h->first_change;
	}
	return first == UINT64_MAX || first - 1 > committed ? committed : first - 1;
}

size_t
mr_task_held_bytes(const struct mr_task *t)
{
	return t->held.bytes;
}

// ---- the cache's bound ----

static void
forget(void *arg, struct mr_user *u)
{
	struct mr_task *t = arg;
	int64_t due_ms = mr_user_due(u);

	if (due_ms != MR_DUE_NEVER && due_ms <= t->index.due_ms)
		t->index = (struct mr_due_bound){.due_ms = due_ms};
	mr_timers_remove(t->timers, u);
}

size_t
mr_task_bytes(const struct mr_task *t)
{
	return mr_users_bytes(t->users) + t->held.bytes;
}

bool
mr_task_evict(struct mr_task *t, size_t bytes)
{
	if (!t->conf.stored || mr_task_bytes(t) <= bytes)
		return false;
	mr_users_evict(t->users, bytes - (t->held.bytes < bytes ? t->held.bytes : bytes), forget, t);
	return mr_task_bytes(t) > bytes;
}

// ---- timers of users who are not in memory ----

const struct mr_due_bound *
mr_task_index(const struct mr_task *t)
{
	return &t->index;
}

void
mr_task_index_loaded(struct mr_task *t, const struct mr_due_bound *before)
{
	if (before->due_ms < t->index.due_ms ||
	    (before->due_ms == t->index.due_ms && mr_str_cmp(before->user, t->index.user) <= 0))
		return;
	MR_ASSERT(before->user.n <= sizeof(t->index_user));
	if (before->user.n)
		memcpy(t->index_user, before->user.p, before->user.n);
	t->index = (struct mr_due_bound){before->due_ms, {t->index_user, before->user.n}};
}

bool
mr_task_index_agrees(const struct mr_task *t, struct mr_str user, int64_t due_ms)
{
	const struct mr_user *u = mr_users_find(t->users, user, mr_users_hash(user));

	return u == NULL || mr_user_due(u) == due_ms;
}

void
mr_task_index_says(struct mr_task *t, const struct mr_due_bound *due)
{
	struct mr_user *u = mr_users_find(t->users, due->user, mr_users_hash(due->user));

	if (u && !u->first_change && !u->held && mr_user_due(u) > due->due_ms && t->seq > 0)
		mr_task_touch(t, u);
}
