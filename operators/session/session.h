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

// One moment of a session and the texts that describe it.
struct session_side {
	int64_t ms;
	struct mr_text texts[SIDE_TEXTS];
};

struct session {
	char id[33];
	int64_t started_ms, ended_ms;
	int64_t day_ms, day_end_ms;       // new_on midnight: the local day it lies in
	int64_t closed_ms;
	bool open, published, announced;  // announced: Session Ended was derived
	uint8_t closed_by, split;         // enum session_end
	uint32_t revision;
	uint32_t events, pages, screens, late, orders, searches;
	struct session_side entry, exit;
	int64_t campaign_ms, last_campaign_ms;
	uint64_t first_campaign, last_campaign;   // hashes; 0: none
	struct mr_text campaign[CAMPAIGN_TEXTS];
	int64_t device_ms;
	bool has_device;
	struct mr_text device[DEVICE_TEXTS];
	struct mr_text anonymous;
	uint64_t *carts;
	char (*replaces)[33];
	struct session_revenue *revenue;
	uint8_t n_carts, n_replaces, n_revenue;
};

struct session_state {
	struct session *list;   // by started_ms
	uint8_t n;
	uint8_t focus;          // what session.* reads: 1 + the place of the one touched last; 0: none
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
// Folds `from` into the earlier `to`; frees what is left of it.
void mr_session_merge(struct mr_ctx *, struct session *to, struct session *from);
uint64_t mr_session_campaign(const struct session_conf *, const struct mr_event *);

// ---- state.c ----

struct session *mr_session_insert(struct mr_mem *, struct session_state *, size_t at);
void mr_session_remove(struct mr_mem *, struct session_state *, size_t at);
void mr_session_free(struct mr_mem *, struct session *);
void mr_session_encode(const void *conf, const void *state, struct mr_writer *);
bool mr_session_decode(const void *conf, void *state, struct mr_mem *, struct mr_reader *);
void mr_session_release(const void *conf, void *state, struct mr_mem *);
#define SESSION_VERSION 1

// ---- message.c ----

// Emits the session as it is now; derives Session Ended the first time.
void mr_session_publish(struct mr_ctx *, const struct session_conf *, struct session *);
struct mr_value mr_session_side_value(struct mr_arena *, const struct session_side *);
struct mr_value mr_session_campaign_value(struct mr_arena *, const struct session *);

#endif
