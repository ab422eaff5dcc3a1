// What a rule remembers of a user between runs: starts for again_after and at_most, event times for
// at_least. All in one bounded list.
#include "rules.h"

static struct mr_memo *
find(const struct mr_rules_state *st, const struct mr_rule *rule, enum mr_memo_kind kind, struct mr_str key)
{
	for (uint32_t i = 0; i < st->n_memos; i++) {
		struct mr_memo *m = &st->memos[i];
		if (m->rule == rule->index && m->kind == kind && mr_str_eq((struct mr_str){m->key, m->key_n}, key))
			return m;
	}
	return NULL;
}

void
mr_memo_release(struct mr_memo *m, struct mr_mem *mem)
{
	mr_mem_resize(mem, m->key, m->key_n, 0);
	mr_mem_resize(mem, m->times, m->cap * sizeof(*m->times), 0);
}

static bool
timed(const struct mr_rate *r)
{
	return r->per != MR_CAL_NONE || r->length_ms > 0;
}

// When a memo can't matter any more. A calendar unit is at most 31 days and a change of the clocks.
static int64_t
expiry(const struct mr_rules *conf, const struct mr_memo *m)
{
	static const int64_t unit_ms[] = {0, 50LL * 3600000, 8LL * 86400000, 32LL * 86400000};
	const struct mr_rule *rule = &conf->rules[m->rule];

	if (m->n == 0 || (m->kind == MR_MEMO_MOST && rule->at_most.n == 0))
		return INT64_MIN;
	if (m->kind == MR_MEMO_MOST && !timed(&rule->at_most))
		return INT64_MAX;
	int64_t last_ms = m->times[m->n - 1];
	switch ((enum mr_memo_kind)m->kind) {
	case MR_MEMO_AGAIN:
		return last_ms + rule->again_after_ms;
	case MR_MEMO_MOST:
		return last_ms + (rule->at_most.per ? unit_ms[rule->at_most.per] : rule->at_most.length_ms);
	case MR_MEMO_LEAST:
		return last_ms + rule->at_least.length_ms + conf->time.old_ms;
	}
	return INT64_MAX;
}

static void
drop(struct mr_ctx *ctx, struct mr_rules_state *st, uint32_t at)
{
	MR_ASSERT(at < st->n_memos);
	mr_memo_release(&st->memos[at], ctx->mem);
	st->n_memos--;
	memmove(&st->memos[at], &st->memos[at + 1], (st->n_memos - at) * sizeof(*st->memos));
}

// Makes room at the bound: see rules.h.
static void
cut(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st)
{
	uint32_t first = 0;
	int64_t first_ms = INT64_MAX;

	for (uint32_t i = 0; i < st->n_memos;) {
		int64_t ends_ms = expiry(conf, &st->memos[i]);
		if (ends_ms <= ctx->now_ms) {
			drop(ctx, st, i);
			continue;
		}
		if (ends_ms < first_ms) {
			first = i;
			first_ms = ends_ms;
		}
		i++;
	}
	if (st->n_memos == MR_MEMOS_MAX) {
		drop(ctx, st, first);
		mr_count(ctx, MR_C_BOUND_CUT);
	}
}

_Static_assert((MR_MEMOS_MAX & (MR_MEMOS_MAX - 1)) == 0, "the bound is where it is swept");

static struct mr_memo *
need(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st, const struct mr_rule *rule,
    enum mr_memo_kind kind, struct mr_str key)
{
	struct mr_memo *m = find(st, rule, kind, key);

	if (m)
		return m;
	// Sweeping at powers of two keeps it off most events; what is kept depends on the inputs alone.
	if (st->n_memos >= 8 && (st->n_memos & (st->n_memos - 1)) == 0)
		cut(ctx, conf, st);
	st->memos = mr_rules_grow(ctx->mem, st->memos, st->n_memos, &st->cap_memos, sizeof(*st->memos));
	MR_ASSERT(st->n_memos < MR_MEMOS_MAX);
	m = &st->memos[st->n_memos++];
	*m = (struct mr_memo){.rule = rule->index, .kind = (uint8_t)kind, .key_n = (uint32_t)key.n};
	m->key = mr_mem_resize(ctx->mem, NULL, 0, key.n);
	if (key.n)
		memcpy(m->key, key.p, key.n);
	return m;
}

// Adds a time in order, keeping the last `max`; false where it is older than all of a full list.
static bool
add_time(struct mr_ctx *ctx, struct mr_memo *m, int64_t ms, uint32_t max)
{
	uint32_t at = m->n;

	MR_ASSERT(max > 0 && max <= MR_TIMES_MAX + 1);
	while (at > 0 && m->times[at - 1] > ms)
		at--;
	while (m->n >= max) {
		if (at == 0)
			return false;
		memmove(m->times, m->times + 1, (m->n - 1) * sizeof(*m->times));
		m->n--;
		at--;
	}
	m->times = mr_rules_grow(ctx->mem, m->times, m->n, &m->cap, sizeof(*m->times));
	memmove(m->times + at + 1, m->times + at, (m->n - at) * sizeof(*m->times));
	m->times[at] = ms;
	m->n++;
	return true;
}

bool
mr_memo_again(struct mr_ctx *ctx, const struct mr_rules_state *st, const struct mr_rule *rule, struct mr_str key, int64_t *until_ms)
{
	const struct mr_memo *m = rule->again_after_ms ? find(st, rule, MR_MEMO_AGAIN, key) : NULL;

	if (m == NULL || m->n == 0)
		return true;
	*until_ms = m->times[m->n - 1] + rule->again_after_ms;
	return ctx->now_ms >= *until_ms;
}

bool
mr_memo_most(struct mr_ctx *ctx, const struct mr_rules_state *st, const struct mr_rule *rule)
{
	const struct mr_rate *r = &rule->at_most;
	const struct mr_memo *m = r->n ? find(st, rule, MR_MEMO_MOST, (struct mr_str){0}) : NULL;

	if (m == NULL || m->n < (uint64_t)r->n)
		return true;
	if (!timed(r))
		return false;
	// The list holds the last n starts, or more where a changed rule now allows fewer.
	MR_ASSERT(m->times != NULL);
	int64_t nth_ms = m->times[m->n - (uint64_t)r->n];
	if (r->per)
		return nth_ms < mr_local_start(ctx, r->per, ctx->now_ms);
	return ctx->now_ms - nth_ms >= r->length_ms;
}

bool
mr_memo_least(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st, const struct mr_rule *rule,
    struct mr_str key, int64_t time_ms)
{
	const struct mr_rate *r = &rule->at_least;
	struct mr_memo *m = need(ctx, conf, st, rule, MR_MEMO_LEAST, key);
	uint32_t n = (uint32_t)r->n, at = 0;
	bool enough = false;

	// One more than is kept: a late event may be the n-th of those before it, or after it.
	if (!add_time(ctx, m, time_ms, n + 1))
		return false;
	while (m->times[at] != time_ms)
		at++;
	for (uint32_t first = at + 1 > n ? at + 1 - n : 0; first <= at && first + n <= m->n; first++)
		enough |= m->times[first + n - 1] - m->times[first] <= r->length_ms;
	if (m->n > n) {
		memmove(m->times, m->times + 1, n * sizeof(*m->times));
		m->n = n;
	}
	return enough;
}

void
mr_memo_began(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st, const struct mr_rule *rule,
    struct mr_str key, bool restarted)
{
	if (rule->at_least.n) {
		struct mr_memo *m = find(st, rule, MR_MEMO_LEAST, key);
		if (m)
			drop(ctx, st, (uint32_t)(m - st->memos));
	}
	if (rule->again_after_ms) {
		struct mr_memo *m = need(ctx, conf, st, rule, MR_MEMO_AGAIN, key);
		add_time(ctx, m, ctx->now_ms, 1);
	}
	if (rule->at_most.n && !restarted) {
		struct mr_memo *m = need(ctx, conf, st, rule, MR_MEMO_MOST, (struct mr_str){0});
		if (timed(&rule->at_most))
			add_time(ctx, m, ctx->now_ms, (uint32_t)rule->at_most.n);
		else if (m->n < UINT32_MAX)
			m->n++;
	}
}
