// What the bare programs over librdkafka share.
#ifndef MR_BENCH_CLIENT_H
#define MR_BENCH_CLIENT_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Wall and CPU time (of the whole process, with the library's threads) in seconds.
double client_wall_s(void);
double client_cpu_s(void);

struct client_setting {
	const char *name, *value;
};

// Ends the process where anything is refused. `settings` ends with a name NULL.
rd_kafka_t *client_open(rd_kafka_type_t, const char *brokers, const struct client_setting *settings);
// All partitions of a topic, from its beginning or its end; their number.
int client_assign(rd_kafka_t *, const char *topic, bool from_beginning);
// Copies key (may be NULL) and value; waits while the queue is full. partition: RD_KAFKA_PARTITION_UA: by key.
void client_produce(rd_kafka_t *, const char *topic, int32_t partition, const void *key, size_t key_n, const void *value,
    size_t value_n);
// Waits for all, and ends.
void client_close_producer(rd_kafka_t *);

#endif
