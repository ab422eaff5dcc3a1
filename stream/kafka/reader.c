#include "kafka/client.h"
#include "kafka/reader.h"

#include <stdio.h>
#include <stdlib.h>

#define BATCH 512
#define STREAMS 8

// A partition that is being read: it stays open, so that the next range goes on where the last ended.
struct stream {
	rd_kafka_topic_t *handle;   // NULL: free
	rd_kafka_queue_t *queue;
	int32_t partition;
	int64_t next;               // where the last range ended
	int64_t known;              // no record that was not handed over lies before this
	uint64_t used;              // when, in calls
	rd_kafka_message_t *batch[BATCH];
	size_t n, at;
};

struct mr_log_reader {
	struct mr_kafka_client client;
	char error[MR_KAFKA_ERROR];
	struct stream streams[STREAMS];
	uint64_t calls;
};

static void
stream_close(struct stream *s)
{
	if (s->handle == NULL)
		return;
	while (s->at < s->n)
		rd_kafka_message_destroy(s->batch[s->at++]);
	rd_kafka_consume_stop(s->handle, s->partition);
	rd_kafka_queue_destroy(s->queue);
	rd_kafka_topic_destroy(s->handle);
	*s = (struct stream){0};
}

struct mr_log_reader *
mr_log_reader_open(const struct mr_kafka_conf *mr, bool committed, char error[256])
{
	static const struct mr_kafka_setting defaults[] = {
		{"fetch.wait.max.ms", "20"}, {"fetch.error.backoff.ms", "20"}, {"queued.max.messages.kbytes", "16384"},
		{"queued.min.messages", "1000000"}, {0},
	};
	const struct mr_kafka_setting musts[] = {
		{"enable.auto.commit", "false"}, {"auto.commit.enable", "false"}, {"enable.auto.offset.store", "false"},
		{"auto.offset.reset", "error"}, {"enable.partition.eof", "true"},
		{"isolation.level", committed ? "read_committed" : "read_uncommitted"}, {0},
	};
	rd_kafka_conf_t *conf = mr_kafka_conf_make(mr, defaults, musts, error);
	struct mr_log_reader *r = calloc(1, sizeof(*r));

	MR_ASSERT(r != NULL);
	if (conf && mr_kafka_client_open(&r->client, mr, r, RD_KAFKA_CONSUMER, conf, error))
		return r;
	free(r);
	return NULL;
}

void
mr_log_reader_close(struct mr_log_reader *r)
{
	if (r == NULL)
		return;
	for (int i = 0; i < STREAMS; i++)
		stream_close(&r->streams[i]);
	mr_kafka_client_close(&r->client, 0);
	free(r);
}

const char *
mr_log_reader_error(const struct mr_log_reader *r)
{
	return r->error;
}

static enum mr_kafka_status
failed(struct mr_log_reader *r, const char *topic, rd_kafka_resp_err_t err, const char *text)
{
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
		return MR_KAFKA_OK;
	mr_kafka_explain(r->error, sizeof(r->error), err, topic, text);
	enum mr_kafka_status status = mr_kafka_status_of(err);
	return status == MR_KAFKA_FENCED ? MR_KAFKA_FATAL : status;
}

enum mr_kafka_status
mr_log_reader_partitions(struct mr_log_reader *r, const char *topic, int64_t timeout_ms, int32_t *n)
{
	const rd_kafka_metadata_t *metadata;
	rd_kafka_topic_t *handle = rd_kafka_topic_new(r->client.rk, topic, NULL);

	*n = 0;
	r->error[0] = '\0';
	MR_ASSERT(handle != NULL);
	rd_kafka_resp_err_t err = rd_kafka_metadata(r->client.rk, 0, handle, &metadata, (int)timeout_ms);
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		MR_ASSERT(metadata->topic_cnt == 1);
		err = metadata->topics[0].err;
		*n = metadata->topics[0].partition_cnt;
		if (!err && *n == 0)
			err = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
		rd_kafka_metadata_destroy(metadata);
	}
	rd_kafka_topic_destroy(handle);
	return failed(r, topic, err, NULL);
}

// What offsets_for_times says for one partition: a time, or one of the logical offsets (begin, end).
// query_watermark_offsets would do for these, but waits without regard to its time-out when the broker
// is away (librdkafka 2.0).
static rd_kafka_resp_err_t
ask(struct mr_log_reader *r, const char *topic, int32_t partition, int64_t what, int64_t deadline, int64_t *offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	int64_t left = deadline - mr_kafka_now_ms();

	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = what;
	rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(r->client.rk, list, left > 1 ? (int)left : 1);
	if (!err)
		err = list->elems[0].err;
	*offset = list->elems[0].offset;
	rd_kafka_topic_partition_list_destroy(list);
	return err;
}

enum mr_kafka_status
mr_log_reader_ends(struct mr_log_reader *r, const char *topic, int32_t partition, int64_t timeout_ms, int64_t *low,
    int64_t *end)
{
	int64_t deadline = mr_kafka_now_ms() + timeout_ms;
	int32_t n;

	r->error[0] = '\0';
	rd_kafka_poll(r->client.rk, 0);
	rd_kafka_resp_err_t err = ask(r, topic, partition, RD_KAFKA_OFFSET_BEGINNING, deadline, low);
	if (!err)
		err = ask(r, topic, partition, RD_KAFKA_OFFSET_END, deadline, end);
	enum mr_kafka_status status = failed(r, topic, err, NULL);
	if (status == MR_KAFKA_MISSING) { // or hidden from us: the metadata tells which
		enum mr_kafka_status why = mr_log_reader_partitions(r, topic, timeout_ms, &n);
		return why == MR_KAFKA_DENIED ? why : status;
	}
	return status;
}

enum mr_kafka_status
mr_log_reader_all_ends(struct mr_log_reader *r, const char *const *topics, size_t n, int32_t partition, int64_t timeout_ms,
    int64_t *ends)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);

	r->error[0] = '\0';
	for (size_t i = 0; i < n; i++)
		rd_kafka_topic_partition_list_add(list, topics[i], partition)->offset = RD_KAFKA_OFFSET_END;
	rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(r->client.rk, list, (int)timeout_ms);
	for (size_t i = 0; i < n; i++) {
		const rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_find(list, topics[i], partition);
		ends[i] = !err && !p->err ? p->offset : -1;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return n == 0 ? MR_KAFKA_OK : failed(r, topics[0], err, NULL);
}

enum mr_kafka_status
mr_log_reader_offset_at(struct mr_log_reader *r, const char *topic, int32_t partition, int64_t time_ms,
    int64_t timeout_ms, int64_t *offset)
{
	int64_t deadline = mr_kafka_now_ms() + timeout_ms;

	MR_ASSERT(time_ms >= 0);
	r->error[0] = '\0';
	rd_kafka_resp_err_t err = ask(r, topic, partition, time_ms, deadline, offset);
	if (!err && *offset < 0) // no record is as new as that
		err = ask(r, topic, partition, RD_KAFKA_OFFSET_END, deadline, offset);
	return failed(r, topic, err, NULL);
}

// ---- ranges

struct range {
	struct mr_log_reader *reader;
	struct stream *stream;
	const char *topic;
	int64_t to, next;
	bool (*fn)(void *, const struct mr_kafka_record *);
	void *arg;
	bool done;
	enum mr_kafka_status status;
};

// The stream that goes on at `from`, or one opened there in place of the longest unused. NULL: see error.
static struct stream *
stream_at(struct mr_log_reader *r, const char *topic, int32_t partition, int64_t from, enum mr_kafka_status *status)
{
	struct stream *s = NULL, *oldest = &r->streams[0];

	for (int i = 0; i < STREAMS && s == NULL; i++) {
		struct stream *one = &r->streams[i];
		if (one->handle && one->partition == partition && strcmp(rd_kafka_topic_name(one->handle), topic) == 0)
			s = one;
		else if (one->used < oldest->used)
			oldest = one;
	}
	if (s == NULL || s->next != from) {
		s = s ? s : oldest;
		stream_close(s);
		s->handle = rd_kafka_topic_new(r->client.rk, topic, NULL);
		s->queue = rd_kafka_queue_new(r->client.rk);
		MR_ASSERT(s->handle != NULL);
		s->partition = partition;
		s->next = s->known = from;
		if (rd_kafka_consume_start_queue(s->handle, partition, from, s->queue) != 0) {
			*status = failed(r, topic, rd_kafka_last_error(), NULL);
			stream_close(s);
			return NULL;
		}
	}
	s->used = ++r->calls;
	return s;
}

// One message of the queue: a record, an end, or trouble. False: it is for a later range, keep it.
static bool
range_take(struct range *g, const rd_kafka_message_t *m)
{
	struct mr_kafka_record record;

	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		// Behind the last record there may be markers that stand for none.
		if (m->offset > g->stream->known)
			g->stream->known = m->offset;
		return true;
	}
	if (m->err) {
		enum mr_kafka_status status = failed(g->reader, g->topic, m->err, rd_kafka_message_errstr(m));
		if (status != MR_KAFKA_AGAIN) {
			g->status = status;
			g->done = true;
		}
		return true;
	}
	if (m->offset >= g->to) {
		g->stream->known = m->offset;
		return false;
	}
	if (m->offset < g->next)
		return true;
	mr_kafka_record_of(m, g->topic, &record);
	g->next = g->stream->known = m->offset + 1;
	g->done = !g->fn(g->arg, &record);
	return true;
}

// Takes what the batch holds, as far as it belongs to the range.
static void
range_batch(struct range *g)
{
	struct stream *s = g->stream;

	while (!g->done && s->at < s->n) {
		if (!range_take(g, s->batch[s->at]))
			break;
		rd_kafka_message_destroy(s->batch[s->at++]);
	}
	if (g->done)
		return;
	// What is known to hold no more records counts as read.
	int64_t known = s->known < g->to ? s->known : g->to;
	if (known > g->next)
		g->next = known;
	g->done = g->next >= g->to;
}

static void
range_run(struct range *g, int64_t timeout_ms)
{
	static const int slice_ms = 20;
	int64_t deadline = mr_kafka_now_ms() + timeout_ms;
	struct stream *s = g->stream;

	for (;;) {
		int64_t before = g->next;
		range_batch(g);
		if (g->done)
			return;
		if (g->next > before)
			deadline = mr_kafka_now_ms() + timeout_ms;
		else if (mr_kafka_now_ms() >= deadline) {
			g->status = MR_KAFKA_AGAIN;
			return;
		}
		MR_ASSERT(s->at == s->n);
		// One at a time while it waits (a batch call would wait until the batch is full), then all.
		s->batch[0] = rd_kafka_consume_queue(s->queue, slice_ms);
		s->at = 0;
		s->n = s->batch[0] ? 1 : 0;
		ssize_t more = s->n ? rd_kafka_consume_batch_queue(s->queue, 0, s->batch + 1, BATCH - 1) : 0;
		s->n += more > 0 ? (size_t)more : 0;
	}
}

enum mr_kafka_status
mr_log_reader_range(struct mr_log_reader *r, const char *topic, int32_t partition, int64_t from, int64_t to,
    int64_t timeout_ms, bool (*fn)(void *arg, const struct mr_kafka_record *), void *arg, int64_t *next)
{
	struct range g = {.reader = r, .topic = topic, .to = to, .next = from, .fn = fn, .arg = arg, .status = MR_KAFKA_OK};

	MR_ASSERT(from >= 0 && partition >= 0);
	*next = from;
	r->error[0] = '\0';
	if (from >= to)
		return MR_KAFKA_OK;
	rd_kafka_poll(r->client.rk, 0);
	g.stream = stream_at(r, topic, partition, from, &g.status);
	if (g.stream == NULL)
		return g.status;
	range_run(&g, timeout_ms);
	*next = g.stream->next = g.next;
	if (g.status == MR_KAFKA_AGAIN && r->error[0] == '\0')
		snprintf(r->error, sizeof(r->error), "%s [%d]: nothing came at offset %lld", topic, partition, (long long)g.next);
	else if (g.status != MR_KAFKA_OK && g.status != MR_KAFKA_AGAIN)
		stream_close(g.stream);
	return g.status;
}
