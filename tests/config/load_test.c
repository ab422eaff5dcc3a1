// A whole configuration: sections, defaults, operators in two rounds, the plan.
#include "config/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

struct dwell {
	int64_t most_ms, keep;
	const struct mr_node *rules;
	const struct mr_expr *when;
};

static const struct mr_param dwell_params[] = {
	{.name = "most", .type = MR_P_DURATION, .offset = offsetof(struct dwell, most_ms), .def = "30m", .min = 1, .max = 86400000.0},
	{.name = "keep", .type = MR_P_INT, .offset = offsetof(struct dwell, keep), .def = "8", .min = 1, .max = 100},
	{.name = "rules", .type = MR_P_NODE, .offset = offsetof(struct dwell, rules)},
	{.name = "later", .type = MR_P_NOT_YET},
	MR_PARAMS_END,
};

static void *
dwell_setup(struct mr_setup *s, const struct mr_node *node)
{
	struct dwell *d = mr_setup_alloc(s, sizeof(*d));

	if (!mr_setup_params(s, node, dwell_params, d))
		return NULL;
	return mr_setup_offer(s, "user", MR_LIT("dwell"), MR_DURATION, 7, node) ? d : NULL;
}

static size_t
dwell_size(const void *conf)
{
	(void)conf;
	return 24;
}

static const struct mr_operator dwell = {
	.name = "dwell", .params = dwell_params, .version = 1, .setup = dwell_setup, .state_size = dwell_size,
};

static struct mr_config *
load(const char *text, char **errors)
{
	struct mr_config_options options = {.extra = &dwell};

	return mr_config_load("x.yaml", text, &options, errors, NULL);
}

static struct mr_config *
good(const char *text)
{
	char *errors = NULL;
	struct mr_config *c = load(text, &errors);

	cr_assert(c != NULL, "%s", errors);
	return c;
}

Test(load, defaults)
{
	struct mr_config *c = good("app: shop\ninput: {events: {topic: clicks}}\n");

	cr_assert(mr_str_eq(c->app, MR_LIT("shop")));
	cr_assert(mr_str_eq(c->events, MR_LIT("clicks")));
	cr_assert_eq(c->outcomes.n, 0);
	cr_assert(mr_str_eq(c->actions, MR_LIT("actions.{channel}")));
	cr_assert(mr_str_eq(c->decisions, MR_LIT("shop.decisions")));
	cr_assert(mr_str_eq(c->dead_letters, MR_LIT("shop.dead-letters")));
	cr_assert_eq(c->plan.time.grace_ms, 10000);
	cr_assert_eq(c->plan.time.old_ms, 6 * 3600000);
	cr_assert(c->plan.ticks);
	cr_assert_eq(c->commit_interval_ms, 50);
	cr_assert_eq(c->n_kafka, 1);
	cr_assert_eq(strlen(c->plan.hash), 32);
	mr_config_free(c);
}

Test(load, an_operator_by_its_key)
{
	struct mr_config *c = good("app: shop\ninput: {events: events}\ndwell: {most: 1h, keep: 3}\n");
	const struct mr_plan *plan = &c->plan;
	uint16_t at = 0;

	while (at < plan->n_ops && plan->ops[at].op != &dwell)
		at++;
	cr_assert_lt(at, plan->n_ops);
	const struct dwell *d = plan->ops[at].conf;
	cr_assert_eq(d->most_ms, 3600000);
	cr_assert_eq(d->keep, 3);
	cr_assert_eq(plan->ops[at].state_offset % 16, 0);
	cr_assert_geq(plan->states_size, plan->ops[at].state_offset + 32);
	bool offered = false;
	for (uint32_t i = 0; i < plan->n_offers; i++)
		if (mr_str_eq(plan->offers[i].name, MR_LIT("dwell"))) {
			offered = true;
			cr_assert_eq(plan->offers[i].op, at);
			cr_assert_eq(plan->offers[i].index, 7);
		}
	cr_assert(offered);
	mr_config_free(c);
}

Test(load, an_operator_that_is_not_named_is_not_set_up)
{
	struct mr_config *c = good("app: shop\ninput: {events: events}\n");

	for (uint16_t i = 0; i < c->plan.n_ops; i++)
		cr_assert(c->plan.ops[i].op != &dwell);
	mr_config_free(c);
}

Test(load, lists_every_error)
{
	char *errors = NULL;

	cr_assert_null(load("app: shop\ninput: {events: events}\nconsent: {a: b}\ndwell: {most: 2x, kep: 1, later: 1}\ncaps: 3\n", &errors));
	cr_assert_str_eq(errors,
	    "x.yaml:3:1: consent: not yet; this version of Millrace does not have it, remove the key\n"
	    "x.yaml:4:15: 2x: expected a length of time like 250ms, 30m, 1h30m or 7d\n"
	    "x.yaml:4:19: kep: no such key here; did you mean keep?\n"
	    "x.yaml:4:27: later: not yet; this version of Millrace does not have it, remove the key\n"
	    "x.yaml:5:1: caps: not yet; this version of Millrace does not have it, remove the key\n");
	free(errors);
}

Test(load, echo_loads_to_the_same_hash)
{
	struct mr_config *c = good("app: shop\ninput: {events: events}\nredis: redis://u:secret@h/0\ndwell: {most: 3600s}\n"
	    "kafka: {sasl.password: secret}\n");
	char *text = mr_config_echo(c);
	cr_assert_null(strstr(text, "secret"), "%s", text);
	struct mr_config *again = good(text);
	char *more = mr_config_echo(again);

	cr_assert_str_eq(c->plan.hash, again->plan.hash);
	cr_assert_str_eq(text, more);
	cr_assert_not_null(strstr(text, "  most: 1h\n"), "%s", text);
	free(text);
	free(more);
	mr_config_free(c);
	mr_config_free(again);
}

Test(load, echo_keeps_what_looks_like_a_variable)
{
	struct mr_config *c = good("app: shop\ninput: {events: events}\n"
	    "dwell: {rules: {'a${b}': '$${HOME} $$ $ {x} $$${', \"\\x85 \\u2028 \\n\": \"\\t \\\" \\\\ \\e ' # : \"}}\n");
	char *text = mr_config_echo(c);
	struct mr_config *again = good(text);
	char *more = mr_config_echo(again);

	cr_assert_str_eq(c->plan.hash, again->plan.hash, "%s", text);
	cr_assert_str_eq(text, more);
	cr_assert_not_null(strstr(text, "a${b}: \"$${HOME} $$ $ {x} $$${\"\n"), "%s", text);
	free(text);
	free(more);
	mr_config_free(c);
	mr_config_free(again);
}
