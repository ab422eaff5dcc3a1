// millrace demo: a year of a real shop in some seconds, through the same process as `run`.
#include "cli/cli.h"
#include "cli/demo_cluster.h"
#include "cli/demo_show.h"
#include "cli/produce.h"
#include "run/process.h"

#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PARTITIONS 4
#define S_US 1000000
#define READY_US (60 * (int64_t)S_US)   // patience until the group has given out its partitions
#define APPLY_US (30 * (int64_t)S_US)   // and, after the last event, until all have been applied
#define DRAIN_US (5 * (int64_t)S_US)    // and until all that was written has been seen

struct demo {
	const char *brokers, *redis;        // NULL: inside this process
	int64_t length_us;                  // of the play
	char config_path[1024], data_path[1024];
	struct mr_demo_cluster *cluster;
	struct mr_config *config;
	struct mr_demo_events events;
	struct mr_stats *stats;
	struct mr_demo_tap *tap;
	struct mr_produce *produce;
	struct mr_demo_show show;
	pthread_t thread;
	_Atomic bool ready, stop, ended, failed;
};

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * S_US + t.tv_nsec / 1000;
}

// ---- the process, on a thread of its own ----

static void
on_ready(void *arg)
{
	atomic_store(&((struct demo *)arg)->ready, true);
}

static bool
asked_to_stop(void *arg)
{
	return atomic_load(&((struct demo *)arg)->stop);
}

static void *
process(void *arg)
{
	struct demo *d = arg;
	bool ok = mr_process_run(&(struct mr_process_conf){
		.config = d->config, .stats = d->stats, .ready = on_ready, .stop = asked_to_stop, .arg = d, .quiet = true,
	});

	atomic_store(&d->failed, !ok);
	atomic_store(&d->ended, true);
	return NULL;
}

static bool
start_process(struct demo *d)
{
	int64_t until_us = now_us() + READY_US;

	d->stats = mr_stats_new();
	if (pthread_create(&d->thread, NULL, process, d) != 0)
		return false;
	while (!atomic_load(&d->ready) && !atomic_load(&d->ended) && now_us() < until_us)
		usleep(2000);
	return atomic_load(&d->ready);
}

// ---- set-up ----

// What lies beside the program: in its source tree, or where it was installed.
static bool
find_file(const char *name, char out[1024])
{
	static const char *const places[] = {"..", "../share/millrace"};
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));

	while (n > 0 && self[n - 1] != '/')
		n--;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && n > 1; i++) {
		snprintf(out, 1024, "%.*s%s/%s", (int)n, self, places[i], name);
		if (access(out, R_OK) == 0)
			return true;
	}
	return false;
}

static int
load(struct demo *d)
{
	char error[512];

	if (!find_file("examples/demo.yaml", d->config_path) || !find_file("data/orders.ndjson", d->data_path))
		return mr_cli_failed(&mr_verb_demo, "examples/demo.yaml and data/orders.ndjson are not beside the program");
	if (d->brokers == NULL) {
		d->cluster = mr_demo_cluster_new(error);
		if (d->cluster == NULL)
			return mr_cli_failed(&mr_verb_demo, "%s", error);
	}
	// The configuration asks for these two, as in any other run.
	setenv("KAFKA_BROKERS", d->brokers ? d->brokers : mr_demo_cluster_brokers(d->cluster), 1);
	setenv("REDIS_URL", d->redis ? d->redis : "memory:", 1);
	char *errors = NULL;
	d->config = mr_config_load(d->config_path, NULL, &(struct mr_config_options){0}, &errors, NULL);
	if (d->config == NULL)
		fputs(errors, stderr);
	free(errors);
	if (d->config == NULL)
		return MR_EXIT_CONFIG;
	if (!mr_demo_events_load(&d->events, d->data_path, error))
		return mr_cli_failed(&mr_verb_demo, "%s", error);
	return MR_EXIT_OK;
}

static int
connect_all(struct demo *d)
{
	char error[512], names[MR_DEMO_TOPICS_MAX][MR_DEMO_TOPIC_BYTES], events[MR_DEMO_TOPIC_BYTES];
	const char *list[MR_DEMO_TOPICS_MAX], *brokers = getenv("KAFKA_BROKERS");
	bool ok = d->cluster ? mr_demo_cluster_topics(d->cluster, d->config, PARTITIONS, error)
	                     : mr_demo_events_topic(d->config, PARTITIONS, error);

	if (!ok)
		return mr_cli_failed(&mr_verb_demo, "%s", error);
	if (!start_process(d))
		return mr_cli_failed(&mr_verb_demo, "the stream did not start");
	size_t n = mr_demo_outputs(d->config, names);
	for (size_t i = 0; i < n; i++)
		list[i] = names[i];
	d->tap = mr_demo_tap_open(brokers, list, n, error);
	if (d->tap == NULL)
		return mr_cli_failed(&mr_verb_demo, "%s", error);
	snprintf(events, sizeof(events), "%.*s", (int)d->config->events.n, d->config->events.p);
	static const char *const properties[] = {"linger.ms=0"};
	d->produce = mr_produce_open(&(struct mr_produce_conf){brokers, events, properties, 1}, error);
	if (d->produce == NULL)
		return mr_cli_failed(&mr_verb_demo, "%s", error);
	return MR_EXIT_OK;
}

// ---- the play ----

static void
look(struct demo *d, int timeout_ms)
{
	struct mr_demo_message m;

	while (mr_demo_tap_next(d->tap, timeout_ms, &m)) {
		mr_demo_show_message(&d->show, &m, now_us());
		timeout_ms = 0;
	}
	mr_demo_show_progress(&d->show, now_us());
}

// Sends each event when its part of the play has come.
static bool
play(struct demo *d)
{
	const struct mr_demo_event *last = &d->events.items[d->events.n - 1];
	int64_t first_ms = d->events.items[0].time_ms, span_ms = last->time_ms - first_ms;
	int64_t began_us = now_us();

	for (size_t i = 0; i < d->events.n && !atomic_load(&d->ended);) {
		struct mr_demo_event *e = &d->events.items[i];
		int64_t due_us = span_ms > 0 ? (int64_t)((double)(e->time_ms - first_ms) / (double)span_ms * (double)d->length_us) : 0;
		if (now_us() - began_us < due_us) {
			look(d, 2);
			continue;
		}
		e->sent_us = now_us();
		if (!mr_produce_send(d->produce, e->user, e->line))
			return false;
		d->show.sent = ++i;
		d->show.time = mr_demo_member(e->line, "timestamp");
	}
	return !atomic_load(&d->ended);
}

// Until all was applied, the process has ended cleanly, and all that it wrote was seen.
static bool
finish(struct demo *d)
{
	int64_t until_us = now_us() + APPLY_US;

	while (mr_stats_get(d->stats, MR_STAT_EVENTS) < d->events.n && !atomic_load(&d->ended) && now_us() < until_us)
		look(d, 5);
	atomic_store(&d->stop, true);
	while (!atomic_load(&d->ended))
		look(d, 5);
	until_us = now_us() + DRAIN_US;
	do
		look(d, 50);
	while (!mr_demo_tap_done(d->tap) && now_us() < until_us);
	return mr_stats_get(d->stats, MR_STAT_EVENTS) >= d->events.n && !atomic_load(&d->failed);
}

static void
introduce(const struct demo *d)
{
	const struct mr_demo_event *items = d->events.items;

	printf("Millrace: %zu orders and refunds of a real shop, %.10s to %.10s, in about %lld s\n", d->events.n,
	    mr_demo_member(items[0].line, "timestamp").p, mr_demo_member(items[d->events.n - 1].line, "timestamp").p,
	    (long long)(d->length_us / S_US));
	printf("Kafka: %s. Profiles: %s. Rules: examples/demo.yaml. Data: Online Retail, CC BY 4.0 (data/README.md)\n\n",
	    d->cluster ? "emulated inside this process" : d->brokers, d->redis ? d->redis : "in memory");
}

static void
what_next(const struct demo *d)
{
	printf("\nTo try next:\n"
	    "  the same without any server, the same numbers:\n"
	    "    build/millrace replay -c examples/demo.yaml --partitions %d data/orders.ndjson\n"
	    "  change a rule in examples/demo.yaml, then:   build/millrace test examples/demo.yaml\n"
	    "%s"
	    "  a made-up shop, as many events as wanted:    build/millrace generate --shop --users 1000 --for 1d\n"
	    "  your own Kafka and Redis:                    README.md\n", PARTITIONS,
	    d->cluster ? "  the demo against a real Kafka and Redis:     deploy/demo.sh --kafka\n" : "");
}

static int
run_demo(struct demo *d)
{
	char error[512];
	int code = load(d);

	if (code == MR_EXIT_OK)
		code = connect_all(d);
	if (code != MR_EXIT_OK)
		return code;
	introduce(d);
	mr_demo_show_begin(&d->show, stdout, &d->events, now_us());
	if (!play(d))
		return mr_cli_failed(&mr_verb_demo, "the play broke off: %s",
		    atomic_load(&d->ended) ? "the stream ended" : mr_produce_error(d->produce));
	bool whole = finish(d);
	mr_demo_show_summary(&d->show, now_us());
	if (!mr_produce_close(d->produce, error))
		whole = false;
	d->produce = NULL;
	if (!whole)
		return mr_cli_failed(&mr_verb_demo, "not all events were applied in time%s%s",
		    mr_demo_tap_error(d->tap)[0] ? ": " : "", mr_demo_tap_error(d->tap));
	what_next(d);
	return MR_EXIT_OK;
}

static void
end_demo(struct demo *d)
{
	char error[512];

	atomic_store(&d->stop, true);
	if (d->stats)
		pthread_join(d->thread, NULL);
	if (d->produce)
		mr_produce_close(d->produce, error);
	if (d->tap)
		mr_demo_tap_close(d->tap);
	mr_demo_show_end(&d->show);
	mr_stats_free(d->stats);
	mr_demo_events_free(&d->events);
	mr_config_free(d->config);
	mr_demo_cluster_free(d->cluster);
}

static int
run(int argc, char **argv)
{
	static const struct option longs[] = {
		{"brokers", required_argument, NULL, 'b'},
		{"redis", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 's'},
		{0},
	};
	struct demo d = {.length_us = 20 * (int64_t)S_US};
	int c;

	while ((c = getopt_long(argc, argv, "b:r:s:", longs, NULL)) != -1) {
		if (c == 'b')
			d.brokers = optarg;
		else if (c == 'r')
			d.redis = optarg;
		else if (c == 's')
			d.length_us = strtol(optarg, NULL, 10) * S_US;
		else
			return mr_cli_wrong(&mr_verb_demo, "unknown option");
		if (d.length_us < 0 || d.length_us > 600 * (int64_t)S_US)
			return mr_cli_wrong(&mr_verb_demo, "--seconds %s: takes 0 to 600", optarg);
	}
	if (optind < argc)
		return mr_cli_wrong(&mr_verb_demo, "takes no input: it plays data/orders.ndjson");
	int code = run_demo(&d);
	end_demo(&d);
	return code;
}

const struct mr_verb mr_verb_demo = {
	.name = "demo",
	.help = "play a year of a real shop, with nothing else running",
	.usage =
	    "Usage: millrace demo [OPTION]...\n\n"
	    "Streams a real shop's orders through the same process as `run` and shows what comes of them.\n"
	    "Kafka is emulated inside this process and profiles are kept in memory unless said otherwise.\n\n"
	    "  -s, --seconds N        length of the play (default: 20; 0: as fast as it goes)\n"
	    "  -b, --brokers LIST     use this Kafka; its topics are made there\n"
	    "  -r, --redis URL        keep profiles in this Redis\n",
	.run = run,
};
