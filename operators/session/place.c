// Where an event belongs, by its time: into a session, between two that it joins, or on its own.
#include "session.h"

// The session that the event would be in if only gap counted and it came after the others.
static bool
within_gap(const struct session_conf *c, const struct session *s, int64_t ms)
{
	return ms >= s->started_ms ? ms - s->ended_ms <= c->gap_ms : s->started_ms - ms <= c->gap_ms;
}

// Whether a session may span [from, to]: length and local day.
static bool
span_fits(const struct session_conf *c, const struct session *s, int64_t from, int64_t to, enum session_end *why)
{
	if (c->on_midnight && (from < s->day_ms || to >= s->day_end_ms)) {
		*why = END_MIDNIGHT;
		return false;
	}
	if (c->longest_ms && to - from > c->longest_ms) {
		*why = END_LENGTH;
		return false;
	}
	return true;
}

// Whether a session from `from` to `to` has as many events as it may have.
static bool
is_full(const struct session_conf *c, int64_t events, int64_t from, int64_t to)
{
	if (c->most_events && events >= c->most_events)
		return true;
	return c->burst.n && events >= c->burst.n && to - from < c->burst.length_ms;
}

// Whether the event may go on with session `s`, which began before it.
static bool
goes_on(const struct session_hit *h, const struct session *s, enum session_end *why)
{
	const struct session_conf *c = h->conf;

	MR_ASSERT(s->started_ms <= h->ms);
	if (h->ms < s->ended_ms)
		return true; // inside: the past is not split
	*why = END_GAP;
	if (!within_gap(c, s, h->ms) || !span_fits(c, s, s->started_ms, h->ms, why))
		return false;
	if (c->on_campaign && h->campaign && h->campaign != s->last_campaign) {
		*why = END_CAMPAIGN;
		return false;
	}
	if (is_full(c, s->events, s->started_ms, h->ms)) {
		*why = END_EVENTS;
		return false;
	}
	return true;
}

// Whether the event may become the beginning of session `s`, which began after it.
static bool
leads_to(const struct session_hit *h, const struct session *s)
{
	const struct session_conf *c = h->conf;
	enum session_end why;

	if (!within_gap(c, s, h->ms) || !span_fits(c, s, h->ms, s->ended_ms, &why))
		return false;
	if (c->on_campaign && s->first_campaign && s->first_campaign != h->campaign)
		return false;
	return !is_full(c, s->events, h->ms, s->ended_ms);
}

// Whether the event makes one session of its two neighbours.
static bool
bridges(const struct session_hit *h, const struct session *a, const struct session *b)
{
	const struct session_conf *c = h->conf;
	enum session_end why;

	MR_ASSERT(a->started_ms <= h->ms && h->ms < b->started_ms);
	if (!span_fits(c, a, a->started_ms, b->ended_ms, &why))
		return false;
	return !is_full(c, (int64_t)a->events + b->events, a->started_ms, b->ended_ms);
}

struct session_place
mr_session_place(const struct session_state *st, const struct session_hit *h)
{
	size_t next = st->n; // the first that begins after the event
	enum session_end why = END_GAP;

	while (next > 0 && st->list[next - 1].started_ms > h->ms)
		next--;
	bool before = next > 0 && goes_on(h, &st->list[next - 1], &why);
	bool after = next < st->n && leads_to(h, &st->list[next]);
	if (before && after && bridges(h, &st->list[next - 1], &st->list[next]))
		return (struct session_place){PLACE_MERGE, next - 1, 0};
	if (before)
		return (struct session_place){PLACE_JOIN, next - 1, 0};
	if (after)
		return (struct session_place){PLACE_JOIN, next, 0};
	return (struct session_place){PLACE_NEW, next, (uint8_t)why};
}

void
mr_session_relink(const struct session_conf *c, struct session_state *st, size_t at)
{
	enum session_end why;

	if (at + 1 >= st->n)
		return;
	struct session *a = &st->list[at], *b = a + 1;
	MR_ASSERT(a->ended_ms <= b->started_ms);
	if (b->split != END_GAP || b->started_ms - a->ended_ms > c->gap_ms)
		return;
	if (!span_fits(c, a, a->started_ms, b->started_ms, &why))
		b->split = (uint8_t)why;
	else if (c->on_campaign && b->first_campaign && b->first_campaign != a->last_campaign)
		b->split = END_CAMPAIGN;
	else if (is_full(c, (int64_t)a->events + b->events - 1, a->started_ms, b->started_ms))
		b->split = END_EVENTS;
	else
		b->split = END_LENGTH; // together they would be too long
}

int64_t
mr_session_due(const struct session_conf *c, const struct session_state *st, size_t at, enum session_end *why)
{
	MR_ASSERT(at < st->n);
	const struct session *s = &st->list[at];
	const struct session *next = at + 1 < st->n ? s + 1 : NULL;

	MR_ASSERT(next == NULL || s->ended_ms <= next->started_ms);
	// An event at exactly `gap` still belongs to it, so it ends a millisecond later.
	int64_t due = s->ended_ms + c->gap_ms + 1;
	*why = END_GAP;
	if (next && next->split != END_GAP && next->started_ms < due) {
		*why = next->split;
		due = next->started_ms;
	}
	return due;
}
