// Against a real broker: transactions, fencing, rebalances, topics, permissions.
#include "mock.h"
#include "real.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

TestSuite(real, .timeout = 120);

#define OK(s, call) cr_assert_eq((call), MR_KAFKA_OK, "%s", mr_sink_error(s))

static enum mr_kafka_status
put(struct mr_sink *s, const char *topic, int32_t partition, const char *value)
{
	struct mr_kafka_header header = {"ce_id", MR_LIT("7")};
	struct mr_sink_message m = {.topic = mr_sink_topic(s, topic), .partition = partition, .key = MR_LIT("k"),
	    .value = mr_str_of(value), .headers = &header, .n_headers = 1};

	return mr_sink_produce(s, &m);
}

Test(real, a_transaction_is_seen_whole_or_not_at_all)
{
	const char *in = real_topic("in", 4), *out = real_topic("out", 4);
	struct member m;
	struct mr_sink *s = real_sink(real_conf(), out);

	member_open(&m, real_conf(), in, NULL, &in, 1);
	member_wait(&m, 4);
	cr_assert_gt(m.group.generation, 0);
	cr_assert(m.group.member);
	OK(s, mr_sink_init(s, 10000));
	struct mr_kafka_position position = {in, 2, 41};
	OK(s, mr_sink_begin(s));
	OK(s, put(s, out, 1, "a"));
	OK(s, mr_sink_flush(s, 5000));
	cr_assert_str_eq(real_values(out, 1, false), "a");
	cr_assert_str_eq(real_values(out, 1, true), "");
	OK(s, mr_sink_commit(s, &position, 1, &m.group, 5000));
	cr_assert_str_eq(real_values(out, 1, true), "a");
	OK(s, mr_sink_begin(s));
	OK(s, put(s, out, 1, "b"));
	OK(s, mr_sink_flush(s, 5000));
	OK(s, mr_sink_abort(s, 5000));
	cr_assert_str_eq(real_values(out, 1, true), "a");
	cr_assert_str_eq(real_values(out, 1, false), "a b");
	position.offset = 0;
	cr_assert_eq(mr_source_committed(m.source, &position, 1, 5000), MR_KAFKA_OK);
	cr_assert_eq(position.offset, 41);
	struct mr_kafka_position none = {in, 3, 0};
	cr_assert_eq(mr_source_committed(m.source, &none, 1, 5000), MR_KAFKA_OK);
	cr_assert_eq(none.offset, -1);
	mr_sink_close(s, 1000);
	member_close(&m);
}

Test(real, a_successor_fences_and_aborts)
{
	const char *in = real_topic("in", 1), *out = real_topic("out", 1);
	struct member m;
	struct mr_sink *old = real_sink(real_conf(), out), *new = real_sink(real_conf(), out);
	struct mr_kafka_position position = {in, 0, 5};

	member_open(&m, real_conf(), in, NULL, &in, 1);
	member_wait(&m, 1);
	OK(old, mr_sink_init(old, 10000));
	OK(old, mr_sink_begin(old));
	OK(old, put(old, out, 0, "old"));
	OK(old, mr_sink_flush(old, 5000));
	OK(new, mr_sink_init(new, 10000));
	cr_assert_eq(mr_sink_commit(old, &position, 1, &m.group, 5000), MR_KAFKA_FENCED, "%s", mr_sink_error(old));
	OK(new, mr_sink_begin(new));
	OK(new, put(new, out, 0, "new"));
	OK(new, mr_sink_commit(new, &position, 1, &m.group, 5000));
	cr_assert_str_eq(real_values(out, 0, true), "new");
	cr_assert_str_eq(real_values(out, 0, false), "old new");
	mr_sink_close(old, 1000);
	mr_sink_close(new, 1000);
	member_close(&m);
}

Test(real, an_old_generation_is_stale)
{
	const char *in = real_topic("in", 2), *out = real_topic("out", 1);
	struct member a, b;
	struct mr_sink *s = real_sink(real_conf(), out);
	struct mr_kafka_position position = {in, 0, 5};

	member_open(&a, real_conf(), in, NULL, &in, 1);
	member_wait(&a, 2);
	struct mr_group old = a.group;
	member_open(&b, real_conf(), in, NULL, &in, 1);
	int64_t deadline = real_now_ms() + 20000;
	while (!(a.n == 1 && b.n == 1)) {
		mr_source_poll(a.source, 20);
		mr_source_poll(b.source, 20);
		cr_assert_lt(real_now_ms(), deadline);
	}
	cr_assert_eq(a.revokes, 1);
	cr_assert_eq(a.numbers[0] + b.numbers[0], 1, "each has one of 0 and 1");
	cr_assert_gt(a.group.generation, old.generation);
	OK(s, mr_sink_init(s, 10000));
	OK(s, mr_sink_begin(s));
	OK(s, put(s, out, 0, "x"));
	cr_assert_eq(mr_sink_commit(s, &position, 1, &old, 5000), MR_KAFKA_STALE, "%s", mr_sink_error(s));
	OK(s, mr_sink_abort(s, 5000));
	OK(s, mr_sink_begin(s));
	OK(s, put(s, out, 0, "y"));
	OK(s, mr_sink_commit(s, &position, 1, &a.group, 5000));
	cr_assert_str_eq(real_values(out, 0, true), "y");
	mr_sink_close(s, 1000);
	member_close(&a);
	member_wait(&b, 2);
	member_close(&b);
}

// What a killed owner leaves: an open transaction with offsets in it. Its successor must not read
// past them, and must not wait for the transaction's time-out either.
Test(real, a_dead_owner_is_taken_over)
{
	const char *in = real_topic("in", 1), *out = real_topic("out", 1);
	struct member m;
	char text[256];

	member_open(&m, real_conf(), in, NULL, &in, 1);
	member_wait(&m, 1);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set(conf, "bootstrap.servers", getenv("KAFKA_BROKERS"), text, sizeof(text));
	rd_kafka_conf_set(conf, "transactional.id", out, text, sizeof(text));
	rd_kafka_t *dead = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	rd_kafka_consumer_group_metadata_t *md;
	cr_assert_null(rd_kafka_consumer_group_metadata_read(&md, m.group.bytes, m.group.n));
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, in, 0)->offset = 9;
	cr_assert_null(rd_kafka_init_transactions(dead, 10000));
	cr_assert_null(rd_kafka_begin_transaction(dead));
	cr_assert_null(rd_kafka_send_offsets_to_transaction(dead, list, md, 5000));

	struct mr_kafka_position position = {in, 0, 0};
	int64_t before = real_now_ms();
	cr_assert_eq(mr_source_committed(m.source, &position, 1, 300), MR_KAFKA_AGAIN);
	cr_assert_lt(real_now_ms() - before, 1000);
	struct mr_sink *s = real_sink(real_conf(), out);
	OK(s, mr_sink_init(s, 5000));
	cr_assert_lt(real_now_ms() - before, 3000);
	cr_assert_eq(mr_source_committed(m.source, &position, 1, 1000), MR_KAFKA_OK);
	cr_assert_eq(position.offset, -1);
	mr_sink_close(s, 1000);
	member_close(&m);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_consumer_group_metadata_destroy(md);
	rd_kafka_destroy(dead);
}

// ---- fetching

static void
wait_fd(struct member *m)
{
	struct pollfd p = {.fd = m->fd, .events = POLLIN};
	uint64_t n;

	mr_source_poll(m->source, 0);
	cr_assert_eq(poll(&p, 1, 10000), 1, "nothing woke the worker");
	cr_assert_eq(read(m->fd, &n, sizeof(n)), 8);
}

// Drains a topic until its end, joining the values.
static const char *
drain(struct member *m, size_t topic, int64_t *next)
{
	static char text[65536];
	size_t n = 0;
	bool end = false;

	text[0] = '\0';
	while (!end) {
		struct mr_source_batch b;
		cr_assert(mr_source_drain(m->task, topic, 7, &b));
		cr_assert_eq(b.status, MR_KAFKA_OK, "%s", b.error);
		for (size_t i = 0; i < b.n; i++) {
			cr_assert_eq(b.records[i].partition, m->task ? b.records[0].partition : 0);
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s", n ? " " : "", (int)b.records[i].value.n, b.records[i].value.p);
		}
		end = b.end;
		*next = b.next;
		mr_source_release(m->task, &b);
		if (!end && !mr_source_pending(m->task, topic))
			wait_fd(m);
	}
	return text;
}

Test(real, a_task_reads_from_the_offsets_given_and_is_woken)
{
	const char *topics[] = {real_topic("in", 2), real_topic("outcomes", 2)};
	int64_t offsets[] = {3, 0}, next, end, asked;
	struct member m;

	real_send(topics[0], 1, "e", 20);
	real_send(topics[1], 1, "o", 2);
	member_open(&m, real_conf(), topics[0], NULL, topics, 2);
	member_wait(&m, 2);
	cr_assert_null(mr_source_start(m.source, 1, m.epoch - 1, offsets, m.fd), "of another epoch");
	m.task = mr_source_start(m.source, 1, m.epoch, offsets, m.fd);
	cr_assert_not_null(m.task, "%s", mr_source_error(m.source));
	cr_assert_str_eq(drain(&m, 0, &next), "e3 e4 e5 e6 e7 e8 e9 e10 e11 e12 e13 e14 e15 e16 e17 e18 e19");
	cr_assert_eq(next, 20);
	cr_assert_str_eq(drain(&m, 1, &next), "o0 o1");
	cr_assert(!mr_source_end(m.task, 0, &end, &asked));
	mr_source_ask_end(m.task, 77);
	int64_t deadline = real_now_ms() + 5000;
	while (!mr_source_end(m.task, 0, &end, &asked) && real_now_ms() < deadline)
		usleep(1000);
	cr_assert(mr_source_end(m.task, 1, &end, &asked) && end == 2 && asked == 77);
	cr_assert(mr_source_end(m.task, 0, &end, &asked) && end == 20);
	real_send(topics[0], 1, "f", 2);
	wait_fd(&m);
	cr_assert_str_eq(drain(&m, 0, &next), "f0 f1");
	member_close(&m);
}

// A full queue stops fetching; a reader that empties it must not wait a second for more.
Test(real, a_full_queue_goes_on_at_once)
{
	enum { N = 60000 };
	static char value[400];
	const char *in = real_topic("in", 1);
	int64_t offsets[] = {0};
	struct mr_sink *s = real_sink(real_conf(), NULL);
	struct mr_sink_message message = {.topic = mr_sink_topic(s, in), .value = {value, sizeof(value)}, .borrowed = true};
	struct member m;
	size_t got = 0;

	memset(value, 'x', sizeof(value));
	for (int i = 0; i < N; i++)
		while (mr_sink_produce(s, &message) == MR_KAFKA_AGAIN)
			mr_sink_flush(s, 10);
	OK(s, mr_sink_flush(s, 20000));
	mr_sink_close(s, 1000);
	member_open(&m, real_conf(), in, NULL, &in, 1);
	member_wait(&m, 1);
	m.task = mr_source_start(m.source, 0, m.epoch, offsets, m.fd);
	int64_t before = real_now_ms();
	while (got < N) {
		struct mr_source_batch b;
		cr_assert(mr_source_drain(m.task, 0, 500, &b));
		got += b.n;
		mr_source_release(m.task, &b);
		usleep(1000); // slower than the fetching
		cr_assert_lt(real_now_ms() - before, 20000);
	}
	// Eight waits of a second if nothing prods it; well below one second if something does.
	cr_assert_lt(real_now_ms() - before, 5000);
	member_close(&m);
}

Test(real, pause_seek_and_stop)
{
	const char *in = real_topic("in", 1);
	int64_t offsets[] = {0}, next;
	struct member m;
	uint64_t wakes;

	real_send(in, 0, "e", 10);
	member_open(&m, real_conf(), in, NULL, &in, 1);
	member_wait(&m, 1);
	m.task = mr_source_start(m.source, 0, m.epoch, offsets, m.fd);
	cr_assert_str_eq(drain(&m, 0, &next), "e0 e1 e2 e3 e4 e5 e6 e7 e8 e9");
	mr_source_pause(m.task, true);
	cr_assert(mr_source_paused(m.task));
	real_send(in, 0, "f", 2);
	usleep(300000);
	struct mr_source_batch b;
	cr_assert(mr_source_drain(m.task, 0, 100, &b));
	cr_assert(b.n == 0 && !b.end);
	mr_source_release(m.task, &b);
	while (read(m.fd, &wakes, sizeof(wakes)) == 8)
		continue;
	mr_source_pause(m.task, false);
	wait_fd(&m); // what came meanwhile is told
	cr_assert_str_eq(drain(&m, 0, &next), "f0 f1");
	cr_assert_eq(mr_source_seek(m.task, 0, 8), MR_KAFKA_OK);
	cr_assert_str_eq(drain(&m, 0, &next), "e8 e9 f0 f1");
	mr_source_pause(m.task, true);
	cr_assert_eq(mr_source_seek(m.task, 0, 11), MR_KAFKA_OK);
	mr_source_pause(m.task, false);
	cr_assert_str_eq(drain(&m, 0, &next), "f1");
	mr_source_pause(m.task, true);
	mr_source_stop(m.task);
	m.task = mr_source_start(m.source, 0, m.epoch, offsets, m.fd);
	cr_assert_str_eq(drain(&m, 0, &next), "e0 e1 e2 e3 e4 e5 e6 e7 e8 e9 f0 f1");
	member_close(&m);
}

Test(real, a_revoked_task_hands_over_nothing)
{
	const char *in = real_topic("in", 1);
	int64_t offsets[] = {0}, next;
	struct member m;

	real_send(in, 0, "e", 3);
	member_open(&m, real_conf(), in, NULL, &in, 1);
	member_wait(&m, 1);
	m.task = mr_source_start(m.source, 0, m.epoch, offsets, m.fd);
	cr_assert_str_eq(drain(&m, 0, &next), "e0 e1 e2");
	real_send(in, 0, "f", 3);
	uint64_t epoch = m.epoch;
	struct member other; // joins; range gives the one partition to one of them
	member_open(&other, real_conf(), in, NULL, &in, 1);
	int64_t deadline = real_now_ms() + 20000;
	while ((m.revokes == 0 || other.assigns == 0) && real_now_ms() < deadline) {
		mr_source_poll(m.source, 20);
		mr_source_poll(other.source, 20);
	}
	cr_assert_eq(m.revokes, 1);
	cr_assert_gt(mr_source_epoch(m.source), epoch);
	cr_assert_null(mr_source_start(m.source, 0, epoch, offsets, m.fd));
	member_close(&m);
	member_close(&other);
}

// A rebalance that waits in the member's queue must not hold up its close.
Test(real, closing_in_the_middle_of_a_rebalance)
{
	const char *in = real_topic("in", 2);

	for (int round = 0; round < 4; round++) {
		struct member m, other;
		member_open(&m, real_conf(), in, NULL, &in, 1);
		member_wait(&m, 2);
		member_open(&other, real_conf(), in, NULL, &in, 1);
		int64_t deadline = real_now_ms() + 20000;
		while (m.revokes == 0 && real_now_ms() < deadline) {
			mr_source_poll(m.source, 5);
			mr_source_poll(other.source, 5);
		}
		usleep((useconds_t)round * 30000); // by now the next assignment may wait
		int64_t before = real_now_ms();
		member_close(&m);
		cr_assert_lt(real_now_ms() - before, 4000);
		member_close(&other);
	}
}

Test(real, read_committed_waits_for_the_transaction)
{
	const char *in = real_topic("in", 1);
	int64_t offsets[] = {0}, next, end, asked;
	struct member m;
	struct mr_sink *s = real_sink(real_conf(), in);

	member_open(&m, real_conf(), in, NULL, &in, 1);
	member_wait(&m, 1);
	real_send(in, 0, "e", 1);
	OK(s, mr_sink_init(s, 10000));
	OK(s, mr_sink_begin(s));
	OK(s, put(s, in, 0, "t"));
	OK(s, mr_sink_flush(s, 5000));
	real_send(in, 0, "f", 1);
	m.task = mr_source_start(m.source, 0, m.epoch, offsets, m.fd);
	cr_assert_str_eq(drain(&m, 0, &next), "e0");
	cr_assert_eq(next, 1);
	mr_source_ask_end(m.task, 1);
	int64_t deadline = real_now_ms() + 5000;
	while (!mr_source_end(m.task, 0, &end, &asked) && real_now_ms() < deadline)
		usleep(1000);
	cr_assert_eq(end, 1, "the last stable offset, not the end");
	OK(s, mr_sink_abort(s, 5000));
	wait_fd(&m);
	cr_assert_str_eq(drain(&m, 0, &next), "f0");
	mr_sink_close(s, 1000);
	member_close(&m);
}

Test(real, an_offset_that_is_not_retained_is_missing)
{
	const char *in = real_topic("in", 1);
	int64_t offsets[] = {1000};
	struct member m;
	struct mr_source_batch b = {0};

	real_send(in, 0, "e", 3);
	member_open(&m, real_conf(), in, NULL, &in, 1);
	member_wait(&m, 1);
	m.task = mr_source_start(m.source, 0, m.epoch, offsets, m.fd);
	for (int i = 0; i < 20 && b.status != MR_KAFKA_MISSING; i++) {
		wait_fd(&m);
		cr_assert(mr_source_drain(m.task, 0, 10, &b));
		cr_assert_eq(b.n, 0);
		enum mr_kafka_status status = b.status;
		mr_source_release(m.task, &b);
		b.status = status;
	}
	cr_assert_eq(b.status, MR_KAFKA_MISSING);
	member_close(&m);
}

Test(real, a_static_member_comes_back_at_once)
{
	const char *in = real_topic("in", 2);
	struct member m;

	member_open(&m, real_conf(), in, "host-1", &in, 1);
	member_wait(&m, 2);
	int32_t generation = m.group.generation;
	member_close(&m);
	int64_t before = real_now_ms();
	member_open(&m, real_conf(), in, "host-1", &in, 1);
	member_wait(&m, 2);
	cr_assert_lt(real_now_ms() - before, 3000);
	cr_assert_geq(m.group.generation, generation);
	member_close(&m);
}

Test(real, a_second_process_with_our_instance_id_fences_us)
{
	const char *in = real_topic("in", 1);
	struct member m, twin;

	member_open(&m, real_conf(), in, "host-1", &in, 1);
	member_wait(&m, 1);
	member_open(&twin, real_conf(), in, "host-1", &in, 1);
	member_wait(&twin, 1);
	enum mr_kafka_status status = MR_KAFKA_OK;
	int64_t deadline = real_now_ms() + 20000;
	while (status != MR_KAFKA_FENCED && real_now_ms() < deadline)
		status = mr_source_poll(m.source, 50);
	cr_assert_eq(status, MR_KAFKA_FENCED, "%s", mr_source_error(m.source));
	member_close(&m);
	member_close(&twin);
}
