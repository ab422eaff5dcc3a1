// The sessions of a user's record: memory, stored form.
#include "session.h"

#define FIELDS 24 // of a session's array, version 1

struct session *
mr_session_insert(struct mr_mem *mem, struct session_state *st, size_t at)
{
	size_t size = sizeof(*st->list);

	MR_ASSERT(at <= st->n && st->n < KEEP_MAX);
	st->list = mr_mem_resize(mem, st->list, st->n * size, (st->n + 1u) * size);
	memmove(&st->list[at + 1], &st->list[at], (st->n - at) * size);
	memset(&st->list[at], 0, size);
	st->n++;
	if (st->focus > at)
		st->focus++;
	return &st->list[at];
}

void
mr_session_remove(struct mr_mem *mem, struct session_state *st, size_t at)
{
	size_t size = sizeof(*st->list);

	MR_ASSERT(at < st->n && st->focus <= st->n);
	mr_session_free(mem, &st->list[at]);
	memmove(&st->list[at], &st->list[at + 1], (st->n - at - 1u) * size);
	st->list = mr_mem_resize(mem, st->list, st->n * size, (st->n - 1u) * size);
	st->n--;
	if (st->focus == at + 1)
		st->focus = 0;
	else if (st->focus > at + 1)
		st->focus--;
}

static void
free_texts(struct mr_mem *mem, struct mr_text *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mr_text_free(mem, &texts[i]);
}

void
mr_session_free(struct mr_mem *mem, struct session *s)
{
	free_texts(mem, s->entry.texts, SIDE_TEXTS);
	free_texts(mem, s->exit.texts, SIDE_TEXTS);
	free_texts(mem, s->campaign, CAMPAIGN_TEXTS);
	free_texts(mem, s->device, DEVICE_TEXTS);
	mr_text_free(mem, &s->anonymous);
	s->carts = mr_mem_resize(mem, s->carts, s->n_carts * sizeof(*s->carts), 0);
	s->replaces = mr_mem_resize(mem, s->replaces, s->n_replaces * 33u, 0);
	s->revenue = mr_mem_resize(mem, s->revenue, s->n_revenue * sizeof(*s->revenue), 0);
	s->n_carts = s->n_replaces = s->n_revenue = 0;
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
encode_texts(const struct mr_text *texts, size_t n, struct mr_writer *w)
{
	mr_write_array(w, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		mr_text_encode(&texts[i], w);
}

static void
encode_side(const struct session_side *side, struct mr_writer *w)
{
	mr_write_array(w, 2);
	mr_write_int(w, side->ms);
	encode_texts(side->texts, SIDE_TEXTS, w);
}

static void
encode_lists(const struct session *s, struct mr_writer *w)
{
	mr_write_array(w, s->n_carts);
	for (size_t i = 0; i < s->n_carts; i++)
		mr_write_uint(w, s->carts[i]);
	mr_write_array(w, s->n_replaces);
	for (size_t i = 0; i < s->n_replaces; i++)
		mr_write_str(w, (struct mr_str){s->replaces[i], 32});
	mr_write_array(w, s->n_revenue * 2u);
	for (size_t i = 0; i < s->n_revenue; i++) {
		mr_write_str(w, (struct mr_str){s->revenue[i].currency, 3});
		mr_write_int(w, s->revenue[i].micros);
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
	encode_side(&s->entry, w);
	encode_side(&s->exit, w);
	mr_write_int(w, s->campaign_ms);
	mr_write_int(w, s->last_campaign_ms);
	mr_write_uint(w, s->first_campaign);
	mr_write_uint(w, s->last_campaign);
	encode_texts(s->campaign, CAMPAIGN_TEXTS, w);
	mr_write_int(w, s->device_ms);
	encode_texts(s->device, DEVICE_TEXTS, w);
	mr_text_encode(&s->anonymous, w);
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
decode_texts(struct mr_reader *r, struct mr_mem *mem, struct mr_text *texts, size_t n)
{
	if (mr_read_array(r) != n)
		mr_reader_fail(r);
	for (size_t i = 0; i < n; i++)
		mr_text_decode(r, mem, &texts[i]);
}

static void
decode_side(struct mr_reader *r, struct mr_mem *mem, struct session_side *side)
{
	if (mr_read_array(r) != 2)
		mr_reader_fail(r);
	side->ms = mr_read_int(r);
	decode_texts(r, mem, side->texts, SIDE_TEXTS);
}

// Copies exactly `n` bytes; `out` has room for a NUL that is there already.
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
	s->n_carts = decode_count(r, CARTS_MAX);
	s->carts = mr_mem_resize(mem, NULL, 0, s->n_carts * sizeof(*s->carts));
	for (size_t i = 0; i < s->n_carts; i++)
		s->carts[i] = mr_read_uint(r);
	s->n_replaces = decode_count(r, REPLACES_MAX);
	s->replaces = mr_mem_resize(mem, NULL, 0, s->n_replaces * 33u);
	for (size_t i = 0; i < s->n_replaces; i++)
		decode_fixed(r, s->replaces[i], 32);
	s->n_revenue = decode_count(r, CURRENCIES_MAX * 2) / 2;
	s->revenue = mr_mem_resize(mem, NULL, 0, s->n_revenue * sizeof(*s->revenue));
	for (size_t i = 0; i < s->n_revenue; i++) {
		decode_fixed(r, s->revenue[i].currency, 3);
		s->revenue[i].micros = mr_read_int(r);
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
	decode_side(r, mem, &s->entry);
	decode_side(r, mem, &s->exit);
	s->campaign_ms = mr_read_int(r);
	s->last_campaign_ms = mr_read_int(r);
	s->first_campaign = mr_read_uint(r);
	s->last_campaign = mr_read_uint(r);
	decode_texts(r, mem, s->campaign, CAMPAIGN_TEXTS);
	s->device_ms = mr_read_int(r);
	decode_texts(r, mem, s->device, DEVICE_TEXTS);
	mr_text_decode(r, mem, &s->anonymous);
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
