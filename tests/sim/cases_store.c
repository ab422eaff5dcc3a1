// Cases about pages: what the store has, lost or never got.
#include "cases.h"

static uint64_t last_w;          // the chunk before the one that a case waits for

static bool
next_chunk(const struct proc *p)
{
	return case_lane(p, 0) && case_lane(p, 0)->w == last_w;
}

// A flush of 24 users is eight chunks. Five of them are acknowledged and the sixth is about to leave;
// the store fails over to a replica that has only three.
// The sixth is not its next one: it must not be taken, and the task starts anew from what is there.
void
case_failover_between_chunks(void)
{
	const struct mr_held *held[24];

	sim.config->flush_interval_ms = 1000;
	struct proc *p = case_start(0);
	struct mr_lane *l = case_lane(p, 0);
	for (int i = 0; i < 24; i++)
		case_send(case_user(i), "Product Added", i);
	last_w = 5;
	case_reach(0, AT_WRITE, next_chunk);
	MEET(mr_task_chunk(l->task, l->committed_seq, held, 24) == 9);
	redis_lose(2);
	case_go();
	UNTIL(l->w >= 8);
	EXPECT(sim.counts[P_AGAIN] == 1);
}

static bool
has_page(const char *user)
{
	struct mr_str page;

	return redis_page(0, mr_str_of(user), &page);
}

// A user's page is written, and he is evicted. The store fails over and has his page no more.
// His next event reads it, before anything is written: absent there is not "empty", and his spend
// must still be what it was.
void
case_failover_then_reload(void)
{
	struct proc *p = case_start(0);
	struct mr_lane *l = case_lane(p, 0);
	const char *user = case_user(0);

	sim.config->plan.user_bytes_max = 22000;
	case_send(user, "Product Added", 10);
	case_settled(p);
	for (int i = 1; i < 30; i++)
		case_send(case_user(i), "Product Viewed", 0);
	case_settled(p);
	UNTIL(mr_pages_flushed(l) && !mr_task_has_user(l->task, mr_str_of(user)));
	sim_sleep(100 * MS);   // and whatever the store is asked for the sake of it
	while (has_page(user))
		redis_lose(1);
	case_send(user, "Order Completed", 0);
	case_reach(0, AT_READ, NULL);
	MEET(mr_pages_flushed(l) && !mr_task_has_user(l->task, mr_str_of(user)));
	case_go();
}

void
case_reloaded(void)
{
	EXPECT(sim.counts[P_AGAIN] > 0);
	EXPECT(case_count("actions.mail", "\"spend\":10") == 1);
}

// The second chunk of a flush never comes through; what is applied from here on is in no page.
static void
stop_after_first_chunk(struct proc *p)
{
	last_w = case_lane(p, 0)->w + 1;
	case_reach(p->slot, AT_WRITE, next_chunk);
	p->store_cut_until_us = INT64_MAX;
	case_go();
}

static void
kill_and_restart(struct proc *p, const struct mr_lane *l)
{
	UNTIL(l->positions[0] == broker_topic("events")->parts[0].n && l->committed_seq == mr_task_seq(l->task));
	MEET(l->meta_seq + 1 < l->committed_seq);
	proc_kill(p);
	case_start(p->slot);
}

// 10 and 20 of a sum are in the user's page, whose stamp is ahead of meta.seq; 40 is only in the
// journal. The process is killed.
// The replay passes 20 and must not add it again, passes 40 and must add it: 70.
void
case_sums_across_kill(void)
{
	struct proc *p = case_start(0);
	struct mr_lane *l = case_lane(p, 0);
	const char *user = case_user(0);

	case_send(user, "Product Added", 10);
	for (int i = 1; i < 6; i++)
		case_send(case_user(i), "Product Viewed", 0);
	case_send(user, "Product Added", 20);
	stop_after_first_chunk(p);
	MEET(has_page(user));
	case_send(user, "Product Added", 40);
	kill_and_restart(p, l);
	case_send(user, "Order Completed", 0);
}

void
case_summed(void)
{
	EXPECT(case_count("actions.mail", "\"spend\":70") == 1);
}

// Nothing but runs of a rule, so that a user is soon empty again.
const char case_yaml_runs[] =
    "app: shop\n"
    "input: {events: {topic: events}, outcomes: {topic: outcomes}}\n"
    "redis: 'memory:'\n"
    "time: {grace: 1s, ahead: 2s, old: 8s}\n"
    "rules:\n"
    "  thanks:\n"
    "    on: Order Completed\n"
    "    then:\n"
    "      - wait: 5s\n"
    "      - send: {channel: mail, template: thanks}\n";

// An order starts a run, a second one meets it and starts none; the run ends, the user is empty, his
// tombstone is written. Another user's older change is not, and holds meta.seq back. He returns; kill.
// The replay meets the second order: were he absent as of meta.seq, it would start a run.
void
case_emptied_and_returned(void)
{
	const char *user = case_user(0);

	sim.config->flush_interval_ms = 3300;
	struct proc *p = case_start(0);
	struct mr_lane *l = case_lane(p, 0);
	int64_t flush_ms = l->flush_at_ms;
	UNTIL(l->flush_at_ms != flush_ms);   // the next but one takes what is sent now
	for (int i = 0; i < 3; i++)
		case_send(case_user(i), "Order Completed", 0);
	sim_sleep(SECOND);
	case_send(case_user(3), "Order Completed", 0);
	sim_sleep(SECOND);
	case_send(user, "Order Completed", 0);
	stop_after_first_chunk(p);
	MEET(sim.counts[P_TOMBSTONE] == 3);
	case_send(user, "Order Completed", 0);
	kill_and_restart(p, l);
}
