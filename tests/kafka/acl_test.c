// Against a real broker with ACLs: what is refused is said, by name, and goes on once it is granted.
#include "mock.h"
#include "real.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

TestSuite(acl, .timeout = 120);

static void
grant(rd_kafka_ResourceType_t type, const char *name, rd_kafka_AclOperation_t operation)
{
	char text[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set(conf, "bootstrap.servers", getenv("KAFKA_BROKERS"), text, sizeof(text));
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_AclBinding_t *acl = rd_kafka_AclBinding_new(type, name, RD_KAFKA_RESOURCE_PATTERN_LITERAL, "User:alice", "*",
	    operation, RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, text, sizeof(text));
	cr_assert_not_null(acl, "%s", text);
	rd_kafka_CreateAcls(rk, &acl, 1, NULL, queue);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 10000);
	cr_assert(event && !rd_kafka_event_error(event));
	rd_kafka_event_destroy(event);
	rd_kafka_AclBinding_destroy(acl);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
}

// The library has no transactional ids among its resources yet: Kafka's own tool.
static void
grant_transactions(const char *id)
{
	char command[512];

	if (getenv("SERVERS_DIR") == NULL)
		cr_skip_test("SERVERS_DIR is not set: no tool to grant transactional ids with");
	snprintf(command, sizeof(command), "deploy/servers.sh acl '%s' --add --allow-principal User:alice --operation Write "
	    "--operation Describe --transactional-id '%s' >/dev/null 2>&1", getenv("SERVERS_DIR"), id);
	cr_assert_eq(system(command), 0, "%s", command);
}

static enum mr_kafka_status
init_until(struct mr_sink **s, const struct mr_kafka_conf *conf, const char *id, enum mr_kafka_status want)
{
	enum mr_kafka_status status = MR_KAFKA_AGAIN;

	for (int i = 0; i < 50 && status != want; i++) {
		if (*s)
			mr_sink_close(*s, 100);
		*s = real_sink(conf, id);
		status = mr_sink_init(*s, 5000);
	}
	return status;
}

static char said[512];   // the error of the last transaction that failed

// One transaction with one message; aborted where it fails.
static enum mr_kafka_status
once(struct mr_sink *s, const char *topic, const char *in, const struct mr_group *group)
{
	struct mr_sink_message m = {.topic = mr_sink_topic(s, topic), .partition = 0, .value = MR_LIT("v")};
	struct mr_kafka_position position = {in, 0, 1};

	cr_assert_eq(mr_sink_begin(s), MR_KAFKA_OK, "%s", mr_sink_error(s));
	enum mr_kafka_status status = mr_sink_produce(s, &m);
	if (status == MR_KAFKA_OK)
		status = mr_sink_commit(s, &position, 1, group, 5000);
	if (status != MR_KAFKA_OK) {
		snprintf(said, sizeof(said), "%s", mr_sink_error(s));
		cr_assert_eq(mr_sink_abort(s, 5000), MR_KAFKA_OK, "%s after %s", mr_sink_error(s), said);
	}
	return status;
}

static enum mr_kafka_status
until_it_works(struct mr_sink *s, const char *topic, const char *in, const struct mr_group *group)
{
	enum mr_kafka_status status = MR_KAFKA_DENIED;

	for (int i = 0; i < 50 && status != MR_KAFKA_OK; i++) {
		status = once(s, topic, in, group);
		usleep(20000);
	}
	return status;
}

static void
until_assigned(struct member *m)
{
	int64_t deadline = real_now_ms() + 20000;

	while (m->n != 1 && real_now_ms() < deadline)
		mr_source_poll(m->source, 50);
	cr_assert_eq(m->n, 1, "%s", mr_source_error(m->source));
}

Test(acl, a_refused_write_is_named_and_goes_on_when_granted)
{
	const struct mr_kafka_conf *alice = real_conf_of("alice");
	const char *in = real_topic("in", 1), *seen = real_topic("seen", 1), *hidden = real_topic("hidden", 1);
	const char *fine = real_topic("fine", 1);
	struct mr_sink *s = NULL;
	struct member m;

	cr_assert_eq(init_until(&s, alice, seen, MR_KAFKA_DENIED), MR_KAFKA_DENIED, "%s", mr_sink_error(s));
	cr_assert_not_null(strstr(mr_sink_error(s), "transactional ids"), "%s", mr_sink_error(s));
	grant_transactions(seen);
	cr_assert_eq(init_until(&s, alice, seen, MR_KAFKA_OK), MR_KAFKA_OK, "%s", mr_sink_error(s));
	member_open(&m, real_conf(), in, NULL, &in, 1);
	member_wait(&m, 1);
	grant(RD_KAFKA_RESOURCE_TOPIC, in, RD_KAFKA_ACL_OPERATION_READ);
	grant(RD_KAFKA_RESOURCE_TOPIC, fine, RD_KAFKA_ACL_OPERATION_WRITE);
	grant(RD_KAFKA_RESOURCE_TOPIC, seen, RD_KAFKA_ACL_OPERATION_DESCRIBE);

	// the group first: it fences
	cr_assert_eq(once(s, fine, in, &m.group), MR_KAFKA_DENIED, "%s", mr_sink_error(s));
	cr_assert(strstr(said, "Read on the group") != NULL, "it says: %s", said);
	grant(RD_KAFKA_RESOURCE_GROUP, in, RD_KAFKA_ACL_OPERATION_READ);
	cr_assert_eq(until_it_works(s, fine, in, &m.group), MR_KAFKA_OK, "%s", mr_sink_error(s));

	const char *refused[] = {seen, hidden};
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(once(s, refused[i], in, &m.group), MR_KAFKA_DENIED, "%s", mr_sink_error(s));
		cr_assert_not_null(mr_sink_denied(s));
		cr_assert_str_eq(mr_sink_denied(s), refused[i]);
		cr_assert_eq(until_it_works(s, fine, in, &m.group), MR_KAFKA_OK, "others go on: %s", mr_sink_error(s));
		grant(RD_KAFKA_RESOURCE_TOPIC, refused[i], RD_KAFKA_ACL_OPERATION_WRITE);
		cr_assert_eq(until_it_works(s, refused[i], in, &m.group), MR_KAFKA_OK, "%s", mr_sink_error(s));
		cr_assert_str_eq(real_values(refused[i], 0, true), "v");
	}
	mr_sink_close(s, 1000);
	member_close(&m);
}

Test(acl, a_refused_group_or_input_is_said)
{
	const struct mr_kafka_conf *alice = real_conf_of("alice");
	const char *in = real_topic("in", 1);
	int64_t offsets[] = {0}, low, end;
	enum mr_kafka_status status = MR_KAFKA_OK;
	struct member m;
	char error[256];

	grant(RD_KAFKA_RESOURCE_TOPIC, in, RD_KAFKA_ACL_OPERATION_DESCRIBE);
	member_open(&m, alice, in, NULL, &in, 1);
	int64_t deadline = real_now_ms() + 20000;
	while (status != MR_KAFKA_DENIED && real_now_ms() < deadline)
		status = mr_source_poll(m.source, 50);
	cr_assert_eq(status, MR_KAFKA_DENIED, "%s", mr_source_error(m.source));
	cr_assert_not_null(strstr(mr_source_error(m.source), "grant"), "%s", mr_source_error(m.source));
	grant(RD_KAFKA_RESOURCE_GROUP, in, RD_KAFKA_ACL_OPERATION_READ);
	until_assigned(&m);
	real_send(in, 0, "e", 1);
	m.task = mr_source_start(m.source, 0, m.epoch, offsets, m.fd);
	struct mr_source_batch b = {0};
	deadline = real_now_ms() + 10000;
	while (status != MR_KAFKA_OK && real_now_ms() < deadline) { // nothing but trouble
		cr_assert(mr_source_drain(m.task, 0, 10, &b));
		cr_assert_eq(b.n, 0);
		status = b.status == MR_KAFKA_DENIED ? MR_KAFKA_OK : MR_KAFKA_DENIED;
		if (status == MR_KAFKA_OK)
			cr_assert_not_null(strstr(b.error, "grant"), "%s", b.error);
		mr_source_release(m.task, &b);
		usleep(10000);
	}
	cr_assert_eq(status, MR_KAFKA_OK, "the refused fetch was not said");
	struct mr_log_reader *r = mr_log_reader_open(alice, true, error);
	cr_assert_eq(mr_log_reader_ends(r, real_topic("hidden", 1), 0, 5000, &low, &end), MR_KAFKA_DENIED, "%s", mr_log_reader_error(r));
	mr_log_reader_close(r);
	// granted: the fetch goes on by itself
	grant(RD_KAFKA_RESOURCE_TOPIC, in, RD_KAFKA_ACL_OPERATION_READ);
	size_t got = 0;
	deadline = real_now_ms() + 20000;
	while (got == 0 && real_now_ms() < deadline) {
		mr_source_poll(m.source, 10);
		cr_assert(mr_source_drain(m.task, 0, 10, &b));
		got = b.n;
		mr_source_release(m.task, &b);
	}
	cr_assert_eq(got, 1);
	member_close(&m);
}

Test(acl, a_wrong_password_is_said)
{
	struct mr_kafka_conf conf = *real_conf_of("alice");
	struct mr_kafka_property properties[5];
	struct mr_topic_info info;
	char error[256];

	memcpy(properties, conf.properties, sizeof(properties));
	properties[4].value = MR_LIT("nonsense");
	conf.properties = properties;
	struct mr_admin *a = mr_admin_open(&conf, error);
	cr_assert_eq(mr_admin_topic(a, "any", 3000, &info), MR_KAFKA_DENIED, "%s", mr_admin_error(a));
	cr_assert_not_null(strstr(mr_admin_error(a), "password"), "%s", mr_admin_error(a));
	cr_assert_null(strstr(mr_admin_error(a), "nonsense"));
	mr_admin_close(a);
}

Test(acl, a_topic_that_may_not_be_made_is_said)
{
	const struct mr_kafka_conf *alice = real_conf_of("alice");
	char error[256];
	struct mr_admin *a = mr_admin_open(alice, error);
	const char *in = real_topic("in", 1), *none = real_topic("none", 0);
	struct mr_topic_want wants[] = {{in, MR_TOPIC_ANCHOR, 0}, {none, MR_TOPIC_JOURNAL, 0}};
	struct mr_topic_report report;

	cr_assert_eq(mr_admin_create(a, none, 1, NULL, 0, 5000), MR_KAFKA_DENIED, "%s", mr_admin_error(a));
	cr_assert_not_null(strstr(mr_admin_error(a), "Create"), "%s", mr_admin_error(a));
	cr_assert_eq(mr_admin_check(a, wants, 2, true, 10000, &report), MR_KAFKA_OK);
	cr_assert_geq(report.errors, 1, "%s", report.text);
	free(report.text);
	mr_admin_close(a);
}
