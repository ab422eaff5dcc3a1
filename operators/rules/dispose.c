// The arbiter: rules propose, this one place decides what becomes of it. The checks stand in the
// order of the contract; those of a later version (suppression, consent, reach, expiry and holds,
// caps, quotas, holdout) have their place between the ones that are here.
#include "rules.h"

// Values of `data` as written; absent where any of them is, and *spent where that is because an
// expression went over its cost.
static struct mr_value
value_of(struct mr_live *l, const struct mr_data *d, bool *spent)
{
	if (d->kind == MR_DATA_EXPR) {
		struct mr_value v = mr_eval(l->ctx, d->expr, &l->frame);
		*spent = mr_eval_spent(l->ctx);
		return v.type == MR_UNKNOWN ? mr_absent() : v;
	}
	struct mr_value out = {.type = d->kind == MR_DATA_MAP ? MR_MAP : MR_LIST, .n = d->n};
	struct mr_value *items = NULL;
	struct mr_member *members = NULL;
	if (d->n && d->kind == MR_DATA_MAP)
		out.members = members = mr_arena_alloc(l->ctx->arena, d->n * sizeof(*members));
	else if (d->n)
		out.items = items = mr_arena_alloc(l->ctx->arena, d->n * sizeof(*items));
	for (uint32_t i = 0; i < d->n; i++) {
		struct mr_value v = value_of(l, &d->items[i], spent);
		if (v.type == MR_ABSENT)
			return v;
		if (members)
			members[i] = (struct mr_member){d->keys[i], v};
		else
			items[i] = v;
	}
	return out;
}

// Bytes of a value: text as it is, 8 for anything else, and 1 for each member or item.
static size_t
weight(const struct mr_value *v, int depth)
{
	size_t n = 8;

	if (v->type == MR_STRING)
		return v->n;
	if (depth > MR_WRITER_DEPTH - 4)
		return MR_DATA_BYTES_MAX + 1;   // too deep to be written
	if (v->type == MR_LIST) {
		for (uint32_t i = 0; i < v->n; i++)
			n += 1 + weight(&v->items[i], depth + 1);
	} else if (v->type == MR_MAP) {
		for (uint32_t i = 0; i < v->n; i++)
			n += 1 + v->members[i].key.n + weight(&v->members[i].value, depth + 1);
	}
	return n;
}

// NULL: it goes out.
static const char *
refusal(const struct mr_proposal *p, bool spent)
{
	// Not missing, nor too large: the data are not known, so none of the checks between can be made.
	if (spent)
		return "error_budget";
	if (p->data.type == MR_ABSENT)
		return "data_missing";
	if (weight(&p->data, 0) > MR_DATA_BYTES_MAX)
		return "too_large";
	return NULL;
}

// What `as` names tells later steps of the run.
static void
tell(struct mr_live *l, const struct mr_step *s, const char *id, const char *reason)
{
	int space = MR_SPACE_NAMED + s->name;

	if (s->name < 0)
		return;
	MR_ASSERT((uint32_t)s->name < l->rule->n_names && l->rule->names[s->name].is_send);
	if (l->values[space] == NULL) {
		l->values[space] = mr_arena_alloc(l->ctx->arena, MR_SENT_FIELDS * sizeof(struct mr_value));
		l->frame.spaces[space] = l->values[space];
		l->frame.sizes[space] = MR_SENT_FIELDS;
	}
	struct mr_value *v = l->values[space];
	v[MR_SENT_ID] = mr_string(mr_arena_copy(l->ctx->arena, mr_str_of(id)));
	v[MR_SENT_SENT] = mr_bool(reason == NULL);
	v[MR_SENT_REASON] = reason ? mr_string(mr_str_of(reason)) : mr_absent();
	v[MR_SENT_CHANNEL] = mr_string(s->send->channel);
	l->changed = true;
}

void
mr_rules_propose(struct mr_live *l, const struct mr_step *s)
{
	char id[33];
	bool spent = false;
	struct mr_proposal p = {
		.id = id, .send = s->send, .path = s->path, .data = value_of(l, &s->send->data, &spent), .why = mr_why(l),
		.expires_ms = s->send->expires_ms ? l->ctx->now_ms + s->send->expires_ms : 0,
	};

	MR_ASSERT(s->op == MR_STEP_SEND && p.data.type != MR_LIST);
	mr_action_id(l->subject.id, s->path, id);
	const char *reason = refusal(&p, spent);
	if (reason == NULL && !mr_write_action(l->ctx, l->conf, &l->subject, &p))
		reason = "too_large";
	if (reason)
		mr_write_decision(l->ctx, l->conf, &l->subject, &p, "send", reason, INT64_MIN, NULL);
	tell(l, s, id, reason);
}
