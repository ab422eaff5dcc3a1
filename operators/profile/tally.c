// Counts, sums and extremes: for ever, or over a window of panes; and decayed ones.
//
// A window of length `over` keeps an event for at least `over` and at most one pane longer: at time
// `now` the panes from the one that holds `now - over` on count. Only panes that hold something are
// stored, so a quiet user costs little.
#include "profile.h"

#include "model/math.h"

#define IDLE_MAX 2u   // panes

int64_t
mr_pane_number(const struct feature *f, int64_t ms)
{
	MR_ASSERT(f->pane_ms > 0);
	int64_t number = ms / f->pane_ms;

	return number - (ms % f->pane_ms < 0);
}

static double
combine(enum profile_kind kind, double a, double b)
{
	switch (kind) {
	case KIND_MIN: return b < a ? b : a;
	case KIND_MAX: return b > a ? b : a;
	default: MR_ASSERT(kind == KIND_COUNT || kind == KIND_SUM);
	}
	double sum = a + b;
	return __builtin_isfinite(sum) ? sum : a; // the largest double is as far as a sum goes
}

// Room for a pane or two that went stays for the next.
static void
panes_resize(struct mr_mem *mem, struct tally *t, size_t n)
{
	if (n > 0 && n <= t->cap && t->cap - n <= IDLE_MAX)
		return;
	t->panes = mr_mem_resize(mem, t->panes, t->cap * sizeof(*t->panes), n * sizeof(*t->panes));
	t->cap = (uint16_t)n;
}

// Drops panes that have left the window, from its old end.
static void
expire(struct mr_mem *mem, struct tally *t, int64_t oldest)
{
	size_t gone = 0;

	while (gone < t->n && t->panes[gone].number < oldest)
		gone++;
	if (gone == 0)
		return;
	size_t left = t->n - gone;
	memmove(t->panes, t->panes + gone, left * sizeof(*t->panes));
	panes_resize(mem, t, left);
	t->n = (uint16_t)left;
}

void
mr_tally_pane(struct mr_mem *mem, const struct feature *f, struct tally *t, int64_t number, double x)
{
	size_t at = t->n;

	while (at > 0 && t->panes[at - 1].number > number)
		at--;
	if (at > 0 && t->panes[at - 1].number == number) {
		t->panes[at - 1].value = combine(f->kind, t->panes[at - 1].value, x);
		return;
	}
	panes_resize(mem, t, t->n + 1u);
	memmove(&t->panes[at + 1], &t->panes[at], (t->n - at) * sizeof(*t->panes));
	t->panes[at] = (struct pane){number, x};
	t->n++;
}

bool
mr_tally_add(struct mr_ctx *ctx, const struct feature *f, struct tally *t, int64_t ms, double x)
{
	if (f->over_ms == 0) {
		t->value = t->n ? combine(f->kind, t->value, x) : x;
		t->n = 1;
		return true;
	}
	MR_ASSERT(ms <= ctx->now_ms);
	int64_t oldest = mr_pane_number(f, ctx->now_ms - f->over_ms), number = mr_pane_number(f, ms);
	expire(ctx->mem, t, oldest);
	if (number < oldest)
		return false;
	mr_tally_pane(ctx->mem, f, t, number, x);
	MR_ASSERT(t->n <= PANES_MAX + 3);
	return true;
}

double
mr_tally_value(const struct feature *f, const struct tally *t, int64_t now_ms, bool *any)
{
	double value = 0;

	*any = t->n > 0;
	if (f->over_ms == 0)
		return t->value;
	*any = false;
	int64_t oldest = mr_pane_number(f, now_ms - f->over_ms);
	for (size_t i = t->n; i > 0 && t->panes[i - 1].number >= oldest; i--) {
		value = *any ? combine(f->kind, value, t->panes[i - 1].value) : t->panes[i - 1].value;
		*any = true;
	}
	return value;
}

static double
faded(double weight, int64_t half_life_ms, int64_t for_ms)
{
	return half_life_ms ? weight * mr_exp2(-(double)for_ms / (double)half_life_ms) : weight;
}

void
mr_decayed_add(struct decayed *d, int64_t half_life_ms, int64_t ms, double x)
{
	double sum;

	if (d->weight == 0 || ms >= d->ms) {
		sum = (d->weight == 0 ? 0 : faded(d->weight, half_life_ms, ms - d->ms)) + x;
		d->ms = ms;
	} else {
		sum = d->weight + faded(x, half_life_ms, d->ms - ms);
	}
	if (__builtin_isfinite(sum))
		d->weight = sum;
}

double
mr_decayed_value(const struct decayed *d, int64_t half_life_ms, int64_t now_ms)
{
	return now_ms > d->ms ? faded(d->weight, half_life_ms, now_ms - d->ms) : d->weight;
}
