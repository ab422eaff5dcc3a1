// What a process makes sure of before it joins its group: the topics are there and fit, what earlier runs
// left fits them, and its configuration is kept for a successor.
#ifndef MR_RUN_STARTUP_H
#define MR_RUN_STARTUP_H

#include "config/config.h"
#include "kafka/conf.h"

struct mr_startup {
	const struct mr_config *config;
	const struct mr_kafka_conf *kafka;   // its log is told what is found
	const char *app, *journal, *config_topic;
	const char *const *inputs;           // names of topics, events first
	size_t n_inputs;
	bool (*stopping)(const void *arg);   // asked while brokers are waited for
	const void *arg;
};

struct mr_startup_found {
	int32_t partitions;
	char cluster_id[64];                 // empty where the brokers tell none
	int64_t journal_idle_ms;
};

// Waits for brokers that are away. False where the process must not run: what is wrong has been said.
bool mr_startup_check(const struct mr_startup *, struct mr_startup_found *);

#endif
