// Sessions: what a user did without a long pause. Publishes each when it ends, tells rules of its
// beginning and end, and takes late events for as long as `time.old`.
#include "session/session.h"

static const struct mr_param params[] = {
	{"gap", MR_P_DURATION, offsetof(struct session_conf, gap_ms), "ms", 1, 86400000.0 * 30, "30m", NULL,
	    "Longest pause inside a session; a pause of exactly this long still belongs to it."},
	{"longest", MR_P_DURATION, offsetof(struct session_conf, longest_ms), "ms", 0, 86400000.0 * 366, "24h", NULL,
	    "Longest session; an event beyond it begins a new one. 0s: none."},
	{"most_events", MR_P_INT, offsetof(struct session_conf, most_events), NULL, 0, 1e9, "0", NULL,
	    "Most events of a session; the next one begins a new one. 0: any number."},
	{"burst", MR_P_NODE, offsetof(struct session_conf, burst_node), NULL, 0, 0, NULL, NULL,
	    "N within LENGTH, such as 100 within 100s: most events in that time from a session's beginning; "
	    "the next one begins a new one."},
	{"new_on", MR_P_STRINGS, offsetof(struct session_conf, new_on), NULL, 0, 0, NULL, NULL,
	    "What else begins a new session: campaign (context.campaign changes), midnight (in the user's zone)."},
	{"ignore", MR_P_STRINGS, offsetof(struct session_conf, ignore), NULL, 0, 0, NULL, NULL,
	    "Names of events that are no activity of the user. Outcomes of messages never are."},
	{"keep", MR_P_INT, offsetof(struct session_conf, keep), NULL, 2, KEEP_MAX, "4", NULL,
	    "Most sessions kept of a user, open ones and closed ones that late events may still change."},
	{"text", MR_P_INT, offsetof(struct session_conf, text_max), "bytes", 16, 4096, "255", NULL,
	    "Longest path, title, referrer or name that is kept; the rest is cut."},
	MR_PARAMS_END,
};

// What became of messages (contracts, outcomes): no activity of the user on a site or in an app.
static const char *const outcomes[] = {
	"Message Sent", "Message Delivered", "Message Opened", "Message Clicked", "Message Dismissed",
	"Message Replied", "Message Bounced", "Message Failed", "Message Expired", "Message Complained",
	"Message Unsubscribed", "Message Converted",
};
#define OUTCOMES (sizeof(outcomes) / sizeof(*outcomes))

enum {
	READ_ID, READ_STARTED, READ_ENDED, READ_DURATION, READ_OPEN, READ_EVENTS, READ_PAGES, READ_SCREENS,
	READ_ORDERS, READ_CARTS, READ_SEARCHES, READ_REVENUE, READ_ENTRY, READ_EXIT, READ_CAMPAIGN, READS,
};
static const struct { const char *name; enum mr_type type; } reads[READS] = {
	[READ_ID] = {"id", MR_STRING}, [READ_STARTED] = {"started_at", MR_TIME}, [READ_ENDED] = {"ended_at", MR_TIME},
	[READ_DURATION] = {"duration", MR_DURATION}, [READ_OPEN] = {"open", MR_BOOL},
	[READ_EVENTS] = {"events", MR_NUMBER}, [READ_PAGES] = {"pages", MR_NUMBER},
	[READ_SCREENS] = {"screens", MR_NUMBER}, [READ_ORDERS] = {"orders", MR_NUMBER},
	[READ_CARTS] = {"carts", MR_NUMBER}, [READ_SEARCHES] = {"searches", MR_NUMBER},
	[READ_REVENUE] = {"revenue", MR_NUMBER}, [READ_ENTRY] = {"entry", MR_MAP}, [READ_EXIT] = {"exit", MR_MAP},
	[READ_CAMPAIGN] = {"campaign", MR_MAP},
};

// ---- setting up ----

static void
setup_fields(struct mr_setup *s, struct session_conf *c)
{
	static const char *const campaign[] = {"context.campaign.name", "context.campaign.source",
	    "context.campaign.medium", "context.campaign.term", "context.campaign.content"};
	static const char *const device[] = {"context.device.type", "context.os.name", "context.app.version"};
	static const char *const page[][2] = {{"properties.path", "context.page.path"},
	    {"properties.title", "context.page.title"}, {"properties.referrer", "context.page.referrer"}};

	for (size_t i = 0; i < CAMPAIGN_TEXTS; i++)
		c->field.campaign[i] = mr_setup_field(s, mr_str_of(campaign[i]));
	for (size_t i = 0; i < DEVICE_TEXTS; i++)
		c->field.device[i] = mr_setup_field(s, mr_str_of(device[i]));
	for (size_t i = 0; i < 2; i++) {
		c->field.path[i] = mr_setup_field(s, mr_str_of(page[0][i]));
		c->field.title[i] = mr_setup_field(s, mr_str_of(page[1][i]));
		c->field.referrer[i] = mr_setup_field(s, mr_str_of(page[2][i]));
	}
	c->field.cart = mr_setup_field(s, MR_LIT("properties.cart_id"));
	c->field.revenue = mr_setup_field(s, MR_LIT("properties.revenue"));
	c->field.total = mr_setup_field(s, MR_LIT("properties.total"));
	c->field.currency = mr_setup_field(s, MR_LIT("properties.currency"));
}

static void
setup_names(struct mr_setup *s, struct session_conf *c)
{
	c->name_started = mr_setup_event(s, MR_LIT("Session Started"));
	c->name_ended = mr_setup_event(s, MR_LIT("Session Ended"));
	c->order_completed = mr_setup_event(s, MR_LIT("Order Completed"));
	c->products_searched = mr_setup_event(s, MR_LIT("Products Searched"));
	c->product_added = mr_setup_event(s, MR_LIT("Product Added"));
	c->n_ignored = (uint32_t)OUTCOMES + c->ignore.n;
	c->ignored = mr_setup_alloc(s, c->n_ignored * sizeof(*c->ignored));
	for (uint32_t i = 0; i < OUTCOMES; i++)
		c->ignored[i] = mr_setup_event(s, mr_str_of(outcomes[i]));
	for (uint32_t i = 0; i < c->ignore.n; i++)
		c->ignored[OUTCOMES + i] = mr_setup_event(s, c->ignore.items[i]);
}

static bool
setup_new_on(struct mr_setup *s, struct session_conf *c)
{
	bool fine = true;

	for (uint32_t i = 0; i < c->new_on.n; i++) {
		struct mr_str word = c->new_on.items[i];
		if (mr_str_eq(word, MR_LIT("campaign"))) {
			c->on_campaign = true;
		} else if (mr_str_eq(word, MR_LIT("midnight"))) {
			c->on_midnight = true;
		} else {
			mr_setup_error(s, c->new_on.nodes[i], "a new session can't begin on '%.*s': use campaign or midnight",
			    (int)word.n, word.p);
			fine = false;
		}
	}
	return fine;
}

static void *
setup(struct mr_setup *s, const struct mr_node *node)
{
	struct session_conf *c = mr_setup_alloc(s, sizeof(*c));

	if (!mr_setup_params(s, node, params, c) || !setup_new_on(s, c))
		return NULL;
	if (c->burst_node && !mr_setup_rate(s, c->burst_node, "within", &c->burst))
		return NULL;
	const struct mr_node *longest = mr_node_get(node, "longest");
	if (c->longest_ms && c->longest_ms < c->gap_ms)
		mr_setup_warn(s, longest ? longest : node, "longest is shorter than gap, so a pause hardly ever ends a session");
	c->app = mr_setup_app(s);
	c->time = mr_setup_time(s);
	setup_fields(s, c);
	setup_names(s, c);
	for (uint32_t i = 0; i < READS; i++)
		if (!mr_setup_offer(s, "session", mr_str_of(reads[i].name), reads[i].type, i, node))
			return NULL;
	return c;
}

static size_t
state_size(const void *conf)
{
	(void)conf;
	return sizeof(struct session_state);
}

// ---- time ----

static int64_t
later(int64_t ms, int64_t by)
{
	int64_t sum;

	return __builtin_add_overflow(ms, by, &sum) ? INT64_MAX : sum;
}

// The session that is next to be closed or forgotten, and when.
static size_t
next_due(const struct session_conf *c, const struct session_state *st, int64_t *due, enum session_end *why)
{
	size_t at = st->n;

	*due = INT64_MAX;
	for (size_t i = 0; i < st->n; i++) {
		enum session_end end = END_GAP;
		int64_t ms = st->list[i].open ? mr_session_due(c, st, i, &end) : later(st->list[i].closed_ms, c->time->old_ms);
		if (ms < *due) {
			at = i;
			*due = ms;
			*why = end;
		}
	}
	return at;
}

// One timer a user, at the earliest of all: moving it with each event costs nothing in the core.
static void
arm(struct mr_ctx *ctx, const struct session_conf *c, const struct session_state *st)
{
	enum session_end why;
	int64_t due;

	if (next_due(c, st, &due, &why) < st->n)
		mr_timer_set(ctx, 0, due);
}

static void
close_session(struct mr_ctx *ctx, const struct session_conf *c, struct session_state *st, size_t at, enum session_end why)
{
	struct session *s = &st->list[at];

	MR_ASSERT(s->open);
	s->open = false;
	s->closed_ms = ctx->now_ms;
	s->closed_by = (uint8_t)why;
	st->focus = (uint8_t)(at + 1);
	mr_session_publish(ctx, c, s);
}

static void
on_timer(struct mr_ctx *ctx, const void *conf, void *state, const struct mr_timer *timer)
{
	const struct session_conf *c = conf;
	struct session_state *st = state;
	enum session_end why = END_GAP;
	int64_t due;
	size_t at = next_due(c, st, &due, &why);

	// One step a firing: each closes at its own time, in the order of all users' timers.
	if (at < st->n && due <= timer->due_ms) {
		if (st->list[at].open)
			close_session(ctx, c, st, at, why);
		else
			mr_session_remove(ctx->mem, st, at);
	}
	arm(ctx, c, st);
}

// ---- events ----

static bool
is_ignored(const struct session_conf *c, const struct mr_event *e)
{
	if (e->derived)
		return true;
	if (e->name_id == MR_NAME_NONE)
		return false;
	for (uint32_t i = 0; i < c->n_ignored; i++)
		if (c->ignored[i] == e->name_id)
			return true;
	return false;
}

// Makes room for one more: the oldest closed session goes, or else the oldest, which is closed now.
static void
make_room(struct session_hit *h, struct session_state *st)
{
	size_t at = 0;

	while (at < st->n && st->list[at].open)
		at++;
	if (at == st->n) {
		enum session_end why;
		at = 0;
		(void)mr_session_due(h->conf, st, at, &why);
		close_session(h->ctx, h->conf, st, at, why);
	}
	int64_t covered = later(st->list[at].ended_ms, h->conf->gap_ms);
	if (covered > st->forgotten_ms)
		st->forgotten_ms = covered;
	mr_session_remove(h->ctx->mem, st, at);
	mr_count(h->ctx, MR_C_BOUND_CUT);
}

// Whether a session that is no longer here may be where the event belongs.
static bool
is_too_late(const struct session_hit *h, const struct session_state *st)
{
	return h->ms < h->ctx->now_ms - h->conf->time->old_ms || (st->forgotten_ms != 0 && h->ms <= st->forgotten_ms);
}

static void
begin(struct session_hit *h, struct session_state *st, struct session_place place)
{
	struct mr_ctx *ctx = h->ctx;

	MR_ASSERT(place.at <= st->n && st->n < h->conf->keep);
	struct session *s = mr_session_insert(ctx->mem, st, place.at);
	mr_session_start(s, h);
	mr_session_add(s, h);
	s->split = place.split;
	st->focus = (uint8_t)(place.at + 1);
	mr_session_relink(h->conf, st, place.at);
	struct mr_member *id = mr_arena_alloc(ctx->arena, sizeof(*id));
	*id = (struct mr_member){MR_LIT("session_id"), mr_string(mr_arena_copy(ctx->arena, (struct mr_str){s->id, 32}))};
	(void)mr_derive(ctx, h->conf->name_started, MR_LIT("Session Started"), id, 1); // the core counts a refusal
}

// A closed session that a late event changed is published anew, or opened again where it now
// reaches so far that the next event may still belong to it.
static void
revise(const struct session_hit *h, struct session_state *st, size_t at)
{
	enum session_end why;
	struct session *s = &st->list[at];
	int64_t due = mr_session_due(h->conf, st, at, &why);

	if (s->open)
		return;
	if (later(due, h->conf->time->grace_ms) > h->ctx->now_ms) {
		s->open = true;
		s->closed_ms = 0;
		return;
	}
	s->closed_by = (uint8_t)why;
	mr_session_publish(h->ctx, h->conf, s);
}

static void
join(struct session_hit *h, struct session_state *st, struct session_place place)
{
	MR_ASSERT(place.at < st->n && place.verdict != PLACE_NEW);
	struct session *s = &st->list[place.at];

	mr_session_add(s, h);
	if (place.verdict == PLACE_MERGE) {
		mr_session_merge(h->ctx, s, s + 1);
		mr_session_remove(h->ctx->mem, st, place.at + 1);
	}
	st->focus = (uint8_t)(place.at + 1);
	if (place.at > 0)
		mr_session_relink(h->conf, st, place.at - 1);
	mr_session_relink(h->conf, st, place.at);
	revise(h, st, place.at);
}

static void
on_event(struct mr_ctx *ctx, const void *conf, void *state)
{
	const struct session_conf *c = conf;
	struct session_state *st = state;
	struct session_hit h = {.ctx = ctx, .conf = c, .ms = ctx->event->time_ms};

	if (is_ignored(c, ctx->event))
		return;
	h.late = ctx->now_ms - h.ms > c->time->grace_ms;
	h.campaign = mr_session_campaign(c, ctx->event);
	struct session_place place = mr_session_place(st, &h);
	if (place.verdict == PLACE_NEW && is_too_late(&h, st)) {
		mr_count(ctx, MR_C_LATE_DROPPED);
		return;
	}
	if (h.late)
		mr_count(ctx, MR_C_LATE_APPLIED);
	while (place.verdict == PLACE_NEW && st->n >= c->keep) { // several where `keep` has become smaller
		make_room(&h, st);
		place = mr_session_place(st, &h);
	}
	if (place.verdict == PLACE_NEW)
		begin(&h, st, place);
	else
		join(&h, st, place);
	arm(ctx, c, st);
}

// ---- values ----

static double
revenue(const struct session *s)
{
	int64_t sum = 0;
	size_t n;
	const struct session_revenue *of = mr_session_revenue(s, &n);

	for (size_t i = 0; i < n; i++)
		sum = mr_micros_add(sum, of[i].micros);
	return mr_micros_amount(sum);
}

static struct mr_value
read(struct mr_ctx *ctx, const void *conf, const void *state, uint32_t index)
{
	const struct session_state *st = state;

	(void)conf;
	MR_ASSERT(st->focus <= st->n);
	if (st->focus == 0)
		return mr_absent();
	const struct session *s = &st->list[st->focus - 1];
	switch (index) {
	case READ_ID: return mr_string(mr_arena_copy(ctx->arena, (struct mr_str){s->id, 32}));
	case READ_STARTED: return mr_time(s->started_ms);
	case READ_ENDED: return mr_time(s->ended_ms);
	case READ_DURATION: return mr_duration(s->ended_ms - s->started_ms);
	case READ_OPEN: return mr_bool(s->open);
	case READ_EVENTS: return mr_num(s->events);
	case READ_PAGES: return mr_num(s->pages);
	case READ_SCREENS: return mr_num(s->screens);
	case READ_ORDERS: return mr_num(s->orders);
	case READ_CARTS: return mr_num((double)mr_session_carts(s));
	case READ_SEARCHES: return mr_num(s->searches);
	case READ_REVENUE: return mr_num(revenue(s));
	case READ_ENTRY: return mr_session_side_value(ctx->arena, s, PART_ENTRY);
	case READ_EXIT: return mr_session_side_value(ctx->arena, s, PART_EXIT);
	case READ_CAMPAIGN: return mr_session_campaign_value(ctx->arena, s);
	default: MR_ASSERT(index < READS); return mr_absent();
	}
}

static bool
empty(const void *conf, const void *state)
{
	(void)conf;
	return ((const struct session_state *)state)->n == 0;
}

const struct mr_operator mr_operator_session = {
	.name = "session",
	.params = params,
	.version = SESSION_VERSION,
	.text = "Sessions: what a user did without a long pause.",
	.setup = setup,
	.state_size = state_size,
	.on_event = on_event,
	.on_timer = on_timer,
	.read = read,
	.empty = empty,
	.encode = mr_session_encode,
	.decode = mr_session_decode,
	.release = mr_session_release,
};
