// Replay from Kafka: a topic as it lies there, or, by the journal, just as it ran live.
#ifndef MR_RUN_REPLAY_TOPIC_H
#define MR_RUN_REPLAY_TOPIC_H

#include "kafka/conf.h"
#include "run/replay.h"

struct mr_replay_topic_conf {
	const struct mr_config *config;
	const struct mr_kafka_conf *kafka;
	const char *topic;         // events; with the journal, the configuration's inputs are read
	bool journal;
	void (*progress)(void *arg, uint64_t records);   // may be NULL
	void *arg;
};

// The topic's partition count. Below 1: an error, with its text.
int32_t mr_replay_topic_partitions(const struct mr_replay_topic_conf *, char error[256]);
// Applies all of it. False: an error, with its text.
bool mr_replay_topic(struct mr_replay *, const struct mr_replay_topic_conf *, int32_t partitions, char error[256]);

#endif
