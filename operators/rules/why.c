// What the conditions on the way to an action read: told in the action with output.explain.
#include "rules.h"

static struct mr_value
read_now(struct mr_live *l, const struct mr_read *r)
{
	if (r->space < 0)
		return mr_user_value(l->ctx, (int32_t)r->number);
	if (r->space == MR_SPACE_EVENT)
		return l->ctx->event ? mr_event_field(l->ctx->event, r->number) : mr_absent();
	const struct mr_value *values = l->frame.spaces[r->space];
	return values && r->number < l->frame.sizes[r->space] ? values[r->number] : mr_absent();
}

static void
put(struct mr_live *l, struct mr_str name, struct mr_value v)
{
	uint32_t at = 0;

	MR_ASSERT(l->why != NULL && l->n_why <= MR_WHY_MAX);
	while (at < l->n_why && !mr_str_eq(l->why[at].key, name))
		at++;
	if (at == MR_WHY_MAX)
		return;
	l->why[at] = (struct mr_member){name, v};
	l->n_why += at == l->n_why;
}

void
mr_why_add(struct mr_live *l, const struct mr_reads *reads)
{
	if (reads->n == 0 || !mr_emit_explain(l->ctx))
		return;
	if (l->why == NULL)
		l->why = mr_arena_alloc(l->ctx->arena, MR_WHY_MAX * sizeof(*l->why));
	for (uint32_t i = 0; i < reads->n; i++) {
		struct mr_value v = read_now(l, &reads->items[i]);
		if (v.type != MR_ABSENT && v.type != MR_UNKNOWN)
			put(l, reads->items[i].name, v);
	}
	l->changed = true;
}

struct mr_value
mr_why(const struct mr_live *l)
{
	return l->n_why ? (struct mr_value){.type = MR_MAP, .n = l->n_why, .members = l->why} : mr_absent();
}

void
mr_why_restore(struct mr_live *l, struct mr_value map)
{
	if (map.type != MR_MAP)
		return;
	l->why = mr_arena_alloc(l->ctx->arena, MR_WHY_MAX * sizeof(*l->why));
	for (uint32_t i = 0; i < map.n; i++)
		put(l, map.members[i].key, map.members[i].value);
}
