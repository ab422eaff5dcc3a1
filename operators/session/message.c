// A session as it leaves: the message of contracts.md and the derived event with the same fields.
#include "session.h"

#define MEMBERS_MAX 24

struct map {
	struct mr_member *members;
	uint32_t n, max;
};

static struct map
map_new(struct mr_arena *arena, uint32_t max)
{
	return (struct map){mr_arena_alloc(arena, max * sizeof(struct mr_member)), 0, max};
}

// What has no value is left out.
static void
put(struct map *m, struct mr_str key, struct mr_value v)
{
	MR_ASSERT(m->n < m->max);
	if (v.type != MR_ABSENT)
		m->members[m->n++] = (struct mr_member){key, v};
}

static struct mr_value
map_value(const struct map *m)
{
	return (struct mr_value){.type = MR_MAP, .n = m->n, .members = m->members};
}

// A map of the texts that are not empty; absent where all are.
static struct mr_value
texts_value(struct mr_arena *arena, const struct mr_text *texts, const char *const *keys, uint32_t n)
{
	struct map m = map_new(arena, n);

	for (uint32_t i = 0; i < n; i++)
		if (texts[i].n)
			put(&m, mr_str_of(keys[i]), mr_string(mr_arena_copy(arena, mr_text_str(&texts[i]))));
	return m.n ? map_value(&m) : mr_absent();
}

struct mr_value
mr_session_side_value(struct mr_arena *arena, const struct session_side *side)
{
	static const char *const keys[] = {"event", "path", "title", "referrer"};

	return texts_value(arena, side->texts, keys, SIDE_TEXTS);
}

struct mr_value
mr_session_campaign_value(struct mr_arena *arena, const struct session *s)
{
	static const char *const keys[] = {"name", "source", "medium", "term", "content"};

	return texts_value(arena, s->campaign, keys, CAMPAIGN_TEXTS);
}

static struct mr_value
device_value(struct mr_arena *arena, const struct session *s)
{
	static const char *const keys[] = {"type", "os", "app_version"};

	return texts_value(arena, s->device, keys, DEVICE_TEXTS);
}

static struct mr_value
user_value(const struct mr_ctx *ctx, const struct session *s)
{
	struct map m = map_new(ctx->arena, 2);

	put(&m, MR_LIT("id"), mr_string(mr_arena_copy(ctx->arena, ctx->user)));
	if (s->anonymous.n)
		put(&m, MR_LIT("anonymous_id"), mr_string(mr_arena_copy(ctx->arena, mr_text_str(&s->anonymous))));
	return map_value(&m);
}

static struct mr_value
list_value(struct mr_value *items, uint32_t n)
{
	return n ? (struct mr_value){.type = MR_LIST, .n = n, .items = items} : mr_absent();
}

static struct mr_value
replaces_value(struct mr_arena *arena, const struct session *s)
{
	struct mr_value *items = mr_arena_alloc(arena, s->n_replaces * sizeof(*items));

	for (uint32_t i = 0; i < s->n_replaces; i++)
		items[i] = mr_string(mr_arena_copy(arena, (struct mr_str){s->replaces[i], 32}));
	return list_value(items, s->n_replaces);
}

static struct mr_value
revenue_value(struct mr_arena *arena, const struct session *s)
{
	struct mr_value *items = mr_arena_alloc(arena, s->n_revenue * sizeof(*items));

	for (uint32_t i = 0; i < s->n_revenue; i++) {
		struct map m = map_new(arena, 2);
		struct mr_str code = {s->revenue[i].currency, 3};
		put(&m, MR_LIT("amount"), mr_num(mr_micros_amount(s->revenue[i].micros)));
		put(&m, MR_LIT("currency"), mr_string(mr_arena_copy(arena, code)));
		items[i] = map_value(&m);
	}
	return list_value(items, s->n_revenue);
}

static void
put_counts(struct map *m, const struct session *s)
{
	put(m, MR_LIT("events"), mr_num(s->events));
	put(m, MR_LIT("pages"), mr_num(s->pages));
	put(m, MR_LIT("screens"), mr_num(s->screens));
	put(m, MR_LIT("late_events"), mr_num(s->late));
}

static struct map
body(const struct mr_ctx *ctx, const struct session *s)
{
	static const char *const ends[] = {"gap", "length", "events", "campaign", "midnight"};
	struct mr_arena *arena = ctx->arena;
	struct map m = map_new(arena, MEMBERS_MAX);

	put(&m, MR_LIT("session_id"), mr_string(mr_arena_copy(arena, (struct mr_str){s->id, 32})));
	put(&m, MR_LIT("revision"), mr_num(s->revision));
	put(&m, MR_LIT("replaces"), replaces_value(arena, s));
	put(&m, MR_LIT("user"), user_value(ctx, s));
	put(&m, MR_LIT("started_at"), mr_time(s->started_ms));
	put(&m, MR_LIT("ended_at"), mr_time(s->ended_ms));
	put(&m, MR_LIT("closed_at"), mr_time(s->closed_ms));
	put(&m, MR_LIT("duration_ms"), mr_num((double)(s->ended_ms - s->started_ms)));
	put(&m, MR_LIT("closed_by"), mr_string(mr_str_of(ends[s->closed_by])));
	put_counts(&m, s);
	put(&m, MR_LIT("entry"), mr_session_side_value(arena, &s->entry));
	put(&m, MR_LIT("exit"), mr_session_side_value(arena, &s->exit));
	put(&m, MR_LIT("campaign"), mr_session_campaign_value(arena, s));
	put(&m, MR_LIT("device"), device_value(arena, s));
	put(&m, MR_LIT("orders"), mr_num(s->orders));
	put(&m, MR_LIT("carts"), mr_num(s->n_carts));
	put(&m, MR_LIT("searches"), mr_num(s->searches));
	put(&m, MR_LIT("revenue"), revenue_value(arena, s));
	return m;
}

static void
emit(struct mr_ctx *ctx, const struct session *s, const struct map *m)
{
	struct mr_message message = {.output = MR_OUT_SESSION};
	char digits[11];
	size_t n = sizeof(digits);

	for (uint32_t left = s->revision; n == sizeof(digits) || left; left /= 10)
		digits[--n] = (char)('0' + left % 10);
	struct mr_str parts[2] = {{s->id, 32}, {digits + n, sizeof(digits) - n}};
	mr_id(message.id, parts, 2);
	mr_write_value(mr_emit_begin(ctx, &message), map_value(m));
	if (!mr_emit_end(ctx))
		mr_count(ctx, MR_C_BOUND_CUT); // every part has a bound: only a tiny message bound gets here
}

void
mr_session_publish(struct mr_ctx *ctx, const struct session_conf *c, struct session *s)
{
	MR_ASSERT(!s->open && s->events > 0);
	if (s->published)
		s->revision++;
	s->published = true;
	struct map m = body(ctx, s);
	if (mr_emit_wanted(ctx, MR_OUT_SESSION))
		emit(ctx, s, &m);
	if (s->announced)
		return;
	s->announced = true;
	(void)mr_derive(ctx, c->name_ended, MR_LIT("Session Ended"), m.members, m.n); // the core counts a refusal
}
