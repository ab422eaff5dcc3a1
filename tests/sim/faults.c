// What strikes, when, and at which call: drawn once for each seed, each at the first fitting call of
// any process after its time.
#include "sim.h"

#include <stdio.h>

#define FAULTS_MAX 32

struct fault {
	enum count kind;
	int64_t at_us;
	int point, slot;         // -1: any
	bool struck;
};

const char *const sim_point_names[POINTS] = {"init", "begin", "produce", "abort", "commit", "commit done", "read ends",
	"read range", "record", "offsets", "start", "drain", "poll", "take", "read", "due", "write", "position", "wait"};

static struct fault faults[FAULTS_MAX];
static int n_faults;
static int64_t slow_markers_until_us;
static bool retained;

// Those that wait for the one call that they spoil.
static bool
is_spoiled_call(enum count kind)
{
	return kind == F_CRASH_TOMBSTONE || kind == F_REPLY_APPLIED || kind == F_REPLY_DROPPED || kind == F_UNKNOWN_DONE || kind == F_UNKNOWN_LOST ||
	    kind == F_REFUSED;
}

void
fault_plan(int n)
{
	static const enum count kinds[] = {F_CRASH, F_CRASH, F_CRASH, F_CRASH, F_CRASH_TOMBSTONE, F_CRASH_TOMBSTONE, F_ZOMBIE, F_ZOMBIE, F_ZOMBIE, F_PAUSE, F_STOP,
		F_JOIN, F_CUT, F_CUT_GROUP, F_CUT_GROUP, F_CUT_STORE, F_FAILOVER, F_FAILOVER, F_EMPTY, F_REPLY_APPLIED, F_REPLY_DROPPED, F_SLOW_STORE,
		F_UNKNOWN_DONE, F_UNKNOWN_LOST, F_REFUSED, F_DENIED, F_SLOW_ACKS, F_SLOW_MARKERS, F_FENCED, F_CLOCK, F_SLOW_FETCH,
		F_RETENTION, F_RETENTION};

	MR_ASSERT(n <= FAULTS_MAX);
	for (n_faults = 0; n_faults < n; n_faults++)
		faults[n_faults] = (struct fault){
			.kind = kinds[sim_random() % (sizeof(kinds) / sizeof(kinds[0]))],
			.at_us = sim_between(1 * SECOND, 58 * SECOND),
			.point = sim_chance(60) ? (int)sim_between(0, POINTS - 2) : -1,
			.slot = sim_chance(30) ? (int)sim_between(0, 1) : -1,
		};
}

static void
struck(struct fault *f, const char *where)
{
	f->struck = true;
	sim_count(f->kind, 1);
	sim_count(FAULTS, 1);
	sim_trace("FAULT %s (at %s)", sim_count_names[f->kind], where);
	if (sim.now_us > sim.faults_end_us)
		sim.faults_end_us = sim.now_us;
}

bool
fault_takes(enum count kind)
{
	for (int i = 0; i < n_faults; i++)
		if (!faults[i].struck && faults[i].kind == kind && faults[i].at_us <= sim.now_us) {
			struck(&faults[i], "this call");
			return true;
		}
	return false;
}

int64_t
fault_marker_us(void)
{
	return slow_markers_until_us > sim.now_us ? sim_between(50 * MS, 800 * MS) : sim_between(300, sim_chance(5) ? 60 * MS : 5 * MS);
}

static void
allow(void *arg, uint64_t n)
{
	struct topic *t = arg;

	(void)n;
	t->denied = false;
}

static void
stop_third(void *arg, uint64_t n)
{
	struct proc *p = arg;

	(void)n;
	p->stop = true;
}

static void
join(void)
{
	if (proc_of_slot(2) && !proc_of_slot(2)->dead)
		return;
	proc_start(2);
	sim_at(sim.now_us + sim_between(4 * SECOND, 25 * SECOND), stop_third, proc_of_slot(2), 0);
}

static void
deny(void)
{
	static const char *const names[] = {"actions.push", "shop.sessions", "shop.decisions", "shop.journal"};
	struct topic *t = broker_topic(names[sim_random() % 4]);

	t->denied = true;
	sim_at(sim.now_us + sim_between(300 * MS, 6 * SECOND), allow, t, 0);
}

static void
fence(const struct proc *p)
{
	char name[160];

	// Somebody else takes the id for a moment: a successor, or an instance with the same name.
	snprintf(name, sizeof(name), "shop-%s-%d-%c", p->is_static ? p->instance : p->name, (int)(sim_random() % (uint64_t)p->n_workers),
	    sim_chance(50) ? 'a' : 'b');
	struct txn_id *id = broker_id(name);
	id->epoch++;
	if (id->txn && id->txn->state == TXN_OPEN)
		broker_end(id->txn, false);
}

// Retention must outlast what Redis may lose: from now on that is a tail, but not all of it.
static void
retain(void)
{
	retained = true;
	for (int32_t i = 0; i < PARTITIONS; i++)
		broker_retain(i, redis_oldest_seq(i));
}

static void
strike(struct proc *p, enum count kind, enum point point)
{
	switch (kind) {
	case F_CRASH:
		sim_count(F_CRASH_CLAIM, point == AT_READ_ENDS || point == AT_READ_RANGE || point == AT_RECORD || point == AT_TAKE ||
		    point == AT_START || point == AT_OFFSETS);
		proc_kill(p);
		break;
	case F_ZOMBIE: proc_pause(p, sim_between(sim.session_us + SECOND, 22 * SECOND)); break;
	case F_PAUSE: proc_pause(p, sim_between(100 * MS, 8 * SECOND)); break;
	case F_STOP: p->stop = true; break;
	case F_JOIN: join(); break;
	case F_CUT: p->cut_until_us = sim.now_us + sim_between(100 * MS, 16 * SECOND); break;
	case F_CUT_GROUP:
		p->group_cut_until_us = sim.now_us + sim_between(9 * SECOND, 18 * SECOND);
		p->slow_sink = 2;
		p->slow_sink_until_us = p->group_cut_until_us;
		break;
	case F_CUT_STORE: p->store_cut_until_us = sim.now_us + sim_between(50 * MS, 7 * SECOND); break;
	case F_SLOW_STORE: p->store_slow_until_us = sim.now_us + sim_between(SECOND, 8 * SECOND); break;
	case F_FAILOVER: redis_failover(false); break;
	case F_EMPTY: redis_failover(!retained); break;
	case F_RETENTION: retain(); break;
	case F_DENIED: deny(); break;
	case F_SLOW_ACKS:
		p->slow_sink = (int)(sim_random() % 2);
		p->slow_sink_until_us = sim.now_us + sim_between(SECOND, 8 * SECOND);
		break;
	case F_SLOW_MARKERS: slow_markers_until_us = sim.now_us + sim_between(SECOND, 8 * SECOND); break;
	case F_FENCED: fence(p); break;
	case F_CLOCK: p->skew_ms += sim_between(-20000, 20000); break;
	case F_SLOW_FETCH: p->slow_fetch_until_us = sim.now_us + sim_between(SECOND, 8 * SECOND); break;
	default: MR_ASSERT(!"a fault that nobody knows");
	}
}

void
sim_point(enum point point)
{
	struct proc *p = proc_current();

	if (sim.trace && point != AT_POLL && point != AT_WAIT)
		sim_trace("  %s", sim_point_names[point]);
	if (sim.at_point)
		sim.at_point(p, (int)point);
	for (int i = 0; i < n_faults; i++) {
		struct fault *f = &faults[i];
		if (f->struck || f->at_us > sim.now_us)
			continue;
		bool overdue = sim.now_us - f->at_us > 8 * SECOND;
		if (!overdue && (is_spoiled_call(f->kind) || (f->point >= 0 && f->point != (int)point) ||
		    (f->slot >= 0 && f->slot != p->slot)))
			continue;
		if (is_spoiled_call(f->kind))
			f->kind = F_CRASH;   // its call didn't come
		struck(f, sim_point_names[point]);
		strike(p, f->kind, point);
		if (!proc_runs(p))
			sim_sleep(1);        // of the dead, for ever
		return;
	}
}

bool
fault_all_struck(void)
{
	for (int i = 0; i < n_faults; i++)
		if (!faults[i].struck)
			return false;
	return true;
}
