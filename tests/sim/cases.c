#include "cases.h"

#include "event/partition.h"

#include <stdio.h>
#include <stdlib.h>

static struct coro *director;
static bool script_over, not_met;
static struct { bool set, holding; int slot; enum point point; bool (*fits)(const struct proc *); } trap;

const struct sim_case sim_cases[] = {
	{.name = "failover-between-chunks", .script = case_failover_between_chunks,
	    .mutation = MR_MUTATION_ACCEPT_ANY_W},
	{.name = "failover-then-reload", .script = case_failover_then_reload,
	    .mutation = MR_MUTATION_READ_WITHOUT_FENCE, .after = case_reloaded},
	{.name = "zombie-before-tick-commit", .script = case_zombie_before_tick_commit,
	    .mutation = MR_MUTATION_TICK_WITHOUT_OFFSETS, .after = case_was_stale},
	{.name = "successor-crashes", .script = case_successor_crashes,
	    .mutation = MR_MUTATION_JOURNAL_END_AS_WRITTEN, .after = case_ended},
	{.name = "open-actions", .script = case_open_actions,
	    .mutation = MR_MUTATION_LEAVE_EFFECTS_OPEN, .after = case_ended},
	{.name = "offsets-before-journal", .script = case_offsets_before_journal,
	    .mutation = MR_MUTATION_SKIP_OFFSETS_WAIT, .after = case_ended},
	{.name = "sums-across-kill", .script = case_sums_across_kill,
	    .mutation = MR_MUTATION_APPLY_TWICE, .after = case_summed},
	{.name = "emptied-and-returned", .script = case_emptied_and_returned,
	    .mutation = MR_MUTATION_NO_TOMBSTONE, .yaml = case_yaml_runs},
	{.name = "slow-producer", .script = case_slow_producer,
	    .mutation = MR_MUTATION_B_BEFORE_A},
	{.name = "kafka-older", .script = case_kafka_older,
	    .mutation = MR_MUTATION_ACCEPT_NEWER_STORE},
	{.name = "topic-anew", .script = case_topic_anew,
	    .mutation = MR_MUTATION_IGNORE_DIGEST, .stays = true},
	{.name = "idle-journal", .script = case_idle_journal,
	    .mutation = MR_MUTATION_LEAVE_IDLE_JOURNAL, .after = case_idle_journal_was_kept, .yaml = case_yaml_sum},
	{.name = "journal-expired", .script = case_journal_expired,
	    .mutation = MR_MUTATION_EXPIRED_IS_NEW, .yaml = case_yaml_sum, .stays = true},
	{.name = "headless-journal", .script = case_headless,
	    .mutation = MR_MUTATION_HEADLESS_IN_SILENCE, .yaml = case_yaml_sum, .stays = true},
	{.name = "crowd-at-one-instant", .script = case_crowd,
	    .mutation = MR_MUTATION_TICK_WITHOUT_BOUND, .after = case_crowd_fired},
	{.name = "messages-on-the-way", .script = case_on_the_way,
	    .mutation = MR_MUTATION_SEND_AT_ONCE, .after = case_all_sent},
	{.name = "full-memory", .script = case_full,
	    .mutation = MR_MUTATION_SLEEP_WITH_ROOM},
	{.name = NULL},
};

// ---- for scripts ----

void
case_not_met(const char *what)
{
	not_met = true;
	sim_fail("it did not come about: %s", what);
	if (sim.current)
		for (;;)
			sim_sleep(SECOND);
}

// A process is at a call.
static void
at_point(struct proc *p, int point)
{
	if (!trap.set || (int)trap.point != point || trap.slot != p->slot || (trap.fits && !trap.fits(p)))
		return;
	trap.set = false;
	trap.holding = true;
	sim_trace("CASE: held at %s", sim_point_names[point]);
	sim_wake(director);
	while (trap.holding)
		sim_sleep(20);
}

void
case_reach(int slot, enum point point, bool (*fits)(const struct proc *))
{
	int64_t until_us = sim.now_us + 60 * SECOND;

	trap.slot = slot;
	trap.point = point;
	trap.fits = fits;
	trap.holding = false;
	for (trap.set = true; !trap.holding; sim_wait(SECOND))
		MEET(sim.now_us < until_us && sim_point_names[point]);
}

void
case_go(void)
{
	trap.holding = false;
}

struct mr_lane *
case_lane(const struct proc *p, int32_t number)
{
	for (int i = 0; i < p->n_workers && p->workers[i]; i++)
		for (struct mr_lane *l = p->workers[i]->lanes; l; l = l->next)
			if (l->number == number)
				return l;
	return NULL;
}

bool
case_running(const struct proc *p)
{
	for (int32_t i = 0; i < PARTITIONS; i++)
		if (case_lane(p, i) == NULL || case_lane(p, i)->state != MR_LANE_RUNNING)
			return false;
	return true;
}

struct proc *
case_start(int slot)
{
	proc_start(slot);
	UNTIL(case_running(proc_of_slot(slot)));
	return proc_of_slot(slot);
}

const char *
case_user(int i)
{
	static char names[48][16];
	static int n;

	for (int k = 0; k < sim.users && n < 48; k++) {
		snprintf(names[n], sizeof(names[n]), "u%d", k);
		n += mr_partition(mr_str_of(names[n]), PARTITIONS, false) == 0;
	}
	MR_ASSERT(i < n);
	return names[i];
}

void
case_send(const char *user, const char *event, int price)
{
	char time[25], json[256];
	int64_t now_ms = WALL_START + sim.now_us / MS;

	mr_time_format(time, now_ms);
	snprintf(json, sizeof(json), "{\"type\":\"track\",\"event\":\"%s\",\"userId\":\"%s\",\"timestamp\":\"%s\","
	    "\"properties\":{\"cart_id\":\"c0\",\"price\":%d}}", event, user, time, price);
	struct part *p = &broker_topic("events")->parts[mr_partition(mr_str_of(user), PARTITIONS, false)];
	broker_append(p, NULL, mr_str_of(user), mr_str_of(json), (struct mr_str){0}, now_ms);
}

size_t
case_count(const char *topic, const char *text)
{
	const struct part *p = &broker_topic(topic)->parts[0];
	size_t n = 0;

	for (int64_t o = 0; o < p->n; o++) {
		struct mr_str v = p->records[o]->value;
		n += broker_visible(p, o) && memmem(v.p, v.n, text, strlen(text)) != NULL;
	}
	return n;
}

void
case_settled(const struct proc *p)
{
	const struct mr_lane *l = case_lane(p, 0);

	UNTIL(l->positions[0] == broker_topic("events")->parts[0].n && l->committed_seq == mr_task_seq(l->task) &&
	    mr_pages_flushed(l));
}

// ---- the run ----

static void
direct(void *arg)
{
	const struct sim_case *c = arg;

	c->script();
	script_over = true;
}

enum case_result
case_run(const struct sim_case *c, void (*drain)(void))
{
	sim.seed = sim.random = 1;       // dynamic members with one worker each
	sim.scripted = true;
	sim.at_point = at_point;
	sim.session_us = 3 * SECOND;     // shorter than a transaction may stay open
	sim.users = 200;
	sim.config->flush_interval_ms = 400;
	sim.config->plan.user_bytes_max = 1 << 20;
	broker_topic("events");
	broker_topic("outcomes");
	broker_topic("shop.journal");
	director = sim_spawn(NULL, direct, (void *)(uintptr_t)c);
	while (!script_over && sim.failure[0] == '\0')
		sim_run(sim.now_us + SECOND);
	if (!c->stays && sim.failure[0] == '\0')
		drain();
	sim.over = true;
	if (!c->stays && sim.failure[0] == '\0')
		check_all();
	if (c->after && sim.failure[0] == '\0')
		c->after();
	return sim.failure[0] == '\0' ? CASE_HOLDS : not_met ? CASE_NOT_MET : CASE_FOUND;
}
