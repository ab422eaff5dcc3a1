// What must hold after a run. The reference is the committed journal, applied to fresh tasks, just as
// `replay --journal` does it; everything that the run left is compared with that.
#include "sim.h"

#include "core/arena.h"
#include "run/topics.h"

#include <stdio.h>
#include <stdlib.h>

struct version {
	struct mr_str user, page;    // page empty: the record is
	uint64_t stamp;
	int64_t due_ms;
};

struct message {
	char topic[MR_TOPIC_NAME_MAX];
	char id[33];
	struct mr_str key, value;
};

struct fold {
	int32_t partition;
	const struct mr_config *config;   // in force
	struct mr_task *task;
	struct mr_arena *arena;
	struct version *versions;
	size_t n_versions, cap_versions;
	struct message *messages;
	size_t n_messages, cap_messages;
	uint64_t epoch;
	int64_t next[2];             // of each input topic, not yet covered
};

static const struct mr_str topics[] = {{"events", 6}, {"outcomes", 8}};

static void *
room(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap ? 2 * *cap : 256;
	p = realloc(p, *cap * size);
	MR_ASSERT(p != NULL);
	return p;
}

static const struct version *
version_at(const struct fold *f, struct mr_str user, uint64_t stamp)
{
	const struct version *found = NULL;

	for (size_t i = 0; i < f->n_versions; i++)
		if (f->versions[i].stamp <= stamp && mr_str_eq(f->versions[i].user, user))
			found = &f->versions[i];
	return found;
}

static struct mr_str
user_name(int number, char name[8])
{
	return (struct mr_str){name, (size_t)snprintf(name, 8, "u%d", number)};
}

// ---- the fold ----

static void
end_task(struct fold *f)
{
	if (f->task == NULL)
		return;
	sim_count(P_CLAMPED, mr_task_counters(f->task)[MR_C_CLAMPED]);
	sim_count(P_DUPLICATE, mr_task_counters(f->task)[MR_C_DUPLICATE]);
	mr_task_free(f->task);
}

// A task under that configuration goes on from what the one before has left: its state, and pages.
static void
start_task(struct fold *f, struct mr_str hash)
{
	struct mr_task *before = f->task;
	struct mr_writer state;
	char name[8];

	f->config = sim.other && mr_str_eq(hash, mr_str_of(sim.other->plan.hash)) ? sim.other : sim.config;
	f->task = mr_task_new(&(struct mr_task_conf){
		.plan = &f->config->plan,
		.partition = f->partition,
		.topics = topics,
		.n_topics = 2,
		.partitions = PARTITIONS,
	});
	if (before == NULL)
		return;
	sim_count(P_CONFIG, 1);
	mr_task_resume(f->task, mr_task_seq(before));
	mr_writer_init(&state, MR_MSGPACK);
	mr_task_state_encode(before, &state);
	mr_task_state_decode(f->task, mr_writer_str(&state));
	mr_writer_free(&state);
	for (int i = 0; i < sim.users; i++) {
		const struct version *v = version_at(f, user_name(i, name), UINT64_MAX);
		if (v && v->page.n > 0 && !mr_task_install(f->task, v->user, v->page, v->stamp))
			sim_fail("partition %d: the page of %s can't be read under another configuration", f->partition, name);
	}
	struct fold old = {.task = before};
	end_task(&old);
}

static void
note_user(void *arg, struct mr_user *u)
{
	struct fold *f = arg;
	struct mr_writer w;

	if (u->stamp != mr_task_seq(f->task))
		return;
	mr_writer_init(&w, MR_MSGPACK);
	if (!mr_user_empty(mr_task_users(f->task), u))
		mr_page_encode(mr_task_users(f->task), u, topics, &w);
	f->versions = room(f->versions, f->n_versions, &f->cap_versions, sizeof(*f->versions));
	int64_t due_ms = INT64_MAX;
	for (uint16_t i = 0; i < u->n_timers; i++)
		due_ms = u->timers[i].due_ms < due_ms ? u->timers[i].due_ms : due_ms;
	f->versions[f->n_versions++] = (struct version){sim_copy(mr_user_id(u)), sim_copy(mr_writer_str(&w)),
	    u->stamp, due_ms};
	mr_writer_free(&w);
}

static void
after_input(struct fold *f)
{
	size_t n;
	const struct mr_effect *effects = mr_task_effects(f->task, &n);

	mr_users_each(mr_task_users(f->task), note_user, f);
	for (size_t i = 0; i < n; i++) {
		f->messages = room(f->messages, f->n_messages, &f->cap_messages, sizeof(*f->messages));
		struct message *m = &f->messages[f->n_messages++];
		mr_output_topic(f->config, effects[i].output, effects[i].channel, m->topic);
		memcpy(m->id, effects[i].id, 33);
		m->key = sim_copy(effects[i].user);
		m->value = sim_copy(effects[i].body);
	}
	mr_task_effects_done(f->task);
}

static void
fold_range(struct fold *f, const struct mr_journal_input *in)
{
	struct part *p = &broker_topic(in->topic ? "outcomes" : "events")->parts[f->partition];
	uint64_t count = 0;

	for (int64_t o = f->next[in->topic]; o < in->from; o++)
		if (broker_visible(p, o))
			sim_fail("partition %d: input %s@%ld was passed over", f->partition, p->topic, o);
	if (in->from < f->next[in->topic])
		sim_fail("partition %d: input %s@%ld is journalled twice", f->partition, p->topic, in->from);
	f->next[in->topic] = in->to;
	for (int64_t o = in->from; o < in->to; o++) {
		if (!broker_visible(p, o))
			continue;
		const struct record *r = p->records[o];
		const struct mr_raw_record raw = {
			.origin = {topics[in->topic], f->partition, o},
			.timestamp_ms = r->timestamp_ms,
			.key = r->key,
			.value = r->value,
		};
		count++;
		mr_task_batch(f->task);
		mr_task_apply(f->task, mr_task_decode(f->task, &raw));
		after_input(f);
	}
	if (count != in->count)
		sim_fail("partition %d: a range of %s holds %lu records, not %lu", f->partition, p->topic, count, in->count);
}

static void
check_state(const struct fold *f, const struct mr_journal_record *r)
{
	struct mr_writer w;
	uint64_t inputs, effects;

	mr_task_digests(f->task, &inputs, &effects);
	if (inputs != r->input_digest || effects != r->effect_digest)
		sim_fail("partition %d: digests of inputs %lu to %lu differ", f->partition, r->first_seq, r->last_seq);
	if (mr_task_seq(f->task) != r->last_seq)
		sim_fail("partition %d: a record ends at %lu, its inputs at %lu", f->partition, r->last_seq, mr_task_seq(f->task));
	mr_writer_init(&w, MR_MSGPACK);
	mr_task_state_encode(f->task, &w);
	if (!mr_str_eq(mr_writer_str(&w), r->state))
		sim_fail("partition %d: the task's state after %lu differs", f->partition, r->last_seq);
	mr_writer_free(&w);
}

static void
fold_record(struct fold *f, const struct record *k)
{
	struct mr_journal_record r;

	mr_arena_reset(f->arena);
	if (!mr_journal_decode(k->value, f->arena, &r)) {
		sim_fail("partition %d: journal record %ld can't be decoded", f->partition, k->offset);
		return;
	}
	sim_count(JOURNAL, 1);
	sim_trace("partition %d: journal@%ld of %s: %s, epoch %lu, inputs %lu to %lu", f->partition, k->offset, k->txn->id->name,
	    r.claim ? "claim" : "record", r.epoch, r.first_seq, r.last_seq);
	if (r.first_seq != mr_task_seq(f->task) + 1)
		sim_fail("partition %d: journal@%ld begins with input %lu after %lu: something was committed twice, or not",
		    f->partition, k->offset, r.first_seq, mr_task_seq(f->task));
	if (r.claim ? r.epoch <= f->epoch : r.epoch != f->epoch)
		sim_fail("partition %d: journal@%ld is of epoch %lu, after %lu", f->partition, k->offset, r.epoch, f->epoch);
	f->epoch = r.epoch;
	if (r.claim || sim.failure[0])
		return;
	if (!mr_str_eq(r.config_hash, mr_str_of(f->config->plan.hash)))
		start_task(f, r.config_hash);
	mr_task_digests_begin(f->task);
	mr_task_bound(f->task, r.bound_ms);
	for (uint32_t i = 0; i < r.n_inputs; i++) {
		const struct mr_journal_input *in = &r.inputs[i];
		const struct mr_due_bound upto = {in->due_ms, in->user};
		if (in->kind == MR_JOURNAL_RANGE) {
			fold_range(f, in);
		} else {
			MR_ASSERT(in->kind == MR_JOURNAL_TICK);
			sim_count(P_TICK, 1);
			sim_count(P_CROWD, in->bounded);
			mr_task_tick(f->task, in->time_ms, in->bounded ? &upto : NULL);
			after_input(f);
		}
	}
	check_state(f, &r);
}

// ---- comparisons ----

static void
check_messages(struct fold *f)
{
	for (int i = 0; i < broker_topics(); i++) {
		const struct topic *t = broker_topic_at(i);
		const struct part *p = &t->parts[f->partition];
		size_t at = 0;
		if (i < OUR_TOPICS)
			continue;
		for (int64_t o = 0; o < p->n; o++) {
			const struct record *r = p->records[o];
			if (!broker_visible(p, o))
				continue;
			while (at < f->n_messages && strcmp(f->messages[at].topic, t->name) != 0)
				at++;
			const struct message *m = at < f->n_messages ? &f->messages[at++] : NULL;
			if (m == NULL)
				sim_fail("%s [%d]@%ld, %.*s: published, but not decided: twice?", t->name, f->partition, o, 32, r->id.p);
			else if (memcmp(m->id, r->id.p, 32) != 0 || !mr_str_eq(m->key, r->key) || !mr_str_eq(m->value, r->value))
				sim_fail("%s [%d]@%ld: %.32s of %.*s instead of %s of %.*s", t->name, f->partition, o, r->id.p,
				    (int)r->key.n, r->key.p, m->id, (int)m->key.n, m->key.p);
			sim_count(ACTIONS, 1);
		}
		for (; at < f->n_messages; at++)
			if (strcmp(f->messages[at].topic, t->name) == 0)
				sim_fail("%s [%d]: %s was decided, but never published", t->name, f->partition, f->messages[at].id);
	}
}

static void
check_writes(const struct fold *f)
{
	size_t n;
	const struct write_seen *w = redis_writes(&n);

	for (size_t i = 0; i < n; i++) {
		if (w[i].partition != f->partition)
			continue;
		const struct version *v = version_at(f, w[i].user, w[i].stamp);
		sim_count(PAGES, 1);
		if (v == NULL || v->stamp != w[i].stamp || !mr_str_eq(v->page, w[i].page) || v->due_ms != w[i].due_ms)
			sim_fail("partition %d: the page of %.*s with stamp %lu is not the fold of its inputs (%zu bytes, due %ld; "
			    "the fold: stamp %lu, %zu bytes, due %ld)", f->partition, (int)w[i].user.n, w[i].user.p, w[i].stamp,
			    w[i].page.n, w[i].due_ms, v ? v->stamp : 0, v ? v->page.n : 0, v ? v->due_ms : 0);
	}
}

static void
check_pages(const struct fold *f)
{
	uint64_t seq = redis_meta_seq(f->partition);

	if (seq != mr_task_seq(f->task))
		sim_fail("partition %d: meta.seq is %lu, not %lu, after the end", f->partition, seq, mr_task_seq(f->task));
	for (int i = 0; i < sim.users; i++) {
		char name[8];
		struct mr_str page, user = user_name(i, name);
		const struct version *v = version_at(f, user, UINT64_MAX);
		redis_page(f->partition, user, &page);
		if (!mr_str_eq(page, v ? v->page : (struct mr_str){0}))
			sim_fail("partition %d: the page of %s differs at the end", f->partition, name);
	}
}

static void
check_covered(const struct fold *f)
{
	for (int i = 0; i < 2; i++) {
		const struct part *p = &broker_topic_at(i)->parts[f->partition];
		for (int64_t o = f->next[i]; o < p->n; o++)
			if (broker_visible(p, o))
				sim_fail("partition %d: %s@%ld was never applied", f->partition, p->topic, o);
		if (f->next[i] > broker_committed(i, f->partition))
			sim_fail("partition %d: the group's offset of %s is behind the journal", f->partition, p->topic);
	}
}

static void
check_partition(int32_t partition)
{
	struct fold f = {.partition = partition, .config = sim.config};
	struct part *journal = &broker_topic("shop.journal")->parts[partition];

	f.arena = mr_arena_new(16 << 20);
	start_task(&f, mr_str_of(f.config->plan.hash));
	for (int64_t o = 0; o < journal->n && sim.failure[0] == '\0'; o++)
		if (broker_visible(journal, o))
			fold_record(&f, journal->records[o]);
	if (sim.failure[0])
		return;
	check_covered(&f);
	check_messages(&f);
	check_writes(&f);
	check_pages(&f);
	int64_t due_ms = mr_task_next_due(f.task);
	if (due_ms != MR_DUE_NEVER && due_ms < mr_task_clock(f.task) - f.config->plan.time.grace_ms)
		sim_fail("partition %d: a timer that is due has not fired", partition);
	end_task(&f);
}

void
check_all(void)
{
	sim.quiet = true;
	for (int32_t i = 0; i < PARTITIONS && sim.failure[0] == '\0'; i++)
		check_partition(i);
	sim.quiet = false;
}

// Nothing is left to do: everything read, committed and flushed.
bool
check_drained(void)
{
	for (int32_t i = 0; i < PARTITIONS; i++) {
		if (redis_meta_seq(i) != broker_journal_seq(i))
			return false;
		for (int k = 0; k < 2; k++) {
			const struct part *p = &broker_topic_at(k)->parts[i];
			for (int64_t o = broker_committed(k, i) < 0 ? 0 : broker_committed(k, i); o < p->n; o++)
				if (broker_visible(p, o))
					return false;
		}
	}
	return proc_settled();
}
