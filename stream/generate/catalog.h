// What the made-up shop sells, and to whom: fixed tables, and what follows from numbers.
#ifndef MR_GENERATE_CATALOG_H
#define MR_GENERATE_CATALOG_H

#include "generate/random.h"

#define MR_PRODUCTS 2000u

struct mr_region {
	const char *timezone, *locale, *country, *currency;
	int utc_offset_min;      // of winter; only the daily pattern uses it
	uint32_t percent;        // of shoppers
};
extern const struct mr_region mr_regions[];
extern const uint32_t mr_n_regions;

struct mr_device {
	const char *type, *os, *model, *agent;
	bool app;                // sends screens from an app, not pages from a browser
	uint32_t percent;
};
extern const struct mr_device mr_devices[];
extern const uint32_t mr_n_devices;

struct mr_campaign {
	const char *name, *source, *medium;
};
extern const struct mr_campaign mr_campaigns[];
extern const uint32_t mr_n_campaigns;

struct mr_shop_place {
	const char *id, *name;
};
extern const struct mr_shop_place mr_places[];
extern const uint32_t mr_n_places;

struct mr_product {
	uint32_t number;
	const char *category, *brand, *kind, *adjective;
	uint32_t category_number;
	uint32_t price_cents;
};
struct mr_product mr_product_of(uint32_t number);   // number < MR_PRODUCTS
extern const char *const mr_categories[];
extern const uint32_t mr_n_categories;
extern const char *const mr_queries[];
extern const uint32_t mr_n_queries;

// Popular ones more often, as in any shop.
uint32_t mr_product_draw(struct mr_random *);
uint32_t mr_product_draw_in(struct mr_random *, uint32_t category_number);

// What is fixed about a shopper: follows from the seed and the number.
struct mr_shopper {
	const struct mr_region *region;
	const struct mr_device *device;
	uint64_t id;             // random-looking, of device and anonymous id
	int64_t clock_skew_ms;   // how far the device's clock is ahead
	bool marketing;          // consent
	uint32_t loyalty;        // 0 none, 1 silver, 2 gold
};
struct mr_shopper mr_shopper_of(uint64_t seed, uint32_t user);

// How busy the shop is at that time, 1 on the average of a day; and a region's share of its own peak.
double mr_busy(int64_t ms);
double mr_awake(const struct mr_region *, int64_t ms);

#endif
