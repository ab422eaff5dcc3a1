#include "kept.h"

#define STEP 16u       // capacities are multiples of it
#define IDLE_MAX 64u   // bytes that may lie idle: texts change with each event, also to none and back

struct mr_str
mr_str_cut(struct mr_str s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
		max--;
	return (struct mr_str){s.p, max};
}

bool
mr_text_set(struct mr_mem *mem, struct mr_text *t, struct mr_str s, size_t max)
{
	struct mr_str cut = mr_str_cut(s, max);

	MR_ASSERT(max <= UINT32_MAX);
	if (cut.n > t->cap || t->cap - cut.n > IDLE_MAX) {
		uint32_t cap = (uint32_t)((cut.n + STEP - 1) / STEP * STEP);
		t->p = mr_mem_resize(mem, t->p, t->cap, cap);
		t->cap = cap;
	}
	if (cut.n)
		memmove(t->p, cut.p, cut.n);
	t->n = (uint32_t)cut.n;
	return cut.n == s.n;
}

void
mr_text_free(struct mr_mem *mem, struct mr_text *t)
{
	t->p = mr_mem_resize(mem, t->p, t->cap, 0);
	t->n = t->cap = 0;
}

void
mr_text_move(struct mr_mem *mem, struct mr_text *to, struct mr_text *from)
{
	MR_ASSERT(to != from);
	mr_text_free(mem, to);
	*to = *from;
	*from = (struct mr_text){0};
}

void
mr_text_decode(struct mr_reader *r, struct mr_mem *mem, struct mr_text *t)
{
	struct mr_str s = mr_read_str(r);

	MR_ASSERT(t->n == 0);
	(void)mr_text_set(mem, t, s, UINT32_MAX);
}

uint64_t
mr_hash64(struct mr_str s)
{
	return mr_id_head(&s, 1);
}

int64_t
mr_micros(double amount)
{
	double x = amount * 1e6;

	if (x >= 9.2e18)
		return INT64_MAX;
	if (x <= -9.2e18)
		return INT64_MIN;
	return (int64_t)(x < 0 ? x - 0.5 : x + 0.5);
}

int64_t
mr_micros_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}
