#include "real.h"
#include "mock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

const struct mr_kafka_conf *
real_conf(void)
{
	static struct mr_kafka_property properties[1];
	static struct mr_kafka_conf conf;
	const char *brokers = getenv("KAFKA_BROKERS");

	if (brokers == NULL)
		cr_skip_test("KAFKA_BROKERS is not set: no broker to test against");
	properties[0] = (struct mr_kafka_property){MR_LIT("bootstrap.servers"), mr_str_of(brokers)};
	conf = (struct mr_kafka_conf){.properties = properties, .n_properties = 1, .log = quiet};
	return &conf;
}

const struct mr_kafka_conf *
real_conf_of(const char *user)
{
	static struct mr_kafka_property properties[5];
	static struct mr_kafka_conf conf;
	static char password[64];
	const char *brokers = getenv("KAFKA_SASL_BROKERS");

	if (brokers == NULL)
		cr_skip_test("KAFKA_SASL_BROKERS is not set: no broker with ACLs to test against");
	snprintf(password, sizeof(password), "%s-secret", user);
	properties[0] = (struct mr_kafka_property){MR_LIT("bootstrap.servers"), mr_str_of(brokers)};
	properties[1] = (struct mr_kafka_property){MR_LIT("security.protocol"), MR_LIT("SASL_PLAINTEXT")};
	properties[2] = (struct mr_kafka_property){MR_LIT("sasl.mechanism"), MR_LIT("PLAIN")};
	properties[3] = (struct mr_kafka_property){MR_LIT("sasl.username"), mr_str_of(user)};
	properties[4] = (struct mr_kafka_property){MR_LIT("sasl.password"), mr_str_of(password)};
	conf = (struct mr_kafka_conf){.properties = properties, .n_properties = 5, .log = quiet};
	return &conf;
}

int64_t
real_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

const char *
real_topic(const char *stem, int partitions)
{
	static char names[8][96];
	static int n;
	char error[256];

	cr_assert_lt(n, 8);
	snprintf(names[n], sizeof(names[n]), "%s-%d-%lld-%d", stem, (int)getpid(), (long long)real_now_ms(), n);
	if (partitions > 0) {
		struct mr_admin *a = mr_admin_open(real_conf(), error);
		cr_assert_not_null(a, "%s", error);
		cr_assert_eq(mr_admin_create(a, names[n], partitions, NULL, 0, 10000), MR_KAFKA_OK, "%s", mr_admin_error(a));
		mr_admin_close(a);
	}
	return names[n++];
}

struct mr_sink *
real_sink(const struct mr_kafka_conf *kafka, const char *id)
{
	struct mr_sink_conf conf = {.kafka = kafka, .transactional_id = id, .wake_fd = -1};
	char error[256];
	struct mr_sink *s = mr_sink_open(&conf, error);

	cr_assert_not_null(s, "%s", error);
	return s;
}

void
real_send(const char *topic, int32_t partition, const char *stem, int n)
{
	struct mr_sink *s = real_sink(real_conf(), NULL);
	uint32_t number = mr_sink_topic(s, topic);
	char value[64];

	for (int i = 0; i < n; i++) {
		snprintf(value, sizeof(value), "%s%d", stem, i);
		struct mr_sink_message m = {.topic = number, .partition = partition, .key = MR_LIT("k"), .value = mr_str_of(value)};
		cr_assert_eq(mr_sink_produce(s, &m), MR_KAFKA_OK);
	}
	cr_assert_eq(mr_sink_flush(s, 10000), MR_KAFKA_OK, "%s", mr_sink_error(s));
	mr_sink_close(s, 1000);
}

struct text { char *p; size_t n, room; };

static bool
append(void *arg, const struct mr_kafka_record *r)
{
	struct text *t = arg;

	cr_assert(t->n + r->value.n + 2 < t->room);
	if (t->n)
		t->p[t->n++] = ' ';
	memcpy(t->p + t->n, r->value.p, r->value.n);
	t->n += r->value.n;
	t->p[t->n] = '\0';
	return true;
}

const char *
real_values(const char *topic, int32_t partition, bool committed)
{
	static char buffers[4][65536];
	static int turn;
	char error[256];
	struct text t = {buffers[turn++ % 4], 0, sizeof(buffers[0])};
	struct mr_log_reader *r = mr_log_reader_open(real_conf(), committed, error);
	int64_t low, end, next;

	t.p[0] = '\0';
	cr_assert_not_null(r, "%s", error);
	cr_assert_eq(mr_log_reader_ends(r, topic, partition, 5000, &low, &end), MR_KAFKA_OK, "%s", mr_log_reader_error(r));
	cr_assert_eq(mr_log_reader_range(r, topic, partition, low, end, 5000, append, &t, &next), MR_KAFKA_OK, "%s", mr_log_reader_error(r));
	cr_assert_eq(next, end);
	mr_log_reader_close(r);
	return t.p;
}

// ---- group members

static void
on_assign(void *arg, const struct mr_group *group, uint64_t epoch, const int32_t *numbers, size_t n)
{
	struct member *m = arg;

	cr_assert_leq(n, 16);
	m->group = *group;
	m->epoch = epoch;
	m->n = n;
	memcpy(m->numbers, numbers, n * sizeof(*numbers));
	m->assigns++;
}

static void
let_go(struct member *m)
{
	if (m->task)
		mr_source_stop(m->task);
	m->task = NULL;
	m->n = 0;
}

static void
on_revoke(void *arg, const int32_t *numbers, size_t n)
{
	struct member *m = arg;

	cr_assert_eq(n, m->n);
	cr_assert(n == 0 || memcmp(numbers, m->numbers, n * sizeof(*numbers)) == 0);
	m->revokes++;
	let_go(m);
}

static void
on_lost(void *arg, const int32_t *numbers, size_t n)
{
	struct member *m = arg;

	(void)numbers;
	(void)n;
	m->losses++;
	let_go(m);
}

void
member_open(struct member *m, const struct mr_kafka_conf *kafka, const char *group, const char *instance_id,
    const char *const *topics, size_t n)
{
	struct mr_source_conf conf = {.kafka = kafka, .group = group, .instance_id = instance_id, .topics = topics,
	    .n_topics = n, .session_timeout_ms = 6000, .on_assign = on_assign, .on_revoke = on_revoke,
	    .on_lost = on_lost, .arg = m};
	char error[256];

	*m = (struct member){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	m->source = mr_source_open(&conf, error);
	cr_assert_not_null(m->source, "%s", error);
}

void
member_close(struct member *m)
{
	if (m->task)
		mr_source_stop(m->task);
	m->task = NULL;
	mr_source_close(m->source, 5000);
	close(m->fd);
}

void
member_wait(struct member *m, size_t n)
{
	int before = m->assigns;
	int64_t deadline = real_now_ms() + 20000;

	while (m->assigns == before || m->n != n) {
		enum mr_kafka_status status = mr_source_poll(m->source, 50);
		cr_assert(status == MR_KAFKA_OK || status == MR_KAFKA_AGAIN, "%s", mr_source_error(m->source));
		cr_assert_lt(real_now_ms(), deadline, "no assignment of %zu partitions", n);
	}
}
