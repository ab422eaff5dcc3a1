#include "input.h"

#include <stdio.h>
#include <stdlib.h>

#define PART 500000               // events that are in memory at once
#define START_MS INT64_C(1772323200000)
#define POPULATE_BYTES 200

const struct mr_str input_topics[1] = {{"events", 6}};

struct input {
	struct input_conf conf;
	struct mr_shop *shop;
	char *bytes;
	size_t n_bytes, cap_bytes, *offsets;
	struct mr_raw_record *records;
	bool full, populating;       // the part in memory: full once it was generated
	size_t n, given;             // in it
	size_t populated, generated; // in all
	double shop_bytes;
};

static void
begin(struct input *in)
{
	const struct mr_shop_conf conf = {
		.users = (uint32_t)in->conf.users, .rate = (double)in->conf.users / 1000 + 0.1, .seed = in->conf.seed,
		.start_ms = START_MS + in->conf.hours * 3600000, .end_ms = INT64_MAX / 2, .flat = true, .draw = in->conf.draw,
	};

	mr_shop_free(in->shop);
	in->shop = mr_shop_new(&conf);
	in->populated = in->generated = in->n = in->given = 0;
	in->shop_bytes = 0;
	in->full = false;
}

struct input *
input_open(const struct input_conf *conf)
{
	struct input *in = calloc(1, sizeof(*in));

	MR_ASSERT(in != NULL);
	in->conf = *conf;
	in->records = calloc(PART, sizeof(*in->records));
	in->offsets = calloc(PART, sizeof(*in->offsets));
	MR_ASSERT(in->records != NULL && in->offsets != NULL);
	begin(in);
	return in;
}

void
input_close(struct input *in)
{
	mr_shop_free(in->shop);
	free(in->bytes);
	free(in->records);
	free(in->offsets);
	free(in);
}

static void
add(struct input *in, struct mr_str key, struct mr_str json, int64_t ms)
{
	size_t n = key.n + json.n;

	if (in->n_bytes + n > in->cap_bytes) {
		in->cap_bytes = 2 * in->cap_bytes + n;
		in->bytes = realloc(in->bytes, in->cap_bytes);
		MR_ASSERT(in->bytes != NULL);
	}
	in->offsets[in->n] = in->n_bytes;
	memcpy(in->bytes + in->n_bytes, key.p, key.n);
	memcpy(in->bytes + in->n_bytes + key.n, json.p, json.n);
	in->n_bytes += key.n + json.n;
	in->records[in->n++] = (struct mr_raw_record){
		.origin = {input_topics[0], 0, (int64_t)(in->populated + in->generated)}, .timestamp_ms = ms,
		.key = {NULL, key.n}, .value = {NULL, json.n},
	};
}

// A user as the shop names him, who looked at something an hour before it opened.
static void
add_user(struct input *in, size_t user)
{
	char key[16], json[POPULATE_BYTES];
	int k = snprintf(key, sizeof(key), "u%07zu", user);
	int n = snprintf(json, sizeof(json), "{\"type\":\"track\",\"event\":\"Product Viewed\",\"messageId\":\"p-%zu\",\"userId\":\"%s\","
	    "\"timestamp\":\"2026-02-28T23:00:00.000Z\",\"properties\":{\"category\":\"toys\",\"price\":9.5}}", user, key);

	MR_ASSERT(k < (int)sizeof(key) && n < POPULATE_BYTES);
	add(in, (struct mr_str){key, (size_t)k}, (struct mr_str){json, (size_t)n}, START_MS - 3600000);
}

static void
generate(struct input *in)
{
	struct mr_shop_message m;

	in->n = in->n_bytes = in->given = 0;
	in->populating = in->conf.populate && in->populated < in->conf.users;
	if (in->populating) {
		for (; in->n < PART && in->populated < in->conf.users; in->populated++)
			add_user(in, in->populated);
	} else {
		for (; in->n < PART && in->generated < in->conf.events && mr_shop_next(in->shop, &m); in->generated++) {
			add(in, m.key, m.json, m.arrival_ms);
			in->shop_bytes += (double)m.json.n;
		}
	}
	for (size_t i = 0; i < in->n; i++) {
		in->records[i].key.p = in->bytes + in->offsets[i];
		in->records[i].value.p = in->bytes + in->offsets[i] + in->records[i].key.n;
	}
	in->full = true;
}

void
input_rewind(struct input *in)
{
	if (in->full && in->n == in->conf.events && !in->conf.populate)
		in->given = 0;   // all of it is in memory
	else
		begin(in);
}

bool
input_next(struct input *in, size_t max, struct part *out)
{
	bool more = (in->conf.populate && in->populated < in->conf.users) || in->generated < in->conf.events;

	if (in->given == in->n && more)
		generate(in);
	size_t left = in->n - in->given, n = left < max ? left : max;
	*out = (struct part){in->records + in->given, n, in->populating};
	in->given += n;
	return n > 0;
}

double
input_bytes(const struct input *in)
{
	return in->generated ? in->shop_bytes / (double)in->generated : 0;
}

bool
input_draw(const char *name, enum mr_shop_draw *draw)
{
	static const char *const names[] = {"shop", "uniform", "zipf"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			*draw = (enum mr_shop_draw)i;
			return true;
		}
	}
	return false;
}
