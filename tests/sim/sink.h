// The inside of the simulated producer, shared by sink.c (messages) and commit.c.
#ifndef MR_TESTS_SIM_SINK_H
#define MR_TESTS_SIM_SINK_H

#include "sim.h"

#include "kafka/sink.h"

#define QUEUES (TOPICS_MAX * PARTITIONS)

struct message {
	struct message *next;
	struct mr_str key, value, id;
	_Atomic uint32_t *pending;
	bool done;
};

struct queue {
	struct mr_sink *sink;
	struct part *part;
	struct topic *topic;
	struct message *first, *last;
	bool served;
};

enum stage { JOB_NONE, JOB_OFFSETS, JOB_FLUSH, JOB_END, JOB_ANSWER, JOB_DONE };

struct mr_sink {
	struct proc *proc;
	struct txn_id *id;
	int32_t epoch;
	int number, wake_fd;          // number: the first or second of its worker
	size_t max;
	bool in_transaction, broken, fenced, closed, odd;
	char denied[64], error[256];
	const char *topics[TOPICS_MAX];
	uint32_t n_topics;
	struct queue queues[QUEUES];
	int n_queues;
	struct message *on_the_way[4096];
	size_t unacked, n_on_the_way;
	uint64_t failed;
	int64_t wire_for_us;
	int wire;                     // requests that were on the wire when its process was struck
	enum stage stage;
	uint64_t job;                 // a number each: events of an older one are nothing
	enum mr_kafka_status status;
	struct mr_kafka_position positions[16];
	size_t n_positions;
	struct mr_group group;
	int64_t deadline_us;
};

int64_t sink_trip_us(const struct mr_sink *);
// Whether a request leaves now. False: *again_us says when to look again, 0 never.
bool sink_leaves(struct mr_sink *, int64_t *again_us);
void sink_purge(struct mr_sink *);   // whatever is not acknowledged has failed

#endif
