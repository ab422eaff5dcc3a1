#include "generate/visit.h"

enum step {
	HOME, SEARCH, LIST, PRODUCT, ADD, REMOVE, CART, CHECKOUT, FAILED, ORDER, STORE, IDENTIFY, REFUND, DONE,
	N_STEPS,
};

struct way {
	uint8_t step, percent;
};

// Where a step leads, and how long it takes on the average. Percentages add up to 100.
static const struct {
	uint32_t seconds;
	struct way ways[6];
} plan[N_STEPS] = {
	[HOME] = {12, {{SEARCH, 28}, {LIST, 34}, {PRODUCT, 15}, {IDENTIFY, 6}, {DONE, 17}}},
	[SEARCH] = {15, {{PRODUCT, 60}, {SEARCH, 12}, {LIST, 8}, {DONE, 20}}},
	[LIST] = {18, {{PRODUCT, 65}, {LIST, 12}, {SEARCH, 8}, {DONE, 15}}},
	[PRODUCT] = {35, {{ADD, 13}, {PRODUCT, 28}, {LIST, 20}, {SEARCH, 12}, {CART, 3}, {DONE, 24}}},
	[ADD] = {15, {{CART, 34}, {PRODUCT, 25}, {LIST, 18}, {CHECKOUT, 8}, {DONE, 15}}},
	[REMOVE] = {8, {{CART, 40}, {PRODUCT, 20}, {CHECKOUT, 15}, {DONE, 25}}},
	[CART] = {25, {{CHECKOUT, 36}, {REMOVE, 12}, {PRODUCT, 15}, {DONE, 37}}},
	[CHECKOUT] = {60, {{ORDER, 60}, {FAILED, 7}, {CART, 6}, {DONE, 27}}},
	[FAILED] = {40, {{ORDER, 45}, {DONE, 55}}},
	[ORDER] = {20, {{DONE, 80}, {PRODUCT, 10}, {HOME, 10}}},
	[STORE] = {90, {{PRODUCT, 22}, {LIST, 10}, {DONE, 68}}},
	[IDENTIFY] = {6, {{HOME, 100}}},
	[REFUND] = {1, {{DONE, 100}}},
};

static uint8_t
next_step(struct mr_visit *v)
{
	uint32_t point = mr_random_below(&v->random, 100);
	const struct way *ways = plan[v->step].ways;

	for (int i = 0; i < 6; i++) {
		if (point < ways[i].percent)
			return ways[i].step;
		point -= ways[i].percent;
	}
	MR_ASSERT(!"the percentages of a step add up to 100");
	return DONE;
}

// What is planned may not make sense for this shopper: nothing in the cart, or no name yet.
static uint8_t
sensible(struct mr_visit *v, const struct mr_customer *c, uint8_t step)
{
	if (c->cart.n == 0 && (step == CART || step == CHECKOUT || step == REMOVE || step == FAILED || step == ORDER))
		return LIST;
	if (step == ADD && c->cart.n == MR_CART_MAX)
		return CART;
	if (step == IDENTIFY && !v->anonymous)
		return PRODUCT;
	if (step == CHECKOUT && v->anonymous && mr_random_chance(&v->random, 0.6)) {
		v->back = CHECKOUT;
		return IDENTIFY;
	}
	return step;
}

static int64_t
pause_ms(struct mr_visit *v)
{
	// One in a hundred looks away for long: gaps on both sides of a session's half hour.
	if (mr_random_chance(&v->random, 0.01))
		return mr_random_between(&v->random, 15 * 60000, 45 * 60000);
	double ms = mr_random_exponential(&v->random, plan[v->step].seconds * 1000.0);

	return 300 + (int64_t)(ms < 600000 ? ms : 600000);
}

static void
advance(struct mr_visit *v, const struct mr_customer *c)
{
	int64_t wait = pause_ms(v);

	if (v->step == IDENTIFY) {
		v->step = sensible(v, c, v->back);
	} else if (v->step == FAILED && v->failures > 0) {
		v->failures--;
	} else {
		uint8_t from = v->step;
		v->step = sensible(v, c, next_step(v));
		if (v->step == FAILED)
			v->failures = (uint8_t)mr_random_below(&v->random, 5);
		if (v->step == IDENTIFY && from == HOME)
			v->back = LIST;
	}
	v->at_ms += wait;
}

static uint8_t
first_step(struct mr_visit *v, const struct mr_customer *c)
{
	uint32_t point = mr_random_below(&v->random, 100);

	if (v->who.device->app && point < 8)
		return STORE;
	if (c->cart.n > 0 && point < 35)
		return CART;
	if (v->campaign >= 0 && point < 80)
		return PRODUCT;
	return HOME;
}

void
mr_visit_begin(struct mr_visit *v, const struct mr_shopper *who, const struct mr_customer *c, uint32_t user,
    uint64_t seed, int64_t ms)
{
	*v = (struct mr_visit){.user = user, .who = *who, .at_ms = ms, .online_ms = ms};
	mr_random_seed(&v->random, seed);
	v->anonymous = !c->known || mr_random_chance(&v->random, 0.08);
	v->campaign = -1;
	if (mr_random_chance(&v->random, 0.22))
		v->campaign = (int8_t)mr_random_below(&v->random, mr_n_campaigns);
	// An app without network keeps its events and sends them later, all at once.
	if (who->device->app && mr_random_chance(&v->random, 0.03))
		v->online_ms = ms + mr_random_between(&v->random, 60000, 90 * 60000);
	v->category = mr_random_below(&v->random, mr_n_categories);
	v->step = first_step(v, c);
}

void
mr_visit_refund(struct mr_visit *v, const struct mr_visit *of, int64_t ms)
{
	*v = *of;
	v->step = REFUND;
	v->at_ms = v->online_ms = ms;
	v->anonymous = of->anonymous;
	v->campaign = -1;
}

bool
mr_visit_ended(const struct mr_visit *v)
{
	return v->step == DONE;
}

static uint32_t
choose_product(struct mr_visit *v)
{
	v->product = mr_random_chance(&v->random, 0.7) ? mr_product_draw_in(&v->random, v->category)
	                                                : mr_product_draw(&v->random);
	v->category = mr_product_of(v->product).category_number;
	return v->product;
}

static void
add(struct mr_visit *v, struct mr_customer *c, struct mr_numbers *numbers, struct mr_fact *f)
{
	struct mr_cart *cart = &c->cart;

	MR_ASSERT(cart->n < MR_CART_MAX);
	if (cart->n == 0)
		cart->number = ++numbers->cart;
	f->product = v->product;
	f->quantity = 1 + (mr_random_chance(&v->random, 0.15) ? mr_random_below(&v->random, 3) : 0);
	cart->product[cart->n] = (uint16_t)f->product;
	cart->quantity[cart->n++] = (uint8_t)f->quantity;
	f->kind = MR_FACT_ADDED;
	f->cart = *cart;
}

static void
take_out(struct mr_visit *v, struct mr_customer *c, struct mr_fact *f)
{
	struct mr_cart *cart = &c->cart;
	uint32_t i = mr_random_below(&v->random, cart->n);

	f->kind = MR_FACT_REMOVED;
	f->product = cart->product[i];
	f->quantity = cart->quantity[i];
	f->cart = *cart;
	cart->n--;
	cart->product[i] = cart->product[cart->n];
	cart->quantity[i] = cart->quantity[cart->n];
}

static void
order(struct mr_visit *v, struct mr_customer *c, struct mr_numbers *numbers, struct mr_fact *f)
{
	v->order = ++numbers->order;
	v->ordered = c->cart;
	*f = (struct mr_fact){.kind = MR_FACT_ORDER, .at_ms = v->at_ms, .number = v->order, .cart = c->cart};
	c->cart = (struct mr_cart){0};
}

// The page that a browser reports just before what is done on it; an app reports only some screens.
static bool
view(const struct mr_visit *v, struct mr_fact *f)
{
	static const char *const pages[N_STEPS] = {
		[HOME] = "Home", [LIST] = "Category", [PRODUCT] = "Product", [CART] = "Cart", [CHECKOUT] = "Checkout",
	};

	if (pages[v->step] == NULL || (v->who.device->app && v->step != HOME && v->step != CART))
		return false;
	*f = (struct mr_fact){.kind = MR_FACT_VIEW, .at_ms = v->at_ms, .page = pages[v->step], .product = v->product,
		.number = v->category};
	return true;
}

// False where the step is only a page.
static bool
act(struct mr_visit *v, struct mr_customer *c, struct mr_numbers *numbers, struct mr_fact *f)
{
	*f = (struct mr_fact){.at_ms = v->at_ms, .cart = c->cart, .product = v->product};
	switch ((enum step)v->step) {
	case SEARCH:
		f->kind = MR_FACT_SEARCH;
		f->number = mr_random_below(&v->random, mr_n_queries);
		return true;
	case LIST:
		f->kind = MR_FACT_LIST;
		f->number = v->category;
		return true;
	case PRODUCT:
		f->kind = MR_FACT_PRODUCT;
		return true;
	case ADD:
		add(v, c, numbers, f);
		return true;
	case REMOVE:
		take_out(v, c, f);
		return true;
	case CART:
		f->kind = MR_FACT_CART;
		return true;
	case CHECKOUT:
		f->kind = MR_FACT_CHECKOUT;
		return true;
	case FAILED:
		f->kind = MR_FACT_PAYMENT_FAILED;
		return true;
	case ORDER:
		order(v, c, numbers, f);
		return true;
	case STORE:
		f->kind = MR_FACT_STORE;
		f->number = (uint32_t)(v->who.id % mr_n_places);
		return true;
	case IDENTIFY:
		v->anonymous = false;
		c->known = true;
		f->kind = MR_FACT_IDENTIFY;
		return true;
	case REFUND:
		f->kind = MR_FACT_REFUND;
		f->number = v->order;
		f->cart = v->ordered;
		return true;
	case HOME:
	case DONE:
	case N_STEPS:
		break;
	}
	return false;
}

uint32_t
mr_visit_step(struct mr_visit *v, struct mr_customer *c, struct mr_numbers *numbers, struct mr_fact facts[2])
{
	uint32_t n = 0;

	MR_ASSERT(v->step != DONE);
	// Another visit of the same shopper may have emptied or filled the cart since the step was chosen.
	if (v->step != REFUND)
		v->step = sensible(v, c, v->step);
	if (v->step == LIST && mr_random_chance(&v->random, 0.5))
		v->category = mr_random_below(&v->random, mr_n_categories);
	if (v->step == PRODUCT)
		choose_product(v);
	n += view(v, &facts[n]);
	if (n > 0)
		v->at_ms += mr_random_between(&v->random, 80, 900);
	n += act(v, c, numbers, &facts[n]);
	if (v->step == REFUND)
		v->step = DONE;
	else
		advance(v, c);
	return n;
}
