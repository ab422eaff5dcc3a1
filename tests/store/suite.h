// One suite for every implementation of the store: what each must do alike.
#ifndef MR_TESTS_STORE_SUITE_H
#define MR_TESTS_STORE_SUITE_H

#include "store/store.h"

// A second handle sees what the first wrote: another instance, or the same one restarted.
struct backend {
	struct mr_store *(*open)(struct backend *);
	void *state;
};

#define STORE_SUITE(X) \
	X(new_task_is_zero) X(write_then_read) X(meta_survives_handles) X(higher_epoch_fences) \
	X(lower_epoch_is_refused) X(same_epoch_is_a_restart) X(chunk_must_be_next) X(read_is_fenced) \
	X(store_behind_is_noticed) X(due_in_order) X(due_bounded_and_moved) X(ten_thousand_due) \
	X(tombstones_go_when_passed) X(tombstone_then_alive) X(odd_user_ids) X(empty_chunk_moves_meta) \
	X(meta_seq_never_back) X(partitions_are_apart) X(large_batch) X(full_chunk_is_whole) X(last_of_a_repeated_user)

#define STORE_DECLARE(name) void store_suite_##name(struct backend *);
STORE_SUITE(STORE_DECLARE)

struct mr_page page_of(const char *user, const char *bytes, uint64_t stamp, int64_t due_ms);
struct mr_page tomb_of(const char *user, uint64_t stamp);

#endif
