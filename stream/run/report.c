// What a worker tells of its lanes: cells and gauges for /metrics and /healthz, and a few things
// that are said once in the log.
#include "run/worker_impl.h"

#define REPORT_MS 100
#define END_ASK_MS 2000       // how often the ends of the inputs are asked for

// ---- how a lane stands ----

static enum mr_task_state
state_of(const struct mr_lane *l)
{
	switch (l->state) {
	case MR_LANE_NEW:
	case MR_LANE_CLAIMED:
		return MR_TASK_STARTING;
	case MR_LANE_RUNNING:
		return MR_TASK_RUNNING;
	case MR_LANE_DENIED:
		return MR_TASK_DENIED;
	case MR_LANE_LOST:
		return MR_TASK_LOST;
	}
	MR_ASSERT(!"a state");
	return MR_TASK_LOST;
}

// Messages behind the ends as they were last answered.
static void
report_lag(struct mr_lane *l, int64_t now_ms)
{
	const struct mr_worker *w = l->worker;
	int64_t lag = 0, end, at_ms, answered_ms = INT64_MAX;
	bool known = true;

	for (size_t i = 0; i < w->conf.n_topics && known; i++) {
		known = mr_source_end(l->source, i, &end, &at_ms);
		lag += known && end > l->positions[i] ? end - l->positions[i] : 0;
		answered_ms = known && at_ms < answered_ms ? at_ms : answered_ms;
	}
	if (known) {
		mr_stats_task_set(l->stats, MR_GAUGE_LAG, lag);
		int64_t since_ms = l->last_record_ms > 0 ? l->last_record_ms : MR_GAUGE_UNKNOWN;   // records may have no timestamp
		mr_stats_task_set(l->stats, MR_GAUGE_BEHIND_SINCE, lag > 0 ? since_ms : MR_GAUGE_NEVER);
		mr_stats_task_kafka(l->stats, l->end_asked_ms, answered_ms);
	}
	if (now_ms - l->end_asked_ms >= END_ASK_MS || now_ms < l->end_asked_ms) {
		l->end_asked_ms = now_ms;
		mr_source_ask_end(l->source, now_ms);
	}
}

// Whatever is not in the store changed after the mark before the one that is not reached yet.
static void
report_write_behind(struct mr_lane *l, int64_t now_ms)
{
	uint64_t seq = mr_task_seq(l->task);
	bool all = l->meta_seq >= seq;

	if (all || l->meta_seq >= l->mark_seq) {
		l->mark_before_ms = all ? now_ms : l->mark_ms;
		l->mark_ms = now_ms;
		l->mark_seq = seq;
	}
	mr_stats_task_set(l->stats, MR_GAUGE_UNWRITTEN_SINCE, all ? MR_GAUGE_NEVER : l->mark_before_ms);
	mr_stats_task_set(l->stats, MR_GAUGE_HELD_BYTES, (int64_t)mr_task_held_bytes(l->task));
}

void
mr_report_lane(struct mr_lane *l)
{
	int64_t now_ms = mr_wall_ms(l->worker->conf.clock);

	if (l->stats == NULL)
		return;
	mr_stats_task_state(l->stats, state_of(l));
	if (l->task == NULL || l->source == NULL || (l->state != MR_LANE_RUNNING && l->state != MR_LANE_DENIED)) {
		for (int i = 0; i < MR_GAUGES; i++)
			mr_stats_task_set(l->stats, (enum mr_gauge)i, MR_GAUGE_UNKNOWN);
		return;
	}
	struct mr_users *users = mr_task_users(l->task);
	mr_stats_task_set(l->stats, MR_GAUGE_STREAM_TIME, mr_task_clock(l->task));
	mr_stats_task_set(l->stats, MR_GAUGE_USERS, (int64_t)mr_users_count(users));
	mr_stats_task_set(l->stats, MR_GAUGE_USER_BYTES, (int64_t)mr_users_bytes(users));
	mr_stats_task_set(l->stats, MR_GAUGE_TIMER_USERS, (int64_t)mr_task_timer_users(l->task));
	report_lag(l, now_ms);
	report_write_behind(l, now_ms);
}

void
mr_report_step(struct mr_worker *w)
{
	int64_t now_ms = mr_mono_ms(w->conf.clock);

	if (w->conf.stats == NULL || (w->reported_ms && now_ms - w->reported_ms < REPORT_MS))
		return;
	w->reported_ms = now_ms;
	mr_stats_beat(w->conf.stats, mr_wall_ms(w->conf.clock));
	for (struct mr_lane *l = w->lanes; l; l = l->next)
		mr_report_lane(l);
}

void
mr_report_store(struct mr_lane *l, bool answers)
{
	if (l->store_fails != answers)
		return;
	l->store_fails = !answers;
	mr_stats_task_store(l->stats, answers);
}

// ---- inputs ----

static bool
first_of_all(struct mr_worker *w, enum mr_once what)
{
	if (w->told[what])
		return false;
	w->told[what] = true;
	return mr_stats_first(w->conf.stats, what);
}

void
mr_report_first(struct mr_lane *l)
{
	struct mr_worker *w = l->worker;
	const struct mr_plan *plan = &w->conf.config->plan;
	size_t i = l->applied;

	if (l->looked_at_age || !plan->ticks)
		return;
	while (i < l->n_items && !l->items[i]->good)
		i++;
	if (i == l->n_items)
		return;
	l->looked_at_age = true;
	int64_t age_ms = mr_wall_ms(w->conf.clock) - l->items[i]->event.time_ms;
	if (age_ms > plan->time.old_ms && first_of_all(w, MR_ONCE_OLD_EVENTS))
		mr_worker_log(w, 4, "partition %d: the first events are %lld minutes old, more than time.old, and ticks are on: "
		    "where these are historic data, leave time to the events alone with `time: {ticks: off}`", l->number,
		    (long long)age_ms / 60000);
}

void
mr_report_applied(struct mr_lane *l)
{
	struct mr_worker *w = l->worker;
	uint64_t wrong = l->counted[MR_C_WRONG_PARTITION];

	mr_stats_counters(w->conf.stats, mr_task_counters(l->task), l->counted);
	if (l->counted[MR_C_WRONG_PARTITION] > wrong && first_of_all(w, MR_ONCE_WRONG_PARTITION))
		mr_worker_log(w, 4, "partition %d: a record's key belongs on another partition by %s "
		    "(input.events.partitioner); such records are processed where they lie, and counted as "
		    "millrace_wrong_partition_total; this is said once", l->number,
		    w->conf.config->plan.crc32 ? "crc32" : "murmur2");
}

void
mr_report_resumed(struct mr_lane *l)
{
	int64_t now_ms = mr_wall_ms(l->worker->conf.clock);

	memcpy(l->counted, mr_task_counters(l->task), sizeof(l->counted));
	l->mark_seq = mr_task_seq(l->task);
	l->mark_ms = l->mark_before_ms = l->end_asked_ms = l->last_record_ms = now_ms;
	mr_stats_task_kafka(l->stats, now_ms, now_ms);
	mr_report_store(l, true);
	if (l->stats)
		mr_source_ask_end(l->source, now_ms);
}

// ---- from event to action ----

void
mr_report_causes(struct mr_lane *l, struct mr_share *s, size_t from, size_t first, uint64_t first_seq)
{
	MR_ASSERT(from <= s->n_effects && first <= l->applied);
	for (size_t i = from; i < s->n_effects; i++) {
		const struct mr_effect *e = &s->effects[i];
		if (e->output != MR_OUT_ACTION || e->timer || e->seq < first_seq || e->seq - first_seq >= l->applied - first)
			continue;
		const struct mr_item *item = l->items[first + (size_t)(e->seq - first_seq)];
		s->causes[i] = (struct mr_share_cause){item->raw->timestamp_ms, l->drained_us};
	}
}

void
mr_report_sent(struct mr_worker *w, struct mr_share *s, size_t effect)
{
	struct mr_share_cause *c = &s->causes[effect];

	MR_ASSERT(effect < s->n_effects);
	mr_stats_add(w->conf.stats, (enum mr_stat)(MR_STAT_MESSAGES + (int)s->effects[effect].output), 1);
	if (c->drained_us == 0)
		return;
	mr_stats_record(w->conf.stats, MR_STAT_DRAIN_TO_ACTION, mr_mono_us(w->conf.clock) - c->drained_us);
	if (c->record_ms > 0)
		mr_stats_record(w->conf.stats, MR_STAT_EVENT_TO_ACTION, (mr_wall_ms(w->conf.clock) - c->record_ms) * 1000);
	c->drained_us = 0;   // where it is sent again, the first time counts
}
