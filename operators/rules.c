// Rules: small state machines that turn events into actions. See rules/rules.h for the parts.
#include "rules/rules.h"

static size_t
rules_state_size(const void *conf)
{
	(void)conf;
	return sizeof(struct mr_rules_state);
}

// Live runs first, in the order in which they began; then rules that the event may begin, by
// priority and name. So an event that ends a run may begin the next one.
static void
rules_on_event(struct mr_ctx *ctx, const void *conf_, void *state)
{
	const struct mr_rules *conf = conf_;
	struct mr_rules_state *st = state;
	const struct mr_touched *t = mr_rules_touched(conf, ctx->event);

	if (st->n_gone > 0) {
		struct mr_cause cause = mr_cause_event(ctx->event);
		mr_runs_sweep(ctx, conf, st, &cause);
	}
	if (t->runs && st->n_runs > 0)
		mr_runs_event(ctx, conf, st);
	for (uint32_t i = 0; i < t->n; i++)
		mr_rules_enter(ctx, conf, st, &conf->rules[t->rules[i]]);
}

static void
rules_on_timer(struct mr_ctx *ctx, const void *conf, void *state, const struct mr_timer *timer)
{
	if (((struct mr_rules_state *)state)->n_gone > 0) {
		struct mr_cause cause = {.timer = true, .due_ms = timer->due_ms};
		mr_runs_sweep(ctx, conf, state, &cause);
	}
	if (timer->key & 1)
		mr_tag_expire(ctx, conf, state, timer->key / 2);
	else
		mr_run_timer_fired(ctx, conf, state, timer->key / 2, timer->due_ms);
}

static struct mr_value
rules_read(struct mr_ctx *ctx, const void *conf, const void *state, uint32_t index)
{
	(void)conf;
	MR_ASSERT(index == 0);   // user.tags
	return mr_tag_list(ctx, state);
}

static const struct mr_inner inner[] = {
	{"*", mr_rule_params},
	{"*.cancel_on[]", mr_cancel_params},
	{"*.then[]", mr_step_params},
	{"*.then[].wait", mr_until_params},
	{"*.then[].wait_for", mr_wait_for_params},
	{"*.then[].send", mr_send_params},
	{"*.then[].tag", mr_tag_params},
	{NULL, NULL},
};

const struct mr_operator mr_operator_rules = {
	.name = "rules",
	.text = "Rules by name: what turns events into actions.",
	.inner = inner,
	.version = MR_RULES_VERSION,
	.always = true,
	.setup = mr_rules_setup,
	.compile = mr_rules_compile,
	.state_size = rules_state_size,
	.on_event = rules_on_event,
	.on_timer = rules_on_timer,
	.read = rules_read,
	.empty = mr_rules_empty,
	.encode = mr_rules_encode,
	.decode = mr_rules_decode,
	.release = mr_rules_release,
};
