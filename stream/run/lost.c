// Taking over what is not all there any more: retention has eaten inputs, or the journal. What is lost is
// counted and said; what was published is not published again.
#include "run/worker_impl.h"

#include "run/takeover.h"

#define COMMITTED_MS 5000
// A page may be ahead of meta.seq by what was applied until the crash: fewer inputs than this.
#define APART (UINT64_C(1) << 32)

void
mr_lost_inputs(struct mr_lane *l, const struct mr_journal_end *end)
{
	const struct mr_worker *w = l->worker;

	for (uint32_t i = 0; i < end->n_positions; i++) {
		if (end->positions[i] >= l->positions[i])
			continue;
		mr_stats_add(w->conf.stats, MR_STAT_GAPS, (uint64_t)(l->positions[i] - end->positions[i]));
		mr_worker_log(w, 3, "partition %d: records of '%s' from offset %lld to %lld are no longer kept, and were never "
		    "applied; it goes on behind them", l->number, w->conf.topics[i], (long long)end->positions[i],
		    (long long)l->positions[i] - 1);
	}
}

// Where the journal's last transaction left the group: the only trace of it outside the store.
static bool
group_positions(struct mr_lane *l, struct mr_journal_end *end)
{
	const struct mr_worker *w = l->worker;
	struct mr_kafka_position at[MR_TOPICS_MAX];
	uint32_t n = 0;

	for (size_t i = 0; i < w->conf.n_topics; i++)
		at[i] = (struct mr_kafka_position){w->conf.topics[i], l->number, -1};
	if (mr_source_committed(w->conf.source, at, w->conf.n_topics, COMMITTED_MS) != MR_KAFKA_OK) {
		mr_worker_log(w, 3, "partition %d: the group's positions can't be read", l->number);
		return false;
	}
	for (; n < w->conf.n_topics && at[n].offset >= 0; n++)
		end->positions[n] = at[n].offset;
	end->n_positions = n;
	if (n > 0)
		return true;
	mr_worker_log(w, 3, "partition %d: its journal has expired, and the group has no position for it: where to go on "
	    "can't be known. Stop all instances, set the group's positions (kafka-consumer-groups --reset-offsets "
	    "--to-latest, or --to-offset, for this partition of each input), and start again; or use another app name",
	    l->number);
	return false;
}

bool
mr_lost_journal(struct mr_lane *l, struct mr_journal_end *end)
{
	struct mr_worker *w = l->worker;
	struct mr_store *store = w->conf.store;
	struct mr_store_meta meta = {0};

	if (!group_positions(l, end))
		return false;
	mr_pages_answered(w);
	enum mr_store_status status = store->ops->take(store, (uint32_t)l->number, 1, &meta);
	if (status != MR_STORE_OK && status != MR_STORE_FENCED) {
		mr_worker_log(w, 3, "partition %d: store: %s", l->number, store->error);
		return false;
	}
	end->any = true;
	end->epoch = meta.epoch;
	end->last_seq = meta.seq + APART;
	end->partitions = w->conf.partitions;
	mr_worker_log(w, 3, "partition %d: its journal has expired. It goes on at the group's positions, %s; what was "
	    "applied after the last flush is missing from profiles", l->number,
	    meta.epoch ? "with the profiles that the store has" : "with new profiles: the store has none");
	return true;
}
