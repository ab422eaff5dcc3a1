#include "run/worker_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define QUIESCE_MS 10000      // longest wait for what is under way to be committed
#define FLUSH_MS 2000         // longest write-behind of a clean release, of all lanes; then memory is freed
#define LOST_MS 5000          // a lane that was lost and never taken away is tried again

void
mr_worker_log(const struct mr_worker *w, int level, const char *fmt, ...)
{
	char line[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (w->conf.kafka->log)
		w->conf.kafka->log(w->conf.kafka->log_arg, level, line);
	else
		fprintf(stderr, "millrace: %s\n", line);
}

struct mr_worker *
mr_worker_new(const struct mr_worker_conf *conf)
{
	struct mr_worker *w = calloc(1, sizeof(*w));

	MR_ASSERT(w != NULL);
	MR_ASSERT(conf->n_topics > 0 && conf->n_topics <= MR_TOPICS_MAX);
	w->conf = *conf;
	w->conf.id = strdup(conf->id);
	MR_ASSERT(w->conf.id != NULL);
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	MR_ASSERT(w->wake_fd >= 0);
	pthread_mutex_init(&w->lock, NULL);
	w->input_names = calloc(conf->n_topics, sizeof(*w->input_names));
	MR_ASSERT(w->input_names != NULL);
	for (size_t i = 0; i < conf->n_topics; i++)
		w->input_names[i] = mr_str_of(conf->topics[i]);
	return w;
}

static void
remove_lane(struct mr_worker *w, struct mr_lane *lane)
{
	for (struct mr_lane **at = &w->lanes; *at; at = &(*at)->next)
		if (*at == lane) {
			*at = lane->next;
			break;
		}
	mr_rotation_drop(w, lane);
	mr_lane_forget(lane);
	mr_stats_task_free(lane->stats);
	free(lane);
}

void
mr_worker_free(struct mr_worker *w)
{
	if (w == NULL)
		return;
	mr_rotation_reset(w);
	while (w->lanes)
		remove_lane(w, w->lanes);
	for (struct mr_command *c = w->commands, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	if (w->conf.store)
		w->conf.store->ops->close(w->conf.store);
	pthread_mutex_destroy(&w->lock);
	close(w->wake_fd);
	free(w->input_names);
	free((void *)(uintptr_t)w->conf.id);
	free(w);
}

void
mr_worker_wait(struct mr_worker *w, int64_t ms)
{
	mr_wait(w->conf.clock, w->wake_fd, ms);
}

void
mr_worker_wake(struct mr_worker *w)
{
	const uint64_t one = 1;
	ssize_t written = write(w->wake_fd, &one, sizeof(one));

	MR_ASSERT(written == sizeof(one) || errno == EAGAIN);
}

// ---- commands ----

static void
command(struct mr_worker *w, const struct mr_command *from)
{
	struct mr_command *c = malloc(sizeof(*c));

	MR_ASSERT(c != NULL);
	*c = *from;
	c->next = NULL;
	pthread_mutex_lock(&w->lock);
	if (w->last_command)
		w->last_command->next = c;
	else
		w->commands = c;
	w->last_command = c;
	w->busy++;
	pthread_mutex_unlock(&w->lock);
	mr_worker_wake(w);
}

void
mr_worker_own(struct mr_worker *w, int32_t number, uint64_t epoch, const struct mr_group *group)
{
	command(w, &(struct mr_command){.number = number, .assignment = epoch, .group = *group, .own = true});
}

void
mr_worker_release(struct mr_worker *w, int32_t number, bool clean)
{
	command(w, &(struct mr_command){.number = number, .clean = clean, .until_ms = mr_mono_ms(w->conf.clock) + FLUSH_MS});
}

bool
mr_worker_idle(struct mr_worker *w)
{
	pthread_mutex_lock(&w->lock);
	bool idle = w->busy == 0;
	pthread_mutex_unlock(&w->lock);
	return idle;
}

static struct mr_lane *
find_lane(struct mr_worker *w, int32_t number)
{
	struct mr_lane *l = w->lanes;

	while (l && l->number != number)
		l = l->next;
	return l;
}

// Drops all that is not committed; every lane is taken over anew.
static void
abandon(struct mr_worker *w)
{
	mr_rotation_reset(w);
	for (struct mr_lane *l = w->lanes; l; l = l->next) {
		mr_rotation_drop(w, l);
		mr_lane_forget(l);
		if (l->state != MR_LANE_NEW)
			l->retry_at_ms = 0;
		l->state = MR_LANE_NEW;
		mr_report_lane(l);
	}
	w->need_takeover = false;
}

static void
own(struct mr_worker *w, const struct mr_command *c)
{
	struct mr_lane *l = find_lane(w, c->number);

	if (l && !mr_rotation_quiet(w))   // given to us anew: what we had may be stale
		abandon(w);
	if (l)
		remove_lane(w, l);
	l = calloc(1, sizeof(*l));
	MR_ASSERT(l != NULL);
	l->worker = w;
	l->number = c->number;
	l->assignment = c->assignment;
	l->group = c->group;
	l->state = MR_LANE_NEW;
	l->stats = mr_stats_task_new(w->conf.stats, l->number);
	l->next = w->lanes;
	w->lanes = l;
}

// ---- letting go ----

// Commits what is under way. False: it could not be, and the producers are reset.
static bool
quiesce(struct mr_worker *w)
{
	int64_t until_ms = mr_mono_ms(w->conf.clock) + QUIESCE_MS;

	while (!mr_rotation_quiet(w) && !w->need_takeover && mr_mono_ms(w->conf.clock) < until_ms)
		if (!mr_rotation_step(w, true))
			mr_worker_wait(w, 5);
	if (mr_rotation_quiet(w) && !w->need_takeover)
		return true;
	w->need_takeover = true;
	return false;
}

static void
flush(struct mr_worker *w, struct mr_lane *l, int64_t until_ms)
{
	if (l->state != MR_LANE_RUNNING && l->state != MR_LANE_DENIED)
		return;
	do {
		bool written = mr_pages_flush_part(l);
		if (mr_pages_flushed(l) || (l->state != MR_LANE_RUNNING && l->state != MR_LANE_DENIED))
			return;
		if (!written)
			mr_worker_wait(w, 5);
	} while (mr_mono_ms(w->conf.clock) < until_ms);
	mr_worker_log(w, 4, "partition %d: its last changes are not in the store; they will be replayed", l->number);
}

static void
release(struct mr_worker *w, const struct mr_command *c)
{
	struct mr_lane *l = find_lane(w, c->number);

	if (l == NULL)
		return;
	if (c->clean && l->state == MR_LANE_RUNNING) {
		if (quiesce(w))
			flush(w, l, c->until_ms);
	} else if (l->state == MR_LANE_RUNNING || l->state == MR_LANE_DENIED) {
		w->need_takeover = !mr_rotation_quiet(w);
	}
	if (w->need_takeover || (l->state == MR_LANE_LOST && !mr_rotation_quiet(w)))
		abandon(w);
	remove_lane(w, l);
}

static void
take_commands(struct mr_worker *w)
{
	pthread_mutex_lock(&w->lock);
	struct mr_command *c = w->commands;
	w->commands = w->last_command = NULL;
	pthread_mutex_unlock(&w->lock);
	for (struct mr_command *next; c; c = next) {
		next = c->next;
		if (c->own)
			own(w, c);
		else
			release(w, c);
		free(c);
		pthread_mutex_lock(&w->lock);
		w->busy--;
		pthread_mutex_unlock(&w->lock);
	}
}

// ---- the step ----

static bool
anybody_new(const struct mr_worker *w)
{
	int64_t now_ms = mr_mono_ms(w->conf.clock);

	for (const struct mr_lane *l = w->lanes; l; l = l->next)
		if (l->state == MR_LANE_NEW && now_ms >= l->retry_at_ms)
			return true;
	return false;
}

static void
look_after(struct mr_worker *w, struct mr_lane *l)
{
	int64_t now_ms = mr_mono_ms(w->conf.clock);

	if (l->state == MR_LANE_DENIED && l->denied && now_ms >= l->retry_at_ms)
		mr_rotation_retry(w, l);
	if (l->state != MR_LANE_LOST) {
		l->lost_at_ms = 0;
	} else if (l->lost_at_ms == 0) {
		l->lost_at_ms = now_ms;
	} else if (now_ms - l->lost_at_ms > LOST_MS) {
		w->need_takeover = true;
	}
}

static int64_t
wait_ms(struct mr_worker *w)
{
	int64_t wait = 1000, now_ms = mr_mono_ms(w->conf.clock);
	const struct mr_txn *open = &w->txns[w->open];

	if (open->state == MR_TXN_OPEN) {
		int64_t left = open->opened_ms + w->conf.config->commit_interval_ms - now_ms;
		wait = left < 1 ? 1 : left;
	}
	for (struct mr_lane *l = w->lanes; l; l = l->next) {
		int64_t lane = l->state == MR_LANE_RUNNING ? mr_lane_wait_ms(l) : 100;
		wait = lane < wait ? lane : wait;
		if (l->task && l->meta_seq < l->committed_seq && l->flush_at_ms - now_ms < wait)
			wait = l->flush_at_ms - now_ms;
		if (l->task && mr_mono_ms(w->conf.clock) < l->store_retry_ms && l->store_retry_ms - now_ms < wait)
			wait = l->store_retry_ms - now_ms;
	}
	return wait < 1 || w->writing ? 1 : wait;
}

int64_t
mr_worker_step(struct mr_worker *w)
{
	bool more = false;

	mr_report_step(w);
	take_commands(w);
	if (w->need_takeover)
		abandon(w);
	if (w->lanes == NULL)
		return 1000;
	if (!mr_producers_ready(w))
		return 200;
	if (anybody_new(w) && quiesce(w))
		mr_takeover(w);
	for (struct mr_lane *l = w->lanes; l && !w->need_takeover; l = l->next) {
		look_after(w, l);
		more |= mr_lane_step(l);
	}
	if (!w->need_takeover)
		more |= mr_rotation_step(w, false);
	if (!w->need_takeover)
		more |= mr_pages_flush_some(w);
	return more || w->need_takeover ? 0 : wait_ms(w);
}
