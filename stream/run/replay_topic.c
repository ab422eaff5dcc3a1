#include "run/replay_topic.h"

#include "core/arena.h"
#include "core/journal.h"
#include "kafka/reader.h"
#include "run/takeover.h"
#include "run/topics.h"

#include <stdio.h>

#define ENDS_MS 10000
#define IDLE_MS 1000
#define TRIES 30
#define ARENA_BYTES (64u << 20)

struct reading {
	struct mr_replay *replay;
	const struct mr_replay_topic_conf *conf;
	struct mr_log_reader *inputs, *journal;
	struct mr_str topics[3];
	char names[3][MR_TOPIC_NAME_MAX];
	struct mr_arena *arena;
	int32_t partition;
	int64_t low[3];            // what is kept of the inputs begins there
	size_t topic;              // of the range under way
	bool begun;
	char *error;
};

static bool
fail(struct reading *r, const char *what, const char *detail)
{
	snprintf(r->error, 256, "%s: %s", what, detail);
	return false;
}

static bool
apply(void *arg, const struct mr_kafka_record *k)
{
	struct reading *r = arg;
	struct mr_task *task = mr_replay_task(r->replay, r->partition);
	const struct mr_raw_record raw = {
		.origin = {r->topics[r->topic], r->partition, k->offset},
		.timestamp_ms = k->timestamp_ms,
		.key = k->key,
		.value = k->value,
		.content_type = mr_kafka_record_header(k, "content-type"),
		.traceparent = mr_kafka_record_header(k, "traceparent"),
	};

	mr_task_batch(task);
	mr_task_apply(task, mr_task_decode(task, &raw));
	mr_replay_flush(r->replay, r->partition);
	if (r->conf->progress)
		r->conf->progress(r->conf->arg, 1);
	return true;
}

// All of [from, to), however slowly it comes.
static bool
read_range(struct reading *r, struct mr_log_reader *reader, const char *topic, int64_t from, int64_t to,
    bool (*fn)(void *, const struct mr_kafka_record *))
{
	int64_t next = from;

	for (int tries = 0; next < to && tries < TRIES && r->error[0] == '\0'; tries++) {
		int64_t before = next;
		enum mr_kafka_status status = mr_log_reader_range(reader, topic, r->partition, next, to, IDLE_MS, fn, r, &next);
		if (status != MR_KAFKA_OK && status != MR_KAFKA_AGAIN)
			return fail(r, topic, mr_log_reader_error(reader));
		if (next > before)
			tries = 0;
	}
	return r->error[0] == '\0' && (next >= to || fail(r, topic, "no answer from the brokers"));
}

// Where its beginning is no longer kept, what is left of it: as a live run that is taken over does.
static bool
apply_range(struct reading *r, const struct mr_journal_input *in)
{
	const char *topic = r->names[in->topic];
	int64_t from = in->from;
	uint64_t lost;

	if (topic[0] == '\0')
		return fail(r, "journal", "it names more input topics than the configuration");
	if (r->low[in->topic] > in->from) {
		if (mr_journal_lost(r->inputs, topic, r->partition, in, &from, &lost) != MR_KAFKA_OK)
			return fail(r, topic, mr_log_reader_error(r->inputs));
		mr_task_skip(mr_replay_task(r->replay, r->partition), lost);
	}
	r->topic = in->topic;
	return read_range(r, r->inputs, topic, from, in->to, apply);
}

static bool
apply_inputs(struct reading *r, const struct mr_journal_record *record)
{
	struct mr_task *task = mr_replay_task(r->replay, r->partition);
	bool ok = true;

	for (uint32_t i = 0; i < record->n_inputs && ok; i++) {
		const struct mr_journal_input *in = &record->inputs[i];
		const struct mr_due_bound upto = {in->due_ms, in->user};
		switch (in->kind) {
		case MR_JOURNAL_RANGE:
			ok = apply_range(r, in);
			break;
		case MR_JOURNAL_TICK:
			mr_task_tick(task, in->time_ms, in->bounded ? &upto : NULL);
			mr_replay_flush(r->replay, r->partition);
			break;
		case MR_JOURNAL_GAP:
			break;
		}
	}
	return ok;
}

static bool
apply_record(void *arg, const struct mr_kafka_record *k)
{
	struct reading *r = arg;
	struct mr_task *task = mr_replay_task(r->replay, r->partition);
	struct mr_journal_record record;

	mr_arena_reset(r->arena);
	if (!mr_journal_decode(k->value, r->arena, &record))
		return fail(r, "journal", "a record can't be decoded");
	if (!r->begun && record.first_seq > 1) {   // its beginning has expired
		mr_task_resume(task, record.first_seq - 1);
		r->begun = true;
	}
	if (record.claim || record.first_seq != mr_task_seq(task) + 1)
		return true;
	r->begun = true;
	mr_task_bound(task, record.bound_ms);
	if (!apply_inputs(r, &record))
		return false;
	if (mr_task_seq(task) != record.last_seq)
		return fail(r, "journal", "the inputs are not those that were journalled");
	return true;
}

static bool
read_partition(struct reading *r)
{
	int64_t low, end;
	char journal[MR_TOPIC_NAME_MAX];
	const char *topic = r->conf->topic;
	struct mr_log_reader *reader = r->inputs;

	if (r->conf->journal) {
		for (size_t i = 0; i < 3 && r->names[i][0]; i++)
			if (mr_log_reader_ends(r->inputs, r->names[i], r->partition, ENDS_MS, &r->low[i], &end) != MR_KAFKA_OK)
				return fail(r, r->names[i], mr_log_reader_error(r->inputs));
		mr_journal_topic(r->conf->config, journal);
		topic = journal;
		reader = r->journal;
	}
	r->begun = false;
	if (mr_log_reader_ends(reader, topic, r->partition, ENDS_MS, &low, &end) != MR_KAFKA_OK)
		return fail(r, topic, mr_log_reader_error(reader));
	return read_range(r, reader, topic, low, end, r->conf->journal ? apply_record : apply);
}

int32_t
mr_replay_topic_partitions(const struct mr_replay_topic_conf *conf, char error[256])
{
	struct mr_log_reader *reader = mr_log_reader_open(conf->kafka, true, error);
	int32_t n = 0;

	if (reader == NULL)
		return 0;
	if (mr_log_reader_partitions(reader, conf->topic, ENDS_MS, &n) != MR_KAFKA_OK) {
		snprintf(error, 256, "%s", mr_log_reader_error(reader));
		n = 0;
	}
	mr_log_reader_close(reader);
	return n;
}

bool
mr_replay_topic(struct mr_replay *replay, const struct mr_replay_topic_conf *conf, int32_t partitions, char error[256])
{
	struct reading r = {.replay = replay, .conf = conf, .error = error};
	size_t n = mr_input_topics(conf->config, r.topics);
	bool ok = true;

	error[0] = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(r.names[i], sizeof(r.names[i]), "%.*s", (int)r.topics[i].n, r.topics[i].p);
	r.inputs = mr_log_reader_open(conf->kafka, true, error);
	r.journal = r.inputs ? mr_log_reader_open(conf->kafka, true, error) : NULL;
	r.arena = mr_arena_new(ARENA_BYTES);
	if (r.journal) {
		error[0] = '\0';
		for (r.partition = 0; r.partition < partitions && ok; r.partition++)
			ok = read_partition(&r);
	}
	mr_arena_free(r.arena);
	if (r.inputs)
		mr_log_reader_close(r.inputs);
	if (r.journal)
		mr_log_reader_close(r.journal);
	return ok && error[0] == '\0';
}
