// Looks at topics, and makes those that it was asked to make. Thread: one an admin.
#ifndef MR_KAFKA_ADMIN_H
#define MR_KAFKA_ADMIN_H

#include "kafka/conf.h"

struct mr_admin;

struct mr_admin *mr_admin_open(const struct mr_kafka_conf *, char error[256]);
void mr_admin_close(struct mr_admin *);
const char *mr_admin_error(const struct mr_admin *);

// OK, AGAIN. Empty where the brokers tell none (the mock does).
enum mr_kafka_status mr_admin_cluster_id(struct mr_admin *, int64_t timeout_ms, char out[64]);

struct mr_topic_info {
	bool exists;
	int32_t partitions;
	bool configs;                // the rest is known (DescribeConfigs was answered and allowed)
	bool compacted;              // cleanup.policy names compact
	int64_t retention_ms;        // -1: for ever
	int64_t message_bytes_max;   // max.message.bytes
	int32_t min_insync;
};
// OK (see exists), AGAIN, DENIED (text), FATAL.
enum mr_kafka_status mr_admin_topic(struct mr_admin *, const char *topic, int64_t timeout_ms, struct mr_topic_info *);

enum mr_topic_role {
	MR_TOPIC_ANCHOR,             // its partition count is the measure
	MR_TOPIC_INPUT,              // a companion: as many partitions
	MR_TOPIC_OUTPUT,             // as many partitions
	MR_TOPIC_JOURNAL,            // as many partitions, never compacted
	MR_TOPIC_SINGLE,             // one partition (configuration, may be compacted)
};
struct mr_topic_want {
	const char *name;
	enum mr_topic_role role;
	int64_t message_bytes_min;   // its max.message.bytes must allow this; 0: any
};

struct mr_topic_report {
	int32_t partitions;          // of the anchor
	size_t errors;               // lines that forbid a start
	char *text;                  // "error: ...\n" and "warning: ...\n", each with what to do; free(); NULL: nothing
};
// Looks at all of them at start-up: they exist, have as many partitions as the anchor, inputs and
// journal are not compacted, limits suffice. With `create`, missing ones (never the anchor) are made
// with the broker's default replication. OK: see report->errors. AGAIN: no broker answered.
enum mr_kafka_status mr_admin_check(struct mr_admin *, const struct mr_topic_want *, size_t n, bool create,
    int64_t timeout_ms, struct mr_topic_report *);

// A topic that a member of the group reads and that is none of these: another application's, which has
// the same name. OK with out empty: there is none.
enum mr_kafka_status mr_admin_strange_topic(struct mr_admin *, const char *group, const char *const *topics, size_t n,
    int64_t timeout_ms, char out[256]);

// Makes one topic with the broker's default replication; OK where it was there already.
enum mr_kafka_status mr_admin_create(struct mr_admin *, const char *topic, int32_t partitions,
    const struct mr_kafka_property *configs, size_t n_configs, int64_t timeout_ms);

#endif
