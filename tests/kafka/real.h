// For tests against a real broker: skips where KAFKA_BROKERS isn't set (deploy/servers.sh sets it).
#ifndef MR_TESTS_KAFKA_REAL_H
#define MR_TESTS_KAFKA_REAL_H

#include "kafka/admin.h"
#include "kafka/reader.h"
#include "kafka/sink.h"
#include "kafka/source.h"

// The broker of KAFKA_BROKERS, as super user; skips the test where there is none.
const struct mr_kafka_conf *real_conf(void);
// As a user who may do what ACLs allow (KAFKA_SASL_BROKERS); skips likewise.
const struct mr_kafka_conf *real_conf_of(const char *user);
// A new topic's name, made with that many partitions (0: only the name). Lives as long as the test.
const char *real_topic(const char *stem, int partitions);
int64_t real_now_ms(void);

struct mr_sink *real_sink(const struct mr_kafka_conf *, const char *id);
// Sends `n` values "STEM0".. to a partition by a plain producer.
void real_send(const char *topic, int32_t partition, const char *stem, int n);
// Values of a partition, joined by spaces.
const char *real_values(const char *topic, int32_t partition, bool committed);

// A group member with what its callbacks were told.
struct member {
	struct mr_source *source;
	struct mr_group group;
	uint64_t epoch;
	int32_t numbers[16];
	size_t n;
	int assigns, revokes, losses;
	struct mr_source_task *task;   // stopped by on_revoke, on_lost
	int fd;
};
void member_open(struct member *, const struct mr_kafka_conf *, const char *group, const char *instance_id,
    const char *const *topics, size_t n);
void member_close(struct member *);
// Polls until it has n partitions (in a newer assignment than before); fails after 20 s.
void member_wait(struct member *, size_t n);

#endif
