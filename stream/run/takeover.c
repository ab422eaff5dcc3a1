// Taking tasks over: read the journal's end, commit a claim, take the store, replay what its pages
// have not seen, go on. Blocks the worker while it lasts; the group's membership is kept elsewhere.
#include "run/worker_impl.h"

#include "core/mutation.h"
#include "run/takeover.h"

#include <stdio.h>
#include <stdlib.h>

#define PENDING_MS 300          // how long a predecessor's open transaction is waited for
#define INIT_MS 10000

static void
close_readers(struct mr_readers *r)
{
	struct mr_log_reader *all[] = {r->committed, r->all, r->inputs};

	for (size_t i = 0; i < 3; i++)
		if (all[i])
			mr_log_reader_close(all[i]);
}

static bool
open_readers(struct mr_worker *w, struct mr_readers *r)
{
	char error[256] = "";

	r->committed = mr_log_reader_open(w->conf.kafka, true, error);
	r->all = mr_log_reader_open(w->conf.kafka, false, error);
	r->inputs = mr_log_reader_open(w->conf.kafka, true, error);
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
abort_predecessors(struct mr_lane *l, struct mr_log_reader *all)
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

// A predecessor may have sent its offsets, which the group then took, and its journal record not yet:
// what it commits is only settled once no offsets of these partitions are pending. After that an
// older generation can add none, so it can commit nothing more.
static enum mr_kafka_status
wait_for_offsets(struct mr_lane *l)
{
	const struct mr_worker *w = l->worker;
	struct mr_kafka_position positions[MR_TOPICS_MAX];

	if (MR_MUTATION(SKIP_OFFSETS_WAIT))
		return MR_KAFKA_OK;
	for (size_t i = 0; i < w->conf.n_topics; i++)
		positions[i] = (struct mr_kafka_position){w->conf.topics[i], l->number, -1};
	return mr_source_committed(w->conf.source, positions, w->conf.n_topics, PENDING_MS);
}

static bool
read_end(struct mr_lane *l, struct mr_readers *r, struct mr_journal_end *end)
{
	struct mr_worker *w = l->worker;
	int64_t began_ms = mr_mono_ms(w->conf.clock);
	enum mr_kafka_status status;
	struct mr_hanging *hanging = mr_hanging_new(w->conf.config);
	bool aborted = false;

	for (;;) {
		status = wait_for_offsets(l);
		if (status == MR_KAFKA_OK)
			status = mr_journal_read_end(r->committed, r->all, w->conf.journal, l->number, end);
		if (status == MR_KAFKA_OK && end->any && !aborted && mr_hanging_look(hanging, l, r))
			status = MR_KAFKA_AGAIN;
		int64_t waited_ms = mr_mono_ms(w->conf.clock) - began_ms;
		if (status != MR_KAFKA_AGAIN || waited_ms > 4 * INIT_MS)
			break;
		if (waited_ms > PENDING_MS && !aborted) {
			abort_predecessors(l, r->all);
			aborted = true;
		}
		mr_worker_wait(w, 10);
	}
	mr_hanging_free(hanging);
	if (status == MR_KAFKA_OK)
		return true;
	mr_worker_log(w, 3, "partition %d: journal '%s': %s: %s", l->number, w->conf.journal,
	    mr_kafka_status_name(status), mr_log_reader_error(r->committed));
	return false;
}

// Where what is kept of the inputs begins: there a new task does.
static bool
first_positions(struct mr_lane *l, struct mr_readers *r, int64_t *ends)
{
	const struct mr_worker *w = l->worker;

	for (size_t i = 0; i < w->conf.n_topics; i++) {
		enum mr_kafka_status status =
		    mr_log_reader_ends(r->inputs, w->conf.topics[i], l->number, 5000, &l->positions[i], &ends[i]);
		if (status != MR_KAFKA_OK) {
			mr_worker_log(w, 3, "partition %d of '%s': %s: %s", l->number, w->conf.topics[i],
			    mr_kafka_status_name(status), mr_log_reader_error(r->inputs));
			return false;
		}
	}
	return true;
}

// The journal's positions, or the first ones that are kept, unless an input ends before.
static bool
journal_positions(struct mr_lane *l, const struct mr_journal_end *end, const int64_t *ends)
{
	const struct mr_worker *w = l->worker;

	for (uint32_t i = 0; i < end->n_positions; i++) {
		if (end->positions[i] > ends[i]) {
			mr_worker_log(w, 3, "partition %d of '%s' ends at offset %lld, and %lld was read already: it was created anew "
			    "or truncated; use another app name", l->number, w->conf.topics[i], (long long)ends[i],
			    (long long)end->positions[i]);
			return false;
		}
		if (end->positions[i] > l->positions[i])
			l->positions[i] = end->positions[i];
	}
	return true;
}

// ---- (4) the claim ----

static struct mr_share *
claim_of(struct mr_lane *l, const struct mr_journal_end *end)
{
	struct mr_share *s = mr_share_new(l, mr_wall_ms(l->worker->conf.clock), end->last_seq + 1);

	s->claim = true;
	memcpy(s->config_hash, end->config_hash, sizeof(s->config_hash));
	l->epoch = end->epoch + 1;
	memcpy(s->positions, l->positions, sizeof(s->positions));
	for (uint32_t i = 0; i < end->n_positions; i++)
		if (end->positions[i] < l->positions[i])
			mr_share_add_gap(s, i, end->positions[i], l->positions[i]);
	mr_writer_put(&s->state, (struct mr_str){end->state, end->state_n});
	return s;
}

static bool
prepare(struct mr_lane *l, struct mr_readers *r, struct mr_journal_end *end)
{
	const struct mr_worker *w = l->worker;
	int64_t ends[MR_TOPICS_MAX];

	if (l->number >= w->conf.partitions) {
		mr_worker_log(w, 3, "partition %d: there were %d when this process started: topics have grown, and users "
		    "have other partitions than their profiles", l->number, w->conf.partitions);
		return false;
	}
	if (!read_end(l, r, end))
		return false;
	if (end->expired && !mr_lost_journal(l, end))
		return false;
	if (!end->any)
		return first_positions(l, r, ends);
	if (end->n_positions > w->conf.n_topics) {
		mr_worker_log(w, 3, "partition %d: the journal knows %u input topics, the configuration names %zu: an "
		    "input topic can be added, not taken away", l->number, end->n_positions, w->conf.n_topics);
		return false;
	}
	if (end->partitions != w->conf.partitions) {
		mr_worker_log(w, 3, "partition %d: its journal was written with %d partitions, now there are %d: go on under "
		    "another app name, with topics of its own", l->number, end->partitions, w->conf.partitions);
		return false;
	}
	return first_positions(l, r, ends) && journal_positions(l, end, ends);
}

// ---- (5) the store, and the replay ----

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
	if (meta->seq > end->last_seq && !MR_MUTATION(ACCEPT_NEWER_STORE)) {
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
	mr_pages_answered(w);   // of a lane that was taken over just before
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
resume(struct mr_lane *l, struct mr_readers *r, const struct mr_journal_end *end)
{
	struct mr_worker *w = l->worker;
	struct mr_store_meta meta = {0};

	if (!take_store(l, &meta) || !check_meta(l, &meta, end))
		return false;
	l->w = meta.w;
	l->meta_seq = meta.seq;
	uint64_t meta_seq = end->expired ? end->last_seq : meta.seq;
	int64_t began_ms = mr_mono_ms(w->conf.clock);
	mr_lost_inputs(l, end);
	if (!sign_store(l, meta.cluster_id.n == 0) || !mr_catch_up(l, r, meta_seq, end))
		return false;
	l->committed_seq = end->last_seq;
	l->source = mr_source_start(w->conf.source, l->number, l->assignment, l->positions, w->wake_fd);
	if (l->source == NULL) {
		mr_worker_log(w, 3, "partition %d: %s", l->number, mr_source_error(w->conf.source));
		return false;
	}
	l->state = MR_LANE_RUNNING;
	l->journalled_ms = mr_mono_ms(w->conf.clock);
	if (end->expired)
		mr_pages_flush(l, true);   // meta.seq: nothing before is there to be replayed
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
	struct mr_readers readers = {0};
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
