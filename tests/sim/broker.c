// The simulated brokers: partitions, transactions with markers, transactional ids with epochs.
#include "sim.h"

#include "core/arena.h"

#include <stdio.h>
#include <stdlib.h>

#define IDS_MAX 512

static struct topic *topics[TOPICS_MAX];
static int n_topics;
static struct txn_id *ids[IDS_MAX];
static int n_ids;
static int64_t committed[2][PARTITIONS];
static bool any_committed[PARTITIONS];
static uint64_t offsets_taken, committed_number[PARTITIONS];
static struct txn *pending[64];      // with offsets that are not settled
static int n_pending;
static uint64_t journal_seq[PARTITIONS];

struct topic *
broker_topic(const char *name)
{
	for (int i = 0; i < n_topics; i++)
		if (strcmp(topics[i]->name, name) == 0)
			return topics[i];
	MR_ASSERT(n_topics < TOPICS_MAX);
	struct topic *t = calloc(1, sizeof(*t));
	MR_ASSERT(t != NULL);
	snprintf(t->name, sizeof(t->name), "%s", name);
	for (int32_t i = 0; i < PARTITIONS; i++) {
		t->parts[i].topic = t->name;
		t->parts[i].number = i;
	}
	return topics[n_topics++] = t;
}

int
broker_topics(void)
{
	return n_topics;
}

struct topic *
broker_topic_at(int i)
{
	return topics[i];
}

static void
take_part(struct part *p, struct txn *t)
{
	for (int i = 0; i < t->n_parts; i++)
		if (t->parts[i] == p)
			return;
	MR_ASSERT(t->n_parts < TOPICS_MAX * PARTITIONS && p->n_open < 32);
	t->parts[t->n_parts++] = p;
	p->open[p->n_open].txn = t;
	p->open[p->n_open++].first = p->n;
}

struct record *
broker_append(struct part *p, struct txn *t, struct mr_str key, struct mr_str value, struct mr_str id, int64_t timestamp_ms)
{
	struct record *r = calloc(1, sizeof(*r));

	MR_ASSERT(r != NULL);
	if (t && t->state == TXN_OPEN)
		take_part(p, t);
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		p->records = realloc(p->records, (size_t)p->cap * sizeof(struct record *));
		MR_ASSERT(p->records != NULL);
	}
	*r = (struct record){p->n, t, false, timestamp_ms, sim.now_us, sim_copy(key), sim_copy(value), sim_copy(id)};
	return p->records[p->n++] = r;
}

void
broker_abort_marker(struct part *p, struct txn *t)
{
	broker_append(p, t, (struct mr_str){0}, (struct mr_str){0}, (struct mr_str){0}, 0)->marker = true;
}

int64_t
broker_stable(const struct part *p)
{
	int64_t stable = p->n;

	for (int i = 0; i < p->n_open; i++)
		if (p->open[i].first < stable)
			stable = p->open[i].first;
	return stable;
}

bool
broker_visible(const struct part *p, int64_t offset)
{
	const struct record *r = p->records[offset];

	return offset < broker_stable(p) && !r->marker && (r->txn == NULL || r->txn->state == TXN_COMMITTED);
}

// ---- transactions ----

struct txn_id *
broker_id(const char *name)
{
	for (int i = 0; i < n_ids; i++)
		if (strcmp(ids[i]->name, name) == 0)
			return ids[i];
	MR_ASSERT(n_ids < IDS_MAX);
	struct txn_id *id = calloc(1, sizeof(*id));
	MR_ASSERT(id != NULL);
	snprintf(id->name, sizeof(id->name), "%s", name);
	return ids[n_ids++] = id;
}

struct txn *
broker_txn(struct txn_id *id)
{
	if (id->txn)
		return id->txn->state == TXN_OPEN ? id->txn : NULL;
	id->txn = calloc(1, sizeof(*id->txn));
	MR_ASSERT(id->txn != NULL);
	id->txn->id = id;
	id->txn->began_us = sim.now_us;
	return id->txn;
}

static void
marked(struct txn *t)
{
	if (--t->markers_left == 0 && t->id->txn == t)
		t->id->txn = NULL;
}

static void
write_marker(void *arg, uint64_t number)
{
	struct txn *t = arg;
	struct part *p = t->parts[number];

	for (int i = 0; i < p->n_open; i++)
		if (p->open[i].txn == t) {
			p->open[i] = p->open[--p->n_open];
			break;
		}
	broker_abort_marker(p, t);
	marked(t);
}

static void
settle_offsets(void *arg, uint64_t number)
{
	struct txn *t = arg;

	(void)number;
	for (int i = 0; i < n_pending; i++)
		if (pending[i] == t) {
			pending[i] = pending[--n_pending];
			break;
		}
	for (int32_t i = 0; i < PARTITIONS && t->state == TXN_COMMITTED; i++)
		// A marker that comes late does not put older offsets in the place of newer ones.
		if (t->offsets_pending[i] && t->offsets_number > committed_number[i]) {
			any_committed[i] = true;
			committed_number[i] = t->offsets_number;
			committed[0][i] = t->offsets[0][i];
			committed[1][i] = t->offsets[1][i];
		}
	marked(t);
}

// What is committed of the journal, from the moment at which it is decided.
static void
note_journal(const struct txn *t)
{
	struct mr_arena *arena = mr_arena_new(16 << 20);

	for (int i = 0; i < t->n_parts; i++) {
		struct part *p = t->parts[i];
		for (int64_t o = 0; o < p->n && strcmp(p->topic, "shop.journal") == 0; o++) {
			struct mr_journal_record r;
			mr_arena_reset(arena);
			if (p->records[o]->txn == t && mr_journal_decode(p->records[o]->value, arena, &r) &&
			    r.last_seq > journal_seq[p->number])
				journal_seq[p->number] = r.last_seq;
		}
	}
	mr_arena_free(arena);
}

void
broker_expire(struct part *p, int64_t us)
{
	while (p->low < p->n && p->records[p->low]->came_us < us)
		p->low++;
}

void
broker_retain(int32_t partition, uint64_t seq)
{
	struct part *journal = &broker_topic("shop.journal")->parts[partition];
	struct mr_arena *arena = mr_arena_new(16 << 20);
	struct mr_journal_record r;

	for (int64_t o = journal->low; o < broker_stable(journal); o++) {
		mr_arena_reset(arena);
		if (!broker_visible(journal, o) || !mr_journal_decode(journal->records[o]->value, arena, &r))
			continue;
		if (r.last_seq > seq)
			break;
		journal->low = o;
		for (int i = 0; i < 2; i++)
			topics[i]->parts[partition].low = r.positions[i];
	}
	mr_arena_free(arena);
}

void
broker_end(struct txn *t, bool commit)
{
	MR_ASSERT(t->state == TXN_OPEN);
	t->state = commit ? TXN_COMMITTED : TXN_ABORTED;
	if (commit)
		note_journal(t);
	else if (t->n_parts > 0)
		sim_count(P_ABORTED, 1);
	sim_trace("broker: %s of %s, %d partitions%s", commit ? "commit" : "abort", t->id->name, t->n_parts,
	    t->has_offsets ? " and offsets" : "");
	t->markers_left = t->n_parts + t->has_offsets;
	if (t->markers_left == 0)
		t->id->txn = NULL;
	for (int i = 0; i < t->n_parts; i++)
		sim_at(sim.now_us + fault_marker_us(), write_marker, t, (uint64_t)i);
	if (t->has_offsets)
		sim_at(sim.now_us + fault_marker_us(), settle_offsets, t, 0);
}

void
broker_tick(void)
{
	for (int i = 0; i < n_ids; i++) {
		struct txn *t = ids[i]->txn;
		if (t == NULL || t->state != TXN_OPEN || sim.now_us - t->began_us < TXN_TIMEOUT_US)
			continue;
		sim_trace("broker: transaction of %s has timed out", ids[i]->name);
		sim_count(P_TIMEOUT, 1);
		ids[i]->epoch++;
		broker_end(t, false);
	}
}

void
broker_cut(struct part *p, int64_t us)
{
	MR_ASSERT(p->n_open == 0);
	while (p->n > 0 && p->records[p->n - 1]->came_us > us)
		p->n--;
}

void
broker_go_back(int64_t us)
{
	struct mr_arena *arena = mr_arena_new(16 << 20);

	sim_trace("broker: an older copy");
	for (int i = 0; i < n_topics; i++)
		for (int32_t k = 0; k < PARTITIONS; k++)
			broker_cut(&topics[i]->parts[k], us);
	memset(any_committed, 0, sizeof(any_committed));
	memset(journal_seq, 0, sizeof(journal_seq));
	for (int32_t k = 0; k < PARTITIONS; k++) {
		const struct part *p = &broker_topic("shop.journal")->parts[k];
		for (int64_t o = 0; o < p->n; o++) {
			struct mr_journal_record r;
			mr_arena_reset(arena);
			if (broker_visible(p, o) && mr_journal_decode(p->records[o]->value, arena, &r))
				journal_seq[k] = r.last_seq;
		}
	}
	mr_arena_free(arena);
}

// ---- offsets ----

void
broker_take_offsets(struct txn *t, const struct mr_kafka_position *positions, size_t n)
{
	if (!t->has_offsets) {
		MR_ASSERT(n_pending < 64);
		pending[n_pending++] = t;
	}
	t->has_offsets = true;
	t->offsets_number = ++offsets_taken;
	for (size_t i = 0; i < n; i++) {
		int topic = strcmp(positions[i].topic, topics[0]->name) == 0 ? 0 : 1;
		t->offsets_pending[positions[i].partition] = true;
		t->offsets[topic][positions[i].partition] = positions[i].offset;
	}
}

bool
broker_offsets_pending(int32_t partition)
{
	for (int i = 0; i < n_pending; i++)
		if (pending[i]->offsets_pending[partition])
			return true;
	return false;
}

int64_t
broker_committed(int topic, int32_t partition)
{
	return any_committed[partition] ? committed[topic][partition] : -1;
}

uint64_t
broker_journal_seq(int32_t partition)
{
	return journal_seq[partition];
}
