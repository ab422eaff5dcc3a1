// Against a real broker: ranges of a partition, and topics looked at and made.
#include "mock.h"
#include "real.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(topics, .timeout = 120);

static bool
stop_at_two(void *arg, const struct mr_kafka_record *r)
{
	int *n = arg;

	cr_assert(mr_str_eq(r->key, MR_LIT("k")));
	cr_assert_eq(mr_kafka_record_header(r, "nothing").n, 0);
	return ++*n < 2;
}

Test(topics, ranges)
{
	const char *in = real_topic("in", 2);
	char error[256];
	struct mr_log_reader *r = mr_log_reader_open(real_conf(), true, error);
	int64_t next, low, end;
	int n = 0;
	int32_t partitions;

	real_send(in, 1, "e", 10);
	cr_assert_eq(mr_log_reader_partitions(r, in, 5000, &partitions), MR_KAFKA_OK);
	cr_assert_eq(partitions, 2);
	cr_assert_eq(mr_log_reader_ends(r, in, 1, 5000, &low, &end), MR_KAFKA_OK);
	cr_assert(low == 0 && end == 10);
	cr_assert_eq(mr_log_reader_range(r, in, 1, 3, 9, 3000, stop_at_two, &n, &next), MR_KAFKA_OK);
	cr_assert(n == 2 && next == 5);
	n = -100;
	cr_assert_eq(mr_log_reader_range(r, in, 1, 3, 9, 3000, stop_at_two, &n, &next), MR_KAFKA_OK);
	cr_assert(n == -94 && next == 9);
	cr_assert_eq(mr_log_reader_range(r, in, 1, 9, 9, 3000, stop_at_two, &n, &next), MR_KAFKA_OK);
	cr_assert_eq(mr_log_reader_range(r, in, 1, 9, 12, 300, stop_at_two, &n, &next), MR_KAFKA_AGAIN);
	cr_assert(n == -93 && next == 10);
	cr_assert_eq(mr_log_reader_range(r, in, 1, 500, 600, 3000, stop_at_two, &n, &next), MR_KAFKA_MISSING, "%s", mr_log_reader_error(r));
	cr_assert_eq(mr_log_reader_offset_at(r, in, 1, 1, 3000, &next), MR_KAFKA_OK);
	cr_assert_eq(next, 0);
	cr_assert_eq(mr_log_reader_offset_at(r, in, 1, 4000000000000, 3000, &next), MR_KAFKA_OK);
	cr_assert_eq(next, 10);
	const char *none = real_topic("none", 0);
	cr_assert_eq(mr_log_reader_partitions(r, none, 5000, &partitions), MR_KAFKA_MISSING);
	cr_assert_eq(mr_log_reader_ends(r, none, 0, 3000, &low, &end), MR_KAFKA_MISSING, "%s", mr_log_reader_error(r));
	mr_log_reader_close(r);
}

Test(topics, ends_of_several_topics_in_one_question)
{
	const char *topics[] = {real_topic("full", 2), real_topic("open", 2), real_topic("none", 0)};
	char error[256];
	struct mr_log_reader *committed = mr_log_reader_open(real_conf(), true, error);
	struct mr_log_reader *all = mr_log_reader_open(real_conf(), false, error);
	struct mr_sink *s = real_sink(real_conf(), topics[1]);
	int64_t ends[3];

	real_send(topics[0], 1, "e", 3);
	cr_assert_eq(mr_sink_init(s, 10000), MR_KAFKA_OK);
	cr_assert_eq(mr_sink_begin(s), MR_KAFKA_OK);
	struct mr_sink_message m = {.topic = mr_sink_topic(s, topics[1]), .partition = 1, .value = MR_LIT("v")};
	cr_assert_eq(mr_sink_produce(s, &m), MR_KAFKA_OK);
	cr_assert_eq(mr_sink_flush(s, 5000), MR_KAFKA_OK);
	cr_assert_eq(mr_log_reader_all_ends(committed, topics, 3, 1, 3000, ends), MR_KAFKA_OK, "%s", mr_log_reader_error(committed));
	cr_assert(ends[0] == 3 && ends[1] == 0 && ends[2] == -1);
	cr_assert_eq(mr_log_reader_all_ends(all, topics, 3, 1, 3000, ends), MR_KAFKA_OK, "%s", mr_log_reader_error(all));
	cr_assert(ends[0] == 3 && ends[1] == 1 && ends[2] == -1);
	cr_assert_eq(mr_log_reader_all_ends(all, topics, 0, 1, 3000, ends), MR_KAFKA_OK);
	mr_sink_close(s, 1000);
	mr_log_reader_close(committed);
	mr_log_reader_close(all);
}

Test(topics, topics_are_checked_and_made_when_asked)
{
	const char *in = real_topic("in", 3), *two = real_topic("two", 2), *none = real_topic("none", 0);
	const char *journal = real_topic("journal", 0), *single = real_topic("config", 0);
	char error[256], id[64];
	struct mr_admin *a = mr_admin_open(real_conf(), error);
	struct mr_kafka_property compact = {MR_LIT("cleanup.policy"), MR_LIT("compact")};
	struct mr_topic_report report;

	cr_assert_eq(mr_admin_cluster_id(a, 5000, id), MR_KAFKA_OK);
	cr_assert_gt(strlen(id), 10);
	cr_assert_eq(mr_admin_create(a, journal, 3, &compact, 1, 10000), MR_KAFKA_OK);
	struct mr_topic_want wants[] = {{two, MR_TOPIC_OUTPUT, 0}, {in, MR_TOPIC_ANCHOR, 2000000}, {none, MR_TOPIC_OUTPUT, 0},
	    {journal, MR_TOPIC_JOURNAL, 0}, {single, MR_TOPIC_SINGLE, 0}};
	cr_assert_eq(mr_admin_check(a, wants, 5, false, 15000, &report), MR_KAFKA_OK, "%s", mr_admin_error(a));
	cr_assert_eq(report.partitions, 3);
	cr_assert_eq(report.errors, 5, "%s", report.text);
	cr_assert_not_null(strstr(report.text, "has 2 partitions, the events 3"));
	cr_assert_not_null(strstr(report.text, "does not exist"));
	cr_assert_not_null(strstr(report.text, "is compacted"));
	cr_assert_not_null(strstr(report.text, "max.message.bytes"));
	free(report.text);
	struct mr_topic_want good[] = {{in, MR_TOPIC_ANCHOR, 0}, {none, MR_TOPIC_JOURNAL, 0}, {single, MR_TOPIC_SINGLE, 0}};
	cr_assert_eq(mr_admin_check(a, good, 3, true, 15000, &report), MR_KAFKA_OK, "%s", mr_admin_error(a));
	cr_assert_eq(report.errors, 0, "%s", report.text);
	cr_assert_null(report.text);
	struct mr_topic_info info;
	cr_assert_eq(mr_admin_topic(a, none, 5000, &info), MR_KAFKA_OK);
	cr_assert(info.exists && info.partitions == 3 && info.configs && !info.compacted && info.retention_ms == -1);
	cr_assert_eq(mr_admin_create(a, none, 3, NULL, 0, 5000), MR_KAFKA_OK, "there already");
	mr_admin_close(a);
}

// ---- ranges in a row

struct seen { int64_t offsets[64]; size_t n, stop_at; };

static bool
note(void *arg, const struct mr_kafka_record *r)
{
	struct seen *s = arg;

	cr_assert_lt(s->n, 64);
	s->offsets[s->n++] = r->offset;
	return s->n != s->stop_at;
}

// Markers of transactions stand between the records; ranges end before, on and behind them.
Test(topics, ranges_in_a_row_and_markers)
{
	const char *in = real_topic("in", 1), *group = real_topic("group", 0);
	char error[256];
	struct mr_sink *s = real_sink(real_conf(), in);
	int64_t low, end, next;
	struct member m;

	member_open(&m, real_conf(), group, NULL, &in, 1);
	member_wait(&m, 1);
	cr_assert_eq(mr_sink_init(s, 10000), MR_KAFKA_OK);
	struct mr_kafka_position position = {in, 0, 0};
	for (int i = 0; i < 5; i++) { // records 0 1, 3 4, 6 7, 9 10, 12 13; markers 2 5 8 11 14; the fourth aborted
		struct mr_sink_message message = {.topic = mr_sink_topic(s, in), .value = MR_LIT("v")};
		cr_assert_eq(mr_sink_begin(s), MR_KAFKA_OK);
		cr_assert_eq(mr_sink_produce(s, &message), MR_KAFKA_OK);
		cr_assert_eq(mr_sink_produce(s, &message), MR_KAFKA_OK);
		cr_assert_eq(mr_sink_flush(s, 5000), MR_KAFKA_OK);
		cr_assert_eq(i == 3 ? mr_sink_abort(s, 5000) : mr_sink_commit(s, &position, 1, &m.group, 5000), MR_KAFKA_OK);
	}
	struct mr_log_reader *r = mr_log_reader_open(real_conf(), true, error);
	cr_assert_eq(mr_log_reader_ends(r, in, 0, 5000, &low, &end), MR_KAFKA_OK);
	cr_assert_eq(end, 15);
	for (int64_t step = 1; step <= 15; step++) { // forwards in steps of every size, on one reader
		struct seen seen = {0};
		for (next = 0; next < end;)
			cr_assert_eq(mr_log_reader_range(r, in, 0, next, next + step < end ? next + step : end, 2000, note, &seen, &next),
			    MR_KAFKA_OK, "step %d at %d: %s", (int)step, (int)next, mr_log_reader_error(r));
		static const int64_t want[] = {0, 1, 3, 4, 6, 7, 12, 13};
		cr_assert_eq(seen.n, 8);
		cr_assert_arr_eq(seen.offsets, want, sizeof(want));
	}
	// ended by the callee, then on; then back; then beyond the end, and on when more has come
	struct seen seen = {.stop_at = 3};
	cr_assert_eq(mr_log_reader_range(r, in, 0, 0, 15, 2000, note, &seen, &next), MR_KAFKA_OK);
	cr_assert(next == 4 && seen.n == 3);
	cr_assert_eq(mr_log_reader_range(r, in, 0, 4, 15, 2000, note, &seen, &next), MR_KAFKA_OK);
	cr_assert(next == 15 && seen.n == 8);
	cr_assert_eq(mr_log_reader_range(r, in, 0, 12, 17, 300, note, &seen, &next), MR_KAFKA_AGAIN);
	cr_assert(next == 15 && seen.n == 10);
	real_send(in, 0, "e", 3);
	cr_assert_eq(mr_log_reader_range(r, in, 0, 15, 17, 5000, note, &seen, &next), MR_KAFKA_OK);
	cr_assert(next == 17 && seen.n == 12 && seen.offsets[11] == 16);
	cr_assert_eq(mr_log_reader_range(r, in, 0, 17, 18, 5000, note, &seen, &next), MR_KAFKA_OK);
	cr_assert(next == 18 && seen.n == 13);
	mr_log_reader_close(r);
	mr_sink_close(s, 1000);
	member_close(&m);
}

Test(topics, small_ranges_in_a_row_are_fast)
{
	const char *in = real_topic("in", 1);
	char error[256];
	struct mr_log_reader *r = mr_log_reader_open(real_conf(), true, error);
	int64_t next = 0;
	size_t n = 0;

	real_send(in, 0, "e", 2000);
	int64_t before = real_now_ms();
	while (next < 2000) {
		struct seen seen = {0};
		cr_assert_eq(mr_log_reader_range(r, in, 0, next, next + 2, 2000, note, &seen, &next), MR_KAFKA_OK, "%s", mr_log_reader_error(r));
		n += seen.n;
	}
	cr_assert_eq(n, 2000);
	cr_assert_lt(real_now_ms() - before, 1500);
	mr_log_reader_close(r);
}
