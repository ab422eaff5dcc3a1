// A bare consumer: reads a topic from its beginning to its end and does nothing with it. What any
// program that reads from Kafka through librdkafka pays at least.
// Usage: bench_consume BROKERS TOPIC
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define BATCH 1000
#define ANSWER_MS 10000

static double
wall_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static rd_kafka_t *
connect_to(const char *brokers)
{
	static const char *const settings[][2] = {{"group.id", "bench-consume"}, {"enable.auto.commit", "false"},
		{"enable.partition.eof", "true"}, {"queued.min.messages", "1000000"}, {"fetch.wait.max.ms", "100"}};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char error[256];

	rd_kafka_conf_set(conf, "bootstrap.servers", brokers, error, sizeof(error));
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof(error));
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
	if (rk == NULL) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	rd_kafka_poll_set_consumer(rk);
	return rk;
}

static int
assign_all(rd_kafka_t *rk, const char *name)
{
	const struct rd_kafka_metadata *meta;
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
	rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, topic, &meta, ANSWER_MS);

	if (err || meta->topics[0].partition_cnt == 0) {
		fprintf(stderr, "%s: %s\n", name, rd_kafka_err2str(err));
		exit(1);
	}
	int n = meta->topics[0].partition_cnt;
	for (int i = 0; i < n; i++)
		rd_kafka_topic_partition_list_add(list, name, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
	rd_kafka_assign(rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_metadata_destroy(meta);
	rd_kafka_topic_destroy(topic);
	return n;
}

int
main(int argc, char **argv)
{
	rd_kafka_message_t *batch[BATCH];
	unsigned long n = 0, bytes = 0, sum = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: bench_consume BROKERS TOPIC\n");
		return 2;
	}
	rd_kafka_t *rk = connect_to(argv[1]);
	int left = assign_all(rk, argv[2]);
	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
	double began = wall_s();
	while (left > 0) {
		ssize_t got = rd_kafka_consume_batch_queue(queue, 50, batch, BATCH);
		for (ssize_t i = 0; i < got; i++) {
			if (batch[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
				left--;
			} else if (!batch[i]->err) {
				n++;
				bytes += batch[i]->len;
				sum += *(const unsigned char *)batch[i]->payload;   // at least looked at
			}
			rd_kafka_message_destroy(batch[i]);
		}
	}
	double took = wall_s() - began;
	rd_kafka_queue_destroy(queue);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	printf("{\"events\": %lu, \"bytes\": %lu, \"wall_s\": %.4f, \"cpu_s\": %.4f, \"sum\": %lu}\n", n, bytes, took, cpu_s(), sum);
	return 0;
}
