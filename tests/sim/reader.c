// Readers of ranges as kafka/reader.h has them, and the little that kafka/conf.c gives everybody.
#include "sim.h"

#include "kafka/reader.h"

#include <stdlib.h>

// (The msgpack reader has the tag that kafka/reader.h declares.)
struct reader {
	struct proc *proc;
	bool committed;
};

struct mr_log_reader *
mr_log_reader_open(const struct mr_kafka_conf *conf, bool committed, char error[256])
{
	struct reader *r = calloc(1, sizeof(*r));

	(void)conf;
	MR_ASSERT(r != NULL);
	error[0] = '\0';
	r->proc = proc_current();
	r->committed = committed;
	return (struct mr_log_reader *)r;
}

void
mr_log_reader_close(struct mr_log_reader *r)
{
	free(r);
}

const char *
mr_log_reader_error(const struct mr_log_reader *r)
{
	(void)r;
	return "no answer";
}

// A round trip; false: no answer within the time.
static bool
trip(const struct reader *r, int64_t timeout_ms)
{
	int64_t deadline_us = sim.now_us + timeout_ms * MS;

	sim_sleep(sim_between(300, sim_chance(5) ? 50 * MS : 3 * MS));
	while (r->proc->cut_until_us > sim.now_us) {
		if (sim.now_us >= deadline_us)
			return false;
		sim_sleep(20 * MS);
	}
	return true;
}

enum mr_kafka_status
mr_log_reader_ends(struct mr_log_reader *mr, const char *topic, int32_t partition, int64_t timeout_ms, int64_t *low,
    int64_t *end)
{
	const struct reader *r = (const struct reader *)mr;
	const struct part *p = &broker_topic(topic)->parts[partition];

	sim_point(AT_READ_ENDS);
	if (!trip(r, timeout_ms))
		return MR_KAFKA_AGAIN;
	*low = p->low;
	*end = r->committed ? broker_stable(p) : p->n;
	sim_sleep(sim_between(100, 2 * MS));   // the answer was true then
	return MR_KAFKA_OK;
}

enum mr_kafka_status
mr_log_reader_partitions(struct mr_log_reader *mr, const char *topic, int64_t timeout_ms, int32_t *n)
{
	const struct reader *r = (const struct reader *)mr;

	(void)topic;
	*n = PARTITIONS;
	return trip(r, timeout_ms) ? MR_KAFKA_OK : MR_KAFKA_AGAIN;
}

enum mr_kafka_status
mr_log_reader_range(struct mr_log_reader *mr, const char *topic, int32_t partition, int64_t from, int64_t to,
    int64_t timeout_ms, bool (*fn)(void *arg, const struct mr_kafka_record *), void *arg, int64_t *next)
{
	const struct reader *r = (const struct reader *)mr;
	struct part *p = &broker_topic(topic)->parts[partition];
	int64_t deadline_us = sim.now_us + timeout_ms * MS;

	*next = from;
	if (from < p->low)
		return MR_KAFKA_MISSING;
	while (*next < to) {
		sim_point(AT_READ_RANGE);
		if (!trip(r, timeout_ms))
			return MR_KAFKA_AGAIN;
		int64_t end = r->committed ? broker_stable(p) : p->n;
		for (int64_t some = sim_between(1, 200); *next < to && *next < end && some > 0; some--) {
			const struct record *k = p->records[*next];
			bool seen = r->committed ? broker_visible(p, *next) : !k->marker;
			++*next;
			deadline_us = sim.now_us + timeout_ms * MS;
			if (!seen)
				continue;
			sim_point(AT_RECORD);
			const struct mr_kafka_record record = {p->topic, partition, k->offset, k->timestamp_ms, k->key, k->value,
			    (void *)(uintptr_t)k};
			if (!fn(arg, &record))
				return MR_KAFKA_OK;
		}
		if (*next >= end && *next < to && sim.now_us >= deadline_us)
			return MR_KAFKA_AGAIN;
	}
	return MR_KAFKA_OK;
}

enum mr_kafka_status
mr_log_reader_all_ends(struct mr_log_reader *mr, const char *const *topics, size_t n, int32_t partition, int64_t timeout_ms,
    int64_t *ends)
{
	const struct reader *r = (const struct reader *)mr;

	sim_point(AT_READ_ENDS);
	if (!trip(r, timeout_ms))
		return MR_KAFKA_AGAIN;
	for (size_t i = 0; i < n; i++) {
		const struct part *p = &broker_topic(topics[i])->parts[partition];
		ends[i] = r->committed ? broker_stable(p) : p->n;
	}
	return MR_KAFKA_OK;
}

struct mr_str
mr_kafka_record_header(const struct mr_kafka_record *r, const char *name)
{
	(void)r;
	(void)name;
	return (struct mr_str){0};   // the made-up inputs have none
}

const char *
mr_kafka_status_name(enum mr_kafka_status status)
{
	static const char *const names[] = {"OK", "AGAIN", "ABORTABLE", "DENIED", "STALE", "FENCED", "UNKNOWN", "MISSING",
	    "TOO_LARGE", "FATAL"};

	return names[status];
}
