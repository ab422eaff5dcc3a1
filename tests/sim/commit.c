// A producer's commit, as the thread in kafka/sink_txn.c does it: a chain of events.
#include "sink.h"

#include <stdio.h>

// ---- the offsets, the messages, the end, its answer ----

static void
finish(struct mr_sink *s, enum mr_kafka_status status, const char *why)
{
	s->stage = JOB_DONE;
	s->status = status;
	s->in_transaction = status != MR_KAFKA_OK;
	snprintf(s->error, sizeof(s->error), "%s", why);
	proc_wake_fd(s->wake_fd);
}

static void step(void *, uint64_t);

static void
next_step(struct mr_sink *s, enum stage stage, int64_t at_us)
{
	s->stage = stage;
	sim_at(at_us, step, s, s->job);
}

static void
send_offsets(struct mr_sink *s)
{
	if (s->id->epoch != s->epoch) {
		s->fenced = true;
		finish(s, MR_KAFKA_FENCED, "offsets: fenced");
	} else if (s->n_positions > 0 && !group_accepts(&s->group)) {
		finish(s, MR_KAFKA_STALE, "offsets: the generation is over");
	} else {
		struct txn *t = broker_txn(s->id);
		if (t == NULL) {
			next_step(s, JOB_OFFSETS, sim.now_us + sim_between(2 * MS, 20 * MS));
			return;
		}
		if (s->n_positions > 0)
			broker_take_offsets(t, s->positions, s->n_positions);
		next_step(s, JOB_FLUSH, sim.now_us + sink_trip_us(s));
	}
}

static void
flush(struct mr_sink *s)
{
	if (s->fenced) {
		finish(s, MR_KAFKA_FENCED, "delivery: fenced");
	} else if (s->broken) {
		finish(s, s->denied[0] ? MR_KAFKA_DENIED : MR_KAFKA_ABORTABLE, "delivery: refused");
	} else if (s->unacked > 0) {
		next_step(s, JOB_FLUSH, sim.now_us + sim_between(500, 2 * MS));
	} else {
		s->deadline_us = sim.now_us + TXN_TIMEOUT_US;
		next_step(s, JOB_END, sim.now_us + sink_trip_us(s));
	}
}

static void
unknown(void *arg, uint64_t job)
{
	struct mr_sink *s = arg;

	if (s->job == job && s->stage != JOB_DONE)
		finish(s, MR_KAFKA_UNKNOWN, "commit: no answer");
}

static void
end(struct mr_sink *s)
{
	int64_t silence_us = sim.now_us + sim_between(50 * MS, sim_chance(20) ? 9 * SECOND : SECOND);

	if (fault_takes(F_UNKNOWN_LOST)) {
		s->stage = JOB_ANSWER;
		sim_at(silence_us, unknown, s, s->job);
		return;
	}
	if (s->id->epoch != s->epoch) {
		s->fenced = true;
		finish(s, MR_KAFKA_FENCED, "commit: fenced");
		return;
	}
	struct txn *t = broker_txn(s->id);
	MR_ASSERT(t != NULL);
	broker_end(t, true);
	s->stage = JOB_ANSWER;
	if (fault_takes(F_UNKNOWN_DONE))
		sim_at(silence_us, unknown, s, s->job);
	else
		next_step(s, JOB_ANSWER, sim.now_us + sink_trip_us(s));
}

static void
step(void *arg, uint64_t job)
{
	struct mr_sink *s = arg;
	const struct proc *p = s->proc;
	int64_t again_us;

	if (s->job != job || s->stage == JOB_DONE || s->closed)
		return;
	if (s->stage == JOB_ANSWER || s->stage == JOB_FLUSH) {
		if (p->dead)
			return;
		again_us = p->paused_until_us > p->cut_until_us ? p->paused_until_us : p->cut_until_us;
		if (s->stage == JOB_ANSWER && again_us <= sim.now_us)
			finish(s, MR_KAFKA_OK, "");
		else if (s->stage == JOB_ANSWER)
			sim_at(p->paused_until_us + sim_between(1 * MS, 2 * SECOND), unknown, s, job);
		else if (again_us > sim.now_us && p->paused_until_us > sim.now_us)
			next_step(s, s->stage, again_us + 1);
		else if (sim.now_us > s->deadline_us)
			finish(s, MR_KAFKA_ABORTABLE, "delivery: not acknowledged in time");
		else
			flush(s);
		return;
	}
	bool ok = sink_leaves(s, &again_us);
	if (!ok && again_us == 0)
		return;
	if (!ok && again_us > s->deadline_us && p->paused_until_us <= sim.now_us) {
		if (s->stage == JOB_END)
			sim_at(s->deadline_us, unknown, s, job);
		else
			finish(s, MR_KAFKA_ABORTABLE, "offsets: no answer");
		return;
	}
	if (!ok)
		next_step(s, s->stage, again_us);
	else if (s->stage == JOB_OFFSETS)
		send_offsets(s);
	else
		end(s);
}

void
mr_sink_commit_start(struct mr_sink *s, const struct mr_kafka_position *positions, size_t n, const struct mr_group *group,
    int64_t timeout_ms)
{
	MR_ASSERT(s->in_transaction && s->stage == JOB_NONE && n <= 16);
	sim_point(AT_COMMIT);
	s->job++;
	if (n > 0)
		memcpy(s->positions, positions, n * sizeof(*positions));
	s->n_positions = n;
	s->group = *group;
	s->deadline_us = sim.now_us + timeout_ms * MS;
	if (n > 0 && (group->generation < 0 || !group->member))
		finish(s, MR_KAFKA_STALE, "not a member of the group");
	else
		next_step(s, JOB_OFFSETS, sim.now_us + sink_trip_us(s));
}

bool
mr_sink_commit_done(struct mr_sink *s, enum mr_kafka_status *status)
{
	if (s->stage != JOB_DONE)
		return false;
	sim_point(AT_COMMIT_DONE);
	*status = s->status;
	s->stage = JOB_NONE;
	return true;
}

enum mr_kafka_status
mr_sink_commit(struct mr_sink *s, const struct mr_kafka_position *positions, size_t n, const struct mr_group *group,
    int64_t timeout_ms)
{
	enum mr_kafka_status status = MR_KAFKA_OK;

	mr_sink_commit_start(s, positions, n, group, timeout_ms);
	while (!mr_sink_commit_done(s, &status))
		sim_sleep(sim_between(200, 2 * MS));
	return status;
}

enum mr_kafka_status
mr_sink_abort(struct mr_sink *s, int64_t timeout_ms)
{
	int64_t deadline_us = sim.now_us + timeout_ms * MS;

	MR_ASSERT(s->in_transaction && s->stage == JOB_NONE);
	sim_point(AT_ABORT);
	sim_sleep(sink_trip_us(s));
	while (s->proc->cut_until_us > sim.now_us) {
		if (sim.now_us > deadline_us)
			return MR_KAFKA_AGAIN;
		sim_sleep(50 * MS);
	}
	sink_purge(s);
	if (s->id->epoch != s->epoch) {
		s->fenced = true;
		return MR_KAFKA_FENCED;
	}
	if (s->id->txn && s->id->txn->state == TXN_OPEN)
		broker_end(s->id->txn, false);
	sim_sleep(sink_trip_us(s));
	s->in_transaction = false;
	return MR_KAFKA_OK;
}
