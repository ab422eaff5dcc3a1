// The source's tasks: their queues, what they hand over, and the asker of ends.
#include "kafka/source_impl.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ASK_TIMEOUT_MS 1000

static void
part_stop(struct mr_source_task *t, size_t i)
{
	struct mr_source_part *p = &t->parts[i];

	if (p->queue == NULL)
		return;
	MR_ASSERT(!p->out);
	rd_kafka_queue_io_event_enable(p->queue, -1, NULL, 0);
	rd_kafka_consume_stop(t->source->topics[i], t->number);
	rd_kafka_queue_destroy(p->queue); // with what it still holds
	free(p->messages);
	free(p->records);
	*p = (struct mr_source_part){0};
}

static bool
part_start(struct mr_source_task *t, size_t i, int64_t offset, int wake_fd)
{
	struct mr_source *s = t->source;
	struct mr_source_part *p = &t->parts[i];
	const uint64_t one = 1;

	p->next = offset;
	p->queue = rd_kafka_queue_new(s->fetcher.rk);
	rd_kafka_queue_io_event_enable(p->queue, wake_fd, &one, sizeof(one));
	if (rd_kafka_consume_start_queue(s->topics[i], t->number, offset, p->queue) == 0)
		return true;
	snprintf(s->error, sizeof(s->error), "%s [%d]: %s", s->topic_names[i], t->number, rd_kafka_err2str(rd_kafka_last_error()));
	rd_kafka_queue_destroy(p->queue);
	p->queue = NULL;
	return false;
}

struct mr_source_task *
mr_source_start(struct mr_source *s, int32_t number, uint64_t epoch, const int64_t *offsets, int wake_fd)
{
	struct mr_source_task *t = calloc(1, sizeof(*t));
	bool ok = true;

	MR_ASSERT(t != NULL && wake_fd >= 0 && number >= 0);
	t->source = s;
	t->number = number;
	t->epoch = epoch;
	t->wake_fd = wake_fd;
	for (size_t i = 0; ok && i < s->n_topics; i++) {
		MR_ASSERT(offsets[i] >= 0);
		ok = part_start(t, i, offsets[i], wake_fd);
	}
	if (ok) {
		pthread_mutex_lock(&s->lock);
		t->later = s->tasks;
		s->tasks = t;
		pthread_mutex_unlock(&s->lock);
		if (atomic_load(&s->epoch) == epoch)
			return t;
		snprintf(s->error, sizeof(s->error), "partition %d: its assignment is over", number);
		mr_source_stop(t);
		return NULL;
	}
	for (size_t i = 0; i < s->n_topics; i++)
		part_stop(t, i);
	free(t);
	return NULL;
}

void
mr_source_stop(struct mr_source_task *t)
{
	struct mr_source *s = t->source;

	pthread_mutex_lock(&s->lock);
	struct mr_source_task **link = &s->tasks;
	while (*link != t) {
		MR_ASSERT(*link != NULL);
		link = &(*link)->later;
	}
	*link = t->later;
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; i < s->n_topics; i++)
		part_stop(t, i);
	free(t);
}

// ---- handing over

static void
room_for(struct mr_source_part *p, size_t max)
{
	if (max <= p->room)
		return;
	p->messages = realloc(p->messages, max * sizeof(*p->messages));
	p->records = realloc(p->records, max * sizeof(*p->records));
	MR_ASSERT(p->messages != NULL && p->records != NULL);
	p->room = max;
}

// Word of an end or of trouble among the records.
static void
take_word(struct mr_source_part *p, const rd_kafka_message_t *m, const char *topic, struct mr_source_batch *b)
{
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		// The end may lie behind markers that no record stands for.
		if (m->offset >= p->next) {
			p->next = m->offset;
			b->end = true;
		}
		return;
	}
	b->status = mr_kafka_status_of(m->err);
	if (b->status == MR_KAFKA_OK || b->status == MR_KAFKA_FENCED)
		b->status = MR_KAFKA_AGAIN;
	mr_kafka_explain(p->error, sizeof(p->error), m->err, topic, rd_kafka_message_errstr(m));
	b->error = p->error;
}

// At its bound the library stops fetching, and looks again when something else wakes it: up to a
// second later (2.0). So once half of a full queue is gone, it is woken by a question.
static void
prod(struct mr_source_task *t, struct mr_source_part *p, size_t waiting)
{
	size_t left = waiting - p->n;

	if (waiting > p->peak)
		p->peak = waiting;
	if (p->counted == 0 || left > p->peak / 2 || (int64_t)p->peak * (p->bytes / p->counted) < t->source->fetched_bytes_max / 2)
		return;
	p->peak = left;
	pthread_mutex_lock(&t->source->lock);
	t->prodding = true;
	pthread_cond_signal(&t->source->asked);
	pthread_mutex_unlock(&t->source->lock);
}

bool
mr_source_drain(struct mr_source_task *t, size_t topic, size_t max, struct mr_source_batch *b)
{
	struct mr_source *s = t->source;
	struct mr_source_part *p = &t->parts[topic];

	MR_ASSERT(topic < s->n_topics && max > 0 && !p->out);
	*b = (struct mr_source_batch){.topic = topic, .next = p->next, .status = MR_KAFKA_OK};
	if (t->epoch != atomic_load(&s->epoch))
		return false;
	room_for(p, max);
	p->out = true;
	p->n = 0;
	if (t->paused)
		return true;
	size_t waiting = rd_kafka_queue_length(p->queue);
	ssize_t got = rd_kafka_consume_batch_queue(p->queue, 0, p->messages, max);
	MR_ASSERT(got <= (ssize_t)max);
	p->n = got > 0 ? (size_t)got : 0;
	for (size_t i = 0; i < p->n; i++) {
		const rd_kafka_message_t *m = p->messages[i];
		if (m->err) {
			take_word(p, m, s->topic_names[topic], b);
			continue;
		}
		if (m->offset < p->next)
			continue;
		p->next = m->offset + 1;
		b->end = false; // there is more behind that end
		p->bytes += (int64_t)(m->len + m->key_len);
		mr_kafka_record_of(m, s->topic_names[topic], &p->records[b->n++]);
	}
	b->records = p->records;
	b->next = p->next;
	p->counted += (int64_t)b->n;
	prod(t, p, waiting > p->n ? waiting : p->n);
	return true;
}

void
mr_source_release(struct mr_source_task *t, struct mr_source_batch *b)
{
	struct mr_source_part *p = &t->parts[b->topic];

	MR_ASSERT(p->out);
	for (size_t i = 0; i < p->n; i++)
		rd_kafka_message_destroy(p->messages[i]);
	p->n = 0;
	p->out = false;
	*b = (struct mr_source_batch){0};
}

bool
mr_source_pending(const struct mr_source_task *t, size_t topic)
{
	MR_ASSERT(topic < t->source->n_topics);
	return rd_kafka_queue_length(t->parts[topic].queue) > 0;
}

// Ends fetching and drops what was fetched: a stop, not the library's pause or seek, so that
// nothing of the old position can come after this.
static void
part_halt(struct mr_source_task *t, size_t i)
{
	rd_kafka_message_t *old;

	rd_kafka_consume_stop(t->source->topics[i], t->number);
	while ((old = rd_kafka_consume_queue(t->parts[i].queue, 0)) != NULL)
		rd_kafka_message_destroy(old);
}

static bool
part_go(struct mr_source_task *t, size_t i)
{
	struct mr_source_part *p = &t->parts[i];

	return rd_kafka_consume_start_queue(t->source->topics[i], t->number, p->next, p->queue) == 0;
}

// Fetching goes on up to its bound: nothing is fetched twice, however often this turns.
void
mr_source_pause(struct mr_source_task *t, bool paused)
{
	const uint64_t one = 1;
	bool waiting = false;

	if (paused == t->paused)
		return;
	t->paused = paused;
	for (size_t i = 0; i < t->source->n_topics; i++)
		waiting = waiting || mr_source_pending(t, i);
	// What came meanwhile has had its wake-up already.
	if (!paused && waiting && write(t->wake_fd, &one, sizeof(one)) < 0)
		return; // full: it is awake
}

bool
mr_source_paused(const struct mr_source_task *t)
{
	return t->paused;
}

enum mr_kafka_status
mr_source_seek(struct mr_source_task *t, size_t topic, int64_t offset)
{
	struct mr_source_part *p = &t->parts[topic];

	MR_ASSERT(topic < t->source->n_topics && offset >= 0 && !p->out);
	part_halt(t, topic);
	p->next = offset;
	return part_go(t, topic) ? MR_KAFKA_OK : MR_KAFKA_FATAL;
}

// ---- ends

void
mr_source_ask_end(struct mr_source_task *t, int64_t t_ms)
{
	pthread_mutex_lock(&t->source->lock);
	t->asking = true;
	t->ask_ms = t_ms;
	pthread_cond_signal(&t->source->asked);
	pthread_mutex_unlock(&t->source->lock);
}

bool
mr_source_end(const struct mr_source_task *t, size_t topic, int64_t *end, int64_t *asked_ms)
{
	const struct mr_source_part *p = &t->parts[topic];

	pthread_mutex_lock(&t->source->lock);
	bool answered = p->answered;
	*end = p->end;
	*asked_ms = p->end_asked_ms;
	pthread_mutex_unlock(&t->source->lock);
	return answered;
}

// The task that asked, if it is still there: its address may have been used anew meanwhile.
static struct mr_source_task *
task_find(struct mr_source *s, const struct mr_source_task *t, int32_t number, uint64_t epoch)
{
	struct mr_source_task *found = s->tasks;

	while (found && found != t)
		found = found->later;
	return found && found->number == number && found->epoch == epoch ? found : NULL;
}

struct question {
	struct mr_source_task *task;
	int32_t number;
	uint64_t epoch;
	int64_t ask_ms;
	bool asked;                  // else only to prod the fetcher
};

// The ends of all their partitions, in one question: each would wait for its turn behind a fetch.
// (query_watermark_offsets would wait without regard to its time-out when the broker is away.)
static rd_kafka_topic_partition_list_t *
ask_ends(struct mr_source *s, const struct question *qs, size_t n)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)(n * s->n_topics));

	for (size_t q = 0; q < n; q++)
		for (size_t i = 0; i < s->n_topics; i++)
			rd_kafka_topic_partition_list_add(list, s->topic_names[i], qs[q].number)->offset = RD_KAFKA_OFFSET_END;
	if (rd_kafka_offsets_for_times(s->fetcher.rk, list, ASK_TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
		return list;
	rd_kafka_topic_partition_list_destroy(list);
	return NULL;
}

// Where all of the task's partitions were answered.
static void
take_ends(struct mr_source *s, const struct question *q, rd_kafka_topic_partition_list_t *list)
{
	struct mr_source_task *t = q->asked ? task_find(s, q->task, q->number, q->epoch) : NULL;
	int64_t ends[MR_SOURCE_TOPICS];

	for (size_t i = 0; t && i < s->n_topics; i++) {
		const rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_find(list, s->topic_names[i], q->number);
		MR_ASSERT(p != NULL);
		if (p->err)
			return;
		ends[i] = p->offset;
	}
	for (size_t i = 0; t && i < s->n_topics; i++) {
		t->parts[i].answered = true;
		t->parts[i].end = ends[i];
		t->parts[i].end_asked_ms = q->ask_ms;
	}
}

// Asks for all tasks that want it, with the lock let go meanwhile. False: none does.
static bool
ask(struct mr_source *s)
{
	size_t n = 0, room = 0;

	for (struct mr_source_task *t = s->tasks; t; t = t->later)
		room += t->asking || t->prodding;
	if (room == 0)
		return false;
	struct question *qs = calloc(room, sizeof(*qs));
	MR_ASSERT(qs != NULL);
	for (struct mr_source_task *t = s->tasks; t; t = t->later) {
		if (!t->asking && !t->prodding)
			continue;
		qs[n++] = (struct question){t, t->number, t->epoch, t->ask_ms, t->asking};
		t->asking = t->prodding = false;
	}
	MR_ASSERT(n == room);
	pthread_mutex_unlock(&s->lock);
	rd_kafka_topic_partition_list_t *list = ask_ends(s, qs, n);
	pthread_mutex_lock(&s->lock);
	for (size_t q = 0; list && q < n; q++)
		take_ends(s, &qs[q], list);
	if (list)
		rd_kafka_topic_partition_list_destroy(list);
	free(qs);
	return true;
}

static void *
asker(void *arg)
{
	struct mr_source *s = arg;

	pthread_mutex_lock(&s->lock);
	while (!s->ending) {
		if (!ask(s))
			pthread_cond_wait(&s->asked, &s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

void
mr_source_asker_start(struct mr_source *s)
{
	sigset_t all, before;

	sigfillset(&all); // signals are for the process's own threads
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&s->asker, NULL, asker, s);
	MR_ASSERT(failed == 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
mr_source_asker_end(struct mr_source *s)
{
	pthread_mutex_lock(&s->lock);
	s->ending = true;
	pthread_cond_broadcast(&s->asked);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->asker, NULL);
}
