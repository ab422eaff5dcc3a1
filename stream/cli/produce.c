#include "cli/produce.h"
#include "kafka/conf.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MS 10000
#define FLUSH_MS 60000
#define ERROR_BYTES 512

struct mr_produce {
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	uint64_t failed;
	char error[ERROR_BYTES];
};

static void
delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct mr_produce *p = opaque;

	(void)rk;
	if (m->err && p->failed++ == 0)
		snprintf(p->error, sizeof(p->error), "topic %s: %s", rd_kafka_topic_name(m->rkt), rd_kafka_err2str(m->err));
}

static bool
set(rd_kafka_conf_t *conf, const char *name, const char *value, char *error)
{
	char why[256];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
		return true;
	snprintf(error, ERROR_BYTES, "%s", why);
	return false;
}

// "name=value", within what the stream itself passes on.
static bool
set_property(rd_kafka_conf_t *conf, const char *property, char *error)
{
	const char *eq = strchr(property, '=');
	char name[128];

	if (eq == NULL || eq == property || (size_t)(eq - property) >= sizeof(name)) {
		snprintf(error, ERROR_BYTES, "'%s' is not NAME=VALUE", property);
		return false;
	}
	memcpy(name, property, (size_t)(eq - property));
	name[eq - property] = '\0';
	if (!mr_kafka_property_allowed(mr_str_of(name), error))
		return false;
	return set(conf, name, eq + 1, error);
}

static rd_kafka_conf_t *
configure(struct mr_produce *p, const struct mr_produce_conf *from, char *error)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	bool ok = set(conf, "bootstrap.servers", from->brokers, error) && set(conf, "client.id", "millrace-generate", error) &&
	    set(conf, "enable.idempotence", "true", error) && set(conf, "partitioner", "murmur2", error) &&
	    set(conf, "linger.ms", "5", error) && set(conf, "socket.nagle.disable", "true", error) &&
	    set(conf, "log_level", "3", error);

	for (size_t i = 0; ok && i < from->n_properties; i++)
		ok = set_property(conf, from->properties[i], error);
	if (!ok) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	rd_kafka_conf_set_opaque(conf, p);
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	return conf;
}

// A topic that isn't there would only be noticed half a minute later, by its undelivered records.
static bool
topic_exists(struct mr_produce *p, const char *topic, const char *brokers, char *error)
{
	const struct rd_kafka_metadata *meta;
	rd_kafka_resp_err_t err = rd_kafka_metadata(p->rk, 0, p->topic, &meta, ANSWER_MS);

	if (err) {
		snprintf(error, ERROR_BYTES, "no answer from the brokers at %s: %s", brokers, rd_kafka_err2str(err));
		return false;
	}
	err = meta->topic_cnt == 1 ? meta->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	bool found = !err && meta->topics[0].partition_cnt > 0;
	rd_kafka_metadata_destroy(meta);
	if (!found)
		snprintf(error, ERROR_BYTES, "topic %s: %s; create it first", topic, rd_kafka_err2str(err));
	return found;
}

struct mr_produce *
mr_produce_open(const struct mr_produce_conf *from, char error[512])
{
	struct mr_produce *p = calloc(1, sizeof(*p));
	char why[256];

	MR_ASSERT(p != NULL && from->topic != NULL && from->brokers != NULL);
	rd_kafka_conf_t *conf = configure(p, from, error);
	if (conf == NULL) {
		free(p);
		return NULL;
	}
	p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (p->rk == NULL) {
		rd_kafka_conf_destroy(conf);
		snprintf(error, ERROR_BYTES, "%s", why);
		free(p);
		return NULL;
	}
	p->topic = rd_kafka_topic_new(p->rk, from->topic, NULL);
	if (p->topic != NULL && topic_exists(p, from->topic, from->brokers, error))
		return p;
	if (p->topic == NULL)
		snprintf(error, ERROR_BYTES, "topic %s: %s", from->topic, rd_kafka_err2str(rd_kafka_last_error()));
	else
		rd_kafka_topic_destroy(p->topic);
	rd_kafka_destroy(p->rk);
	free(p);
	return NULL;
}

bool
mr_produce_send(struct mr_produce *p, struct mr_str key, struct mr_str value)
{
	for (;;) {
		rd_kafka_poll(p->rk, 0);
		if (p->failed)
			return false;
		// librdkafka's copy flag: it takes const bytes through a void pointer and leaves them alone.
		if (rd_kafka_produce(p->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)value.p,
		    value.n, key.p, key.n, NULL) == 0)
			return true;
		rd_kafka_resp_err_t err = rd_kafka_last_error();
		if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
			snprintf(p->error, sizeof(p->error), "topic %s: %s", rd_kafka_topic_name(p->topic), rd_kafka_err2str(err));
			p->failed++;
			return false;
		}
		rd_kafka_poll(p->rk, 50);
	}
}

const char *
mr_produce_error(const struct mr_produce *p)
{
	return p->error;
}

bool
mr_produce_close(struct mr_produce *p, char error[512])
{
	rd_kafka_flush(p->rk, p->failed ? 0 : FLUSH_MS);
	int left = rd_kafka_outq_len(p->rk);
	bool ok = p->failed == 0 && left == 0;

	if (p->failed)
		snprintf(error, ERROR_BYTES, "%s", p->error);
	else if (left)
		snprintf(error, ERROR_BYTES, "%d records were not acknowledged within %d s", left, FLUSH_MS / 1000);
	if (left)
		rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
	rd_kafka_poll(p->rk, 0);
	rd_kafka_topic_destroy(p->topic);
	rd_kafka_destroy(p->rk);
	free(p);
	return ok;
}
