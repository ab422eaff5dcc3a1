// Cases about owners: dead ones, late ones, and their transactions.
#include "cases.h"

static bool
has_open(const char *topic)
{
	const struct part *p = &broker_topic(topic)->parts[0];

	return broker_stable(p) < p->n;
}

// A transaction of ticks that decide nothing.
static bool
only_ticks(const struct proc *p)
{
	const struct mr_worker *w = p->workers[0];
	const struct mr_share *first = w->txns[w->open].first;

	for (const struct mr_share *s = first; s; s = s->next) {
		if (s->n_effects > 0)
			return false;
		for (uint32_t i = 0; i < s->n_inputs; i++)
			if (s->inputs[i].kind != MR_JOURNAL_TICK)
				return false;
	}
	return first != NULL && first->n_inputs > 0;
}

// A timer fires by a tick, and decides nothing to send: the transaction is all journal. Its owner is
// paused right before the commit; a successor finds nothing open, takes over, and ticks for itself.
// The zombie wakes: its commit must be refused, which only the offsets in it can bring about.
void
case_zombie_before_tick_commit(void)
{
	struct proc *zombie = case_start(0);

	case_send(case_user(0), "Product Added", 1);
	case_reach(0, AT_COMMIT, only_ticks);
	uint64_t seq = broker_journal_seq(0);
	proc_pause(zombie, 6 * SECOND);
	zombie->group_cut_until_us = zombie->paused_until_us + SECOND;   // it does not hear of it before
	case_go();
	case_start(1);
	UNTIL(broker_journal_seq(0) > seq);
	MEET(zombie->paused_until_us > sim.now_us);
}

void
case_was_stale(void)
{
	EXPECT(sim.counts[P_STALE] == 1);
}

// The owner is killed. Its successor claims the task, and is killed itself when the journal record of
// its first transaction is written, but not committed.
// The third one ends that transaction, and goes on from the claim: what was aborted never was.
void
case_successor_crashes(void)
{
	struct proc *owner = case_start(0);

	case_send(case_user(0), "Order Completed", 0);
	case_settled(owner);
	proc_kill(owner);
	struct proc *successor = case_start(1);
	case_send(case_user(0), "Product Added", 5);
	case_reach(1, AT_COMMIT, NULL);
	case_go();
	UNTIL(has_open("shop.journal"));
	MEET(case_lane(successor, 0)->committed_seq + 1 == mr_task_seq(case_lane(successor, 0)->task));
	proc_kill(successor);
	proc_start(0);
}

void
case_ended(void)
{
	EXPECT(sim.counts[P_ENDED] > 0);
}

// The owner is killed when its open transaction holds actions, and no journal record or offsets yet: in
// the journal, nothing is open. Another instance takes the task over and decides the same again.
// A subscriber must not wait for the dead one's transaction until the broker gives it up.
void
case_open_actions(void)
{
	struct proc *owner = case_start(0);
	const struct part *mail = &broker_topic("actions.mail")->parts[0];

	case_send(case_user(0), "Order Completed", 0);
	UNTIL(has_open("actions.mail"));
	MEET(!has_open("shop.journal") && !broker_offsets_pending(0));
	proc_kill(owner);
	proc_start(1);
	UNTIL(case_lane(proc_of_slot(1), 0) && case_lane(proc_of_slot(1), 0)->state == MR_LANE_RUNNING);
	sim_sleep(SECOND);
	EXPECT(broker_stable(mail) > 0 && case_count("actions.mail", "thanks") == 1);
}

// A group has taken a transaction's offsets, the journal record is still on its way; the owner is
// paused and given up. In the journal nothing is open: a successor must see the pending offsets.
// Else it claims the task, and then the record arrives and the zombie, checked before, commits.
void
case_offsets_before_journal(void)
{
	struct proc *zombie = case_start(0);

	zombie->group_cut_until_us = INT64_MAX;
	sim_sleep(2700 * MS);
	case_send(case_user(0), "Product Viewed", 0);
	case_reach(0, AT_COMMIT, NULL);
	zombie->journal_held_until_us = sim.now_us + 4200 * MS;
	case_go();
	UNTIL(broker_offsets_pending(0));
	MEET(!has_open("shop.journal"));
	proc_pause(zombie, 4 * SECOND);
	case_start(1);
	MEET(zombie->paused_until_us > sim.now_us);
}

// A's messages are acknowledged; its commit takes its time, since its connection has become slow. B,
// on a fast one, is due meanwhile and must wait for A; then the process is killed.
// Had B been committed, the journal would have a hole where A's inputs belong.
void
case_slow_producer(void)
{
	struct proc *p = case_start(0);
	const struct mr_txn *a = &p->workers[0]->txns[0], *b = &p->workers[0]->txns[1];

	UNTIL(p->workers[0]->open == 0);
	case_send(case_user(0), "Order Completed", 1);
	UNTIL(a->state == MR_TXN_COMMITTING && atomic_load(&a->first->pending) == 0);
	p->slow_sink = 0;
	p->slow_sink_until_us = INT64_MAX;
	case_send(case_user(1), "Order Completed", 2);
	UNTIL(b->first != NULL);
	sim_sleep(80 * MS);
	MEET(a->state == MR_TXN_COMMITTING && broker_offsets_pending(0));
	proc_kill(p);
	case_start(0);
}

// The timers of 40 users are due at one instant, and fire in ticks of a user each. Some ticks are
// committed, in no page yet, when the process is killed.
// The successor replays those ticks with their bounds, and fires the rest: each user once.
void
case_crowd(void)
{
	struct proc *p = case_start(0);

	sim.config->flush_interval_ms = 60000;
	sim.config->unacknowledged_max = 1;   // so that one transaction does not hold all ticks
	for (int i = 0; i < 40; i++)
		case_send(case_user(i), "Product Added", i);
	UNTIL(case_count("actions.push", "reminder") > 5);
	MEET(case_count("actions.push", "reminder") < 35 && redis_meta_seq(0) < 40);
	proc_kill(p);
	sim.config->flush_interval_ms = 400;
	sim.config->unacknowledged_max = 100;
	proc_start(1);
}

void
case_crowd_fired(void)
{
	EXPECT(case_count("actions.push", "reminder") == 40);
}

// Memory holds a few users, and events of many come. Each time that it is full, what changed is committed
// and written, and then there is room.
// The lane goes on at once; it does not wait for something else to wake it.
void
case_full(void)
{
	const struct part *events = &broker_topic("events")->parts[0];

	sim.config->plan.user_bytes_max = 22000;
	sim.config->flush_interval_ms = 60000;
	const struct mr_lane *l = case_lane(case_start(0), 0);
	int64_t began_us = sim.now_us;

	for (int i = 0; i < 400; i++)
		case_send(case_user(i % 40), "Product Added", 1);
	UNTIL(l->positions[0] == events->n);
	EXPECT(sim.now_us - began_us < 5 * SECOND);
}

// A transaction has many messages on their way when more inputs come.
// What they lead to waits, and is in the same transaction all the same.
void
case_on_the_way(void)
{
	struct proc *p = case_start(0);
	const struct mr_lane *l = case_lane(p, 0);

	sim.config->commit_interval_ms = 2000;
	p->slow_sink = 2;
	p->slow_sink_until_us = INT64_MAX;
	for (int i = 0; i < 8; i++)
		case_send(case_user(i), "Order Completed", 1);
	UNTIL(l->share && atomic_load(&l->share->pending) >= 8);
	for (int i = 8; i < 12; i++)
		case_send(case_user(i), "Order Completed", 1);
	UNTIL(l->share->n_effects >= 12 && atomic_load(&l->share->pending) >= 5);
	EXPECT(l->share->n_sent < l->share->n_effects);
}

void
case_all_sent(void)
{
	EXPECT(case_count("actions.mail", "thanks") == 12);
}
