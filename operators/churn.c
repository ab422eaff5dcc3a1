// How likely a user is to stay away: the probability of no purchase within the horizon, by a tree
// model trained on the same state, or by BG/NBD. Computed when somebody reads it.
#include <millrace/operator.h>

#include "churn/state.h"
#include "model/bgnbd.h"
#include "model/tree.h"

#define VERSION 1
#define DAY_MS 86400000.0
#define CHECK 0            // the timer's key
#define SILENT_MS (365 * (int64_t)DAY_MS)
#define AMOUNT_MAX 1e15    // of one order; beyond it, sums would lose what makes sense

enum band { BAND_NONE, BAND_LOW, BAND_MEDIUM, BAND_HIGH, BANDS };
static const struct mr_str band_names[BANDS] = {{"", 0}, {"low", 3}, {"medium", 6}, {"high", 4}};

enum { READ_SCORE, READ_BAND };

struct conf {
	struct mr_str model_file;
	const struct mr_node *bgnbd_node;
	int64_t horizon_ms, check_ms;
	double high, medium;
	struct mr_strs purchase, refund;
	// made of them
	const struct mr_trees *trees;     // NULL: bgnbd
	struct mr_bgnbd bgnbd;
	int *features;                    // of ours, for each of the model's
	int32_t *purchase_ids, *refund_ids;
	int32_t session_ended, band_changed;
	uint32_t revenue, total, products;
};

static const struct mr_param params[] = {
	{"model", MR_P_STRING, offsetof(struct conf, model_file), NULL, 0, 0, NULL, NULL,
	    "File with a tree model in LightGBM's text format, relative to the configuration."},
	{"bgnbd", MR_P_NODE, offsetof(struct conf, bgnbd_node), NULL, 0, 0, NULL, NULL,
	    "Instead of a model: BG/NBD with r, alpha, a, b, fitted in weeks."},
	{"horizon", MR_P_DURATION, offsetof(struct conf, horizon_ms), "ms", 86400000.0, 86400000.0 * 3660, "90d", NULL,
	    "BG/NBD: no purchase within this time is churn. A tree model has the horizon that it was trained on."},
	{"high", MR_P_NUMBER, offsetof(struct conf, high), NULL, 0, 1, "0.7", NULL,
	    "The band is high from this score on."},
	{"medium", MR_P_NUMBER, offsetof(struct conf, medium), NULL, 0, 1, "0.4", NULL,
	    "The band is medium from this score on, below it low."},
	{"check", MR_P_DURATION, offsetof(struct conf, check_ms), "ms", 60000, 86400000.0 * 366, "1d", NULL,
	    "How often the band of a user with a purchase is looked at, besides at the end of each session; "
	    "after a year without a purchase only once in a twelfth of that time."},
	{"purchase", MR_P_STRINGS, offsetof(struct conf, purchase), NULL, 0, 0, "Order Completed", NULL,
	    "Events that are a purchase: amount = revenue, else total; items = sum of products[].quantity."},
	{"refund", MR_P_STRINGS, offsetof(struct conf, refund), NULL, 0, 0, "Order Refunded", NULL,
	    "Events that are a refund."},
	MR_PARAMS_END,
};

static const struct mr_param bgnbd_params[] = {
	{"r", MR_P_NUMBER, offsetof(struct mr_bgnbd, r), NULL, 1e-6, 1e6, "!", NULL, "Shape of the purchase rates."},
	{"alpha", MR_P_NUMBER, offsetof(struct mr_bgnbd, alpha), "weeks", 1e-6, 1e6, "!", NULL, "Scale of the purchase rates."},
	{"a", MR_P_NUMBER, offsetof(struct mr_bgnbd, a), NULL, 1e-6, 1e6, "!", NULL, "First shape of the drop-out chance."},
	{"b", MR_P_NUMBER, offsetof(struct mr_bgnbd, b), NULL, 1e-6, 1e6, "!", NULL, "Second shape of the drop-out chance."},
	MR_PARAMS_END,
};

// ---- setting up ----

static void *
alloc(void *setup, size_t size)
{
	return mr_setup_alloc(setup, size);
}

// Finds our number of each feature that the model asks for.
static bool
bind_features(struct mr_setup *s, struct conf *c, const struct mr_node *at)
{
	uint32_t n = mr_trees_features(c->trees);
	bool fine = true;

	c->features = mr_setup_alloc(s, n * sizeof(*c->features));
	for (uint32_t i = 0; i < n; i++) {
		struct mr_str name = mr_trees_feature(c->trees, i);
		uint32_t line, column;

		c->features[i] = churn_feature(name);
		if (c->features[i] >= 0)
			continue;
		mr_trees_feature_at(c->trees, i, &line, &column);
		mr_setup_error(s, at, "%.*s:%u:%u: no feature has the name '%.*s'; train with those of docs: %s, %s, %s, ...",
		    (int)at->text.n, at->text.p, line, column, (int)(name.n < 64 ? name.n : 64), name.p, churn_feature_names[0],
		    churn_feature_names[1], churn_feature_names[2]);
		fine = false;
	}
	return fine;
}

static bool
setup_trees(struct mr_setup *s, struct conf *c, const struct mr_node *at)
{
	struct mr_model_mem mem = {alloc, s};
	struct mr_model_error error;
	struct mr_str text = mr_setup_file(s, at);

	if (text.n == 0)
		return false;
	c->trees = mr_trees_load(text, mem, &error);
	if (c->trees == NULL) {
		mr_setup_error(s, at, "%.*s:%u:%u: %s", (int)at->text.n, at->text.p, error.line, error.column, error.text);
		return false;
	}
	if (!mr_trees_probability(c->trees)) {
		mr_setup_error(s, at, "%.*s: its score is no probability; train it with objective binary or cross_entropy",
		    (int)at->text.n, at->text.p);
		return false;
	}
	return bind_features(s, c, at);
}

static bool
setup_score(struct mr_setup *s, struct conf *c, const struct mr_node *node)
{
	const struct mr_node *model = mr_node_get(node, "model");

	if ((model == NULL) == (c->bgnbd_node == NULL)) {
		mr_setup_error(s, model ? model : node, "churn needs either a model: FILE or bgnbd: {r, alpha, a, b}%s",
		    model ? ", not both" : "");
		return false;
	}
	return model ? setup_trees(s, c, model) : mr_setup_params(s, c->bgnbd_node, bgnbd_params, &c->bgnbd);
}

static int32_t *
name_ids(struct mr_setup *s, const struct mr_strs *names)
{
	int32_t *ids = mr_setup_alloc(s, names->n * sizeof(*ids));

	for (uint32_t i = 0; i < names->n; i++)
		ids[i] = mr_setup_event(s, names->items[i]);
	return ids;
}

static void *
setup(struct mr_setup *s, const struct mr_node *node)
{
	struct conf *c = mr_setup_alloc(s, sizeof(*c));

	if (!mr_setup_params(s, node, params, c))
		return NULL;
	bool fine = setup_score(s, c, node);
	if (c->medium > c->high) {
		const struct mr_node *at = mr_node_get(node, "medium");
		mr_setup_error(s, at ? at : mr_node_get(node, "high"), "medium is above high (%g): a band is the highest whose value is reached",
		    c->high);
		fine = false;
	}
	c->purchase_ids = name_ids(s, &c->purchase);
	c->refund_ids = name_ids(s, &c->refund);
	c->session_ended = mr_setup_event(s, MR_LIT("Session Ended"));
	c->band_changed = mr_setup_event(s, MR_LIT("Churn Band Changed"));
	c->revenue = mr_setup_field(s, MR_LIT("properties.revenue"));
	c->total = mr_setup_field(s, MR_LIT("properties.total"));
	c->products = mr_setup_field(s, MR_LIT("properties.products"));
	fine &= mr_setup_offer(s, "user", MR_LIT("churn"), MR_NUMBER, READ_SCORE, node);
	fine &= mr_setup_offer(s, "user", MR_LIT("churn_band"), MR_STRING, READ_BAND, node);
	return fine ? c : NULL;
}

// ---- the score ----

struct state {
	struct churn_state of;
	uint8_t band;              // when it was last looked at
};

static size_t
state_size(const void *conf)
{
	(void)conf;
	return sizeof(struct state);
}

static double
score(struct mr_ctx *ctx, const struct conf *c, const struct churn_state *s)
{
	double f[CHURN_FEATURES];
	int32_t observed = churn_observed(s, ctx->now_ms);

	MR_ASSERT(s->n > 0);
	if (c->trees == NULL)
		return mr_bgnbd_no_purchase(&c->bgnbd, s->n - 1.0, ((double)s->day_last - s->day_first) / 7,
		    ((double)observed - s->day_first) / 7, (double)c->horizon_ms / (7 * DAY_MS));
	uint32_t n = mr_trees_features(c->trees);
	double *x = mr_arena_alloc(ctx->arena, n * sizeof(*x));
	churn_features(s, observed, f);
	for (uint32_t i = 0; i < n; i++)
		x[i] = f[c->features[i]];
	return mr_trees_score(c->trees, x);
}

static enum band
band_of(const struct conf *c, double score)
{
	return score >= c->high ? BAND_HIGH : score >= c->medium ? BAND_MEDIUM : BAND_LOW;
}

static struct mr_value
read(struct mr_ctx *ctx, const void *conf, const void *state, uint32_t index)
{
	const struct state *st = state;

	if (st->of.n == 0)
		return mr_absent();
	double p = score(ctx, conf, &st->of);
	return index == READ_SCORE ? mr_num(p) : mr_string(band_names[band_of(conf, p)]);
}

// Looks at the band and tells rules where it has changed. The first one has no `from`.
static void
look(struct mr_ctx *ctx, const struct conf *c, struct state *st)
{
	if (st->of.n == 0)
		return;
	double p = score(ctx, c, &st->of);
	enum band from = st->band, to = band_of(c, p);
	if (to == from)
		return;
	struct mr_member *m = mr_arena_alloc(ctx->arena, 3 * sizeof(*m));
	uint32_t n = 0;
	if (from != BAND_NONE)
		m[n++] = (struct mr_member){MR_LIT("from"), mr_string(band_names[from])};
	m[n++] = (struct mr_member){MR_LIT("to"), mr_string(band_names[to])};
	m[n++] = (struct mr_member){MR_LIT("score"), mr_num(p)};
	// Refused where one input has led to too much already: looked at again at the next check.
	if (mr_derive(ctx, c->band_changed, MR_LIT("Churn Band Changed"), m, n))
		st->band = (uint8_t)to;
}

// ---- events ----

static bool
is_one_of(int32_t name, const int32_t *ids, uint32_t n)
{
	if (name == MR_NAME_NONE)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (ids[i] == name)
			return true;
	}
	return false;
}

static double
bounded(double v)
{
	v = v < AMOUNT_MAX ? v : AMOUNT_MAX;
	return v > -AMOUNT_MAX ? v + 0.0 : -AMOUNT_MAX; // + 0.0: no negative zero
}

static double
amount_of(const struct conf *c, const struct mr_event *e)
{
	struct mr_value v = mr_event_field(e, c->revenue);

	if (v.type != MR_NUMBER)
		v = mr_event_field(e, c->total);
	return v.type == MR_NUMBER ? bounded(v.num) : 0.0;
}

static double
quantity_of(const struct mr_value *product)
{
	for (uint32_t i = 0; product->type == MR_MAP && i < product->n; i++) {
		const struct mr_member *m = &product->members[i];
		if (mr_str_eq(m->key, MR_LIT("quantity")))
			return m->value.type == MR_NUMBER ? bounded(m->value.num) : 0.0;
	}
	return 0.0;
}

static struct churn_order
order_of(const struct conf *c, const struct mr_event *e, int32_t day)
{
	struct churn_order o = {.day = day, .amount = amount_of(c, e)};
	struct mr_value products = mr_event_field(e, c->products);

	if (products.type != MR_LIST)
		return o;
	o.lines = products.n;
	for (uint32_t i = 0; i < products.n; i++)
		o.items += quantity_of(&products.items[i]);
	o.items = bounded(o.items);
	return o;
}

static int32_t
day_of(int64_t ms)
{
	int64_t day = ms / (int64_t)DAY_MS - (ms % (int64_t)DAY_MS < 0);

	return (int32_t)(day < -1000000 ? -1000000 : day > 10000000 ? 10000000 : day);
}

static void
on_event(struct mr_ctx *ctx, const void *conf, void *state)
{
	const struct conf *c = conf;
	const struct mr_event *e = ctx->event;
	struct state *st = state;

	if (e->derived) {
		if (e->name_id == c->session_ended && c->session_ended != MR_NAME_NONE)
			look(ctx, c, st);
		return;
	}
	if (e->type != MR_TRACK)
		return;
	if (is_one_of(e->name_id, c->refund_ids, c->refund.n))
		churn_refund(&st->of, day_of(e->time_ms), amount_of(c, e));
	if (!is_one_of(e->name_id, c->purchase_ids, c->purchase.n))
		return;
	struct churn_order o = order_of(c, e, day_of(e->time_ms));
	if (!churn_purchase(&st->of, &o))
		mr_count(ctx, MR_C_LATE_APPLIED);
	if (mr_timer_due(ctx, CHECK) > ctx->now_ms + c->check_ms)
		mr_timer_set(ctx, CHECK, ctx->now_ms + c->check_ms);
}

// One timer a user, spread over the day by the moment of the first purchase: a daily round, never
// all users at once. Who has been silent for over a year is looked at once in a twelfth of that
// time, so that whoever has left for good costs next to nothing.
static void
on_timer(struct mr_ctx *ctx, const void *conf, void *state, const struct mr_timer *timer)
{
	const struct conf *c = conf;
	struct state *st = state;
	int64_t silence = ctx->now_ms - st->of.day_last * (int64_t)DAY_MS, next = c->check_ms;

	look(ctx, c, st);
	if (silence > SILENT_MS && silence / 12 > next)
		next = silence / 12;
	mr_timer_set(ctx, CHECK, timer->due_ms + next);
}

// ---- stored form ----

static void
encode(const void *conf, const void *state, struct mr_writer *w)
{
	const struct state *st = state;

	(void)conf;
	mr_write_array(w, 2 + CHURN_NUMBERS);
	mr_write_uint(w, VERSION);
	mr_write_uint(w, st->band);
	churn_state_write(&st->of, w);
}

static bool
decode(const void *conf, void *state, struct mr_mem *mem, struct mr_reader *r)
{
	struct state *st = state;

	(void)conf;
	(void)mem;
	if (mr_read_array(r) != 2 + CHURN_NUMBERS || mr_read_uint(r) != VERSION)
		return false;
	uint64_t band = mr_read_uint(r);
	st->band = (uint8_t)band;
	return band < BANDS && churn_state_read(&st->of, r);
}

static const struct mr_inner inner[] = {{"bgnbd", bgnbd_params}, {NULL, NULL}};

const struct mr_operator mr_operator_churn = {
	.name = "churn",
	.params = params,
	.version = VERSION,
	.text = "How likely a user is to stay away: user.churn and user.churn_band.",
	.inner = inner,
	.setup = setup,
	.state_size = state_size,
	.on_event = on_event,
	.on_timer = on_timer,
	.read = read,
	.encode = encode,
	.decode = decode,
};
