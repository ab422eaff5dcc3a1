// A dead owner's transaction that holds only effects is open in no journal and in no group. It harms
// nothing that follows, but a read_committed subscriber waits for it until the broker gives it up.
#include "core/mutation.h"
#include "run/takeover.h"
#include "run/topics.h"
#include "run/worker_impl.h"

#include <stdlib.h>

#define TIMEOUT_MS 1000

struct mr_hanging {
	struct mr_topic_wants wants;
	const char *names[128];
	size_t n;
	bool looked;
	int64_t open_at[128];        // first offset of what was open at the first look; -1: nothing, or ended since
};

struct mr_hanging *
mr_hanging_new(const struct mr_config *config)
{
	struct mr_hanging *h = calloc(1, sizeof(*h));

	MR_ASSERT(h != NULL);
	mr_topic_wants(config, &h->wants);
	for (size_t i = 0; i < h->wants.n; i++)
		if (h->wants.items[i].role == MR_TOPIC_OUTPUT)
			h->names[h->n++] = h->wants.items[i].name;
	return h;
}

void
mr_hanging_free(struct mr_hanging *h)
{
	free(h);
}

bool
mr_hanging_look(struct mr_hanging *h, const struct mr_lane *l, const struct mr_readers *r)
{
	int64_t stable[128], ends[128];
	bool any = false;

	if (MR_MUTATION(LEAVE_EFFECTS_OPEN))
		return false;
	if (mr_log_reader_all_ends(r->committed, h->names, h->n, l->number, TIMEOUT_MS, stable) != MR_KAFKA_OK ||
	    mr_log_reader_all_ends(r->all, h->names, h->n, l->number, TIMEOUT_MS, ends) != MR_KAFKA_OK)
		return false;
	for (size_t i = 0; i < h->n; i++) {
		bool open = stable[i] >= 0 && stable[i] < ends[i] && (!h->looked || h->open_at[i] == stable[i]);
		h->open_at[i] = open ? stable[i] : -1;
		any |= open;
	}
	h->looked = true;
	return any;
}
