// build/tests/sim: runs seeds, each in a process of its own; prints what was met and what was found.
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 2
#define CPU_SECONDS 30
#define DRAIN_US (300 * SECOND)
#define QUIET_US (16 * SECOND)    // longer than any timer
#define ENOUGH_SEEDS 1000         // so many must meet everything

static enum mr_mutation mutation = MR_MUTATIONS;
static const char *const mutation_names[] = {
#define X(name, word, text) word,
	MR_MUTATION_LIST(X)
	MR_MUTATION_CASE_LIST(X)
#undef X
};
enum {
#define X(name, word, text) + 1
	MUTATIONS_OF_SEEDS = 0 MR_MUTATION_LIST(X)
#undef X
};

bool
mr_mutated(enum mr_mutation which)
{
	return which == mutation && !sim.quiet;
}

static void
tick(void *arg, uint64_t n)
{
	broker_tick();
	group_tick();
	sim_at(sim.now_us + 100 * MS, tick, arg, n + 1);
}

static void
start(void *arg, uint64_t slot)
{
	(void)arg;
	proc_start((int)slot);
}

static void
drain(void)
{
	int64_t until_us = sim.now_us + DRAIN_US, still_us = 0;
	uint64_t seqs = 0;

	while (sim.failure[0] == '\0') {
		uint64_t now = 0;
		for (int32_t i = 0; i < PARTITIONS; i++)
			now += broker_journal_seq(i);
		if (now != seqs || !check_drained())
			still_us = sim.now_us;
		seqs = now;
		if (sim.now_us - still_us > QUIET_US)
			return;
		if (sim.now_us > until_us) {
			sim_fail("not drained %d s after the last fault", (int)(DRAIN_US / SECOND));
			return;
		}
		sim_run(sim.now_us + SECOND);
	}
}

// ---- cases ----

static enum case_result
run_case(const struct sim_case *c)
{
	sim_at(0, tick, NULL, 0);
	enum case_result result = case_run(c, drain);

	if (sim.failure[0])
		printf("case %s: %s\n", c->name, sim.failure);
	fflush(stdout);
	return result;
}

// In a process of its own; what broke it by a signal was found, too.
static enum case_result
fork_case(const struct sim_case *c, enum mr_mutation with)
{
	int status;

	fflush(stdout);
	pid_t pid = fork();
	MR_ASSERT(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS, CPU_SECONDS});
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		mutation = with;
		_exit((int)run_case(c));
	}
	MR_ASSERT(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? (enum case_result)WEXITSTATUS(status) : CASE_FOUND;
}

// It holds, and does not hold with its mutation.
static int
judge_case(const struct sim_case *c)
{
	bool holds = fork_case(c, MR_MUTATIONS) == CASE_HOLDS;

	printf("case %s: %s\n", c->name, holds ? "holds" : "FAILED");
	if (!holds)
		return 1;
	bool found = fork_case(c, c->mutation) == CASE_FOUND;
	printf("case %s with %s: %s\n", c->name, mutation_names[c->mutation], found ? "found" : "NOT FOUND");
	return !found;
}

static const struct sim_case *
case_by_name(const char *name)
{
	for (const struct sim_case *c = sim_cases; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static bool
run_seed(uint64_t seed)
{
	sim.seed = sim.random = seed;
	sim.session_us = 10 * SECOND;
	// Many users, and few messages at once: what is bounded comes to its bounds.
	bool many = seed % 5 == 0;
	sim.users = many ? 60 : 12;
	for (int i = 0; i < 3; i++)
		sim_random();
	sim_count(SEEDS, 1);
	// A long way behind, a page is ahead of much that a replay brings.
	sim.config->flush_interval_ms = sim.other->flush_interval_ms = seed % 4 == 3 ? 9000 : seed % 4 == 2 ? 2500 : 400;
	// A few users: the rest is evicted, and read again. Or all, so that nothing is flushed early.
	sim.config->unacknowledged_max = sim.other->unacknowledged_max = many ? 10 : 100;
	sim.config->plan.user_bytes_max = sim.other->plan.user_bytes_max = seed % 4 == 3 ? 64000 : 19000;
	inputs_plan();
	fault_plan(6 + (int)(sim_random() % 8));
	sim_at(0, tick, NULL, 0);
	sim_at(sim_between(0, SECOND), start, NULL, 0);
	sim_at(sim_between(0, 2 * SECOND), start, NULL, 1);
	sim_run(inputs_end_us());
	for (int i = 0; i < 100 && !fault_all_struck(); i++)
		sim_run(sim.now_us + SECOND);
	drain();
	sim.over = true;
	if (sim.failure[0] == '\0')
		check_all();
	if (sim.failure[0] == '\0' && sim.counts[FAULTS] < 5)
		sim_fail("only %lu faults struck", sim.counts[FAULTS]);
	if (sim.failure[0])
		printf("seed %lu: %s\n", seed, sim.failure);
	fflush(stdout);
	return sim.failure[0] == '\0';
}

// ---- many seeds ----

struct child {
	pid_t pid;
	uint64_t seed;
	uint64_t *counts;            // shared
};

static void
start_child(struct child *c, uint64_t seed)
{
	memset(c->counts, 0, COUNT_END * sizeof(*c->counts));
	c->seed = seed;
	fflush(stdout);
	c->pid = fork();
	MR_ASSERT(c->pid >= 0);
	if (c->pid > 0)
		return;
	setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS, CPU_SECONDS});
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	sim.counts = c->counts;
	_exit(run_seed(seed) ? 0 : 1);
}

static bool
end_child(struct child *children, uint64_t *total)
{
	int status;
	pid_t pid = wait(&status);
	struct child *c = &children[children[0].pid != pid];

	MR_ASSERT(pid > 0 && c->pid == pid);
	c->pid = 0;
	for (int i = 0; i < COUNT_END; i++)
		total[i] += c->counts[i];
	if (WIFSIGNALED(status))
		printf("seed %lu: ended by signal %d%s\n", c->seed, WTERMSIG(status),
		    WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL ? ": it hangs" : "");
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static uint64_t
run_seeds(uint64_t from, uint64_t to, bool stop_at_first, uint64_t *total, uint64_t *done)
{
	struct child children[CHILDREN] = {0};
	uint64_t failed = 0, next = from;
	int running = 0;

	for (int i = 0; i < CHILDREN; i++) {
		children[i].counts = mmap(NULL, COUNT_END * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		MR_ASSERT(children[i].counts != MAP_FAILED);
	}
	*done = 0;
	for (;;) {
		for (int i = 0; i < CHILDREN; i++)
			if (children[i].pid == 0 && next <= to && !(stop_at_first && failed)) {
				start_child(&children[i], next++);
				running++;
			}
		if (running == 0)
			return failed;
		failed += !end_child(children, total);
		running--;
		++*done;
	}
}

static int
report(uint64_t failed, uint64_t done, const uint64_t *total)
{
	int unmet = 0;

	for (int i = 0; i < COUNT_END; i++) {
		printf("%10lu %s%s\n", total[i], sim_count_names[i], total[i] == 0 ? "  (never met)" : "");
		unmet += total[i] == 0;
	}
	if (unmet > 0 && done >= ENOUGH_SEEDS)
		printf("%d of these were never met\n", unmet);
	printf("%lu seeds, %lu failed\n", done, failed);
	return failed > 0 || (unmet > 0 && done >= ENOUGH_SEEDS) ? 1 : 0;
}

static int
usage(void)
{
	fputs("Usage: sim [--seeds FROM-TO] [--mutation NAME]\n       sim --trace SEED [--mutation NAME]\n       sim --mutations\n"
	    "       sim --cases | --case NAME | --trace-case NAME [--mutation NAME]\n", stderr);
	return 2;
}

static bool
choose(const char *name)
{
	for (int i = 0; i < MR_MUTATIONS; i++)
		if (strcmp(name, mutation_names[i]) == 0) {
			mutation = (enum mr_mutation)i;
			return true;
		}
	return false;
}

static struct mr_config *
load(const char *yaml)
{
	char *errors = NULL;
	struct mr_config *c = mr_config_load("sim.yaml", yaml, NULL, &errors, NULL);

	if (c == NULL)
		fputs(errors, stderr);
	return c;
}

int
main(int argc, char **argv)
{
	uint64_t from = 1, to = 100, total[COUNT_END] = {0}, done;
	const struct sim_case *c = NULL;
	bool trace = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--mutations") == 0) {
			for (int k = 0; k < MUTATIONS_OF_SEEDS; k++)
				puts(mutation_names[k]);
			return 0;
		}
		if (strcmp(argv[i], "--cases") == 0) {
			for (c = sim_cases; c->name; c++)
				puts(c->name);
			return 0;
		}
		if (i + 1 == argc)
			return usage();
		if (strcmp(argv[i], "--seeds") == 0 && sscanf(argv[i + 1], "%lu-%lu", &from, &to) == 2)
			i++;
		else if (strcmp(argv[i], "--trace") == 0 && sscanf(argv[i + 1], "%lu", &from) == 1)
			trace = ++i;
		else if (strcmp(argv[i], "--case") == 0 && (c = case_by_name(argv[i + 1])))
			i++;
		else if (strcmp(argv[i], "--trace-case") == 0 && (c = case_by_name(argv[i + 1])))
			trace = ++i;
		else if (strcmp(argv[i], "--mutation") != 0 || !choose(argv[++i]))
			return usage();
	}
	sim.config = load(c && c->yaml ? c->yaml : sim_yaml);
	sim.other = c ? NULL : load(sim_yaml_other);
	if (sim.config == NULL || (c == NULL && sim.other == NULL))
		return 1;
	sim.counts = total;
	sim.trace = trace;
	if (c)
		return trace ? (int)run_case(c) : judge_case(c);
	if (trace) {
		return run_seed(from) ? 0 : 1;
	}
	uint64_t failed = run_seeds(from, to, mutation != MR_MUTATIONS, total, &done);
	return report(failed, done, total);
}
