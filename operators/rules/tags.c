// Tags of a user: words that rules give and take, for a time or for good.
#include "rules.h"

static struct mr_tag *
find(const struct mr_rules_state *st, struct mr_str name)
{
	for (uint32_t i = 0; i < st->n_tags; i++) {
		if (mr_str_eq((struct mr_str){st->tags[i].name, st->tags[i].n}, name))
			return &st->tags[i];
	}
	return NULL;
}

void
mr_tag_release(struct mr_tag *t, struct mr_mem *mem)
{
	mr_mem_resize(mem, t->name, t->n, 0);
}

static void
derive(struct mr_ctx *ctx, int32_t id, struct mr_str event, struct mr_str name)
{
	struct mr_member *m = mr_arena_alloc(ctx->arena, sizeof(*m));

	*m = (struct mr_member){MR_LIT("tag"), mr_string(mr_arena_copy(ctx->arena, name))};
	mr_derive(ctx, id, event, m, 1);
}

void
mr_tag_add(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st, struct mr_str name, int64_t for_ms)
{
	int64_t until_ms = for_ms ? ctx->now_ms + for_ms : INT64_MAX;
	struct mr_tag *t = find(st, name);
	bool is_new = t == NULL;

	MR_ASSERT(name.n > 0 && for_ms >= 0);
	if (is_new && st->n_tags == MR_TAGS_MAX) {
		mr_count(ctx, MR_C_BOUND_CUT);
		return;
	}
	if (is_new) {
		st->tags = mr_rules_grow(ctx->mem, st->tags, st->n_tags, &st->cap_tags, sizeof(*st->tags));
		t = &st->tags[st->n_tags++];
		*t = (struct mr_tag){.number = st->next++, .until_ms = until_ms, .n = (uint32_t)name.n};
		t->name = mr_mem_resize(ctx->mem, NULL, 0, name.n);
		memcpy(t->name, name.p, name.n);
	} else if (until_ms > t->until_ms) {
		t->until_ms = until_ms;
	}
	if (t->until_ms == INT64_MAX)
		mr_timer_clear(ctx, mr_tag_timer(t->number));
	else
		mr_timer_set(ctx, mr_tag_timer(t->number), t->until_ms);
	if (is_new)
		derive(ctx, conf->tag_added, MR_LIT("Tag Added"), name);
}

static void
take(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st, struct mr_tag *t)
{
	uint32_t at = (uint32_t)(t - st->tags);

	MR_ASSERT(at < st->n_tags);
	derive(ctx, conf->tag_removed, MR_LIT("Tag Removed"), (struct mr_str){t->name, t->n});
	mr_timer_clear(ctx, mr_tag_timer(t->number));
	mr_tag_release(t, ctx->mem);
	st->n_tags--;
	memmove(t, t + 1, (st->n_tags - at) * sizeof(*t));
	if (st->n_runs == 0 && st->n_tags == 0)
		st->next = 0;
}

void
mr_tag_remove(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st, struct mr_str name)
{
	struct mr_tag *t = find(st, name);

	if (t)
		take(ctx, conf, st, t);
}

void
mr_tag_expire(struct mr_ctx *ctx, const struct mr_rules *conf, struct mr_rules_state *st, uint64_t number)
{
	for (uint32_t i = 0; i < st->n_tags; i++) {
		if (st->tags[i].number == number) {
			take(ctx, conf, st, &st->tags[i]);
			return;
		}
	}
	MR_ASSERT(!"a tag's timer goes with the tag");
}

struct mr_value
mr_tag_list(struct mr_ctx *ctx, const struct mr_rules_state *st)
{
	struct mr_value *items = NULL;

	if (st->n_tags)
		items = mr_arena_alloc(ctx->arena, st->n_tags * sizeof(*items));
	for (uint32_t i = 0; i < st->n_tags; i++)
		items[i] = mr_string((struct mr_str){st->tags[i].name, st->tags[i].n});
	return (struct mr_value){.type = MR_LIST, .n = st->n_tags, .items = items};
}
