// Whether a run begins: the checks in the order of the contract.
#include "rules.h"

#include "expr/expr.h"

static void
refuse(struct mr_ctx *ctx, const struct mr_rules *conf, const struct mr_rule *rule, struct mr_str key,
    enum mr_counter counter, const char *reason, int64_t until_ms)
{
	const struct mr_event *e = ctx->event;
	char id[33];

	mr_count(ctx, counter);
	if (!mr_emit_entry_decisions(ctx) || !mr_emit_wanted(ctx, MR_OUT_DECISION))
		return;
	mr_run_id(ctx, conf, rule, key, id);
	struct mr_subject subject = {
		.rule = rule->name, .hash = mr_str_of(rule->hash), .category = rule->category,
		.set = mr_str_of(ctx->rule_set),
		.id = mr_str_of(id), .key = key, .anonymous_id = e->anonymous_id, .traceparent = e->traceparent,
		.priority = rule->priority, .started_ms = INT64_MIN, .cause = mr_cause_event(e),
	};
	mr_write_decision(ctx, conf, &subject, NULL, "entry", reason, until_ms, NULL);
}

// The key as text; empty where it is absent, or too long for an id (which is counted).
static struct mr_str
key_of(struct mr_ctx *ctx, const struct mr_rule *rule, const struct mr_frame *frame)
{
	struct mr_str key = {0};

	if (rule->for_each == NULL)
		return key;
	key = mr_value_text(mr_eval(ctx, rule->for_each, frame), ctx->arena);
	if (key.n > MR_KEY_BYTES_MAX) {
		mr_count(ctx, MR_C_BOUND_CUT);
		key = (struct mr_str){0};
	}
	return key;
}

// The checks behind `when` and at_least. A live run that the event restarts makes room for the new
// one: again_after and at_most were passed by the first of them, and are not asked again.
static bool
admit(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st, const struct mr_rule *rule,
    struct mr_str key, const struct mr_run *live)
{
	const struct mr_event *e = ctx->event;
	int64_t until_ms = INT64_MIN;

	if (ctx->now_ms - e->time_ms > conf->time.old_ms)
		refuse(ctx, conf, rule, key, MR_C_ENTRY_TRIGGER_TOO_OLD, "trigger_too_old", INT64_MIN);
	else if (rule->for_each && key.n == 0)
		refuse(ctx, conf, rule, key, MR_C_ENTRY_KEY_MISSING, "key_missing", INT64_MIN);
	else if (live && !(rule->restart && e->time_ms >= live->time_ms))
		refuse(ctx, conf, rule, key, MR_C_ENTRY_ALREADY_RUNNING, "already_running", INT64_MIN);
	else if (live)
		return true;
	else if (!mr_memo_again(ctx, st, rule, key, &until_ms))
		refuse(ctx, conf, rule, key, MR_C_ENTRY_AGAIN_TOO_SOON, "again_too_soon", until_ms);
	else if (!mr_memo_most(ctx, st, rule))
		refuse(ctx, conf, rule, key, MR_C_ENTRY_LIMIT, "entry_limit", INT64_MIN);
	else if (st->n_runs >= MR_RUNS_MAX)
		refuse(ctx, conf, rule, key, MR_C_ENTRY_RUN_LIMIT, "run_limit", INT64_MIN);
	else
		return true;
	return false;
}

void
mr_rules_enter(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st, const struct mr_rule *rule)
{
	const struct mr_event *e = ctx->event;
	struct mr_value run_values[MR_RUN_FIELDS] = {[MR_RUN_STARTED_AT] = mr_time(ctx->now_ms)};
	struct mr_frame frame = {0};
	char id[33];

	MR_ASSERT(e != NULL && mr_selects(&rule->on, e));
	frame.spaces[MR_SPACE_TRIGGER] = e->fields;
	frame.sizes[MR_SPACE_TRIGGER] = e->n_fields;
	frame.spaces[MR_SPACE_RUN] = run_values;
	frame.sizes[MR_SPACE_RUN] = MR_RUN_FIELDS;
	struct mr_str key = key_of(ctx, rule, &frame);
	if (key.n)
		run_values[MR_RUN_KEY] = mr_string(key);
	if (rule->when && !mr_test(ctx, rule->when, &frame))
		return;
	bool keyed = rule->for_each == NULL || key.n > 0;
	if (rule->at_least.n && keyed && !mr_memo_least(ctx, conf, st, rule, key, e->time_ms))
		return;
	struct mr_run *live = mr_run_find(st, rule, key);
	if (!admit(ctx, conf, st, rule, key, live))
		return;
	if (live) {
		struct mr_cause cause = mr_cause_event(e);
		mr_run_end(ctx, conf, st, live, "restarted", &cause);
	}
	mr_count(ctx, MR_C_RULE_FIRED);
	mr_memo_began(ctx, conf, st, rule, key, live != NULL);
	mr_run_id(ctx, conf, rule, key, id);
	mr_run_begin(ctx, conf, st, rule, key, id);
}
