#include "kafka/admin.h"
#include "kafka/client.h"

#include <stdio.h>
#include <stdlib.h>

struct mr_admin {
	struct mr_kafka_client client;
	char error[MR_KAFKA_ERROR];
};

struct mr_admin *
mr_admin_open(const struct mr_kafka_conf *mr, char error[256])
{
	rd_kafka_conf_t *conf = mr_kafka_conf_make(mr, NULL, NULL, error);
	struct mr_admin *a = calloc(1, sizeof(*a));

	MR_ASSERT(a != NULL);
	if (conf && mr_kafka_client_open(&a->client, mr, a, RD_KAFKA_PRODUCER, conf, error))
		return a;
	free(a);
	return NULL;
}

void
mr_admin_close(struct mr_admin *a)
{
	if (a == NULL)
		return;
	mr_kafka_client_close(&a->client, 0);
	free(a);
}

const char *
mr_admin_error(const struct mr_admin *a)
{
	return a->error;
}

static enum mr_kafka_status
failed(struct mr_admin *a, const char *what, rd_kafka_resp_err_t err, const char *text)
{
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
		return MR_KAFKA_OK;
	mr_kafka_explain(a->error, sizeof(a->error), err, what, text);
	enum mr_kafka_status status = mr_kafka_status_of(err);
	if (status != MR_KAFKA_AGAIN)
		return status;
	// The call itself only timed out: what the connection complained of says more.
	char problem[MR_KAFKA_ERROR];
	rd_kafka_poll(a->client.rk, 0);
	rd_kafka_resp_err_t code = mr_kafka_client_problem(&a->client, problem, sizeof(problem));
	if (code)
		mr_kafka_explain(a->error, sizeof(a->error), code, what, problem);
	return code && mr_kafka_status_of(code) != MR_KAFKA_OK ? mr_kafka_status_of(code) : status;
}

enum mr_kafka_status
mr_admin_cluster_id(struct mr_admin *a, int64_t timeout_ms, char out[64])
{
	char *id = rd_kafka_clusterid(a->client.rk, (int)timeout_ms);

	out[0] = '\0';
	a->error[0] = '\0';
	if (id == NULL)
		return failed(a, "cluster id", RD_KAFKA_RESP_ERR__TIMED_OUT, "no broker answered");
	snprintf(out, 64, "%s", id);
	rd_kafka_mem_free(a->client.rk, id);
	return MR_KAFKA_OK;
}

// Waits for the answer to an admin request that was just sent; NULL where none came.
static rd_kafka_event_t *
answer(rd_kafka_queue_t *queue, rd_kafka_event_type_t type, int64_t timeout_ms)
{
	int64_t deadline = mr_kafka_now_ms() + timeout_ms, left;

	while ((left = deadline - mr_kafka_now_ms()) > 0) {
		rd_kafka_event_t *event = rd_kafka_queue_poll(queue, (int)left);
		if (event && rd_kafka_event_type(event) == type)
			return event;
		if (event)
			rd_kafka_event_destroy(event);
	}
	return NULL;
}

static rd_kafka_AdminOptions_t *
options(struct mr_admin *a, rd_kafka_admin_op_t op, int64_t timeout_ms)
{
	char text[256];
	rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(a->client.rk, op);

	MR_ASSERT(o != NULL);
	rd_kafka_resp_err_t err = rd_kafka_AdminOptions_set_request_timeout(o, (int)(timeout_ms > 0 ? timeout_ms : 1), text, sizeof(text));
	MR_ASSERT(err == RD_KAFKA_RESP_ERR_NO_ERROR);
	return o;
}

// A member's subscription, as the consumer protocol has it: i16 version, i32 count, then each topic's
// i16 length and bytes. The first topic that is none of ours.
static void
find_strange(const uint8_t *p, size_t left, const char *const *topics, size_t n, char out[256])
{
	if (left < 6)
		return;
	uint32_t count = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 8 | p[5];
	p += 6;
	left -= 6;
	while (count-- > 0 && left >= 2) {
		size_t length = (size_t)p[0] << 8 | p[1];
		bool known = false;
		if (length > left - 2 || length > 249)
			return;
		snprintf(out, 256, "%.*s", (int)length, (const char *)p + 2);
		for (size_t i = 0; i < n && !known; i++)
			known = strcmp(out, topics[i]) == 0;
		if (!known)
			return;
		out[0] = '\0';
		p += 2 + length;
		left -= 2 + length;
	}
}

// By the old call: librdkafka 2.0's ListConsumerGroupOffsets crashes on a group that nobody has used.
enum mr_kafka_status
mr_admin_strange_topic(struct mr_admin *a, const char *group, const char *const *topics, size_t n, int64_t timeout_ms,
    char out[256])
{
	const struct rd_kafka_group_list *list = NULL;
	rd_kafka_resp_err_t err = rd_kafka_list_groups(a->client.rk, group, &list, (int)timeout_ms);

	out[0] = '\0';
	for (int g = 0; list && g < list->group_cnt; g++)
		for (int i = 0; i < list->groups[g].member_cnt && out[0] == '\0'; i++) {
			const struct rd_kafka_group_member_info *m = &list->groups[g].members[i];
			if (m->member_metadata && m->member_metadata_size > 0)
				find_strange(m->member_metadata, (size_t)m->member_metadata_size, topics, n, out);
		}
	if (list)
		rd_kafka_group_list_destroy(list);
	return failed(a, group, err, NULL);
}

static int64_t
number_of(const char *text)
{
	return text ? strtoll(text, NULL, 10) : 0;
}

static void
take_config(const rd_kafka_ConfigEntry_t *entry, struct mr_topic_info *info)
{
	const char *name = rd_kafka_ConfigEntry_name(entry), *value = rd_kafka_ConfigEntry_value(entry);

	if (strcmp(name, "cleanup.policy") == 0)
		info->compacted = value && strstr(value, "compact") != NULL;
	else if (strcmp(name, "retention.ms") == 0)
		info->retention_ms = number_of(value);
	else if (strcmp(name, "max.message.bytes") == 0)
		info->message_bytes_max = number_of(value);
	else if (strcmp(name, "min.insync.replicas") == 0)
		info->min_insync = (int32_t)number_of(value);
}

// Fills the part of *info that DescribeConfigs knows; leaves info->configs false where the broker
// doesn't answer (the mock) or doesn't allow it.
static void
describe(struct mr_admin *a, const char *topic, int64_t timeout_ms, struct mr_topic_info *info)
{
	rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	rd_kafka_AdminOptions_t *o = options(a, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(a->client.rk);

	rd_kafka_DescribeConfigs(a->client.rk, &resource, 1, o, queue);
	rd_kafka_event_t *event = answer(queue, RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT, timeout_ms);
	size_t n = 0, entries = 0;
	if (event && !rd_kafka_event_error(event)) {
		const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(event);
		const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(result, &n);
		if (n == 1 && !rd_kafka_ConfigResource_error(found[0])) {
			const rd_kafka_ConfigEntry_t **list = rd_kafka_ConfigResource_configs(found[0], &entries);
			for (size_t i = 0; i < entries; i++)
				take_config(list[i], info);
			info->configs = entries > 0;
		}
	}
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(o);
	rd_kafka_ConfigResource_destroy(resource);
}

// librdkafka's own emulation never answers DescribeConfigs: no use in waiting for it.
static bool
is_mock(struct mr_admin *a)
{
	char *id = rd_kafka_clusterid(a->client.rk, 0);
	bool mock = id && strncmp(id, "mockCluster", strlen("mockCluster")) == 0;

	if (id)
		rd_kafka_mem_free(a->client.rk, id);
	return mock;
}

enum mr_kafka_status
mr_admin_topic(struct mr_admin *a, const char *topic, int64_t timeout_ms, struct mr_topic_info *info)
{
	const rd_kafka_metadata_t *metadata;
	rd_kafka_topic_t *handle = rd_kafka_topic_new(a->client.rk, topic, NULL);

	*info = (struct mr_topic_info){.retention_ms = -1};
	a->error[0] = '\0';
	if (handle == NULL)
		return failed(a, topic, RD_KAFKA_RESP_ERR__INVALID_ARG, "not a topic's name"), MR_KAFKA_FATAL;
	rd_kafka_resp_err_t err = rd_kafka_metadata(a->client.rk, 0, handle, &metadata, (int)timeout_ms);
	rd_kafka_topic_destroy(handle);
	if (err)
		return failed(a, topic, err, NULL);
	MR_ASSERT(metadata->topic_cnt == 1);
	err = metadata->topics[0].err;
	info->partitions = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return MR_KAFKA_OK;
	if (err)
		return failed(a, topic, err, NULL);
	info->exists = info->partitions > 0;
	if (info->exists && !is_mock(a))
		describe(a, topic, timeout_ms < 3000 ? timeout_ms : 3000, info);
	return MR_KAFKA_OK;
}

// The topic is seen by this broker from now on (creation is asynchronous).
static bool
appears(struct mr_admin *a, const char *topic, int32_t partitions, int64_t deadline)
{
	while (mr_kafka_now_ms() < deadline) {
		const rd_kafka_metadata_t *metadata;
		rd_kafka_topic_t *handle = rd_kafka_topic_new(a->client.rk, topic, NULL);
		rd_kafka_resp_err_t err = rd_kafka_metadata(a->client.rk, 0, handle, &metadata, 1000);
		bool there = false;
		if (!err) {
			there = metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topics[0].partition_cnt == partitions;
			for (int i = 0; there && i < metadata->topics[0].partition_cnt; i++)
				there = metadata->topics[0].partitions[i].leader >= 0;
			rd_kafka_metadata_destroy(metadata);
		}
		rd_kafka_topic_destroy(handle);
		if (there)
			return true;
		rd_kafka_poll(a->client.rk, 50);
	}
	return false;
}

static enum mr_kafka_status
create(struct mr_admin *a, rd_kafka_NewTopic_t *new_topic, const char *topic, int64_t timeout_ms)
{
	rd_kafka_AdminOptions_t *o = options(a, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(a->client.rk);
	enum mr_kafka_status status;
	size_t n = 0;

	rd_kafka_CreateTopics(a->client.rk, &new_topic, 1, o, queue);
	rd_kafka_event_t *event = answer(queue, RD_KAFKA_EVENT_CREATETOPICS_RESULT, timeout_ms + 1000);
	if (event == NULL)
		status = failed(a, topic, RD_KAFKA_RESP_ERR__TIMED_OUT, "creating the topic: no answer");
	else if (rd_kafka_event_error(event))
		status = failed(a, topic, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
	else {
		const rd_kafka_topic_result_t **results =
		    rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
		rd_kafka_resp_err_t err = n == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL;
		if (err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
			err = RD_KAFKA_RESP_ERR_NO_ERROR;
		status = failed(a, topic, err, n == 1 ? rd_kafka_topic_result_error_string(results[0]) : NULL);
		if (mr_kafka_status_of(err) == MR_KAFKA_DENIED)
			snprintf(a->error, sizeof(a->error), "%s: creating it needs the permission Create; grant it, or create the topic beforehand", topic);
		else if (err != RD_KAFKA_RESP_ERR_NO_ERROR && status == MR_KAFKA_AGAIN)
			status = err == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT ? MR_KAFKA_AGAIN : MR_KAFKA_FATAL;
	}
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(o);
	return status;
}

enum mr_kafka_status
mr_admin_create(struct mr_admin *a, const char *topic, int32_t partitions,
    const struct mr_kafka_property *configs, size_t n_configs, int64_t timeout_ms)
{
	int64_t deadline = mr_kafka_now_ms() + timeout_ms;
	char text[256] = "";
	rd_kafka_NewTopic_t *new_topic = rd_kafka_NewTopic_new(topic, partitions, -1, text, sizeof(text));

	a->error[0] = '\0';
	if (new_topic == NULL) {
		snprintf(a->error, sizeof(a->error), "%s: %s", topic, text);
		return MR_KAFKA_FATAL;
	}
	for (size_t i = 0; i < n_configs; i++) {
		char name[128], value[128];
		snprintf(name, sizeof(name), "%.*s", (int)configs[i].name.n, configs[i].name.p);
		snprintf(value, sizeof(value), "%.*s", (int)configs[i].value.n, configs[i].value.p);
		rd_kafka_NewTopic_set_config(new_topic, name, value);
	}
	enum mr_kafka_status status = create(a, new_topic, topic, timeout_ms);
	rd_kafka_NewTopic_destroy(new_topic);
	if (status == MR_KAFKA_OK && !appears(a, topic, partitions, deadline))
		return failed(a, topic, RD_KAFKA_RESP_ERR__TIMED_OUT, "created, but not yet seen by the broker with these partitions");
	return status;
}
