// Taking tasks over: read the journal's end, commit a claim, take the store, replay what its pages
// have not seen, go on. Blocks the worker while it lasts; the group's membership is kept elsewhere.
#include "run/worker_impl.h"

#include "core/arena.h"
#include "run/takeover.h"

#include <stdio.h>
#include <stdlib.h>

#define PENDING_MS 300          // how long a predecessor's open transaction is waited for
#define INIT_MS 10000
#define STORE_PATIENCE_MS 5000
#define REPLAY_BYTES_MAX (256u << 20)
#define GATHERED_BYTES_MAX (8u << 20)   // of records; decoded they take a multiple

struct readers {
	struct mr_reader *committed, *all, *inputs;
};

static void
close_readers(struct readers *r)
{
	struct mr_reader *all[] = {r->committed, r->all, r->inputs};

	for (size_t i = 0; i < 3; i++)
		if (all[i])
			mr_reader_close(all[i]);
}

static bool
open_readers(struct mr_worker *w, struct readers *r)
{
	char error[256] = "";

	r->committed = mr_reader_open(w->conf.kafka, true, error);
	r->all = mr_reader_open(w->conf.kafka, false, error);
	r->inputs = mr_reader_open(w->conf.kafka, true, error);
	if (r->committed && r->all && r->inputs)
		return true;
	mr_worker_log(w, 3, "reader: %s", error);
	close_readers(r);
	return false;
}

static void
later(struct mr_lane *l, int64_t ms)
{
	l->retry_at_ms = mr_mono_ms(l->worker->conf.clock) + ms;
}

// ---- (1) to (3): the journal's end ----

// Initialising a dead owner's ids aborts its transactions at once.
static void
abort_predecessors(struct mr_lane *l, struct mr_reader *all)
{
	struct mr_worker *w = l->worker;
	char ids[MR_IDS_MAX][256], error[256];
	size_t n = mr_journal_read_ids(all, w->conf.journal, l->number, ids);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(ids[i], w->ids[0]) == 0 || strcmp(ids[i], w->ids[1]) == 0)
			continue;
		struct mr_sink_conf conf = {.kafka = w->conf.kafka, .transactional_id = ids[i], .wake_fd = -1};
		struct mr_sink *sink = mr_sink_open(&conf, error);
		enum mr_kafka_status status = sink ? mr_sink_init(sink, INIT_MS) : MR_KAFKA_FATAL;
		mr_worker_log(w, 6, "partition %d: ended the open transactions of %s: %s", l->number, ids[i],
		    mr_kafka_status_name(status));
		if (sink)
			mr_sink_close(sink, 1000);
	}
}

static bool
read_end(struct mr_lane *l, struct readers *r, struct mr_journal_end *end)
{
	struct mr_worker *w = l->worker;
	int64_t began_ms = mr_mono_ms(w->conf.clock);
	enum mr_kafka_status status;
	bool aborted = false;

	for (;;) {
		status = mr_journal_read_end(r->committed, r->all, w->conf.journal, l->number, end);
		int64_t waited_ms = mr_mono_ms(w->conf.clock) - began_ms;
		if (status != MR_KAFKA_AGAIN || waited_ms > 4 * INIT_MS)
			break;
		if (waited_ms > PENDING_MS && !aborted) {
			abort_predecessors(l, r->all);
			aborted = true;
		}
		mr_worker_wait(w, 10);
	}
	if (status == MR_KAFKA_OK)
		return true;
	mr_worker_log(w, 3, "partition %d: journal '%s': %s: %s", l->number, w->conf.journal,
	    mr_kafka_status_name(status), mr_reader_error(r->committed));
	return false;
}

// A new task begins with what is kept of its inputs.
static bool
first_positions(struct mr_lane *l, struct readers *r)
{
	const struct mr_worker *w = l->worker;

	for (size_t i = 0; i < w->conf.n_topics; i++) {
		int64_t end;
		enum mr_kafka_status status =
		    mr_reader_ends(r->inputs, w->conf.topics[i], l->number, 5000, &l->positions[i], &end);
		if (status != MR_KAFKA_OK) {
			mr_worker_log(w, 3, "partition %d of '%s': %s: %s", l->number, w->conf.topics[i],
			    mr_kafka_status_name(status), mr_reader_error(r->inputs));
			return false;
		}
	}
	return true;
}

// ---- (4) the claim ----

static struct mr_share *
claim_of(struct mr_lane *l, const struct mr_journal_end *end)
{
	struct mr_share *s = mr_share_new(l, mr_wall_ms(l->worker->conf.clock), end->last_seq + 1);

	s->claim = true;
	l->epoch = end->epoch + 1;
	memcpy(s->positions, l->positions, sizeof(s->positions));
	mr_writer_put(&s->state, (struct mr_str){end->state, end->state_n});
	return s;
}

static bool
prepare(struct mr_lane *l, struct readers *r, struct mr_journal_end *end)
{
	const struct mr_worker *w = l->worker;

	if (!read_end(l, r, end))
		return false;
	if (end->expired)
		mr_worker_log(w, 4, "partition %d: its journal has expired; records between the last flush and now may be "
		    "missing from profiles", l->number);
	if (!end->any)
		return first_positions(l, r);
	if (end->n_positions > w->conf.n_topics) {
		mr_worker_log(w, 3, "partition %d: the journal knows %u input topics, the configuration names %zu: an "
		    "input topic can be added, not taken away", l->number, end->n_positions, w->conf.n_topics);
		return false;
	}
	if (!first_positions(l, r))   // of topics that were added
		return false;
	memcpy(l->positions, end->positions, end->n_positions * sizeof(l->positions[0]));
	return true;
}

// ---- (5) the store, and the replay ----

struct replay {
	struct mr_lane *lane;
	struct readers *readers;
	uint64_t meta_seq, last_seq;
	struct mr_arena *arena;      // copies of a batch of records
	struct mr_writer state;      // of the last record before the replay begins
	uint32_t topic;              // of the range under way
	bool begun, failed, gap;
	char why[128];
};

static bool
fail(struct replay *p, const char *why)
{
	p->failed = true;
	snprintf(p->why, sizeof(p->why), "%s", why);
	return false;
}

// Applies what has been gathered. The store may be away for a while.
static bool
apply_gathered(struct replay *p)
{
	struct mr_lane *l = p->lane;
	int64_t began_ms = mr_mono_ms(l->worker->conf.clock);

	while (!mr_pages_ready(l, mr_lane_batch_clock(l))) {
		if (l->state == MR_LANE_LOST || l->worker->need_takeover ||
		    mr_mono_ms(l->worker->conf.clock) - began_ms > STORE_PATIENCE_MS)
			return fail(p, "the store can't be read");
		mr_worker_wait(l->worker, 50);
	}
	for (size_t i = 0; i < l->n_items; i++)
		mr_task_apply(l->task, l->items[i]);
	mr_stats_add(l->worker->conf.stats, MR_STAT_REPLAYED, l->n_items);
	mr_stats_beat(l->worker->conf.stats, mr_wall_ms(l->worker->conf.clock));
	l->n_items = 0;
	mr_task_batch(l->task);
	mr_arena_reset(p->arena);
	return true;
}

static bool
gather(void *arg, const struct mr_kafka_record *k)
{
	struct replay *p = arg;
	struct mr_lane *l = p->lane;
	struct mr_kafka_record copy = *k;

	copy.key = mr_arena_copy(p->arena, k->key);
	copy.value = mr_arena_copy(p->arena, k->value);
	mr_lane_decode(l, &copy, p->topic, mr_arena_copy(p->arena, mr_kafka_record_header(k, "content-type")),
	    mr_arena_copy(p->arena, mr_kafka_record_header(k, "traceparent")));
	return (l->n_items < MR_BATCH_MAX && mr_arena_used(p->arena) < GATHERED_BYTES_MAX) || apply_gathered(p);
}

static bool
replay_range(struct replay *p, const struct mr_journal_input *in)
{
	struct mr_lane *l = p->lane;
	const struct mr_worker *w = l->worker;
	uint64_t before = mr_task_seq(l->task);
	int64_t next = in->from;

	p->topic = in->topic;
	for (int tries = 0; next < in->to && tries < 100 && !p->failed; tries++) {
		int64_t from = next;
		enum mr_kafka_status status = mr_reader_range(p->readers->inputs, w->conf.topics[in->topic], l->number,
		    next, in->to, 500, gather, p, &next);
		if (status == MR_KAFKA_MISSING)
			break;
		if (status != MR_KAFKA_OK && status != MR_KAFKA_AGAIN)
			return fail(p, mr_reader_error(p->readers->inputs));
		if (next > from)
			tries = 0;
	}
	if (p->failed || !apply_gathered(p))
		return false;
	uint64_t applied = mr_task_seq(l->task) - before;
	if (applied > in->count)
		return fail(p, "an input topic holds more records than were journalled: was it created anew?");
	if (applied < in->count) {   // no longer kept: profiles miss them, and we say so
		mr_stats_add(w->conf.stats, MR_STAT_GAPS, in->count - applied);
		mr_worker_log(w, 3, "partition %d: %llu records of '%s' from offset %lld on are no longer kept; profiles "
		    "miss them", l->number, (unsigned long long)(in->count - applied), w->conf.topics[in->topic],
		    (long long)in->from);
		mr_task_skip(l->task, in->count - applied);
		p->gap = true;
	}
	return true;
}

static bool
replay_tick(struct replay *p, const struct mr_journal_input *in)
{
	const struct mr_due_bound upto = {in->due_ms, in->user};
	struct mr_lane *l = p->lane;
	int64_t began_ms = mr_mono_ms(l->worker->conf.clock);

	while (!mr_pages_timers(l, in->time_ms)) {
		if (mr_mono_ms(l->worker->conf.clock) - began_ms > STORE_PATIENCE_MS)
			return fail(p, "the store can't be read");
		mr_worker_wait(l->worker, 50);
	}
	mr_task_tick(l->task, in->time_ms, in->bounded ? &upto : NULL);
	return true;
}

static bool
begin_replay(struct replay *p, const struct mr_journal_record *r)
{
	struct mr_lane *l = p->lane;

	p->begun = true;
	mr_task_resume(l->task, r->first_seq - 1);
	if (p->state.n > 0 && !mr_task_state_decode(l->task, mr_writer_str(&p->state)))
		return fail(p, "the journal's task state can't be read");
	if (r->first_seq > p->meta_seq + 1)
		mr_worker_log(l->worker, 3, "partition %d: inputs %llu to %llu are no longer in the journal; profiles miss "
		    "them", l->number, (unsigned long long)p->meta_seq + 1, (unsigned long long)r->first_seq - 1);
	return true;
}

static bool
replay_record(void *arg, const struct mr_kafka_record *k)
{
	struct replay *p = arg;
	struct mr_lane *l = p->lane;
	struct mr_arena *arena = mr_arena_new(REPLAY_BYTES_MAX);
	struct mr_journal_record r;
	uint64_t input_digest, effect_digest;
	bool ok = true;

	if (!mr_journal_decode(k->value, arena, &r))
		goto out;
	if (!p->begun && (r.last_seq <= p->meta_seq || r.first_seq > r.last_seq)) {
		mr_writer_reset(&p->state);
		mr_writer_put(&p->state, r.state);
		goto out;
	}
	if (p->begun && r.first_seq != mr_task_seq(l->task) + 1)
		goto out;   // no part of the chain
	ok = p->begun || begin_replay(p, &r);
	mr_task_digests_begin(l->task);
	mr_task_bound(l->task, r.bound_ms);
	p->gap = false;
	for (uint32_t i = 0; i < r.n_inputs && ok; i++)
		if (r.inputs[i].kind != MR_JOURNAL_GAP)
			ok = r.inputs[i].kind == MR_JOURNAL_TICK ? replay_tick(p, &r.inputs[i])
			                                         : replay_range(p, &r.inputs[i]);
	mr_task_digests(l->task, &input_digest, &effect_digest);
	if (ok && !p->gap && !r.claim && input_digest != r.input_digest)
		ok = fail(p, "the inputs are not those that were journalled: was a topic created anew or truncated?");
out:
	mr_arena_free(arena);
	return ok;
}

static bool
replay(struct mr_lane *l, struct readers *readers, uint64_t meta_seq, const struct mr_journal_end *end)
{
	struct mr_worker *w = l->worker;
	struct replay p = {.lane = l, .readers = readers, .meta_seq = meta_seq, .last_seq = end->last_seq};
	int64_t next = 0;

	p.arena = mr_arena_new(REPLAY_BYTES_MAX);
	mr_writer_init(&p.state, MR_MSGPACK);
	mr_task_pages_as_of(l->task, meta_seq);
	mr_task_quiet_until(l->task, end->last_seq);
	bool ok = true;
	if (meta_seq < end->last_seq) {
		ok = mr_journal_find(readers->committed, w->conf.journal, l->number, end, meta_seq, &next) == MR_KAFKA_OK;
		for (int tries = 0; ok && next < end->end && !p.failed && tries < 100; tries++) {
			enum mr_kafka_status status = mr_reader_range(readers->committed, w->conf.journal, l->number, next,
			    end->end, 500, replay_record, &p, &next);
			ok = status == MR_KAFKA_OK || status == MR_KAFKA_AGAIN;
		}
	} else {
		mr_task_resume(l->task, end->last_seq);
		ok = end->state_n == 0 ||
		    mr_task_state_decode(l->task, (struct mr_str){end->state, end->state_n});
	}
	if (ok && !p.failed && mr_task_seq(l->task) != end->last_seq)
		fail(&p, "the journal is broken off");
	if (!ok || p.failed)
		mr_worker_log(w, 3, "partition %d: replay: %s", l->number, p.failed ? p.why : "the journal can't be read");
	mr_writer_free(&p.state);
	mr_arena_free(p.arena);
	return ok && !p.failed;
}

static bool
check_meta(struct mr_lane *l, const struct mr_store_meta *meta, const struct mr_journal_end *end)
{
	const struct mr_worker *w = l->worker;

	if (meta->cluster_id.n && w->conf.cluster_id.n && !mr_str_eq(meta->cluster_id, w->conf.cluster_id)) {
		mr_worker_log(w, 3, "partition %d: the store belongs to Kafka cluster '%.*s', this is '%.*s': use another "
		    "app name, or empty the store", l->number, (int)meta->cluster_id.n, meta->cluster_id.p,
		    (int)w->conf.cluster_id.n, w->conf.cluster_id.p);
		return false;
	}
	if (meta->seq > end->last_seq) {
		mr_worker_log(w, 3, "partition %d: the store is ahead of the journal (%llu > %llu): Kafka went back in time; "
		    "use another app name, or empty the store", l->number, (unsigned long long)meta->seq,
		    (unsigned long long)end->last_seq);
		return false;
	}
	return true;
}

static bool
take_store(struct mr_lane *l, struct mr_store_meta *meta)
{
	struct mr_worker *w = l->worker;
	struct mr_store *store = w->conf.store;
	enum mr_store_status status = store->ops->take(store, (uint32_t)l->number, l->epoch, meta);

	if (status == MR_STORE_OK)
		return true;
	mr_stats_add(w->conf.stats, MR_STAT_STORE_ERRORS, 1);
	mr_worker_log(w, 3, "partition %d: store: %s", l->number,
	    status == MR_STORE_FENCED ? "a later owner has its pages already" : store->error);
	return false;
}

// Leaves word of whose pages these are, for the log of a successor.
static bool
sign_store(struct mr_lane *l, bool new)
{
	const struct mr_worker *w = l->worker;
	struct mr_store *store = w->conf.store;
	char build[128];
	int n = snprintf(build, sizeof(build), "%s %s", MR_VERSION, w->conf.config->plan.hash);

	if (new && w->conf.cluster_id.n &&
	    store->ops->set_cluster(store, (uint32_t)l->number, l->epoch, w->conf.cluster_id) != MR_STORE_OK)
		return false;
	return store->ops->set_build(store, (uint32_t)l->number, l->epoch, (struct mr_str){build, (size_t)n}) == MR_STORE_OK;
}

// (5) and (6).
static bool
resume(struct mr_lane *l, struct readers *r, const struct mr_journal_end *end)
{
	struct mr_worker *w = l->worker;
	struct mr_store_meta meta = {0};

	if (!take_store(l, &meta) || !check_meta(l, &meta, end))
		return false;
	l->w = meta.w;
	l->meta_seq = meta.seq;
	uint64_t meta_seq = meta.seq;
	if (!sign_store(l, meta.cluster_id.n == 0))
		return false;
	l->task = mr_task_new(&(struct mr_task_conf){
		.plan = &w->conf.config->plan,
		.partition = l->number,
		.topics = w->input_names,
		.n_topics = w->conf.n_topics,
		.partitions = w->conf.partitions,
		.stored = true,
	});
	int64_t began_ms = mr_mono_ms(w->conf.clock);
	if (!replay(l, r, meta_seq, end))
		return false;
	l->committed_seq = end->last_seq;
	l->source = mr_source_start(w->conf.source, l->number, l->assignment, l->positions, w->wake_fd);
	if (l->source == NULL) {
		mr_worker_log(w, 3, "partition %d: %s", l->number, mr_source_error(w->conf.source));
		return false;
	}
	l->state = MR_LANE_RUNNING;
	mr_report_resumed(l);
	mr_stats_add(w->conf.stats, MR_STAT_TAKEOVERS, 1);
	mr_worker_log(w, 6, "partition %d is ours: epoch %llu, %llu inputs, %llu replayed in %lld ms", l->number,
	    (unsigned long long)l->epoch, (unsigned long long)end->last_seq,
	    (unsigned long long)(end->last_seq - meta_seq), (long long)(mr_mono_ms(w->conf.clock) - began_ms));
	return true;
}

static bool
wants(const struct mr_lane *l, int64_t now_ms)
{
	return l->state == MR_LANE_NEW && now_ms >= l->retry_at_ms;
}

void
mr_takeover(struct mr_worker *w)
{
	int64_t now_ms = mr_mono_ms(w->conf.clock);
	struct mr_share *claims = NULL, **last = &claims;
	struct readers readers = {0};
	struct mr_journal_end *ends;
	size_t n = 0, at = 0;

	for (struct mr_lane *l = w->lanes; l; l = l->next)
		n += wants(l, now_ms);
	if (n == 0 || !open_readers(w, &readers))
		return;
	ends = calloc(n, sizeof(*ends));
	MR_ASSERT(ends != NULL);
	for (struct mr_lane *l = w->lanes; l; l = l->next) {
		if (!wants(l, now_ms))
			continue;
		if (!prepare(l, &readers, &ends[at])) {
			later(l, 1000);
			continue;
		}
		*last = claim_of(l, &ends[at++]);
		last = &(*last)->next;
		l->state = MR_LANE_CLAIMED;
	}
	enum mr_kafka_status status = claims ? mr_rotation_claims(w, claims) : MR_KAFKA_OK;
	at = 0;
	for (struct mr_lane *l = w->lanes; l; l = l->next) {
		if (l->state != MR_LANE_CLAIMED)
			continue;
		struct mr_journal_end *end = &ends[at++];
		if (status != MR_KAFKA_OK || w->need_takeover || !resume(l, &readers, end)) {
			if (l->state != MR_LANE_LOST)
				l->state = MR_LANE_NEW;
			mr_lane_forget(l);
			later(l, 1000);
		}
	}
	free(ends);
	close_readers(&readers);
}
