// One visit of a shopper, as a walk through the shop. Each step gives up to two events and the time
// of the next step. What outlives the visit (the cart, orders) is the customer's.
#ifndef MR_GENERATE_VISIT_H
#define MR_GENERATE_VISIT_H

#include "generate/catalog.h"

#define MR_CART_MAX 6

struct mr_cart {
	uint32_t number;         // of the shop's carts; 0: none
	uint8_t n;
	uint8_t quantity[MR_CART_MAX];
	uint16_t product[MR_CART_MAX];
};

struct mr_customer {
	struct mr_cart cart;
	bool known;              // has logged in on this device before
	uint8_t visits;          // going on now
};

enum mr_fact_kind {
	MR_FACT_VIEW,            // page or screen call
	MR_FACT_SEARCH,
	MR_FACT_LIST,
	MR_FACT_PRODUCT,
	MR_FACT_ADDED,
	MR_FACT_REMOVED,
	MR_FACT_CART,
	MR_FACT_CHECKOUT,
	MR_FACT_PAYMENT_FAILED,
	MR_FACT_ORDER,
	MR_FACT_REFUND,
	MR_FACT_STORE,
	MR_FACT_IDENTIFY,
};

// What happened, with a copy of all that the event says of the shop.
struct mr_fact {
	enum mr_fact_kind kind;
	int64_t at_ms;
	const char *page;        // VIEW: its name
	uint32_t product;        // PRODUCT, ADDED, REMOVED; VIEW of a product
	uint32_t quantity;
	uint32_t number;         // query, category, place, or order
	struct mr_cart cart;
};

struct mr_visit {
	uint32_t user;
	struct mr_shopper who;
	struct mr_random random;
	int64_t at_ms;           // of the next step
	int64_t online_ms;       // the device has no network before
	uint8_t step, back;
	bool anonymous;          // has no userId (yet)
	bool landed;             // the first page has been seen: the campaign is known from it
	int8_t campaign;         // number, or -1
	uint8_t failures;        // payments that will fail yet
	uint32_t product, category;
	uint32_t order;          // ordered in this visit, or to be refunded
	struct mr_cart ordered;
};

struct mr_numbers {
	uint32_t cart, order;    // last ones given
};

// Begins a visit at `ms`.
void mr_visit_begin(struct mr_visit *, const struct mr_shopper *, const struct mr_customer *, uint32_t user,
    uint64_t seed, int64_t ms);
// A refund of `order`, seen by the shop's back office: a visit of one step.
void mr_visit_refund(struct mr_visit *, const struct mr_visit *of, int64_t ms);
// Fills facts[0..n) of the step that is due, moves the visit on and returns n. Afterwards
// mr_visit_ended says whether that was the last step.
uint32_t mr_visit_step(struct mr_visit *, struct mr_customer *, struct mr_numbers *, struct mr_fact facts[2]);
bool mr_visit_ended(const struct mr_visit *);

#endif
