// Two transactions in turns: one takes shares while the other is being committed.
//
//   shares ──> open ──(commit interval)──> committing ──OK──> gone
//                ^                            │
//                └────── abort: sent again ───┘
//
// The journal record and the offsets of a transaction are sent only after the one before it was
// committed; a lane's messages are sent only after its messages in the one before were acknowledged.
#include "core/mutation.h"
#include "run/worker_impl.h"

#include <stdio.h>
#include <stdlib.h>

#define SINK_TIMEOUT_MS 5000

// ---- shares ----

static void
drop_shares(struct mr_txn *t)
{
	for (struct mr_share *s = t->first, *next; s; s = next) {
		next = s->next;
		if (s->lane->share == s)
			s->lane->share = NULL;
		mr_share_free(s);
	}
	t->first = t->last = NULL;
}

void
mr_rotation_reset(struct mr_worker *w)
{
	mr_producers_close(w);   // first: their acknowledgements count on shares
	for (int i = 0; i < 2; i++) {
		drop_shares(&w->txns[i]);
		w->txns[i].state = MR_TXN_IDLE;
	}
	w->generation++;
	w->open = 0;
}

static void
append(struct mr_txn *t, struct mr_share *s)
{
	s->next = NULL;
	if (t->last)
		t->last->next = s;
	else
		t->first = s;
	t->last = s;
}

static void
open_txn(struct mr_worker *w, struct mr_txn *t)
{
	if (t->state == MR_TXN_OPEN)
		return;
	MR_ASSERT(t->state == MR_TXN_IDLE && t->first == NULL);
	t->state = MR_TXN_OPEN;
	t->opened_ms = mr_mono_ms(w->conf.clock);
	t->bound_ms = mr_wall_ms(w->conf.clock);
}

struct mr_share *
mr_rotation_share(struct mr_worker *w, struct mr_lane *lane)
{
	struct mr_txn *t = &w->txns[w->open];

	if (lane->share)
		return lane->share;
	open_txn(w, t);
	lane->journalled_ms = mr_mono_ms(w->conf.clock);
	lane->share = mr_share_new(lane, t->bound_ms, mr_task_seq(lane->task) + 1);
	// A share of ticks alone says where its inputs stand, too: a successor goes on from there.
	memcpy(lane->share->positions, lane->positions, sizeof(lane->positions));
	mr_task_digests_begin(lane->task);
	mr_task_bound(lane->task, t->bound_ms);
	append(t, lane->share);
	return lane->share;
}

bool
mr_rotation_full(const struct mr_worker *w, const struct mr_lane *lane)
{
	const struct mr_share *s = lane->share;

	if (MR_MUTATION(B_BEFORE_A) && w->txns[w->open].state == MR_TXN_COMMITTING)
		return true;   // where that is let through, nothing is open meanwhile
	if (s && s->journal_sent)
		return true;   // the queue was full then, and the record says already where the share ends
	return s && !MR_MUTATION(NEVER_FULL) &&
	    s->n_effects - s->n_sent + atomic_load(&s->pending) > (size_t)w->conf.config->unacknowledged_max;
}

// ---- committing ----

// One position for every topic of every lane in the transaction: the latest share's.
static size_t
gather_positions(struct mr_worker *w, const struct mr_txn *t, struct mr_kafka_position *out, size_t max,
    struct mr_group *group)
{
	size_t n = 0;

	for (const struct mr_share *s = t->first; s; s = s->next) {
		bool superseded = false;
		for (const struct mr_share *later = s->next; later && !superseded; later = later->next)
			superseded = later->lane == s->lane;
		if (superseded)
			continue;
		*group = s->lane->group;
		for (size_t i = 0; i < w->conf.n_topics; i++) {
			MR_ASSERT(n < max);
			out[n++] = (struct mr_kafka_position){w->conf.topics[i], s->lane->number, s->positions[i]};
		}
	}
	return n;
}

static struct mr_kafka_position *
positions_of(struct mr_worker *w, const struct mr_txn *t, size_t *n, struct mr_group *group)
{
	size_t shares = 0;

	for (const struct mr_share *s = t->first; s; s = s->next)
		shares++;
	struct mr_kafka_position *p = calloc(shares * w->conf.n_topics + 1, sizeof(*p));
	MR_ASSERT(p != NULL);
	*n = gather_positions(w, t, p, shares * w->conf.n_topics, group);
	return p;
}

// ---- outcomes ----

static void
committed(struct mr_worker *w, struct mr_txn *t)
{
	for (struct mr_share *s = t->first; s; s = s->next) {
		MR_ASSERT(s->last_seq >= s->lane->committed_seq);
		s->lane->committed_seq = s->last_seq;
		if (s->lane->state == MR_LANE_DENIED && s->lane->denied == NULL)
			s->lane->state = MR_LANE_RUNNING;
	}
	mr_stats_add(w->conf.stats, MR_STAT_COMMITS, 1);
	mr_stats_record(w->conf.stats, MR_STAT_COMMIT_LATENCY, mr_mono_us(w->conf.clock) - t->commit_us);
	drop_shares(t);
	t->state = MR_TXN_IDLE;
}

// Aborts a transaction that may have begun; false: its producer is of no more use.
static bool
abort_txn(struct mr_worker *w, struct mr_txn *t)
{
	if (!mr_sink_in_transaction(t->sink))
		return true;
	enum mr_kafka_status status = mr_sink_abort(t->sink, SINK_TIMEOUT_MS);
	if (status == MR_KAFKA_OK)
		return true;
	mr_worker_log(w, 4, "abort: %s: %s", mr_kafka_status_name(status), mr_sink_error(t->sink));
	return false;
}

// The lanes whose messages go to `topic` wait for the permission; their shares with them.
static void
park(struct mr_worker *w, const char *topic, struct mr_share *s)
{
	struct mr_lane *lane = s->lane;
	struct mr_share **at = &lane->denied;

	// In their order: one that was not refused before may be older than those that wait already.
	while (*at && (*at)->first_seq < s->first_seq)
		at = &(*at)->next;
	s->next = *at;
	*at = s;
	if (lane->state != MR_LANE_DENIED)
		mr_worker_log(w, 3, "partition %d waits: no permission to write to topic '%s' (grant WRITE on it, and "
		    "WRITE on transactional id '%s'); nothing is dropped", lane->number, topic ? topic : "?", w->conf.id);
	lane->state = MR_LANE_DENIED;
	lane->retry_at_ms = mr_mono_ms(w->conf.clock) + 2000;
	mr_stats_add(w->conf.stats, MR_STAT_DENIED, 1);
}

static bool
writes_to(struct mr_worker *w, const struct mr_share *s, const char *topic)
{
	if (topic == NULL || strcmp(topic, w->conf.journal) == 0)
		return true;
	for (size_t i = 0; i < s->n_effects; i++)
		if (strcmp(mr_out_topic(w, &s->effects[i])->name, topic) == 0)
			return true;
	return false;
}

// Both transactions are aborted, since the later one's messages must stay behind the earlier one's;
// all shares are sent again, in order, in a new one.
static bool
send_again(struct mr_worker *w, struct mr_txn *failed, bool denied)
{
	struct mr_txn *other = &w->txns[failed == &w->txns[0]];
	char topic[256] = "";
	const char *refused = denied ? mr_sink_denied(failed->sink) : NULL;

	if (refused)
		snprintf(topic, sizeof(topic), "%s", refused);
	if (!abort_txn(w, failed) || (other->state == MR_TXN_OPEN && !abort_txn(w, other)))
		return false;
	struct mr_share *all = failed->first;
	if (all)
		failed->last->next = other->first;
	else
		all = other->first;
	failed->first = failed->last = other->first = other->last = NULL;
	failed->state = other->state = MR_TXN_IDLE;
	mr_stats_add(w->conf.stats, MR_STAT_ABORTS, 1);
	for (struct mr_share *s = all, *next; s; s = next) {
		next = s->next;
		mr_share_unsend(s);
		if (s->lane->share == s)
			s->lane->share = NULL;
		if (s->lane->denied || (denied && writes_to(w, s, refused ? topic : NULL))) {
			park(w, topic[0] ? topic : NULL, s);
			continue;
		}
		open_txn(w, &w->txns[w->open]);
		append(&w->txns[w->open], s);
	}
	return true;
}

// False: the producers are lost, and with them what they had under way; take everything over anew.
static bool
settle(struct mr_worker *w, struct mr_txn *t, enum mr_kafka_status status)
{
	if (MR_MUTATION(GUESS_UNKNOWN) && status == MR_KAFKA_UNKNOWN)
		status = MR_KAFKA_OK;
	switch (status) {
	case MR_KAFKA_OK:
		committed(w, t);
		return true;
	case MR_KAFKA_ABORTABLE:
	case MR_KAFKA_DENIED:
		mr_worker_log(w, 4, "transaction not committed, sent again: %s", mr_sink_error(t->sink));
		return send_again(w, t, status == MR_KAFKA_DENIED);
	case MR_KAFKA_STALE:
		mr_worker_log(w, 4, "the group has moved on: %s", mr_sink_error(t->sink));
		return false;
	default:
		mr_worker_log(w, 4, "producer lost: %s: %s", mr_kafka_status_name(status), mr_sink_error(t->sink));
		return false;
	}
}

static void
poll_commit(struct mr_worker *w, struct mr_txn *t)
{
	enum mr_kafka_status status;

	if (t->state != MR_TXN_COMMITTING || !mr_sink_commit_done(t->sink, &status))
		return;
	t->state = MR_TXN_OPEN;   // until settled
	if (!settle(w, t, status))
		w->need_takeover = true;
}

static bool
acknowledged(const struct mr_txn *t)
{
	for (const struct mr_share *s = t->first; s; s = s->next)
		if (atomic_load(&s->pending) > 0)
			return false;
	return true;
}

static int64_t
open_ms(const struct mr_worker *w, const struct mr_txn *t)
{
	return mr_mono_ms(w->conf.clock) - t->opened_ms;
}

static bool
overdue(const struct mr_worker *w, const struct mr_txn *t)
{
	return open_ms(w, t) >= w->conf.config->commit_interval_ms + w->conf.config->commit_interval_ms / 2;
}

// The next transaction's messages wait for the acknowledgement of this one's. So it is left at a moment when
// none is outstanding, where there is one within half an interval: then nobody waits.
static bool
due(const struct mr_worker *w, const struct mr_txn *t)
{
	return overdue(w, t) || (open_ms(w, t) >= w->conf.config->commit_interval_ms && acknowledged(t));
}

static bool
only_ticks(const struct mr_txn *t)
{
	for (const struct mr_share *s = t->first; s; s = s->next)
		for (uint32_t i = 0; i < s->n_inputs; i++)
			if (s->inputs[i].kind != MR_JOURNAL_TICK)
				return false;
	return true;
}

static bool
start_commit(struct mr_worker *w, struct mr_txn *t)
{
	struct mr_group group = {.generation = -1};
	enum mr_kafka_status status = mr_send_journal(w, t);
	size_t n;

	if (status == MR_KAFKA_AGAIN)
		return false;
	if (status != MR_KAFKA_OK) {
		if (!settle(w, t, status))
			w->need_takeover = true;
		return false;
	}
	struct mr_kafka_position *positions = positions_of(w, t, &n, &group);
	t->commit_us = mr_mono_us(w->conf.clock);
	if (MR_MUTATION(TICK_WITHOUT_OFFSETS) && only_ticks(t))
		n = 0;
	mr_sink_commit_start(t->sink, positions, n, &group, SINK_TIMEOUT_MS);
	free(positions);
	for (struct mr_share *s = t->first; s; s = s->next)
		if (s->lane->share == s)
			s->lane->share = NULL;
	t->state = MR_TXN_COMMITTING;
	w->open = t == &w->txns[0];
	return true;
}

bool
mr_rotation_step(struct mr_worker *w, bool now)
{
	for (int i = 0; i < 2; i++) {
		if (w->txns[i].sink == NULL)
			continue;
		mr_sink_poll(w->txns[i].sink);
		poll_commit(w, &w->txns[i]);
	}
	if (w->need_takeover)
		return true;
	struct mr_txn *open = &w->txns[w->open], *other = &w->txns[!w->open];
	if (open->state != MR_TXN_OPEN || open->sink == NULL)
		return false;
	bool may_commit = open->first && (other->state == MR_TXN_IDLE || MR_MUTATION(B_BEFORE_A));
	enum mr_kafka_status status = mr_send_effects(w, open, may_commit && (now || overdue(w, open)));
	if (status == MR_KAFKA_MISSING)
		status = MR_KAFKA_DENIED;   // a deleted topic is waited for like a refused one
	if (status != MR_KAFKA_OK && status != MR_KAFKA_AGAIN) {
		// The earlier transaction's outcome comes first: order.
		if (other->state != MR_TXN_COMMITTING && !settle(w, open, status))
			w->need_takeover = true;
		return false;
	}
	if (status == MR_KAFKA_OK && may_commit && (now || due(w, open)))
		return start_commit(w, open);
	return false;
}

bool
mr_rotation_quiet(const struct mr_worker *w)
{
	return w->txns[0].state == MR_TXN_IDLE && w->txns[1].state == MR_TXN_IDLE;
}

enum mr_kafka_status
mr_rotation_claims(struct mr_worker *w, struct mr_share *claims)
{
	struct mr_txn *t = &w->txns[w->open];
	struct mr_group group = {.generation = -1};
	size_t n;

	MR_ASSERT(mr_rotation_quiet(w));
	open_txn(w, t);
	for (struct mr_share *s = claims, *next; s; s = next) {
		next = s->next;
		append(t, s);
	}
	enum mr_kafka_status status = mr_send_journal(w, t);
	if (status == MR_KAFKA_OK) {
		struct mr_kafka_position *positions = positions_of(w, t, &n, &group);
		t->commit_us = mr_mono_us(w->conf.clock);
		status = mr_sink_commit(t->sink, positions, n, &group, SINK_TIMEOUT_MS);
		free(positions);
	}
	if (status == MR_KAFKA_OK) {
		committed(w, t);
		return status;
	}
	mr_worker_log(w, 4, "claim: %s: %s", mr_kafka_status_name(status), mr_sink_error(t->sink));
	bool usable = (status == MR_KAFKA_ABORTABLE || status == MR_KAFKA_DENIED || status == MR_KAFKA_STALE ||
	    status == MR_KAFKA_AGAIN) && abort_txn(w, t);
	if (!usable)
		w->need_takeover = true;
	drop_shares(t);
	t->state = MR_TXN_IDLE;
	return status;
}

void
mr_rotation_drop(struct mr_worker *w, struct mr_lane *lane)
{
	for (struct mr_share *s = lane->denied, *next; s; s = next) {
		next = s->next;
		mr_share_free(s);
	}
	lane->denied = NULL;
	lane->share = NULL;
	for (int i = 0; i < 2; i++)
		for (struct mr_share *s = w->txns[i].first; s; s = s->next)
			MR_ASSERT(s->lane != lane);   // the worker has reset or drained the rotation
}

// Until what waited is committed, the lane applies nothing more: a permission can be long in coming.
void
mr_rotation_retry(struct mr_worker *w, struct mr_lane *lane)
{
	struct mr_txn *t = &w->txns[w->open];

	MR_ASSERT(lane->state == MR_LANE_DENIED);
	for (struct mr_share *s = lane->denied, *next; s; s = next) {
		next = s->next;
		open_txn(w, t);
		append(t, s);
	}
	lane->denied = NULL;
}
