// The producer as kafka/sink.h has it, over the simulated brokers: its messages on their way are a
// chain of events for each partition.
#include "sink.h"

#include <stdio.h>
#include <stdlib.h>

int64_t
sink_trip_us(const struct mr_sink *s)
{
	if (s->proc->slow_sink_until_us > sim.now_us && (s->proc->slow_sink == 2 || s->proc->slow_sink == s->number))
		return sim_between(100 * MS, 900 * MS);
	return sim_between(300, sim_chance(5) ? 60 * MS : 3 * MS);
}

bool
sink_leaves(struct mr_sink *s, int64_t *again_us)
{
	const struct proc *p = s->proc;
	int64_t struck_us = p->dead ? INT64_MAX : p->paused_until_us;

	*again_us = 0;
	if (p->dead || p->paused_until_us > sim.now_us) {
		if (s->wire_for_us != struck_us) {
			s->wire_for_us = struck_us;
			s->wire = sim.scripted ? sim.wire : (int)sim_between(0, 4);
		}
		*again_us = p->dead ? 0 : p->paused_until_us + sim_between(1, 9 * MS);
		return s->wire-- > 0;
	}
	*again_us = p->cut_until_us + sim_between(1, 30 * MS);
	return p->cut_until_us <= sim.now_us;
}

// ---- opening ----

struct mr_sink *
mr_sink_open(const struct mr_sink_conf *conf, char error[256])
{
	struct mr_sink *s = calloc(1, sizeof(*s));

	MR_ASSERT(s != NULL);
	error[0] = '\0';
	s->proc = proc_current();
	s->id = conf->transactional_id ? broker_id(conf->transactional_id) : NULL;
	s->epoch = -1;
	s->wake_fd = conf->wake_fd;
	s->number = s->id && strstr(s->id->name, "-b") != NULL;
	s->max = conf->queue_messages_max && conf->queue_messages_max < 4096 ? conf->queue_messages_max : 4096;
	return s;
}

static void
served(struct mr_sink *s, struct message *m)
{
	MR_ASSERT(!m->done && s->unacked > 0);
	m->done = true;
	s->unacked--;
	if (m->pending)
		atomic_fetch_sub(m->pending, 1);
	proc_wake_fd(s->wake_fd);
}

void
sink_purge(struct mr_sink *s)
{
	for (int i = 0; i < s->n_queues; i++)
		s->queues[i].first = s->queues[i].last = NULL;
	for (size_t i = 0; i < s->n_on_the_way; i++)
		if (!s->on_the_way[i]->done)
			served(s, s->on_the_way[i]);
	s->n_on_the_way = 0;
	MR_ASSERT(s->unacked == 0);
}

void
mr_sink_close(struct mr_sink *s, int64_t timeout_ms)
{
	(void)timeout_ms;
	while (s->stage != JOB_NONE && s->stage != JOB_DONE)
		sim_sleep(5 * MS);
	sink_purge(s);
	s->closed = true;
}

const char *
mr_sink_error(const struct mr_sink *s)
{
	return s->error;
}

enum mr_kafka_status
mr_sink_init(struct mr_sink *s, int64_t timeout_ms)
{
	int64_t deadline_us = sim.now_us + timeout_ms * MS;

	for (bool asked = false;;) {
		sim_point(AT_INIT);
		sim_sleep(sink_trip_us(s));
		if (sim.now_us > deadline_us)
			return MR_KAFKA_AGAIN;
		if (s->proc->cut_until_us > sim.now_us) {
			sim_sleep(50 * MS);
			continue;
		}
		if (s->id == NULL)
			return MR_KAFKA_OK;
		if (!asked && s->id->txn && s->id->txn->state == TXN_OPEN) {
			s->id->epoch++;
			broker_end(s->id->txn, false);
		}
		asked = true;
		if (s->id->txn == NULL)
			break;
		sim_sleep(sim_between(20 * MS, 500 * MS));
	}
	s->epoch = ++s->id->epoch;
	sim_trace("%s initialised, epoch %d", s->id->name, s->epoch);
	return MR_KAFKA_OK;
}

enum mr_kafka_status
mr_sink_begin(struct mr_sink *s)
{
	MR_ASSERT(!s->in_transaction && s->stage == JOB_NONE);
	sim_point(AT_BEGIN);
	s->failed = 0;
	s->broken = s->odd;
	s->odd = false;
	s->denied[0] = '\0';
	s->in_transaction = !s->fenced;
	return s->fenced ? MR_KAFKA_FENCED : MR_KAFKA_OK;
}

bool
mr_sink_in_transaction(const struct mr_sink *s)
{
	return s->in_transaction;
}

uint32_t
mr_sink_topic(struct mr_sink *s, const char *name)
{
	for (uint32_t i = 0; i < s->n_topics; i++)
		if (strcmp(s->topics[i], name) == 0)
			return i;
	MR_ASSERT(s->n_topics < TOPICS_MAX);
	s->topics[s->n_topics] = broker_topic(name)->name;
	return s->n_topics++;
}

// ---- messages ----

static void
fail_messages(struct mr_sink *s, struct queue *q)
{
	for (struct message *m = q->first; m; m = m->next) {
		s->failed++;
		served(s, m);
	}
	q->first = q->last = NULL;
	s->broken = true;
}

static void
acknowledged(void *arg, uint64_t at)
{
	struct message *m = arg;
	struct mr_sink *s = (struct mr_sink *)(uintptr_t)at;

	if (m->done)
		return;
	if (s->proc->cut_until_us > sim.now_us)
		sim_at(s->proc->cut_until_us + sim_between(1, 20 * MS), acknowledged, m, at);
	else
		served(s, m);
}

// The head of a queue reaches the broker, and perhaps what is behind it.
static void
serve(void *arg, uint64_t n)
{
	struct queue *q = arg;
	struct mr_sink *s = q->sink;
	int64_t again_us;

	(void)n;
	q->served = false;
	if (s->closed || q->first == NULL)
		return;
	if (s->proc->journal_held_until_us > sim.now_us && strcmp(q->topic->name, "shop.journal") == 0) {
		q->served = true;
		sim_at(s->proc->journal_held_until_us, serve, q, 0);
		return;
	}
	bool ok = sink_leaves(s, &again_us);
	bool fenced = s->id && s->id->epoch != s->epoch;
	struct txn *t = ok && s->id && !fenced ? broker_txn(s->id) : NULL;
	bool open = t || (ok && s->id == NULL);
	if (ok && fenced) {
		s->fenced = true;
		fail_messages(s, q);
		return;
	}
	if (ok && (q->topic->denied || fault_takes(F_REFUSED))) {
		if (q->topic->denied)
			snprintf(s->denied, sizeof(s->denied), "%s", q->topic->name);
		else
			s->odd = sim_chance(40);
		sim_trace("broker: %s refused a message of %s", q->topic->name, s->id ? s->id->name : s->proc->name);
		fail_messages(s, q);
		return;
	}
	if (!open && ok)
		again_us = sim.now_us + sim_between(5 * MS, 25 * MS);
	for (int64_t more = sim_between(1, 8); open && q->first && more > 0; more--) {
		struct message *m = q->first;
		q->first = m->next;
		broker_append(q->part, t, m->key, m->value, m->id, WALL_START + sim.now_us / MS);
		sim_at(sim.now_us + sink_trip_us(s), acknowledged, m, (uint64_t)(uintptr_t)s);
	}
	if (q->first == NULL)
		q->last = NULL;
	if (q->first && (open || again_us)) {
		q->served = true;
		sim_at(open ? sim.now_us + sink_trip_us(s) : again_us, serve, q, 0);
	}
}

static struct queue *
queue_of(struct mr_sink *s, struct topic *topic, int32_t partition)
{
	for (int i = 0; i < s->n_queues; i++)
		if (s->queues[i].part == &topic->parts[partition])
			return &s->queues[i];
	MR_ASSERT(s->n_queues < QUEUES);
	struct queue *q = &s->queues[s->n_queues++];
	*q = (struct queue){.sink = s, .topic = topic, .part = &topic->parts[partition]};
	return q;
}

enum mr_kafka_status
mr_sink_produce(struct mr_sink *s, const struct mr_sink_message *mr)
{
	MR_ASSERT((s->in_transaction || s->id == NULL) && !s->closed && mr->topic < s->n_topics && s->stage == JOB_NONE);
	sim_point(AT_PRODUCE);
	if (s->fenced)
		return MR_KAFKA_FENCED;
	if (s->broken)
		return s->denied[0] ? MR_KAFKA_DENIED : MR_KAFKA_ABORTABLE;
	if (s->unacked >= s->max || s->n_on_the_way == 4096)
		return MR_KAFKA_AGAIN;
	struct message *m = calloc(1, sizeof(*m));
	MR_ASSERT(m != NULL);
	m->key = sim_copy(mr->key);
	m->value = mr->borrowed ? mr->value : sim_copy(mr->value);   // borrowed: read when it leaves
	m->pending = mr->pending;
	for (size_t i = 0; i < mr->n_headers; i++)
		if (strcmp(mr->headers[i].name, "ce_id") == 0)
			m->id = sim_copy(mr->headers[i].value);
	struct queue *q = queue_of(s, broker_topic(s->topics[mr->topic]), mr->partition);
	if (q->last)
		q->last->next = m;
	else
		q->first = m;
	q->last = m;
	s->on_the_way[s->n_on_the_way++] = m;
	s->unacked++;
	if (m->pending)
		atomic_fetch_add(m->pending, 1);
	if (!q->served) {
		q->served = true;
		sim_at(sim.now_us + sink_trip_us(s), serve, q, 0);
	}
	return MR_KAFKA_OK;
}

int
mr_sink_poll(struct mr_sink *s)
{
	if (s->unacked == 0)
		s->n_on_the_way = 0;
	return 0;
}

enum mr_kafka_status
mr_sink_flush(struct mr_sink *s, int64_t timeout_ms)
{
	int64_t until_us = sim.now_us + timeout_ms * MS;

	while (s->unacked > 0 && sim.now_us < until_us)
		sim_sleep(sim_between(200, 2 * MS));
	return s->broken ? MR_KAFKA_ABORTABLE : s->unacked > 0 ? MR_KAFKA_AGAIN : MR_KAFKA_OK;
}

const char *
mr_sink_denied(const struct mr_sink *s)
{
	return s->denied[0] ? s->denied : NULL;
}
