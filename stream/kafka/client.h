// Inside stream/kafka only: what every client handle has.
#ifndef MR_KAFKA_CLIENT_H
#define MR_KAFKA_CLIENT_H

#include "kafka/conf.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#define MR_KAFKA_ERROR 512

struct mr_kafka_client {
	const struct mr_kafka_conf *conf;
	rd_kafka_t *rk;
	void *owner;                   // whose callbacks these are
	// Each line of the library's log, on any thread: some facts are told nowhere else. NULL: none.
	void (*on_line)(struct mr_kafka_client *, const char *fac, const char *text);
	pthread_mutex_t lock;          // guards `problem`
	char problem[MR_KAFKA_ERROR];  // what the library complained of last
	_Atomic int problem_code;      // its rd_kafka_resp_err_t; 0: none
	_Atomic int fatal_code;
	_Atomic int64_t away_ms;       // monotonic: when a broker was last found to be away; 0: never
};

struct mr_kafka_setting { const char *name, *value; };

// Defaults of ours, then the configuration's properties, then what must be so. NULL with a text.
rd_kafka_conf_t *mr_kafka_conf_make(const struct mr_kafka_conf *, const struct mr_kafka_setting *defaults,
    const struct mr_kafka_setting *musts, char error[256]);
// Sets one more; false with a text.
bool mr_kafka_conf_set(rd_kafka_conf_t *, const char *name, const char *value, char error[256]);
// Takes the conf (also where it fails). The client must not move afterwards.
bool mr_kafka_client_open(struct mr_kafka_client *, const struct mr_kafka_conf *, void *owner,
    rd_kafka_type_t, rd_kafka_conf_t *, char error[256]);
void mr_kafka_client_close(struct mr_kafka_client *, int destroy_flags);
// The last complaint, taken: returns its code (0: none since the last call) and fills text.
rd_kafka_resp_err_t mr_kafka_client_problem(struct mr_kafka_client *, char *text, size_t size);
MR_PRINTF(3, 4) void mr_kafka_log(const struct mr_kafka_conf *, int level, const char *fmt, ...);

// What an error code means for a call that asks (no transaction).
enum mr_kafka_status mr_kafka_status_of(rd_kafka_resp_err_t);
// Adds which permission is missing, where one is.
void mr_kafka_explain(char *out, size_t size, rd_kafka_resp_err_t, const char *what, const char *detail);

void mr_kafka_record_of(const rd_kafka_message_t *, const char *topic, struct mr_kafka_record *);
int64_t mr_kafka_now_ms(void);   // monotonic

#endif
