// Stored form: a map of the names that hold something to [kind, payload]. A name that the
// configuration no longer has, or has as another kind, is passed over; panes are poured into others
// where their length changed.
#include "profile.h"

static bool
is_empty(const struct feature *f, const void *at)
{
	switch (f->kind) {
	case KIND_COUNT: case KIND_SUM: case KIND_MIN: case KIND_MAX: return ((const struct tally *)at)->n == 0;
	case KIND_FIRST: case KIND_LAST: return ((const struct moment *)at)->value.type == MR_ABSENT;
	case KIND_DISTINCT: return ((const struct distinct *)at)->n == 0;
	case KIND_TOP: return ((const struct top *)at)->n == 0;
	case KIND_INTERVAL: return ((const struct times *)at)->n == 0;
	default: return ((const struct decayed *)at)->weight == 0;
	}
}

bool
mr_profile_empty(const void *conf, const void *state)
{
	const struct profile_conf *c = conf;

	for (uint32_t i = 0; i < c->n; i++)
		if (!is_empty(&c->features[i], mr_profile_of(state, &c->features[i])))
			return false;
	return true;
}

// ---- encode ----

static void
encode_decayed(const struct decayed *d, struct mr_writer *w)
{
	mr_write_array(w, 2);
	mr_write_int(w, d->ms);
	mr_write_num(w, d->weight);
}

static void
encode_tally(const struct feature *f, const struct tally *t, struct mr_writer *w)
{
	mr_write_array(w, 4);
	mr_write_int(w, t->type);
	mr_write_num(w, t->value);
	mr_write_int(w, f->pane_ms);
	mr_write_array(w, f->over_ms ? 2u * t->n : 0);
	for (size_t i = 0; f->over_ms && i < t->n; i++) {
		mr_write_int(w, t->panes[i].number);
		mr_write_num(w, t->panes[i].value);
	}
}

static void
encode_distinct(const struct distinct *d, struct mr_writer *w)
{
	mr_write_array(w, 2 * d->n);
	for (uint32_t i = 0; i < d->n; i++) {
		mr_write_uint(w, d->list[i].hash);
		mr_write_int(w, d->list[i].ms);
	}
}

static void
encode_top(const struct top *t, struct mr_writer *w)
{
	mr_write_array(w, 2 * t->n);
	for (uint32_t i = 0; i < t->n; i++) {
		mr_write_state_value(w, mr_kept_value(&t->list[i].value));
		encode_decayed(&t->list[i].score, w);
	}
}

static void
encode_times(const struct times *t, struct mr_writer *w)
{
	mr_write_array(w, t->n);
	for (uint32_t i = 0; i < t->n; i++)
		mr_write_int(w, t->list[i]);
}

static void
encode_moment(const struct moment *m, struct mr_writer *w)
{
	mr_write_array(w, 2);
	mr_write_int(w, m->ms);
	mr_write_state_value(w, mr_kept_value(&m->value));
}

static void
encode_feature(const struct feature *f, const void *at, struct mr_writer *w)
{
	mr_write_key(w, f->name);
	mr_write_array(w, 2);
	mr_write_int(w, f->kind);
	switch (f->kind) {
	case KIND_COUNT: case KIND_SUM: case KIND_MIN: case KIND_MAX: encode_tally(f, at, w); break;
	case KIND_FIRST: case KIND_LAST: encode_moment(at, w); break;
	case KIND_DISTINCT: encode_distinct(at, w); break;
	case KIND_TOP: encode_top(at, w); break;
	case KIND_INTERVAL: encode_times(at, w); break;
	default: encode_decayed(at, w);
	}
}

void
mr_profile_encode(const void *conf, const void *state, struct mr_writer *w)
{
	const struct profile_conf *c = conf;
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n; i++)
		n += !is_empty(&c->features[i], mr_profile_of(state, &c->features[i]));
	mr_write_array(w, 2);
	mr_write_int(w, PROFILE_VERSION);
	mr_write_map(w, n);
	for (uint32_t i = 0; i < c->n; i++) {
		const void *at = mr_profile_of(state, &c->features[i]);
		if (!is_empty(&c->features[i], at))
			encode_feature(&c->features[i], at, w);
	}
}

// ---- decode ----

static void
need_array(struct mr_reader *r, uint32_t n)
{
	if (mr_read_array(r) != n)
		mr_reader_fail(r);
}

static void
decode_decayed(struct mr_reader *r, struct decayed *d)
{
	need_array(r, 2);
	d->ms = mr_read_int(r);
	d->weight = mr_read_num(r);
}

static void
decode_tally(struct mr_reader *r, struct mr_mem *mem, const struct feature *f, struct tally *t)
{
	need_array(r, 4);
	t->type = (uint8_t)mr_read_int(r);
	double value = mr_read_num(r);
	int64_t pane_ms = mr_read_int(r);
	uint32_t n = mr_read_array(r) / 2;
	bool windowed = pane_ms > 0;
	if (n > PANES_MAX + 3 || (windowed && n == 0) || pane_ms < 0) {
		mr_reader_fail(r);
		return;
	}
	if (!windowed && f->over_ms == 0 && mr_reader_ok(r)) {
		t->value = value;
		t->n = 1;
	}
	for (uint32_t i = 0; i < n && mr_reader_ok(r); i++) {
		int64_t number = mr_read_int(r);
		double x = mr_read_num(r);
		int64_t ms;
		if (f->over_ms == 0)
			continue; // a window has become "for ever": it begins anew
		if (__builtin_mul_overflow(number, pane_ms, &ms) || (t->n && pane_ms == f->pane_ms && number <= t->panes[t->n - 1].number))
			mr_reader_fail(r);
		else
			mr_tally_pane(mem, f, t, pane_ms == f->pane_ms ? number : mr_pane_number(f, ms), x);
	}
}

static void
decode_distinct(struct mr_reader *r, struct mr_mem *mem, const struct feature *f, struct distinct *d)
{
	uint32_t n = mr_read_array(r) / 2;

	for (uint32_t i = 0; i < n && mr_reader_ok(r); i++) {
		struct seen seen = {.hash = mr_read_uint(r)};
		seen.ms = mr_read_int(r);
		if (i >= f->keep)
			continue; // `keep` has become smaller
		if (d->n && seen.hash <= d->list[d->n - 1].hash) {
			mr_reader_fail(r);
			return;
		}
		d->list = mr_mem_resize(mem, d->list, d->n * sizeof(*d->list), (d->n + 1u) * sizeof(*d->list));
		d->list[d->n++] = seen;
	}
}

static void
decode_kept(struct mr_reader *r, struct mr_mem *mem, struct kept *k)
{
	enum mr_type type = mr_read_peek(r);

	if (type == MR_LIST || type == MR_MAP) {
		mr_reader_fail(r);
		return;
	}
	struct mr_value v = mr_read_state_value(r, NULL);
	if (!mr_reader_ok(r) || !mr_is_scalar(v))
		mr_reader_fail(r);
	else
		mr_kept_copy(mem, k, v, UINT32_MAX);
}

static void
decode_top(struct mr_reader *r, struct mr_mem *mem, const struct feature *f, struct top *t)
{
	uint32_t n = mr_read_array(r) / 2;

	for (uint32_t i = 0; i < n && mr_reader_ok(r); i++) {
		struct ranked item = {0};
		decode_kept(r, mem, &item.value);
		decode_decayed(r, &item.score);
		if (i >= f->keep || !mr_reader_ok(r)) {
			mr_kept_free(mem, &item.value);
			continue;
		}
		t->list = mr_mem_resize(mem, t->list, t->n * sizeof(*t->list), (t->n + 1u) * sizeof(*t->list));
		t->list[t->n++] = item;
	}
}

// The last ones, where `keep` has become smaller.
static void
decode_times(struct mr_reader *r, struct mr_mem *mem, const struct feature *f, struct times *t)
{
	uint32_t n = mr_read_array(r), skip = n > f->keep ? n - f->keep : 0;

	if (n > TIMES_MAX || !mr_reader_ok(r)) {
		mr_reader_fail(r);
		return;
	}
	t->n = n - skip;
	t->list = mr_mem_resize(mem, NULL, 0, t->n * sizeof(*t->list));
	for (uint32_t i = 0; i < n; i++) {
		int64_t ms = mr_read_int(r);
		if (i < skip)
			continue;
		t->list[i - skip] = ms;
		if (i > skip && t->list[i - skip - 1] > ms)
			mr_reader_fail(r);
	}
}

static void
decode_feature(struct mr_reader *r, struct mr_mem *mem, const struct feature *f, void *at)
{
	switch (f->kind) {
	case KIND_COUNT: case KIND_SUM: case KIND_MIN: case KIND_MAX: decode_tally(r, mem, f, at); break;
	case KIND_DISTINCT: decode_distinct(r, mem, f, at); break;
	case KIND_TOP: decode_top(r, mem, f, at); break;
	case KIND_INTERVAL: decode_times(r, mem, f, at); break;
	case KIND_FIRST: case KIND_LAST: {
		struct moment *m = at;
		need_array(r, 2);
		m->ms = mr_read_int(r);
		decode_kept(r, mem, &m->value);
		break;
	}
	default: decode_decayed(r, at);
	}
}

static const struct feature *
find_feature(const struct profile_conf *c, struct mr_str name)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (mr_str_eq(c->features[i].name, name))
			return &c->features[i];
	return NULL;
}

bool
mr_profile_decode(const void *conf, void *state, struct mr_mem *mem, struct mr_reader *r)
{
	const struct profile_conf *c = conf;

	if (mr_read_array(r) != 2 || mr_read_int(r) != PROFILE_VERSION)
		return false;
	uint32_t n = mr_read_map(r);
	for (uint32_t i = 0; i < n && mr_reader_ok(r); i++) {
		const struct feature *f = find_feature(c, mr_read_str(r));
		need_array(r, 2);
		int64_t kind = mr_read_int(r);
		if (f == NULL || kind != (int64_t)f->kind)
			mr_read_skip(r);
		else if (!is_empty(f, mr_profile_at(state, f)))
			mr_reader_fail(r); // a name twice
		else
			decode_feature(r, mem, f, mr_profile_at(state, f));
	}
	if (!mr_reader_ok(r))
		mr_profile_release(conf, state, mem);
	return mr_reader_ok(r);
}

// ---- release ----

static void
release_feature(const struct feature *f, void *at, struct mr_mem *mem)
{
	switch (f->kind) {
	case KIND_COUNT: case KIND_SUM: case KIND_MIN: case KIND_MAX: {
		struct tally *t = at;
		if (f->over_ms)
			t->panes = mr_mem_resize(mem, t->panes, t->cap * sizeof(*t->panes), 0);
		t->n = t->cap = 0;
		break;
	}
	case KIND_FIRST: case KIND_LAST: mr_kept_free(mem, &((struct moment *)at)->value); break;
	case KIND_DISTINCT: {
		struct distinct *d = at;
		d->list = mr_mem_resize(mem, d->list, d->n * sizeof(*d->list), 0);
		d->n = 0;
		break;
	}
	case KIND_TOP: {
		struct top *t = at;
		for (uint32_t i = 0; i < t->n; i++)
			mr_kept_free(mem, &t->list[i].value);
		t->list = mr_mem_resize(mem, t->list, t->n * sizeof(*t->list), 0);
		t->n = 0;
		break;
	}
	case KIND_INTERVAL: {
		struct times *t = at;
		t->list = mr_mem_resize(mem, t->list, t->n * sizeof(*t->list), 0);
		t->n = 0;
		break;
	}
	default: *(struct decayed *)at = (struct decayed){0};
	}
}

void
mr_profile_release(const void *conf, void *state, struct mr_mem *mem)
{
	const struct profile_conf *c = conf;

	for (uint32_t i = 0; i < c->n; i++)
		release_feature(&c->features[i], mr_profile_at(state, &c->features[i]), mem);
}
