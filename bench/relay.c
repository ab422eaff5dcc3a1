// A bare relay: what comes into one topic goes out into another at once, unread, until SIGTERM. What any
// program that reads from and writes to Kafka takes at least from event to action.
// Usage: bench_relay BROKERS FROM TO
#include "client.h"

#include <signal.h>
#include <stdio.h>

#define BATCH 100

static const struct client_setting consumer[] = {{"group.id", "bench-relay"}, {"enable.auto.commit", "false"},
	{"fetch.wait.max.ms", "100"}, {"fetch.error.backoff.ms", "50"}, {NULL, NULL}};
static const struct client_setting producer[] = {{"linger.ms", "0"}, {"acks", "all"}, {"enable.idempotence", "true"}, {NULL, NULL}};

static volatile sig_atomic_t ended;

static void
on_signal(int number)
{
	(void)number;
	ended = 1;
}

int
main(int argc, char **argv)
{
	rd_kafka_message_t *batch[BATCH];

	if (argc != 4) {
		fprintf(stderr, "usage: bench_relay BROKERS FROM TO\n");
		return 2;
	}
	signal(SIGTERM, on_signal);
	rd_kafka_t *in = client_open(RD_KAFKA_CONSUMER, argv[1], consumer);
	rd_kafka_t *out = client_open(RD_KAFKA_PRODUCER, argv[1], producer);
	client_assign(in, argv[2], false);
	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(in);
	printf("ready\n");
	fflush(stdout);
	while (!ended) {
		// One at a time comes at once; a full batch would be waited for.
		rd_kafka_message_t *first = rd_kafka_consume_queue(queue, 100);
		if (first == NULL)
			continue;
		batch[0] = first;
		ssize_t n = 1 + rd_kafka_consume_batch_queue(queue, 0, batch + 1, BATCH - 1);
		for (ssize_t i = 0; i < n; i++) {
			rd_kafka_message_t *m = batch[i];
			if (!m->err)
				client_produce(out, argv[3], m->partition, m->key, m->key_len, m->payload, m->len);
			rd_kafka_message_destroy(m);
		}
		rd_kafka_poll(out, 0);
	}
	rd_kafka_queue_destroy(queue);
	rd_kafka_consumer_close(in);
	rd_kafka_destroy(in);
	client_close_producer(out);
	return 0;
}
