// Very many timers at one instant. They fire in ticks of some hundred, each an input of its own: between
// two of them the effects are taken away, so memory stays as it is. A replay that is given the bounds of
// those ticks does the same, tick by tick: so a crash in the middle fires nobody twice and leaves nobody out.
#include "config/config.h"
#include "core/task.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define USERS 500000
#define TICK 256
#define T0 INT64_C(1772359200000)

static const char yaml[] = "app: shop\ninput: {events: {topic: events}}\ntime: {grace: 0s}\n"
    "rules:\n"
    "  later: {on: B, then: [{wait: 30s}, {send: {channel: c, template: t}}]}\n";
static const struct mr_str topics[] = {{"events", 6}};

static struct mr_task *
crowd_of(const struct mr_config *config)
{
	struct mr_task *t = mr_task_new(&(struct mr_task_conf){.plan = &config->plan, .topics = topics, .n_topics = 1});
	char json[128], time[25];

	mr_task_bound(t, INT64_MAX);
	mr_time_format(time, T0);
	for (int i = 0; i < USERS; i++) {
		snprintf(json, sizeof(json), "{\"type\":\"track\",\"event\":\"B\",\"userId\":\"u%06d\",\"timestamp\":\"%.24s\"}", i, time);
		const struct mr_raw_record raw = {.origin = {topics[0], 0, i}, .timestamp_ms = -1, .value = mr_str_of(json)};
		mr_task_batch(t);
		mr_task_apply(t, mr_task_decode(t, &raw));
		mr_task_effects_done(t);
	}
	return t;
}

// The effects of one tick, whose users follow those before.
static size_t
take(struct mr_task *t, int *next)
{
	char user[16];
	size_t n, sent = 0;
	const struct mr_effect *e = mr_task_effects(t, &n);

	for (size_t i = 0; i < n; i++) {
		if (e[i].output != MR_OUT_ACTION)
			continue;
		snprintf(user, sizeof(user), "u%06d", (*next)++);
		cr_assert(mr_str_eq(e[i].user, mr_str_of(user)), "%.*s instead of %s", (int)e[i].user.n, e[i].user.p, user);
		sent++;
	}
	cr_assert_leq(n, 3 * TICK);
	mr_task_effects_done(t);
	return sent;
}

Test(crowd, half_a_million_timers_at_one_instant, .timeout = 240)
{
	char *errors = NULL;
	struct mr_config *config = mr_config_load("test.yaml", yaml, &(struct mr_config_options){.json = true}, &errors, NULL);
	cr_assert(config != NULL, "%s", errors);
	struct mr_task *live = crowd_of(config), *replay = crowd_of(config);
	size_t bytes = mr_users_bytes(mr_task_users(live)), ticks = 0;
	uint64_t inputs, effects, inputs_again, effects_again;
	struct mr_due_bound upto;
	int next = 0, again = 0;

	for (; mr_task_crowded(live, T0 + 30000, TICK); ticks++) {
		mr_task_digests_begin(live);
		mr_task_tick_some(live, T0 + 30000, TICK, &upto);
		cr_assert_leq(take(live, &next), TICK);
		cr_assert_leq(mr_users_bytes(mr_task_users(live)), bytes);
		mr_task_digests(live, &inputs, &effects);
		mr_task_digests_begin(replay);
		mr_task_tick(replay, T0 + 30000, &upto);
		take(replay, &again);
		mr_task_digests(replay, &inputs_again, &effects_again);
		cr_assert(again == next && effects_again == effects);
	}
	mr_task_tick(live, T0 + 30000, NULL);
	take(live, &next);
	cr_expect_eq(next, USERS);
	cr_expect_geq(ticks, USERS / TICK - 1);
	cr_expect_eq(mr_task_next_due(live), MR_DUE_NEVER);
	mr_task_free(live);
	mr_task_free(replay);
	mr_config_free(config);
}
