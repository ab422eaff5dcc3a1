#include "kafka/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const char *
mr_kafka_status_name(enum mr_kafka_status status)
{
	static const char *const names[] = {
		[MR_KAFKA_OK] = "ok", [MR_KAFKA_AGAIN] = "again", [MR_KAFKA_ABORTABLE] = "abortable",
		[MR_KAFKA_DENIED] = "denied", [MR_KAFKA_STALE] = "stale", [MR_KAFKA_FENCED] = "fenced",
		[MR_KAFKA_UNKNOWN] = "unknown outcome", [MR_KAFKA_MISSING] = "missing", [MR_KAFKA_TOO_LARGE] = "too large",
		[MR_KAFKA_FATAL] = "fatal",
	};

	MR_ASSERT((size_t)status < sizeof(names) / sizeof(names[0]));
	return names[status];
}

// Set by ourselves: exactly-once delivery depends on each of them.
static const char *const ours[] = {
	"group.id", "group.instance.id", "group.protocol", "partition.assignment.strategy",
	"transactional.id", "transaction.timeout.ms", "enable.idempotence", "enable.gapless.guarantee",
	"acks", "request.required.acks", "retries", "message.send.max.retries", "message.timeout.ms",
	"delivery.timeout.ms", "max.in.flight", "max.in.flight.requests.per.connection",
	"enable.auto.commit", "auto.commit.enable", "auto.commit.interval.ms", "enable.auto.offset.store",
	"auto.offset.reset", "isolation.level", "enable.partition.eof", "delivery.report.only.error",
	"queue.buffering.max.messages", "queuing.strategy", "log.queue", "enabled_events", "opaque",
	"default_topic_conf", "partitioner", "interceptors", "test.mock.num.brokers", "produce.offset.report",
	"consume.callback.max.messages", "dr_cb", "dr_msg_cb",
};
// These would run code that an operator of the configuration chose.
static const char *const dangerous[] = {
	"plugin.library.paths", "sasl.kerberos.kinit.cmd", "ssl.engine.location", "ssl.engine.id", "ssl.providers",
};

bool
mr_kafka_property_allowed(struct mr_str name, char error[256])
{
	error[0] = '\0';
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (mr_str_eq(name, mr_str_of(ours[i]))) {
			snprintf(error, 256, "Kafka property %s is set by Millrace itself; remove it", ours[i]);
			return false;
		}
	for (size_t i = 0; i < sizeof(dangerous) / sizeof(dangerous[0]); i++)
		if (mr_str_eq(name, mr_str_of(dangerous[i]))) {
			snprintf(error, 256, "Kafka property %s loads or runs other programs; it is not passed through",
			    dangerous[i]);
			return false;
		}
	return true;
}

bool
mr_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, char error[256])
{
	char text[200];

	if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
		return true;
	// The library's text repeats the value, which may be a secret.
	snprintf(error, 256, "Kafka property %s: not known to librdkafka %s, or not a value that it takes",
	    name, rd_kafka_version_str());
	return false;
}

static bool
set_all(rd_kafka_conf_t *conf, const struct mr_kafka_setting *settings, char error[256])
{
	for (; settings && settings->name; settings++)
		if (!mr_kafka_conf_set(conf, settings->name, settings->value, error))
			return false;
	return true;
}

static bool
set_property(rd_kafka_conf_t *conf, const struct mr_kafka_property *p, char error[256])
{
	if (!mr_kafka_property_allowed(p->name, error))
		return false;
	char *name = strndup(p->name.p, p->name.n), *value = strndup(p->value.n ? p->value.p : "", p->value.n);
	MR_ASSERT(name != NULL && value != NULL);
	bool ok = mr_kafka_conf_set(conf, name, value, error);
	explicit_bzero(value, strlen(value));
	free(value);
	free(name);
	return ok;
}

rd_kafka_conf_t *
mr_kafka_conf_make(const struct mr_kafka_conf *mr, const struct mr_kafka_setting *defaults,
    const struct mr_kafka_setting *musts, char error[256])
{
	static const struct mr_kafka_setting common[] = {
		{"socket.nagle.disable", "true"}, {"socket.keepalive.enable", "true"},
		{"reconnect.backoff.ms", "50"}, {"reconnect.backoff.max.ms", "1000"},
		{"log.connection.close", "false"}, {"topic.metadata.refresh.interval.ms", "30000"},
		{"topic.metadata.propagation.max.ms", "5000"}, {0},
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	bool ok = set_all(conf, common, error) && set_all(conf, defaults, error);

	for (size_t i = 0; ok && i < mr->n_properties; i++)
		ok = set_property(conf, &mr->properties[i], error);
	ok = ok && set_all(conf, musts, error);
	ok = ok && mr_kafka_conf_set(conf, "client.id", mr->client_id ? mr->client_id : "millrace", error);
	if (ok)
		return conf;
	rd_kafka_conf_destroy(conf);
	return NULL;
}

void
mr_kafka_log(const struct mr_kafka_conf *mr, int level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (mr->log)
		mr->log(mr->log_arg, level, line);
	else
		fprintf(stderr, "millrace: kafka: %s\n", line);
}

static void
on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
	struct mr_kafka_client *c = rd_kafka_opaque(rk);

	// One list of properties serves consumers and producers; each complains of the other's.
	if (strcmp(fac, "CONFWARN") == 0 || c == NULL)
		return;
	if (c->on_line)
		c->on_line(c, fac, text);
	mr_kafka_log(c->conf, level, "%s: %s", fac, text);
}

static bool
is_away(int err)
{
	return err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN
	    || err == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

static void
on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	struct mr_kafka_client *c = opaque;
	char text[MR_KAFKA_ERROR];

	snprintf(text, sizeof(text), "%s", reason);
	if (is_away(err))
		atomic_store(&c->away_ms, mr_kafka_now_ms());
	if (err == RD_KAFKA_RESP_ERR__FATAL) {
		err = rd_kafka_fatal_error(rk, text, sizeof(text));
		atomic_store(&c->fatal_code, err);
	}
	pthread_mutex_lock(&c->lock);
	snprintf(c->problem, sizeof(c->problem), "%s", text);
	pthread_mutex_unlock(&c->lock);
	atomic_store(&c->problem_code, err);
	mr_kafka_log(c->conf, 4, "%s (%s)", text, rd_kafka_err2name(err));
}

bool
mr_kafka_client_open(struct mr_kafka_client *c, const struct mr_kafka_conf *mr, void *owner,
    rd_kafka_type_t type, rd_kafka_conf_t *conf, char error[256])
{
	char text[200] = "";

	c->conf = mr;
	c->owner = owner;
	atomic_store(&c->problem_code, 0);   // of a handle that this one replaces
	atomic_store(&c->fatal_code, 0);
	pthread_mutex_init(&c->lock, NULL);
	rd_kafka_conf_set_opaque(conf, c);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_error_cb(conf, on_error);
	c->rk = rd_kafka_new(type, conf, text, sizeof(text));
	if (c->rk)
		return true;
	rd_kafka_conf_destroy(conf);
	pthread_mutex_destroy(&c->lock);
	snprintf(error, 256, "Kafka client: %s", text);
	return false;
}

void
mr_kafka_client_close(struct mr_kafka_client *c, int destroy_flags)
{
	if (c->rk == NULL)
		return;
	rd_kafka_destroy_flags(c->rk, destroy_flags);
	c->rk = NULL;
	pthread_mutex_destroy(&c->lock);
}

rd_kafka_resp_err_t
mr_kafka_client_problem(struct mr_kafka_client *c, char *text, size_t size)
{
	rd_kafka_resp_err_t code = (rd_kafka_resp_err_t)atomic_exchange(&c->problem_code, 0);

	if (code == 0)
		return 0;
	pthread_mutex_lock(&c->lock);
	snprintf(text, size, "%s", c->problem);
	pthread_mutex_unlock(&c->lock);
	return code;
}

enum mr_kafka_status
mr_kafka_status_of(rd_kafka_resp_err_t err)
{
	switch (err) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		return MR_KAFKA_OK;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
		return MR_KAFKA_DENIED;
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
		return MR_KAFKA_MISSING;
	case RD_KAFKA_RESP_ERR__FENCED:
	case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
	case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
		return MR_KAFKA_FENCED;
	case RD_KAFKA_RESP_ERR__FATAL:
	case RD_KAFKA_RESP_ERR__DESTROY:
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
	case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
	case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
		return MR_KAFKA_FATAL;
	default:
		return MR_KAFKA_AGAIN;
	}
}

static const char *
advice(rd_kafka_resp_err_t err)
{
	switch (err) {
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		return "; grant this user Describe and Read on inputs, Describe, Read and Write on the journal, Describe and Write on outputs";
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
		return "; grant this user Read on the group";
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
		return "; grant this user Describe and Write on the transactional ids that begin with the app's name";
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
		return "; grant this user IdempotentWrite on the cluster (brokers before 3.0)";
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
		return "; check security.protocol, sasl.mechanism, user name and password";
	case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
		return "; the broker's transaction.max.timeout.ms is below ours";
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
		return "; create the topic, or say delivery.create_topics: true";
	default:
		return "";
	}
}

void
mr_kafka_explain(char *out, size_t size, rd_kafka_resp_err_t err, const char *what, const char *detail)
{
	snprintf(out, size, "%s: %s%s", what, detail && *detail ? detail : rd_kafka_err2str(err), advice(err));
}

void
mr_kafka_record_of(const rd_kafka_message_t *m, const char *topic, struct mr_kafka_record *r)
{
	rd_kafka_timestamp_type_t type;

	r->topic = topic;
	r->partition = m->partition;
	r->offset = m->offset;
	r->timestamp_ms = rd_kafka_message_timestamp(m, &type);
	r->key = (struct mr_str){m->key, m->key_len};
	r->value = (struct mr_str){m->payload, m->len};
	r->message = (void *)(uintptr_t)m;
}

struct mr_str
mr_kafka_record_header(const struct mr_kafka_record *r, const char *name)
{
	rd_kafka_headers_t *headers;
	const void *value;
	size_t n;

	if (rd_kafka_message_headers(r->message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR
	    || rd_kafka_header_get_last(headers, name, &value, &n) != RD_KAFKA_RESP_ERR_NO_ERROR || value == NULL)
		return (struct mr_str){0};
	return (struct mr_str){value, n};
}

int64_t
mr_kafka_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
