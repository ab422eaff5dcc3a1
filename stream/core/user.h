// One user's record in memory, and the cache of them that a task owns.
// Thread: the task's worker.
#ifndef MR_CORE_USER_H
#define MR_CORE_USER_H

#include <millrace/plan.h>

#define MR_DUE_NEVER INT64_MAX
#define MR_NOT_IN_HEAP UINT32_MAX

struct mr_user_timer {
	int64_t due_ms;
	uint64_t key;
	uint32_t number;      // rises with each set: the order of timers that are due together
	uint16_t op;
};

// One allocation: this header, the id's bytes, the operators' states.
struct mr_user {
	uint64_t hash;
	uint64_t stamp;            // seq of the last input that changed the record
	uint64_t ahead_until;      // its page had all inputs up to this seq: they are not applied again
	uint64_t first_change;     // seq of the first change since its last encoding; 0: clean
	struct mr_user *next_dirty;
	struct mr_mem mem;         // what states, timers and remembered ids take beyond this block
	struct mr_user_timer *timers;
	uint64_t *seen;            // ring of messageId hashes (seen.c)
	int64_t last_offset;       // of the last record applied
	int64_t due_ms;            // the earliest of `timers`; MR_DUE_NEVER: none
	int64_t heap_due_ms;       // at most that
	uint32_t heap_pos;
	uint32_t timer_number;
	uint16_t n_timers, cap_timers;
	uint16_t n_seen, next_seen, cap_seen;
	uint16_t held;             // encodings not yet acknowledged
	uint16_t n_derived;        // events derived for the user by the present input
	int16_t last_topic;        // index of the task's topics; -1: no record yet
	bool recent;               // second chance of the eviction clock
	uint16_t id_len;
	uint16_t states_at;        // from the record's beginning
	char id[];
};

struct mr_users;

struct mr_users *mr_users_new(const struct mr_plan *);
void mr_users_free(struct mr_users *);
uint64_t mr_users_hash(struct mr_str id);
struct mr_user *mr_users_find(const struct mr_users *, struct mr_str id, uint64_t hash);
// A new, empty record. The id must not be there yet.
struct mr_user *mr_users_add(struct mr_users *, struct mr_str id, uint64_t hash);
void mr_users_prefetch(const struct mr_users *, uint64_t hash);
const struct mr_plan *mr_users_plan(const struct mr_users *);
size_t mr_users_count(const struct mr_users *);
size_t mr_users_bytes(const struct mr_users *);     // all that the records take
void mr_users_account(struct mr_users *, size_t before, size_t after);  // of one user's mem.bytes

static inline void *
mr_user_state(const struct mr_user *u, const struct mr_instance *i)
{
	return (char *)(uintptr_t)u + u->states_at + i->state_offset;
}

static inline struct mr_str
mr_user_id(const struct mr_user *u)
{
	return (struct mr_str){u->id, u->id_len};
}
void mr_user_reset(struct mr_users *, struct mr_user *);   // states, timers, messageIds: as of a new user
bool mr_user_empty(const struct mr_users *, const struct mr_user *);
// What is remembered of a user (messageIds, the last record, what operators hold that is not worth
// keeping) goes when all else has gone: the store keeps nothing of an empty record, so memory must not
// either, or an eviction would show.
void mr_user_clear_if_empty(struct mr_users *, struct mr_user *);

// Whether `id` was seen among the last plan->dedup_keep messageIds of the user; remembers it if not.
bool mr_user_seen(struct mr_users *, struct mr_user *, struct mr_str message_id);
void mr_user_seen_resize(struct mr_user *, uint16_t cap);   // more, or 0
void mr_user_seen_put(struct mr_user *, uint16_t at, uint64_t hash);

// Evicts clean records until at most `bytes_max` are taken or nothing clean is left. `gone` is told
// of each one before it goes (its timers leave the heap).
void mr_users_evict(struct mr_users *, size_t bytes_max, void (*gone)(void *arg, struct mr_user *), void *arg);
// Visits every record, in no particular order.
void mr_users_each(const struct mr_users *, void (*visit)(void *arg, struct mr_user *), void *arg);

// The page: a msgpack map of operator name to its array, and "" to what the core keeps.
void mr_page_encode(const struct mr_users *, const struct mr_user *, const struct mr_str *topics, struct mr_writer *);
// Fills a new record. False: not decodable.
bool mr_page_decode(struct mr_users *, struct mr_user *, struct mr_str page, const struct mr_str *topics, size_t n_topics);

#endif
