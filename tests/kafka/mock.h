// A mock cluster of librdkafka's in the test's own process.
#ifndef MR_TESTS_KAFKA_MOCK_H
#define MR_TESTS_KAFKA_MOCK_H

#include "kafka/conf.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

struct mock {
	rd_kafka_t *rk;                      // what the cluster hangs on
	rd_kafka_mock_cluster_t *cluster;
	struct mr_kafka_property properties[1];
	struct mr_kafka_conf conf;           // clients made with it talk to this cluster
};

void mock_start(struct mock *);
void mock_stop(struct mock *);
void quiet(void *arg, int level, const char *line);   // a log that says nothing unless KAFKA_LOG is set
// A token as a member of `group` in `generation` has it.
struct mr_group group_token(const char *group, int32_t generation, const char *member);

#endif
