// The messageIds that a user's record remembers: a ring of hashes, and behind it a byte of each, so that
// an id that is new, as nearly all are, is told by those bytes alone.
#include "core/user.h"

#define XXH_INLINE_ALL // short texts: a call would cost more than the hash
#include <xxhash.h>

#define BLOCK 16u   // bytes looked at together

typedef unsigned char block __attribute__((vector_size(BLOCK)));

static size_t
tags_size(size_t cap)
{
	return (cap + BLOCK - 1) / BLOCK * BLOCK;
}

static size_t
size_of(size_t cap)
{
	return cap * sizeof(uint64_t) + tags_size(cap);
}

static unsigned char *
tags(const struct mr_user *u)
{
	return (unsigned char *)(u->seen + u->cap_seen);
}

static unsigned char
tag_of(uint64_t hash)
{
	return (unsigned char)(hash >> 56);
}

void
mr_user_seen_resize(struct mr_user *u, uint16_t cap)
{
	uint16_t was = u->cap_seen;

	MR_ASSERT(cap == 0 || cap >= was);
	u->seen = mr_mem_resize(&u->mem, u->seen, size_of(was), size_of(cap));
	if (was && cap > was)
		memmove(u->seen + cap, u->seen + was, tags_size(was));
	u->cap_seen = cap;
}

void
mr_user_seen_put(struct mr_user *u, uint16_t at, uint64_t hash)
{
	MR_ASSERT(at < u->cap_seen);
	u->seen[at] = hash;
	tags(u)[at] = tag_of(hash);
}

static bool
is_seen(const struct mr_user *u, uint64_t hash)
{
	for (uint16_t i = 0; i < u->n_seen; i = (uint16_t)(i + BLOCK)) {
		block v;
		uint64_t any[2];
		memcpy(&v, tags(u) + i, sizeof(v));
		block found = (block)(v == tag_of(hash));
		memcpy(any, &found, sizeof(any));
		if ((any[0] | any[1]) == 0)
			continue;
		for (uint16_t k = i; k < u->n_seen && k < i + BLOCK; k++)
			if (u->seen[k] == hash)
				return true;
	}
	return false;
}

bool
mr_user_seen(struct mr_users *us, struct mr_user *u, struct mr_str message_id)
{
	uint16_t keep = (uint16_t)mr_users_plan(us)->dedup_keep;

	if (keep == 0 || message_id.n == 0)
		return false;
	uint64_t h = XXH3_64bits(message_id.p, message_id.n);
	if (is_seen(u, h))
		return true;
	if (u->n_seen == u->cap_seen && u->cap_seen < keep) {
		uint16_t cap = u->cap_seen ? (uint16_t)(2 * u->cap_seen) : 4;
		size_t before = u->mem.bytes;
		mr_user_seen_resize(u, cap > keep ? keep : cap);
		mr_users_account(us, before, u->mem.bytes);
	}
	if (u->n_seen < u->cap_seen) {
		mr_user_seen_put(u, u->n_seen++, h);
	} else {
		mr_user_seen_put(u, u->next_seen, h);
		u->next_seen = (uint16_t)((u->next_seen + 1) % u->cap_seen);
	}
	return false;
}
