// Where pages of users' records are kept: Redis, or memory. Kafka is the truth; a store holds a
// prefix of what was written to it. Every call names the epoch: only its owner gets through.
// Thread: one handle a worker; no call is thread-safe. No call blocks longer than timeout_ms.
#ifndef MR_STORE_STORE_H
#define MR_STORE_STORE_H

#include <millrace/base.h>

enum mr_store_status {
	MR_STORE_OK,
	MR_STORE_BUSY,        // a write's answer is not there yet
	MR_STORE_FENCED,      // another epoch took over: stop writing
	MR_STORE_BEHIND,      // (epoch, w) is ours but older than what was acknowledged: it went back in time
	MR_STORE_UNKNOWN,     // sent, no answer: may or may not be applied; reconnect, then mr_store_position
	MR_STORE_DOWN,        // not sent, or refused before any effect (LOADING, OOM, READONLY …): retriable
	MR_STORE_FATAL,       // wrong password, no permission, not a Redis we can use: text says what to do
};

#ifdef MR_SIM
#define MR_CHUNK_MAX 3    // few pages make several chunks
#else
#define MR_CHUNK_MAX 64
#endif

// One user's page. `stamp` is the seq that the record reflects.
// Written: all fields count. Read: the store gives `stamp` for a tombstone only (0 else): a record's
// own stamp is in its bytes, where whoever encoded it put it.
struct mr_page {
	struct mr_str user;
	struct mr_str bytes;       // empty with tombstone; otherwise a msgpack map, never empty
	uint64_t stamp;
	int64_t due_ms;            // earliest timer; INT64_MAX: none (taken from the index)
	bool tombstone;
};

// What a task keeps besides users: small, rewritten with each chunk.
struct mr_store_meta {
	uint64_t epoch;
	uint64_t w;                // number of the last chunk applied
	uint64_t seq;              // every page reflects at least this
	struct mr_str cluster_id;  // of Kafka
	struct mr_str build;       // semantics number and configuration hash, for the log
};

struct mr_due {
	struct mr_str user;
	int64_t due_ms;
};

struct mr_store;

struct mr_store_ops {
	const char *scheme;
	void (*close)(struct mr_store *);

	// Takes the task for `epoch` (> 0; higher than the one there, or the same: a restart of ours) and
	// reads its meta as the last owner left it (meta->epoch is the last owner's; go on with
	// w = meta->w); *meta is zero for a task that the store has never seen. Strings live until the
	// next call for the same handle. A higher epoch there: FENCED, and *meta says which. An unknown
	// outcome: call it again.
	enum mr_store_status (*take)(struct mr_store *, uint32_t partition, uint64_t epoch, struct mr_store_meta *meta);

	// Every call below is fenced: a higher epoch in the store, or ours with a higher w: FENCED;
	// a lower epoch, or ours with a lower w: BEHIND.

	// Fenced, pipelined read. pages[i].bytes is empty for an absent user. Bytes live until the next
	// call for the same handle. Split in two so that a worker can turn to another task meanwhile;
	// one read a handle may be under way, and no other call between the two.
	// `users` must live until read_wait. A read that fails may be sent again after a `position`.
	enum mr_store_status (*read_send)(struct mr_store *, uint32_t partition, uint64_t epoch, uint64_t w,
	    const struct mr_str *users, size_t n);
	enum mr_store_status (*read_wait)(struct mr_store *, struct mr_page *pages, size_t n);
	// Users whose earliest timer is due from `from_ms` (INT64_MIN: the beginning) to `upto_ms`, both included,
	// by (due, user), at most `max`.
	enum mr_store_status (*due)(struct mr_store *, uint32_t partition, uint64_t epoch, uint64_t w,
	    int64_t from_ms, int64_t upto_ms, struct mr_due *out, size_t max, size_t *n);

	// Applies chunk number `w` (exactly one more than the last) whole or not at all; sets meta.seq.
	// Tombstones with stamp <= meta_seq are removed in passing, a bounded number a call. n may be 0
	// (only meta.seq moves on); meta.seq never goes back. n <= MR_CHUNK_MAX.
	// Split in two so that a worker can go on meanwhile: one write a handle may be under way, and no other
	// call between the two. What the pages point to must live until write_wait gives something else than
	// BUSY, which it does only where it is not to `wait`. A send that fails leaves no write under way.
	enum mr_store_status (*write_send)(struct mr_store *, uint32_t partition, uint64_t epoch, uint64_t w,
	    const struct mr_page *pages, size_t n, uint64_t meta_seq);
	enum mr_store_status (*write_wait)(struct mr_store *, bool wait);
	// After UNKNOWN: reconnects and reads which chunk was applied last.
	enum mr_store_status (*position)(struct mr_store *, uint32_t partition, uint64_t epoch, uint64_t *w);
	enum mr_store_status (*set_cluster)(struct mr_store *, uint32_t partition, uint64_t epoch, struct mr_str cluster_id);
	enum mr_store_status (*set_build)(struct mr_store *, uint32_t partition, uint64_t epoch, struct mr_str build);
	// At start-up: connects, signs in, looks at version, persistence and eviction. OK with a text in
	// `error` is a warning to log (what may be lost, and what to set); empty: nothing to say.
	enum mr_store_status (*check)(struct mr_store *);
};

struct mr_store {
	const struct mr_store_ops *ops;
	char error[256];           // what was wrong last; no secrets
};

struct mr_store_conf {
	struct mr_str url;         // redis://[user[:password]@]host[:port][/db], unix://, rediss://, memory:
	struct mr_str password_file;
	struct mr_str app;
	int64_t timeout_ms;
};

// SIGPIPE is ignored from the first connection on, unless the process has a handler for it.
// NULL with `error` filled where the URL is wrong (configuration error); a server that is down is
// noticed at the first call.
struct mr_store *mr_store_open(const struct mr_store_conf *, char error[256]);
void mr_store_close(struct mr_store *);   // NULL: nothing
// Sends and waits.
enum mr_store_status mr_store_write(struct mr_store *, uint32_t partition, uint64_t epoch, uint64_t w,
    const struct mr_page *pages, size_t n, uint64_t meta_seq);
const char *mr_store_status_name(enum mr_store_status);
// The URL with its password replaced by "***", for logs and dumps; cut to fit, NUL-terminated.
void mr_store_url_redact(struct mr_str url, char *out, size_t size);
// The memory store keeps its pages in a space that outlives handles, so that a restart of a task in
// one process (and tests of recovery) find them. NULL: a space of the handle's own.
struct mr_store_space;
struct mr_store_space *mr_store_space_new(void);
void mr_store_space_free(struct mr_store_space *);
struct mr_store *mr_store_memory(struct mr_store_space *);

#endif
