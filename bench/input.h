// What benchmarks are fed with: the events of a made-up shop in memory, generated beforehand, a part at
// a time where there are many. The seed decides them.
#ifndef MR_BENCH_INPUT_H
#define MR_BENCH_INPUT_H

#include <millrace/event.h>

#include "event/decode.h"
#include "generate/shop.h"

struct input_conf {
	size_t events, users;
	uint64_t seed;
	enum mr_shop_draw draw;
	bool populate;            // one small event of every user comes first, beside `events`
	int64_t hours;            // by which the shop's events are later
};

struct input;

struct part {
	const struct mr_raw_record *records;
	size_t n;
	bool populating;
};

extern const struct mr_str input_topics[1];

struct input *input_open(const struct input_conf *);
void input_close(struct input *);
// From the beginning again.
void input_rewind(struct input *);
// The next events, which live until the next call; at most `max`. False at the end.
bool input_next(struct input *, size_t max, struct part *);
// Of an event of the shop, on the average, so far.
double input_bytes(const struct input *);
// "shop", "uniform", "zipf". False: none of them.
bool input_draw(const char *name, enum mr_shop_draw *);

#endif
