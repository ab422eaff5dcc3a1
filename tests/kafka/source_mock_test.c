// Source, reader and admin against the mock cluster: plumbing, and each call failing once.
#include "kafka/admin.h"
#include "kafka/source_impl.h"
#include "mock.h"
#include "real.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FETCH = 1, LIST_OFFSETS = 2, METADATA = 3, OFFSET_FETCH = 9, FIND_COORDINATOR = 10, JOIN_GROUP = 11, HEARTBEAT = 12,
	SYNC_GROUP = 14 };

static struct mock mock;
static struct member m;
static const char *const topics[] = {"events", "outcomes"};

static void
setup(void)
{
	mock_start(&mock);
	rd_kafka_mock_topic_create(mock.cluster, "events", 4, 1);
	rd_kafka_mock_topic_create(mock.cluster, "outcomes", 4, 1);
	rd_kafka_mock_coordinator_set(mock.cluster, "group", "app", 1);
}

static void
teardown(void)
{
	mock_stop(&mock);
}

TestSuite(source_mock, .init = setup, .fini = teardown, .timeout = 60);

static void
fail(int16_t api, rd_kafka_resp_err_t err)
{
	rd_kafka_mock_push_request_errors(mock.cluster, api, 1, err);
}

static void
feed(const char *topic, int32_t partition, int n)
{
	struct mr_sink *s = real_sink(&mock.conf, NULL);

	for (int i = 0; i < n; i++) {
		struct mr_kafka_header header = {"traceparent", MR_LIT("00-1")};
		struct mr_sink_message message = {.topic = mr_sink_topic(s, topic), .partition = partition, .key = MR_LIT("k"),
		    .value = MR_LIT("v"), .headers = &header, .n_headers = 1};
		cr_assert_eq(mr_sink_produce(s, &message), MR_KAFKA_OK);
	}
	cr_assert_eq(mr_sink_flush(s, 5000), MR_KAFKA_OK);
	mr_sink_close(s, 1000);
}

static void
joined(const char *instance_id)
{
	member_open(&m, &mock.conf, "app", instance_id, topics, 2);
	member_wait(&m, 4);
}

// Records of a topic until n have come; fails after 10 s.
static int64_t
take(size_t topic, size_t n)
{
	int64_t deadline = real_now_ms() + 10000, next = 0;
	struct mr_source_batch b;

	while (n > 0) {
		cr_assert_lt(real_now_ms(), deadline);
		mr_source_poll(m.source, 1);
		cr_assert(mr_source_drain(m.task, topic, 100, &b));
		cr_assert_leq(b.n, n);
		for (size_t i = 0; i < b.n; i++) {
			cr_assert(mr_str_eq(mr_kafka_record_header(&b.records[i], "traceparent"), MR_LIT("00-1")));
			cr_assert_eq(mr_kafka_record_header(&b.records[i], "other").n, 0);
			cr_assert_gt(b.records[i].timestamp_ms, 0);
			cr_assert_str_eq(b.records[i].topic, topics[topic]);
		}
		n -= b.n;
		next = b.next;
		mr_source_release(m.task, &b);
	}
	return next;
}

static void
start(int64_t offset)
{
	int64_t offsets[] = {offset, 0};

	m.task = mr_source_start(m.source, 2, m.epoch, offsets, m.fd);
	cr_assert_not_null(m.task, "%s", mr_source_error(m.source));
}

Test(source_mock, joins_and_reads)
{
	char text[256];

	feed("events", 2, 10);
	feed("outcomes", 2, 3);
	joined(NULL);
	cr_assert_eq(m.numbers[3], 3);
	cr_assert_eq(mr_source_epoch(m.source), m.epoch);
	start(4);
	cr_assert_eq(take(0, 6), 10);
	cr_assert_eq(take(1, 3), 3);
	mr_source_describe(m.source, text, sizeof(text));
	cr_assert_not_null(strstr(text, "eager"));
	member_close(&m);
}

static void
go_away(void)
{
	int64_t deadline = real_now_ms() + 10000;

	rd_kafka_mock_broker_set_down(mock.cluster, 1);
	while (mr_source_poll(m.source, 50) != MR_KAFKA_AGAIN)
		cr_assert_lt(real_now_ms(), deadline, "nobody saw that the broker is away");
	rd_kafka_mock_broker_set_up(mock.cluster, 1);
}

// Polls until the broker has answered a heartbeat by that somebody else has our seat.
static enum mr_kafka_status
fenced(int losses)
{
	int64_t deadline = real_now_ms() + 20000;
	enum mr_kafka_status status = MR_KAFKA_OK;

	fail(HEARTBEAT, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
	while (status != MR_KAFKA_FENCED && status != MR_KAFKA_FATAL && m.losses == losses) {
		cr_assert_lt(real_now_ms(), deadline);
		status = mr_source_poll(m.source, 50);
	}
	return status;
}

Test(source_mock, a_seat_that_was_taken_while_the_broker_was_away_is_taken_anew)
{
	feed("events", 2, 3);
	joined("host-1");
	start(0);
	go_away();
	cr_assert_neq(fenced(0), MR_KAFKA_FENCED);
	member_wait(&m, 4);
	start(0);
	cr_assert_eq(take(0, 3), 3);
	cr_assert_eq(mr_source_epoch(m.source), m.epoch);
	// Nobody was away since: now it is another process.
	cr_assert_eq(fenced(1), MR_KAFKA_FENCED);
	member_close(&m);
}

Test(source_mock, joining_anew_can_fail)
{
	joined("host-1");
	go_away();
	mock.properties[0].name = MR_LIT("no.such.property");
	cr_assert_eq(fenced(0), MR_KAFKA_FATAL);
	cr_assert_not_null(strstr(mr_source_error(m.source), "no.such.property"), "%s", mr_source_error(m.source));
	member_close(&m);
}

static void
no_assign(void *arg, const struct mr_group *group, uint64_t epoch, const int32_t *numbers, size_t n)
{
	(void)arg, (void)group, (void)epoch, (void)numbers, (void)n;
}

static void
no_revoke(void *arg, const int32_t *numbers, size_t n)
{
	(void)arg, (void)numbers, (void)n;
}

static int
heartbeat(const struct mr_kafka_property *properties, size_t n)
{
	struct mr_kafka_property all[3] = {mock.properties[0]};
	char error[256], text[32] = "";
	size_t size = sizeof(text);

	memcpy(all + 1, properties, n * sizeof(*properties));
	struct mr_kafka_conf kafka = mock.conf;
	kafka.properties = all;
	kafka.n_properties = 1 + n;
	struct mr_source *s = mr_source_open(&(struct mr_source_conf){.kafka = &kafka, .group = "app", .topics = topics,
	    .n_topics = 2, .on_assign = no_assign, .on_revoke = no_revoke, .on_lost = no_revoke}, error);
	cr_assert_not_null(s, "%s", error);
	cr_assert_eq(rd_kafka_conf_get(rd_kafka_conf(s->member.rk), "heartbeat.interval.ms", text, &size), RD_KAFKA_CONF_OK);
	mr_source_close(s, 1000);
	return atoi(text);
}

Test(source_mock, heartbeats_follow_the_session)
{
	const struct mr_kafka_property brief[] = {{MR_LIT("session.timeout.ms"), MR_LIT("1500")}};
	const struct mr_kafka_property both[] = {{MR_LIT("session.timeout.ms"), MR_LIT("12000")},
	    {MR_LIT("heartbeat.interval.ms"), MR_LIT("2000")}};

	cr_assert_eq(heartbeat(brief, 0), 3000);
	cr_assert_eq(heartbeat(brief, 1), 500);
	cr_assert_eq(heartbeat(both, 2), 2000);
}

Test(source_mock, passing_errors_are_retried_by_the_library)
{
	feed("events", 2, 3);
	fail(FIND_COORDINATOR, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE);
	fail(JOIN_GROUP, RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
	fail(SYNC_GROUP, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS);
	joined(NULL);
	fail(FETCH, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
	start(0);
	cr_assert_eq(take(0, 3), 3);
	member_close(&m);
}

Test(source_mock, trouble_comes_as_a_value)
{
	joined(NULL);
	start(0);
	struct mr_source_batch b = {0};
	feed("events", 2, 1);
	cr_assert_eq(take(0, 1), 1);
	int64_t deadline = real_now_ms() + 20000;
	while (b.status != MR_KAFKA_DENIED && real_now_ms() < deadline) {
		fail(FETCH, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
		cr_assert(mr_source_drain(m.task, 1, 10, &b));
		enum mr_kafka_status status = b.status;
		mr_source_release(m.task, &b);
		b.status = status;
		usleep(1000);
	}
	cr_assert_eq(b.status, MR_KAFKA_DENIED);
	member_close(&m);
}

Test(source_mock, committed_offsets)
{
	struct mr_kafka_position positions[] = {{"events", 1, 5}, {"outcomes", 1, 5}};

	joined(NULL);
	cr_assert_eq(mr_source_committed(m.source, positions, 2, 5000), MR_KAFKA_OK);
	cr_assert(positions[0].offset == -1 && positions[1].offset == -1);
	for (int i = 0; i < 50; i++)
		fail(OFFSET_FETCH, RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT);
	cr_assert_eq(mr_source_committed(m.source, positions, 2, 300), MR_KAFKA_AGAIN);
	member_close(&m);
}

Test(source_mock, a_question_for_the_end_that_fails_has_no_answer)
{
	int64_t end, asked;

	feed("events", 2, 2);
	joined(NULL);
	start(0);
	fail(LIST_OFFSETS, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	mr_source_ask_end(m.task, 5);
	usleep(300000);
	cr_assert(!mr_source_end(m.task, 0, &end, &asked));
	mr_source_ask_end(m.task, 6);
	int64_t deadline = real_now_ms() + 5000;
	while (!mr_source_end(m.task, 0, &end, &asked) && real_now_ms() < deadline)
		usleep(1000);
	cr_assert(mr_source_end(m.task, 0, &end, &asked) && end == 2 && asked == 6);
	member_close(&m);
}

Test(source_mock, stop_with_a_question_open)
{
	joined(NULL);
	rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 300);
	for (int i = 0; i < 3; i++) {
		start(0);
		mr_source_ask_end(m.task, 5);
		usleep(20000);
		mr_source_stop(m.task);
		m.task = NULL;
	}
	rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 0);
	member_close(&m);
}

Test(source_mock, a_broker_that_goes_away_and_comes_back)
{
	joined("host-1");
	start(0);
	feed("events", 2, 1);
	cr_assert_eq(take(0, 1), 1);
	rd_kafka_mock_broker_set_down(mock.cluster, 1);
	int64_t deadline = real_now_ms() + 5000;
	enum mr_kafka_status status = MR_KAFKA_OK;
	while (status == MR_KAFKA_OK && real_now_ms() < deadline)
		status = mr_source_poll(m.source, 20);
	cr_assert_eq(status, MR_KAFKA_AGAIN, "%s", mr_source_error(m.source));
	rd_kafka_mock_broker_set_up(mock.cluster, 1);
	feed("events", 2, 1);
	take(0, 1);
	member_close(&m);
}

Test(source_mock, close_is_bounded_without_a_broker)
{
	joined(NULL);
	rd_kafka_mock_broker_set_down(mock.cluster, 1);
	int64_t before = real_now_ms();
	mr_source_close(m.source, 1000);
	cr_assert_lt(real_now_ms() - before, 4000);
}

Test(source_mock, readers_and_admins_tell_failures_apart)
{
	char error[256];
	struct mr_log_reader *r = mr_log_reader_open(&mock.conf, false, error);
	struct mr_admin *a = mr_admin_open(&mock.conf, error);
	struct mr_topic_info info;
	int64_t low, end;
	int32_t n;

	feed("events", 0, 4);
	cr_assert_eq(mr_log_reader_ends(r, "events", 0, 3000, &low, &end), MR_KAFKA_OK);
	cr_assert(low == 0 && end == 4);
	fail(METADATA, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED);
	enum mr_kafka_status status = mr_log_reader_partitions(r, "events", 3000, &n);
	cr_assert(status == MR_KAFKA_OK || status == MR_KAFKA_DENIED, "%s", mr_log_reader_error(r));
	rd_kafka_mock_topic_set_error(mock.cluster, "outcomes", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	cr_assert_eq(mr_log_reader_partitions(r, "outcomes", 3000, &n), MR_KAFKA_DENIED, "%s", mr_log_reader_error(r));
	cr_assert_eq(mr_admin_topic(a, "outcomes", 3000, &info), MR_KAFKA_DENIED, "%s", mr_admin_error(a));
	cr_assert_eq(mr_admin_topic(a, "events", 3000, &info), MR_KAFKA_OK, "%s", mr_admin_error(a));
	cr_assert(info.exists && info.partitions == 4 && !info.configs, "the mock answers no DescribeConfigs");
	rd_kafka_mock_broker_set_down(mock.cluster, 1);
	cr_assert_eq(mr_log_reader_ends(r, "events", 0, 500, &low, &end), MR_KAFKA_AGAIN, "%s", mr_log_reader_error(r));
	const char *events = "events";
	cr_assert_eq(mr_log_reader_all_ends(r, &events, 1, 0, 500, &end), MR_KAFKA_AGAIN, "%s", mr_log_reader_error(r));
	cr_assert_eq(end, -1);
	cr_assert_eq(mr_admin_topic(a, "events", 500, &info), MR_KAFKA_AGAIN, "%s", mr_admin_error(a));
	struct mr_topic_want want = {"events", MR_TOPIC_ANCHOR, 0};
	struct mr_topic_report report;
	cr_assert_eq(mr_admin_check(a, &want, 1, false, 500, &report), MR_KAFKA_AGAIN);
	free(report.text);
	mr_log_reader_close(r);
	mr_admin_close(a);
}
