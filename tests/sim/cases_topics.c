// Cases about topics that are not what they were.
#include "cases.h"

#include "core/arena.h"

static bool
refused(const struct proc *p, const char *why)
{
	const struct mr_lane *l = case_lane(p, 0);

	return l && l->state != MR_LANE_RUNNING && strstr(sim.error, why);
}

// A user's pages are in Redis as of the second input. All is killed; Kafka comes back from a copy that
// knows of the first one only. The task is not run on pages of inputs that never were, and says so.
// Once Redis is emptied, as the message asks, the task is built anew from what Kafka has.
void
case_kafka_older(void)
{
	size_t before, after;
	struct proc *p = case_start(0);

	case_send(case_user(0), "Product Added", 1);
	case_settled(p);
	int64_t copied_us = sim.now_us;
	sim_sleep(SECOND);
	case_send(case_user(0), "Order Completed", 2);
	case_settled(p);
	proc_kill(p);
	sim_sleep(4 * SECOND);
	broker_go_back(copied_us);
	redis_writes(&before);
	proc_start(1);
	sim_sleep(10 * SECOND);
	redis_writes(&after);
	EXPECT(refused(proc_of_slot(1), "Kafka went back in time") && after == before);
	case_send(case_user(0), "Order Completed", 3);
	redis_failover(true);
	redis_forget();
}

// Inputs are in the journal and in no page yet; all is killed. The topic is deleted and made anew, and
// has as many records again, others. A replay would apply them as if they were the old ones.
// The journal's digest tells: the task is not run, nothing is published, and the log says what happened.
void
case_topic_anew(void)
{
	struct part *events = &broker_topic("events")->parts[0];

	sim.config->flush_interval_ms = 60000;
	struct proc *p = case_start(0);
	const struct mr_lane *l = case_lane(p, 0);
	for (int i = 0; i < 3; i++)
		case_send(case_user(i), "Order Completed", i);
	UNTIL(l->committed_seq == 3);
	proc_kill(p);
	sim_sleep(4 * SECOND);
	MEET(redis_meta_seq(0) < 3);
	broker_cut(events, -1);
	for (int i = 0; i < 3; i++)
		case_send(case_user(i), "Order Completed", 10 + i);
	proc_start(1);
	sim_sleep(10 * SECOND);
	EXPECT(refused(proc_of_slot(1), "created anew") && case_count("actions.mail", "thanks") == 3);
}

// A sum that lasts.
const char case_yaml_sum[] =
    "app: shop\n"
    "input: {events: {topic: events}, outcomes: {topic: outcomes}}\n"
    "redis: 'memory:'\n"
    "time: {grace: 1s, ahead: 2s, old: 8s}\n"
    "profile:\n"
    "  spend: {sum: event.properties.price, of: Product Added}\n"
    "rules:\n"
    "  thanks:\n"
    "    on: Order Completed\n"
    "    then:\n"
    "      - send: {channel: mail, template: thanks, data: {spend: user.spend}}\n";

// Nothing comes for 20 s, and the journal keeps 4 s. Its owner writes the end anew each second; it is
// killed when all that it ever did is long gone from the journal.
// Its successor finds the end: it goes on as if nothing had been, and no profile lacks anything.
void
case_idle_journal(void)
{
	struct part *journal = &broker_topic("shop.journal")->parts[0];

	sim.journal_idle_ms = 1000;
	struct proc *p = case_start(0);
	case_send(case_user(0), "Product Added", 10);
	case_settled(p);
	int64_t done = journal->n;
	for (int i = 0; i < 20; i++) {
		sim_sleep(SECOND);
		broker_expire(journal, sim.now_us - 4 * SECOND);
	}
	MEET(journal->low >= done);
	sim.journal_idle_ms = 0;   // or it never comes to rest
	proc_kill(p);
	case_start(0);
	case_send(case_user(0), "Order Completed", 0);
}

void
case_idle_journal_was_kept(void)
{
	EXPECT(case_count("actions.mail", "\"spend\":10") == 1 && !strstr(sim.error, "expired"));
}

// A task's inputs are applied, committed and in the store; its owner is away for so long that nothing is
// left of the journal. A successor comes.
// It is no new task: what was published stays, once, and the sum goes on from the user's page.
void
case_journal_expired(void)
{
	struct part *journal = &broker_topic("shop.journal")->parts[0];
	const char *user = case_user(0);

	struct proc *p = case_start(0);
	case_send(user, "Product Added", 10);
	case_send(user, "Order Completed", 0);
	case_settled(p);
	proc_kill(p);
	sim_sleep(4 * SECOND);
	broker_expire(journal, sim.now_us);
	MEET(journal->low == journal->n && case_count("actions.mail", "\"spend\":10") == 1);
	proc_start(1);
	sim_sleep(10 * SECOND);
	case_send(user, "Product Added", 20);
	case_send(user, "Order Completed", 0);
	sim_sleep(5 * SECOND);
	EXPECT(case_count("actions.mail", "\"spend\":10") == 1 && case_count("actions.mail", "\"spend\":30") == 1);
	EXPECT(strstr(sim.error, "its journal has expired"));
}

// The committed record that begins at or before this input and ends behind the next; -1: none.
static int64_t
record_around(const struct part *journal, uint64_t seq)
{
	struct mr_arena *arena = mr_arena_new(1 << 20);
	struct mr_journal_record r;
	int64_t found = -1;

	for (int64_t o = journal->low; o < broker_stable(journal) && found < 0; o++) {
		mr_arena_reset(arena);
		if (broker_visible(journal, o) && mr_journal_decode(journal->records[o]->value, arena, &r) &&
		    r.first_seq > 1 && r.first_seq <= seq && r.last_seq > seq)
			found = o;
	}
	mr_arena_free(arena);
	return found;
}

// The store ends inside a journal record, and retention has just eaten the record before: nothing says any
// more where the task's clocks stood.
// It is taken over, since its inputs are all there, and the log says that the clocks begin anew.
void
case_headless(void)
{
	struct part *journal = &broker_topic("shop.journal")->parts[0];
	int64_t around;

	struct proc *p = case_start(0);
	for (int i = 0; (around = record_around(journal, redis_meta_seq(0))) < 0; i++) {
		MEET(i < 5000);
		case_send(case_user(i % 3), "Product Added", 1);
		sim_sleep(7 * MS);
	}
	proc_kill(p);
	sim_sleep(4 * SECOND);
	MEET(record_around(journal, redis_meta_seq(0)) == around);
	journal->low = around;
	case_start(1);
	EXPECT(strstr(sim.error, "clocks begin anew"));
}
