// Writes keyed records to one topic, as the shop's own servers would: idempotent, acknowledged by
// all replicas, placed by the murmur2 hash of the key. For `generate` and the demo, not for actions.
// Thread: one at a time.
#ifndef MR_CLI_PRODUCE_H
#define MR_CLI_PRODUCE_H

#include <millrace/base.h>

struct mr_produce;

struct mr_produce_conf {
	const char *brokers, *topic;
	const char *const *properties;   // "name=value", librdkafka's
	size_t n_properties;
};

// NULL with a text in `error` where a property is wrong, no broker answers, or there is no such topic.
struct mr_produce *mr_produce_open(const struct mr_produce_conf *, char error[512]);
// Copies key and value. Waits while the queue is full. False once a record could not be delivered,
// then mr_produce_error says why.
bool mr_produce_send(struct mr_produce *, struct mr_str key, struct mr_str value);
const char *mr_produce_error(const struct mr_produce *);
// Waits for what is under way, and frees. False where something was not delivered (text in `error`).
bool mr_produce_close(struct mr_produce *, char error[512]);

#endif
