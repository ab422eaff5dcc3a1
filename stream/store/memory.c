// The store in memory: the same fences and the same order as Redis, for the demo and for tests.
#include "core/mutation.h"
#include "store/table.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct mr_store_space {
	pthread_mutex_t lock;
	struct mr_table **partitions;
	uint32_t n;
};

struct memory {
	struct mr_store base;
	struct mr_store_space *space;
	bool own_space;
	const struct mr_str *users;  // of the read under way
	size_t n_users;
	uint32_t read_partition;
	uint64_t read_epoch, read_w;
	bool reading, writing;
	enum mr_store_status written; // what the write under way came to
	char *copy;                  // what the last call handed out
	size_t copy_size, copy_used;
};

static void *
must(void *p)
{
	MR_ASSERT(p != NULL);
	return p;
}

struct mr_store_space *
mr_store_space_new(void)
{
	struct mr_store_space *s = must(calloc(1, sizeof(*s)));

	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void
mr_store_space_free(struct mr_store_space *s)
{
	if (s == NULL)
		return;
	for (uint32_t i = 0; i < s->n; i++)
		mr_table_free(s->partitions[i]);
	free(s->partitions);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static struct mr_table *
partition_of(struct mr_store_space *s, uint32_t number)
{
	if (number >= s->n) {
		uint32_t n = number + 1;
		s->partitions = must(realloc(s->partitions, n * sizeof(struct mr_table *)));
		memset(s->partitions + s->n, 0, (n - s->n) * sizeof(struct mr_table *));
		s->n = n;
	}
	if (s->partitions[number] == NULL)
		s->partitions[number] = mr_table_new();
	return s->partitions[number];
}

// ---- the calls

// Starts a call: what the last one handed out is gone.
static struct mr_table *
enter(struct memory *m, uint32_t number)
{
	MR_ASSERT(!m->writing);
	m->copy_used = 0;
	m->base.error[0] = '\0';
	pthread_mutex_lock(&m->space->lock);
	return partition_of(m->space, number);
}

static enum mr_store_status
leave(struct memory *m, enum mr_store_status status, const char *text)
{
	pthread_mutex_unlock(&m->space->lock);
	if (text)
		snprintf(m->base.error, sizeof(m->base.error), "%s", text);
	return status;
}

static enum mr_store_status
fence(const struct mr_table *pt, uint64_t epoch, uint64_t w)
{
	if (pt->epoch != epoch && !MR_MUTATION(SKIP_EPOCH))
		return pt->epoch > epoch ? MR_STORE_FENCED : MR_STORE_BEHIND;
	if (pt->w != w)
		return pt->w > w ? MR_STORE_FENCED : MR_STORE_BEHIND;
	return MR_STORE_OK;
}

static const char *
fence_text(enum mr_store_status status)
{
	return status == MR_STORE_OK ? NULL : status == MR_STORE_FENCED ? "another owner has taken this partition"
	    : "the store is older than what it acknowledged";
}

// Room for everything that a call hands out, so that nothing moves while it is filled.
static void
copy_reserve(struct memory *m, size_t bytes)
{
	MR_ASSERT(m->copy_used == 0);
	if (bytes <= m->copy_size)
		return;
	free(m->copy);
	m->copy = must(malloc(bytes));
	m->copy_size = bytes;
}

static struct mr_str
copy_out(struct memory *m, struct mr_str s)
{
	char *p = m->copy + m->copy_used;

	if (s.n == 0)
		return (struct mr_str){0};
	MR_ASSERT(s.n <= m->copy_size - m->copy_used);
	memcpy(p, s.p, s.n);
	m->copy_used += s.n;
	return (struct mr_str){p, s.n};
}

static int64_t
due_of(const struct mr_table *pt, struct mr_str user)
{
	const struct mr_table_entry *e = mr_table_find(pt, user);

	return e ? e->due_ms : INT64_MAX;
}

static enum mr_store_status
memory_take(struct mr_store *st, uint32_t partition, uint64_t epoch, struct mr_store_meta *meta)
{
	struct memory *m = (struct memory *)st;
	struct mr_table *pt = enter(m, partition);

	MR_ASSERT(epoch > 0);
	copy_reserve(m, pt->cluster_id.n + pt->build.n);
	*meta = (struct mr_store_meta){.epoch = pt->epoch, .w = pt->w, .seq = pt->seq,
	    .cluster_id = copy_out(m, pt->cluster_id), .build = copy_out(m, pt->build)};
	if (pt->epoch > epoch)
		return leave(m, MR_STORE_FENCED, fence_text(MR_STORE_FENCED));
	pt->epoch = epoch;
	return leave(m, MR_STORE_OK, NULL);
}

static enum mr_store_status
memory_read_send(struct mr_store *st, uint32_t partition, uint64_t epoch, uint64_t w,
    const struct mr_str *users, size_t n)
{
	struct memory *m = (struct memory *)st;

	MR_ASSERT(!m->reading);
	m->reading = true;
	m->read_partition = partition;
	m->read_epoch = epoch;
	m->read_w = w;
	m->users = users;
	m->n_users = n;
	return MR_STORE_OK;
}

static enum mr_store_status
memory_read_wait(struct mr_store *st, struct mr_page *pages, size_t n)
{
	struct memory *m = (struct memory *)st;

	MR_ASSERT(m->reading && n == m->n_users);
	m->reading = false;
	struct mr_table *pt = enter(m, m->read_partition);
	enum mr_store_status status = MR_MUTATION(READ_WITHOUT_FENCE) ? MR_STORE_OK : fence(pt, m->read_epoch, m->read_w);
	if (status != MR_STORE_OK)
		return leave(m, status, fence_text(status));
	size_t bytes = 0;
	for (size_t i = 0; i < n; i++) {
		const struct mr_table_entry *e = mr_table_find(pt, m->users[i]);
		bytes += e ? e->bytes.n : 0;
	}
	copy_reserve(m, bytes);
	for (size_t i = 0; i < n; i++) {
		const struct mr_table_entry *e = mr_table_find(pt, m->users[i]);
		pages[i] = (struct mr_page){.user = m->users[i], .due_ms = due_of(pt, m->users[i])};
		if (e == NULL)
			continue;
		pages[i].bytes = copy_out(m, e->bytes);
		pages[i].tombstone = e->tombstone;
		pages[i].stamp = e->tombstone ? e->stamp : 0;
	}
	return leave(m, MR_STORE_OK, NULL);
}

static enum mr_store_status
memory_due(struct mr_store *st, uint32_t partition, uint64_t epoch, uint64_t w, int64_t from_ms, int64_t upto_ms,
    struct mr_due *out, size_t max, size_t *n)
{
	struct memory *m = (struct memory *)st;
	struct mr_table *pt = enter(m, partition);
	enum mr_store_status status = MR_MUTATION(READ_WITHOUT_FENCE) ? MR_STORE_OK : fence(pt, epoch, w);

	*n = 0;
	if (status != MR_STORE_OK)
		return leave(m, status, fence_text(status));
	size_t bytes = 0, count = 0;
	const struct mr_table_entry *first = mr_table_due(pt, from_ms);
	for (const struct mr_table_entry *e = first; e && e->due_ms <= upto_ms && count < max; e = e->next[0]) {
		bytes += e->user.n;
		count++;
	}
	copy_reserve(m, bytes);
	const struct mr_table_entry *e = first;
	for (size_t i = 0; i < count; i++, e = e->next[0])
		out[i] = (struct mr_due){.user = copy_out(m, e->user), .due_ms = e->due_ms};
	*n = count;
	return leave(m, MR_STORE_OK, NULL);
}

static enum mr_store_status
write_now(struct memory *m, uint32_t partition, uint64_t epoch, uint64_t w, const struct mr_page *pages, size_t n,
    uint64_t meta_seq)
{
	struct mr_table *pt = enter(m, partition);

	MR_ASSERT(w > 0 && n <= MR_CHUNK_MAX);
	enum mr_store_status status = fence(pt, epoch, MR_MUTATION(ACCEPT_ANY_W) ? pt->w : w - 1);
	if (status != MR_STORE_OK)
		return leave(m, status, fence_text(status));
	for (size_t i = 0; i < n; i++) {
		struct mr_page page = pages[i];
		if (MR_MUTATION(INDEX_APART) && !page.tombstone)
			page.due_ms = due_of(pt, page.user);
		mr_table_put(pt, &page);
	}
	pt->w = w;
	if (meta_seq > pt->seq)
		pt->seq = meta_seq;
	mr_table_bury(pt, MR_MUTATION(NO_TOMBSTONE) ? UINT64_MAX : pt->seq);
	return leave(m, MR_STORE_OK, NULL);
}

static enum mr_store_status
memory_write_send(struct mr_store *st, uint32_t partition, uint64_t epoch, uint64_t w, const struct mr_page *pages,
    size_t n, uint64_t meta_seq)
{
	struct memory *m = (struct memory *)st;

	m->written = write_now(m, partition, epoch, w, pages, n, meta_seq);
	m->writing = true;
	return MR_STORE_OK;
}

static enum mr_store_status
memory_write_wait(struct mr_store *st, bool wait)
{
	struct memory *m = (struct memory *)st;

	(void)wait;
	MR_ASSERT(m->writing);
	m->writing = false;
	return m->written;
}

static enum mr_store_status
memory_position(struct mr_store *st, uint32_t partition, uint64_t epoch, uint64_t *w)
{
	struct memory *m = (struct memory *)st;
	struct mr_table *pt = enter(m, partition);
	enum mr_store_status status = fence(pt, epoch, pt->w);

	*w = pt->w;
	return leave(m, status, fence_text(status));
}

static enum mr_store_status
text_set(struct memory *m, uint32_t partition, uint64_t epoch, struct mr_str s, bool build)
{
	struct mr_table *pt = enter(m, partition);
	enum mr_store_status status = fence(pt, epoch, pt->w);

	if (status == MR_STORE_OK)
		mr_table_str(build ? &pt->build : &pt->cluster_id, s);
	return leave(m, status, fence_text(status));
}

static enum mr_store_status
memory_set_cluster(struct mr_store *st, uint32_t partition, uint64_t epoch, struct mr_str cluster_id)
{
	return text_set((struct memory *)st, partition, epoch, cluster_id, false);
}

static enum mr_store_status
memory_set_build(struct mr_store *st, uint32_t partition, uint64_t epoch, struct mr_str build)
{
	return text_set((struct memory *)st, partition, epoch, build, true);
}

static enum mr_store_status
memory_check(struct mr_store *st)
{
	st->error[0] = '\0';
	return MR_STORE_OK;
}

static void
memory_close(struct mr_store *st)
{
	struct memory *m = (struct memory *)st;

	if (m->own_space)
		mr_store_space_free(m->space);
	free(m->copy);
	free(m);
}

static const struct mr_store_ops memory_ops = {
	.scheme = "memory",
	.close = memory_close,
	.take = memory_take,
	.read_send = memory_read_send,
	.read_wait = memory_read_wait,
	.due = memory_due,
	.write_send = memory_write_send,
	.write_wait = memory_write_wait,
	.position = memory_position,
	.set_cluster = memory_set_cluster,
	.set_build = memory_set_build,
	.check = memory_check,
};

struct mr_store *
mr_store_memory(struct mr_store_space *space)
{
	struct memory *m = must(calloc(1, sizeof(*m)));

	m->base.ops = &memory_ops;
	m->own_space = space == NULL;
	m->space = space ? space : mr_store_space_new();
	return &m->base;
}
