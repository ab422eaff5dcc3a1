#include "core/mutation.h"
#include "core/user.h"

#include <stdlib.h>

#define XXH_INLINE_ALL // short texts: a call would cost more than the hash
#include <xxhash.h>

// Open addressing with linear probing: a look-up costs one miss here and one in the record.
struct slot {
	uint64_t hash;
	struct mr_user *user;   // NULL: free
};

struct mr_users {
	const struct mr_plan *plan;
	struct slot *slots;
	size_t mask, count;
	size_t bytes;
	size_t hand;            // of the eviction clock
};

#define SLOTS_MIN 1024

uint64_t
mr_users_hash(struct mr_str id)
{
	return XXH3_64bits(id.p, id.n);
}

struct mr_users *
mr_users_new(const struct mr_plan *plan)
{
	struct mr_users *us = calloc(1, sizeof(*us));

	MR_ASSERT(us != NULL);
	us->plan = plan;
	us->mask = SLOTS_MIN - 1;
	us->slots = calloc(SLOTS_MIN, sizeof(*us->slots));
	MR_ASSERT(us->slots != NULL);
	return us;
}

static size_t
states_at(size_t id_len)
{
	return (offsetof(struct mr_user, id) + id_len + 15) & ~(size_t)15;
}

static size_t
user_size(const struct mr_users *us, size_t id_len)
{
	size_t size = states_at(id_len) + us->plan->states_size;

	return size < sizeof(struct mr_user) ? sizeof(struct mr_user) : size;
}

static void
reset_states(struct mr_users *us, struct mr_user *u)
{
	size_t before = u->mem.bytes;

	for (uint16_t i = 0; i < us->plan->n_ops; i++) {
		const struct mr_instance *inst = &us->plan->ops[i];
		if (inst->op->release)
			inst->op->release(inst->conf, mr_user_state(u, inst), &u->mem);
	}
	memset((char *)u + u->states_at, 0, us->plan->states_size);
	mr_users_account(us, before, u->mem.bytes);
}

void
mr_user_reset(struct mr_users *us, struct mr_user *u)
{
	reset_states(us, u);
	size_t before = u->mem.bytes;
	u->timers = mr_mem_resize(&u->mem, u->timers, u->cap_timers * sizeof(*u->timers), 0);
	mr_user_seen_resize(u, 0);
	u->n_timers = u->cap_timers = u->n_seen = u->next_seen = 0;
	u->due_ms = MR_DUE_NEVER;
	MR_ASSERT(u->mem.bytes == 0);
	mr_users_account(us, before, 0);
}

static void
user_free(struct mr_users *us, struct mr_user *u)
{
	mr_user_reset(us, u);
	us->bytes -= user_size(us, u->id_len);
	us->count--;
	free(u);
}

void
mr_users_free(struct mr_users *us)
{
	if (us == NULL)
		return;
	for (size_t i = 0; i <= us->mask; i++)
		if (us->slots[i].user)
			user_free(us, us->slots[i].user);
	MR_ASSERT(us->count == 0 && us->bytes == 0);
	free(us->slots);
	free(us);
}

void
mr_users_prefetch(const struct mr_users *us, uint64_t hash)
{
	__builtin_prefetch(&us->slots[hash & us->mask]);
}

struct mr_user *
mr_users_find(const struct mr_users *us, struct mr_str id, uint64_t hash)
{
	for (size_t i = hash & us->mask; us->slots[i].user; i = (i + 1) & us->mask) {
		struct mr_user *u = us->slots[i].user;
		if (us->slots[i].hash == hash && mr_str_eq(mr_user_id(u), id))
			return u;
	}
	return NULL;
}

static void
slot_put(struct mr_users *us, struct mr_user *u)
{
	size_t i = u->hash & us->mask;

	while (us->slots[i].user)
		i = (i + 1) & us->mask;
	us->slots[i] = (struct slot){u->hash, u};
}

static void
grow(struct mr_users *us)
{
	struct slot *old = us->slots;
	size_t n = us->mask + 1;

	us->mask = 2 * n - 1;
	us->hand = 0;
	us->slots = calloc(2 * n, sizeof(*us->slots));
	MR_ASSERT(us->slots != NULL);
	for (size_t i = 0; i < n; i++)
		if (old[i].user)
			slot_put(us, old[i].user);
	free(old);
}

struct mr_user *
mr_users_add(struct mr_users *us, struct mr_str id, uint64_t hash)
{
	size_t size = user_size(us, id.n);
	struct mr_user *u = calloc(1, size);

	MR_ASSERT(u != NULL);
	MR_ASSERT(id.n > 0 && id.n <= UINT16_MAX / 2);
	u->hash = hash;
	u->id_len = (uint16_t)id.n;
	u->states_at = (uint16_t)states_at(id.n);
	u->heap_pos = MR_NOT_IN_HEAP;
	u->due_ms = u->heap_due_ms = MR_DUE_NEVER;
	u->last_topic = -1;
	u->recent = true;
	memcpy(u->id, id.p, id.n);
	if (4 * (us->count + 1) > 3 * (us->mask + 1))
		grow(us);
	slot_put(us, u);
	us->count++;
	us->bytes += size;
	return u;
}

size_t
mr_users_count(const struct mr_users *us)
{
	return us->count;
}

size_t
mr_users_bytes(const struct mr_users *us)
{
	return us->bytes + (us->mask + 1) * sizeof(*us->slots);
}

void
mr_users_account(struct mr_users *us, size_t before, size_t after)
{
	us->bytes += after - before;
}

// Whether a state is all zero bytes.
static bool
all_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

bool
mr_user_empty(const struct mr_users *us, const struct mr_user *u)
{
	// Remembered messageIds too: whether a duplicate is known must not depend on evictions.
	if (u->n_timers || u->n_seen)
		return false;
	for (uint16_t i = 0; i < us->plan->n_ops; i++) {
		const struct mr_instance *inst = &us->plan->ops[i];
		const void *state = mr_user_state(u, inst);
		bool empty = inst->op->empty ? inst->op->empty(inst->conf, state)
		    : all_zero(state, inst->op->state_size ? inst->op->state_size(inst->conf) : 0);
		if (!empty)
			return false;
	}
	return true;
}

void
mr_user_clear_if_empty(struct mr_users *us, struct mr_user *u)
{
	if (!mr_user_empty(us, u))
		return;
	reset_states(us, u);
	u->n_seen = u->next_seen = 0;
	u->timer_number = 0;
	u->last_topic = -1;
	u->last_offset = 0;
}

// Closes the hole that a removed slot leaves, so that probing needs no tombstones.
static void
slot_remove(struct mr_users *us, size_t hole)
{
	for (size_t i = (hole + 1) & us->mask; us->slots[i].user; i = (i + 1) & us->mask) {
		size_t home = us->slots[i].hash & us->mask;
		if (((i - home) & us->mask) >= ((i - hole) & us->mask)) {
			us->slots[hole] = us->slots[i];
			hole = i;
		}
	}
	us->slots[hole].user = NULL;
}

void
mr_users_evict(struct mr_users *us, size_t bytes_max, void (*gone)(void *, struct mr_user *), void *arg)
{
	size_t slots = 2 * (us->mask + 1);   // two rounds: the first takes away second chances

	while (mr_users_bytes(us) > bytes_max && slots > 0) {
		struct mr_user *u = us->slots[us->hand].user;
		if (u == NULL || u->recent || u->first_change || (u->held && !MR_MUTATION(EVICT_HELD))) {
			if (u)
				u->recent = false;
			us->hand = (us->hand + 1) & us->mask;
			slots--;
			continue;
		}
		gone(arg, u);
		MR_ASSERT(u->heap_pos == MR_NOT_IN_HEAP);
		slot_remove(us, us->hand);   // the hand looks at what moved into the hole
		user_free(us, u);
	}
}

void
mr_users_each(const struct mr_users *us, void (*visit)(void *, struct mr_user *), void *arg)
{
	for (size_t i = 0; i <= us->mask; i++)
		if (us->slots[i].user)
			visit(arg, us->slots[i].user);
}

const struct mr_plan *
mr_users_plan(const struct mr_users *us)
{
	return us->plan;
}
