// A producer: transactional (one id each, two taking turns in a worker), or plain idempotent.
//
// Thread: one owner at a time, the worker's; the sink's own thread commits between commit_start and
// commit_done, when the owner may call only poll, unacked, denied and commit_done. Counters given to
// produce are changed on either thread.
// No call blocks longer than its timeout_ms; those without one never block.
#ifndef MR_KAFKA_SINK_H
#define MR_KAFKA_SINK_H

#include "kafka/conf.h"

#include <stdatomic.h>

struct mr_sink;

struct mr_sink_conf {
	const struct mr_kafka_conf *kafka;
	const char *transactional_id;      // NULL: plain idempotent producer (no begin, commit, abort)
	int64_t transaction_timeout_ms;    // 0: 10,000
	size_t queue_messages_max;         // produced and not yet acknowledged; 0: 100,000
	size_t message_bytes_max;          // 0: 1,000,000
	int wake_fd;                       // eventfd, gets 1 at commit_done and at acknowledgements; -1: none
};

// NULL with a text where the configuration is wrong; a broker that is away is noticed by init.
struct mr_sink *mr_sink_open(const struct mr_sink_conf *, char error[256]);
// Gives up what is not delivered, and blocks at most timeout_ms plus the library's way out.
void mr_sink_close(struct mr_sink *, int64_t timeout_ms);
const char *mr_sink_error(const struct mr_sink *);
const char *mr_sink_id(const struct mr_sink *);   // transactional id, or ""

// Initialises the id: fences its former owner and aborts what that left open. OK, AGAIN (call
// again: it goes on in the background), DENIED and FATAL (close; open another to try again). Plain producer: OK where a broker answers.
enum mr_kafka_status mr_sink_init(struct mr_sink *, int64_t timeout_ms);

// Opens a transaction: nothing is sent by this. OK, FENCED, FATAL.
enum mr_kafka_status mr_sink_begin(struct mr_sink *);
bool mr_sink_in_transaction(const struct mr_sink *);

// A topic's number for produce. Asks nothing of the broker. At most 64,000 topics.
uint32_t mr_sink_topic(struct mr_sink *, const char *name);

struct mr_sink_message {
	uint32_t topic;                    // mr_sink_topic
	int32_t partition;
	struct mr_str key, value;          // key.p NULL: none; value.p NULL: a null value
	const struct mr_kafka_header *headers;
	size_t n_headers;
	// true: value is not copied; its bytes must live until the message was acknowledged, or until
	// commit returned OK, or abort or close returned. Key and headers are always copied.
	bool borrowed;
	// Incremented by produce, decremented when the message was delivered or failed, on whichever
	// thread that is noticed. NULL: not counted. Must live that long.
	_Atomic uint32_t *pending;
};

// Never blocks. OK: taken over (its delivery comes later). AGAIN: the queue is full, poll and call
// again. MISSING: no such topic or partition. TOO_LARGE: over message_bytes_max. The transaction
// stays good after these. ABORTABLE, DENIED, FENCED, FATAL: as the transaction is.
enum mr_kafka_status mr_sink_produce(struct mr_sink *, const struct mr_sink_message *);

// Serves acknowledgements, without blocking; call it when wake_fd fired. Number served.
int mr_sink_poll(struct mr_sink *);
// Waits at most timeout_ms until nothing is unacknowledged. OK or AGAIN; plain producer: ABORTABLE
// where a message failed since the last call (its text in error).
enum mr_kafka_status mr_sink_flush(struct mr_sink *, int64_t timeout_ms);
// Messages taken over and neither delivered nor failed.
size_t mr_sink_unacked(const struct mr_sink *);
// Messages of this transaction that failed; above 0, the commit will not succeed.
uint64_t mr_sink_failed(const struct mr_sink *);
// The transaction has already failed: commit would say so; abort it.
bool mr_sink_broken(const struct mr_sink *);
// The topic that a write was refused for (no permission) in this transaction; NULL: none. Lives as
// long as the sink.
const char *mr_sink_denied(const struct mr_sink *);

// Flushes, sends the offsets with the group's token, commits. One call a transaction.
//   OK         committed: messages and offsets are there together.
//   ABORTABLE  not committed; call abort, then send everything again in a new transaction.
//              That may be ABORTABLE once more: after a failed message librdkafka 2.0 needs a
//              second abort for its sequence numbers.
//   DENIED     the same; mr_sink_denied says for which topic (NULL: the group or the id, see error).
//   STALE      not committed: the group's generation has moved on. Call abort; others own the rest.
//   FENCED     another producer has this id: may be committed or not (an answer that was lost, then
//              a successor), so read the journal's end as for UNKNOWN. Close this sink.
//   UNKNOWN    may be committed or not. Close this sink, init its id anew, read the journal's end.
//   FATAL      not committed. Close this sink.
// A token with a generation below 0 or without a member id is STALE before anything is sent. At
// least one position must be given (asserted): without offsets a transaction is not fenced.
// timeout_ms bounds the flush and the sending of offsets; the commit itself may take the
// transaction's time-out more.
enum mr_kafka_status mr_sink_commit(struct mr_sink *, const struct mr_kafka_position *, size_t n,
    const struct mr_group *, int64_t timeout_ms);
// The same on the sink's own thread: returns at once (arguments are copied); wake_fd fires when
// commit_done has an answer. commit_done: false while it is under way.
void mr_sink_commit_start(struct mr_sink *, const struct mr_kafka_position *, size_t n,
    const struct mr_group *, int64_t timeout_ms);
bool mr_sink_commit_done(struct mr_sink *, enum mr_kafka_status *);

// OK: nothing of it will ever be seen by read_committed, and every pending counter has been served.
// AGAIN: call again (it goes on in the background), or close. FENCED, FATAL: close; the broker aborts
// it for us.
enum mr_kafka_status mr_sink_abort(struct mr_sink *, int64_t timeout_ms);

#endif
