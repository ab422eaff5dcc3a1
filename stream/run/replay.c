#include "run/replay.h"

#include "event/cloudevents.h"
#include "event/partition.h"
#include "run/profiles.h"
#include "run/topics.h"

#include <stdlib.h>

// Lines that wait until no other partition can come before them.
struct waiting {
	int64_t time_ms;
	size_t n;             // bytes of the line, which follow
};

struct lane {
	struct mr_task *task;
	int64_t next_offset;
	char *p;              // waiting lines, one behind the other
	size_t start, end, cap;
};

struct mr_replay {
	struct mr_replay_conf conf;
	struct lane *lanes;
	struct mr_str topics[3];
	struct mr_writer line;
	uint64_t records, effects[MR_OUTPUTS];
};

struct mr_replay *
mr_replay_new(const struct mr_replay_conf *conf)
{
	struct mr_replay *r = calloc(1, sizeof(*r));

	MR_ASSERT(r != NULL);
	MR_ASSERT(conf->partitions > 0);
	r->conf = *conf;
	size_t n_topics = mr_input_topics(conf->config, r->topics);
	r->lanes = calloc((size_t)conf->partitions, sizeof(*r->lanes));
	MR_ASSERT(r->lanes != NULL);
	for (int32_t i = 0; i < conf->partitions; i++)
		r->lanes[i].task = mr_task_new(&(struct mr_task_conf){
			.plan = &conf->config->plan,
			.partition = i,
			.topics = r->topics,
			.n_topics = n_topics,
			.partitions = conf->partitions,
		});
	mr_writer_init(&r->line, MR_JSON);
	return r;
}

void
mr_replay_free(struct mr_replay *r)
{
	if (r == NULL)
		return;
	for (int32_t i = 0; i < r->conf.partitions; i++) {
		mr_task_free(r->lanes[i].task);
		free(r->lanes[i].p);
	}
	free(r->lanes);
	mr_writer_free(&r->line);
	free(r);
}

static void
print(struct mr_replay *r, const char *p, size_t n)
{
	fwrite(p, 1, n, r->conf.out);   // errors are looked at once, by the caller, on the stream
}

static void
keep(struct lane *l, int64_t time_ms, struct mr_str line)
{
	struct waiting head = {time_ms, line.n};
	size_t need = sizeof(head) + line.n;

	if (need > l->cap - l->end && l->start > l->cap / 2) {
		memmove(l->p, l->p + l->start, l->end - l->start);
		l->end -= l->start;
		l->start = 0;
	}
	if (need > l->cap - l->end) {
		l->cap = 2 * l->cap + need + 4096;
		l->p = realloc(l->p, l->cap);
		MR_ASSERT(l->p != NULL);
	}
	memcpy(l->p + l->end, &head, sizeof(head));
	memcpy(l->p + l->end + sizeof(head), line.p, line.n);
	l->end += need;
}

static bool
peek(const struct lane *l, struct waiting *head)
{
	if (l->start == l->end)
		return false;
	memcpy(head, l->p + l->start, sizeof(*head));
	return true;
}

// Prints what is older than every clock: nothing that is still to come can be before it.
static void
merge(struct mr_replay *r, bool all)
{
	int64_t safe_ms = INT64_MAX;

	for (int32_t i = 0; i < r->conf.partitions && !all; i++)
		if (mr_task_clock(r->lanes[i].task) < safe_ms)
			safe_ms = mr_task_clock(r->lanes[i].task);
	for (;;) {
		struct lane *first = NULL;
		struct waiting head = {0}, best = {0};
		for (int32_t i = 0; i < r->conf.partitions; i++)
			if (peek(&r->lanes[i], &head) && (first == NULL || head.time_ms < best.time_ms)) {
				first = &r->lanes[i];
				best = head;
			}
		if (first == NULL || (!all && best.time_ms >= safe_ms))
			return;
		print(r, first->p + first->start + sizeof(best), best.n);
		first->start += sizeof(best) + best.n;
	}
}

void
mr_replay_flush(struct mr_replay *r, int32_t partition)
{
	struct lane *l = &r->lanes[partition];
	size_t n;
	const struct mr_effect *effects = mr_task_effects(l->task, &n);

	for (size_t i = 0; i < n; i++) {
		const struct mr_effect *e = &effects[i];
		r->effects[e->output]++;
		if (!r->conf.emit[e->output])
			continue;
		struct mr_cloudevent ce = {
			.app = r->conf.config->app,
			.kind = mr_cloudevent_kind(e->output),
			.id = {e->id, 32},
			.time_ms = e->time_ms,
			.subject = e->user,
			.seq = e->seq,
			.effect = e->number,
			.expires_ms = e->expires_ms,
			.traceparent = e->traceparent,
			.format = MR_JSON,
		};
		mr_writer_reset(&r->line);
		mr_ce_json(&r->line, &ce, e->body);
		mr_writer_put(&r->line, MR_LIT("\n"));
		if (r->conf.partitions == 1)
			print(r, r->line.p, r->line.n);
		else
			keep(l, e->time_ms, mr_writer_str(&r->line));
	}
	mr_task_effects_done(l->task);
	if (n && r->conf.partitions > 1 && l->end - l->start > 65536)
		merge(r, false);
}

void
mr_replay_line(struct mr_replay *r, struct mr_str line)
{
	struct mr_task *reader = r->lanes[0].task;   // decoding needs no task of its own
	struct mr_raw_record raw = {
		.origin = {.topic = r->topics[0]},
		.timestamp_ms = -1,
		.value = line,
	};

	mr_task_batch(reader);
	struct mr_item *item = mr_task_decode(reader, &raw);
	int32_t partition = 0;
	if (item->good) {
		raw.key = item->event.user;
		partition = mr_partition(raw.key, r->conf.partitions, r->conf.config->plan.crc32);
	}
	struct lane *l = &r->lanes[partition];
	raw.origin.partition = partition;
	raw.origin.offset = l->next_offset++;
	item->event.origin = raw.origin;
	mr_task_apply(l->task, item);
	r->records++;
	mr_replay_flush(r, partition);
}

struct mr_task *
mr_replay_task(struct mr_replay *r, int32_t partition)
{
	MR_ASSERT(partition >= 0 && partition < r->conf.partitions);
	return r->lanes[partition].task;
}

static int64_t
last_clock(const struct mr_replay *r)
{
	int64_t last_ms = INT64_MIN;

	for (int32_t i = 0; i < r->conf.partitions; i++)
		if (mr_task_clock(r->lanes[i].task) > last_ms)
			last_ms = mr_task_clock(r->lanes[i].task);
	return last_ms;
}

static void
print_profiles(struct mr_replay *r)
{
	size_t n = (uint32_t)r->conf.partitions;
	struct mr_task **tasks = calloc(n, sizeof(*tasks));

	MR_ASSERT(tasks != NULL);
	for (size_t i = 0; i < n; i++)
		tasks[i] = r->lanes[i].task;
	mr_profiles_print(tasks, n, r->conf.out);
	free(tasks);
}

void
mr_replay_end(struct mr_replay *r, int64_t until_ms)
{
	int64_t last_ms = last_clock(r);

	if (until_ms == MR_UNTIL_END)
		until_ms = last_ms == INT64_MIN ? MR_UNTIL_NONE : last_ms + r->conf.config->plan.time.grace_ms;
	for (int32_t i = 0; i < r->conf.partitions && until_ms != MR_UNTIL_NONE; i++) {
		mr_task_tick(r->lanes[i].task, until_ms, NULL);
		mr_replay_flush(r, i);
	}
	merge(r, true);
	if (r->conf.profiles)
		print_profiles(r);
}

uint64_t
mr_replay_records(const struct mr_replay *r)
{
	return r->records;
}

uint64_t
mr_replay_effects(const struct mr_replay *r, enum mr_output output)
{
	return r->effects[output];
}
