// Configurations in Kafka (topic <app>.config, one partition), by hash: so that a successor can replay
// under the one that was in force. What is kept is the normalised text, secrets redacted, and the
// files that it names.
#ifndef MR_RUN_CONFIG_TOPIC_H
#define MR_RUN_CONFIG_TOPIC_H

#include "config/config.h"
#include "kafka/conf.h"

// Appends the configuration where the topic's last record is another one. False, with a text that says
// what follows, where there is no such topic or it can't be written.
bool mr_config_topic_publish(const struct mr_kafka_conf *, const char *topic, const struct mr_config *, char error[256]);
// The configuration with that hash (mr_config_free); NULL where it is not there, or this build or
// machine makes another hash of it. `topic` may be NULL. False: it can't be read now.
bool mr_config_topic_fetch(const struct mr_kafka_conf *, const char *topic, const char *hash, struct mr_config **);

#endif
