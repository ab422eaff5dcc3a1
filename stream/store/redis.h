// Inside the Redis store only: its connection and its scripts.
#ifndef MR_STORE_REDIS_H
#define MR_STORE_REDIS_H

#include "store/store.h"
#include "store/url.h"

#include <hiredis.h>

enum mr_redis_script {
	MR_REDIS_TAKE, MR_REDIS_READ, MR_REDIS_DUE, MR_REDIS_WRITE, MR_REDIS_POSITION, MR_REDIS_TEXT,
	MR_REDIS_SCRIPTS,
};
const char *mr_redis_script(enum mr_redis_script);

// Arguments of one command, built up in a buffer that is kept. Numbers and keys are copied into it,
// everything else is borrowed until the command was appended.
struct mr_redis_args {
	const char **p;
	size_t *n;
	size_t count, room;
	char *text;
	size_t used, size;
};

struct mr_redis {
	struct mr_store base;
	struct mr_store_url url;
	char *password_file;      // NULL: none
	char *app;
	int64_t timeout_ms;
	redisContext *c;          // NULL: not connected
	bool tls;
	char sha[MR_REDIS_SCRIPTS][41];
	struct mr_redis_args args;
	redisReply **replies;     // what the last call handed out points into these
	size_t n_replies, room_replies;
	// The read under way.
	bool reading;
	uint32_t read_partition;
	uint64_t read_epoch, read_w;
	const struct mr_str *read_users;
	size_t read_n;
	int64_t read_deadline;
	// The write under way.
	bool writing;
	int64_t write_deadline;
};

extern const struct mr_store_ops mr_redis_ops;

int64_t mr_redis_now_ms(void);
// Connects where need be: OK, DOWN or FATAL with a text. Every call on the connection is to be done by
// `deadline` (mr_redis_now_ms).
enum mr_store_status mr_redis_connect(struct mr_redis *, int64_t deadline);
void mr_redis_disconnect(struct mr_redis *);
// Asks the server to (re)load all scripts.
enum mr_store_status mr_redis_load(struct mr_redis *, int64_t deadline);
#if __has_include(<hiredis_ssl.h>)
#define MR_REDIS_TLS 1
bool mr_redis_tls_start(struct mr_redis *);
#endif

void mr_redis_args_reset(struct mr_redis_args *);
void mr_redis_args_add(struct mr_redis_args *, struct mr_str);        // borrowed
void mr_redis_args_number(struct mr_redis_args *, int64_t);           // decimal
void mr_redis_args_copy(struct mr_redis_args *, struct mr_str a, struct mr_str b);   // a followed by b
void mr_redis_args_free(struct mr_redis_args *);

// Queues the command that args hold. False: nothing was queued and the connection is gone.
bool mr_redis_append(struct mr_redis *);
bool mr_redis_send(struct mr_redis *, int64_t deadline);
// Whether an answer, or the end of the connection, is there: receiving takes no time then.
bool mr_redis_ready(struct mr_redis *);
// The next reply, NULL with the connection closed where none came in time. freeReplyObject it.
redisReply *mr_redis_receive(struct mr_redis *, int64_t deadline);
// What an error reply means: DOWN or FATAL, its text kept with advice.
enum mr_store_status mr_redis_refused(struct mr_redis *, const redisReply *);
// Keeps the text, returns the status.
MR_PRINTF(3, 4) enum mr_store_status mr_redis_because(struct mr_redis *, enum mr_store_status, const char *fmt, ...);
// Version, role, eviction, persistence: OK (a text is a warning), DOWN, FATAL.
enum mr_store_status mr_redis_examine(struct mr_redis *, int64_t deadline);
bool mr_redis_is_error(const redisReply *, const char *code);

// One call of a script (redis_call.c): begin, then keys, then arguments, then call.
#define MR_REDIS_EXACT (1ll << 53)   // a double counts up to here
void mr_redis_begin(struct mr_redis *, enum mr_redis_script, size_t n_keys);
// {app.partition}:tail
struct mr_str mr_redis_prefix(const struct mr_redis *, uint32_t partition, const char *tail, char *buffer, size_t size);
void mr_redis_key(struct mr_redis *, uint32_t partition, const char *tail);
void mr_redis_number(struct mr_redis *, uint64_t);
// `lost`: what it means if no answer comes (UNKNOWN for a write). The answer is kept until
// mr_redis_replies_drop; it has `elements` elements. In one go, or in two with no other call between.
enum mr_store_status mr_redis_call(struct mr_redis *, enum mr_redis_script, int64_t deadline, enum mr_store_status lost,
    size_t elements);
enum mr_store_status mr_redis_call_send(struct mr_redis *, int64_t deadline, enum mr_store_status lost);
enum mr_store_status mr_redis_call_finish(struct mr_redis *, enum mr_redis_script, int64_t deadline,
    enum mr_store_status lost, size_t elements);
enum mr_store_status mr_redis_verdict(struct mr_redis *, const redisReply *, size_t elements);
void mr_redis_reply_keep(struct mr_redis *, redisReply *);
void mr_redis_replies_drop(struct mr_redis *);

#endif
