// A lane and the store: users of a batch are read before it is applied, timers of users who are not
// in memory before the clock may pass them, and changed users are written behind.
#include "core/mutation.h"
#include "run/worker_impl.h"

#include <stdlib.h>

#define DUE_AHEAD_MS 60000      // how far beyond the clock timers are fetched at once
#ifdef MR_SIM
#define DUE_MAX 2               // that many at one instant are not rare
#define CROWD_MAX 2
#else
#define DUE_MAX 1024            // users, at one look
#define CROWD_MAX 16384         // where that many more are due
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

static void
resolve_unknown(struct mr_lane *l, size_t n)
{
	struct mr_store *store = l->worker->conf.store;
	uint64_t w = 0;
	enum mr_store_status status = store->ops->position(store, (uint32_t)l->number, l->epoch, &w);

	if (status != MR_STORE_OK) {
		store_failed(l, status == MR_STORE_UNKNOWN ? MR_STORE_DOWN : status);
		l->unknown_chunk = n;   // asked again before anything else is written
		l->unknown = true;
		return;
	}
	l->unknown = false;
	if (w == l->w + 1) {
		l->w = w;
		mr_task_chunk_acknowledged(l->task, n);
	} else if (w != l->w)   // else: not applied, it is written again
		store_failed(l, MR_STORE_BEHIND);
}

// ---- a chunk whose answer is under way ----

// False: it is not there yet, and not waited for.
static bool
answered(struct mr_worker *w, bool wait)
{
	struct mr_lane *l = w->writing;

	if (l == NULL)
		return true;
	enum mr_store_status status = w->conf.store->ops->write_wait(w->conf.store, wait);
	if (status == MR_STORE_BUSY)
		return false;
	w->writing = NULL;
	mr_stats_record(w->conf.stats, MR_STAT_STORE_WRITE, mr_mono_us(w->conf.clock) - w->writing_us);
	if (status == MR_STORE_UNKNOWN)
		resolve_unknown(l, w->writing_n);
	else if (status != MR_STORE_OK)
		store_failed(l, status);
	else {
		l->w++;
		l->meta_seq = w->writing_seq;
		mr_task_chunk_acknowledged(l->task, w->writing_n);
		mr_report_store(l, true);
		mr_stats_add(w->conf.stats, MR_STAT_PAGES_WRITTEN, w->writing_n);
	}
	return true;
}

void
mr_pages_answered(struct mr_worker *w)
{
	answered(w, true);
}

// Before any other call: with a chunk more than we know of in the store, a read would look like
// another owner's doing.
static bool
settled(struct mr_lane *l)
{
	answered(l->worker, true);
	if (!store_waits(l) && l->unknown)
		resolve_unknown(l, l->unknown_chunk);
	return !store_waits(l) && !l->unknown && !l->worker->need_takeover;
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
		} else if (!mr_task_index_agrees(l->task, users[i], pages[i].due_ms))
			l->index_anew = true;
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

// ---- timers ----
//
// A crowd: users of the store are due in such numbers that they can't all be in memory before the clock
// moves. As many as there is room for are installed, in order; the lane fires those by bounded ticks; when
// what they changed is in the store, the index begins with the next ones, and memory has room for them.

static size_t
room(const struct mr_lane *l)
{
	return (size_t)mr_task_plan(l->task)->user_bytes_max;
}

// Replay: all that the journal says has been fired, which its writer had in memory, too.
static bool
replaying(const struct mr_lane *l)
{
	return l->state == MR_LANE_CLAIMED;
}

static bool
install_group(struct mr_lane *l, const struct mr_due *due, size_t n)
{
	struct mr_str users[MR_BATCH_MAX];
	size_t missing = 0;

	MR_ASSERT(n <= MR_BATCH_MAX);
	for (size_t i = 0; i < n; i++)
		if (!mr_task_has_user(l->task, due[i].user))
			users[missing++] = due[i].user;
	if (missing > 0 && !read_users(l, users, missing))
		return false;
	for (size_t i = 0; i < n && !replaying(l); i++)
		mr_task_index_says(l->task, &(struct mr_due_bound){due[i].due_ms, due[i].user});
	return true;
}

// Installs those of the due users who are not in memory, in order; *known: how many of `n` are. Their names
// live in the store's answer, which the next call overwrites.
static bool
install_due(struct mr_lane *l, const struct mr_due *due, size_t n, size_t *known)
{
	bool ok = true;

	for (*known = 0; *known < n && ok;) {
		size_t group = n - *known < MR_BATCH_MAX ? n - *known : MR_BATCH_MAX;
		if (*known > 0 && !replaying(l) && mr_task_bytes(l->task) > room(l) / 4 * 3)
			break;   // firing them takes some, too
		ok = install_group(l, due + *known, group);
		*known += group;
	}
	return ok;
}

// Names live in the store's answer, which the next call overwrites.
static char *
copy_names(struct mr_due *due, size_t n)
{
	size_t bytes = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		bytes += due[i].user.n;
	char *names = malloc(bytes + 1);
	MR_ASSERT(names != NULL);
	for (size_t i = 0; i < n; at += due[i++].user.n) {
		memcpy(names + at, due[i].user.p, due[i].user.n);
		due[i].user.p = names + at;
	}
	return names;
}

// One look at the index. False: the store has failed.
static bool
look_ahead(struct mr_lane *l, int64_t until_ms, size_t max)
{
	struct mr_store *store = l->worker->conf.store;
	struct mr_due *due = calloc(max, sizeof(*due));
	// Before the bound is nobody but who is in memory: his timer there is right, the index may be late.
	int64_t from_ms = l->index_anew ? INT64_MIN : mr_task_index(l->task)->due_ms;
	size_t n = 0, known;

	MR_ASSERT(due != NULL);
	enum mr_store_status status =
	    store->ops->due(store, (uint32_t)l->number, l->epoch, l->w, from_ms, until_ms, due, max, &n);
	if (status != MR_STORE_OK) {
		store_failed(l, status);
		free(due);
		return false;
	}
	mr_report_store(l, true);
	char *names = copy_names(due, n);
	// The last of a full answer is left out: it says where the unknown begins.
	bool ok = install_due(l, due, n < max ? n : n - 1, &known);
	struct mr_due_bound before = {.due_ms = until_ms + 1};
	if (known < n)
		before = (struct mr_due_bound){due[known].due_ms, due[known].user};
	if (ok)
		mr_task_index_loaded(l->task, &before);
	free(names);
	free(due);
	return ok;
}

bool
mr_pages_due(struct mr_lane *l, int64_t due_ms, struct mr_str user)
{
	const struct mr_due_bound *index = mr_task_index(l->task);

	for (size_t max = DUE_MAX; index->due_ms < due_ms ||
	    (index->due_ms == due_ms && (user.n == 0 || mr_str_cmp(index->user, user) <= 0)); max *= 4)
		if (!settled(l) || !look_ahead(l, due_ms + DUE_AHEAD_MS, max))
			return false;
	return true;
}

static bool
unwritten(const struct mr_lane *l)
{
	return mr_task_first_change(l->task) > 0 || mr_task_held_bytes(l->task) > 0;
}

bool
mr_pages_timers(struct mr_lane *l, int64_t clock_ms)
{
	const struct mr_due_bound *index = mr_task_index(l->task);

	if (clock_ms == INT64_MIN)
		return true;   // nothing that has a time was applied yet
	int64_t need_ms = clock_ms - mr_task_plan(l->task)->time.grace_ms;
	if (replaying(l))
		return mr_pages_due(l, need_ms, (struct mr_str){0});
	for (int looks = 0; index->due_ms <= need_ms; looks++) {
		// Those at hand fire, and are written, before the index is looked at again.
		if (l->crowd && (looks > 1 || mr_task_fires(l->task, clock_ms) || unwritten(l)))
			return mr_task_fires(l->task, clock_ms);
		if (!settled(l) || !look_ahead(l, need_ms + DUE_AHEAD_MS, l->crowd ? CROWD_MAX : DUE_MAX))
			return false;
		l->crowd = true;
	}
	l->crowd = false;
	return true;
}

bool
mr_pages_ready(struct mr_lane *l, int64_t clock_ms)
{
	return mr_pages_timers(l, clock_ms) &&
	    mr_pages_users(l, l->items + l->applied, l->n_items - l->applied);
}

// ---- writing behind ----

// Sends the next chunk, or only meta.seq where there is none and it is due. False: stop for now.
static bool
send_chunk(struct mr_lane *l)
{
	struct mr_worker *w = l->worker;
	const struct mr_held *held[MR_CHUNK_MAX];
	struct mr_page pages[MR_CHUNK_MAX];
	size_t n = mr_task_chunk(l->task, l->committed_seq, held, MR_CHUNK_MAX);
	uint64_t meta_seq = mr_task_meta_seq(l->task, l->committed_seq, n);
	bool meta = l->meta_due && meta_seq > l->meta_seq;

	l->meta_due = false;
	if (n == 0 && !meta)
		return false;
	for (size_t i = 0; i < n; i++)
		pages[i] = (struct mr_page){held[i]->user, held[i]->page, held[i]->stamp, held[i]->due_ms,
		    held[i]->page.n == 0};
	w->writing_us = mr_mono_us(w->conf.clock);
	enum mr_store_status status = w->conf.store->ops->write_send(w->conf.store, (uint32_t)l->number, l->epoch,
	    l->w + 1, pages, n, meta_seq);
	if (status == MR_STORE_UNKNOWN)
		resolve_unknown(l, n);
	else if (status != MR_STORE_OK)
		store_failed(l, status);
	if (status != MR_STORE_OK)
		return false;
	w->writing = l;
	w->writing_n = n;
	w->writing_seq = meta_seq;
	w->wrote_last = l->number;
	return true;
}

static bool
writable(const struct mr_lane *l)
{
	return l->task && (l->state == MR_LANE_RUNNING || l->state == MR_LANE_DENIED) && !store_waits(l) &&
	    !l->worker->need_takeover;
}

// False: stop for now.
static bool
write_chunk(struct mr_lane *l, bool wait)
{
	if (!answered(l->worker, wait) || !settled(l) || !writable(l))
		return false;
	return send_chunk(l) && answered(l->worker, wait) && writable(l);
}

bool
mr_pages_flush(struct mr_lane *l, bool all)
{
	int64_t now_ms = mr_mono_ms(l->worker->conf.clock);

	if (!writable(l))
		return false;
	bool full = mr_pages_full(l) || l->crowd;
	if (all || full || now_ms >= l->flush_at_ms) {
		mr_task_encode(l->task, all || full ? UINT64_MAX : l->flush_seq, SIZE_MAX);
		l->flush_seq = mr_task_seq(l->task);
		l->flush_at_ms = now_ms + l->worker->conf.config->flush_interval_ms;
		l->meta_due = true;
	}
	for (int i = 0; (all || full || i < CHUNKS_A_STEP) && write_chunk(l, all || full); i++)
		;
	if ((!l->has_batch || l->crowd) && l->state == MR_LANE_RUNNING)
		l->over_bound = mr_task_evict(l->task, room(l));
	if (!l->crowd)
		return full && !mr_pages_full(l) && !MR_MUTATION(SLEEP_WITH_ROOM);
	if (unwritten(l))
		return false;
	mr_task_evict(l->task, room(l) / 2);
	return true;
}

bool
mr_pages_flush_part(struct mr_lane *l)
{
	uint64_t before = l->w;

	if (!writable(l))
		return false;
	mr_task_encode(l->task, UINT64_MAX, CHUNKS_A_STEP * MR_CHUNK_MAX);
	l->meta_due = true;
	while (write_chunk(l, true))
		;
	return l->w != before;
}

// One chunk is under way at a time: whoever wrote last comes last.
bool
mr_pages_flush_some(struct mr_worker *w)
{
	int32_t last = w->wrote_last;
	bool more = false;

	for (int pass = 0; pass < 2; pass++)
		for (struct mr_lane *l = w->lanes; l && !w->need_takeover; l = l->next)
			if ((l->number > last) == (pass == 0))
				more |= mr_pages_flush(l, false);
	return more;
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
