// Scripted runs: one interleaving each, made to happen step by step, instead of faults that are drawn.
// A script is a coroutine beside the processes: it sends inputs, waits until a process has come to
// some call, holds it there, does harm, and lets it go on. The checkers look at the outcome as ever.
#ifndef MR_TESTS_SIM_CASES_H
#define MR_TESTS_SIM_CASES_H

#include "sim.h"

#include "core/mutation.h"
#include "run/worker_impl.h"

struct sim_case {
	const char *name;
	void (*script)(void);
	enum mr_mutation mutation;   // a run with it must be found wrong
	void (*after)(void);         // what must hold at the end; may be NULL
	const char *yaml;            // NULL: that of the seeds
	bool stays;                  // nothing is taken up any more: not drained, `after` alone judges
};

extern const struct sim_case sim_cases[];

// cases_store.c
extern const char case_yaml_runs[];
void case_failover_between_chunks(void);
void case_failover_then_reload(void);
void case_reloaded(void);
void case_sums_across_kill(void);
void case_summed(void);
void case_emptied_and_returned(void);
// cases_owner.c
void case_zombie_before_tick_commit(void);
void case_was_stale(void);
void case_successor_crashes(void);
void case_ended(void);
void case_open_actions(void);
void case_offsets_before_journal(void);
void case_slow_producer(void);
void case_crowd(void);
void case_crowd_fired(void);
void case_full(void);
void case_on_the_way(void);
void case_all_sent(void);
// cases_topics.c
void case_kafka_older(void);
extern const char case_yaml_sum[];
void case_topic_anew(void);
void case_idle_journal(void);
void case_idle_journal_was_kept(void);
void case_journal_expired(void);
void case_headless(void);

enum case_result { CASE_HOLDS, CASE_FOUND, CASE_NOT_MET };
enum case_result case_run(const struct sim_case *, void (*drain)(void));

// ---- for scripts ----

// The situation has come about, or comes within a minute; if not, the case tests nothing.
#define MEET(condition) \
	do { \
		if (!(condition)) \
			case_not_met(#condition); \
	} while (0)
#define UNTIL(condition) \
	for (int64_t until_us_ = sim.now_us + 60 * SECOND; !(condition); sim_sleep(100)) \
		MEET(sim.now_us < until_us_ && #condition)
// It must be so, whatever was done to us.
#define EXPECT(condition) \
	do { \
		if (!(condition)) \
			sim_fail("not so: %s", #condition); \
	} while (0)

void case_not_met(const char *what);       // does not come back
struct proc *case_start(int slot);         // and waits until every task is its own
bool case_running(const struct proc *);    // every task is its own
// Waits until the slot's process comes to such a call where `fits` (NULL: any), and holds it there.
void case_reach(int slot, enum point, bool (*fits)(const struct proc *));
void case_go(void);                        // the one that is held goes on
struct mr_lane *case_lane(const struct proc *, int32_t number);   // NULL: not its own
const char *case_user(int i);              // of partition 0
void case_send(const char *user, const char *event, int price);
// Committed records of partition 0 that hold the text.
size_t case_count(const char *topic, const char *text);
void case_settled(const struct proc *);    // waits until all that was sent is applied, committed and in the store

#endif
