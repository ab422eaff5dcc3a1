// A Redis that fails over, forgets and falls silent. Its fences and tables are those of the store in
// memory (the same suite tests both against each other); here they get a network and a past.
#include "store/memory.c"

#include "sim.h"

#define PAST 24

// What the checkers know besides, so that a broken fence doesn't hide itself.
struct owner {
	uint64_t epoch, w;
};

static struct mr_store_space *space;
static struct owner owners[PARTITIONS];
static struct { struct mr_store_space *space; struct owner owners[PARTITIONS]; } past[PAST];
static uint64_t n_past;
static struct write_seen *writes;
static size_t n_writes, cap_writes;

struct redis {
	struct mr_store base;
	struct mr_store *inner;
	struct proc *proc;
	const struct mr_str *users;
	size_t n_users;
	uint32_t partition;
	uint64_t epoch, w, unknown_w;
	bool writing;                 // sent; what it came to is known to the caller once it asks
	enum mr_store_status written;
};

static struct mr_store_space *
space_copy(const struct mr_store_space *from)
{
	struct mr_store_space *to = mr_store_space_new();

	for (uint32_t i = 0; i < from->n; i++) {
		const struct mr_table *a = from->partitions[i];
		struct mr_table *b = partition_of(to, i);
		if (a == NULL)
			continue;
		b->epoch = a->epoch;
		b->w = a->w;
		b->seq = a->seq;
		mr_table_str(&b->cluster_id, a->cluster_id);
		mr_table_str(&b->build, a->build);
		for (size_t k = 0; k < a->n_buckets; k++)
			for (const struct mr_table_entry *e = a->buckets[k]; e; e = e->chain)
				mr_table_put(b, &(struct mr_page){e->user, e->bytes, e->stamp, e->due_ms, e->tombstone});
	}
	return to;
}

static void
remember(void)
{
	size_t at = n_past++ % PAST;

	mr_store_space_free(past[at].space);
	past[at].space = space_copy(space);
	memcpy(past[at].owners, owners, sizeof(owners));
}

void
redis_lose(size_t back)
{
	struct mr_store_space *old = space;

	MR_ASSERT(n_past > 0);
	back = back < n_past ? back : n_past - 1;
	size_t at = (n_past - 1 - back) % PAST;
	space = space_copy(past[at].space);
	memcpy(owners, past[at].owners, sizeof(owners));
	n_past -= back;
	sim_trace("redis: failed over, lost a tail");
	mr_store_space_free(old);
}

void
redis_failover(bool empty)
{
	struct mr_store_space *old = space;

	if (!empty && n_past > 0) {
		redis_lose((size_t)sim_between(1, PAST - 1));
		return;
	}
	space = mr_store_space_new();
	memset(owners, 0, sizeof(owners));
	n_past = 0;
	sim_trace("redis: empty");
	mr_store_space_free(old);
}

// ---- calls ----

// MR_STORE_OK: it gets through.
static enum mr_store_status
travel(struct redis *r, enum point point)
{
	MR_ASSERT(!r->writing);       // one call at a time
	sim_point(point);
	bool slow = r->proc->store_slow_until_us > sim.now_us;
	sim_sleep(sim_between(80, slow ? 300 * MS : sim_chance(3) ? 40 * MS : 1 * MS));
	struct memory *m = (struct memory *)r->inner;
	m->space = space;
	if (r->proc->store_cut_until_us <= sim.now_us)
		return MR_STORE_OK;
	sim_sleep(sim_between(1 * MS, 200 * MS));
	snprintf(r->base.error, sizeof(r->base.error), "no connection");
	return MR_STORE_DOWN;
}

static enum mr_store_status
back(struct redis *r, enum mr_store_status status)
{
	snprintf(r->base.error, sizeof(r->base.error), "%s", r->inner->error);
	if (status == MR_STORE_BEHIND)
		sim_count(P_BEHIND, 1);
	sim_sleep(sim_between(50, 500));
	return status;
}

static enum mr_store_status
redis_take(struct mr_store *st, uint32_t partition, uint64_t epoch, struct mr_store_meta *meta)
{
	struct redis *r = (struct redis *)st;
	enum mr_store_status status = travel(r, AT_TAKE);

	if (status != MR_STORE_OK)
		return status;
	status = r->inner->ops->take(r->inner, partition, epoch, meta);
	if (status == MR_STORE_OK) {
		if (epoch < owners[partition].epoch)
			sim_fail("partition %u: epoch %lu is taken after %lu", partition, epoch, owners[partition].epoch);
		owners[partition].epoch = epoch;
		remember();
		sim_trace("redis: partition %u taken for epoch %lu, meta.seq %lu", partition, epoch, meta->seq);
	}
	return back(r, status);
}

static enum mr_store_status
redis_read_send(struct mr_store *st, uint32_t partition, uint64_t epoch, uint64_t w, const struct mr_str *users, size_t n)
{
	struct redis *r = (struct redis *)st;

	r->partition = partition;
	r->epoch = epoch;
	r->w = w;
	r->users = users;
	r->n_users = n;
	return MR_STORE_OK;
}

static enum mr_store_status
redis_read_wait(struct mr_store *st, struct mr_page *pages, size_t n)
{
	struct redis *r = (struct redis *)st;
	enum mr_store_status status = travel(r, AT_READ);

	if (status != MR_STORE_OK)
		return status;
	r->inner->ops->read_send(r->inner, r->partition, r->epoch, r->w, r->users, r->n_users);
	status = r->inner->ops->read_wait(r->inner, pages, n);
	for (size_t i = 0; i < n && status == MR_STORE_OK; i++)
		sim_count(P_RELOADED, pages[i].bytes.n > 0);
	return back(r, status);
}

static enum mr_store_status
redis_due(struct mr_store *st, uint32_t partition, uint64_t epoch, uint64_t w, int64_t from_ms, int64_t upto_ms,
    struct mr_due *out, size_t max, size_t *n)
{
	struct redis *r = (struct redis *)st;
	enum mr_store_status status = travel(r, AT_DUE);

	*n = 0;
	return status != MR_STORE_OK ? status
	                             : back(r, r->inner->ops->due(r->inner, partition, epoch, w, from_ms, upto_ms, out, max, n));
}

// Whether the chunk has emptied a user whose inputs will be replayed again where it is the last one.
static bool
note_write(uint32_t partition, uint64_t epoch, uint64_t w, const struct mr_page *pages, size_t n, uint64_t meta_seq)
{
	struct owner *o = &owners[partition];
	uint64_t committed = broker_journal_seq((int32_t)partition);
	bool emptied = false;

	if (epoch != o->epoch || w != o->w + 1)
		sim_fail("partition %u: chunk (%lu, %lu) applied after (%lu, %lu)", partition, epoch, w, o->epoch, o->w);
	if (meta_seq > committed)
		sim_fail("partition %u: meta.seq %lu is beyond the committed journal, %lu", partition, meta_seq, committed);
	o->w = w;
	for (size_t i = 0; i < n; i++) {
		if (pages[i].stamp > committed)
			sim_fail("partition %u: a stamp, %lu, is beyond the committed journal, %lu", partition, pages[i].stamp, committed);
		if (n_writes == cap_writes) {
			cap_writes = cap_writes ? 2 * cap_writes : 1024;
			writes = realloc(writes, cap_writes * sizeof(*writes));
			MR_ASSERT(writes != NULL);
		}
		writes[n_writes++] = (struct write_seen){(int32_t)partition, pages[i].stamp, meta_seq, pages[i].due_ms,
		    sim_copy(pages[i].user), sim_copy(pages[i].bytes)};
		sim_count(P_TOMBSTONE, pages[i].tombstone);
		emptied |= pages[i].tombstone && pages[i].stamp > meta_seq;
	}
	remember();
	sim_trace("redis: chunk %lu of partition %u, %zu pages, meta.seq %lu", w, partition, n, meta_seq);
	return emptied;
}

// What the caller will be told.
static enum mr_store_status
arrive(struct redis *r, uint32_t partition, uint64_t epoch, uint64_t w, const struct mr_page *pages, size_t n,
    uint64_t meta_seq)
{
	if (fault_takes(F_REPLY_DROPPED)) {
		r->unknown_w = w;
		return MR_STORE_UNKNOWN;
	}
	enum mr_store_status status = mr_store_write(r->inner, partition, epoch, w, pages, n, meta_seq);
	if (status == MR_STORE_OK && note_write(partition, epoch, w, pages, n, meta_seq) && fault_takes(F_CRASH_TOMBSTONE)) {
		proc_kill(r->proc);
		sim_sleep(1);      // for ever
	}
	if (status == MR_STORE_FENCED)
		sim_count(P_FENCED_WRITE, 1);
	if (fault_takes(F_REPLY_APPLIED)) {
		r->unknown_w = w;
		return MR_STORE_UNKNOWN;
	}
	return status;
}

static enum mr_store_status
redis_write_send(struct mr_store *st, uint32_t partition, uint64_t epoch, uint64_t w, const struct mr_page *pages,
    size_t n, uint64_t meta_seq)
{
	struct redis *r = (struct redis *)st;

	MR_ASSERT(!r->writing);
	enum mr_store_status status = travel(r, AT_WRITE);
	if (status != MR_STORE_OK)
		return status;
	r->written = arrive(r, partition, epoch, w, pages, n, meta_seq);
	r->writing = true;
	return MR_STORE_OK;
}

static enum mr_store_status
redis_write_wait(struct mr_store *st, bool wait)
{
	struct redis *r = (struct redis *)st;

	MR_ASSERT(r->writing);
	if (!wait && sim_chance(50))
		return MR_STORE_BUSY;
	r->writing = false;
	return r->written == MR_STORE_UNKNOWN ? r->written : back(r, r->written);
}

static enum mr_store_status
redis_position(struct mr_store *st, uint32_t partition, uint64_t epoch, uint64_t *w)
{
	struct redis *r = (struct redis *)st;
	enum mr_store_status status = travel(r, AT_POSITION);

	if (status != MR_STORE_OK)
		return status;
	status = r->inner->ops->position(r->inner, partition, epoch, w);
	if (status == MR_STORE_OK)
		sim_count(*w == r->unknown_w ? P_RESOLVED_APPLIED : P_RESOLVED_LOST, 1);
	return back(r, status);
}

static enum mr_store_status
redis_set_cluster(struct mr_store *st, uint32_t partition, uint64_t epoch, struct mr_str cluster_id)
{
	struct redis *r = (struct redis *)st;
	enum mr_store_status status = travel(r, AT_TAKE);

	return status != MR_STORE_OK ? status : back(r, r->inner->ops->set_cluster(r->inner, partition, epoch, cluster_id));
}

static enum mr_store_status
redis_set_build(struct mr_store *st, uint32_t partition, uint64_t epoch, struct mr_str build)
{
	struct redis *r = (struct redis *)st;
	enum mr_store_status status = travel(r, AT_TAKE);

	return status != MR_STORE_OK ? status : back(r, r->inner->ops->set_build(r->inner, partition, epoch, build));
}

static void
redis_close(struct mr_store *st)
{
	(void)st;
}

static const struct mr_store_ops redis_ops = {
	.scheme = "sim",
	.close = redis_close,
	.take = redis_take,
	.read_send = redis_read_send,
	.read_wait = redis_read_wait,
	.due = redis_due,
	.write_send = redis_write_send,
	.write_wait = redis_write_wait,
	.position = redis_position,
	.set_cluster = redis_set_cluster,
	.set_build = redis_set_build,
};

struct mr_store *
redis_open(struct proc *p)
{
	struct redis *r = calloc(1, sizeof(*r));

	MR_ASSERT(r != NULL);
	if (space == NULL)
		space = mr_store_space_new();
	r->base.ops = &redis_ops;
	r->inner = mr_store_memory(space);
	r->proc = p;
	return &r->base;
}

// ---- for the checkers and the faults ----

uint64_t
redis_oldest_seq(int32_t partition)
{
	uint64_t oldest = redis_meta_seq(partition);

	for (size_t i = 0; i < n_past && i < PAST; i++) {
		uint64_t seq = partition_of(past[i].space, (uint32_t)partition)->seq;
		oldest = seq < oldest ? seq : oldest;
	}
	return oldest;
}

const struct write_seen *
redis_writes(size_t *n)
{
	*n = n_writes;
	return writes;
}

void
redis_forget(void)
{
	n_writes = 0;
}

bool
redis_page(int32_t partition, struct mr_str user, struct mr_str *page)
{
	const struct mr_table_entry *e = mr_table_find(partition_of(space, (uint32_t)partition), user);

	*page = e ? e->bytes : (struct mr_str){0};
	return e != NULL;
}

uint64_t
redis_meta_seq(int32_t partition)
{
	return partition_of(space, (uint32_t)partition)->seq;
}
