// Where the demo's topics live: a Kafka emulated inside this process, or a real one.
// Thread: one at a time.
#ifndef MR_CLI_DEMO_CLUSTER_H
#define MR_CLI_DEMO_CLUSTER_H

#include "config/config.h"

#include <stdio.h>

#define MR_DEMO_TOPICS_MAX 32
#define MR_DEMO_TOPIC_BYTES 250

struct mr_demo_cluster;

// The emulated cluster: librdkafka's mock, reached through a port like a real one. Lives until it
// is freed. NULL with a text.
struct mr_demo_cluster *mr_demo_cluster_new(char error[256]);
void mr_demo_cluster_free(struct mr_demo_cluster *);   // NULL: nothing
const char *mr_demo_cluster_brokers(const struct mr_demo_cluster *);
// Makes all topics that the configuration reads or writes: the emulation can't be asked for them.
bool mr_demo_cluster_topics(struct mr_demo_cluster *, const struct mr_config *, int32_t partitions, char error[256]);

// On a real cluster: the topic of the events, where it isn't there yet. The others are made by `run`.
bool mr_demo_events_topic(const struct mr_config *, int32_t partitions, char error[256]);

// The names of all topics that are written for others to read; returns how many.
size_t mr_demo_outputs(const struct mr_config *, char names[MR_DEMO_TOPICS_MAX][MR_DEMO_TOPIC_BYTES]);

#endif
