// The threaded part as a plain program (Criterion can't start under the thread sanitizer): a process
// with two workers over librdkafka's mock cluster and the memory store, from the first event to a
// clean stop. Exit code 0: all was applied and published.
#include "config/config.h"
#include "run/process.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define EVENTS 3000
#define PARTITIONS 4
#define PATIENCE_S 120

struct scene {
	struct mr_stats *stats;
	time_t began;
	bool late;
};

static const char yaml[] =
    "app: threads\n"
    "workers: 2\n"
    "kafka: {bootstrap.servers: '%s'}\n"
    "redis: 'memory:'\n"
    "input: {events: {topic: events}}\n"
    "output: {actions: actions, dead_letters: dead}\n"
    "time: {ticks: off}\n"
    "profile: {views: {count: Product Viewed}}\n"
    "rules:\n"
    "  seen:\n"
    "    on: Product Viewed\n"
    "    then: [{send: {channel: push, template: seen, data: {views: user.views}}}]\n";

static void
fail(const char *what, const char *detail)
{
	fprintf(stderr, "threads: %s: %s\n", what, detail);
	exit(1);
}

static rd_kafka_t *
new_producer(rd_kafka_mock_cluster_t *cluster)
{
	char error[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	if (cluster)
		rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster), error, sizeof(error));
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	if (rk == NULL)
		fail("producer", error);
	return rk;
}

static void
produce(rd_kafka_mock_cluster_t *cluster)
{
	rd_kafka_t *rk = new_producer(cluster);
	char value[256], key[16];

	for (int i = 0; i < EVENTS; i++) {
		int n = snprintf(value, sizeof(value),
		    "{\"type\":\"track\",\"event\":\"Product Viewed\",\"userId\":\"u%d\",\"timestamp\":\"2026-03-01T10:%02d:%02dZ\"}",
		    i % 50, i / 60 % 60, i % 60);
		int k = snprintf(key, sizeof(key), "u%d", i % 50);
		rd_kafka_resp_err_t err = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("events"), RD_KAFKA_V_PARTITION(i % PARTITIONS),
		    RD_KAFKA_V_KEY(key, (size_t)k), RD_KAFKA_V_VALUE(value, (size_t)n),
		    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
		if (err)
			fail("produce", rd_kafka_err2str(err));
	}
	if (rd_kafka_flush(rk, 30000))
		fail("produce", "not flushed");
	rd_kafka_destroy(rk);
}

static bool
stop(void *arg)
{
	struct scene *scene = arg;

	scene->late = time(NULL) - scene->began > PATIENCE_S;
	// Each event leads to an action.
	return scene->late || mr_stats_get(scene->stats, MR_STAT_MESSAGES + MR_OUT_ACTION) >= EVENTS;
}

int
main(void)
{
	static const char *const topics[] = {"events", "threads.journal", "actions", "threads.decisions", "dead"};
	rd_kafka_t *home = new_producer(NULL);
	rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(home, 1);
	struct scene scene = {.stats = mr_stats_new(), .began = time(NULL)};
	char text[4096], *errors = NULL;

	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		rd_kafka_mock_topic_create(cluster, topics[i], PARTITIONS, 1);
	produce(cluster);
	snprintf(text, sizeof(text), yaml, rd_kafka_mock_cluster_bootstraps(cluster));
	struct mr_config *config = mr_config_load("threads.yaml", text, &(struct mr_config_options){0}, &errors, NULL);
	if (config == NULL)
		fail("configuration", errors);
	if (!mr_process_run(&(struct mr_process_conf){.config = config, .stats = scene.stats, .stop = stop, .arg = &scene}))
		fail("process", "ended with an error");
	printf("%llu events applied, %llu messages published, %llu commits\n",
	    (unsigned long long)mr_stats_get(scene.stats, MR_STAT_EVENTS),
	    (unsigned long long)mr_stats_get(scene.stats, MR_STAT_MESSAGES + MR_OUT_ACTION),
	    (unsigned long long)mr_stats_get(scene.stats, MR_STAT_COMMITS));
	if (scene.late || mr_stats_get(scene.stats, MR_STAT_EVENTS) != EVENTS)
		fail("process", "not all was applied in time");
	mr_config_free(config);
	mr_stats_free(scene.stats);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(home);
	return 0;
}
