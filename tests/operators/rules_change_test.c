// A configuration that changed under live runs, and what is kept where nothing is.
#include "rules_util.h"

#include "../../operators/rules/rules.h"
#include "config/config.h"
#include "core/arena.h"
#include "core/task.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define A_RULE "  a: {on: A, for_each: event.properties.k, then: [{wait: 1h}, {send: {channel: c, template: t}}]}\n"
#define B_RULE "  b: {on: A, again_after: 1d, then: [{tag: {add: x}}]}\n"

static const struct mr_str topics[] = {{"events", 6}};

struct stage {
	struct mr_config *config;
	struct mr_task *task;
};

static struct stage
stage_new(const char *yaml)
{
	const struct mr_config_options options = {.json = true, .lenient = true};
	struct stage s = {0};
	char *errors = NULL;

	s.config = mr_config_load("test.yaml", yaml, &options, &errors, NULL);
	cr_assert(s.config, "%s", errors);
	s.task = mr_task_new(&(struct mr_task_conf){
		.plan = &s.config->plan, .topics = topics, .n_topics = 1, .stored = true});
	mr_task_index_loaded(s.task, &(struct mr_due_bound){.due_ms = INT64_MAX});   // all are in memory
	return s;
}

static void
stage_free(struct stage *s)
{
	mr_task_free(s->task);
	mr_config_free(s->config);
}

static void
apply(struct stage *s, const char *json, int64_t offset)
{
	struct mr_raw_record raw = {.origin = {topics[0], 0, offset}, .timestamp_ms = -1, .value = mr_str_of(json)};

	mr_task_batch(s->task);
	if (!mr_task_has_user(s->task, MR_LIT("u1")))
		cr_assert(mr_task_install(s->task, MR_LIT("u1"), (struct mr_str){0}, 0));
	mr_task_apply(s->task, mr_task_decode(s->task, &raw));
}

#define EVENT(name, at, k) "{\"type\":\"track\",\"event\":\"" name "\",\"userId\":\"u1\",\"timestamp\":\"2026-03-01T" at \
	"Z\",\"properties\":{\"k\":\"" k "\"}}"

// Carries the page of u1 from one configuration to another.
static void
carry(struct stage *from, struct stage *to)
{
	const struct mr_held *held;

	cr_assert_eq(mr_task_encode(from->task, mr_task_seq(from->task), 10), 1);
	cr_assert_eq(mr_task_chunk(from->task, UINT64_MAX, &held, 1), 1);
	mr_task_resume(to->task, mr_task_seq(from->task));
	cr_assert(mr_task_install(to->task, held->user, held->page, 0));
}

static bool
says(const struct mr_effect *e, const char *text)
{
	return memmem(e->body.p, e->body.n, text, strlen(text)) != NULL;
}

static const struct mr_effect *
effects(const struct stage *s, size_t expected)
{
	size_t n;
	const struct mr_effect *e = mr_task_effects(s->task, &n);

	cr_assert_eq(n, expected, "%zu effects", n);
	return e;
}

Test(rules_change, an_unchanged_rule_goes_on)
{
	struct stage one = stage_new("rules:\n" A_RULE), two = stage_new("rules:\n" A_RULE B_RULE);

	apply(&one, EVENT("A", "10:00:00", "1"), 0);
	carry(&one, &two);
	mr_task_tick(two.task, rules_time("12:00:00"), NULL);
	const struct mr_effect *e = effects(&two, 2);
	cr_expect_eq(e[0].output, MR_OUT_ACTION);
	// The rule set is the one in force when the run began.
	cr_expect(says(&e[0], one.config->plan.hash));
	cr_expect(says(&e[1], "\"reason\":\"completed\""));
	stage_free(&one);
	stage_free(&two);
}

static const struct mr_instance *
instance(const struct stage *s)
{
	for (uint16_t i = 0; i < s->config->plan.n_ops; i++) {
		if (strcmp(s->config->plan.ops[i].op->name, "rules") == 0)
			return &s->config->plan.ops[i];
	}
	return NULL;
}

static const struct mr_rules_state *
state(const struct stage *s, const struct mr_instance **inst)
{
	*inst = instance(s);
	return mr_user_state(mr_users_find(mr_task_users(s->task), MR_LIT("u1"), mr_users_hash(MR_LIT("u1"))), *inst);
}

// Its runs end at the next event or timer of the user, with the names that they had.
static void
removed(const char *yaml, bool by_event)
{
	struct stage one = stage_new("rules:\n" A_RULE B_RULE), two = stage_new(yaml);

	apply(&one, EVENT("A", "10:00:00", "1"), 0);
	apply(&one, EVENT("A", "10:01:00", "2"), 1);
	carry(&one, &two);
	if (by_event)
		apply(&two, EVENT("Z", "10:30:00", "1"), 2);
	else
		mr_task_tick(two.task, rules_time("12:00:00"), NULL);
	const struct mr_effect *e = effects(&two, 2);
	for (int i = 0; i < 2; i++) {
		cr_expect(says(&e[i], "\"reason\":\"rule_removed\""));
		cr_expect(says(&e[i], "\"rule\":{\"name\":\"a\""));
		cr_expect(says(&e[i], i ? "\"key\":\"2\"" : "\"key\":\"1\""));
		cr_expect(says(&e[i], by_event ? "\"event\":\"Z\"" : "\"event\":\"A\""));
	}
	mr_task_tick(two.task, rules_time("23:00:00"), NULL);
	effects(&two, 2);
	stage_free(&one);
	stage_free(&two);
}

Test(rules_change, runs_of_a_removed_rule_end)
{
	removed("rules:\n" B_RULE, true);
	removed("rules:\n" B_RULE, false);
}

// Only the present version of a rule is at hand: runs of another one end too.
Test(rules_change, runs_of_a_changed_rule_end)
{
	removed("rules:\n  a: {on: A, for_each: event.properties.k, then: [{wait: 2h}, {send: {channel: c, template: t}}]}\n", true);
}

// A page that is written again before its user is touched keeps what this configuration doesn't know.
Test(rules_change, a_removed_rule_that_comes_back)
{
	struct stage one = stage_new("rules:\n" A_RULE), two = stage_new("rules:\n" B_RULE), three = stage_new("rules:\n" A_RULE);
	const struct mr_instance *inst = NULL;
	struct mr_writer page;
	struct mr_mem mem = {0};
	struct mr_rules_state back = {0};

	apply(&one, EVENT("A", "10:00:00", "1"), 0);
	carry(&one, &two);
	cr_assert(mr_task_roundtrip(two.task));
	const struct mr_rules_state *st = state(&two, &inst);
	cr_assert_eq(st->n_gone, 1);
	mr_writer_init(&page, MR_MSGPACK);
	inst->op->encode(inst->conf, st, &page);
	struct mr_reader r = mr_reader_of(mr_writer_str(&page));
	inst = instance(&three);
	cr_assert(inst->op->decode(inst->conf, &back, &mem, &r));
	cr_expect_eq(back.n_runs, 1);
	cr_expect_eq(back.n_gone, 0);
	inst->op->release(inst->conf, &back, &mem);
	cr_expect_eq(mem.bytes, 0);
	mr_writer_free(&page);
	stage_free(&one);
	stage_free(&two);
	stage_free(&three);
}

// What a rule remembers is kept by its name, whatever else of it changed.
Test(rules_change, memories_outlive_a_change)
{
	struct stage one = stage_new("rules:\n" B_RULE);
	struct stage two = stage_new("output: {decisions: {topic: d, entry: write}}\n"
	    "rules:\n  b: {on: A, again_after: 2h, then: [{tag: {add: y}}]}\n");

	apply(&one, EVENT("A", "10:00:00", "1"), 0);
	carry(&one, &two);
	apply(&two, EVENT("A", "11:59:59", "1"), 1);
	apply(&two, EVENT("A", "12:00:00", "1"), 2);
	const struct mr_effect *e = effects(&two, 2);
	cr_expect(says(&e[0], "\"reason\":\"again_too_soon\""));
	cr_expect(says(&e[1], "\"reason\":\"completed\""));
	stage_free(&one);
	stage_free(&two);
}

// ---- emptiness and memory ----

// A record with nothing in it is empty, whatever was in it before.
Test(rules_change, nothing_is_left_of_what_ended)
{
	struct stage s = stage_new("rules:\n" A_RULE "  c: {on: A, then: [{tag: {add: x, for: 1h}}]}\n");
	const struct mr_instance *inst = NULL;

	apply(&s, EVENT("A", "10:00:00", "1"), 0);
	const struct mr_rules_state *st = state(&s, &inst);
	cr_expect_eq(st->n_runs, 1);
	cr_expect_eq(st->n_tags, 1);
	cr_expect(!inst->op->empty(inst->conf, st));
	mr_task_tick(s.task, rules_time("12:00:00"), NULL);
	st = state(&s, &inst);
	cr_expect(inst->op->empty(inst->conf, st));
	cr_expect_eq(st->next, 0);
	stage_free(&s);
}

// An event that no rule names leaves the record as it is.
Test(rules_change, other_events_cost_nothing)
{
	struct stage s = stage_new("rules:\n" A_RULE);
	const struct mr_instance *inst = NULL;

	apply(&s, EVENT("Z", "10:00:00", "1"), 0);
	const struct mr_rules_state *st = state(&s, &inst);
	cr_expect(inst->op->empty(inst->conf, st));
	cr_expect_eq(st->cap_runs + st->cap_memos + st->cap_tags, 0);
	stage_free(&s);
}
