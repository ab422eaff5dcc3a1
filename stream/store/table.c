#include "store/table.h"

#include <stdlib.h>

#include <xxhash.h>

static void *
must(void *p)
{
	MR_ASSERT(p != NULL);
	return p;
}

void
mr_table_str(struct mr_str *to, struct mr_str from)
{
	char *p = NULL;

	if (from.n) {
		p = must(malloc(from.n));
		memcpy(p, from.p, from.n);
	}
	free((void *)(uintptr_t)to->p);
	*to = (struct mr_str){p, from.n};
}

// ---- timer index: a skip list, its levels taken from the user's hash

static int
due_cmp(const struct mr_table_entry *e, int64_t due_ms, struct mr_str user)
{
	if (e->due_ms != due_ms)
		return e->due_ms < due_ms ? -1 : 1;
	return mr_str_cmp(e->user, user);
}

// The links that point at or past (due, user), one a level.
static void
due_find(struct mr_table *pt, int64_t due_ms, struct mr_str user, struct mr_table_entry **links[MR_TABLE_LEVELS])
{
	struct mr_table_entry *before = NULL;

	for (int l = MR_TABLE_LEVELS - 1; l >= 0; l--) {
		struct mr_table_entry **link = before ? &before->next[l] : &pt->heads[l];
		while (*link && due_cmp(*link, due_ms, user) < 0) {
			before = *link;
			link = &before->next[l];
		}
		links[l] = link;
	}
}

static void
due_set(struct mr_table *pt, struct mr_table_entry *e, int64_t due_ms)
{
	struct mr_table_entry **links[MR_TABLE_LEVELS];

	if (e->timed) {
		due_find(pt, e->due_ms, e->user, links);
		for (int l = 0; l < e->levels; l++) {
			MR_ASSERT(*links[l] == e);
			*links[l] = e->next[l];
		}
	}
	e->due_ms = due_ms;
	e->timed = due_ms != INT64_MAX;
	if (!e->timed)
		return;
	due_find(pt, due_ms, e->user, links);
	for (int l = 0; l < e->levels; l++) {
		e->next[l] = *links[l];
		*links[l] = e;
	}
}

const struct mr_table_entry *
mr_table_due(const struct mr_table *pt, int64_t from_ms)
{
	struct mr_table_entry *const *next = pt->heads;

	for (int l = MR_TABLE_LEVELS - 1; l >= 0; l--)
		while (next[l] && next[l]->due_ms < from_ms)
			next = next[l]->next;
	return next[0];
}

// ---- users

static struct mr_table_entry **
user_link(const struct mr_table *pt, struct mr_str user, uint64_t hash)
{
	struct mr_table_entry **link = &pt->buckets[hash & (pt->n_buckets - 1)];

	while (*link && !((*link)->hash == hash && mr_str_eq((*link)->user, user)))
		link = &(*link)->chain;
	return link;
}

static void
users_grow(struct mr_table *pt)
{
	size_t n = pt->n_buckets * 2;
	struct mr_table_entry **buckets = must(calloc(n, sizeof(struct mr_table_entry *)));

	for (size_t i = 0; i < pt->n_buckets; i++)
		for (struct mr_table_entry *e = pt->buckets[i], *chain; e; e = chain) {
			chain = e->chain;
			e->chain = buckets[e->hash & (n - 1)];
			buckets[e->hash & (n - 1)] = e;
		}
	free(pt->buckets);
	pt->buckets = buckets;
	pt->n_buckets = n;
}

struct mr_table_entry *
mr_table_find(const struct mr_table *pt, struct mr_str user)
{
	return *user_link(pt, user, XXH3_64bits(user.p, user.n));
}

static struct mr_table_entry *
user_make(struct mr_table *pt, struct mr_str user)
{
	uint64_t hash = XXH3_64bits(user.p, user.n);
	struct mr_table_entry **link = user_link(pt, user, hash);

	if (*link)
		return *link;
	int levels = 1 + __builtin_ctzll(hash >> 20 | 1ull << (MR_TABLE_LEVELS - 1));
	struct mr_table_entry *e = must(calloc(1, sizeof(*e) + (size_t)levels * sizeof(e->next[0])));
	e->levels = levels;
	e->hash = hash;
	e->due_ms = INT64_MAX;
	mr_table_str(&e->user, user);
	*link = e;
	if (++pt->n_users > pt->n_buckets)
		users_grow(pt);
	return e;
}

static void
entry_free(struct mr_table_entry *e)
{
	mr_table_str(&e->user, (struct mr_str){0});
	mr_table_str(&e->bytes, (struct mr_str){0});
	free(e);
}

static void
user_drop(struct mr_table *pt, struct mr_table_entry *e)
{
	struct mr_table_entry **link = user_link(pt, e->user, e->hash);

	MR_ASSERT(*link == e);
	due_set(pt, e, INT64_MAX);
	*link = e->chain;
	pt->n_users--;
	entry_free(e);
}

void
mr_table_bury(struct mr_table *pt, uint64_t upto)
{
	if (pt->tomb_min > upto)
		return;
	pt->tomb_min = UINT64_MAX;
	for (struct mr_table_entry **link = &pt->tombs, *e; (e = *link) != NULL;) {
		bool gone = e->tombstone && e->stamp <= upto;
		if (e->tombstone && !gone) {
			if (e->stamp < pt->tomb_min)
				pt->tomb_min = e->stamp;
			link = &e->tomb_next;
			continue;
		}
		*link = e->tomb_next;
		e->tomb_next = NULL;
		if (gone)
			user_drop(pt, e);
	}
}

void
mr_table_put(struct mr_table *pt, const struct mr_page *page)
{
	MR_ASSERT(page->tombstone ? page->bytes.n == 0 && page->due_ms == INT64_MAX : page->bytes.n > 0);
	struct mr_table_entry *e = user_make(pt, page->user);
	bool listed = e->tombstone;

	mr_table_str(&e->bytes, page->bytes);
	e->stamp = page->stamp;
	due_set(pt, e, page->due_ms);
	e->tombstone = page->tombstone;
	if (e->tombstone) {
		if (!listed) {
			e->tomb_next = pt->tombs;
			pt->tombs = e;
		}
		if (e->stamp < pt->tomb_min)
			pt->tomb_min = e->stamp;
	} else if (listed) { // alive again: off the list now, so that nobody is on it twice
		struct mr_table_entry **link = &pt->tombs;
		while (*link != e)
			link = &(*link)->tomb_next;
		*link = e->tomb_next;
		e->tomb_next = NULL;
	}
}

struct mr_table *
mr_table_new(void)
{
	struct mr_table *pt = must(calloc(1, sizeof(*pt)));

	pt->n_buckets = 64;
	pt->buckets = must(calloc(pt->n_buckets, sizeof(struct mr_table_entry *)));
	pt->tomb_min = UINT64_MAX;
	return pt;
}

void
mr_table_free(struct mr_table *pt)
{
	if (pt == NULL)
		return;
	for (size_t i = 0; i < pt->n_buckets; i++)
		for (struct mr_table_entry *e = pt->buckets[i], *chain; e; e = chain) {
			chain = e->chain;
			entry_free(e);
		}
	free(pt->buckets);
	mr_table_str(&pt->cluster_id, (struct mr_str){0});
	mr_table_str(&pt->build, (struct mr_str){0});
	free(pt);
}
