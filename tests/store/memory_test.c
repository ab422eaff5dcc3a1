#include "suite.h"

#include <criterion/criterion.h>

static struct mr_store *
open_memory(struct backend *b)
{
	struct mr_store *st = mr_store_memory(b->state);

	cr_assert_eq(st->ops->check(st), MR_STORE_OK);
	cr_assert_eq(st->error[0], '\0');
	return st;
}

#define T(name) \
	Test(memory, name) \
	{ \
		struct mr_store_space *space = mr_store_space_new(); \
		struct backend b = {open_memory, space}; \
		store_suite_##name(&b); \
		mr_store_space_free(space); \
	}
STORE_SUITE(T)

Test(memory, a_handle_may_have_its_own_space)
{
	struct mr_store *a = mr_store_memory(NULL), *b = mr_store_memory(NULL);
	struct mr_store_meta meta;

	cr_assert_eq(a->ops->take(a, 0, 5, &meta), MR_STORE_OK);
	cr_assert_eq(b->ops->take(b, 0, 1, &meta), MR_STORE_OK);
	mr_store_close(a);
	mr_store_close(b);
	mr_store_close(NULL);
	mr_store_space_free(NULL);
}
