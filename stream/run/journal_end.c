#include "run/takeover.h"

#include "core/arena.h"
#include "core/mutation.h"

#include <stdio.h>

#define TIMEOUT_MS 300
#define FIRST_STEP 32
#define ARENA_BYTES (64u << 20)

struct scan {
	struct mr_arena *arena;
	struct mr_journal_end *end;
	uint64_t last_seq;           // of the first record met
	bool any;
};

static void
copy_text(char *out, size_t size, struct mr_str s)
{
	MR_ASSERT(s.n < size);
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
}

static bool
take_record(void *arg, const struct mr_kafka_record *k)
{
	struct scan *scan = arg;
	struct mr_journal_end *end = scan->end;
	struct mr_journal_record r;

	mr_arena_reset(scan->arena);
	if (!mr_journal_decode(k->value, scan->arena, &r) || r.state.n > sizeof(end->state))
		return true;   // not ours: passed over
	// An older owner's late record, or one that does not follow, is no part of the chain.
	if (end->any && (r.epoch < end->epoch || r.first_seq != end->last_seq + 1))
		return true;
	scan->any = end->any = true;
	end->epoch = r.epoch;
	end->last_seq = r.last_seq;
	end->n_positions = r.n_positions;
	end->partitions = r.partitions;
	memcpy(end->positions, r.positions, sizeof(end->positions));
	if (r.config_hash.n < sizeof(end->config_hash))
		copy_text(end->config_hash, sizeof(end->config_hash), r.config_hash);
	memcpy(end->state, r.state.p, r.state.n);
	end->state_n = r.state.n;
	return true;
}

static enum mr_kafka_status
read_all(struct mr_log_reader *reader, const char *topic, int32_t partition, int64_t from, int64_t to,
    bool (*fn)(void *, const struct mr_kafka_record *), void *arg)
{
	int64_t next = from;
	enum mr_kafka_status status = MR_KAFKA_OK;

	for (int tries = 0; next < to && tries < 20; tries++) {
		int64_t before = next;
		status = mr_log_reader_range(reader, topic, partition, next, to, TIMEOUT_MS, fn, arg, &next);
		if (status != MR_KAFKA_AGAIN)
			break;
		if (next > before)
			tries = 0;
	}
	return status;
}

// Steps back from the end until a record was met, or all that is kept has been read.
enum mr_kafka_status
mr_journal_read_end(struct mr_log_reader *committed, struct mr_log_reader *all, const char *topic, int32_t partition,
    struct mr_journal_end *end)
{
	int64_t low, stable, true_end;
	enum mr_kafka_status status = mr_log_reader_ends(all, topic, partition, 5000, &low, &true_end);

	memset(end, 0, sizeof(*end));
	if (status == MR_KAFKA_OK)
		status = mr_log_reader_ends(committed, topic, partition, 5000, &low, &stable);
	if (status != MR_KAFKA_OK)
		return status;
	if (stable < true_end)
		return MR_KAFKA_AGAIN;
	end->low = low;
	end->end = true_end;
	struct scan scan = {.arena = mr_arena_new(ARENA_BYTES), .end = end};
	for (int64_t step = FIRST_STEP; status == MR_KAFKA_OK && !scan.any; step *= 8) {
		int64_t from = true_end - step > low ? true_end - step : low;
		status = read_all(MR_MUTATION(JOURNAL_END_AS_WRITTEN) ? all : committed, topic, partition, from, true_end, take_record, &scan);
		if (from == low)
			break;
	}
	mr_arena_free(scan.arena);
	end->expired = !end->any && low > 0 && !MR_MUTATION(EXPIRED_IS_NEW);   // from offset 0 on, what is there was aborted: a claim that failed
	return status;
}

enum mr_kafka_status
mr_journal_partitions(struct mr_log_reader *all, const char *topic, int32_t partitions, int32_t *were)
{
	struct mr_journal_end end;
	enum mr_kafka_status status = MR_KAFKA_OK;

	*were = 0;
	for (int32_t i = 0; i < partitions && *were == 0 && status == MR_KAFKA_OK; i++) {
		status = mr_journal_read_end(all, all, topic, i, &end);
		*were = end.any ? end.partitions : 0;
	}
	return status;
}

struct ids {
	struct mr_arena *arena;
	char (*out)[256];
	size_t n;
};

static void
add_id(struct ids *ids, struct mr_str id)
{
	if (id.n == 0 || id.n >= 256 || ids->n == MR_IDS_MAX)
		return;
	for (size_t i = 0; i < ids->n; i++)
		if (mr_str_eq(mr_str_of(ids->out[i]), id))
			return;
	copy_text(ids->out[ids->n++], 256, id);
}

static bool
take_ids(void *arg, const struct mr_kafka_record *k)
{
	struct ids *ids = arg;
	struct mr_journal_record r;

	mr_arena_reset(ids->arena);
	if (mr_journal_decode(k->value, ids->arena, &r)) {
		add_id(ids, r.ids[0]);
		add_id(ids, r.ids[1]);
	}
	return true;
}

size_t
mr_journal_read_ids(struct mr_log_reader *all, const char *topic, int32_t partition, char out[MR_IDS_MAX][256])
{
	int64_t low, end;
	struct ids ids = {.out = out};

	if (mr_log_reader_ends(all, topic, partition, 5000, &low, &end) != MR_KAFKA_OK)
		return 0;
	ids.arena = mr_arena_new(ARENA_BYTES);
	read_all(all, topic, partition, end - FIRST_STEP > low ? end - FIRST_STEP : low, end, take_ids, &ids);
	mr_arena_free(ids.arena);
	return ids.n;
}

static bool
take_first(void *arg, const struct mr_kafka_record *k)
{
	struct scan *scan = arg;
	struct mr_journal_record r;

	mr_arena_reset(scan->arena);
	if (!mr_journal_decode(k->value, scan->arena, &r))
		return true;
	scan->any = true;
	scan->last_seq = r.last_seq;
	return false;
}

enum mr_kafka_status
mr_journal_find(struct mr_log_reader *committed, const char *topic, int32_t partition, const struct mr_journal_end *end,
    uint64_t seq, int64_t *from)
{
	enum mr_kafka_status status = MR_KAFKA_OK;
	struct scan scan = {.arena = mr_arena_new(ARENA_BYTES)};

	for (int64_t step = FIRST_STEP;; step *= 4) {
		*from = end->end - step > end->low ? end->end - step : end->low;
		scan.any = false;
		status = read_all(committed, topic, partition, *from, end->end, take_first, &scan);
		if (status != MR_KAFKA_OK || *from == end->low || (scan.any && scan.last_seq <= seq))
			break;
	}
	mr_arena_free(scan.arena);
	return status;
}

static bool
count_record(void *arg, const struct mr_kafka_record *k)
{
	(void)k;
	++*(uint64_t *)arg;
	return true;
}

enum mr_kafka_status
mr_journal_lost(struct mr_log_reader *committed, const char *topic, int32_t partition, const struct mr_journal_input *in,
    int64_t *kept, uint64_t *lost)
{
	uint64_t left = 0;
	int64_t low = in->to, end;
	enum mr_kafka_status status = mr_log_reader_ends(committed, topic, partition, 5000, &low, &end);

	if (status == MR_KAFKA_MISSING)
		low = in->to;   // the topic is gone
	else if (status != MR_KAFKA_OK)
		return status;
	*kept = low < in->to ? low : in->to;
	status = read_all(committed, topic, partition, *kept, in->to, count_record, &left);
	*lost = left < in->count ? in->count - left : 0;
	return status;
}
