#include "cli/demo_cluster.h"

#include "kafka/admin.h"
#include "run/topics.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

#define ANSWER_MS 10000

_Static_assert(MR_DEMO_TOPIC_BYTES == MR_TOPIC_NAME_MAX, "one length of a topic's name");

struct mr_demo_cluster {
	rd_kafka_t *rk;   // what the emulation hangs on
	rd_kafka_mock_cluster_t *mock;
};

struct mr_demo_cluster *
mr_demo_cluster_new(char error[256])
{
	struct mr_demo_cluster *c = calloc(1, sizeof(*c));
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	MR_ASSERT(c != NULL);
	rd_kafka_conf_set_log_cb(conf, NULL);
	c->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, 256);
	if (c->rk == NULL) {
		rd_kafka_conf_destroy(conf);
		free(c);
		return NULL;
	}
	c->mock = rd_kafka_mock_cluster_new(c->rk, 1);
	if (c->mock)
		return c;
	snprintf(error, 256, "the emulated Kafka did not start");
	mr_demo_cluster_free(c);
	return NULL;
}

void
mr_demo_cluster_free(struct mr_demo_cluster *c)
{
	if (c == NULL)
		return;
	if (c->mock)
		rd_kafka_mock_cluster_destroy(c->mock);
	rd_kafka_destroy(c->rk);
	free(c);
}

const char *
mr_demo_cluster_brokers(const struct mr_demo_cluster *c)
{
	return rd_kafka_mock_cluster_bootstraps(c->mock);
}

static bool
make(struct mr_demo_cluster *c, const char *name, int32_t partitions, char error[256])
{
	rd_kafka_resp_err_t err = rd_kafka_mock_topic_create(c->mock, name, partitions, 1);

	if (err == RD_KAFKA_RESP_ERR_NO_ERROR || err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return true;
	snprintf(error, 256, "topic %s: %s", name, rd_kafka_err2str(err));
	return false;
}

bool
mr_demo_cluster_topics(struct mr_demo_cluster *c, const struct mr_config *config, int32_t partitions, char error[256])
{
	char names[MR_DEMO_TOPICS_MAX][MR_DEMO_TOPIC_BYTES], name[MR_TOPIC_NAME_MAX];
	struct mr_str inputs[3];
	size_t n = mr_demo_outputs(config, names), n_inputs = mr_input_topics(config, inputs);
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++)
		ok = make(c, names[i], partitions, error);
	for (size_t i = 0; ok && i < n_inputs; i++) {
		snprintf(name, sizeof(name), "%.*s", (int)inputs[i].n, inputs[i].p);
		ok = make(c, name, partitions, error);
	}
	mr_journal_topic(config, name);
	ok = ok && make(c, name, partitions, error);
	mr_config_topic(config, name);
	return ok && make(c, name, 1, error);
}

bool
mr_demo_events_topic(const struct mr_config *config, int32_t partitions, char error[256])
{
	struct mr_kafka_property *properties = calloc(config->n_kafka + 1, sizeof(*properties));
	struct mr_topic_info info;
	char name[MR_TOPIC_NAME_MAX];

	MR_ASSERT(properties != NULL);
	for (uint32_t i = 0; i < config->n_kafka; i++)
		properties[i] = (struct mr_kafka_property){config->kafka[i].name, config->kafka[i].value};
	const struct mr_kafka_conf conf = {.properties = properties, .n_properties = config->n_kafka};
	struct mr_admin *admin = mr_admin_open(&conf, error);
	bool ok = false;
	if (admin) {
		snprintf(name, sizeof(name), "%.*s", (int)config->events.n, config->events.p);
		enum mr_kafka_status status = mr_admin_topic(admin, name, ANSWER_MS, &info);
		if (status == MR_KAFKA_OK && !info.exists)
			status = mr_admin_create(admin, name, partitions, NULL, 0, ANSWER_MS);
		ok = status == MR_KAFKA_OK;
		if (!ok)
			snprintf(error, 256, "%.255s", mr_admin_error(admin));
		mr_admin_close(admin);
	}
	free(properties);
	return ok;
}

static void
add(char names[MR_DEMO_TOPICS_MAX][MR_DEMO_TOPIC_BYTES], size_t *n, const char *name)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(names[i], name) == 0)
			return;
	MR_ASSERT(*n < MR_DEMO_TOPICS_MAX);
	snprintf(names[(*n)++], MR_DEMO_TOPIC_BYTES, "%s", name);
}

size_t
mr_demo_outputs(const struct mr_config *config, char names[MR_DEMO_TOPICS_MAX][MR_DEMO_TOPIC_BYTES])
{
	char name[MR_TOPIC_NAME_MAX];
	size_t n = 0;

	for (uint32_t i = 0; i < config->n_channels && i < MR_DEMO_TOPICS_MAX - MR_OUTPUTS; i++) {
		mr_output_topic(config, MR_OUT_ACTION, config->channels[i], name);
		add(names, &n, name);
	}
	for (int o = MR_OUT_DECISION; o < MR_OUTPUTS; o++)
		if (config->plan.wanted[o]) {
			mr_output_topic(config, (enum mr_output)o, (struct mr_str){0}, name);
			add(names, &n, name);
		}
	return n;
}
