#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define ANSWER_MS 10000
#define FLUSH_MS 60000

double
client_wall_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double
client_cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static _Noreturn void
fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

rd_kafka_t *
client_open(rd_kafka_type_t type, const char *brokers, const struct client_setting *settings)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char error[256];

	if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, error, sizeof(error)) != RD_KAFKA_CONF_OK)
		fail("bootstrap.servers", error);
	for (; settings->name; settings++)
		if (rd_kafka_conf_set(conf, settings->name, settings->value, error, sizeof(error)) != RD_KAFKA_CONF_OK)
			fail(settings->name, error);
	rd_kafka_t *rk = rd_kafka_new(type, conf, error, sizeof(error));
	if (rk == NULL)
		fail("librdkafka", error);
	if (type == RD_KAFKA_CONSUMER)
		rd_kafka_poll_set_consumer(rk);
	return rk;
}

int
client_assign(rd_kafka_t *rk, const char *name, bool from_beginning)
{
	const struct rd_kafka_metadata *meta;
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
	rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, topic, &meta, ANSWER_MS);

	if (err || meta->topics[0].partition_cnt == 0)
		fail(name, err ? rd_kafka_err2str(err) : "no such topic");
	int n = meta->topics[0].partition_cnt;
	for (int32_t i = 0; i < n; i++) {
		int64_t low, high;
		err = rd_kafka_query_watermark_offsets(rk, name, i, &low, &high, ANSWER_MS);
		if (err)
			fail(name, rd_kafka_err2str(err));
		rd_kafka_topic_partition_list_add(list, name, i)->offset = from_beginning ? low : high;
	}
	rd_kafka_assign(rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_metadata_destroy(meta);
	rd_kafka_topic_destroy(topic);
	return n;
}

void
client_produce(rd_kafka_t *rk, const char *topic, int32_t partition, const void *key, size_t key_n, const void *value,
    size_t value_n)
{
	for (;;) {
		rd_kafka_resp_err_t err = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
		    RD_KAFKA_V_KEY(key, key_n), RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value_n),
		    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
		if (!err)
			return;
		if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			fail(topic, rd_kafka_err2str(err));
		rd_kafka_poll(rk, 1);
	}
}

void
client_close_producer(rd_kafka_t *rk)
{
	if (rd_kafka_flush(rk, FLUSH_MS))
		fail("producer", "not all could be delivered");
	rd_kafka_destroy(rk);
}
