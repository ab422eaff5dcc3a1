// Stream time: what moves it, how far, and what it is while a timer fires.
#include "config/config.h"
#include "core/task.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const char yaml[] = "app: shop\ninput: {events: {topic: events}}\ntime: {ahead: 1m, grace: 10s}\n"
    "rules:\n"
    "  now: {on: A, then: [{send: {channel: c, template: t, data: {at: event.time}}}]}\n"
    "  later: {on: B, then: [{wait: 30s}, {send: {channel: c, template: t}}]}\n";

static const struct mr_str topics[] = {{"events", 6}};
static struct mr_config *config;
static struct mr_task *task;
static int64_t offset;

#define T0 INT64_C(1772359200000)   // 2026-03-01T10:00:00Z

static void
begin(void)
{
	char *errors = NULL;

	config = mr_config_load("test.yaml", yaml, &(struct mr_config_options){.json = true}, &errors, NULL);
	cr_assert(config != NULL, "%s", errors);
	task = mr_task_new(&(struct mr_task_conf){.plan = &config->plan, .topics = topics, .n_topics = 1});
	offset = 0;
}

static void
end(void)
{
	mr_task_free(task);
	mr_config_free(config);
}

static void
apply(const char *name, int64_t ms)
{
	char json[200], time[25];

	mr_time_format(time, ms);
	snprintf(json, sizeof(json), "{\"type\":\"track\",\"event\":\"%s\",\"userId\":\"u\",\"timestamp\":\"%.24s\"}", name, time);
	const struct mr_raw_record raw = {.origin = {topics[0], 0, offset++}, .timestamp_ms = -1, .value = mr_str_of(json)};
	mr_task_batch(task);
	const struct mr_item *item = mr_task_decode(task, &raw);
	cr_assert(item->good, "%s", item->error.detail);
	mr_task_apply(task, item);
}

// The first effect's time, after `n` effects in all; forgets them.
static int64_t
effect_time(size_t want)
{
	size_t n;
	const struct mr_effect *e = mr_task_effects(task, &n);

	cr_assert_eq(n, want);
	int64_t ms = n ? e[0].time_ms : -1;
	mr_task_effects_done(task);
	return ms;
}

Test(clock, an_event_too_far_ahead_is_clamped, .init = begin, .fini = end)
{
	size_t n;

	mr_task_bound(task, T0);
	apply("A", T0 + 60000);
	cr_expect_eq(mr_task_counters(task)[MR_C_CLAMPED], 0);
	cr_expect_eq(effect_time(2), T0 + 60000);
	apply("A", T0 + 60001);
	cr_expect_eq(mr_task_counters(task)[MR_C_CLAMPED], 1);
	cr_expect_eq(mr_task_clock(task), T0 + 60000);
	const struct mr_effect *e = mr_task_effects(task, &n);
	cr_assert_eq(n, 2);
	cr_expect_eq(e[0].time_ms, T0 + 60000);
	cr_expect(memmem(e[0].body.p, e[0].body.n, "{\"at\":\"2026-03-01T10:01:00.000Z\"}", 33), "expressions see the clamped time");
	mr_task_effects_done(task);
	mr_task_bound(task, INT64_MAX);   // historic data: nothing is ahead
	apply("A", T0 + 9999999);
	cr_expect_eq(mr_task_clock(task), T0 + 9999999);
}

Test(clock, it_never_goes_back, .init = begin, .fini = end)
{
	cr_expect_eq(mr_task_clock(task), INT64_MIN);
	apply("A", T0);
	apply("A", T0 - 5000);
	cr_expect_eq(mr_task_clock(task), T0);
	mr_task_tick(task, T0 - 1, NULL);
	cr_expect_eq(mr_task_clock(task), T0);
	effect_time(4);
}

// While a timer fires it is due + grace, not the time of the input that moved the clock.
Test(clock, a_timer_fires_at_its_own_time, .init = begin, .fini = end)
{
	apply("B", T0);
	mr_task_tick(task, T0 + 39999, NULL);
	cr_expect_eq(effect_time(0), -1);
	mr_task_tick(task, T0 + 3600000, NULL);
	cr_expect_eq(effect_time(2), T0 + 40000);
	cr_expect_eq(mr_task_clock(task), T0 + 3600000);
	apply("B", T0 + 3600000 - 35000);   // due 5 s ago, over in 5 s
	cr_expect_eq(effect_time(0), -1);
	apply("A", T0 + 3605000);
	cr_expect_eq(effect_time(4), T0 + 3605000);
	apply("B", T0 + 3600000 - 60000);   // long over: at once
	cr_expect_eq(effect_time(2), T0 + 3605000);
}

// A record that can't be read moves nothing. Before the first event its dead letter is of 1970, not of year 0.
Test(clock, a_dead_letter_moves_nothing, .init = begin, .fini = end)
{
	const struct mr_raw_record raw = {.origin = {topics[0], 0, 0}, .timestamp_ms = T0, .value = MR_LIT("{")};

	mr_task_batch(task);
	mr_task_apply(task, mr_task_decode(task, &raw));
	cr_expect_eq(effect_time(1), 0);
	cr_expect_eq(mr_task_clock(task), INT64_MIN);
}
