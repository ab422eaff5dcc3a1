// A made-up shop: visitors come at a given rate, walk through it, and their events arrive as such
// events do: a little out of order, some late, some twice. The seed decides all of it.
#ifndef MR_GENERATE_SHOP_H
#define MR_GENERATE_SHOP_H

#include <millrace/base.h>

#define MR_SHOP_USERS_MAX 20000000u

// How visitors are drawn: a few of them far more active than most; all alike; or as in Zipf's law, the
// n-th most active coming 1/n times as often as the first.
enum mr_shop_draw { MR_SHOP_DRAW_SHOP, MR_SHOP_DRAW_UNIFORM, MR_SHOP_DRAW_ZIPF };

struct mr_shop_conf {
	uint32_t users;              // 1 .. MR_SHOP_USERS_MAX
	double rate;                 // events a second, on the average of a day; > 0
	uint64_t seed;
	int64_t start_ms, end_ms;    // event times lie in [start, end)
	bool flat;                   // the same rate at every hour: no daily pattern
	enum mr_shop_draw draw;
};

struct mr_shop_message {
	int64_t arrival_ms;          // never goes back
	struct mr_str key;           // user id, else anonymous id
	struct mr_str json;
};

struct mr_shop;
struct mr_shop *mr_shop_new(const struct mr_shop_conf *);
void mr_shop_free(struct mr_shop *);
// The next message in the order of arrival; false at the end. Strings live until the next call.
bool mr_shop_next(struct mr_shop *, struct mr_shop_message *);

#endif
