// A lane: one owned task. Drains its partition queues, applies what came, moves its clock.
#include "run/worker_impl.h"

#include "core/mutation.h"

#include <stdlib.h>

#define DECODED_BYTES_MAX (32u << 20)
#define END_ASK_MS 200        // how often a due timer may ask for the ends of an idle partition

// ---- a batch: drained, decoded, its users at hand, applied ----

static bool
drain(struct mr_lane *l)
{
	const struct mr_worker *w = l->worker;

	for (size_t i = 0; i < w->conf.n_topics; i++) {
		size_t topic = (l->next_topic + i) % w->conf.n_topics;
		if (!mr_source_pending(l->source, topic))
			continue;
		if (!mr_source_drain(l->source, topic, MR_BATCH_MAX, &l->batch)) {
			mr_lane_lost(l, "its assignment is over");
			return false;
		}
		l->next_topic = topic + 1;
		l->has_batch = true;
		l->applied = l->n_items = l->decoded = 0;
		l->drained_us = mr_mono_us(w->conf.clock);
		if (l->batch.n)
			mr_stats_record(w->conf.stats, MR_STAT_BATCH, (int64_t)l->batch.n);
		l->ends[topic] = l->batch.end;
		return true;
	}
	return false;
}

void
mr_lane_decode(struct mr_lane *l, const struct mr_kafka_record *r, size_t topic, struct mr_str content_type,
    struct mr_str traceparent)
{
	if (l->raws == NULL) {
		l->raws = calloc(MR_BATCH_MAX, sizeof(*l->raws));
		l->items = calloc(MR_BATCH_MAX, sizeof(struct mr_item *));
		MR_ASSERT(l->raws && l->items);
	}
	MR_ASSERT(l->n_items < MR_BATCH_MAX);
	struct mr_raw_record *raw = &l->raws[l->n_items];
	*raw = (struct mr_raw_record){
		.origin = {l->worker->input_names[topic], l->number, r->offset},
		.timestamp_ms = r->timestamp_ms,
		.key = r->key,
		.value = r->value,
		.content_type = content_type,
		.traceparent = traceparent,
	};
	l->items[l->n_items++] = mr_task_decode(l->task, raw);
}

// As many of the batch's records as fit into the bound: large ones are applied in parts.
static void
decode(struct mr_lane *l)
{
	MR_ASSERT(l->batch.n <= MR_BATCH_MAX);
	l->applied = l->n_items = 0;
	mr_task_batch(l->task);
	while (l->decoded < l->batch.n && mr_task_batch_bytes(l->task) < DECODED_BYTES_MAX) {
		const struct mr_kafka_record *r = &l->batch.records[l->decoded++];
		mr_lane_decode(l, r, l->batch.topic, mr_kafka_record_header(r, "content-type"),
		    mr_kafka_record_header(r, "traceparent"));
	}
}

int64_t
mr_lane_batch_clock(const struct mr_lane *l)
{
	int64_t clock_ms = mr_task_clock(l->task);

	for (size_t i = l->applied; i < l->n_items; i++) {
		int64_t after_ms = mr_task_clock_after(l->task, l->items[i]);
		if (after_ms > clock_ms)
			clock_ms = after_ms;
	}
	return clock_ms;
}

static void
release_batch(struct mr_lane *l)
{
	if (l->has_batch) {
		if (l->decoded == l->batch.n && l->applied == l->n_items && l->batch.next > l->positions[l->batch.topic])
			l->positions[l->batch.topic] = l->batch.next;
		mr_source_release(l->source, &l->batch);
	}
	l->has_batch = false;
	l->n_items = l->applied = l->decoded = 0;
}

// Ticks that bring the clock near `time_ms` while very many timers are due; each is an input of its own.
static void
tick_crowd(struct mr_lane *l, int64_t time_ms)
{
	struct mr_due_bound upto;

	while (mr_task_crowded(l->task, time_ms, MR_TICK_TIMERS_MAX) && mr_task_fires(l->task, time_ms) &&
	    !mr_rotation_full(l->worker, l)) {
		struct mr_share *s = mr_rotation_share(l->worker, l);
		mr_task_tick_some(l->task, time_ms, MR_TICK_TIMERS_MAX, &upto);
		mr_share_add_tick(s, time_ms, &upto);
		mr_share_take(s, l->task);
		mr_stats_add(l->worker->conf.stats, MR_STAT_TICKS, 1);
	}
}

static void
note_positions(struct mr_lane *l, struct mr_share *s)
{
	memcpy(s->positions, l->positions, sizeof(s->positions));
}

static void
apply(struct mr_lane *l)
{
	struct mr_worker *w = l->worker;
	struct mr_share *s = mr_rotation_share(w, l);
	size_t topic = l->batch.topic, before = l->applied, n_effects = s->n_effects;
	uint64_t first_seq = mr_task_seq(l->task) + 1;

	mr_report_first(l);
	// A transaction that opens now brings a later bound than the one that was looked ahead with.
	bool ready = mr_pages_timers(l, mr_lane_batch_clock(l));
	for (; ready && l->applied < l->n_items; l->applied++) {
		const struct mr_item *item = l->items[l->applied];
		int64_t offset = item->raw->origin.offset;
		int64_t clock_ms = mr_task_clock_after(l->task, item);
		if (mr_task_crowded(l->task, clock_ms, MR_TICK_TIMERS_MAX)) {
			tick_crowd(l, clock_ms);
			break;
		}
		mr_share_add_record(s, (uint32_t)topic, offset);
		mr_task_apply(l->task, item);
		l->positions[topic] = offset + 1;
		l->last_record_ms = item->raw->timestamp_ms;
	}
	mr_stats_add(w->conf.stats, MR_STAT_EVENTS, l->applied - before);
	mr_share_take(s, l->task);
	mr_report_causes(l, s, n_effects, before, first_seq);
	mr_report_applied(l);
	if (l->applied == l->n_items && l->decoded == l->batch.n)
		release_batch(l);
	note_positions(l, s);
}

static bool
bad_batch(struct mr_lane *l)
{
	struct mr_worker *w = l->worker;

	if (l->batch.status == MR_KAFKA_OK)
		return false;
	mr_worker_log(w, 3, "partition %d of topic '%s': %s: %s", l->number, w->conf.topics[l->batch.topic],
	    mr_kafka_status_name(l->batch.status), l->batch.error ? l->batch.error : "");
	bool passing = l->batch.status == MR_KAFKA_AGAIN;
	release_batch(l);
	if (!passing)
		mr_lane_again(l, "its input can't be read");
	return true;
}

// ---- ticks: the clock of an idle stream ----

static bool
all_ends(const struct mr_lane *l)
{
	for (size_t i = 0; i < l->worker->conf.n_topics; i++)
		if (!l->ends[i] || mr_source_pending(l->source, i))
			return false;
	return !l->has_batch;
}

// Nothing was left to read when the question was asked: time may move on to then.
static bool
caught_up(struct mr_lane *l, int64_t *asked_ms)
{
	*asked_ms = INT64_MAX;
	for (size_t i = 0; i < l->worker->conf.n_topics; i++) {
		int64_t end, at_ms;
		if (!mr_source_end(l->source, i, &end, &at_ms) || end > l->positions[i])
			return false;
		if (at_ms < *asked_ms)
			*asked_ms = at_ms;
	}
	return true;
}

static void
tick(struct mr_lane *l, int64_t time_ms)
{
	if (!mr_pages_ready(l, time_ms))
		return;
	tick_crowd(l, time_ms);
	if (mr_task_crowded(l->task, time_ms, MR_TICK_TIMERS_MAX))
		return;
	if (mr_task_next_due(l->task) > time_ms - l->worker->conf.config->plan.time.grace_ms)
		return;   // the crowd was all
	struct mr_share *s = mr_rotation_share(l->worker, l);
	mr_share_add_tick(s, time_ms, NULL);
	mr_task_tick(l->task, time_ms, NULL);
	mr_share_take(s, l->task);
	mr_report_applied(l);
	note_positions(l, s);
	mr_stats_add(l->worker->conf.stats, MR_STAT_TICKS, 1);
}

// When the next timer of anybody may fire, as far as is known; timers in the store count as due at
// the time up to which they are known.
static int64_t
next_due_ms(struct mr_lane *l)
{
	int64_t due_ms = mr_task_next_due(l->task), unknown_ms = mr_task_index(l->task)->due_ms;

	if (due_ms > unknown_ms)
		due_ms = unknown_ms == INT64_MIN ? 0 : unknown_ms;
	return due_ms == MR_DUE_NEVER ? due_ms : due_ms + l->worker->conf.config->plan.time.grace_ms;
}

static void
tick_if_idle(struct mr_lane *l)
{
	const struct mr_worker *w = l->worker;
	int64_t now_ms = mr_wall_ms(w->conf.clock), asked_ms;

	if (!w->conf.config->plan.ticks || !all_ends(l) || next_due_ms(l) > now_ms)
		return;
	if (caught_up(l, &asked_ms) && next_due_ms(l) <= asked_ms) {
		tick(l, asked_ms);
		return;
	}
	if (now_ms - l->asked_ms >= END_ASK_MS || now_ms < l->asked_ms) {
		l->asked_ms = now_ms;
		mr_source_ask_end(l->source, now_ms);
	}
}

// An idle task's journal would expire: its end is written anew, with the positions.
static void
keep_journal(struct mr_lane *l)
{
	const struct mr_worker *w = l->worker;

	if (w->conf.journal_idle_ms > 0 && !MR_MUTATION(LEAVE_IDLE_JOURNAL) &&
	    mr_mono_ms(w->conf.clock) - l->journalled_ms >= w->conf.journal_idle_ms)
		mr_share_take(mr_rotation_share(l->worker, l), l->task);
}

// ---- the step ----

static bool
may_apply(struct mr_lane *l)
{
	const struct mr_worker *w = l->worker;
	bool bounded = mr_rotation_full(w, l) || mr_pages_full(l);

	if (!l->has_batch)   // what is handed out must come back first
		mr_source_pause(l->source, bounded);
	return !bounded;
}

bool
mr_lane_step(struct mr_lane *l)
{
	if (l->state != MR_LANE_RUNNING || l->source == NULL || !may_apply(l))
		return false;
	if (!l->has_batch && !drain(l)) {
		if (l->state == MR_LANE_RUNNING) {
			tick_if_idle(l);
			keep_journal(l);
		}
		return false;
	}
	if (bad_batch(l))
		return false;
	if (l->applied == l->n_items && l->decoded < l->batch.n)
		decode(l);
	if (l->n_items > 0) {
		if (!mr_pages_ready(l, mr_lane_batch_clock(l)))
			return false;
		apply(l);
	} else {
		release_batch(l);
	}
	return true;
}

int64_t
mr_lane_wait_ms(struct mr_lane *l)
{
	const struct mr_worker *w = l->worker;
	int64_t wait_ms = 1000;

	if (l->state != MR_LANE_RUNNING || !w->conf.config->plan.ticks || !all_ends(l))
		return wait_ms;
	int64_t due_ms = next_due_ms(l);
	if (due_ms == MR_DUE_NEVER)
		return wait_ms;
	int64_t until_ms = due_ms - mr_wall_ms(w->conf.clock);
	if (until_ms <= 0)
		return END_ASK_MS / 4;   // asked, the answer is on its way
	return until_ms < wait_ms ? until_ms : wait_ms;
}

void
mr_lane_forget(struct mr_lane *l)
{
	release_batch(l);
	if (l->source)
		mr_source_stop(l->source);
	l->source = NULL;
	if (l->worker->writing == l)
		mr_pages_answered(l->worker);
	mr_task_free(l->task);
	l->task = NULL;
	memset(l->counted, 0, sizeof(l->counted));
	l->looked_at_age = false;
	l->share = NULL;
	l->unknown = l->crowd = l->index_anew = false;
	free(l->raws);
	free(l->items);
	l->raws = NULL;
	l->items = NULL;
	memset(l->ends, 0, sizeof(l->ends));
}

void
mr_lane_lost(struct mr_lane *l, const char *why)
{
	if (l->state != MR_LANE_LOST)
		mr_worker_log(l->worker, 4, "partition %d is let go: %s", l->number, why);
	l->state = MR_LANE_LOST;
}

void
mr_lane_again(struct mr_lane *l, const char *why)
{
	mr_worker_log(l->worker, 4, "partition %d is taken over anew: %s", l->number, why);
	l->worker->need_takeover = true;
}
