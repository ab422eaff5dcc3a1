#include "kafka/sink_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TOPICS_MAX 64000

void
mr_sink_wake(const struct mr_sink *s)
{
	const uint64_t one = 1;

	if (s->wake_fd >= 0 && write(s->wake_fd, &one, sizeof(one)) < 0)
		return; // full: it is awake already
}

static void
deny(struct mr_sink *s, const char *topic, size_t n)
{
	pthread_mutex_lock(&s->denied_lock);
	if (s->denied[0] == '\0')
		snprintf(s->denied, sizeof(s->denied), "%.*s", (int)n, topic);
	pthread_mutex_unlock(&s->denied_lock);
	atomic_store(&s->is_denied, true);
}

// The library tells which partition could not be added, and that the transaction has failed, in its
// log only; without this a flush would wait in vain until its time is up.
static void
on_line(struct mr_kafka_client *c, const char *fac, const char *text)
{
	struct mr_sink *s = c->owner;

	if (strcmp(fac, "TXNERR") == 0) {
		atomic_store(&s->broken, true);
		mr_sink_wake(s);
	} else if (strcmp(fac, "ADDPARTS") == 0 && strstr(text, rd_kafka_err2str(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED))) {
		const char *from = strstr(text, "partition \"");
		const char *to = from ? strchr(from + 11, '"') : NULL;
		if (to)
			deny(s, from + 11, (size_t)(to - from - 11));
	}
}

static void
on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct mr_sink *s = ((struct mr_kafka_client *)opaque)->owner;
	_Atomic uint32_t *pending = m->_private;
	int none = 0;

	(void)rk;
	if (m->err) {
		atomic_fetch_add(&s->failed, 1);
		atomic_compare_exchange_strong(&s->failed_code, &none, (int)m->err);
		if (m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED && m->rkt)
			deny(s, rd_kafka_topic_name(m->rkt), strlen(rd_kafka_topic_name(m->rkt)));
	}
	if (pending)
		atomic_fetch_sub(pending, 1);
	size_t before = atomic_fetch_sub(&s->unacked, 1);
	MR_ASSERT(before > 0);
}

static rd_kafka_conf_t *
sink_conf(const struct mr_sink_conf *mr, char error[256])
{
	static const struct mr_kafka_setting defaults[] = {
		{"linger.ms", "0"}, {"retry.backoff.ms", "10"}, {"queue.buffering.max.kbytes", "524288"}, {0},
	};
	static const struct mr_kafka_setting musts[] = {
		{"enable.idempotence", "true"}, {"delivery.report.only.error", "false"}, {0},
	};
	char number[32];
	rd_kafka_conf_t *conf = mr_kafka_conf_make(mr->kafka, defaults, musts, error);

	if (conf == NULL)
		return NULL;
	snprintf(number, sizeof(number), "%zu", mr->queue_messages_max ? mr->queue_messages_max : 100000);
	bool ok = mr_kafka_conf_set(conf, "queue.buffering.max.messages", number, error);
	snprintf(number, sizeof(number), "%zu", mr->message_bytes_max ? mr->message_bytes_max : 1000000);
	ok = ok && mr_kafka_conf_set(conf, "message.max.bytes", number, error);
	if (mr->transactional_id) {
		snprintf(number, sizeof(number), "%lld",
		    (long long)(mr->transaction_timeout_ms ? mr->transaction_timeout_ms : 10000));
		ok = ok && mr_kafka_conf_set(conf, "transactional.id", mr->transactional_id, error);
		ok = ok && mr_kafka_conf_set(conf, "transaction.timeout.ms", number, error);
	} else
		ok = ok && mr_kafka_conf_set(conf, "message.timeout.ms", "30000", error);
	if (!ok) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
	return conf;
}

static bool
start(struct mr_sink *s, char error[256])
{
	rd_kafka_conf_t *conf = sink_conf(&s->conf, error);
	const uint64_t one = 1;

	if (conf == NULL)
		return false;
	s->client.on_line = on_line;
	if (!mr_kafka_client_open(&s->client, s->conf.kafka, s, RD_KAFKA_PRODUCER, conf, error))
		return false;
	s->main_queue = rd_kafka_queue_get_main(s->client.rk);
	if (s->wake_fd >= 0)
		rd_kafka_queue_io_event_enable(s->main_queue, s->wake_fd, &one, sizeof(one));
	return true;
}

static void
end(struct mr_sink *s, int64_t timeout_ms)
{
	if (s->client.rk == NULL)
		return;
	// What is under way is waited for first: a purge between a transaction's first message and the
	// answer to its registration trips an assertion of the library (2.0.2).
	rd_kafka_flush(s->client.rk, (int)timeout_ms);
	// Purged messages come back as failed: their counters are served here.
	rd_kafka_purge(s->client.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_flush(s->client.rk, 100);
	if (s->wake_fd >= 0)
		rd_kafka_queue_io_event_enable(s->main_queue, -1, NULL, 0);
	rd_kafka_queue_destroy(s->main_queue);
	for (uint32_t i = 0; i < s->n_topics; i++)
		rd_kafka_topic_destroy(s->topics[i]);
	mr_kafka_client_close(&s->client, 0);
}

struct mr_sink *
mr_sink_open(const struct mr_sink_conf *mr, char error[256])
{
	struct mr_sink *s = calloc(1, sizeof(*s));

	MR_ASSERT(s != NULL);
	s->id = strdup(mr->transactional_id ? mr->transactional_id : "");
	MR_ASSERT(s->id != NULL);
	s->conf = *mr;
	s->conf.transactional_id = mr->transactional_id ? s->id : NULL;
	s->wake_fd = mr->wake_fd;
	s->transaction_timeout_ms = (int)(mr->transaction_timeout_ms ? mr->transaction_timeout_ms : 10000);
	pthread_mutex_init(&s->denied_lock, NULL);
	pthread_mutex_init(&s->job_lock, NULL);
	pthread_cond_init(&s->job_cond, NULL);
	if (!start(s, error)) {
		mr_sink_close(s, 0);
		return NULL;
	}
	return s;
}

enum mr_kafka_status
mr_sink_renew(struct mr_sink *s, int64_t timeout_ms)
{
	char **names = calloc(s->n_topics + 1, sizeof(*names));
	char error[256];

	MR_ASSERT(names != NULL && s->job.state == JOB_NONE);
	for (uint32_t i = 0; i < s->n_topics; i++) {
		names[i] = strdup(rd_kafka_topic_name(s->topics[i]));
		MR_ASSERT(names[i] != NULL);
	}
	end(s, timeout_ms);
	atomic_store(&s->client.fatal_code, 0);
	atomic_store(&s->client.problem_code, 0);
	// What opened once opens again: the properties are the same.
	bool started = start(s, error);
	MR_ASSERT(started);
	for (uint32_t i = 0; i < s->n_topics; i++) {
		s->topics[i] = rd_kafka_topic_new(s->client.rk, names[i], NULL);
		MR_ASSERT(s->topics[i] != NULL);
		free(names[i]);
	}
	free(names);
	s->in_transaction = false;
	return mr_sink_init(s, timeout_ms);
}

void
mr_sink_close(struct mr_sink *s, int64_t timeout_ms)
{
	if (s == NULL)
		return;
	mr_sink_thread_end(s);
	end(s, timeout_ms);
	pthread_mutex_destroy(&s->denied_lock);
	pthread_mutex_destroy(&s->job_lock);
	pthread_cond_destroy(&s->job_cond);
	free(s->topics);
	free(s->id);
	free(s);
}

const char *
mr_sink_error(const struct mr_sink *s)
{
	return s->error;
}

const char *
mr_sink_id(const struct mr_sink *s)
{
	return s->id;
}

bool
mr_sink_in_transaction(const struct mr_sink *s)
{
	return s->in_transaction;
}

size_t
mr_sink_unacked(const struct mr_sink *s)
{
	return atomic_load(&s->unacked);
}

uint64_t
mr_sink_failed(const struct mr_sink *s)
{
	return atomic_load(&s->failed);
}

bool
mr_sink_broken(const struct mr_sink *s)
{
	return atomic_load(&s->broken) || (s->in_transaction && atomic_load(&s->failed) > 0)
	    || atomic_load(&s->client.fatal_code) != 0;
}

const char *
mr_sink_denied(const struct mr_sink *s)
{
	return atomic_load(&s->is_denied) ? s->denied : NULL;
}

uint32_t
mr_sink_topic(struct mr_sink *s, const char *name)
{
	for (uint32_t i = 0; i < s->n_topics; i++)
		if (strcmp(rd_kafka_topic_name(s->topics[i]), name) == 0)
			return i;
	MR_ASSERT(s->n_topics < TOPICS_MAX);
	if (s->n_topics == s->room_topics) {
		s->room_topics = s->room_topics ? s->room_topics * 2 : 16;
		s->topics = realloc(s->topics, s->room_topics * sizeof(rd_kafka_topic_t *));
		MR_ASSERT(s->topics != NULL);
	}
	s->topics[s->n_topics] = rd_kafka_topic_new(s->client.rk, name, NULL);
	MR_ASSERT(s->topics[s->n_topics] != NULL);
	return s->n_topics++;
}

static rd_kafka_headers_t *
headers_of(const struct mr_sink_message *m)
{
	rd_kafka_headers_t *headers = m->n_headers ? rd_kafka_headers_new(m->n_headers) : NULL;

	for (size_t i = 0; i < m->n_headers; i++)
		rd_kafka_header_add(headers, m->headers[i].name, -1, m->headers[i].value.p, (ssize_t)m->headers[i].value.n);
	return headers;
}

static enum mr_kafka_status
refused(struct mr_sink *s, const char *topic, rd_kafka_error_t *error)
{
	switch (rd_kafka_error_code(error)) {
	case RD_KAFKA_RESP_ERR__QUEUE_FULL:
		rd_kafka_error_destroy(error);
		return MR_KAFKA_AGAIN;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		rd_kafka_error_destroy(error);
		return MR_KAFKA_TOO_LARGE;
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		mr_kafka_explain(s->error, sizeof(s->error), rd_kafka_error_code(error), topic, NULL);
		rd_kafka_error_destroy(error);
		return MR_KAFKA_MISSING;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		deny(s, topic, strlen(topic));
		return mr_sink_judge(s, topic, error);
	default:
		return mr_sink_judge(s, topic, error);
	}
}

enum mr_kafka_status
mr_sink_produce(struct mr_sink *s, const struct mr_sink_message *m)
{
	MR_ASSERT(m->topic < s->n_topics && m->partition >= 0);
	MR_ASSERT(s->in_transaction || s->id[0] == '\0');
	rd_kafka_headers_t *headers = headers_of(m);
	rd_kafka_vu_t vus[7] = {
		{.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = s->topics[m->topic]},
		{.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = m->partition},
		{.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)m->value.p, m->value.n}},
		{.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)m->key.p, m->key.n}},
		{.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = m->borrowed ? 0 : RD_KAFKA_MSG_F_COPY},
		{.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = m->pending},
		{.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
	};

	// Counted first: the answer may come on the other thread before produceva returns.
	atomic_fetch_add(&s->unacked, 1);
	if (m->pending)
		atomic_fetch_add(m->pending, 1);
	rd_kafka_error_t *error = rd_kafka_produceva(s->client.rk, vus, headers ? 7 : 6);
	if (error == NULL)
		return MR_KAFKA_OK;
	atomic_fetch_sub(&s->unacked, 1);
	if (m->pending)
		atomic_fetch_sub(m->pending, 1);
	if (headers)
		rd_kafka_headers_destroy(headers);
	return refused(s, rd_kafka_topic_name(s->topics[m->topic]), error);
}

int
mr_sink_poll(struct mr_sink *s)
{
	return rd_kafka_poll(s->client.rk, 0);
}

enum mr_kafka_status
mr_sink_flush(struct mr_sink *s, int64_t timeout_ms)
{
	int64_t deadline = mr_kafka_now_ms() + timeout_ms, left;

	// In slices: a transaction that failed keeps its messages, and a flush would wait for them.
	while ((left = deadline - mr_kafka_now_ms()) >= 0 && !atomic_load(&s->broken))
		if (rd_kafka_flush(s->client.rk, left < 50 ? (int)left : 50) == RD_KAFKA_RESP_ERR_NO_ERROR)
			break;
	if (s->id[0] == '\0' && atomic_load(&s->failed) > 0) {
		mr_kafka_explain(s->error, sizeof(s->error), (rd_kafka_resp_err_t)atomic_load(&s->failed_code), "delivery", NULL);
		atomic_store(&s->failed, 0);
		atomic_store(&s->failed_code, 0);
		return MR_KAFKA_ABORTABLE;
	}
	return mr_sink_unacked(s) == 0 ? MR_KAFKA_OK : MR_KAFKA_AGAIN;
}
