#include "run/process.h"

#include "event/decode.h"
#include "kafka/source.h"
#include "run/startup.h"
#include "run/topics.h"
#include "run/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define POLL_MS 100
#define TROUBLE_MS 10000       // for how long a consumer's error is shown when it does not come again
#define RELEASE_MS 15000       // longest wait for workers in a rebalance
#define LOST_RELEASE_MS 50000  // and where the group has given up on us: their calls to absent brokers end first
#define STOP_MS 4500           // of a clean stop; then the process ends all the same

struct thread {
	struct mr_worker *worker;
	struct mr_stats *stats;
	pthread_t id;
	_Atomic bool stop;
};

struct process {
	const struct mr_process_conf *conf;
	const struct mr_config *config;
	struct mr_kafka_conf kafka;
	struct mr_kafka_property *properties;
	struct mr_source *source;
	struct thread *threads;
	size_t n_threads;
	char journal[MR_TOPIC_NAME_MAX], configs[MR_TOPIC_NAME_MAX], app[MR_TOPIC_NAME_MAX], instance[256], id[512];
	char inputs[3][MR_TOPIC_NAME_MAX];
	const char *input_names[3];
	size_t n_inputs;
	struct mr_startup_found found;
	bool told_ready;
	int64_t trouble_ms;          // monotonic; of the consumer's last error; 0: none to show
};

static volatile sig_atomic_t signalled;

static void
on_signal(int number)
{
	signalled = number;
}

static void
log_line(void *arg, int level, const char *line)
{
	const struct process *p = arg;
	static const char *const names[] = {"", "", "", "error", "warning", "", "info", "debug"};
	char time[25];

	if (p->conf->quiet && level > 4)
		return;
	mr_time_format(time, mr_wall_ms(&mr_clock_os));
	fprintf(stderr, "%s %s %s\n", time, level >= 0 && level < 8 ? names[level] : "", line);
}

static void
say(const struct process *p, int level, const char *what, const char *detail)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s%s%s", what, detail[0] ? ": " : "", detail);
	log_line((void *)(uintptr_t)p, level, line);
}

static bool
stopping(const void *arg)
{
	const struct process *p = arg;

	return p->conf->stop ? p->conf->stop(p->conf->arg) : signalled != 0;
}

// ---- start-up ----

static void
copy_name(char *out, size_t size, struct mr_str s)
{
	MR_ASSERT(s.n < size);
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
}

static void
set_up(struct process *p)
{
	const struct mr_config *c = p->config;
	struct mr_str inputs[3];

	p->properties = calloc(c->n_kafka + 1, sizeof(*p->properties));
	MR_ASSERT(p->properties != NULL);
	for (uint32_t i = 0; i < c->n_kafka; i++)
		p->properties[i] = (struct mr_kafka_property){c->kafka[i].name, c->kafka[i].value};
	p->kafka = (struct mr_kafka_conf){
		.properties = p->properties,
		.n_properties = c->n_kafka,
		.client_id = "millrace",
		.log = log_line,
		.log_arg = p,
	};
	p->n_inputs = mr_input_topics(c, inputs);
	for (size_t i = 0; i < p->n_inputs; i++) {
		copy_name(p->inputs[i], sizeof(p->inputs[i]), inputs[i]);
		p->input_names[i] = p->inputs[i];
	}
	mr_journal_topic(c, p->journal);
	mr_config_topic(c, p->configs);
	copy_name(p->app, sizeof(p->app), c->app);
	if (c->instance_id.n) {
		copy_name(p->instance, sizeof(p->instance), c->instance_id);
		snprintf(p->id, sizeof(p->id), "%s-%s", p->app, p->instance);
	} else {
		char host[128] = "host";
		gethostname(host, sizeof(host) - 1);
		snprintf(p->id, sizeof(p->id), "%s-%s-%ld-%llx", p->app, host, (long)getpid(),
		    (unsigned long long)mr_wall_ms(&mr_clock_os));
	}
}

static bool
check(struct process *p)
{
	return mr_startup_check(&(struct mr_startup){
		.config = p->config,
		.kafka = &p->kafka,
		.app = p->app,
		.journal = p->journal,
		.config_topic = p->configs,
		.inputs = p->input_names,
		.n_inputs = p->n_inputs,
		.stopping = stopping,
		.arg = p,
	}, &p->found);
}

// ---- the group ----

static struct mr_worker *
worker_of(const struct process *p, int32_t number)
{
	return p->threads[(size_t)number % p->n_threads].worker;
}

static void
on_assign(void *arg, const struct mr_group *group, uint64_t epoch, const int32_t *numbers, size_t n)
{
	struct process *p = arg;
	char line[128];

	snprintf(line, sizeof(line), "assigned %zu partitions, generation %d", n, group->generation);
	say(p, 6, line, "");
	mr_stats_add(p->conf->stats, MR_STAT_REBALANCE_ASSIGNED, 1);
	mr_stats_joined(p->conf->stats, true);
	for (size_t i = 0; i < n; i++)
		mr_worker_own(worker_of(p, numbers[i]), numbers[i], epoch, group);
}

static void
let_go(struct process *p, const int32_t *numbers, size_t n, bool clean)
{
	int left = clean ? RELEASE_MS : LOST_RELEASE_MS;   // of our own time: a pause is not the workers' fault

	for (size_t i = 0; i < n; i++)
		mr_worker_release(worker_of(p, numbers[i]), numbers[i], clean);
	for (size_t i = 0; i < p->n_threads; i++)
		for (; !mr_worker_idle(p->threads[i].worker) && left > 0; left--)
			usleep(1000);
}

static void
on_revoke(void *arg, const int32_t *numbers, size_t n)
{
	const struct process *p = arg;

	mr_stats_add(p->conf->stats, MR_STAT_REBALANCE_REVOKED, 1);
	mr_stats_joined(p->conf->stats, false);
	let_go(arg, numbers, n, true);
}

static void
on_lost(void *arg, const int32_t *numbers, size_t n)
{
	const struct process *p = arg;

	mr_stats_add(p->conf->stats, MR_STAT_REBALANCE_LOST, 1);
	mr_stats_joined(p->conf->stats, false);
	say(p, 4, "the group has given our partitions away", "");
	let_go(arg, numbers, n, false);
}

static bool
open_source(struct process *p)
{
	char error[256], text[256];
	const struct mr_source_conf conf = {
		.kafka = &p->kafka,
		.group = p->app,
		.instance_id = p->instance[0] ? p->instance : NULL,
		.topics = p->input_names,
		.n_topics = p->n_inputs,
		.fetched_bytes_max = p->config->fetched_bytes_max,
		.on_assign = on_assign,
		.on_revoke = on_revoke,
		.on_lost = on_lost,
		.arg = p,
	};

	p->source = mr_source_open(&conf, error);
	if (p->source == NULL) {
		say(p, 3, "consumer", error);
		return false;
	}
	mr_source_describe(p->source, text, sizeof(text));
	say(p, 6, text, "");
	return true;
}

// The member has failed for good: no callback will take the partitions away any more.
static void
give_up(struct process *p)
{
	int32_t *all = calloc((size_t)p->found.partitions, sizeof(*all));

	MR_ASSERT(all != NULL);
	for (int32_t i = 0; i < p->found.partitions; i++)
		all[i] = i;
	let_go(p, all, (size_t)p->found.partitions, false);
	free(all);
}

// ---- workers ----

static void *
work(void *arg)
{
	struct thread *t = arg;

	while (!atomic_load_explicit(&t->stop, memory_order_acquire)) {
		int64_t began_us = mr_mono_us(&mr_clock_os);
		int64_t wait_ms = mr_worker_step(t->worker);
		mr_stats_add(t->stats, MR_STAT_BUSY_US, (uint64_t)(mr_mono_us(&mr_clock_os) - began_us));
		if (wait_ms > 0)
			mr_worker_wait(t->worker, wait_ms);
	}
	return NULL;
}

// A wrong password or a missing permission ends the start; a server that is away is waited for.
static bool
check_store(struct process *p, struct mr_store *store)
{
	enum mr_store_status status = store->ops->check(store);

	if (status == MR_STORE_FATAL) {
		say(p, 3, "store", store->error);
		return false;
	}
	if (store->error[0])
		say(p, 4, "store", store->error);
	return true;
}

static bool
start_worker(struct process *p, size_t number)
{
	struct thread *t = &p->threads[number];
	char error[256], id[600], name[16];
	const struct mr_store_conf store_conf = {
		.url = p->config->redis,
		.password_file = p->config->redis_password_file,
		.app = p->config->app,
		.timeout_ms = p->config->redis_timeout_ms,
	};
	struct mr_store *store = mr_store_open(&store_conf, error);

	if (store == NULL) {
		say(p, 3, "store", error);
		return false;
	}
	if (number == 0 && !check_store(p, store)) {
		mr_store_close(store);
		return false;
	}
	snprintf(id, sizeof(id), "%s-%zu", p->id, number);
	snprintf(name, sizeof(name), "%zu", number);
	t->stats = mr_stats_part(p->conf->stats, name);
	t->worker = mr_worker_new(&(struct mr_worker_conf){
		.config = p->config,
		.kafka = &p->kafka,
		.clock = &mr_clock_os,
		.source = p->source,
		.store = store,
		.id = id,
		.topics = p->input_names,
		.n_topics = p->n_inputs,
		.journal = p->journal,
		.config_topic = p->configs,
		.journal_idle_ms = p->found.journal_idle_ms,
		.partitions = p->found.partitions,
		.cluster_id = mr_str_of(p->found.cluster_id),
		.stats = t->stats,
	});
	int failed = pthread_create(&t->id, NULL, work, t);
	MR_ASSERT(failed == 0);
	return true;
}

static bool
start_workers(struct process *p)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = p->config->workers > 0 ? (size_t)p->config->workers : cores > 0 ? (size_t)cores : 1;

	if (n > (size_t)p->found.partitions)
		n = (size_t)p->found.partitions;
	p->threads = calloc(n, sizeof(*p->threads));
	MR_ASSERT(p->threads != NULL);
	for (; p->n_threads < n; p->n_threads++)
		if (!start_worker(p, p->n_threads))
			return false;
	return true;
}

static void
stop_workers(struct process *p)
{
	for (size_t i = 0; i < p->n_threads; i++) {
		atomic_store_explicit(&p->threads[i].stop, true, memory_order_release);
		mr_worker_wake(p->threads[i].worker);
		pthread_join(p->threads[i].id, NULL);
		mr_worker_free(p->threads[i].worker);
	}
	free(p->threads);
}

// ---- the life of it ----

static void
tell_ready(struct process *p)
{
	if (p->told_ready || p->conf->ready == NULL)
		return;
	if (mr_stats_get(p->conf->stats, MR_STAT_TAKEOVERS) == 0)
		return;
	p->told_ready = true;
	p->conf->ready(p->conf->arg);
}

// An error is told once, and its end not at all: it is shown for a while.
static void
show_trouble(struct process *p, enum mr_kafka_status status)
{
	int64_t now_ms = mr_mono_ms(&mr_clock_os);
	char line[256];

	if (status != MR_KAFKA_OK) {
		snprintf(line, sizeof(line), "consumer: %s", mr_source_error(p->source));
		mr_stats_problem(p->conf->stats, line);
		p->trouble_ms = now_ms;
	} else if (p->trouble_ms && now_ms - p->trouble_ms > TROUBLE_MS) {
		mr_stats_problem(p->conf->stats, "");
		p->trouble_ms = 0;
	}
}

static bool
serve(struct process *p)
{
	while (!stopping(p)) {
		enum mr_kafka_status status = mr_source_poll(p->source, POLL_MS);
		tell_ready(p);
		show_trouble(p, status);
		if (status == MR_KAFKA_OK || status == MR_KAFKA_AGAIN)
			continue;
		say(p, 3, "consumer", mr_source_error(p->source));
		if (status == MR_KAFKA_FENCED)
			say(p, 3, "another process runs under our instance name, and each needs one of its own", p->instance);
		if (status == MR_KAFKA_FATAL || status == MR_KAFKA_FENCED)
			return false;
	}
	return true;
}

static void *
end_anyway(void *arg)
{
	usleep(STOP_MS * 1000);
	say(arg, 4, "a clean stop took too long; ended, what is open will be recovered", "");
	_exit(1);
}

static void
watch_the_end(struct process *p)
{
	pthread_t id;

	if (p->conf->stop == NULL && pthread_create(&id, NULL, end_anyway, p) == 0)
		pthread_detach(id);
}

static void
catch_signals(const struct process *p)
{
	const struct sigaction action = {.sa_handler = on_signal};

	signal(SIGPIPE, SIG_IGN);
	if (p->conf->stop)
		return;
	signalled = 0;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

bool
mr_process_run(const struct mr_process_conf *conf)
{
	struct process *p = calloc(1, sizeof(*p));
	bool ok = false;

	MR_ASSERT(p != NULL);
	p->conf = conf;
	p->config = conf->config;
	catch_signals(p);
	set_up(p);
	if (check(p) && open_source(p)) {
		if (start_workers(p))
			ok = serve(p);
		if (!ok)
			give_up(p);
		say(p, 6, "stopping", "");
		watch_the_end(p);
		mr_source_close(p->source, 2000);
		stop_workers(p);
		say(p, 6, "stopped", "");
	}
	free(p->properties);
	free(p);
	return ok;
}
