// Scratch memory of a batch: bump allocation from blocks that are kept for the next batch.
#ifndef MR_CORE_ARENA_H
#define MR_CORE_ARENA_H

#include <millrace/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mr_arena *mr_arena_new(size_t bytes_max);
void mr_arena_free(struct mr_arena *);
void *mr_arena_raw(struct mr_arena *, size_t);   // as mr_arena_alloc, but not zeroed: for what is filled at once
void mr_arena_reset(struct mr_arena *);          // everything handed out is gone; blocks are kept
bool mr_arena_overflowed(const struct mr_arena *);  // sticky until reset
size_t mr_arena_used(const struct mr_arena *);

struct mr_arena_mark { void *block; size_t used; };
struct mr_arena_mark mr_arena_mark(const struct mr_arena *);
void mr_arena_rewind(struct mr_arena *, struct mr_arena_mark);   // frees what came after the mark

#ifdef __cplusplus
}
#endif
#endif
