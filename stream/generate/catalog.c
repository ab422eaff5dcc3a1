#include "generate/catalog.h"

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))
#define HOUR_MS 3600000
#define DAY_MS (24 * (int64_t)HOUR_MS)

const struct mr_region mr_regions[] = {
	{"Europe/London", "en-GB", "GB", "GBP", 0, 34},
	{"Europe/Berlin", "de-DE", "DE", "EUR", 60, 20},
	{"Europe/Paris", "fr-FR", "FR", "EUR", 60, 12},
	{"America/New_York", "en-US", "US", "USD", -300, 18},
	{"America/Los_Angeles", "en-US", "US", "USD", -480, 8},
	{"Asia/Kolkata", "en-IN", "IN", "INR", 330, 4},
	{"Australia/Sydney", "en-AU", "AU", "AUD", 600, 4},
};
const uint32_t mr_n_regions = COUNT(mr_regions);

const struct mr_device mr_devices[] = {
	{"desktop", "Windows", "PC", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/124.0 Safari/537.36", false, 30},
	{"desktop", "macOS", "Mac", "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15", false, 12},
	{"mobile", "Android", "Pixel 8", "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/124.0 Mobile Safari/537.36", false, 16},
	{"mobile", "iOS", "iPhone15,4", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", false, 14},
	{"ios", "iOS", "iPhone14,7", "Shop/8.2 (iOS 17.4)", true, 15},
	{"android", "Android", "SM-S911B", "Shop/8.1 (Android 14)", true, 13},
};
const uint32_t mr_n_devices = COUNT(mr_devices);

const struct mr_campaign mr_campaigns[] = {
	{"spring-sale", "newsletter", "email"},
	{"brand-search", "google", "cpc"},
	{"retargeting", "facebook", "paid_social"},
	{"new-in", "instagram", "social"},
	{"partner-deals", "affiliate", "referral"},
};
const uint32_t mr_n_campaigns = COUNT(mr_campaigns);

const struct mr_shop_place mr_places[] = {
	{"store-01", "London Oxford Street"}, {"store-02", "Manchester Arndale"}, {"store-03", "Berlin Mitte"},
	{"store-04", "Paris Marais"}, {"store-05", "New York SoHo"}, {"store-06", "Sydney Pitt Street"},
};
const uint32_t mr_n_places = COUNT(mr_places);

const char *const mr_categories[] = {
	"Shoes", "Jackets", "Shirts", "Trousers", "Dresses", "Bags", "Watches", "Sport", "Home", "Toys",
};
const uint32_t mr_n_categories = COUNT(mr_categories);

static const char *const kinds[] = {
	"Trainers", "Parka", "Oxford Shirt", "Chinos", "Summer Dress", "Tote", "Chronograph", "Yoga Mat", "Lamp", "Puzzle",
};
static const char *const brands[] = {"Alder", "Borough", "Caldera", "Dune", "Everly", "Fjord", "Grove", "Harbour"};
static const char *const adjectives[] = {"Classic", "Light", "Urban", "Trail", "Soft", "Compact", "Bold", "Vintage", "Slim"};

const char *const mr_queries[] = {
	"running shoes", "black dress", "rain jacket", "gift", "leather bag", "white shirt", "watch men", "jeans",
	"yoga", "desk lamp", "puzzle 1000", "sale", "crème brûlée set", "\"slim fit\" chinos", "größe 44",
};
const uint32_t mr_n_queries = COUNT(mr_queries);

struct mr_product
mr_product_of(uint32_t number)
{
	MR_ASSERT(number < MR_PRODUCTS);
	uint64_t h = mr_mix64(number * 0x10001u + 7);
	uint32_t category = number % mr_n_categories;
	// Most are cheap: the square of a uniform number, between 4.99 and 248.99.
	uint64_t u = (h >> 40) % 1000;
	uint32_t euros = 4 + (uint32_t)(u * u * 245 / 1000000);

	return (struct mr_product){
		.number = number,
		.category = mr_categories[category],
		.category_number = category,
		.kind = kinds[category],
		.brand = brands[h % COUNT(brands)],
		.adjective = adjectives[(h >> 8) % COUNT(adjectives)],
		.price_cents = euros * 100 + 99,
	};
}

uint32_t
mr_product_draw(struct mr_random *r)
{
	double u = mr_random_unit(r);

	return (uint32_t)(u * u * u * MR_PRODUCTS);
}

uint32_t
mr_product_draw_in(struct mr_random *r, uint32_t category_number)
{
	MR_ASSERT(category_number < mr_n_categories);
	uint32_t number = mr_product_draw(r);

	return number - number % mr_n_categories + category_number;
}

// The table's entry that `point` (0 .. 99) falls into.
#define BY_PERCENT(table, point) \
	uint32_t i = 0; \
	for (uint32_t left = (point); i + 1 < COUNT(table) && left >= (table)[i].percent; i++) \
		left -= (table)[i].percent; \
	return &(table)[i];

static const struct mr_region *
region_at(uint32_t point)
{
	BY_PERCENT(mr_regions, point)
}

static const struct mr_device *
device_at(uint32_t point)
{
	BY_PERCENT(mr_devices, point)
}

// Most clocks are right within seconds; a few are wrong by minutes or hours, one in 5,000 by a year.
static int64_t
skew(uint64_t h)
{
	uint64_t kind = h % 5000, size = h >> 32;

	if (kind == 0)
		return 365 * DAY_MS;
	if (kind < 150)
		return (int64_t)(size % (4 * HOUR_MS)) - 2 * HOUR_MS;
	return (int64_t)(size % 4000) - 2000;
}

struct mr_shopper
mr_shopper_of(uint64_t seed, uint32_t user)
{
	uint64_t h = mr_mix64(mr_mix64(seed) ^ user), more = mr_mix64(h);

	return (struct mr_shopper){
		.region = region_at((uint32_t)(h % 100)),
		.device = device_at((uint32_t)((h >> 16) % 100)),
		.id = more,
		.clock_skew_ms = skew(mr_mix64(more)),
		.marketing = (h >> 40) % 100 < 70,
		.loyalty = (h >> 50) % 100 < 6 ? 2 : (h >> 50) % 100 < 20 ? 1 : 0,
	};
}

// Share of the busiest hour, by hour of the local day.
static const uint8_t by_hour[24] = {
	18, 10, 6, 5, 5, 8, 18, 34, 46, 54, 60, 66, 74, 70, 64, 62, 64, 70, 82, 94, 100, 96, 70, 38,
};

double
mr_awake(const struct mr_region *region, int64_t ms)
{
	int64_t local = ms + (int64_t)region->utc_offset_min * 60000;
	int64_t day = ((local % DAY_MS) + DAY_MS) % DAY_MS;
	int hour = (int)(day / HOUR_MS);
	double part = (double)(day % HOUR_MS) / HOUR_MS;

	return (by_hour[hour] * (1 - part) + by_hour[(hour + 1) % 24] * part) / 100;
}

double
mr_busy(int64_t ms)
{
	double sum = 0, mean = 0;

	for (uint32_t i = 0; i < mr_n_regions; i++)
		sum += mr_awake(&mr_regions[i], ms) * mr_regions[i].percent;
	for (int i = 0; i < 24; i++)
		mean += by_hour[i];
	return sum / (mean / 24);
}
