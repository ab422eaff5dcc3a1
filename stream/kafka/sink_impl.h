// Inside the sink only: its state, and what its two files tell each other.
#ifndef MR_KAFKA_SINK_IMPL_H
#define MR_KAFKA_SINK_IMPL_H

#include "kafka/client.h"
#include "kafka/sink.h"

enum job_state { JOB_NONE, JOB_ASKED, JOB_RUNNING, JOB_DONE, JOB_QUIT };

struct job {
	enum job_state state;
	rd_kafka_topic_partition_list_t *offsets;
	struct mr_group group;
	int64_t timeout_ms;
	enum mr_kafka_status status;
};

struct mr_sink {
	struct mr_kafka_client client;
	struct mr_sink_conf conf;         // for mr_sink_renew; its id is `id`
	char *id;
	int wake_fd;
	rd_kafka_queue_t *main_queue;
	rd_kafka_topic_t **topics;
	uint32_t n_topics, room_topics;
	bool in_transaction;
	int transaction_timeout_ms;
	char error[MR_KAFKA_ERROR];
	_Atomic size_t unacked;
	_Atomic uint64_t failed;
	_Atomic int failed_code;          // of the first message that failed
	_Atomic bool broken;              // the transaction has failed in the library's eyes
	pthread_mutex_t denied_lock;      // guards `denied`
	char denied[256];                 // topic; empty: none
	_Atomic bool is_denied;
	bool has_thread;
	pthread_t thread;
	pthread_mutex_t job_lock;         // guards `job`
	pthread_cond_t job_cond;
	struct job job;
};

void mr_sink_wake(const struct mr_sink *);
// Ends the committing thread, when what it does is done.
void mr_sink_thread_end(struct mr_sink *);
// A producer of the same id in the place of one that is of no more use; what it had under way is given up.
// AGAIN: call again.
enum mr_kafka_status mr_sink_renew(struct mr_sink *, int64_t timeout_ms);
// What an error means. Destroys it; its text is kept in s->error, with advice.
enum mr_kafka_status mr_sink_judge(struct mr_sink *, const char *what, rd_kafka_error_t *);

#endif
