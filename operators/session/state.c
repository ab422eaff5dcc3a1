// The sessions of a user's record: memory, stored form.
#include "session.h"

#define FIELDS 24     // of a session's array, version 1
#define TEXT_MAX 4096 // of the parameter `text`

// Room for one more stays where one went, so that sessions that follow each other allocate nothing; nothing
// stays with the last.
static void
list_resize(struct mr_mem *mem, struct session_state *st, size_t n)
{
	size_t size = sizeof(*st->list), cap = st->cap;

	if (n > 0 && n <= cap && cap <= n + 1)
		return;
	st->cap = (uint8_t)(n > 0 && n < cap ? n + 1 : n);
	st->list = mr_mem_resize(mem, st->list, cap * size, st->cap * size);
}

// The larger of two blocks is kept for the next session.
static void
spare_block(struct mr_mem *mem, struct session_state *st, struct session_block *b)
{
	if (b->cap > st->spare_cap) {
		char *p = st->spare;
		uint32_t cap = st->spare_cap;
		st->spare = b->p;
		st->spare_cap = b->cap;
		b->p = p;
		b->cap = cap;
	}
	mr_session_block_free(mem, b);
}

struct session *
mr_session_insert(struct mr_mem *mem, struct session_state *st, size_t at)
{
	MR_ASSERT(at <= st->n && st->n < KEEP_MAX);
	list_resize(mem, st, st->n + 1u);
	struct session *s = &st->list[at];
	memmove(s + 1, s, (st->n - at) * sizeof(*s));
	memset(s, 0, sizeof(*s));
	s->block.p = st->spare;
	s->block.cap = st->spare_cap;
	st->spare = NULL;
	st->spare_cap = 0;
	st->n++;
	if (st->focus > at)
		st->focus++;
	return s;
}

void
mr_session_remove(struct mr_mem *mem, struct session_state *st, size_t at)
{
	MR_ASSERT(at < st->n && st->focus <= st->n);
	spare_block(mem, st, &st->list[at].block);
	memmove(&st->list[at], &st->list[at + 1], (st->n - at - 1u) * sizeof(*st->list));
	st->n--;
	list_resize(mem, st, st->n);
	if (st->n == 0) {
		st->spare = mr_mem_resize(mem, st->spare, st->spare_cap, 0);
		st->spare_cap = 0;
	}
	if (st->focus == at + 1)
		st->focus = 0;
	else if (st->focus > at + 1)
		st->focus--;
}

void
mr_session_release(const void *conf, void *state, struct mr_mem *mem)
{
	struct session_state *st = state;

	(void)conf;
	while (st->n)
		mr_session_remove(mem, st, st->n - 1u);
}

static void
encode_texts(const struct session *s, unsigned first, size_t n, struct mr_writer *w)
{
	mr_write_array(w, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		mr_write_str(w, mr_session_part(s, first + (unsigned)i));
}

static void
encode_side(const struct session *s, int64_t ms, unsigned side, struct mr_writer *w)
{
	mr_write_array(w, 2);
	mr_write_int(w, ms);
	encode_texts(s, side, SIDE_TEXTS, w);
}

static void
encode_lists(const struct session *s, struct mr_writer *w)
{
	const uint64_t *carts = (const uint64_t *)(const void *)mr_session_part(s, PART_CARTS).p;
	const char *replaced = mr_session_part(s, PART_REPLACES).p;
	size_t n;
	const struct session_revenue *revenue = mr_session_revenue(s, &n);

	mr_write_array(w, (uint32_t)mr_session_carts(s));
	for (size_t i = 0; i < mr_session_carts(s); i++)
		mr_write_uint(w, carts[i]);
	mr_write_array(w, (uint32_t)mr_session_replaced(s));
	for (size_t i = 0; i < mr_session_replaced(s); i++)
		mr_write_str(w, (struct mr_str){replaced + i * REPLACED_SIZE, 32});
	mr_write_array(w, (uint32_t)n * 2u);
	for (size_t i = 0; i < n; i++) {
		mr_write_str(w, (struct mr_str){revenue[i].currency, 3});
		mr_write_int(w, revenue[i].micros);
	}
}

static void
encode_session(const struct session *s, struct mr_writer *w)
{
	const uint32_t counts[] = {s->revision, s->events, s->pages, s->screens, s->late, s->orders, s->searches};
	const int64_t flags = s->open | s->published << 1 | s->announced << 2 | s->has_device << 3;

	mr_write_array(w, FIELDS);
	mr_write_str(w, (struct mr_str){s->id, 32});
	mr_write_int(w, s->started_ms);
	mr_write_int(w, s->ended_ms);
	mr_write_int(w, s->day_ms);
	mr_write_int(w, s->day_end_ms);
	mr_write_int(w, s->closed_ms);
	mr_write_int(w, flags);
	mr_write_int(w, s->closed_by);
	mr_write_int(w, s->split);
	mr_write_array(w, sizeof(counts) / sizeof(*counts));
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		mr_write_uint(w, counts[i]);
	encode_side(s, s->started_ms, PART_ENTRY, w);
	encode_side(s, s->ended_ms, PART_EXIT, w);
	mr_write_int(w, s->campaign_ms);
	mr_write_int(w, s->last_campaign_ms);
	mr_write_uint(w, s->first_campaign);
	mr_write_uint(w, s->last_campaign);
	encode_texts(s, PART_CAMPAIGN, CAMPAIGN_TEXTS, w);
	mr_write_int(w, s->device_ms);
	encode_texts(s, PART_DEVICE, DEVICE_TEXTS, w);
	mr_write_str(w, mr_session_part(s, PART_ANONYMOUS));
	encode_lists(s, w);
	mr_write_nil(w); // room for `bot`
}

void
mr_session_encode(const void *conf, const void *state, struct mr_writer *w)
{
	const struct session_state *st = state;

	(void)conf;
	mr_write_array(w, 4);
	mr_write_int(w, SESSION_VERSION);
	mr_write_int(w, st->forgotten_ms);
	mr_write_int(w, st->focus);
	mr_write_array(w, st->n);
	for (size_t i = 0; i < st->n; i++)
		encode_session(&st->list[i], w);
}

static void
decode_text(struct mr_reader *r, struct mr_mem *mem, struct session *s, unsigned part)
{
	struct mr_str text = mr_read_str(r);

	if (!mr_session_put(mem, s, part, &text, 1, TEXT_MAX))
		mr_reader_fail(r);
}

static void
decode_texts(struct mr_reader *r, struct mr_mem *mem, struct session *s, unsigned first, size_t n)
{
	if (mr_read_array(r) != n)
		mr_reader_fail(r);
	for (size_t i = 0; i < n; i++)
		decode_text(r, mem, s, first + (unsigned)i);
}

// Its moment is the session's own beginning or end.
static void
decode_side(struct mr_reader *r, struct mr_mem *mem, struct session *s, unsigned side)
{
	if (mr_read_array(r) != 2)
		mr_reader_fail(r);
	(void)mr_read_int(r);
	decode_texts(r, mem, s, side, SIDE_TEXTS);
}

// Copies exactly `n` bytes.
static void
decode_fixed(struct mr_reader *r, char *out, size_t n)
{
	struct mr_str s = mr_read_str(r);

	if (s.n == n)
		memcpy(out, s.p, n);
	else
		mr_reader_fail(r);
}

// The length of an array that a bound of ours limits.
static uint8_t
decode_count(struct mr_reader *r, uint32_t max)
{
	uint32_t n = mr_read_array(r);

	if (n > max)
		mr_reader_fail(r);
	return mr_reader_ok(r) ? (uint8_t)n : 0;
}

static void
decode_lists(struct mr_reader *r, struct mr_mem *mem, struct session *s)
{
	uint64_t *carts;
	char *replaced;
	struct session_revenue *revenue;
	size_t n = decode_count(r, CARTS_MAX);

	carts = mr_session_extend(mem, s, PART_CARTS, 0, n * sizeof(*carts));
	for (size_t i = 0; i < n; i++)
		carts[i] = mr_read_uint(r);
	n = decode_count(r, REPLACES_MAX);
	replaced = mr_session_extend(mem, s, PART_REPLACES, 0, n * REPLACED_SIZE);
	for (size_t i = 0; i < n; i++, replaced += REPLACED_SIZE) {
		replaced[32] = '\0';
		decode_fixed(r, replaced, 32);
	}
	n = decode_count(r, CURRENCIES_MAX * 2) / 2;
	revenue = mr_session_extend(mem, s, PART_REVENUE, 0, n * sizeof(*revenue));
	for (size_t i = 0; i < n; i++) {
		revenue[i] = (struct session_revenue){0};
		decode_fixed(r, revenue[i].currency, 3);
		revenue[i].micros = mr_read_int(r);
	}
}

static uint8_t
decode_small(struct mr_reader *r, int64_t max)
{
	int64_t v = mr_read_int(r);

	if (v < 0 || v > max)
		mr_reader_fail(r);
	return mr_reader_ok(r) ? (uint8_t)v : 0;
}

static void
decode_session(struct mr_reader *r, struct mr_mem *mem, struct session *s)
{
	uint32_t *counts[] = {&s->revision, &s->events, &s->pages, &s->screens, &s->late, &s->orders, &s->searches};

	if (mr_read_array(r) != FIELDS)
		mr_reader_fail(r);
	decode_fixed(r, s->id, 32);
	s->started_ms = mr_read_int(r);
	s->ended_ms = mr_read_int(r);
	s->day_ms = mr_read_int(r);
	s->day_end_ms = mr_read_int(r);
	s->closed_ms = mr_read_int(r);
	uint8_t flags = decode_small(r, 15);
	s->open = flags & 1;
	s->published = flags & 2;
	s->announced = flags & 4;
	s->has_device = flags & 8;
	s->closed_by = decode_small(r, ENDS - 1);
	s->split = decode_small(r, ENDS - 1);
	if (mr_read_array(r) != sizeof(counts) / sizeof(*counts))
		mr_reader_fail(r);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		*counts[i] = (uint32_t)mr_read_uint(r);
	decode_side(r, mem, s, PART_ENTRY);
	decode_side(r, mem, s, PART_EXIT);
	s->campaign_ms = mr_read_int(r);
	s->last_campaign_ms = mr_read_int(r);
	s->first_campaign = mr_read_uint(r);
	s->last_campaign = mr_read_uint(r);
	decode_texts(r, mem, s, PART_CAMPAIGN, CAMPAIGN_TEXTS);
	s->device_ms = mr_read_int(r);
	decode_texts(r, mem, s, PART_DEVICE, DEVICE_TEXTS);
	decode_text(r, mem, s, PART_ANONYMOUS);
	decode_lists(r, mem, s);
	mr_read_skip(r);
}

bool
mr_session_decode(const void *conf, void *state, struct mr_mem *mem, struct mr_reader *r)
{
	struct session_state *st = state;

	if (mr_read_array(r) != 4 || mr_read_int(r) != SESSION_VERSION)
		return false;
	st->forgotten_ms = mr_read_int(r);
	uint8_t focus = decode_small(r, KEEP_MAX);
	uint32_t n = decode_count(r, KEEP_MAX);
	for (uint32_t i = 0; i < n && mr_reader_ok(r); i++) {
		struct session *s = mr_session_insert(mem, st, i);
		decode_session(r, mem, s);
		if (s->ended_ms < s->started_ms || (i > 0 && s->started_ms < s[-1].ended_ms))
			mr_reader_fail(r);
	}
	if (mr_reader_ok(r) && focus > n)
		mr_reader_fail(r);
	st->focus = focus;
	if (!mr_reader_ok(r))
		mr_session_release(conf, state, mem);
	return mr_reader_ok(r);
}
