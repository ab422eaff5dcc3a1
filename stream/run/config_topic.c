#include "run/config_topic.h"

#include "kafka/reader.h"
#include "kafka/sink.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 5000
#define IDLE_MS 500
#define TRIES 20
#define RECORD_BYTES_MAX 900000u
#define FILES_MAX 64

// ---- reading ----

struct found {
	const char *hash;          // the one that is looked for; NULL: the last
	char last_hash[33];
	char *bytes;
	size_t n;
};

static bool
take(void *arg, const struct mr_kafka_record *k)
{
	struct found *f = arg;

	if (k->key.n != 32)
		return true;
	memcpy(f->last_hash, k->key.p, 32);
	f->last_hash[32] = '\0';
	if (f->hash == NULL || strcmp(f->last_hash, f->hash) != 0)
		return true;
	free(f->bytes);
	f->bytes = malloc(k->value.n + 1);
	MR_ASSERT(f->bytes != NULL);
	memcpy(f->bytes, k->value.p, k->value.n);
	f->n = k->value.n;
	return true;
}

static enum mr_kafka_status
scan(const struct mr_kafka_conf *kafka, const char *topic, struct found *f, char error[256])
{
	struct mr_log_reader *reader = mr_log_reader_open(kafka, true, error);
	int64_t low, end;

	if (reader == NULL)
		return MR_KAFKA_FATAL;
	enum mr_kafka_status status = mr_log_reader_ends(reader, topic, 0, TIMEOUT_MS, &low, &end);
	for (int tries = 0; status == MR_KAFKA_OK && low < end && tries < TRIES; tries++) {
		status = mr_log_reader_range(reader, topic, 0, low, end, IDLE_MS, take, f, &low);
		if (status == MR_KAFKA_AGAIN)
			status = MR_KAFKA_OK;
	}
	if (status == MR_KAFKA_OK && low < end)
		status = MR_KAFKA_AGAIN;
	if (status != MR_KAFKA_OK)
		snprintf(error, 256, "%s", mr_log_reader_error(reader));
	mr_log_reader_close(reader);
	return status;
}

// [text, [[name, bytes]…]]
static struct mr_config *
load(struct mr_str bytes)
{
	struct mr_reader r = mr_reader_of(bytes);
	struct mr_config_file files[FILES_MAX];
	struct mr_config_options options = {.files = files};

	if (mr_read_array(&r) < 2)
		return NULL;
	struct mr_str text = mr_read_str(&r);
	uint32_t n = mr_read_array(&r);
	for (uint32_t i = 0; i < n && n <= FILES_MAX; i++) {
		if (mr_read_array(&r) != 2)
			mr_reader_fail(&r);
		files[i].name = mr_read_str(&r);
		files[i].bytes = mr_read_str(&r);
		options.n_files = i + 1;
	}
	if (!mr_reader_ok(&r) || n > FILES_MAX)
		return NULL;
	char *yaml = strndup(text.p, text.n);
	MR_ASSERT(yaml != NULL);
	struct mr_config *config = mr_config_load("the configuration in force", yaml, &options, NULL, NULL);
	free(yaml);
	return config;
}

bool
mr_config_topic_fetch(const struct mr_kafka_conf *kafka, const char *topic, const char *hash, struct mr_config **config)
{
	struct found f = {.hash = hash};
	char error[256];

	*config = NULL;
	enum mr_kafka_status status = topic ? scan(kafka, topic, &f, error) : MR_KAFKA_MISSING;
	if (status == MR_KAFKA_OK && f.bytes)
		*config = load((struct mr_str){f.bytes, f.n});
	free(f.bytes);
	if (*config && strcmp((*config)->plan.hash, hash) != 0) {
		mr_config_free(*config);
		*config = NULL;
	}
	return status == MR_KAFKA_OK || status == MR_KAFKA_MISSING || status == MR_KAFKA_DENIED;
}

// ---- writing ----

static void
encode(const struct mr_config *config, struct mr_writer *w)
{
	uint32_t n;
	const struct mr_config_file *files = mr_config_files(config, &n);
	char *text = mr_config_echo(config);

	mr_write_array(w, 2);
	mr_write_str(w, mr_str_of(text));
	mr_write_array(w, n);
	for (uint32_t i = 0; i < n; i++) {
		mr_write_array(w, 2);
		mr_write_str(w, files[i].name);
		mr_write_bin(w, files[i].bytes);
	}
	free(text);
}

static bool
append(const struct mr_kafka_conf *kafka, const char *topic, const struct mr_config *config, char error[256])
{
	struct mr_sink_conf conf = {.kafka = kafka, .wake_fd = -1};
	struct mr_sink *sink = mr_sink_open(&conf, error);
	struct mr_writer w;
	enum mr_kafka_status status = MR_KAFKA_FATAL;

	if (sink == NULL)
		return false;
	mr_writer_init(&w, MR_MSGPACK);
	encode(config, &w);
	uint32_t files;
	mr_config_files(config, &files);
	if (w.n > RECORD_BYTES_MAX || files > FILES_MAX) {
		snprintf(error, 256, "it and its files are larger than one message");
	} else {
		struct mr_sink_message m = {
			.topic = mr_sink_topic(sink, topic),
			.key = mr_str_of(config->plan.hash),
			.value = mr_writer_str(&w),
		};
		status = mr_sink_init(sink, TIMEOUT_MS);
		if (status == MR_KAFKA_OK)
			status = mr_sink_produce(sink, &m);
		if (status == MR_KAFKA_OK)
			status = mr_sink_flush(sink, TIMEOUT_MS);
		if (status != MR_KAFKA_OK)
			snprintf(error, 256, "%s", mr_sink_error(sink));
	}
	mr_writer_free(&w);
	mr_sink_close(sink, 1000);
	return status == MR_KAFKA_OK;
}

bool
mr_config_topic_publish(const struct mr_kafka_conf *kafka, const char *topic, const struct mr_config *config,
    char error[256])
{
	struct found f = {0};

	if (scan(kafka, topic, &f, error) != MR_KAFKA_OK)
		return false;
	return strcmp(f.last_hash, config->plan.hash) == 0 || append(kafka, topic, config, error);
}
