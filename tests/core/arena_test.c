#include "core/arena.h"

#include <criterion/criterion.h>

Test(arena, hands_out_zeroed_aligned_memory)
{
	struct mr_arena *a = mr_arena_new(1 << 20);

	for (size_t round = 0; round < 3; round++) {
		for (size_t size = 1; size < 3000; size += 7) {
			unsigned char *p = mr_arena_alloc(a, size);
			cr_assert_eq((uintptr_t)p % 16, 0);
			for (size_t i = 0; i < size; i++)
				cr_assert_eq(p[i], 0);
			memset(p, 0xff, size);
		}
		mr_arena_reset(a);
	}
	mr_arena_free(a);
}

Test(arena, the_bound_is_sticky_and_harmless)
{
	struct mr_arena *a = mr_arena_new(1 << 20);
	char *kept[64];

	for (int i = 0; i < 64; i++) {
		kept[i] = mr_arena_alloc(a, 100000);
		memset(kept[i], i, 100000);
	}
	cr_assert(mr_arena_overflowed(a));
	mr_arena_alloc(a, 10);
	cr_assert(mr_arena_overflowed(a), "until the reset");
	cr_assert_leq(mr_arena_used(a), 1 << 20);
	mr_arena_reset(a);
	cr_assert_not(mr_arena_overflowed(a));
	mr_arena_free(a);
}

Test(arena, a_rewind_frees_what_came_after)
{
	struct mr_arena *a = mr_arena_new(1 << 20);

	mr_arena_alloc(a, 100);
	size_t used = mr_arena_used(a);
	struct mr_arena_mark mark = mr_arena_mark(a);
	mr_arena_alloc(a, 300000);
	mr_arena_rewind(a, mark);
	cr_assert_eq(mr_arena_used(a), used);
	mr_arena_free(a);
}
