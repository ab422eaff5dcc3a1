// The sink against the mock cluster: plumbing, and each call failing once.
#include "kafka/sink.h"
#include "mock.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { PRODUCE = 0, TXN_OFFSET_COMMIT = 28, INIT_PRODUCER_ID = 22, ADD_PARTITIONS = 24, ADD_OFFSETS = 25, END_TXN = 26 };

struct fixture {
	struct mock mock;
	struct mr_sink *sink;
	uint32_t topic;
	struct mr_group group;
	struct mr_kafka_position position;
};

static struct fixture f;

static struct mr_sink *
open_sink(const char *id, int fd)
{
	struct mr_sink_conf conf = {.kafka = &f.mock.conf, .transactional_id = id, .wake_fd = fd,
	    .transaction_timeout_ms = 4000, .queue_messages_max = 100};
	char error[256];
	struct mr_sink *s = mr_sink_open(&conf, error);

	cr_assert_not_null(s, "%s", error);
	return s;
}

static void
setup(void)
{
	mock_start(&f.mock);
	rd_kafka_mock_topic_create(f.mock.cluster, "out", 4, 1);
	rd_kafka_mock_topic_create(f.mock.cluster, "in", 4, 1);
	rd_kafka_mock_coordinator_set(f.mock.cluster, "group", "app", 1);
	rd_kafka_mock_coordinator_set(f.mock.cluster, "transaction", "app-0", 1);
	f.sink = open_sink("app-0", -1);
	f.topic = mr_sink_topic(f.sink, "out");
	f.group = group_token("app", 3, "member-1");
	f.position = (struct mr_kafka_position){"in", 1, 17};
	cr_assert_eq(mr_sink_init(f.sink, 5000), MR_KAFKA_OK, "%s", mr_sink_error(f.sink));
}

static void
teardown(void)
{
	mr_sink_close(f.sink, 1000);
	mock_stop(&f.mock);
}

TestSuite(sink_mock, .init = setup, .fini = teardown, .timeout = 60);

static enum mr_kafka_status
send_one(const char *value, _Atomic uint32_t *pending)
{
	struct mr_kafka_header headers[] = {{"ce_id", MR_LIT("1")}, {"ce_type", MR_LIT("x")}};
	struct mr_sink_message m = {.topic = f.topic, .partition = 2, .key = MR_LIT("u1"), .value = mr_str_of(value),
	    .headers = headers, .n_headers = 2, .borrowed = true, .pending = pending};

	return mr_sink_produce(f.sink, &m);
}

static enum mr_kafka_status
commit(void)
{
	return mr_sink_commit(f.sink, &f.position, 1, &f.group, 3000);
}

#define OK(call) cr_assert_eq((call), MR_KAFKA_OK, "%s", mr_sink_error(f.sink))
#define IS(status, call) do { \
	enum mr_kafka_status got_ = (call); \
	cr_assert_eq(got_, (status), "%s: %s", mr_kafka_status_name(got_), mr_sink_error(f.sink)); \
} while (0)

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

// What a caller does after an abort: the same once more.
static enum mr_kafka_status
commit_until_it_works(void)
{
	enum mr_kafka_status status = commit();

	for (int i = 0; i < 20 && (status == MR_KAFKA_ABORTABLE || status == MR_KAFKA_DENIED); i++) {
		OK(mr_sink_abort(f.sink, 5000));
		OK(mr_sink_begin(f.sink));
		enum mr_kafka_status sent = send_one("a", NULL);
		status = sent == MR_KAFKA_OK ? commit() : sent;
	}
	return status;
}

static void
fail(int16_t api, rd_kafka_resp_err_t err)
{
	rd_kafka_mock_push_request_errors(f.mock.cluster, api, 1, err);
}

Test(sink_mock, a_transaction_commits)
{
	_Atomic uint32_t pending = 0;

	OK(mr_sink_begin(f.sink));
	OK(send_one("a", &pending));
	OK(send_one("b", &pending));
	cr_assert_eq(mr_sink_topic(f.sink, "out"), f.topic);
	OK(commit());
	cr_assert_eq(pending, 0);
	cr_assert_eq(mr_sink_unacked(f.sink), 0);
	cr_assert(!mr_sink_in_transaction(f.sink));
	OK(mr_sink_begin(f.sink));
	OK(commit());
}

Test(sink_mock, acknowledgements_wake_the_owner)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct mr_sink *s = open_sink("app-1", fd);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	enum mr_kafka_status status;
	_Atomic uint32_t pending = 0;

	mr_sink_close(f.sink, 1000);
	f.sink = s;
	f.topic = mr_sink_topic(s, "out");
	OK(mr_sink_init(s, 5000));
	OK(mr_sink_begin(s));
	OK(send_one("a", &pending));
	cr_assert_eq(pending, 1);
	while (pending > 0) {
		uint64_t n;
		cr_assert_eq(poll(&p, 1, 5000), 1);
		cr_assert_eq(read(fd, &n, sizeof(n)), 8);
		mr_sink_poll(s);
	}
	mr_sink_commit_start(s, &f.position, 1, &f.group, 3000);
	while (!mr_sink_commit_done(s, &status)) {
		uint64_t n;
		cr_assert_eq(poll(&p, 1, 5000), 1);
		cr_assert_eq(read(fd, &n, sizeof(n)), 8);
	}
	cr_assert_eq(status, MR_KAFKA_OK);
	cr_assert(!mr_sink_commit_done(s, &status), "told once");
	close(fd);
}

Test(sink_mock, close_while_committing)
{
	OK(mr_sink_begin(f.sink));
	OK(send_one("a", NULL));
	mr_sink_commit_start(f.sink, &f.position, 1, &f.group, 3000);
}

Test(sink_mock, close_with_messages_in_flight_serves_their_counters)
{
	_Atomic uint32_t pending = 0;

	rd_kafka_mock_broker_set_rtt(f.mock.cluster, 1, 300);
	OK(mr_sink_begin(f.sink));
	OK(send_one("a", &pending));
	mr_sink_close(f.sink, 1000);
	cr_assert_eq(pending, 0);
	rd_kafka_mock_broker_set_rtt(f.mock.cluster, 1, 0);
	f.sink = open_sink("app-0", -1);
}

Test(sink_mock, a_full_queue_is_a_value)
{
	enum mr_kafka_status status = MR_KAFKA_OK;
	int n = 0;

	rd_kafka_mock_broker_set_rtt(f.mock.cluster, 1, 200);
	OK(mr_sink_begin(f.sink));
	while (n < 1000 && (status = send_one("a", NULL)) == MR_KAFKA_OK)
		n++;
	cr_assert_eq(status, MR_KAFKA_AGAIN);
	cr_assert_eq(n, 100);
	rd_kafka_mock_broker_set_rtt(f.mock.cluster, 1, 0);
	OK(mr_sink_flush(f.sink, 5000));
	OK(send_one("a", NULL));
	OK(commit());
}

Test(sink_mock, too_large_is_a_value)
{
	static char big[1200000];
	struct mr_sink_message m = {.topic = f.topic, .partition = 0, .value = {big, sizeof(big)}};

	OK(mr_sink_begin(f.sink));
	IS(MR_KAFKA_TOO_LARGE, mr_sink_produce(f.sink, &m));
	OK(send_one("a", NULL));
	OK(commit());
}

Test(sink_mock, no_such_partition_is_a_value)
{
	struct mr_sink_message m = {.topic = f.topic, .partition = 9, .value = MR_LIT("x")};

	OK(mr_sink_begin(f.sink));
	OK(send_one("a", NULL));
	OK(mr_sink_flush(f.sink, 3000)); // by now the partitions are known
	IS(MR_KAFKA_MISSING, mr_sink_produce(f.sink, &m));
	OK(commit());
}

Test(sink_mock, who_is_no_member_is_refused)
{
	OK(mr_sink_begin(f.sink));
	OK(send_one("a", NULL));
	f.group = group_token("app", -1, "member-1");
	IS(MR_KAFKA_STALE, commit());
	f.group = group_token("app", 3, "");
	IS(MR_KAFKA_STALE, commit());
	OK(mr_sink_abort(f.sink, 5000));
}

Test(sink_mock, another_generation_is_stale)
{
	OK(mr_sink_begin(f.sink));
	OK(send_one("a", NULL));
	fail(TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
	IS(MR_KAFKA_STALE, commit());
	OK(mr_sink_abort(f.sink, 5000));
	OK(mr_sink_begin(f.sink));
	fail(TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
	IS(MR_KAFKA_STALE, commit());
	OK(mr_sink_abort(f.sink, 5000));
}

Test(sink_mock, another_producer_fences)
{
	OK(mr_sink_begin(f.sink));
	OK(send_one("a", NULL));
	fail(ADD_OFFSETS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
	IS(MR_KAFKA_FENCED, commit());
	IS(MR_KAFKA_FENCED, mr_sink_abort(f.sink, 3000));
}

Test(sink_mock, fenced_at_the_commit)
{
	OK(mr_sink_begin(f.sink));
	fail(END_TXN, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
	IS(MR_KAFKA_FENCED, commit());
}

Test(sink_mock, an_odd_answer_to_the_commit_is_unknown)
{
	OK(mr_sink_begin(f.sink));
	fail(END_TXN, RD_KAFKA_RESP_ERR_UNKNOWN);
	IS(MR_KAFKA_UNKNOWN, commit());
}

Test(sink_mock, no_answer_to_the_commit_is_unknown)
{
	OK(mr_sink_begin(f.sink));
	OK(send_one("a", NULL));
	fail(END_TXN, RD_KAFKA_RESP_ERR__TRANSPORT);
	OK(commit()); // asked again by the library
	OK(mr_sink_begin(f.sink));
	OK(send_one("a", NULL));
	OK(mr_sink_flush(f.sink, 3000));
	for (int i = 0; i < 100; i++)
		fail(END_TXN, RD_KAFKA_RESP_ERR__TRANSPORT);
	IS(MR_KAFKA_UNKNOWN, commit());
}

Test(sink_mock, a_message_that_fails_makes_it_abortable)
{
	_Atomic uint32_t pending = 0;

	OK(mr_sink_begin(f.sink));
	OK(send_one("a", NULL));
	OK(commit());
	OK(mr_sink_begin(f.sink));
	fail(PRODUCE, RD_KAFKA_RESP_ERR_INVALID_RECORD);
	OK(send_one("bad", &pending));
	IS(MR_KAFKA_ABORTABLE, commit());
	cr_assert_eq(mr_sink_failed(f.sink), 1);
	cr_assert(mr_sink_broken(f.sink));
	OK(mr_sink_abort(f.sink, 5000));
	cr_assert_eq(pending, 0);
	// An abort is not a rollback: the caller sends it again. The first time after a failed message
	// may fail too: only then the library takes a new epoch for its sequence numbers.
	enum mr_kafka_status status = MR_KAFKA_ABORTABLE;
	for (int i = 0; i < 3 && status == MR_KAFKA_ABORTABLE; i++) {
		OK(mr_sink_begin(f.sink));
		OK(send_one("bad", &pending));
		status = commit();
		if (status != MR_KAFKA_OK)
			OK(mr_sink_abort(f.sink, 5000));
	}
	IS(MR_KAFKA_OK, status);
}

Test(sink_mock, a_refused_topic_is_named)
{
	OK(mr_sink_begin(f.sink));
	OK(send_one("a", NULL));
	OK(commit());
	OK(mr_sink_begin(f.sink));
	cr_assert_null(mr_sink_denied(f.sink));
	fail(PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	OK(send_one("a", NULL));
	IS(MR_KAFKA_DENIED, commit());
	cr_assert_str_eq(mr_sink_denied(f.sink), "out");
	OK(mr_sink_abort(f.sink, 5000));
	OK(mr_sink_begin(f.sink));
	cr_assert_null(mr_sink_denied(f.sink));
	OK(commit_until_it_works());
}

// Kafka refuses a topic that may be described but not written when it is added to the transaction.
Test(sink_mock, a_refused_partition_does_not_wait)
{
	fail(ADD_PARTITIONS, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	OK(mr_sink_begin(f.sink));
	OK(send_one("a", NULL));
	int64_t before = now_ms();
	IS(MR_KAFKA_DENIED, commit());
	cr_assert_lt(now_ms() - before, 1000);
	cr_assert_str_eq(mr_sink_denied(f.sink), "out");
	OK(mr_sink_abort(f.sink, 5000));
	OK(mr_sink_begin(f.sink));
	OK(send_one("a", NULL));
	OK(commit_until_it_works());
}

Test(sink_mock, a_passing_error_is_retried)
{
	OK(mr_sink_begin(f.sink));
	fail(ADD_OFFSETS, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
	fail(TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
	fail(ADD_PARTITIONS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS);
	fail(END_TXN, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS);
	fail(PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
	OK(send_one("a", NULL));
	OK(commit());
}

Test(sink_mock, a_group_without_permission)
{
	OK(mr_sink_begin(f.sink));
	fail(ADD_OFFSETS, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
	IS(MR_KAFKA_DENIED, commit());
	cr_assert_null(mr_sink_denied(f.sink));
	cr_assert_not_null(strstr(mr_sink_error(f.sink), "grant"));
	OK(mr_sink_abort(f.sink, 5000));
}

Test(sink_mock, init_is_tried_again_while_the_broker_is_away)
{
	struct mr_sink *s = open_sink("app-9", -1);

	rd_kafka_mock_broker_set_down(f.mock.cluster, 1);
	cr_assert_eq(mr_sink_init(s, 300), MR_KAFKA_AGAIN);
	rd_kafka_mock_broker_set_up(f.mock.cluster, 1);
	enum mr_kafka_status status = MR_KAFKA_AGAIN;
	for (int i = 0; i < 20 && status == MR_KAFKA_AGAIN; i++)
		status = mr_sink_init(s, 1000);
	cr_assert_eq(status, MR_KAFKA_OK, "%s", mr_sink_error(s));
	mr_sink_close(s, 1000);
}

Test(sink_mock, init_without_permission)
{
	struct mr_sink *s = open_sink("app-0", -1);

	fail(INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
	cr_assert_eq(mr_sink_init(s, 3000), MR_KAFKA_DENIED, "%s", mr_sink_error(s));
	cr_assert_not_null(strstr(mr_sink_error(s), "grant"));
	mr_sink_close(s, 1000);
}

Test(sink_mock, plain_producer)
{
	_Atomic uint32_t pending = 0;

	mr_sink_close(f.sink, 1000);
	f.sink = open_sink(NULL, -1);
	f.topic = mr_sink_topic(f.sink, "out");
	OK(mr_sink_init(f.sink, 5000));
	for (int i = 0; i < 50; i++)
		OK(send_one("a", &pending));
	OK(mr_sink_flush(f.sink, 5000));
	cr_assert_eq(pending, 0);
	fail(PRODUCE, RD_KAFKA_RESP_ERR_INVALID_RECORD);
	OK(send_one("a", &pending));
	IS(MR_KAFKA_ABORTABLE, mr_sink_flush(f.sink, 5000));
}

Test(sink_conf, properties)
{
	static const char *const refused[] = {"transactional.id", "isolation.level", "plugin.library.paths",
	    "sasl.kerberos.kinit.cmd", "acks", "group.id"};
	char error[256];

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct mr_kafka_property p = {mr_str_of(refused[i]), MR_LIT("1")};
		struct mr_kafka_conf kafka = {.properties = &p, .n_properties = 1};
		struct mr_sink_conf conf = {.kafka = &kafka, .wake_fd = -1};
		cr_assert(!mr_kafka_property_allowed(p.name, error));
		cr_assert_null(mr_sink_open(&conf, error));
		cr_assert_not_null(strstr(error, refused[i]));
	}
	cr_assert(mr_kafka_property_allowed(MR_LIT("linger.ms"), error));
	struct mr_kafka_property p = {MR_LIT("linger.ms"), MR_LIT("hunter2")};
	struct mr_kafka_conf kafka = {.properties = &p, .n_properties = 1};
	struct mr_sink_conf conf = {.kafka = &kafka, .wake_fd = -1};
	cr_assert_null(mr_sink_open(&conf, error));
	cr_assert_null(strstr(error, "hunter2"), "a value may be a secret");
	p = (struct mr_kafka_property){MR_LIT("no.such.thing"), MR_LIT("1")};
	cr_assert_null(mr_sink_open(&conf, error));
}
