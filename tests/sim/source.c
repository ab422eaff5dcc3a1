// The group's member and the fetcher as kafka/source.h has them.
#include "sim.h"

#include "kafka/source.h"

#include <stdio.h>
#include <stdlib.h>

#define BATCH_MAX 512

struct task_part {
	struct part *part;
	int64_t next, fetched;         // handed over; fetched, exclusive
	bool end_due, out, answered;
	int64_t end, end_asked_ms;
	struct mr_kafka_record records[BATCH_MAX];
};

struct mr_source_task {
	struct mr_source *source;
	int32_t number;
	uint64_t epoch, life;
	bool paused, stopped;
	int wake_fd;
	int64_t ask_ms;
	struct task_part parts[2];
};

struct mr_source {
	struct mr_source_conf conf;
	struct proc *proc;
	struct topic *topics[2];
	int member;                    // -1: not yet
	int32_t generation;            // of the assignment; -1: none
	bool assigned, closing;
	int32_t numbers[PARTITIONS];
	size_t n;
	uint64_t epoch;
	int tasks;
	int64_t offline_us;            // since when
};

struct mr_source *
mr_source_open(const struct mr_source_conf *conf, char error[256])
{
	struct mr_source *s = calloc(1, sizeof(*s));

	MR_ASSERT(s != NULL && conf->n_topics == 2);
	error[0] = '\0';
	s->conf = *conf;
	s->proc = proc_current();
	s->member = s->generation = -1;
	for (size_t i = 0; i < 2; i++)
		s->topics[i] = broker_topic(conf->topics[i]);
	return s;
}

const char *
mr_source_error(const struct mr_source *s)
{
	(void)s;
	return "the assignment is over";
}

// ---- the group ----

static void
give_up(struct mr_source *s, bool lost)
{
	s->epoch++;
	s->generation = -1;
	if (s->assigned) {
		sim_trace("%s", lost ? "partitions lost" : "partitions revoked");
		(lost ? s->conf.on_lost : s->conf.on_revoke)(s->conf.arg, s->numbers, s->n);
	}
	s->assigned = false;
	if (s->tasks > 0)
		sim_fail("%s: a task goes on after its partitions were given away", s->proc->name);
}

static void
look(struct mr_source *s)
{
	struct mr_group group;

	if (s->member < 0) {
		s->member = group_join(s->proc, -1);
		return;
	}
	if (!group_has(s->member)) {
		give_up(s, true);
		s->member = -1;
		return;
	}
	if (group_rebalancing()) {
		if (s->generation >= 0 && !sim_chance(30))
			return;      // the next heartbeat tells
		if (s->generation >= 0)
			give_up(s, false);
		if (group_has(s->member))
			group_rejoin(s->member);
		return;
	}
	int32_t generation = group_generation_of(s->member);
	if (generation < 0 || generation == s->generation)
		return;
	if (s->generation >= 0)
		give_up(s, false);
	s->generation = generation;
	s->epoch++;
	s->n = group_assigned(s->member, s->numbers);
	s->assigned = true;
	group_token(s->member, &group);
	sim_trace("assigned %zu partitions, generation %d", s->n, generation);
	s->conf.on_assign(s->conf.arg, &group, s->epoch, s->numbers, s->n);
}

enum mr_kafka_status
mr_source_poll(struct mr_source *s, int64_t timeout_ms)
{
	sim_point(AT_POLL);
	sim_sleep(sim_between(1, timeout_ms * MS));
	if (proc_online(s->proc) && s->proc->group_cut_until_us <= sim.now_us) {
		s->offline_us = 0;
		// A generation that came and went while we slept is seen as a loss.
		if (s->generation >= 0 && group_has(s->member) && !group_rebalancing() &&
		    group_generation_of(s->member) < 0) {
			give_up(s, true);
			group_rejoin(s->member);
		}
		look(s);
		return MR_KAFKA_OK;
	}
	if (s->offline_us == 0)
		s->offline_us = sim.now_us;
	if (s->assigned && sim.now_us - s->offline_us > sim.session_us)
		give_up(s, true);
	return MR_KAFKA_AGAIN;
}

void
mr_source_close(struct mr_source *s, int64_t timeout_ms)
{
	(void)timeout_ms;
	give_up(s, false);
	if (s->member >= 0 && !s->proc->is_static && proc_online(s->proc) && s->proc->group_cut_until_us <= sim.now_us)
		group_leave(s->member);
}

enum mr_kafka_status
mr_source_committed(struct mr_source *s, struct mr_kafka_position *positions, size_t n, int64_t timeout_ms)
{
	int64_t deadline_us = sim.now_us + timeout_ms * MS;

	for (;;) {
		bool pending = false;
		sim_point(AT_OFFSETS);
		sim_sleep(sim_between(500, 5 * MS));
		for (size_t i = 0; i < n; i++)
			pending |= broker_offsets_pending(positions[i].partition);
		if (proc_online(s->proc) && s->proc->group_cut_until_us <= sim.now_us && !pending)
			break;
		sim_count(P_WAITED_OFFSETS, pending);
		if (sim.now_us >= deadline_us)
			return MR_KAFKA_AGAIN;
		sim_sleep(20 * MS);
	}
	for (size_t i = 0; i < n; i++)
		positions[i].offset = broker_committed(strcmp(positions[i].topic, s->topics[0]->name) != 0, positions[i].partition);
	return MR_KAFKA_OK;
}

// ---- fetching ----

static void
fetch(void *arg, uint64_t life)
{
	struct mr_source_task *t = arg;
	bool news = false;

	if (t->stopped || t->life != life || t->source->proc->dead)
		return;
	const struct proc *p = t->source->proc;
	int64_t wait_us = sim_between(500, 20 * MS);
	if (p->slow_fetch_until_us > sim.now_us)
		wait_us = sim_between(100 * MS, 1500 * MS);
	sim_at(sim.now_us + wait_us, fetch, t, life);
	if (!proc_online(p))
		return;
	for (size_t i = 0; i < 2; i++) {
		struct task_part *tp = &t->parts[i];
		int64_t stable = broker_stable(tp->part);
		if (stable > tp->fetched) {
			tp->fetched = tp->fetched + sim_between(1, stable - tp->fetched);
			tp->end_due = tp->fetched == stable;
			news = true;
		}
	}
	if (news)
		proc_wake_fd(t->wake_fd);
}

struct mr_source_task *
mr_source_start(struct mr_source *s, int32_t number, uint64_t epoch, const int64_t *offsets, int wake_fd)
{
	sim_point(AT_START);
	if (epoch != s->epoch)
		return NULL;
	struct mr_source_task *t = calloc(1, sizeof(*t));
	MR_ASSERT(t != NULL);
	*t = (struct mr_source_task){.source = s, .number = number, .epoch = epoch, .wake_fd = wake_fd};
	for (size_t i = 0; i < 2; i++) {
		t->parts[i].part = &s->topics[i]->parts[number];
		t->parts[i].next = t->parts[i].fetched = offsets[i];
		t->parts[i].end_due = true;
		MR_ASSERT(offsets[i] >= 0 && offsets[i] <= t->parts[i].part->n);
	}
	s->tasks++;
	sim_at(sim.now_us + sim_between(1 * MS, 20 * MS), fetch, t, t->life);
	return t;
}

void
mr_source_stop(struct mr_source_task *t)
{
	MR_ASSERT(!t->stopped && !t->parts[0].out && !t->parts[1].out);
	t->stopped = true;     // never freed: events may still name it
	t->source->tasks--;
}

bool
mr_source_pending(const struct mr_source_task *t, size_t topic)
{
	const struct task_part *p = &t->parts[topic];

	return !t->paused && (p->fetched > p->next || p->end_due);
}

bool
mr_source_drain(struct mr_source_task *t, size_t topic, size_t max, struct mr_source_batch *b)
{
	struct task_part *p = &t->parts[topic];

	MR_ASSERT(!p->out && !t->stopped);
	sim_point(AT_DRAIN);
	*b = (struct mr_source_batch){.topic = topic, .next = p->next, .records = p->records};
	if (t->epoch != t->source->epoch)
		return false;
	max = max < BATCH_MAX ? max : BATCH_MAX;
	for (; p->next < p->fetched && b->n < max; p->next++) {
		struct record *r = p->part->records[p->next];
		if (broker_visible(p->part, p->next))
			p->records[b->n++] = (struct mr_kafka_record){p->part->topic, t->number, r->offset, r->timestamp_ms, r->key,
			    r->value, r};
	}
	b->end = p->next == p->fetched && p->end_due;
	if (p->next == p->fetched)
		p->end_due = false;
	b->next = p->next;
	p->out = true;
	return true;
}

void
mr_source_release(struct mr_source_task *t, struct mr_source_batch *b)
{
	MR_ASSERT(t->parts[b->topic].out);
	t->parts[b->topic].out = false;
	*b = (struct mr_source_batch){0};
}

void
mr_source_pause(struct mr_source_task *t, bool paused)
{
	if (paused == t->paused)
		return;
	t->paused = paused;
	t->life++;
	for (size_t i = 0; i < 2; i++) {
		MR_ASSERT(!t->parts[i].out);
		t->parts[i].fetched = t->parts[i].next;
		t->parts[i].end_due = !paused;
	}
	if (!paused)
		sim_at(sim.now_us + sim_between(1 * MS, 20 * MS), fetch, t, t->life);
}

// ---- ends ----

static void
answer(void *arg, uint64_t epoch)
{
	struct mr_source_task *t = arg;

	if (t->stopped || t->epoch != epoch || !proc_online(t->source->proc))
		return;
	for (size_t i = 0; i < 2; i++) {
		t->parts[i].answered = true;
		t->parts[i].end = broker_stable(t->parts[i].part);
		t->parts[i].end_asked_ms = t->ask_ms;
	}
}

void
mr_source_ask_end(struct mr_source_task *t, int64_t t_ms)
{
	t->ask_ms = t_ms;
	sim_at(sim.now_us + sim_between(1 * MS, 40 * MS), answer, t, t->epoch);
}

bool
mr_source_end(const struct mr_source_task *t, size_t topic, int64_t *end, int64_t *asked_ms)
{
	*end = t->parts[topic].end;
	*asked_ms = t->parts[topic].end_asked_ms;
	return t->parts[topic].answered;
}
