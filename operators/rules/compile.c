// The second round: expressions, what runs must keep for them, and the index by event.
#include "rules.h"

struct uses {
	struct mr_setup *setup;
	struct mr_rule *rule;
	struct mr_read reads[MR_READS_MAX];   // of the expression being compiled
	uint32_t n_reads;
};

// A slot for a value that a run keeps. Slots are numbered in the order in which the rule's own text
// asks for them: stored runs name them by that number, beside the rule's hash.
static void
add_slot(struct mr_setup *setup, struct mr_rule *r, int space, uint32_t number)
{
	MR_ASSERT(space >= 0 && space < MR_SPACE_MAX);
	for (uint32_t i = 0; i < r->n_slots; i++) {
		if (r->slots[i].space == space && r->slots[i].number == number)
			return;
	}
	if (r->n_slots == r->cap_slots) {
		uint32_t cap = r->cap_slots ? r->cap_slots * 2 : 8;
		struct mr_slot *slots = mr_setup_alloc(setup, cap * sizeof(*slots));
		if (r->n_slots)
			memcpy(slots, r->slots, r->n_slots * sizeof(*slots));
		r->slots = slots;
		r->cap_slots = cap;
	}
	r->slots[r->n_slots++] = (struct mr_slot){(uint8_t)space, number};
	if (r->sizes[space] <= number)
		r->sizes[space] = number + 1;
}

static void
note_use(void *arg, int space, uint32_t number)
{
	struct uses *u = arg;

	if (space == MR_SPACE_TRIGGER || space >= MR_SPACE_NAMED)
		add_slot(u->setup, u->rule, space, number);
}

static void
note_read(void *arg, struct mr_str name, int space, uint32_t number)
{
	struct uses *u = arg;

	for (uint32_t i = 0; i < u->n_reads; i++) {
		if (mr_str_eq(u->reads[i].name, name))
			return;
	}
	if (u->n_reads < MR_READS_MAX)
		u->reads[u->n_reads++] = (struct mr_read){name, space, number};
}

static void
take_reads(struct uses *u, struct mr_reads *out)
{
	out->n = u->n_reads;
	out->items = mr_setup_alloc(u->setup, (u->n_reads + 1) * sizeof(*out->items));
	memcpy(out->items, u->reads, u->n_reads * sizeof(*out->items));
}

static bool
compile(struct uses *u, const struct mr_node *node, int event_space, uint16_t visible, enum mr_type want,
    const struct mr_expr **out)
{
	struct mr_scope_name names[MR_NAMES_MAX];
	struct mr_scope scope = {
		.event_space = event_space, .run = true, .run_key = u->rule->key_node != NULL,
		.names = names, .n_names = u->rule->n_names, .uses = note_use, .reads = note_read, .arg = u,
	};

	*out = NULL;
	u->n_reads = 0;
	if (node == NULL)
		return true;
	// A name that is not given yet where the expression stands has no text, so nothing finds it.
	for (uint32_t i = 0; i < u->rule->n_names; i++) {
		names[i] = u->rule->names[i];
		if (!(visible >> i & 1))
			names[i].name = (struct mr_str){0};
	}
	*out = mr_setup_expr(u->setup, node, &scope, want);
	return *out != NULL;
}

// At the entry there is no run yet: nothing that they read need be kept.
static bool
compile_entry(struct uses *u)
{
	struct mr_scope scope = {.event_space = MR_SPACE_EVENT, .run = true, .reads = note_read, .arg = u};
	struct mr_rule *r = u->rule;
	bool ok = true;

	if (r->key_node) {
		r->for_each = mr_setup_expr(u->setup, r->key_node, &scope, MR_ANY);
		ok = r->for_each != NULL;
		if (ok && (mr_expr_type(r->for_each) == MR_LIST || mr_expr_type(r->for_each) == MR_MAP)) {
			mr_setup_error(u->setup, r->key_node, "for_each needs text, a number or a time, not a list or map");
			ok = false;
		}
	}
	scope.run_key = r->key_node != NULL;
	if (r->when_node) {
		u->n_reads = 0;
		r->when = mr_setup_expr(u->setup, r->when_node, &scope, MR_BOOL);
		take_reads(u, &r->reads);
		ok = r->when != NULL && ok;
	}
	return ok;
}

static bool
compile_data(struct uses *u, struct mr_data *d, uint16_t visible)
{
	bool ok = true;

	if (d->kind == MR_DATA_EXPR)
		return compile(u, d->node, MR_SPACE_TRIGGER, visible, MR_ANY, &d->expr);
	for (uint32_t i = 0; i < d->n; i++)
		ok = compile_data(u, &d->items[i], visible) && ok;
	return ok;
}

static bool
compile_step(struct uses *u, struct mr_step *s)
{
	bool waits_for = s->op == MR_STEP_WAIT_FOR;
	bool ok = compile(u, s->node, waits_for ? MR_SPACE_EVENT : MR_SPACE_TRIGGER, s->visible,
	    s->op == MR_STEP_WAIT ? MR_TIME : MR_BOOL, &s->expr);

	if (s->expr && s->op != MR_STEP_WAIT)
		take_reads(u, &s->reads);
	if (s->op == MR_STEP_SEND) {
		ok = compile_data(u, &s->send->data, s->visible) && ok;
		for (uint32_t i = 0; s->name >= 0 && i < MR_SENT_FIELDS; i++)
			add_slot(u->setup, u->rule, MR_SPACE_NAMED + s->name, i);
	}
	return ok;
}

static bool
compile_rule(struct mr_setup *setup, struct mr_rule *r)
{
	struct uses u = {.setup = setup, .rule = r};
	MR_ASSERT(r->n_names <= MR_NAMES_MAX);
	uint16_t all = (uint16_t)((1u << r->n_names) - 1);
	bool ok = compile_entry(&u);

	for (uint32_t i = 0; i < r->n_cancels; i++)
		ok = compile(&u, r->cancels[i].node, MR_SPACE_EVENT, all, MR_BOOL, &r->cancels[i].when) && ok;
	for (uint32_t i = 0; i < r->n_steps; i++)
		ok = compile_step(&u, &r->steps[i]) && ok;
	return ok;
}

// ---- the index ----

struct builder {
	struct mr_setup *setup;
	struct mr_rules *conf;
	bool fill;               // the second pass writes what the first one counted
};

static void
touch(struct builder *b, struct mr_touched *t, uint16_t rule)
{
	// A rule whose `on` names an event twice is asked once.
	MR_ASSERT(rule < b->conf->n);
	if (b->fill) {
		if (t->n > 0 && t->rules[t->n - 1] == rule)
			return;
		t->rules[t->n] = rule;
	}
	t->n++;
}

static void
touch_on(struct builder *b, const struct mr_rule *r)
{
	for (uint32_t i = 0; i < r->on.n; i++)
		touch(b, &b->conf->by_name[r->on.names[i]], r->index);
	for (int i = 0; i <= MR_ALIAS; i++) {
		if (r->on.types >> i & 1)
			touch(b, &b->conf->by_type[i], r->index);
	}
	if (r->on.types >> MR_TRACK & 1) {
		for (uint32_t i = 0; i < b->conf->n_by_name; i++)
			touch(b, &b->conf->by_name[i], r->index);
	}
}

static void
touch_runs(struct mr_rules *conf, const struct mr_selector *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		conf->by_name[s->names[i]].runs = true;
	for (int i = 0; i <= MR_ALIAS; i++) {
		if (s->types >> i & 1)
			conf->by_type[i].runs = true;
	}
}

static uint32_t
names_end(const struct mr_selector *s, uint32_t end)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if ((uint32_t)s->names[i] >= end)
			end = (uint32_t)s->names[i] + 1;
	}
	return end;
}

static void
alloc_touched(struct mr_setup *setup, struct mr_touched *t)
{
	t->rules = mr_setup_alloc(setup, (t->n + 1) * sizeof(*t->rules));
	t->n = 0;
}

// Rules by falling priority; they are sorted by name already, which settles ties.
static void
fill_index(struct builder *b)
{
	for (int32_t priority = 100; priority >= -100; priority--) {
		for (uint32_t i = 0; i < b->conf->n; i++) {
			if (b->conf->rules[i].priority == priority)
				touch_on(b, &b->conf->rules[i]);
		}
	}
}

static void
index_rules(struct mr_setup *setup, struct mr_rules *conf)
{
	struct builder b = {setup, conf, false};

	for (uint32_t i = 0; i < conf->n; i++) {
		const struct mr_rule *r = &conf->rules[i];
		conf->n_by_name = names_end(&r->on, conf->n_by_name);
		for (uint32_t k = 0; k < r->n_cancels; k++)
			conf->n_by_name = names_end(&r->cancels[k].on, conf->n_by_name);
		for (uint32_t k = 0; k < r->n_steps; k++)
			conf->n_by_name = names_end(&r->steps[k].on, conf->n_by_name);
	}
	conf->by_name = mr_setup_alloc(setup, (conf->n_by_name + 1) * sizeof(*conf->by_name));
	for (uint32_t i = 0; i < conf->n; i++) {
		const struct mr_rule *r = &conf->rules[i];
		touch_on(&b, r);
		for (uint32_t k = 0; k < r->n_cancels; k++)
			touch_runs(conf, &r->cancels[k].on);
		for (uint32_t k = 0; k < r->n_steps; k++)
			touch_runs(conf, &r->steps[k].on);
	}
	for (uint32_t i = 0; i < conf->n_by_name; i++)
		conf->by_name[i].runs |= conf->by_type[MR_TRACK].runs;
	for (uint32_t i = 0; i < conf->n_by_name; i++)
		alloc_touched(setup, &conf->by_name[i]);
	for (int i = 0; i <= MR_ALIAS; i++)
		alloc_touched(setup, &conf->by_type[i]);
	b.fill = true;
	fill_index(&b);
}

bool
mr_rules_compile(struct mr_setup *setup, void *conf_)
{
	struct mr_rules *conf = conf_;
	bool ok = true;

	conf->user_locale = mr_setup_user(setup, "user", MR_LIT("locale"));
	conf->user_timezone = mr_setup_user(setup, "user", MR_LIT("timezone"));
	for (uint32_t i = 0; i < conf->n; i++)
		ok = compile_rule(setup, &conf->rules[i]) && ok;
	if (ok)
		index_rules(setup, conf);
	return ok;
}
