// A lane and the store: users of a batch are read before it is applied, timers of users who are not
// in memory before the clock may pass them, and changed users are written behind.
#include "run/worker_impl.h"

#include <stdlib.h>

#define DUE_AHEAD_MS 60000      // how far beyond the clock timers are fetched at once
#ifdef MR_SIM
#define DUE_MAX 2               // that many at one instant are not rare
#else
#define DUE_MAX 1024
#endif
#define CHUNKS_A_STEP 8
#define RETRY_MS 200

// ---- outcomes ----

static void
store_failed(struct mr_lane *l, enum mr_store_status status)
{
	struct mr_worker *w = l->worker;
	int64_t now_ms = mr_mono_ms(w->conf.clock);

	mr_stats_add(w->conf.stats, MR_STAT_STORE_ERRORS, 1);
	mr_report_store(l, status == MR_STORE_FENCED || status == MR_STORE_BEHIND);
	switch (status) {
	case MR_STORE_FENCED:
		mr_lane_lost(l, "another owner has taken its pages");
		return;
	case MR_STORE_BEHIND:
		mr_lane_again(l, "the store went back in time");
		return;
	default:   // down, unknown or refused: nothing is lost by waiting
		if (now_ms >= w->store_log_ms) {
			mr_worker_log(w, 3, "store: %s; partition %d waits", w->conf.store->error, l->number);
			w->store_log_ms = now_ms + 5000;
		}
		l->store_retry_ms = now_ms + (status == MR_STORE_FATAL ? 5 * RETRY_MS : RETRY_MS);
	}
}

static bool
store_waits(const struct mr_lane *l)
{
	return mr_mono_ms(l->worker->conf.clock) < l->store_retry_ms;
}

// ---- a chunk whose answer was lost ----

static bool
resolve_unknown(struct mr_lane *l, size_t n)
{
	struct mr_store *store = l->worker->conf.store;
	uint64_t w = 0;
	enum mr_store_status status = store->ops->position(store, (uint32_t)l->number, l->epoch, &w);

	if (status != MR_STORE_OK) {
		store_failed(l, status == MR_STORE_UNKNOWN ? MR_STORE_DOWN : status);
		l->unknown_chunk = n;   // asked again before anything else is written
		l->unknown = true;
		return false;
	}
	l->unknown = false;
	if (w == l->w + 1) {
		l->w = w;
		mr_task_chunk_acknowledged(l->task, n);
		return true;
	}
	if (w == l->w)
		return true;    // not applied: it is written again
	store_failed(l, MR_STORE_BEHIND);
	return false;
}

// Before any other call: with a chunk more than we know of in the store, a read would look like
// another owner's doing.
static bool
settled(struct mr_lane *l)
{
	return !store_waits(l) && (!l->unknown || resolve_unknown(l, l->unknown_chunk));
}

// ---- reading ----

// Reads and installs users who are not in memory yet; `users` has no such user twice.
static bool
read_users(struct mr_lane *l, const struct mr_str *users, size_t n)
{
	struct mr_store *store = l->worker->conf.store;
	struct mr_page *pages = calloc(n, sizeof(*pages));
	int64_t began_us = mr_mono_us(l->worker->conf.clock);

	MR_ASSERT(pages != NULL);
	enum mr_store_status status = store->ops->read_send(store, (uint32_t)l->number, l->epoch, l->w, users, n);
	if (status == MR_STORE_OK)
		status = store->ops->read_wait(store, pages, n);
	mr_stats_record(l->worker->conf.stats, MR_STAT_STORE_READ, mr_mono_us(l->worker->conf.clock) - began_us);
	for (size_t i = 0; i < n && status == MR_STORE_OK; i++) {
		struct mr_str page = pages[i].tombstone ? (struct mr_str){0} : pages[i].bytes;
		if (!mr_task_install(l->task, users[i], page, pages[i].stamp)) {
			mr_worker_log(l->worker, 3, "partition %d: a user's page can't be decoded", l->number);
			status = MR_STORE_FATAL;
		}
	}
	free(pages);
	if (status != MR_STORE_OK)
		store_failed(l, status);
	else
		mr_report_store(l, true);
	return status == MR_STORE_OK;
}

static int
by_bytes(const void *a, const void *b)
{
	return mr_str_cmp(*(const struct mr_str *)a, *(const struct mr_str *)b);
}

static size_t
unique(struct mr_str *users, size_t n)
{
	size_t kept = 0;

	qsort(users, n, sizeof(*users), by_bytes);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !mr_str_eq(users[kept - 1], users[i]))
			users[kept++] = users[i];
	return kept;
}

bool
mr_pages_users(struct mr_lane *l, struct mr_item *const *items, size_t n)
{
	struct mr_str users[MR_BATCH_MAX];
	size_t missing = 0;

	MR_ASSERT(n <= MR_BATCH_MAX);
	for (size_t i = 0; i < n; i++)
		if (!mr_task_knows(l->task, items[i]))
			users[missing++] = items[i]->event.user;
	if (missing == 0)
		return true;
	return settled(l) && read_users(l, users, unique(users, missing));
}

// Installs those of the due users who are not in memory. Their names live in the store's answer,
// which the next call overwrites.
static bool
install_due(struct mr_lane *l, const struct mr_due *due, size_t n)
{
	struct mr_str *users = calloc(n + 1, sizeof(*users));
	size_t missing = 0, bytes = 0;
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		bytes += due[i].user.n;
	char *names = malloc(bytes + 1), *at = names;
	MR_ASSERT(users && names);
	for (size_t i = 0; i < n; i++) {
		if (mr_task_has_user(l->task, due[i].user))
			continue;
		memcpy(at, due[i].user.p, due[i].user.n);
		users[missing++] = (struct mr_str){at, due[i].user.n};
		at += due[i].user.n;
	}
	for (size_t i = 0; i < missing && ok; i += MR_BATCH_MAX)
		ok = read_users(l, users + i, missing - i < MR_BATCH_MAX ? missing - i : MR_BATCH_MAX);
	free(users);
	free(names);
	return ok;
}

// One look at the index. False: the store has failed. *whole: all timers up to `until_ms` are known.
static bool
look_ahead(struct mr_lane *l, int64_t until_ms, size_t max, bool *whole)
{
	struct mr_store *store = l->worker->conf.store;
	struct mr_due *due = calloc(max, sizeof(*due));
	size_t n = 0;

	MR_ASSERT(due != NULL);
	enum mr_store_status status =
	    store->ops->due(store, (uint32_t)l->number, l->epoch, l->w, until_ms, due, max, &n);
	if (status != MR_STORE_OK) {
		store_failed(l, status);
		free(due);
		return false;
	}
	mr_report_store(l, true);
	int64_t known_ms = n < max ? until_ms : due[n - 1].due_ms - 1;
	bool ok = install_due(l, due, n);
	if (ok)
		mr_task_index_loaded(l->task, known_ms);
	*whole = n < max;
	free(due);
	return ok;
}

bool
mr_pages_timers(struct mr_lane *l, int64_t clock_ms)
{
	size_t max = DUE_MAX;
	bool whole;

	if (clock_ms == INT64_MIN)
		return true;   // nothing that has a time was applied yet
	int64_t need_ms = clock_ms - mr_task_plan(l->task)->time.grace_ms;
	while (mr_task_index_until(l->task) < need_ms) {
		int64_t before_ms = mr_task_index_until(l->task);
		if (!settled(l) || !look_ahead(l, need_ms + DUE_AHEAD_MS, max, &whole))
			return false;
		// Very many at one instant: only a longer look gets past them.
		if (!whole && mr_task_index_until(l->task) == before_ms)
			max *= 4;
	}
	return true;
}

bool
mr_pages_ready(struct mr_lane *l, int64_t clock_ms)
{
	return mr_pages_timers(l, clock_ms) &&
	    mr_pages_users(l, l->items + l->applied, l->n_items - l->applied);
}

// ---- writing behind ----

// The next chunk, or only meta.seq where there is none and `meta` is asked for. False: stop for now.
static bool
write_chunk(struct mr_lane *l, bool meta)
{
	struct mr_store *store = l->worker->conf.store;
	const struct mr_held *held[MR_CHUNK_MAX];
	struct mr_page pages[MR_CHUNK_MAX];

	if (l->unknown)
		return settled(l);
	size_t n = mr_task_chunk(l->task, l->committed_seq, held, MR_CHUNK_MAX);
	uint64_t meta_seq = mr_task_meta_seq(l->task, l->committed_seq, n);
	if (n == 0 && (!meta || meta_seq <= l->meta_seq))
		return false;
	for (size_t i = 0; i < n; i++)
		pages[i] = (struct mr_page){held[i]->user, held[i]->page, held[i]->stamp, held[i]->due_ms,
		    held[i]->page.n == 0};
	int64_t began_us = mr_mono_us(l->worker->conf.clock);
	enum mr_store_status status =
	    store->ops->write(store, (uint32_t)l->number, l->epoch, l->w + 1, pages, n, meta_seq);
	mr_stats_record(l->worker->conf.stats, MR_STAT_STORE_WRITE, mr_mono_us(l->worker->conf.clock) - began_us);
	if (status == MR_STORE_UNKNOWN)
		return resolve_unknown(l, n);
	if (status != MR_STORE_OK) {
		store_failed(l, status);
		return false;
	}
	l->w++;
	l->meta_seq = meta_seq;
	mr_task_chunk_acknowledged(l->task, n);
	mr_report_store(l, true);
	mr_stats_add(l->worker->conf.stats, MR_STAT_PAGES_WRITTEN, n);
	return true;
}

void
mr_pages_flush(struct mr_lane *l, bool all)
{
	int64_t now_ms = mr_mono_ms(l->worker->conf.clock);
	bool meta = all;

	if (l->task == NULL || (l->state != MR_LANE_RUNNING && l->state != MR_LANE_DENIED) || store_waits(l))
		return;
	bool full = mr_pages_full(l);
	if (all || full || now_ms >= l->flush_at_ms) {
		mr_task_encode(l->task, all || full ? UINT64_MAX : l->flush_seq, SIZE_MAX);
		l->flush_seq = mr_task_seq(l->task);
		l->flush_at_ms = now_ms + l->worker->conf.config->flush_interval_ms;
		meta = true;
	}
	for (int i = 0; (all || full || i < CHUNKS_A_STEP) && write_chunk(l, meta); i++)
		;
	if (!l->has_batch && l->state == MR_LANE_RUNNING)
		l->over_bound = mr_task_evict(l->task);
}

bool
mr_pages_flushed(const struct mr_lane *l)
{
	return l->meta_seq >= l->committed_seq && mr_task_held_bytes(l->task) == 0;
}

bool
mr_pages_full(const struct mr_lane *l)
{
	return l->over_bound;
}
