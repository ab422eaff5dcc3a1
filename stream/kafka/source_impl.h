// Inside the source only: its state, and what its files tell each other.
#ifndef MR_KAFKA_SOURCE_IMPL_H
#define MR_KAFKA_SOURCE_IMPL_H

#include "kafka/client.h"
#include "kafka/source.h"

#define MR_SOURCE_TOPICS 8

// One partition of one topic of a task, with its own queue.
struct mr_source_part {
	rd_kafka_queue_t *queue;
	int64_t next;                    // offset after what was handed over
	rd_kafka_message_t **messages;   // of the batch that is out; `room` of them
	struct mr_kafka_record *records;
	size_t n, room;
	bool out;                        // a batch is out
	size_t peak;                     // records that waited at most, since fetching was last prodded
	int64_t bytes, counted;          // of what was handed over, for a mean size
	char error[MR_KAFKA_ERROR];
	// Guarded by the source's lock: the answer to the last question for the end.
	bool answered;
	int64_t end, end_asked_ms;
};

struct mr_source_task {
	struct mr_source *source;
	struct mr_source_task *later;    // list of tasks; guarded by the source's lock
	int32_t number;
	uint64_t epoch;
	int wake_fd;
	bool paused;
	bool asking;                     // a question is open; guarded by the lock
	bool prodding;                   // likewise: fetching is to be prodded
	int64_t ask_ms;
	struct mr_source_part parts[MR_SOURCE_TOPICS];
};

struct mr_source {
	struct mr_source_conf conf;
	char *group;
	char *topic_names[MR_SOURCE_TOPICS];
	size_t n_topics;
	int64_t fetched_bytes_max;
	bool is_static;
	int32_t *numbers;                            // assigned; NULL: nothing is
	size_t n_numbers;
	int64_t rejoined_ms;                         // monotonic
	pthread_rwlock_t seat;                       // workers ask the member under it; it is replaced under it
	struct mr_kafka_client member, fetcher;
	rd_kafka_topic_t *topics[MR_SOURCE_TOPICS];  // of the fetcher
	_Atomic uint64_t epoch;
	char error[MR_KAFKA_ERROR];
	pthread_mutex_t lock;
	struct mr_source_task *tasks;
	pthread_t asker;                 // asks for ends
	pthread_cond_t asked;
	bool ending;
};

void mr_source_asker_start(struct mr_source *);
void mr_source_asker_end(struct mr_source *);

#endif
