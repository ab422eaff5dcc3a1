// What the core takes an event: JSON in memory to actions, on one thread, with no I/O. A made-up shop's
// events, generated beforehand; the first fifth of each run is not measured. Time is CPU time.
// Usage: bench_core CONFIG [--events N] [--users N] [--runs N] [--seed N] [--stage NAME] [--profile]
#include "config/config.h"
#include "core/task.h"
#include "counters.h"
#include "generate/shop.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 256
#define WARM_UP 5            // one part of so many
#define RUNS_MAX 101
#define START_MS INT64_C(1772323200000)

struct options {
	const char *config, *stage;
	size_t events, users, runs;
	uint64_t seed;
	bool profile;            // only the whole configuration (or --stage), for a profiler
};

struct input {
	char *bytes;
	struct mr_raw_record *records;
	size_t n, n_bytes;
};

struct result {
	double ns[RUNS_MAX];     // an event
	double instructions;     // an event; below 0: not known
	double allocations, allocated;
	double bytes_a_user;
	size_t users;
	uint64_t effects, applied;
};

static const struct mr_str topics[] = {{"events", 6}};

// ---- input ----

static void
generate(const struct options *o, struct input *in)
{
	const struct mr_shop_conf conf = {
		.users = (uint32_t)o->users, .rate = (double)o->users / 1000 + 0.1, .seed = o->seed,
		.start_ms = START_MS, .end_ms = INT64_MAX / 2, .flat = true,
	};
	struct mr_shop *shop = mr_shop_new(&conf);
	struct mr_shop_message m;
	size_t cap = 0, *offsets = calloc(o->events, sizeof(*offsets));

	in->records = calloc(o->events, sizeof(*in->records));
	MR_ASSERT(in->records != NULL && offsets != NULL);
	for (; in->n < o->events && mr_shop_next(shop, &m); in->n++) {
		if (in->n_bytes + m.json.n + MR_PADDING > cap) {
			cap = cap ? 2 * cap + m.json.n + MR_PADDING : 64 << 20;
			in->bytes = realloc(in->bytes, cap);
			MR_ASSERT(in->bytes != NULL);
		}
		offsets[in->n] = in->n_bytes;
		memcpy(in->bytes + in->n_bytes, m.json.p, m.json.n);
		in->n_bytes += m.json.n;
		in->records[in->n] = (struct mr_raw_record){
			.origin = {topics[0], 0, (int64_t)in->n}, .timestamp_ms = m.arrival_ms, .value = {NULL, m.json.n},
		};
	}
	for (size_t i = 0; i < in->n; i++)
		in->records[i].value.p = in->bytes + offsets[i];
	free(offsets);
	mr_shop_free(shop);
}

// The configuration up to the end of a stage; all of it where there is no such line.
static char *
text_of(const char *path, const char *stage)
{
	FILE *f = fopen(path, "rb");
	char *text = calloc(1, 65536), line[64];

	MR_ASSERT(text != NULL);
	if (f == NULL || fread(text, 1, 65535, f) == 0) {
		perror(path);
		exit(1);
	}
	fclose(f);
	snprintf(line, sizeof(line), "\n# stage %s\n", stage);
	char *end = strstr(text, line);
	if (end)
		end[1] = '\0';
	return text;
}

static struct mr_config *
load(const struct options *o, const char *stage)
{
	char *text = text_of(o->config, stage), *errors = NULL;
	struct mr_config *config =
	    mr_config_load(o->config, text, &(struct mr_config_options){.json = true, .lenient = true}, &errors, NULL);

	if (config == NULL) {
		fputs(errors, stderr);
		exit(1);
	}
	free(errors);
	free(text);
	return config;
}

// ---- a run ----

static void
apply(struct mr_task *task, const struct input *in, size_t from, size_t to, bool decode_only, uint64_t *effects)
{
	struct mr_item *items[BATCH];
	size_t n_effects;

	for (size_t i = from; i < to; i += BATCH) {
		size_t n = to - i < BATCH ? to - i : BATCH;
		mr_task_batch(task);
		for (size_t k = 0; k < n; k++)
			items[k] = mr_task_decode(task, &in->records[i + k]);
		if (decode_only)
			continue;
		for (size_t k = 0; k < n; k++)
			mr_task_apply(task, items[k]);
		mr_task_effects(task, &n_effects);
		*effects += n_effects;
		mr_task_effects_done(task);
	}
}

static void
run(const struct mr_config *config, const struct input *in, bool decode_only, struct result *r, size_t number)
{
	struct mr_task *task = mr_task_new(&(struct mr_task_conf){.plan = &config->plan, .topics = topics, .n_topics = 1});
	size_t warm = in->n / WARM_UP, measured = in->n - warm;
	struct counters before, after;

	r->effects = 0;
	apply(task, in, 0, warm, decode_only, &r->effects);
	r->effects = 0;
	counters_read(&before);
	apply(task, in, warm, in->n, decode_only, &r->effects);
	counters_read(&after);
	r->ns[number] = (after.cpu_ns - before.cpu_ns) / (double)measured;
	r->instructions = before.instructions < 0 ? -1 : (after.instructions - before.instructions) / (double)measured;
	r->allocations = (double)(after.allocations - before.allocations) / (double)measured;
	r->allocated = (double)(after.allocated - before.allocated) / (double)measured;
	r->users = mr_users_count(mr_task_users(task));
	r->bytes_a_user = r->users ? (double)mr_users_bytes(mr_task_users(task)) / (double)r->users : 0;
	r->applied = mr_task_seq(task);
	MR_ASSERT(mr_task_counters(task)[MR_C_MALFORMED] == 0);
	mr_task_free(task);
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
measure(const struct options *o, const struct input *in, const char *stage, bool decode_only)
{
	struct mr_config *config = load(o, stage);
	struct result r = {0};

	for (size_t i = 0; i < o->runs; i++)
		run(config, in, decode_only, &r, i);
	qsort(r.ns, o->runs, sizeof(r.ns[0]), by_size);
	printf("%-9s %7.0f ns (%.0f to %.0f) %9.0f events/s", decode_only ? "decode" : stage, r.ns[o->runs / 2], r.ns[0],
	    r.ns[o->runs - 1], 1e9 / r.ns[o->runs / 2]);
	if (r.instructions >= 0)
		printf(" %7.0f instructions", r.instructions);
	printf("  %.3f allocations, %.1f bytes", r.allocations, r.allocated);
	if (!decode_only)
		printf("  %.0f bytes a user, %.3f effects", r.bytes_a_user, (double)r.effects / (double)(in->n - in->n / WARM_UP));
	putchar('\n');
	mr_config_free(config);
}

static bool
parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"events", required_argument, NULL, 'e'}, {"users", required_argument, NULL, 'u'},
		{"runs", required_argument, NULL, 'r'}, {"seed", required_argument, NULL, 's'},
		{"stage", required_argument, NULL, 't'}, {"profile", no_argument, NULL, 'p'}, {0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'e')
			o->events = strtoul(optarg, NULL, 10);
		else if (c == 'u')
			o->users = strtoul(optarg, NULL, 10);
		else if (c == 'r')
			o->runs = strtoul(optarg, NULL, 10);
		else if (c == 's')
			o->seed = strtoul(optarg, NULL, 10);
		else if (c == 't')
			o->stage = optarg;
		else if (c == 'p')
			o->profile = true;
		else
			return false;
	}
	o->config = optind + 1 == argc ? argv[optind] : NULL;
	return o->config && o->events >= 100 && o->users > 0 && o->users <= MR_SHOP_USERS_MAX && o->runs > 0 && o->runs <= RUNS_MAX;
}

int
main(int argc, char **argv)
{
	static const char *const stages[] = {"sessions", "profile", "rules"};
	struct options o = {.events = 500000, .users = 1000, .runs = 5, .seed = 1};
	struct input in = {0};

	if (!parse(argc, argv, &o)) {
		fprintf(stderr, "usage: bench_core CONFIG [--events N] [--users N] [--runs N] [--seed N] [--stage NAME] [--profile]\n");
		return 2;
	}
	counters_open();
	generate(&o, &in);
	printf("%zu events of %zu users, %.0f bytes each, seed %llu; %zu runs, median (least to most), an event\n", in.n, o.users,
	    (double)in.n_bytes / (double)in.n, (unsigned long long)o.seed, o.runs);
	if (!o.profile)
		measure(&o, &in, "rules", true);
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (o.profile ? strcmp(o.stage ? o.stage : "rules", stages[i]) == 0 : o.stage == NULL || strcmp(o.stage, stages[i]) == 0)
			measure(&o, &in, stages[i], false);
	free(in.bytes);
	free(in.records);
	return 0;
}
