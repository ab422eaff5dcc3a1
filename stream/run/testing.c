// The harness of include/millrace/testing.h: a task in memory, JSON in, effects out.
#include <millrace/testing.h>

#include "config/config.h"
#include "core/task.h"

#include <stdlib.h>

struct mr_test {
	struct mr_config *config;
	struct mr_task *task;
	int64_t offset;
	struct mr_value *values;   // room for all that is offered
};

static const struct mr_str topics[] = {{"events", 6}};

struct mr_test *
mr_test_new(const char *yaml, const struct mr_operator *extra, char **errors)
{
	const struct mr_config_options options = {.extra = extra, .json = true, .lenient = true};
	struct mr_config *config = mr_config_load("test.yaml", yaml, &options, errors, NULL);

	if (config == NULL)
		return NULL;
	struct mr_test *test = calloc(1, sizeof(*test));
	MR_ASSERT(test != NULL);
	test->config = config;
	test->values = calloc(config->plan.n_offers + 1, sizeof(*test->values));
	MR_ASSERT(test->values != NULL);
	test->task = mr_task_new(&(struct mr_task_conf){.plan = &config->plan, .topics = topics, .n_topics = 1});
	return test;
}

void
mr_test_free(struct mr_test *test)
{
	if (test == NULL)
		return;
	mr_task_free(test->task);
	mr_config_free(test->config);
	free(test->values);
	free(test);
}

void
mr_test_event(struct mr_test *test, const char *json)
{
	struct mr_raw_record raw = {
		.origin = {topics[0], 0, test->offset++},
		.timestamp_ms = -1,
		.value = mr_str_of(json),
	};

	mr_task_batch(test->task);
	mr_task_apply(test->task, mr_task_decode(test->task, &raw));
}

void
mr_test_until(struct mr_test *test, int64_t time_ms)
{
	mr_task_tick(test->task, time_ms, NULL);
}

size_t
mr_test_effects(const struct mr_test *test)
{
	size_t n;

	mr_task_effects(test->task, &n);
	return n;
}

struct mr_test_effect
mr_test_effect(const struct mr_test *test, size_t number)
{
	size_t n;
	const struct mr_effect *e = mr_task_effects(test->task, &n) + number;

	MR_ASSERT(number < n);
	return (struct mr_test_effect){e->output, e->channel, e->user, e->id, e->time_ms, e->body};
}

struct mr_value
mr_test_value(struct mr_test *test, const char *user, const char *space, const char *name)
{
	const struct mr_plan *plan = &test->config->plan;

	if (!mr_task_values(test->task, mr_str_of(user), test->values))
		return mr_absent();
	for (uint32_t i = 0; i < plan->n_offers; i++)
		if (mr_str_eq(plan->offers[i].space, mr_str_of(space)) && mr_str_eq(plan->offers[i].name, mr_str_of(name)))
			return test->values[i];
	return mr_absent();
}

uint64_t
mr_test_counted(const struct mr_test *test, enum mr_counter counter)
{
	MR_ASSERT(counter < MR_C_COUNT);
	return mr_task_counters(test->task)[counter];
}

bool
mr_test_roundtrip(struct mr_test *test)
{
	return mr_task_roundtrip(test->task);
}
