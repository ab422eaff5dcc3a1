// Values and times kept one by one: the last value, how many different ones, the most frequent one,
// the usual time between events.
#include "profile.h"

#include "model/math.h"

bool
mr_kept_copy(struct mr_mem *mem, struct kept *k, struct mr_value v, size_t text_max)
{
	bool whole = true;

	MR_ASSERT(mr_is_scalar(v));
	if (v.type != MR_STRING)
		mr_kept_free(mem, k);
	else if (k->type != MR_STRING)
		k->text = (struct mr_text){0};
	k->type = v.type;
	switch (v.type) {
	case MR_STRING: whole = mr_text_set(mem, &k->text, mr_value_str(v), text_max); break;
	case MR_BOOL: k->b = v.b; break;
	case MR_NUMBER: k->num = v.num == 0 ? 0 : v.num; break; // no -0
	default: k->ms = v.ms;
	}
	return whole;
}

void
mr_kept_free(struct mr_mem *mem, struct kept *k)
{
	if (k->type == MR_STRING)
		mr_text_free(mem, &k->text);
	*k = (struct kept){0};
}

struct mr_value
mr_kept_value(const struct kept *k)
{
	switch (k->type) {
	case MR_STRING: return mr_string(mr_text_str(&k->text));
	case MR_BOOL: return mr_bool(k->b);
	case MR_NUMBER: return mr_num(k->num);
	case MR_TIME: return mr_time(k->ms);
	case MR_DURATION: return mr_duration(k->ms);
	default: return mr_absent();
	}
}

// Type and bytes of a scalar, the same on every machine; numbers that are equal give equal bytes.
static struct mr_str
scalar_bytes(struct mr_value v, unsigned char out[8])
{
	uint64_t bits = 0;

	if (v.type == MR_STRING)
		return mr_value_str(v);
	if (v.type == MR_NUMBER) {
		double num = v.num == 0 ? 0 : v.num;
		memcpy(&bits, &num, sizeof(bits));
	} else {
		bits = v.type == MR_BOOL ? v.b : (uint64_t)v.ms;
	}
	for (size_t i = 0; i < 8; i++)
		out[i] = (unsigned char)(bits >> (56 - 8 * i));
	return (struct mr_str){(const char *)out, 8};
}

static uint64_t
scalar_hash(struct mr_value v)
{
	unsigned char bytes[8];
	char type = (char)('0' + v.type), id[33];
	struct mr_str parts[2] = {{&type, 1}, scalar_bytes(v, bytes)};

	mr_id(id, parts, 2);
	return mr_hash64((struct mr_str){id, 32});
}

// ---- distinct ----

static void
forget_old(struct mr_mem *mem, struct distinct *d, int64_t oldest_ms)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < d->n; i++)
		if (d->list[i].ms >= oldest_ms)
			d->list[left++] = d->list[i];
	d->list = mr_mem_resize(mem, d->list, d->n * sizeof(*d->list), left * sizeof(*d->list));
	d->n = left;
}

static uint32_t
find_hash(const struct distinct *d, uint64_t hash)
{
	uint32_t low = 0, high = d->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (d->list[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool
mr_distinct_add(struct mr_ctx *ctx, const struct feature *f, struct distinct *d, int64_t ms, struct mr_value v)
{
	MR_ASSERT(mr_is_scalar(v) && d->n <= f->keep);
	uint64_t hash = scalar_hash(v);
	uint32_t at = find_hash(d, hash);

	if (f->over_ms && ms < ctx->now_ms - f->over_ms)
		return false;
	if (at < d->n && d->list[at].hash == hash) {
		if (ms > d->list[at].ms)
			d->list[at].ms = ms;
		return true;
	}
	if (d->n >= f->keep && f->over_ms) {
		forget_old(ctx->mem, d, ctx->now_ms - f->over_ms);
		at = find_hash(d, hash);
	}
	if (d->n >= f->keep) {
		mr_count(ctx, MR_C_BOUND_CUT); // full: the count stays at `keep`
		return true;
	}
	d->list = mr_mem_resize(ctx->mem, d->list, d->n * sizeof(*d->list), (d->n + 1u) * sizeof(*d->list));
	memmove(&d->list[at + 1], &d->list[at], (d->n - at) * sizeof(*d->list));
	d->list[at] = (struct seen){hash, ms};
	d->n++;
	return true;
}

uint32_t
mr_distinct_value(const struct feature *f, const struct distinct *d, int64_t now_ms)
{
	uint32_t n = 0;

	if (f->over_ms == 0)
		return d->n;
	for (uint32_t i = 0; i < d->n; i++)
		n += d->list[i].ms >= now_ms - f->over_ms;
	return n;
}

// ---- top: "space saving", as Metwally and others describe it, with counts that fade ----

// All fade at one rate, so that this orders them as of any time.
static double
rank(const struct feature *f, const struct ranked *r)
{
	if (f->half_life_ms == 0)
		return r->score.weight;
	return mr_log2(r->score.weight) + (double)r->score.ms / (double)f->half_life_ms;
}

// Whether `a` comes before `b`: more often, else seen later, else the smaller value.
static bool
comes_before(const struct ranked *a, double ra, const struct ranked *b, double rb)
{
	unsigned char bytes_a[8], bytes_b[8];

	if (ra != rb)
		return ra > rb;
	if (a->score.ms != b->score.ms)
		return a->score.ms > b->score.ms;
	if (a->value.type != b->value.type)
		return a->value.type < b->value.type;
	return mr_str_cmp(scalar_bytes(mr_kept_value(&a->value), bytes_a), scalar_bytes(mr_kept_value(&b->value), bytes_b)) < 0;
}

static bool
is_value(const struct kept *k, struct mr_value v)
{
	unsigned char bytes_k[8], bytes_v[8];

	return k->type == v.type && mr_str_eq(scalar_bytes(mr_kept_value(k), bytes_k), scalar_bytes(v, bytes_v));
}

static struct ranked *
take_place(struct mr_ctx *ctx, const struct feature *f, struct top *t)
{
	if (t->n < f->keep) {
		t->list = mr_mem_resize(ctx->mem, t->list, t->n * sizeof(*t->list), (t->n + 1u) * sizeof(*t->list));
		return &t->list[t->n++];
	}
	struct ranked *last = &t->list[0];
	double last_rank = rank(f, last);
	for (uint32_t i = 1; i < t->n; i++) {
		double r = rank(f, &t->list[i]);
		if (comes_before(last, last_rank, &t->list[i], r)) {
			last = &t->list[i];
			last_rank = r;
		}
	}
	mr_count(ctx, MR_C_BOUND_CUT);
	return last; // its weight stays: the newcomer may have come as often before
}

void
mr_top_add(struct mr_ctx *ctx, const struct feature *f, struct top *t, int64_t ms, struct mr_value v)
{
	struct ranked *r = NULL;

	MR_ASSERT(mr_is_scalar(v) && t->n <= f->keep);
	if (v.type == MR_STRING) {
		struct mr_str cut = mr_str_cut(mr_value_str(v), f->text_max);
		if (cut.n < v.n)
			mr_count(ctx, MR_C_BOUND_CUT);
		v = mr_string(cut);
	}
	for (uint32_t i = 0; i < t->n && r == NULL; i++)
		if (is_value(&t->list[i].value, v))
			r = &t->list[i];
	if (r == NULL) {
		r = take_place(ctx, f, t);
		(void)mr_kept_copy(ctx->mem, &r->value, v, f->text_max);
	}
	mr_decayed_add(&r->score, f->half_life_ms, ms, 1);
}

struct mr_value
mr_top_value(const struct feature *f, const struct top *t)
{
	const struct ranked *first = NULL;
	double first_rank = 0;

	if (t->n == 1)
		return mr_kept_value(&t->list[0].value);
	for (uint32_t i = 0; i < t->n; i++) {
		double r = rank(f, &t->list[i]);
		if (first == NULL || comes_before(&t->list[i], r, first, first_rank)) {
			first = &t->list[i];
			first_rank = r;
		}
	}
	return first ? mr_kept_value(&first->value) : mr_absent();
}

// ---- interval ----

bool
mr_times_add(struct mr_ctx *ctx, const struct feature *f, struct times *t, int64_t ms)
{
	uint32_t at = t->n;

	MR_ASSERT(f->keep <= TIMES_MAX && t->n <= f->keep);
	while (at > 0 && t->list[at - 1] > ms)
		at--;
	if (t->n < f->keep) {
		t->list = mr_mem_resize(ctx->mem, t->list, t->n * sizeof(*t->list), (t->n + 1u) * sizeof(*t->list));
		memmove(&t->list[at + 1], &t->list[at], (t->n - at) * sizeof(*t->list));
		t->list[at] = ms;
		t->n++;
		return true;
	}
	if (at == 0)
		return false;
	memmove(&t->list[0], &t->list[1], (at - 1) * sizeof(*t->list)); // the oldest goes
	t->list[at - 1] = ms;
	return true;
}

struct mr_value
mr_times_value(const struct times *t)
{
	int64_t gaps[TIMES_MAX];
	uint32_t n = 0;

	MR_ASSERT(t->n <= TIMES_MAX);
	for (uint32_t i = 1; i < t->n; i++) {
		uint32_t at = n++;
		for (; at > 0 && gaps[at - 1] > t->list[i] - t->list[i - 1]; at--)
			gaps[at] = gaps[at - 1];
		gaps[at] = t->list[i] - t->list[i - 1];
	}
	if (n == 0)
		return mr_absent();
	return mr_duration(n % 2 ? gaps[n / 2] : gaps[n / 2 - 1] + (gaps[n / 2] - gaps[n / 2 - 1]) / 2);
}
