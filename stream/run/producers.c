// The worker's two producers, and what goes into their transactions: messages, journal records.
#include "run/worker_impl.h"

#include "core/mutation.h"
#include "event/cloudevents.h"
#include "run/topics.h"

#include <stdio.h>
#include <stdlib.h>

#define INIT_TIMEOUT_MS 10000

// ---- producers ----

void
mr_producers_close(struct mr_worker *w)
{
	for (int i = 0; i < 2; i++) {
		if (w->txns[i].sink)
			mr_sink_close(w->txns[i].sink, 1000);
		w->txns[i].sink = NULL;
	}
	for (size_t i = 0; i < w->n_topics; i++)
		free(w->topics[i].name);
	free(w->topics);
	w->topics = NULL;
	w->n_topics = 0;
}

static bool
open_sink(struct mr_worker *w, int i)
{
	char error[256];
	struct mr_sink_conf conf = {
		.kafka = w->conf.kafka,
		.transactional_id = w->ids[i],
		.queue_messages_max = (size_t)w->conf.config->unacknowledged_max,
		.wake_fd = w->wake_fd,
	};

	// The first ids are the instance's own, so that a restart in place aborts what it left open.
	if (w->generation == 0)
		snprintf(w->ids[i], sizeof(w->ids[i]), "%s-%c", w->conf.id, 'a' + i);
	else
		snprintf(w->ids[i], sizeof(w->ids[i]), "%s-%c-%u", w->conf.id, 'a' + i, w->generation);
	w->txns[i].sink = mr_sink_open(&conf, error);
	if (w->txns[i].sink == NULL) {
		mr_worker_log(w, 3, "producer: %s", error);
		return false;
	}
	enum mr_kafka_status status = mr_sink_init(w->txns[i].sink, INIT_TIMEOUT_MS);
	if (status != MR_KAFKA_OK) {
		mr_worker_log(w, 3, "producer %s: %s: %s", w->ids[i], mr_kafka_status_name(status),
		    mr_sink_error(w->txns[i].sink));
		return false;
	}
	w->journal_number[i] = mr_sink_topic(w->txns[i].sink, w->conf.journal);
	return true;
}

bool
mr_producers_ready(struct mr_worker *w)
{
	if (w->txns[0].sink && w->txns[1].sink)
		return true;
	if (mr_mono_ms(w->conf.clock) < w->sinks_retry_ms)
		return false;
	if (open_sink(w, 0) && open_sink(w, 1))
		return true;
	mr_producers_close(w);
	w->sinks_retry_ms = mr_mono_ms(w->conf.clock) + 1000;
	return false;
}

// ---- sending ----

struct mr_out_topic *
mr_out_topic(struct mr_worker *w, const struct mr_effect *e)
{
	for (size_t i = 0; i < w->n_topics; i++)
		if (w->topics[i].output == e->output && mr_str_eq(w->topics[i].channel, e->channel))
			return &w->topics[i];
	char name[MR_TOPIC_NAME_MAX];
	mr_output_topic(w->conf.config, e->output, e->channel, name);
	w->topics = realloc(w->topics, (w->n_topics + 1) * sizeof(*w->topics));
	MR_ASSERT(w->topics != NULL);
	struct mr_out_topic *t = &w->topics[w->n_topics++];
	// The channel's text lives behind the name.
	size_t n = strlen(name) + 1;
	char *text = malloc(n + e->channel.n + 1);
	MR_ASSERT(text != NULL);
	memcpy(text, name, n);
	if (e->channel.n)
		memcpy(text + n, e->channel.p, e->channel.n);
	*t = (struct mr_out_topic){.output = e->output, .channel = {text + n, e->channel.n}, .name = text};
	for (int i = 0; i < 2; i++)
		t->number[i] = mr_sink_topic(w->txns[i].sink, t->name);
	return t;
}

static enum mr_kafka_status
send_effect(struct mr_worker *w, struct mr_txn *t, struct mr_share *s, const struct mr_effect *e)
{
	struct mr_ce_headers made;
	struct mr_kafka_header headers[MR_CE_HEADERS_MAX];
	const struct mr_cloudevent ce = {
		.app = w->conf.config->app,
		.kind = mr_cloudevent_kind(e->output),
		.id = {e->id, 32},
		.time_ms = e->time_ms,
		.subject = e->output == MR_OUT_DEAD_LETTER ? (struct mr_str){0} : e->user,
		.seq = e->seq,
		.effect = e->number,
		.expires_ms = e->expires_ms,
		.traceparent = e->traceparent,
		.format = w->conf.config->plan.format,
	};

	mr_ce_headers(&made, &ce);
	for (size_t i = 0; i < made.n; i++)
		headers[i] = (struct mr_kafka_header){made.items[i].name, made.items[i].value};
	struct mr_sink_message m = {
		.topic = mr_out_topic(w, e)->number[t - w->txns],
		.partition = s->lane->number,
		.key = e->user,
		.value = e->body,
		.headers = headers,
		.n_headers = made.n,
		.borrowed = true,
		.pending = &s->pending,
	};
	return mr_sink_produce(t->sink, &m);
}

// Whether the lane's messages in the other transaction are all acknowledged.
static bool
predecessors_acknowledged(const struct mr_worker *w, const struct mr_txn *t, const struct mr_lane *lane)
{
	const struct mr_txn *other = &w->txns[t == &w->txns[0]];

	if (other->state != MR_TXN_COMMITTING)
		return true;
	for (const struct mr_share *s = other->first; s; s = s->next)
		if (s->lane == lane && atomic_load(&s->pending) > 0)
			return false;
	return true;
}

// With as many messages of a partition on their way the library (2.0.2) sends nothing more to it, and its
// thread spins until they are acknowledged: so they wait here, and then go together.
#define ON_THE_WAY_MAX 5

// Behind a share of the same lane that is not all sent a share waits, too: order.
static bool
must_wait(const struct mr_txn *t, const struct mr_share *s, bool all)
{
	for (const struct mr_share *before = t->first; before != s; before = before->next)
		if (before->lane == s->lane && before->n_sent < before->n_effects)
			return true;
	return !all && atomic_load(&s->pending) >= ON_THE_WAY_MAX && !MR_MUTATION(SEND_AT_ONCE);
}

// Sends what it can. AGAIN: the queue is full, or an earlier message is still on its way.
enum mr_kafka_status
mr_send_effects(struct mr_worker *w, struct mr_txn *t, bool all)
{
	bool held = false;

	for (struct mr_share *s = t->first; s; s = s->next) {
		if (s->n_sent == s->n_effects)
			continue;
		if (!predecessors_acknowledged(w, t, s->lane))
			return MR_KAFKA_AGAIN;
		if (must_wait(t, s, all)) {
			held = true;
			continue;
		}
		while (s->n_sent < s->n_effects) {
			if (!mr_sink_in_transaction(t->sink)) {
				enum mr_kafka_status begun = mr_sink_begin(t->sink);
				if (begun != MR_KAFKA_OK)
					return begun;
			}
			enum mr_kafka_status status = send_effect(w, t, s, &s->effects[s->n_sent]);
			if (status != MR_KAFKA_OK)
				return status;
			mr_report_sent(w, s, s->n_sent);
			s->n_sent++;
		}
	}
	return held ? MR_KAFKA_AGAIN : MR_KAFKA_OK;
}

static void
encode_journal(struct mr_worker *w, struct mr_share *s)
{
	const struct mr_lane *lane = s->lane;
	struct mr_journal_record r = {
		.claim = s->claim,
		.epoch = lane->epoch,
		.first_seq = s->first_seq,
		.last_seq = s->last_seq,
		.bound_ms = s->bound_ms,
		.inputs = s->inputs,
		.n_inputs = s->n_inputs,
		.n_positions = (uint32_t)w->conf.n_topics,
		.state = mr_writer_str(&s->state),
		.input_digest = s->input_digest,
		.effect_digest = s->effect_digest,
		.ids = {mr_str_of(w->ids[0]), mr_str_of(w->ids[1])},
		.config_hash = mr_str_of(s->claim ? s->config_hash : w->conf.config->plan.hash),
		.partitions = w->conf.partitions,
	};

	memcpy(r.positions, s->positions, sizeof(r.positions));
	if (s->claim)
		r.build = MR_LIT(MR_VERSION);
	mr_writer_reset(&s->journal);
	mr_journal_encode(&r, &s->journal);
}

enum mr_kafka_status
mr_send_journal(struct mr_worker *w, struct mr_txn *t)
{
	for (struct mr_share *s = t->first; s; s = s->next) {
		if (s->journal_sent)
			continue;
		if (!mr_sink_in_transaction(t->sink)) {
			enum mr_kafka_status begun = mr_sink_begin(t->sink);
			if (begun != MR_KAFKA_OK)
				return begun;
		}
		encode_journal(w, s);
		struct mr_sink_message m = {
			.topic = w->journal_number[t - w->txns],
			.partition = s->lane->number,
			.value = mr_writer_str(&s->journal),
			.borrowed = true,
			.pending = &s->pending,
		};
		enum mr_kafka_status status = mr_sink_produce(t->sink, &m);
		if (status != MR_KAFKA_OK)
			return status;
		s->journal_sent = true;
	}
	return MR_KAFKA_OK;
}
