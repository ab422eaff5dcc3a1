// The names of the topics that a configuration reads and writes.
#ifndef MR_RUN_TOPICS_H
#define MR_RUN_TOPICS_H

#include "config/config.h"
#include "kafka/admin.h"

#define MR_TOPIC_NAME_MAX 250   // Kafka's bound is 249

// The topic of a message out; `channel` only matters for actions.
void mr_output_topic(const struct mr_config *, enum mr_output, struct mr_str channel, char out[MR_TOPIC_NAME_MAX]);
void mr_journal_topic(const struct mr_config *, char out[MR_TOPIC_NAME_MAX]);
// Where the configurations that were in force are kept: one partition, its last record is the current one.
void mr_config_topic(const struct mr_config *, char out[MR_TOPIC_NAME_MAX]);
// Inputs, events first.
size_t mr_input_topics(const struct mr_config *, struct mr_str out[3]);

// All of them, and what each must be like.
struct mr_topic_wants {
	struct mr_topic_want items[128];
	char names[128][MR_TOPIC_NAME_MAX];
	size_t n;
};
void mr_topic_wants(const struct mr_config *, struct mr_topic_wants *);

#endif
