// A bare consumer: reads a topic from its beginning to its end and does nothing with it. What any
// program that reads from Kafka through librdkafka pays at least.
// Usage: bench_consume BROKERS TOPIC
#include "client.h"

#include <stdio.h>

#define BATCH 1000

static const struct client_setting settings[] = {{"group.id", "bench-consume"}, {"enable.auto.commit", "false"},
	{"enable.partition.eof", "true"}, {"queued.min.messages", "1000000"}, {"fetch.wait.max.ms", "100"}, {NULL, NULL}};

int
main(int argc, char **argv)
{
	rd_kafka_message_t *batch[BATCH];
	unsigned long n = 0, bytes = 0, sum = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: bench_consume BROKERS TOPIC\n");
		return 2;
	}
	rd_kafka_t *rk = client_open(RD_KAFKA_CONSUMER, argv[1], settings);
	int left = client_assign(rk, argv[2], true);
	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
	double began = client_wall_s();
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
	double took = client_wall_s() - began;
	rd_kafka_queue_destroy(queue);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	printf("{\"events\": %lu, \"bytes\": %lu, \"wall_s\": %.4f, \"cpu_s\": %.4f, \"sum\": %lu}\n", n, bytes, took,
	    client_cpu_s(), sum);
	return 0;
}
