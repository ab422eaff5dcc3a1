// A simulated process: what process.c does with threads, done with coroutines.
#include "sim.h"

#include "kafka/source.h"
#include "run/config_topic.h"
#include "run/worker_impl.h"

#include <stdio.h>
#include <unistd.h>
#include <stdlib.h>

#define POLL_MS 100
#define RELEASE_MS 15000
#define LOST_RELEASE_MS 50000
#define BATCH_EFFECTS_MAX (3 * MR_BATCH_MAX)

static const char *const topics[] = {"events", "outcomes"};
static struct proc *slots[PROCS];
static int incarnations[PROCS];

struct proc *
proc_of_slot(int slot)
{
	return slots[slot];
}

bool
proc_runs(const struct proc *p)
{
	return !p->dead && p->paused_until_us <= sim.now_us;
}

bool
proc_online(const struct proc *p)
{
	return proc_runs(p) && p->cut_until_us <= sim.now_us;
}

void
proc_wake_fd(int fd)
{
	for (int i = 0; i < PROCS; i++)
		for (int k = 0; slots[i] && k < slots[i]->n_workers; k++)
			if (!slots[i]->dead && slots[i]->workers[k] && slots[i]->workers[k]->wake_fd == fd)
				sim_wake(slots[i]->coros[k]);
}

bool
proc_settled(void)
{
	int lanes = 0;

	for (int i = 0; i < PROCS; i++)
		for (int k = 0; slots[i] && !slots[i]->dead && k < slots[i]->n_workers; k++) {
			const struct mr_worker *w = slots[i]->workers[k];
			if (w == NULL)
				return false;
			for (const struct mr_lane *l = w->lanes; l; l = l->next) {
				if (l->state != MR_LANE_RUNNING || l->has_batch)
					return false;
				lanes++;
			}
			if (!mr_rotation_quiet(w))
				return false;
		}
	return lanes == PARTITIONS;
}

// ---- its clock and its log ----

static int64_t
wall_ms(void *arg)
{
	const struct proc *p = arg;

	return WALL_START + sim.now_us / MS + p->skew_ms;
}

static int64_t
mono_us(void *arg)
{
	(void)arg;
	return sim.now_us;
}

static void
wait_fd(void *arg, int fd, int64_t ms)
{
	(void)arg;
	(void)fd;
	sim_point(AT_WAIT);
	sim_wait(ms * MS);
}

static void
log_line(void *arg, int level, const char *line)
{
	static const struct { const char *text; enum count count; } paths[] = {
		{"is ours: epoch", P_CLAIM}, {"the store went back in time", P_AGAIN}, {"is let go", P_LOST},
		{"sent again", P_SENT_AGAIN}, {"the group has moved on", P_STALE}, {"producer lost: ", P_LOST_PRODUCER},
		{"producer lost: UNKNOWN", P_OUTCOME_UNKNOWN}, {"ended the open transactions", P_ENDED},
		{"no permission to write", P_DENIED}, {"claim: ", P_CLAIM_FAILED},
		{"replayed under the one that was in force", P_CONFIG_OLD},
	};

	(void)arg;
	sim_trace("log %d: %s", level, line);
	if (level == 3)
		snprintf(sim.error, sizeof(sim.error), "%s", line);
	unsigned long long replayed;
	const char *at = strstr(line, "inputs, ");
	if (at && sscanf(at, "inputs, %llu replayed", &replayed) == 1)
		sim_count(P_REPLAYED, replayed);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strstr(line, paths[i].text))
			sim_count(paths[i].count, 1);
}

// ---- the group's callbacks ----

static struct mr_worker *
worker_of(const struct proc *p, int32_t number)
{
	return p->workers[number % p->n_workers];
}

static void
on_assign(void *arg, const struct mr_group *group, uint64_t epoch, const int32_t *numbers, size_t n)
{
	struct proc *p = arg;

	for (size_t i = 0; i < n; i++) {
		mr_worker_own(worker_of(p, numbers[i]), numbers[i], epoch, group);
		sim_wake(p->coros[numbers[i] % p->n_workers]);
	}
}

static void
let_go(struct proc *p, const int32_t *numbers, size_t n, bool clean)
{
	int left = clean ? RELEASE_MS : LOST_RELEASE_MS;

	for (size_t i = 0; i < n; i++) {
		mr_worker_release(worker_of(p, numbers[i]), numbers[i], clean);
		sim_wake(p->coros[numbers[i] % p->n_workers]);
	}
	for (int i = 0; i < p->n_workers; i++)
		for (; !mr_worker_idle(p->workers[i]) && left > 0; left--)
			sim_sleep(1 * MS);
}

static void
on_revoke(void *arg, const int32_t *numbers, size_t n)
{
	let_go(arg, numbers, n, true);
}

static void
on_lost(void *arg, const int32_t *numbers, size_t n)
{
	let_go(arg, numbers, n, false);
}

// ---- its bounds: what one batch may add is let pass ----

static void
check_bounds(const struct mr_worker *w)
{
	for (const struct mr_lane *l = w->lanes; l; l = l->next) {
		size_t waiting = l->share ? l->share->n_effects - l->share->n_sent + atomic_load(&l->share->pending) : 0;
		if (waiting > (size_t)w->conf.config->unacknowledged_max + BATCH_EFFECTS_MAX)
			sim_fail("partition %d: %zu messages wait for their acknowledgement", l->number, waiting);
	}
}

// ---- its life ----

static void
work(void *arg)
{
	struct mr_worker *w = arg;
	struct proc *p = proc_current();

	while (!p->workers_stop) {
		int64_t wait_ms = mr_worker_step(w);
		check_bounds(w);
		if (wait_ms > 0)
			mr_worker_wait(w, wait_ms);
		else
			sim_sleep(sim_between(5, 100));
	}
	p->workers_left--;
}

static void
start_again(void *arg, uint64_t slot)
{
	(void)arg;
	if (!sim.over && (slots[slot] == NULL || slots[slot]->dead))
		proc_start((int)slot);
}

static void
start_worker(struct proc *p, int number)
{
	char id[128];

	snprintf(id, sizeof(id), "shop-%s-%d", p->is_static ? p->instance : p->name, number);
	p->workers[number] = mr_worker_new(&(struct mr_worker_conf){
		.config = p->config,
		.kafka = &p->kafka,
		.clock = &p->clock,
		.source = p->source,
		.store = redis_open(p),
		.id = id,
		.topics = topics,
		.n_topics = 2,
		.journal = "shop.journal",
		.journal_idle_ms = sim.journal_idle_ms,
		.config_topic = "shop.config",
		.partitions = PARTITIONS,
		.cluster_id = MR_LIT("cluster"),
	});
	p->coros[number] = sim_spawn(p, work, p->workers[number]);
	p->workers_left++;
}

static void
coordinate(void *arg)
{
	struct proc *p = arg;
	char error[256];

	while (!mr_config_topic_publish(&p->kafka, "shop.config", p->config, error))
		sim_sleep(SECOND);
	p->source = mr_source_open(&(struct mr_source_conf){
		.kafka = &p->kafka,
		.group = "shop",
		.instance_id = p->is_static ? p->instance : NULL,
		.topics = topics,
		.n_topics = 2,
		.on_assign = on_assign,
		.on_revoke = on_revoke,
		.on_lost = on_lost,
		.arg = p,
	}, error);
	for (int i = 0; i < p->n_workers; i++)
		start_worker(p, i);
	while (!p->stop)
		mr_source_poll(p->source, POLL_MS);
	mr_source_close(p->source, 2000);
	p->workers_stop = true;
	for (int i = 0; i < p->n_workers; i++)
		sim_wake(p->coros[i]);
	while (p->workers_left > 0)
		sim_sleep(5 * MS);
	for (int i = 0; i < p->n_workers; i++)
		mr_worker_free(p->workers[i]);
	sim_trace("stopped");
	p->n_workers = 0;
	p->dead = true;
	if (p->slot < 2 && !sim.scripted)
		sim_at(sim.now_us + sim_between(100 * MS, 5 * SECOND), start_again, NULL, (uint64_t)p->slot);
}

// Mostly the one that it had; else as in a deployment that changes it, one process at a time.
static const struct mr_config *
config_of(const struct proc *p)
{
	const struct proc *before = slots[p->slot] ? slots[p->slot] : slots[0];

	if (sim.other == NULL)
		return sim.config;
	const struct mr_config *config = before && !sim_chance(40) ? before->config : sim_chance(50) ? sim.config : sim.other;

	sim_count(F_CONFIG, before && config != before->config);
	return config;
}

void
proc_start(int slot)
{
	struct proc *p = calloc(1, sizeof(*p));

	MR_ASSERT(p != NULL && (slots[slot] == NULL || slots[slot]->dead));
	p->slot = slot;
	p->incarnation = incarnations[slot]++;
	p->is_static = sim.seed % 3 == 0;
	p->n_workers = 1 + (int)(sim.seed / 3 % 2);
	p->config = config_of(p);
	snprintf(p->name, sizeof(p->name), "p%d.%d", slot, p->incarnation);
	snprintf(p->instance, sizeof(p->instance), "i%d", slot);
	if (p->incarnation > 0)
		p->skew_ms = slots[slot]->skew_ms;
	p->clock = (struct mr_clock){wall_ms, mono_us, wait_fd, p};
	p->kafka = (struct mr_kafka_conf){.log = log_line, .log_arg = p};
	slots[slot] = p;
	sim_trace("start %s under %s", p->name, p->config->plan.hash);
	sim_spawn(p, coordinate, p);
}

void
proc_kill(struct proc *p)
{
	MR_ASSERT(!p->dead);
	p->dead = true;
	for (int i = 0; i < p->n_workers; i++) {
		const struct mr_worker *w = p->workers[i];
		if (w == NULL)
			continue;
		sim_count(F_CRASH_TXN, !mr_rotation_quiet(w));
		for (const struct mr_lane *l = w->lanes; l; l = l->next)
			sim_count(F_CRASH_DIRTY, l->task && l->meta_seq < l->committed_seq);
		close(w->wake_fd);
	}
	if (p->slot < 2 && !sim.scripted)
		sim_at(sim.now_us + sim_between(100 * MS, sim_chance(70) ? 3 * SECOND : 14 * SECOND), start_again, NULL,
		    (uint64_t)p->slot);
}

void
proc_pause(struct proc *p, int64_t us)
{
	p->paused_until_us = sim.now_us + us;
}
