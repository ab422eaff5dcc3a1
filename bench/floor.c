// What no program can go below that reads the same events and keeps something of each user: a bare parse
// (see parse.cc), and one access to memory that waits for its line, one for each event, at as many places
// as there are users.
// Usage: bench_floor [--events N] [--users N] [--runs N] [--seed N]
#include "counters.h"
#include "input.h"
#include "parse.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define STRIDE 1024          // bytes from one user's line to the next

static double
parse(struct input *in)
{
	struct counters sum = {0};
	struct part part;
	size_t n = 0, good = 0;

	input_rewind(in);
	while (input_next(in, SIZE_MAX, &part)) {
		counters_start();
		for (size_t i = 0; i < part.n; i++)
			good += bench_parse(part.records[i].value.p, part.records[i].value.n);
		counters_stop(&sum);
		n += part.n;
	}
	MR_ASSERT(good == n);
	return sum.cpu_ns / (double)n;
}

// Where it goes next depends on what was read, so that no access begins before the last has ended.
static double
touch(const char *lines, size_t users, size_t events)
{
	struct counters sum = {0};
	uint64_t at = 1;

	counters_start();
	for (size_t i = 0; i < events; i++) {
		uint64_t read = *(const volatile uint64_t *)(const void *)(lines + ((at >> 32) % users) * STRIDE);
		at = (at + read) * UINT64_C(6364136223846793005) + 1442695040888963407;
	}
	counters_stop(&sum);
	return sum.cpu_ns / (double)events;
}

static void
show(const char *name, const double *values, size_t n, const char *end)
{
	printf("\"%s\": [", name);
	for (size_t i = 0; i < n; i++)
		printf("%s%.2f", i ? ", " : "", values[i]);
	printf("]%s", end);
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"events", required_argument, NULL, 'e'}, {"users", required_argument, NULL, 'u'},
		{"runs", required_argument, NULL, 'r'}, {"seed", required_argument, NULL, 's'}, {0},
	};
	struct input_conf conf = {.events = 500000, .users = 1000, .seed = 1};
	double parsed[101], touched[101];
	size_t runs = 5;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'e')
			conf.events = strtoul(optarg, NULL, 10);
		else if (c == 'u')
			conf.users = strtoul(optarg, NULL, 10);
		else if (c == 'r')
			runs = strtoul(optarg, NULL, 10);
		else if (c == 's')
			conf.seed = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	MR_ASSERT(conf.events > 0 && conf.users > 0 && runs > 0 && runs <= 101);
	struct input *in = input_open(&conf);
	char *lines = malloc(conf.users * STRIDE);
	MR_ASSERT(lines != NULL);
	memset(lines, 1, conf.users * STRIDE);
	for (size_t i = 0; i < runs; i++) {
		parsed[i] = parse(in);
		touched[i] = touch(lines, conf.users, conf.events);
	}
	putchar('{');
	show("parse", parsed, runs, ", ");
	show("touch", touched, runs, "}\n");
	free(lines);
	input_close(in);
	return 0;
}
