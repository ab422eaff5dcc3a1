// Journal records come back as they were; damaged ones are refused.
#include "core/arena.h"
#include "core/journal.h"

#include <criterion/criterion.h>

static const struct mr_journal_input inputs[] = {
	{.kind = MR_JOURNAL_RANGE, .topic = 1, .from = 5, .to = 9, .count = 3},
	{.kind = MR_JOURNAL_TICK, .time_ms = 1772359200000},
	{.kind = MR_JOURNAL_TICK, .time_ms = -5, .bounded = true, .due_ms = -7, .user = {"u\0x", 3}},
	{.kind = MR_JOURNAL_GAP, .topic = 0, .from = 10, .to = 20},
};

static const struct mr_journal_record sample = {
	.epoch = 7,
	.first_seq = 100,
	.last_seq = 105,
	.bound_ms = 1772359200123,
	.inputs = inputs,
	.n_inputs = 4,
	.positions = {20, 9},
	.n_positions = 2,
	.state = {"state", 5},
	.input_digest = UINT64_MAX,
	.effect_digest = 1,
	.ids = {{"shop-a", 6}, {"shop-b", 6}},
	.partitions = 4,
};

static void
assert_input(const struct mr_journal_input *a, const struct mr_journal_input *b)
{
	cr_assert_eq(a->kind, b->kind);
	cr_assert_eq(a->topic, b->topic);
	cr_assert_eq(a->from, b->from);
	cr_assert_eq(a->to, b->to);
	cr_assert_eq(a->count, b->count);
	cr_assert_eq(a->time_ms, b->time_ms);
	cr_assert_eq(a->bounded, b->bounded);
	cr_assert_eq(a->due_ms, b->due_ms);
	cr_assert(mr_str_eq(a->user, b->user));
}

Test(journal, comes_back_as_it_was)
{
	struct mr_arena *arena = mr_arena_new(1 << 20);
	struct mr_journal_record back;
	struct mr_writer w;

	mr_writer_init(&w, MR_MSGPACK);
	mr_journal_encode(&sample, &w);
	cr_assert(mr_journal_decode(mr_writer_str(&w), arena, &back));
	cr_assert_eq(back.epoch, sample.epoch);
	cr_assert_eq(back.first_seq, sample.first_seq);
	cr_assert_eq(back.last_seq, sample.last_seq);
	cr_assert_eq(back.bound_ms, sample.bound_ms);
	cr_assert_eq(back.n_inputs, sample.n_inputs);
	for (uint32_t i = 0; i < sample.n_inputs; i++)
		assert_input(&sample.inputs[i], &back.inputs[i]);
	cr_assert_eq(back.n_positions, 2);
	cr_assert_eq(back.positions[1], 9);
	cr_assert(mr_str_eq(back.state, sample.state));
	cr_assert_eq(back.input_digest, sample.input_digest);
	cr_assert(mr_str_eq(back.ids[1], sample.ids[1]));
	cr_assert_eq(back.partitions, 4);
	mr_writer_free(&w);
	mr_arena_free(arena);
}

Test(journal, a_cut_record_is_refused)
{
	struct mr_arena *arena = mr_arena_new(1 << 20);
	struct mr_journal_record back;
	struct mr_writer w;

	mr_writer_init(&w, MR_MSGPACK);
	mr_journal_encode(&sample, &w);
	for (size_t n = 0; n < w.n; n++)
		cr_assert_not(mr_journal_decode((struct mr_str){w.p, n}, arena, &back), "cut at %zu", n);
	mr_writer_free(&w);
	mr_arena_free(arena);
}

Test(journal, nonsense_is_refused)
{
	struct mr_arena *arena = mr_arena_new(1 << 20);
	const struct mr_journal_input backwards = {.kind = MR_JOURNAL_RANGE, .from = 9, .to = 5};
	const struct mr_journal_input crowded = {.kind = MR_JOURNAL_RANGE, .from = 5, .to = 9, .count = 5};
	struct mr_journal_record r = sample, back;
	struct mr_writer w;

	mr_writer_init(&w, MR_MSGPACK);
	r.inputs = &backwards;
	r.n_inputs = 1;
	mr_journal_encode(&r, &w);
	cr_assert_not(mr_journal_decode(mr_writer_str(&w), arena, &back), "a range that ends before it begins");
	mr_writer_reset(&w);
	r.inputs = &crowded;
	mr_journal_encode(&r, &w);
	cr_assert_not(mr_journal_decode(mr_writer_str(&w), arena, &back), "more records than offsets");
	mr_writer_free(&w);
	mr_arena_free(arena);
}
