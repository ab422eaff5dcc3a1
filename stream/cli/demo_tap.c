#include "cli/demo_tap.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MS 10000
#define ID_BYTES 32
#define ERROR_BYTES 512

struct mr_demo_tap {
	rd_kafka_t *rk;
	rd_kafka_topic_partition_list_t *parts;   // offset: the next one that is expected
	rd_kafka_message_t *message;              // handed out last
	char (*seen)[ID_BYTES];                   // open addressing by the id's own digits
	size_t n_seen, cap_seen;
	char error[ERROR_BYTES];
};

static rd_kafka_t *
make(const char *brokers, char error[512])
{
	static const char *const settings[][2] = {
		{"group.id", "millrace-demo-tap"}, {"client.id", "millrace-demo-tap"}, {"enable.auto.commit", "false"},
		{"isolation.level", "read_uncommitted"}, {"enable.partition.eof", "true"}, {"fetch.wait.max.ms", "5"},
		{"fetch.error.backoff.ms", "10"}, {"socket.nagle.disable", "true"}, {"log_level", "3"},
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	bool ok = rd_kafka_conf_set(conf, "bootstrap.servers", brokers, error, ERROR_BYTES) == RD_KAFKA_CONF_OK;

	for (size_t i = 0; ok && i < sizeof(settings) / sizeof(settings[0]); i++)
		ok = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, ERROR_BYTES) == RD_KAFKA_CONF_OK;
	rd_kafka_t *rk = ok ? rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, ERROR_BYTES) : NULL;
	if (rk == NULL)
		rd_kafka_conf_destroy(conf);
	return rk;
}

// All partitions of one topic, each from its present end.
static bool
add_topic(struct mr_demo_tap *tap, const char *name, char error[512])
{
	const struct rd_kafka_metadata *meta;
	rd_kafka_topic_t *topic = rd_kafka_topic_new(tap->rk, name, NULL);
	rd_kafka_resp_err_t err = rd_kafka_metadata(tap->rk, 0, topic, &meta, ANSWER_MS);
	int64_t low, high;

	rd_kafka_topic_destroy(topic);
	int n = err ? 0 : meta->topics[0].partition_cnt;
	if (!err && n == 0)
		err = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	for (int i = 0; i < n && !err; i++) {
		err = rd_kafka_query_watermark_offsets(tap->rk, name, i, &low, &high, ANSWER_MS);
		if (!err)
			rd_kafka_topic_partition_list_add(tap->parts, name, i)->offset = high;
	}
	if (n > 0)
		rd_kafka_metadata_destroy(meta);
	if (err)
		snprintf(error, ERROR_BYTES, "topic %s: %s", name, rd_kafka_err2str(err));
	return !err;
}

struct mr_demo_tap *
mr_demo_tap_open(const char *brokers, const char *const *names, size_t n, char error[512])
{
	struct mr_demo_tap *tap = calloc(1, sizeof(*tap));
	bool ok = true;

	MR_ASSERT(tap != NULL);
	tap->parts = rd_kafka_topic_partition_list_new(16);
	tap->rk = make(brokers, error);
	if (tap->rk == NULL) {
		mr_demo_tap_close(tap);
		return NULL;
	}
	rd_kafka_poll_set_consumer(tap->rk);
	for (size_t i = 0; ok && i < n; i++)
		ok = add_topic(tap, names[i], error);
	rd_kafka_resp_err_t err = ok ? rd_kafka_assign(tap->rk, tap->parts) : RD_KAFKA_RESP_ERR_NO_ERROR;
	if (err)
		snprintf(error, ERROR_BYTES, "%s", rd_kafka_err2str(err));
	if (ok && !err)
		return tap;
	mr_demo_tap_close(tap);
	return NULL;
}

void
mr_demo_tap_close(struct mr_demo_tap *tap)
{
	if (tap->message)
		rd_kafka_message_destroy(tap->message);
	if (tap->rk) {
		rd_kafka_consumer_close(tap->rk);
		rd_kafka_destroy(tap->rk);
	}
	rd_kafka_topic_partition_list_destroy(tap->parts);
	free(tap->seen);
	free(tap);
}

static struct mr_str
header(const rd_kafka_headers_t *headers, const char *name)
{
	const void *value;
	size_t n;

	if (headers == NULL || rd_kafka_header_get_last(headers, name, &value, &n))
		return (struct mr_str){0};
	return (struct mr_str){value, n};
}

static size_t
slot_of(const struct mr_demo_tap *tap, const char id[ID_BYTES])
{
	uint64_t hash;

	memcpy(&hash, id, sizeof(hash));   // hexadecimal digits of a hash: mix what little they vary in
	size_t at = (size_t)(hash * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (tap->cap_seen - 1);
	while (tap->seen[at][0] && memcmp(tap->seen[at], id, ID_BYTES) != 0)
		at = (at + 1) & (tap->cap_seen - 1);
	return at;
}

static void
grow(struct mr_demo_tap *tap)
{
	char (*old)[ID_BYTES] = tap->seen;
	size_t n = tap->cap_seen;

	tap->cap_seen = n ? 2 * n : 4096;
	tap->seen = calloc(tap->cap_seen, ID_BYTES);
	MR_ASSERT(tap->seen != NULL);
	for (size_t i = 0; i < n; i++)
		if (old[i][0])
			memcpy(tap->seen[slot_of(tap, old[i])], old[i], ID_BYTES);
	free(old);
}

static bool
seen_before(struct mr_demo_tap *tap, struct mr_str id)
{
	if (id.n != ID_BYTES)
		return false;
	if (2 * tap->n_seen >= tap->cap_seen)
		grow(tap);
	size_t at = slot_of(tap, id.p);
	if (tap->seen[at][0])
		return true;
	memcpy(tap->seen[at], id.p, ID_BYTES);
	tap->n_seen++;
	return false;
}

static void
moved(struct mr_demo_tap *tap, const rd_kafka_message_t *m, int64_t next)
{
	rd_kafka_topic_partition_t *part =
	    rd_kafka_topic_partition_list_find(tap->parts, rd_kafka_topic_name(m->rkt), m->partition);

	if (part && next > part->offset)
		part->offset = next;
}

static bool
take(struct mr_demo_tap *tap, const rd_kafka_message_t *m, struct mr_demo_message *out)
{
	rd_kafka_headers_t *headers = NULL;

	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		moved(tap, m, m->offset);
	else if (m->err)
		snprintf(tap->error, sizeof(tap->error), "%s", rd_kafka_message_errstr(m));
	if (m->err)
		return false;
	moved(tap, m, m->offset + 1);
	rd_kafka_message_headers(m, &headers);
	*out = (struct mr_demo_message){
		.id = header(headers, "ce_id"),
		.type = header(headers, "ce_type"),
		.time = header(headers, "ce_time"),
		.subject = header(headers, "ce_subject"),
		.body = {m->payload, m->len},
	};
	return !seen_before(tap, out->id);
}

bool
mr_demo_tap_next(struct mr_demo_tap *tap, int timeout_ms, struct mr_demo_message *out)
{
	if (tap->message)
		rd_kafka_message_destroy(tap->message);
	tap->message = rd_kafka_consumer_poll(tap->rk, timeout_ms);
	return tap->message && take(tap, tap->message, out);
}

bool
mr_demo_tap_done(struct mr_demo_tap *tap)
{
	int64_t low, high;

	for (int i = 0; i < tap->parts->cnt; i++) {
		const rd_kafka_topic_partition_t *part = &tap->parts->elems[i];
		if (rd_kafka_query_watermark_offsets(tap->rk, part->topic, part->partition, &low, &high, ANSWER_MS))
			return false;
		if (part->offset < high)
			return false;
	}
	return true;
}

const char *
mr_demo_tap_error(const struct mr_demo_tap *tap)
{
	return tap->error;
}
