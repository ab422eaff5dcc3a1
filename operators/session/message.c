// A session as it leaves: the message of contracts.md and the derived event with the same fields.
#include "session.h"

enum member {
	M_ID, M_REVISION, M_REPLACES, M_USER, M_STARTED, M_ENDED, M_CLOSED, M_DURATION, M_CLOSED_BY, M_EVENTS, M_PAGES,
	M_SCREENS, M_LATE, M_ENTRY, M_EXIT, M_CAMPAIGN, M_DEVICE, M_ORDERS, M_CARTS, M_SEARCHES, M_REVENUE, MEMBERS,
};
#define KEY(s) {(s), sizeof(s) - 1}
static const struct mr_str keys[MEMBERS] = {
	[M_ID] = KEY("session_id"), [M_REVISION] = KEY("revision"), [M_REPLACES] = KEY("replaces"), [M_USER] = KEY("user"),
	[M_STARTED] = KEY("started_at"), [M_ENDED] = KEY("ended_at"), [M_CLOSED] = KEY("closed_at"),
	[M_DURATION] = KEY("duration_ms"), [M_CLOSED_BY] = KEY("closed_by"), [M_EVENTS] = KEY("events"),
	[M_PAGES] = KEY("pages"), [M_SCREENS] = KEY("screens"), [M_LATE] = KEY("late_events"), [M_ENTRY] = KEY("entry"),
	[M_EXIT] = KEY("exit"), [M_CAMPAIGN] = KEY("campaign"), [M_DEVICE] = KEY("device"), [M_ORDERS] = KEY("orders"),
	[M_CARTS] = KEY("carts"), [M_SEARCHES] = KEY("searches"), [M_REVENUE] = KEY("revenue"),
};
static const struct mr_str side_keys[SIDE_TEXTS] = {KEY("event"), KEY("path"), KEY("title"), KEY("referrer")};
static const struct mr_str campaign_keys[CAMPAIGN_TEXTS] = {KEY("name"), KEY("source"), KEY("medium"), KEY("term"),
    KEY("content")};
static const struct mr_str device_keys[DEVICE_TEXTS] = {KEY("type"), KEY("os"), KEY("app_version")};
static const struct mr_str ends[ENDS] = {KEY("gap"), KEY("length"), KEY("events"), KEY("campaign"), KEY("midnight")};

// ---- values: for rules ----

static void
put(struct mr_value *map, struct mr_member *members, struct mr_str key, struct mr_value v)
{
	members[map->n++] = (struct mr_member){key, v};
}

// A map of the texts that are not empty; absent where all are.
static struct mr_value
texts_value(struct mr_arena *arena, const struct session *s, unsigned first, const struct mr_str *of, size_t n)
{
	struct mr_member *members = mr_arena_alloc(arena, n * sizeof(*members));
	struct mr_value map = {.type = MR_MAP, .members = members};

	for (size_t i = 0; i < n; i++)
		if (s->block.size[first + i])
			put(&map, members, of[i], mr_string(mr_arena_copy(arena, mr_session_part(s, first + (unsigned)i))));
	return map.n ? map : mr_absent();
}

struct mr_value
mr_session_side_value(struct mr_arena *arena, const struct session *s, unsigned side)
{
	return texts_value(arena, s, side, side_keys, SIDE_TEXTS);
}

struct mr_value
mr_session_campaign_value(struct mr_arena *arena, const struct session *s)
{
	return texts_value(arena, s, PART_CAMPAIGN, campaign_keys, CAMPAIGN_TEXTS);
}

static struct mr_value
user_value(const struct mr_ctx *ctx, const struct session *s)
{
	struct mr_member *members = mr_arena_alloc(ctx->arena, 2 * sizeof(*members));
	struct mr_value map = {.type = MR_MAP, .members = members};
	struct mr_str anonymous = mr_session_part(s, PART_ANONYMOUS);

	put(&map, members, MR_LIT("id"), mr_string(mr_arena_copy(ctx->arena, ctx->user)));
	if (anonymous.n)
		put(&map, members, MR_LIT("anonymous_id"), mr_string(mr_arena_copy(ctx->arena, anonymous)));
	return map;
}

static struct mr_value
replaces_value(struct mr_arena *arena, const struct session *s)
{
	size_t n = mr_session_replaced(s);
	struct mr_value *items = mr_arena_alloc(arena, n * sizeof(*items));
	const char *ids = mr_session_part(s, PART_REPLACES).p;

	for (size_t i = 0; i < n; i++)
		items[i] = mr_string(mr_arena_copy(arena, (struct mr_str){ids + i * REPLACED_SIZE, 32}));
	return n ? (struct mr_value){.type = MR_LIST, .n = (uint32_t)n, .items = items} : mr_absent();
}

static struct mr_value
revenue_value(struct mr_arena *arena, const struct session *s)
{
	size_t n;
	const struct session_revenue *of = mr_session_revenue(s, &n);
	struct mr_value *items = mr_arena_alloc(arena, n * sizeof(*items));

	for (size_t i = 0; i < n; i++) {
		struct mr_member *members = mr_arena_alloc(arena, 2 * sizeof(*members));
		items[i] = (struct mr_value){.type = MR_MAP, .members = members};
		put(&items[i], members, MR_LIT("amount"), mr_num(mr_micros_amount(of[i].micros)));
		put(&items[i], members, MR_LIT("currency"), mr_string(mr_arena_copy(arena, (struct mr_str){of[i].currency, 3})));
	}
	return n ? (struct mr_value){.type = MR_LIST, .n = (uint32_t)n, .items = items} : mr_absent();
}

static struct mr_value
member_value(const struct mr_ctx *ctx, const struct session *s, enum member m)
{
	struct mr_arena *arena = ctx->arena;

	switch (m) {
	case M_ID: return mr_string(mr_arena_copy(arena, (struct mr_str){s->id, 32}));
	case M_REVISION: return mr_num(s->revision);
	case M_REPLACES: return replaces_value(arena, s);
	case M_USER: return user_value(ctx, s);
	case M_STARTED: return mr_time(s->started_ms);
	case M_ENDED: return mr_time(s->ended_ms);
	case M_CLOSED: return mr_time(s->closed_ms);
	case M_DURATION: return mr_num((double)(s->ended_ms - s->started_ms));
	case M_CLOSED_BY: return mr_string(ends[s->closed_by]);
	case M_EVENTS: return mr_num(s->events);
	case M_PAGES: return mr_num(s->pages);
	case M_SCREENS: return mr_num(s->screens);
	case M_LATE: return mr_num(s->late);
	case M_ENTRY: return mr_session_side_value(arena, s, PART_ENTRY);
	case M_EXIT: return mr_session_side_value(arena, s, PART_EXIT);
	case M_CAMPAIGN: return mr_session_campaign_value(arena, s);
	case M_DEVICE: return texts_value(arena, s, PART_DEVICE, device_keys, DEVICE_TEXTS);
	case M_ORDERS: return mr_num(s->orders);
	case M_CARTS: return mr_num((double)mr_session_carts(s));
	case M_SEARCHES: return mr_num(s->searches);
	case M_REVENUE: return revenue_value(arena, s);
	case MEMBERS: break;
	}
	return mr_absent();
}

// Only what somebody reads.
static void
derive(struct mr_ctx *ctx, const struct session_conf *c, const struct session *s)
{
	struct mr_member members[MEMBERS], *kept;
	uint32_t n = 0;

	for (unsigned i = 0; i < MEMBERS; i++)
		if (mr_derive_reads(ctx, keys[i]))
			members[n++] = (struct mr_member){keys[i], member_value(ctx, s, i)};
	kept = mr_arena_alloc(ctx->arena, n * sizeof(*kept));
	if (n)
		memcpy(kept, members, n * sizeof(*kept));
	(void)mr_derive(ctx, c->name_ended, MR_LIT("Session Ended"), kept, n); // the core counts a refusal
}

// ---- the message: straight from the session ----

static size_t
texts_there(const struct session *s, unsigned first, size_t n)
{
	size_t there = 0;

	for (size_t i = 0; i < n; i++)
		there += s->block.size[first + i] > 0;
	return there;
}

// Nothing where all are empty.
static void
write_texts(struct mr_writer *w, const struct session *s, struct mr_str key, unsigned first, const struct mr_str *of, size_t n)
{
	size_t there = texts_there(s, first, n);
	const char *p = mr_session_part(s, first).p;

	if (there == 0)
		return;
	mr_write_name(w, key);
	mr_write_map(w, (uint32_t)there);
	for (size_t i = 0; i < n; i++) {
		size_t size = s->block.size[first + i];
		if (size == 0)
			continue;
		mr_write_name(w, of[i]);
		mr_write_str(w, (struct mr_str){p, size});
		p += size;
	}
}

static void
write_replaces(struct mr_writer *w, const struct session *s)
{
	size_t n = mr_session_replaced(s);
	const char *ids = mr_session_part(s, PART_REPLACES).p;

	if (n == 0)
		return;
	mr_write_name(w, keys[M_REPLACES]);
	mr_write_array(w, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		mr_write_str(w, (struct mr_str){ids + i * REPLACED_SIZE, 32});
}

static void
write_user(struct mr_writer *w, const struct mr_ctx *ctx, const struct session *s)
{
	struct mr_str anonymous = mr_session_part(s, PART_ANONYMOUS);

	mr_write_name(w, keys[M_USER]);
	mr_write_map(w, anonymous.n ? 2 : 1);
	MR_W_STR(w, "id", ctx->user);
	if (anonymous.n)
		MR_W_STR(w, "anonymous_id", anonymous);
}

static void
write_revenue(struct mr_writer *w, const struct session *s)
{
	size_t n;
	const struct session_revenue *of = mr_session_revenue(s, &n);

	if (n == 0)
		return;
	mr_write_name(w, keys[M_REVENUE]);
	mr_write_array(w, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		mr_write_map(w, 2);
		MR_W_NUM(w, "amount", mr_micros_amount(of[i].micros));
		MR_W_STR(w, "currency", ((struct mr_str){of[i].currency, 3}));
	}
}

static void
write_count(struct mr_writer *w, enum member m, uint64_t n)
{
	mr_write_name(w, keys[m]);
	mr_write_uint(w, n);
}

static void
write_time(struct mr_writer *w, enum member m, int64_t ms)
{
	mr_write_name(w, keys[m]);
	mr_write_time(w, ms);
}

static uint32_t
members_there(const struct session *s)
{
	const size_t may_lack[] = {mr_session_replaced(s), texts_there(s, PART_ENTRY, SIDE_TEXTS),
	    texts_there(s, PART_EXIT, SIDE_TEXTS), texts_there(s, PART_CAMPAIGN, CAMPAIGN_TEXTS),
	    texts_there(s, PART_DEVICE, DEVICE_TEXTS), s->block.size[PART_REVENUE]};
	uint32_t n = MEMBERS;

	for (size_t i = 0; i < sizeof(may_lack) / sizeof(*may_lack); i++)
		n -= may_lack[i] == 0;
	return n;
}

static void
write_session(struct mr_writer *w, const struct mr_ctx *ctx, const struct session *s)
{
	mr_write_map(w, members_there(s));
	mr_write_name(w, keys[M_ID]);
	mr_write_str(w, (struct mr_str){s->id, 32});
	write_count(w, M_REVISION, s->revision);
	write_replaces(w, s);
	write_user(w, ctx, s);
	write_time(w, M_STARTED, s->started_ms);
	write_time(w, M_ENDED, s->ended_ms);
	write_time(w, M_CLOSED, s->closed_ms);
	write_count(w, M_DURATION, (uint64_t)(s->ended_ms - s->started_ms));
	mr_write_name(w, keys[M_CLOSED_BY]);
	mr_write_str(w, ends[s->closed_by]);
	write_count(w, M_EVENTS, s->events);
	write_count(w, M_PAGES, s->pages);
	write_count(w, M_SCREENS, s->screens);
	write_count(w, M_LATE, s->late);
	write_texts(w, s, keys[M_ENTRY], PART_ENTRY, side_keys, SIDE_TEXTS);
	write_texts(w, s, keys[M_EXIT], PART_EXIT, side_keys, SIDE_TEXTS);
	write_texts(w, s, keys[M_CAMPAIGN], PART_CAMPAIGN, campaign_keys, CAMPAIGN_TEXTS);
	write_texts(w, s, keys[M_DEVICE], PART_DEVICE, device_keys, DEVICE_TEXTS);
	write_count(w, M_ORDERS, s->orders);
	write_count(w, M_CARTS, mr_session_carts(s));
	write_count(w, M_SEARCHES, s->searches);
	write_revenue(w, s);
}

static void
emit(struct mr_ctx *ctx, const struct session *s)
{
	struct mr_message message = {.output = MR_OUT_SESSION};
	char digits[11];
	size_t n = sizeof(digits);

	for (uint32_t left = s->revision; n == sizeof(digits) || left; left /= 10)
		digits[--n] = (char)('0' + left % 10);
	struct mr_str parts[2] = {{s->id, 32}, {digits + n, sizeof(digits) - n}};
	mr_id(message.id, parts, 2);
	write_session(mr_emit_begin(ctx, &message), ctx, s);
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
	if (mr_emit_wanted(ctx, MR_OUT_SESSION))
		emit(ctx, s);
	if (s->announced)
		return;
	s->announced = true;
	derive(ctx, c, s);
}
