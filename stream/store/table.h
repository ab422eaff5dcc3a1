// One partition of the memory store: users by hash, their timers in order, tombstones by stamp.
// Thread: none of its own; the space's lock guards it.
#ifndef MR_STORE_TABLE_H
#define MR_STORE_TABLE_H

#include "store/store.h"

#define MR_TABLE_LEVELS 20

struct mr_table_entry {
	struct mr_table_entry *chain;      // of the hash bucket
	struct mr_table_entry *tomb_next;  // of the tombstones
	uint64_t hash;
	struct mr_str user, bytes;         // our own copies
	uint64_t stamp;
	int64_t due_ms;
	bool tombstone;
	bool timed;                        // in the timer index
	int levels;                        // of the timer index, from the hash
	struct mr_table_entry *next[];     // `levels` of them
};

struct mr_table {
	uint64_t epoch, w, seq;
	struct mr_str cluster_id, build;
	struct mr_table_entry **buckets;
	size_t n_buckets, n_users;         // buckets: a power of two
	struct mr_table_entry *tombs;
	uint64_t tomb_min;                 // at most the lowest stamp among them; UINT64_MAX: none
	struct mr_table_entry *heads[MR_TABLE_LEVELS];  // users with a timer, by (due, user)
};

struct mr_table *mr_table_new(void);
void mr_table_free(struct mr_table *);                       // NULL: nothing
struct mr_table_entry *mr_table_find(const struct mr_table *, struct mr_str user);
const struct mr_table_entry *mr_table_due(const struct mr_table *, int64_t from_ms);   // the first; NULL: none
void mr_table_put(struct mr_table *, const struct mr_page *);
void mr_table_bury(struct mr_table *, uint64_t upto);        // removes tombstones with stamp <= upto
void mr_table_str(struct mr_str *to, struct mr_str from);    // replaces by a copy (empty: frees)

#endif
