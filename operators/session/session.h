// Private to the session operator: what it keeps of a user, and how its files divide the work.
//
// A user's record holds a few sessions, ordered and disjoint by event time: the open ones (several
// only while the grace of an older one runs) and the closed ones that a late event may still change.
// Where an event belongs follows from its own time alone (place.c), never from the order of arrival,
// so events shuffled within the grace give the sessions that sorted ones do. (Only campaign and
// most_events look at other events too: what has been put together is not split again.)
#ifndef MR_OPERATORS_SESSION_H
#define MR_OPERATORS_SESSION_H

#include "../common/kept.h"

#define CURRENCIES_MAX 4
#define CARTS_MAX 16
#define REPLACES_MAX 8
#define KEEP_MAX 16

// Why a session ends where it does; the words of `closed_by`. What follows a session that gap did
// not end remembers its reason in `split`.
enum session_end { END_GAP, END_LENGTH, END_EVENTS, END_CAMPAIGN, END_MIDNIGHT, ENDS };

enum { CAMPAIGN_NAME, CAMPAIGN_SOURCE, CAMPAIGN_MEDIUM, CAMPAIGN_TERM, CAMPAIGN_CONTENT, CAMPAIGN_TEXTS };
enum { DEVICE_TYPE, DEVICE_OS, DEVICE_APP, DEVICE_TEXTS };
enum { SIDE_EVENT, SIDE_PATH, SIDE_TITLE, SIDE_REFERRER, SIDE_TEXTS };

struct session_revenue {
	char currency[4];   // XXX, as ISO 4217 says, where an order names none
	int64_t micros;
};

// What has no fixed size: items, then texts (parts.c).
enum {
	PART_REVENUE, PART_CARTS, PART_REPLACES, PART_ENTRY, PART_CAMPAIGN = PART_ENTRY + SIDE_TEXTS,
	PART_DEVICE = PART_CAMPAIGN + CAMPAIGN_TEXTS, PART_ANONYMOUS = PART_DEVICE + DEVICE_TEXTS, PART_EXIT,
	PARTS = PART_EXIT + SIDE_TEXTS,
};
struct session_block {
	char *p;
	uint32_t n, cap;
	uint16_t size[PARTS];             // bytes
};

// What each event reads comes first: it shares two lines of the cache.
struct session {
	int64_t started_ms, ended_ms;
	int64_t closed_ms;
	uint32_t events, pages, screens, late;
	bool open, published, announced;  // announced: Session Ended was derived
	bool has_device;
	uint8_t closed_by, split;         // enum session_end
	struct session_block block;
	int64_t campaign_ms, last_campaign_ms;
	uint64_t first_campaign, last_campaign;   // hashes; 0: none
	int64_t device_ms;
	int64_t day_ms, day_end_ms;       // new_on midnight: the local day it lies in
	uint32_t revision, orders, searches;
	char id[33];
};

struct session_state {
	struct session *list;   // by started_ms
	uint8_t n, cap;
	uint8_t focus;          // what session.* reads: 1 + the place of the one touched last; 0: none
	uint32_t spare_cap;
	char *spare;            // block of a session that went, for the next one
	int64_t forgotten_ms;   // events up to here may belong to a session that a bound made us forget
};

struct session_conf {
	// parameters
	int64_t gap_ms, longest_ms, most_events, keep, text_max;
	struct mr_strs new_on, ignore;
	const struct mr_node *burst_node;
	// worked out
	bool on_campaign, on_midnight;
	struct mr_rate burst;   // n 0: none
	struct mr_str app;
	const struct mr_time_conf *time;
	int32_t *ignored;
	uint32_t n_ignored;
	int32_t name_started, name_ended;
	int32_t order_completed, products_searched, product_added;
	struct {
		uint32_t path[2], title[2], referrer[2];   // of a page call's properties, of context.page
		uint32_t campaign[CAMPAIGN_TEXTS], device[DEVICE_TEXTS];
		uint32_t cart, revenue, total, currency;
	} field;
};

// One event on its way into a session.
struct session_hit {
	struct mr_ctx *ctx;
	const struct session_conf *conf;
	int64_t ms;
	uint64_t campaign;      // hash; 0: the event has none
	bool late;              // more than the grace behind stream time
};

// ---- place.c ----

enum session_verdict { PLACE_JOIN, PLACE_MERGE, PLACE_NEW };
struct session_place {
	enum session_verdict verdict;
	size_t at;              // join: the session; merge: the earlier of the two; new: where it goes
	uint8_t split;          // new: why it isn't part of the one before it
};
struct session_place mr_session_place(const struct session_state *, const struct session_hit *);
// Notes why two neighbours within the gap of each other are two.
void mr_session_relink(const struct session_conf *, struct session_state *, size_t at);
// When a session ends if nothing more comes, and why.
int64_t mr_session_due(const struct session_conf *, const struct session_state *, size_t at, enum session_end *why);

// ---- fold.c ----

void mr_session_start(struct session *, const struct session_hit *);
void mr_session_add(struct session *, const struct session_hit *);
// Folds `from` into the earlier `to`.
void mr_session_merge(struct mr_ctx *, struct session *to, const struct session *from);
uint64_t mr_session_campaign(const struct session_conf *, const struct mr_event *);

// ---- parts.c: what is handed out lives until the session's parts change ----

struct mr_str mr_session_part(const struct session *, unsigned part);
// Sets `n` texts from part `first` on, each cut at `max` bytes. They must not be this session's own.
// False where something was cut.
bool mr_session_put(struct mr_mem *, struct session *, unsigned first, const struct mr_str *texts, size_t n, size_t max);
// Makes room for `more` bytes of items at byte `at` of a part that has items.
void *mr_session_extend(struct mr_mem *, struct session *, unsigned part, size_t at, size_t more);
void mr_session_block_free(struct mr_mem *, struct session_block *);

#define REPLACED_SIZE 33u
static inline size_t
mr_session_carts(const struct session *s)
{
	return s->block.size[PART_CARTS] / sizeof(uint64_t);
}

static inline size_t
mr_session_replaced(const struct session *s)
{
	return s->block.size[PART_REPLACES] / REPLACED_SIZE;
}

static inline const struct session_revenue *
mr_session_revenue(const struct session *s, size_t *n)
{
	*n = s->block.size[PART_REVENUE] / sizeof(struct session_revenue);
	return (const struct session_revenue *)(const void *)s->block.p;   // the first part, so aligned
}

// ---- state.c ----

struct session *mr_session_insert(struct mr_mem *, struct session_state *, size_t at);
void mr_session_remove(struct mr_mem *, struct session_state *, size_t at);
void mr_session_encode(const void *conf, const void *state, struct mr_writer *);
bool mr_session_decode(const void *conf, void *state, struct mr_mem *, struct mr_reader *);
void mr_session_release(const void *conf, void *state, struct mr_mem *);
#define SESSION_VERSION 1

// ---- message.c ----

// Emits the session as it is now; derives Session Ended the first time.
void mr_session_publish(struct mr_ctx *, const struct session_conf *, struct session *);
struct mr_value mr_session_side_value(struct mr_arena *, const struct session *, unsigned side);  // PART_ENTRY, PART_EXIT
struct mr_value mr_session_campaign_value(struct mr_arena *, const struct session *);

#endif
