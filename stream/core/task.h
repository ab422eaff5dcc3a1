// A stream task: one partition number of the inputs, with its users, timers and clock.
// apply(input) -> effects; nothing else has any influence.
//
// How a worker uses it, batch by batch:
//   mr_task_batch(t)                         forget the last batch
//   mr_task_decode(t, raw)                   for each record: an item that lives as long as the batch
//   mr_task_missing(...), mr_task_install()  records of users that must come from the store first
//   mr_task_apply(t, item) / mr_task_tick()  in order; effects gather
//   mr_task_effects(...)                     take them away, mr_task_effects_done()
// Thread: the worker that owns it.
#ifndef MR_CORE_TASK_H
#define MR_CORE_TASK_H

#include "core/user.h"
#include "event/decode.h"

struct mr_task;

struct mr_task_conf {
	const struct mr_plan *plan;
	int32_t partition;
	const struct mr_str *topics;  // the inputs, events first; live as long as the task
	size_t n_topics;
	int32_t partitions;           // of the input topic; 0: records are not checked against their key
	bool stored;                  // users who are not in memory may be in a store: ask before applying
};

struct mr_effect {
	uint64_t seq;
	uint32_t number;              // within the input, from 0
	enum mr_output output;
	char id[33];
	bool timer;                   // made by a timer: not urgent
	struct mr_str channel, user, body, traceparent;
	int64_t time_ms, expires_ms;
};

struct mr_item {
	const struct mr_raw_record *raw;
	bool good;
	struct mr_event event;        // time_ms not yet clamped
	struct mr_decode_error error;
	uint64_t user_hash;
};

struct mr_task *mr_task_new(const struct mr_task_conf *);
void mr_task_free(struct mr_task *);

// ---- a batch ----
void mr_task_batch(struct mr_task *);
size_t mr_task_batch_bytes(const struct mr_task *);   // decoded so far
// The raw record and its bytes must outlive the batch.
struct mr_item *mr_task_decode(struct mr_task *, const struct mr_raw_record *);
// False: this user's record must be installed before the item may be applied.
bool mr_task_knows(struct mr_task *, const struct mr_item *);
// Gives a user's page (empty: absent, so an empty record as of `stamp`). False: not decodable.
bool mr_task_install(struct mr_task *, struct mr_str user, struct mr_str page, uint64_t stamp);
bool mr_task_has_user(const struct mr_task *, struct mr_str user);

// ---- inputs ----
// The wall clock when the open transaction began; event times beyond it + time.ahead are clamped.
// INT64_MAX: nothing is (historic data).
void mr_task_bound(struct mr_task *, int64_t bound_ms);
void mr_task_apply(struct mr_task *, const struct mr_item *);
// Stream time moves to `time_ms`. With `upto` only timers up to (upto_due_ms, upto_user), inclusive,
// fire, and the clock moves to the last of them at most.
struct mr_due_bound {
	int64_t due_ms;
	struct mr_str user;
};
void mr_task_tick(struct mr_task *, int64_t time_ms, const struct mr_due_bound *upto);
// Whether the clock can't be moved to `time_ms` at once: timers of more than `max` users would fire, or
// of users who are not in memory.
bool mr_task_crowded(const struct mr_task *, int64_t time_ms, size_t max);
// Whether moving the clock there would fire a timer of those that are in memory and in order.
bool mr_task_fires(struct mr_task *, int64_t time_ms);
// A tick that fires about `max` of those. *upto is the bound with which mr_task_tick does the same again
// (its user lives until the next call).
void mr_task_tick_some(struct mr_task *, int64_t time_ms, size_t max, struct mr_due_bound *upto);
// Where the clock would be after the item.
int64_t mr_task_clock_after(const struct mr_task *, const struct mr_item *);

// ---- effects, in order, since the last mr_task_effects_done ----
const struct mr_effect *mr_task_effects(const struct mr_task *, size_t *n);
void mr_task_effects_done(struct mr_task *);
// Effects of inputs up to `seq` are computed but not kept (replay); counters count all the same.
void mr_task_quiet_until(struct mr_task *, uint64_t seq);

// ---- state ----
uint64_t mr_task_seq(const struct mr_task *);
int64_t mr_task_clock(const struct mr_task *);         // stream time; INT64_MIN before the first event
int64_t mr_task_next_due(struct mr_task *);            // earliest due of users in memory; MR_DUE_NEVER
struct mr_users *mr_task_users(struct mr_task *);
size_t mr_task_timer_users(const struct mr_task *);    // users in memory with timers
const struct mr_plan *mr_task_plan(const struct mr_task *);
const uint64_t *mr_task_counters(const struct mr_task *);
// Task state as it stands in the journal, and back into a fresh task.
void mr_task_state_encode(const struct mr_task *, struct mr_writer *);
bool mr_task_state_decode(struct mr_task *, struct mr_str);
// Digests over the bytes of inputs and effects since mr_task_digests_begin.
void mr_task_digests_begin(struct mr_task *);
void mr_task_digests(struct mr_task *, uint64_t *inputs, uint64_t *effects);
// All offered values of a user, by number, as of stream time; they live until the next input or call.
// False for an unknown user.
bool mr_task_values(struct mr_task *, struct mr_str user, struct mr_value *out);
// Encodes and decodes every record in place (tests). False: one didn't come back the same.
bool mr_task_roundtrip(struct mr_task *);

// Counts `n` inputs that are lost: nothing is known of them.
void mr_task_skip(struct mr_task *, uint64_t n);

// ---- replay after a take-over: pages may be ahead of the inputs ----
// Inputs that follow continue after `seq` (the start of a journal record).
void mr_task_resume(struct mr_task *, uint64_t seq);
// What the store has, and what is absent there, is as of `meta_seq` at least: inputs up to it only
// move the clock.
void mr_task_pages_as_of(struct mr_task *, uint64_t meta_seq);

// ---- write-behind (bookkeeping only; the worker does the I/O) ----
struct mr_held {               // an encoding on its way to the store
	struct mr_str user, page;  // page empty: a tombstone
	uint64_t stamp, first_change;
	int64_t due_ms;
	struct mr_user *record;
};
// Encodes up to `max` changed users whose first change is at or before `seq`; oldest change first.
size_t mr_task_encode(struct mr_task *, uint64_t seq, size_t max);
// The oldest held encodings not yet acknowledged whose stamp is at most `committed`: one chunk.
size_t mr_task_chunk(const struct mr_task *, uint64_t committed, const struct mr_held **out, size_t max);
void mr_task_chunk_acknowledged(struct mr_task *, size_t n);
// What meta.seq may become once the first `n` held are acknowledged; never beyond `committed`.
uint64_t mr_task_meta_seq(const struct mr_task *, uint64_t committed, size_t n);
size_t mr_task_held_bytes(const struct mr_task *);
uint64_t mr_task_first_change(const struct mr_task *);   // of the oldest unencoded change; 0: none
size_t mr_task_bytes(const struct mr_task *);            // of users and of what is held
// Frees clean records until that is at most `bytes`. True: still more (all that is left is dirty).
bool mr_task_evict(struct mr_task *, size_t bytes);
// Timers of users who are not in memory are known to be at or after this, in the order (due, user). The
// worker raises it when it has installed all users before it; eviction lowers it.
const struct mr_due_bound *mr_task_index(const struct mr_task *);
void mr_task_index_loaded(struct mr_task *, const struct mr_due_bound *);
// Whether the user, in memory, is due when the store's index says. Not so: an operator is gone, and its timers with it.
bool mr_task_index_agrees(const struct mr_task *, struct mr_str user, int64_t due_ms);
// The store's index says that the user is due then. Where he isn't (an operator is gone, and its timers
// with it), and nothing is on its way that says so, he is written again.
void mr_task_index_says(struct mr_task *, const struct mr_due_bound *);

#endif
