// What the core takes an event: JSON in memory to actions, on one thread, with no I/O. A made-up shop's
// events, generated beforehand; the first fifth of each run is not measured. Time is CPU time.
#include "config/config.h"
#include "core/task.h"
#include "counters.h"
#include "input.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 256
#define WARM_UP 5            // one part of so many
#define RUNS_MAX 101
#define ENCODE_EVERY 64      // batches; about what one flush interval has
#define USAGE "usage: bench_core CONFIG [--events N] [--users N] [--runs N] [--seed N] [--draw shop|uniform|zipf]\n" \
	"       [--populate] [--warm] [--stage NAME] [--profile] [--json]\n"

struct options {
	const char *config, *stage;
	struct input_conf input;
	size_t runs;
	bool profile;            // only the whole configuration (or --stage), for a profiler
	bool warm;               // one run that does not count comes first
	bool json;
};

// Each stage is all that comes before it as well: configurations are cut off at a line of core.yaml. What
// is decoded are the fields that the configuration reads, so there are two of that.
static const struct stage {
	const char *name, *config;
	bool decode_only, encode;
} stages[] = {
	{"decode", "rules", true, false}, {"identify", "lookup", true, false}, {"lookup", "lookup", false, false},
	{"sessions", "sessions", false, false}, {"profile", "profile", false, false}, {"rules", "rules", false, false},
	{"churn", "churn", false, false}, {"encode", "rules", false, true},
};
#define STAGES (sizeof(stages) / sizeof(stages[0]))

struct result {
	const struct stage *stage;
	struct mr_config *config;
	double ns[RUNS_MAX];     // an event
	double instructions, cache_misses;   // an event; below 0: not known
	double allocations, allocated, effects, pages, bytes_a_user;
	size_t users;
};

// The configuration up to the end of a stage; all of it where there is no such line.
static char *
text_of(const char *path, const char *stage)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL, line[64];
	size_t room = 0;

	if (f == NULL || getdelim(&text, &room, '\0', f) <= 0) {
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
load(const char *path, const char *stage)
{
	char *text = text_of(path, stage), *errors = NULL;
	struct mr_config *config =
	    mr_config_load(path, text, &(struct mr_config_options){.json = true, .lenient = true}, &errors, NULL);

	if (config == NULL) {
		fputs(errors, stderr);
		exit(1);
	}
	free(errors);
	free(text);
	return config;
}

// ---- a run ----

// Everything changed is encoded and acknowledged, as if the store took it at once.
static size_t
encode(struct mr_task *task)
{
	const struct mr_held *chunk[64];
	uint64_t seq = mr_task_seq(task);
	size_t n, pages = 0;

	while (mr_task_encode(task, seq, 64) > 0) {
		while ((n = mr_task_chunk(task, seq, chunk, 64)) > 0) {
			mr_task_chunk_acknowledged(task, n);
			pages += n;
		}
	}
	return pages;
}

static void
apply(struct mr_task *task, const struct part *part, const struct stage *stage, struct result *r)
{
	struct mr_item *items[BATCH];
	size_t n_effects;

	for (size_t i = 0; i < part->n; i += BATCH) {
		size_t n = part->n - i < BATCH ? part->n - i : BATCH;
		mr_task_batch(task);
		for (size_t k = 0; k < n; k++)
			items[k] = mr_task_decode(task, &part->records[i + k]);
		if (stage->decode_only)
			continue;
		for (size_t k = 0; k < n; k++) {
			if (stage->encode && !mr_task_knows(task, items[k]))
				mr_task_install(task, items[k]->event.user, (struct mr_str){0}, 0);
			mr_task_apply(task, items[k]);
		}
		mr_task_effects(task, &n_effects);
		r->effects += (double)n_effects;
		mr_task_effects_done(task);
		if (stage->encode && ((i / BATCH) % ENCODE_EVERY == ENCODE_EVERY - 1 || i + n == part->n))
			r->pages += (double)encode(task);
	}
}

// Everybody's one event and the first fifth of the others.
static void
warm_up(struct mr_task *task, struct input *in, size_t events, const struct stage *stage)
{
	struct result ignored = {0};
	struct part part;
	size_t left = events / WARM_UP;

	input_rewind(in);
	while (left > 0 && input_next(in, left, &part)) {
		apply(task, &part, stage, &ignored);
		left -= part.populating ? 0 : part.n;
	}
}

static void
run(struct input *in, const struct options *o, struct result *r, size_t number)
{
	struct mr_task *task = mr_task_new(&(struct mr_task_conf){
	    .plan = &r->config->plan, .topics = input_topics, .n_topics = 1, .stored = r->stage->encode});
	struct counters sum = {0};
	struct part part;
	size_t n = 0;

	if (r->stage->encode)
		mr_task_index_loaded(task, &(struct mr_due_bound){.due_ms = INT64_MAX});
	warm_up(task, in, o->input.events, r->stage);
	r->effects = r->pages = 0;
	while (input_next(in, SIZE_MAX, &part)) {
		counters_start();
		apply(task, &part, r->stage, r);
		counters_stop(&sum);
		n += part.n;
	}
	counters_name(r->stage->name);
	r->ns[number] = sum.cpu_ns / (double)n;
	r->instructions = sum.instructions < 0 ? -1 : sum.instructions / (double)n;
	r->cache_misses = sum.cache_misses < 0 ? -1 : sum.cache_misses / (double)n;
	r->allocations = (double)sum.allocations / (double)n;
	r->allocated = (double)sum.allocated / (double)n;
	r->effects /= (double)n;
	r->pages /= (double)n;
	r->users = mr_users_count(mr_task_users(task));
	r->bytes_a_user = r->users ? (double)mr_users_bytes(mr_task_users(task)) / (double)r->users : 0;
	MR_ASSERT(mr_task_counters(task)[MR_C_MALFORMED] == 0);
	mr_task_free(task);
}

// ---- what is said ----

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
show(const struct result *r, size_t runs)
{
	double ns[RUNS_MAX];

	memcpy(ns, r->ns, sizeof(ns));
	qsort(ns, runs, sizeof(ns[0]), by_size);
	printf("%-9s %7.0f ns (%.0f to %.0f) %9.0f events/s", r->stage->name, ns[runs / 2], ns[0], ns[runs - 1], 1e9 / ns[runs / 2]);
	if (r->instructions >= 0)
		printf(" %7.0f instructions", r->instructions);
	printf("  %.3f allocations, %.1f bytes", r->allocations, r->allocated);
	if (!r->stage->decode_only)
		printf("  %.0f bytes a user, %.3f effects", r->bytes_a_user, r->effects);
	putchar('\n');
}

static void
show_json(const struct result *r, size_t runs, const struct input *in)
{
	printf("{\"stage\": \"%s\", \"ns\": [", r->stage->name);
	for (size_t i = 0; i < runs; i++)
		printf("%s%.2f", i ? ", " : "", r->ns[i]);
	printf("], \"allocations\": %.4f, \"allocated\": %.2f", r->allocations, r->allocated);
	if (r->instructions >= 0)
		printf(", \"instructions\": %.1f", r->instructions);
	if (r->cache_misses >= 0)
		printf(", \"cache_misses\": %.4f", r->cache_misses);
	printf(", \"effects\": %.5f, \"pages\": %.5f, \"users\": %zu, \"bytes_a_user\": %.1f, \"bytes_an_event\": %.1f}\n",
	    r->effects, r->pages, r->users, r->bytes_a_user, input_bytes(in));
}

static bool
wanted(const struct options *o, const struct stage *stage)
{
	if (o->profile)
		return strcmp(o->stage ? o->stage : "rules", stage->name) == 0;
	return o->stage == NULL || strcmp(o->stage, stage->name) == 0;
}

static bool
parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"events", required_argument, NULL, 'e'}, {"users", required_argument, NULL, 'u'},
		{"runs", required_argument, NULL, 'r'}, {"seed", required_argument, NULL, 's'},
		{"stage", required_argument, NULL, 't'}, {"draw", required_argument, NULL, 'd'},
		{"profile", no_argument, NULL, 'p'}, {"populate", no_argument, NULL, 'P'}, {"warm", no_argument, NULL, 'w'}, {"json", no_argument, NULL, 'j'}, {0},
	};
	struct input_conf *in = &o->input;
	bool good = true;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'e': in->events = strtoul(optarg, NULL, 10); break;
		case 'u': in->users = strtoul(optarg, NULL, 10); break;
		case 'r': o->runs = strtoul(optarg, NULL, 10); break;
		case 's': in->seed = strtoul(optarg, NULL, 10); break;
		case 'd': good = good && input_draw(optarg, &in->draw); break;
		case 't': o->stage = optarg; break;
		case 'p': o->profile = true; break;
		case 'P': in->populate = true; break;
		case 'w': o->warm = true; break;
		case 'j': o->json = true; break;
		default: return false;
		}
	}
	o->config = optind + 1 == argc ? argv[optind] : NULL;
	return good && o->config && in->events >= 100 && in->users > 0 && in->users <= MR_SHOP_USERS_MAX && o->runs > 0 &&
	    o->runs <= RUNS_MAX;
}

int
main(int argc, char **argv)
{
	struct options o = {.input = {.events = 500000, .users = 1000, .seed = 1}, .runs = 5};
	static struct result results[STAGES];
	size_t n = 0;

	if (!parse(argc, argv, &o)) {
		fputs(USAGE, stderr);
		return 2;
	}
	counters_open();
	struct input *in = input_open(&o.input);
	for (size_t i = 0; i < STAGES; i++)
		if (wanted(&o, &stages[i]))
			results[n++] = (struct result){.stage = &stages[i], .config = load(o.config, stages[i].config)};
	// The first to run takes memory from the system, and the others find it there.
	if (o.warm && n > 0)
		run(in, &o, &results[n - 1], 0);
	// Stages in turn, so that what else the machine does meets all of them alike.
	for (size_t i = 0; i < o.runs; i++)
		for (size_t k = 0; k < n; k++)
			run(in, &o, &results[k], i);
	if (!o.json)
		printf("%zu events of %zu users, %.0f bytes each, seed %llu; %zu runs, median (least to most), an event\n",
		    o.input.events, o.input.users, input_bytes(in), (unsigned long long)o.input.seed, o.runs);
	for (size_t k = 0; k < n; k++) {
		if (o.json)
			show_json(&results[k], o.runs, in);
		else
			show(&results[k], o.runs);
		mr_config_free(results[k].config);
	}
	input_close(in);
	return 0;
}
