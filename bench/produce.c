// Fills a topic: with a made-up shop's events, or with one event of every user; or with records of a given
// size, all alike, which is what any program that writes to Kafka through librdkafka pays at least.
#include "client.h"
#include "input.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define USAGE "usage: bench_produce BROKERS TOPIC shop|users|bare --events N [--users N] [--seed N] [--draw NAME]\n" \
	"       [--hours N] [--bytes N]\n"

static const struct client_setting settings[] = {{"partitioner", "murmur2"}, {"linger.ms", "5"}, {"acks", "all"},
	{"enable.idempotence", "true"}, {"queue.buffering.max.messages", "200000"}, {NULL, NULL}};

struct options {
	const char *brokers, *topic, *what;
	struct input_conf input;
	size_t bytes;
};

static size_t
events(rd_kafka_t *rk, const struct options *o)
{
	struct input *in = input_open(&o->input);
	struct part part;
	size_t n = 0;

	while (input_next(in, SIZE_MAX, &part)) {
		for (size_t i = 0; i < part.n; i++) {
			const struct mr_raw_record *r = &part.records[i];
			client_produce(rk, o->topic, RD_KAFKA_PARTITION_UA, r->key.p, r->key.n, r->value.p, r->value.n);
			if (i % 256 == 0)
				rd_kafka_poll(rk, 0);
		}
		n += part.n;
	}
	input_close(in);
	return n;
}

static size_t
bare(rd_kafka_t *rk, const struct options *o)
{
	char *value = calloc(1, o->bytes), key[16];

	MR_ASSERT(value != NULL);
	memset(value, 'x', o->bytes);
	for (size_t i = 0; i < o->input.events; i++) {
		int n = snprintf(key, sizeof(key), "u%07zu", i % o->input.users);
		client_produce(rk, o->topic, RD_KAFKA_PARTITION_UA, key, (size_t)n, value, o->bytes);
		if (i % 256 == 0)
			rd_kafka_poll(rk, 0);
	}
	free(value);
	return o->input.events;
}

static bool
parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"events", required_argument, NULL, 'e'}, {"users", required_argument, NULL, 'u'},
		{"seed", required_argument, NULL, 's'}, {"draw", required_argument, NULL, 'd'},
		{"bytes", required_argument, NULL, 'b'}, {"hours", required_argument, NULL, 'h'}, {0},
	};
	bool good = true;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'e': o->input.events = strtoul(optarg, NULL, 10); break;
		case 'u': o->input.users = strtoul(optarg, NULL, 10); break;
		case 's': o->input.seed = strtoul(optarg, NULL, 10); break;
		case 'd': good = good && input_draw(optarg, &o->input.draw); break;
		case 'h': o->input.hours = strtol(optarg, NULL, 10); break;
		case 'b': o->bytes = strtoul(optarg, NULL, 10); break;
		default: return false;
		}
	}
	if (optind + 3 != argc)
		return false;
	o->brokers = argv[optind];
	o->topic = argv[optind + 1];
	o->what = argv[optind + 2];
	o->input.populate = strcmp(o->what, "users") == 0;
	return good && o->input.users > 0 && o->input.users <= MR_SHOP_USERS_MAX && o->bytes > 0;
}

int
main(int argc, char **argv)
{
	struct options o = {.input = {.events = 0, .users = 1000, .seed = 1}, .bytes = 600};

	if (!parse(argc, argv, &o)) {
		fputs(USAGE, stderr);
		return 2;
	}
	rd_kafka_t *rk = client_open(RD_KAFKA_PRODUCER, o.brokers, settings);
	double began = client_wall_s();
	size_t n = strcmp(o.what, "bare") == 0 ? bare(rk, &o) : events(rk, &o);
	client_close_producer(rk);
	printf("{\"events\": %zu, \"wall_s\": %.4f, \"cpu_s\": %.4f}\n", n, client_wall_s() - began, client_cpu_s());
	return 0;
}
