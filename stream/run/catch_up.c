// Replaying what a journal holds and the store's pages have not seen, with effects suppressed.
#include "run/worker_impl.h"

#include "core/arena.h"
#include "core/mutation.h"
#include "run/config_topic.h"
#include "run/takeover.h"

#include <stdio.h>

#define STORE_PATIENCE_MS 5000
#define REPLAY_BYTES_MAX (256u << 20)
#define GATHERED_BYTES_MAX (8u << 20)   // of records; decoded they take a multiple

struct replay {
	struct mr_lane *lane;
	const struct mr_readers *readers;
	uint64_t meta_seq, last_seq;
	struct mr_arena *arena;      // copies of a batch of records
	struct mr_writer state;      // of the last record before the replay begins
	uint32_t topic;              // of the range under way
	char hash[33];               // of the configuration that the task is to be under
	struct mr_config *fetched;   // the one that it is under; NULL: ours
	bool failed, gap;
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

// No longer kept: profiles miss them, and we say so.
static void
lose(struct replay *p, const struct mr_journal_input *in, uint64_t n)
{
	struct mr_lane *l = p->lane;

	mr_stats_add(l->worker->conf.stats, MR_STAT_GAPS, n);
	mr_worker_log(l->worker, 3, "partition %d: %llu records of '%s' from offset %lld on are no longer kept; profiles "
	    "miss them", l->number, (unsigned long long)n, l->worker->conf.topics[in->topic], (long long)in->from);
	mr_task_skip(l->task, n);
	p->gap = true;
}

// The beginning of what is left of a range is gone: those that follow keep their numbers.
static bool
skip_lost(struct replay *p, const struct mr_journal_input *in, uint64_t before, int64_t *next)
{
	const struct mr_worker *w = p->lane->worker;
	uint64_t lost;

	if (!apply_gathered(p))
		return false;
	struct mr_journal_input rest = *in;
	rest.from = *next;
	rest.count = in->count - (mr_task_seq(p->lane->task) - before);
	if (mr_journal_lost(p->readers->inputs, w->conf.topics[in->topic], p->lane->number, &rest, next, &lost) != MR_KAFKA_OK)
		return fail(p, mr_log_reader_error(p->readers->inputs));
	if (lost > 0)
		lose(p, &rest, lost);
	return true;
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
		enum mr_kafka_status status = mr_log_reader_range(p->readers->inputs, w->conf.topics[in->topic], l->number,
		    next, in->to, 500, gather, p, &next);
		if (status == MR_KAFKA_MISSING) {
			if (!skip_lost(p, in, before, &next))
				return false;
		} else if (status != MR_KAFKA_OK && status != MR_KAFKA_AGAIN)
			return fail(p, mr_log_reader_error(p->readers->inputs));
		if (next > from)
			tries = 0;
	}
	if (p->failed || !apply_gathered(p))
		return false;
	uint64_t applied = mr_task_seq(l->task) - before;
	if (applied > in->count)
		return fail(p, "an input topic holds more records than were journalled: was it created anew?");
	if (next < in->to)
		return fail(p, "an input topic gives no answer");
	if (applied < in->count)
		lose(p, in, in->count - applied);
	return true;
}

static bool
replay_tick(struct replay *p, const struct mr_journal_input *in)
{
	const struct mr_due_bound upto = {in->due_ms, in->user};
	struct mr_lane *l = p->lane;
	int64_t began_ms = mr_mono_ms(l->worker->conf.clock);

	while (in->bounded ? !mr_pages_due(l, in->due_ms, in->user) : !mr_pages_timers(l, in->time_ms)) {
		if (mr_mono_ms(l->worker->conf.clock) - began_ms > STORE_PATIENCE_MS)
			return fail(p, "the store can't be read");
		mr_worker_wait(l->worker, 50);
	}
	mr_task_tick(l->task, in->time_ms, in->bounded && !MR_MUTATION(TICK_WITHOUT_BOUND) ? &upto : NULL);
	return true;
}

// What was replayed goes into the store as in a run: all of it, or what is due and as much as memory asks for.
static bool
flush(struct replay *p, bool all)
{
	struct mr_lane *l = p->lane;
	struct mr_worker *w = l->worker;
	int64_t began_ms = mr_mono_ms(w->conf.clock);

	l->committed_seq = mr_task_seq(l->task);
	for (int tries = 0; mr_mono_ms(w->conf.clock) - began_ms <= STORE_PATIENCE_MS; tries++) {
		if (tries > 1)       // the first may find memory full, the second makes room
			mr_worker_wait(w, 50);
		l->state = MR_LANE_RUNNING;
		mr_pages_flush(l, all);
		if (l->state != MR_LANE_RUNNING || w->need_takeover)
			break;
		l->state = MR_LANE_CLAIMED;
		if (all ? mr_pages_flushed(l) : !mr_pages_full(l))
			return true;
	}
	return fail(p, "the store does not take what was replayed");
}

// ---- the configuration: each input is applied under the one that it was applied under before ----

static bool
choose_config(struct replay *p, struct mr_str hash)
{
	const struct mr_worker *w = p->lane->worker;
	const char *ours = w->conf.config->plan.hash;

	if (hash.n == 0 || hash.n >= sizeof(p->hash) || MR_MUTATION(REPLAY_UNDER_NEW))
		hash = mr_str_of(ours);
	memcpy(p->hash, hash.p, hash.n);
	p->hash[hash.n] = '\0';
	if (strcmp(p->hash, ours) == 0)
		return true;
	if (!mr_config_topic_fetch(w->conf.kafka, w->conf.config_topic, p->hash, &p->fetched))
		return fail(p, "the configuration that was in force can't be read");
	mr_worker_log(w, 4, "partition %d: the configuration has changed; what was left is replayed under %s", p->lane->number,
	    p->fetched ? "the one that was in force" : "the new one: the old one is not to be had");
	return true;
}

static bool
start_task(struct replay *p, struct mr_str hash, uint64_t seq, uint64_t pages_seq, struct mr_str state)
{
	struct mr_lane *l = p->lane;
	const struct mr_worker *w = l->worker;

	if (!choose_config(p, hash))
		return false;
	l->task = mr_task_new(&(struct mr_task_conf){
		.plan = p->fetched ? &p->fetched->plan : &w->conf.config->plan,
		.partition = l->number,
		.topics = w->input_names,
		.n_topics = w->conf.n_topics,
		.partitions = w->conf.partitions,
		.stored = true,
	});
	mr_task_resume(l->task, seq);
	mr_task_pages_as_of(l->task, pages_seq);
	mr_task_quiet_until(l->task, MR_MUTATION(PUBLISH_REPLAY) ? 0 : p->last_seq);
	return state.n == 0 || mr_task_state_decode(l->task, state) || fail(p, "the journal's task state can't be read");
}

static void
end_task(struct replay *p)
{
	mr_task_free(p->lane->task);   // it reads the plan
	p->lane->task = NULL;
	mr_config_free(p->fetched);
	p->fetched = NULL;
}

// Under another configuration from here on: what was replayed goes into the store whole, and a new task
// reads it there.
static bool
change_config(struct replay *p, struct mr_str hash)
{
	struct mr_lane *l = p->lane;
	struct mr_writer state;
	uint64_t seq = mr_task_seq(l->task);

	if (!flush(p, true))
		return false;
	mr_writer_init(&state, MR_MSGPACK);
	mr_task_state_encode(l->task, &state);
	end_task(p);
	bool ok = start_task(p, hash, seq, seq, mr_writer_str(&state));
	mr_writer_free(&state);
	return ok;
}

// The journal's beginning has expired: what is rebuilt goes back to its first record that is kept.
static void
lose_head(struct replay *p, uint64_t first_seq, int64_t time_ms)
{
	struct mr_lane *l = p->lane;
	char time[25] = "now";

	if (time_ms >= 0)
		mr_time_format(time, time_ms);
	mr_stats_add(l->worker->conf.stats, MR_STAT_GAPS, first_seq - 1 - p->meta_seq);
	mr_worker_log(l->worker, 3, "partition %d: inputs %llu to %llu are no longer in the journal: profiles are as the "
	    "store has them, and go on from %s", l->number, (unsigned long long)p->meta_seq + 1,
	    (unsigned long long)first_seq - 1, time);
}

static bool
begin_replay(struct replay *p, const struct mr_journal_record *r, int64_t time_ms)
{
	if (!start_task(p, r->config_hash, r->first_seq - 1, p->meta_seq, mr_writer_str(&p->state)))
		return false;
	if (r->first_seq > p->meta_seq + 1)
		lose_head(p, r->first_seq, time_ms);
	else if (r->first_seq > 1 && mr_writer_str(&p->state).n == 0 && !MR_MUTATION(HEADLESS_IN_SILENCE))
		mr_worker_log(p->lane->worker, 3, "partition %d: the journal's record before input %llu is no longer kept: the "
		    "task's clocks begin anew there, and what was late then may count as in time", p->lane->number,
		    (unsigned long long)r->first_seq);
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
	if (l->task == NULL && (r.last_seq <= p->meta_seq || r.first_seq > r.last_seq)) {
		mr_writer_reset(&p->state);
		mr_writer_put(&p->state, r.state);
		goto out;
	}
	if (r.claim || (l->task && r.first_seq != mr_task_seq(l->task) + 1))
		goto out;   // no inputs, or no part of the chain
	if (l->task == NULL)
		ok = begin_replay(p, &r, k->timestamp_ms);
	else if (!mr_str_eq(r.config_hash, mr_str_of(p->hash)))
		ok = change_config(p, r.config_hash);
	if (!ok)
		goto out;
	mr_task_digests_begin(l->task);
	mr_task_bound(l->task, MR_MUTATION(REPLAY_WITHOUT_BOUND) ? mr_wall_ms(l->worker->conf.clock) : r.bound_ms);
	p->gap = false;
	for (uint32_t i = 0; i < r.n_inputs && ok; i++)
		if (r.inputs[i].kind != MR_JOURNAL_GAP)
			ok = r.inputs[i].kind == MR_JOURNAL_TICK ? replay_tick(p, &r.inputs[i])
			                                         : replay_range(p, &r.inputs[i]);
	mr_task_digests(l->task, &input_digest, &effect_digest);
	if (ok && !p->gap && input_digest != r.input_digest && !MR_MUTATION(IGNORE_DIGEST))
		ok = fail(p, "the inputs are not those that were journalled: was a topic created anew or truncated?");
	ok = ok && flush(p, false);
out:
	mr_arena_free(arena);
	return ok;
}

bool
mr_catch_up(struct mr_lane *l, const struct mr_readers *readers, uint64_t meta_seq, const struct mr_journal_end *end)
{
	struct mr_worker *w = l->worker;
	struct replay p = {.lane = l, .readers = readers, .meta_seq = meta_seq, .last_seq = end->last_seq};
	const struct mr_str ours = mr_str_of(w->conf.config->plan.hash);
	int64_t next = 0;

	p.arena = mr_arena_new(REPLAY_BYTES_MAX);
	mr_writer_init(&p.state, MR_MSGPACK);
	bool ok = true;
	if (meta_seq < end->last_seq) {
		ok = mr_journal_find(readers->committed, w->conf.journal, l->number, end, meta_seq, &next) == MR_KAFKA_OK;
		for (int tries = 0; ok && next < end->end && !p.failed && tries < 100; tries++) {
			enum mr_kafka_status status = mr_log_reader_range(readers->committed, w->conf.journal, l->number, next,
			    end->end, 500, replay_record, &p, &next);
			ok = status == MR_KAFKA_OK || status == MR_KAFKA_AGAIN;
		}
	} else {
		ok = start_task(&p, ours, end->last_seq, meta_seq, (struct mr_str){end->state, end->state_n});
	}
	if (ok && !p.failed && l->task == NULL) {   // all that the store misses
		lose_head(&p, end->last_seq + 1, -1);
		ok = start_task(&p, ours, end->last_seq, meta_seq, (struct mr_str){end->state, end->state_n});
	}
	if (ok && !p.failed && (l->task == NULL || mr_task_seq(l->task) != end->last_seq))
		fail(&p, "the journal is broken off");
	if (ok && !p.failed && strcmp(p.hash, w->conf.config->plan.hash) != 0)
		change_config(&p, ours);
	if (!ok || p.failed)
		mr_worker_log(w, 3, "partition %d: replay: %s", l->number, p.failed ? p.why : "the journal can't be read");
	if (p.failed || !ok)
		end_task(&p);
	mr_writer_free(&p.state);
	mr_arena_free(p.arena);
	return ok && !p.failed;
}
