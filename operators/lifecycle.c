// The stage of a customer's life, and how often and how recently they bought: prospect, new, active,
// dormant, churned (contracts, point 23). Days are UTC.
#include "common/kept.h"

#define VERSION 1
#define DAY_MS 86400000LL
#define RECENT_DAYS 64 // purchase days of the last ones are told apart exactly, however late they come

enum stage { PROSPECT, NEW, ACTIVE, DORMANT, CHURNED, STAGES };
static const char *const stage_words[STAGES] = {"prospect", "new", "active", "dormant", "churned"};

struct conf {
	struct mr_strs purchase;
	int64_t dormant_ms, churned_ms, grace_ms;
	int32_t *names;
	int32_t stage_changed;
	uint32_t revenue, total;   // event fields
};

struct state {
	int64_t first_ms, last_ms;
	int64_t first_day, last_day;
	int64_t micros;            // of all purchases
	uint64_t recent;           // bit i: a purchase on last_day - i
	uint32_t purchases, days;  // days: distinct purchase days
	uint8_t stage;             // as last announced
};

static const struct mr_param params[] = {
	{"purchase", MR_P_STRINGS, offsetof(struct conf, purchase), NULL, 0, 0, "Order Completed", NULL,
	    "Names of the events that are a purchase."},
	{"dormant", MR_P_DURATION, offsetof(struct conf, dormant_ms), "ms", 1000, DAY_MS * 3660.0, "60d", NULL,
	    "So long after the last purchase a customer is dormant."},
	{"churned", MR_P_DURATION, offsetof(struct conf, churned_ms), "ms", 1000, DAY_MS * 3660.0, "120d", NULL,
	    "So long after the last purchase a customer is churned."},
	MR_PARAMS_END,
};

enum {
	READ_STAGE, READ_PURCHASES, READ_PURCHASE_DAYS, READ_FREQUENCY, READ_RECENCY, READ_TENURE, READ_SINCE,
	READ_REVENUE, READ_MONETARY, READ_FIRST, READ_LAST, READS,
};
static const struct { const char *name; enum mr_type type; } reads[READS] = {
	[READ_STAGE] = {"stage", MR_STRING},
	[READ_PURCHASES] = {"purchases", MR_NUMBER},
	[READ_PURCHASE_DAYS] = {"purchase_days", MR_NUMBER},
	[READ_FREQUENCY] = {"frequency", MR_NUMBER},             // purchase days after the first
	[READ_RECENCY] = {"recency_days", MR_NUMBER},            // from the first to the last
	[READ_TENURE] = {"tenure_days", MR_NUMBER},              // from the first to today
	[READ_SINCE] = {"days_since_purchase", MR_NUMBER},       // from the last to today
	[READ_REVENUE] = {"revenue_total", MR_NUMBER},
	[READ_MONETARY] = {"monetary", MR_NUMBER},               // revenue a purchase
	[READ_FIRST] = {"first_purchase", MR_TIME},
	[READ_LAST] = {"last_purchase", MR_TIME},
};

static void *
setup(struct mr_setup *s, const struct mr_node *node)
{
	struct conf *c = mr_setup_alloc(s, sizeof(*c));

	if (!mr_setup_params(s, node, params, c))
		return NULL;
	if (c->churned_ms <= c->dormant_ms) {
		mr_setup_error(s, node, "'churned' must be longer than 'dormant': a customer is dormant first");
		return NULL;
	}
	if (c->purchase.n == 0) {
		mr_setup_error(s, node, "'purchase' is an empty list: name the event that is a purchase");
		return NULL;
	}
	c->grace_ms = mr_setup_time(s)->grace_ms;
	c->names = mr_setup_alloc(s, c->purchase.n * sizeof(*c->names));
	for (uint32_t i = 0; i < c->purchase.n; i++)
		c->names[i] = mr_setup_event(s, c->purchase.items[i]);
	c->stage_changed = mr_setup_event(s, MR_LIT("Stage Changed"));
	c->revenue = mr_setup_field(s, MR_LIT("properties.revenue"));
	c->total = mr_setup_field(s, MR_LIT("properties.total"));
	for (uint32_t i = 0; i < READS; i++)
		if (!mr_setup_offer(s, "user", mr_str_of(reads[i].name), reads[i].type, i, node))
			return NULL;
	return c;
}

static size_t
state_size(const void *conf)
{
	(void)conf;
	return sizeof(struct state);
}

// ---- stage ----

static enum stage
stage_at(const struct conf *c, const struct state *st, int64_t now_ms)
{
	if (st->purchases == 0)
		return PROSPECT;
	if (now_ms - st->last_ms >= c->churned_ms)
		return CHURNED;
	if (now_ms - st->last_ms >= c->dormant_ms)
		return DORMANT;
	return st->days > 1 ? ACTIVE : NEW;
}

static struct mr_value
word(enum stage stage)
{
	return mr_string(mr_str_of(stage_words[stage]));
}

static void
announce(struct mr_ctx *ctx, const struct conf *c, struct state *st)
{
	enum stage stage = stage_at(c, st, ctx->now_ms);
	struct mr_member *m = mr_arena_alloc(ctx->arena, 2 * sizeof(*m));

	if (stage == st->stage)
		return;
	m[0] = (struct mr_member){MR_LIT("from"), word(st->stage)};
	m[1] = (struct mr_member){MR_LIT("to"), word(stage)};
	st->stage = (uint8_t)stage;
	(void)mr_derive(ctx, c->stage_changed, MR_LIT("Stage Changed"), m, 2); // the core counts a refusal
}

// One timer, at the next stage that silence leads to.
static void
arm(struct mr_ctx *ctx, const struct conf *c, const struct state *st)
{
	if (st->stage == CHURNED)
		mr_timer_clear(ctx, 0);
	else
		mr_timer_set(ctx, 0, st->last_ms + (st->stage == DORMANT ? c->churned_ms : c->dormant_ms));
}

static void
on_timer(struct mr_ctx *ctx, const void *conf, void *state, const struct mr_timer *timer)
{
	(void)timer;
	announce(ctx, conf, state);
	arm(ctx, conf, state);
}

// ---- purchases ----

static bool
is_purchase(const struct conf *c, const struct mr_event *e)
{
	if (e->derived || e->name_id == MR_NAME_NONE)
		return false;
	for (uint32_t i = 0; i < c->purchase.n; i++)
		if (c->names[i] == e->name_id)
			return true;
	return false;
}

// Counts distinct days. False: so late that nobody knows whether its day was counted.
static bool
add_day(struct state *st, int64_t day)
{
	int64_t back = st->last_day - day;

	if (st->days == 0) {
		st->first_day = st->last_day = day;
		st->recent = st->days = 1;
		return true;
	}
	if (back < 0) {
		st->recent = -back < RECENT_DAYS ? st->recent << -back : 0;
		st->recent |= 1;
		st->last_day = day;
		st->days++;
	} else if (day < st->first_day) {
		st->recent |= back < RECENT_DAYS ? (uint64_t)1 << back : 0;
		st->first_day = day;
		st->days++;
	} else if (back < RECENT_DAYS) {
		st->days += !(st->recent >> back & 1);
		st->recent |= (uint64_t)1 << back;
	} else {
		return day == st->first_day;
	}
	return true;
}

static void
on_event(struct mr_ctx *ctx, const void *conf, void *state)
{
	const struct conf *c = conf;
	struct state *st = state;
	const struct mr_event *e = ctx->event;

	if (!is_purchase(c, e))
		return;
	struct mr_value amount = mr_event_field(e, c->revenue);
	if (amount.type != MR_NUMBER)
		amount = mr_event_field(e, c->total);
	if (amount.type == MR_NUMBER)
		st->micros = mr_micros_add(st->micros, mr_micros(amount.num));
	if (ctx->now_ms - e->time_ms > c->grace_ms)
		mr_count(ctx, MR_C_LATE_APPLIED);
	if (!add_day(st, mr_utc_day(e->time_ms)))
		mr_count(ctx, MR_C_LATE_DROPPED); // its day; the purchase itself counts
	if (st->purchases == 0 || e->time_ms < st->first_ms)
		st->first_ms = e->time_ms;
	if (st->purchases == 0 || e->time_ms > st->last_ms)
		st->last_ms = e->time_ms;
	st->purchases++;
	MR_ASSERT(st->days <= st->purchases && st->first_day <= st->last_day && st->first_ms <= st->last_ms);
	announce(ctx, c, st);
	arm(ctx, c, st);
}

// ---- values ----

static struct mr_value
read_days(const struct state *st, int64_t now_ms, uint32_t index)
{
	switch (index) {
	case READ_FREQUENCY: return mr_num(st->days - 1.0);
	case READ_RECENCY: return mr_num((double)(st->last_day - st->first_day));
	case READ_TENURE: return mr_num((double)(mr_utc_day(now_ms) - st->first_day));
	case READ_SINCE: return mr_num((double)(mr_utc_day(now_ms) - st->last_day));
	case READ_MONETARY: return mr_num(mr_micros_amount(st->micros) / st->purchases);
	case READ_FIRST: return mr_time(st->first_ms);
	case READ_LAST: return mr_time(st->last_ms);
	default: MR_ASSERT(index < READS); return mr_absent();
	}
}

static struct mr_value
read(struct mr_ctx *ctx, const void *conf, const void *state, uint32_t index)
{
	const struct state *st = state;

	switch (index) {
	case READ_STAGE: return word(stage_at(conf, st, ctx->now_ms));
	case READ_PURCHASES: return mr_num(st->purchases);
	case READ_PURCHASE_DAYS: return mr_num(st->days);
	case READ_REVENUE: return mr_num(mr_micros_amount(st->micros));
	default: return st->purchases ? read_days(st, ctx->now_ms, index) : mr_absent(); // of nothing there is no first
	}
}

static bool
empty(const void *conf, const void *state)
{
	(void)conf;
	return ((const struct state *)state)->purchases == 0;
}

static void
encode(const void *conf, const void *state, struct mr_writer *w)
{
	const struct state *st = state;

	(void)conf;
	mr_write_array(w, 10);
	mr_write_int(w, VERSION);
	mr_write_int(w, st->first_ms);
	mr_write_int(w, st->last_ms);
	mr_write_int(w, st->first_day);
	mr_write_int(w, st->last_day);
	mr_write_int(w, st->micros);
	mr_write_uint(w, st->recent);
	mr_write_uint(w, st->purchases);
	mr_write_uint(w, st->days);
	mr_write_uint(w, st->stage);
}

static bool
decode(const void *conf, void *state, struct mr_mem *mem, struct mr_reader *r)
{
	struct state *st = state;

	(void)conf;
	(void)mem;
	if (mr_read_array(r) != 10 || mr_read_int(r) != VERSION)
		return false;
	st->first_ms = mr_read_int(r);
	st->last_ms = mr_read_int(r);
	st->first_day = mr_read_int(r);
	st->last_day = mr_read_int(r);
	st->micros = mr_read_int(r);
	st->recent = mr_read_uint(r);
	st->purchases = (uint32_t)mr_read_uint(r);
	st->days = (uint32_t)mr_read_uint(r);
	uint64_t stage = mr_read_uint(r);
	st->stage = (uint8_t)stage;
	bool whole = st->days <= st->purchases && (st->purchases == 0) == (st->days == 0) && st->first_day <= st->last_day &&
	    st->first_ms <= st->last_ms;
	return mr_reader_ok(r) && stage < STAGES && whole;
}

const struct mr_operator mr_operator_lifecycle = {
	.name = "lifecycle",
	.params = params,
	.version = VERSION,
	.text = "The stage of a customer's life, from purchases.",
	.setup = setup,
	.state_size = state_size,
	.on_event = on_event,
	.on_timer = on_timer,
	.read = read,
	.empty = empty,
	.encode = encode,
	.decode = decode,
};
