// The simulator: production workers over a simulated Kafka, Redis and clock, on one thread, with
// everything that could differ between two runs drawn from one seed.
//
// Each simulated process has coroutines: its coordinator (process.c's main thread) and its workers.
// Whatever waits is a coroutine that the scheduler resumes at a simulated time. Every call into
// Kafka or the store passes sim_point(): there a planned fault may strike.
#ifndef MR_TESTS_SIM_H
#define MR_TESTS_SIM_H

#include "config/config.h"
#include "core/journal.h"
#include "core/task.h"
#include "kafka/conf.h"
#include "run/clock.h"

#define PARTITIONS 3
#define PROCS 3                  // the third joins only in some seeds
#define WORKERS_MAX 2
#define TOPICS_MAX 16
#define OUR_TOPICS 4             // inputs, journal, configurations; then what was published
#define MS 1000                  // simulated µs
#define SECOND 1000000
#define WALL_START INT64_C(1772359200000)
#define TXN_TIMEOUT_US (10 * SECOND)

// ---- what is counted: faults that struck, and ways of recovery that were gone ----

#define COUNTS(X) \
	X(SEEDS, "seeds") X(INPUTS, "inputs") X(ACTIONS, "messages compared") X(JOURNAL, "journal records") \
	X(PAGES, "pages compared") X(FAULTS, "faults in all") \
	X(F_CRASH, "fault: killed") X(F_CRASH_TXN, "fault: killed inside an open transaction") \
	X(F_CRASH_DIRTY, "fault: killed with pages not yet flushed") X(F_CRASH_CLAIM, "fault: killed while it took over") \
	X(F_CRASH_TOMBSTONE, "fault: killed with a tombstone ahead of meta.seq") \
	X(F_ZOMBIE, "fault: paused beyond the session time-out") X(F_PAUSE, "fault: paused shortly") \
	X(F_STOP, "fault: stopped cleanly") X(F_JOIN, "fault: another process joins") \
	X(F_CUT, "fault: cut off from Kafka") X(F_CUT_GROUP, "fault: cut off from the group alone, while commits are slow") X(F_CUT_STORE, "fault: cut off from Redis") \
	X(F_FAILOVER, "fault: Redis failed over and lost a tail") X(F_EMPTY, "fault: Redis restarted empty") \
	X(F_REPLY_APPLIED, "fault: reply of an applied chunk lost") X(F_REPLY_DROPPED, "fault: a chunk lost with its reply") \
	X(F_SLOW_STORE, "fault: Redis slow") X(F_UNKNOWN_DONE, "fault: commit done, its answer lost") \
	X(F_UNKNOWN_LOST, "fault: commit lost with its answer") X(F_REFUSED, "fault: a message was refused") \
	X(F_DENIED, "fault: no permission for a topic") X(F_SLOW_ACKS, "fault: one producer's messages slow") \
	X(F_SLOW_MARKERS, "fault: markers slow") X(F_FENCED, "fault: a transactional id initialised by another") \
	X(F_CLOCK, "fault: wall clock set") X(F_SLOW_FETCH, "fault: input fetched slowly") \
	X(F_RETENTION, "fault: heads of journal and inputs expired") \
	X(F_CONFIG, "fault: started under another configuration") \
	X(P_CLAIM, "path: tasks taken over") X(P_REPLAYED, "path: inputs replayed") \
	X(P_AGAIN, "path: taken over anew, the store went back") X(P_LOST, "path: let go") \
	X(P_SENT_AGAIN, "path: transaction aborted and sent again") X(P_STALE, "path: refused, the generation was old") \
	X(P_LOST_PRODUCER, "path: producer lost") X(P_OUTCOME_UNKNOWN, "path: commit's outcome unknown") \
	X(P_ENDED, "path: predecessor's transactions ended") X(P_TIMEOUT, "path: broker timed a transaction out") \
	X(P_WAITED_OFFSETS, "path: waited for a predecessor's offsets") \
	X(P_DENIED, "path: waited for a permission") X(P_RESOLVED_APPLIED, "path: unknown chunk was applied") \
	X(P_RESOLVED_LOST, "path: unknown chunk was not applied") X(P_FENCED_WRITE, "path: a zombie's write refused") \
	X(P_BEHIND, "path: store found older than it was") X(P_CLAIM_FAILED, "path: claim not committed") \
	X(P_ABORTED, "path: aborted messages in a topic") X(P_REBALANCE, "path: rebalances") \
	X(P_EXPIRED, "path: members expired") X(P_TICK, "path: ticks") X(P_CROWD, "path: ticks that stopped early") \
	X(P_TOMBSTONE, "path: tombstones written") X(P_RELOADED, "path: pages read") X(P_CLAMPED, "path: times clamped") \
	X(P_DUPLICATE, "path: repeated messages dropped") X(P_CONFIG, "path: configuration changed along a journal") \
	X(P_CONFIG_OLD, "path: replayed under the configuration that was in force")

enum count {
#define X(name, text) name,
	COUNTS(X)
#undef X
	COUNT_END
};
extern const char *const sim_count_names[COUNT_END];

// ---- scheduler ----

struct proc;
struct coro;

struct sim {
	uint64_t seed, random, events;
	int64_t now_us;
	bool trace, quiet;           // quiet: the checkers' own tasks run; no mutation is on
	struct mr_config *config, *other;   // other: some processes are started under it; NULL: none
	uint64_t *counts;
	struct proc *procs[64];      // of all incarnations
	size_t n_procs;
	struct coro *current;
	int64_t faults_end_us;       // nothing strikes after this
	bool over;
	char failure[512];           // what a checker found; empty: nothing
	int users;                   // u0 and so on
	int64_t session_us;          // until a silent member of the group is given up
	int wire;                    // scripted: requests on the wire when a process is struck
	bool scripted;               // a case (cases.c), not a seed: nothing strikes or starts by itself
	void (*at_point)(struct proc *, int point);  // of a case
	int64_t journal_idle_ms;     // scripted: the workers'
	char error[1024];            // the last one that a worker logged
};
extern struct sim sim;

uint64_t sim_random(void);
int64_t sim_between(int64_t from, int64_t to);     // inclusive
bool sim_chance(int percent);
void sim_at(int64_t at_us, void (*fn)(void *, uint64_t), void *arg, uint64_t n);
void sim_run(int64_t until_us);
struct coro *sim_spawn(struct proc *, void (*fn)(void *), void *arg);
void sim_sleep(int64_t us);                        // of the current coroutine
void sim_wait(int64_t us);                         // the same, but sim_wake ends it
void sim_wake(struct coro *);
void sim_count(enum count, uint64_t n);
void sim_trace(const char *fmt, ...) MR_PRINTF(1, 2);
struct mr_str sim_copy(struct mr_str);             // for as long as the run
void sim_fail(const char *fmt, ...) MR_PRINTF(1, 2);   // the first one is kept

// ---- processes ----

struct proc {
	int slot, incarnation;       // where it runs; the how manieth there
	bool dead, stop, is_static;
	int64_t paused_until_us, cut_until_us, store_cut_until_us, store_slow_until_us;
	int64_t slow_sink_until_us, slow_fetch_until_us, group_cut_until_us;
	int64_t journal_held_until_us;   // its records are on the way until then
	int slow_sink;               // which of its producers; 2: both
	int64_t skew_ms;
	char name[32], instance[32];
	struct mr_clock clock;
	struct mr_kafka_conf kafka;
	const struct mr_config *config;
	struct mr_source *source;
	struct mr_worker *workers[WORKERS_MAX];
	struct coro *coros[WORKERS_MAX];
	int n_workers;
	bool workers_stop, taking_over;
	int workers_left;
};

void proc_start(int slot);
void proc_kill(struct proc *);             // never resumed; started again later
void proc_pause(struct proc *, int64_t us);
struct proc *proc_of_slot(int slot);       // the present incarnation, or NULL
bool proc_runs(const struct proc *);       // neither dead nor paused
bool proc_online(const struct proc *);     // and Kafka is in reach
struct proc *proc_current(void);
void proc_wake_fd(int fd);                 // of a worker's eventfd
bool proc_settled(void);                   // nothing open anywhere

// ---- faults ----

enum point {
	AT_INIT, AT_BEGIN, AT_PRODUCE, AT_ABORT, AT_COMMIT, AT_COMMIT_DONE, AT_READ_ENDS, AT_READ_RANGE, AT_RECORD,
	AT_OFFSETS, AT_START, AT_DRAIN, AT_POLL, AT_TAKE, AT_READ, AT_DUE, AT_WRITE, AT_POSITION, AT_WAIT, POINTS
};
void sim_point(enum point);                // may not return
void fault_plan(int n);
bool fault_all_struck(void);
bool fault_takes(enum count fault);        // a fault of this kind is armed for the caller: takes it
int64_t fault_marker_us(void);
extern const char *const sim_point_names[POINTS];

// ---- the log (broker.c) ----

struct record {
	int64_t offset;
	struct txn *txn;             // NULL: not transactional
	bool marker;
	int64_t timestamp_ms, came_us;
	struct mr_str key, value, id;  // id: ce_id
};

struct part {
	const char *topic;
	int32_t number;
	struct record **records;
	int64_t low, n, cap;         // low: what is before is no longer kept
	struct { struct txn *txn; int64_t first; } open[32];
	int n_open;
};

struct topic {
	char name[64];
	struct part parts[PARTITIONS];
	bool denied;
};

enum txn_state { TXN_OPEN, TXN_COMMITTED, TXN_ABORTED };

struct txn {
	struct txn_id *id;
	enum txn_state state;
	struct part *parts[TOPICS_MAX * PARTITIONS];
	int n_parts;
	bool has_offsets, offsets_pending[PARTITIONS];
	int64_t offsets[TOPICS_MAX][PARTITIONS];
	uint64_t offsets_number;         // in the order in which the group's coordinator took them
	int markers_left;
	int64_t began_us;
};

struct txn_id {
	char name[128];
	int32_t epoch;
	struct txn *txn;             // open, or its markers are being written
};

struct topic *broker_topic(const char *name);      // made where there is none
int broker_topics(void);
struct topic *broker_topic_at(int i);
struct record *broker_append(struct part *, struct txn *, struct mr_str key, struct mr_str value, struct mr_str id,
    int64_t timestamp_ms);
void broker_abort_marker(struct part *, struct txn *);
int64_t broker_stable(const struct part *);        // last stable offset
bool broker_visible(const struct part *, int64_t offset);   // to read_committed
struct txn_id *broker_id(const char *name);
struct txn *broker_txn(struct txn_id *);           // the open one; NULL: markers of the last are being written
void broker_end(struct txn *, bool commit);
void broker_tick(void);
void broker_take_offsets(struct txn *, const struct mr_kafka_position *, size_t n);
bool broker_offsets_pending(int32_t partition);
int64_t broker_committed(int topic, int32_t partition);     // of the group; -1: none
void broker_cut(struct part *, int64_t us);         // what came after is gone; nothing is open there
void broker_go_back(int64_t us);                    // the same for everything: an older copy
uint64_t broker_journal_seq(int32_t partition);    // the highest committed
void broker_expire(struct part *, int64_t us);      // drops what came before
void broker_retain(int32_t partition, uint64_t seq);        // drops what only inputs up to `seq` need

// ---- the group (group.c) ----

int group_join(struct proc *, int old);            // member's number
void group_leave(int member);
bool group_has(int member);
bool group_rebalancing(void);
void group_rejoin(int member);
int32_t group_generation_of(int member);           // it takes part in; -1: not yet
size_t group_assigned(int member, int32_t *numbers);
bool group_accepts(const struct mr_group *);       // offsets of a transaction
void group_tick(void);
void group_token(int member, struct mr_group *);

// ---- Redis (redis.c), and what the checkers keep ----

struct write_seen {
	int32_t partition;
	uint64_t stamp, meta_seq;
	int64_t due_ms;
	struct mr_str user, page;    // page empty: a tombstone
};

struct mr_store *redis_open(struct proc *);
void redis_failover(bool empty);
void redis_lose(size_t back);                      // the last so many calls that changed something
const struct write_seen *redis_writes(size_t *n);
void redis_forget(void);                           // the writes seen so far: their inputs never were
bool redis_page(int32_t partition, struct mr_str user, struct mr_str *page);
uint64_t redis_meta_seq(int32_t partition);
uint64_t redis_oldest_seq(int32_t partition);      // of all that it may go back to

// ---- inputs and checkers ----

extern const char sim_yaml[], sim_yaml_other[];
int inputs_plan(void);                             // schedules them; how many
int64_t inputs_end_us(void);
void check_all(void);
bool check_drained(void);

#endif
