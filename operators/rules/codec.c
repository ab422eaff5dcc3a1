// A user's state to msgpack and back: [version, next, runs, memories, tags].
#include "rules.h"

enum { RUN_ITEMS = 18, MEMO_ITEMS = 5, TAG_ITEMS = 3 };

void *
mr_rules_grow(struct mr_mem *mem, void *items, uint32_t n, uint32_t *cap, size_t size)
{
	if (n < *cap)
		return items;
	uint32_t more = *cap ? *cap * 2 : 1;
	items = mr_mem_resize(mem, items, *cap * size, more * size);
	*cap = more;
	return items;
}

void
mr_run_release(struct mr_run *run, struct mr_mem *mem)
{
	mr_mem_resize(mem, run->block, run->ends[MR_PARTS - 1], 0);
	run->block = NULL;
}

void
mr_run_set_parts(struct mr_run *run, struct mr_mem *mem, const struct mr_str parts[MR_PARTS])
{
	size_t total = 0;
	uint32_t at = 0;

	for (int i = 0; i < MR_PARTS; i++)
		total += parts[i].n;
	MR_ASSERT(total < UINT32_MAX);
	char *block = mr_mem_resize(mem, NULL, 0, total);
	struct mr_run old = *run;
	for (int i = 0; i < MR_PARTS; i++) {
		if (parts[i].n)
			memcpy(block + at, parts[i].p, parts[i].n);
		at += (uint32_t)parts[i].n;
		run->ends[i] = at;
	}
	run->block = block;
	mr_run_release(&old, mem);
}

void
mr_rules_release(const void *conf, void *state, struct mr_mem *mem)
{
	struct mr_rules_state *st = state;

	(void)conf;
	for (uint32_t i = 0; i < st->n_runs; i++)
		mr_run_release(&st->runs[i], mem);
	for (uint32_t i = 0; i < st->n_memos; i++)
		mr_memo_release(&st->memos[i], mem);
	for (uint32_t i = 0; i < st->n_tags; i++)
		mr_tag_release(&st->tags[i], mem);
	mr_mem_resize(mem, st->runs, st->cap_runs * sizeof(*st->runs), 0);
	mr_mem_resize(mem, st->memos, st->cap_memos * sizeof(*st->memos), 0);
	mr_mem_resize(mem, st->tags, st->cap_tags * sizeof(*st->tags), 0);
	memset(st, 0, sizeof(*st));
}

bool
mr_rules_empty(const void *conf, const void *state)
{
	const struct mr_rules_state *st = state;

	(void)conf;
	return st->n_runs == 0 && st->n_memos == 0 && st->n_tags == 0;
}

// ---- out ----

// The rule by name and hash, and the step by its path: another version of the configuration, or of
// this program, finds them or knows that they are gone.
static void
encode_run(const struct mr_rules *conf, const struct mr_run *run, struct mr_writer *w)
{
	const struct mr_rule *rule = run->rule == MR_RULE_GONE ? NULL : &conf->rules[run->rule];

	MR_ASSERT(run->rule == MR_RULE_GONE || (uint32_t)run->rule < conf->n);
	MR_ASSERT(rule == NULL || run->step < rule->n_steps);
	mr_write_array(w, RUN_ITEMS);
	mr_write_uint(w, run->number);
	mr_write_str(w, rule ? rule->name : mr_run_part(run, MR_PART_RULE));
	mr_write_str(w, rule ? mr_str_of(rule->hash) : mr_run_part(run, MR_PART_HASH));
	mr_write_str(w, rule ? rule->steps[run->step].path : mr_run_part(run, MR_PART_PATH));
	mr_write_str(w, mr_str_of(run->id));
	mr_write_str(w, mr_str_of(run->set));
	mr_write_int(w, run->started_ms);
	mr_write_int(w, run->reached_ms);
	mr_write_int(w, run->time_ms);
	mr_write_int(w, run->partition);
	mr_write_int(w, run->offset);
	for (int part = MR_PART_KEY; part < MR_PART_VALUES; part++)
		mr_write_str(w, mr_run_part(run, part));
	mr_write_bin(w, mr_run_part(run, MR_PART_VALUES));
}

static void
encode_memo(const struct mr_rules *conf, const struct mr_memo *m, struct mr_writer *w)
{
	MR_ASSERT(m->rule < conf->n);
	MR_ASSERT(m->times == NULL || m->n <= m->cap);
	mr_write_array(w, MEMO_ITEMS);
	mr_write_str(w, conf->rules[m->rule].name);
	mr_write_uint(w, m->kind);
	mr_write_str(w, (struct mr_str){m->key, m->key_n});
	mr_write_uint(w, m->n);
	mr_write_array(w, m->times ? m->n : 0);
	for (uint32_t i = 0; m->times && i < m->n; i++)
		mr_write_int(w, m->times[i]);
}

static void
encode_tag(const struct mr_tag *t, struct mr_writer *w)
{
	mr_write_array(w, TAG_ITEMS);
	mr_write_uint(w, t->number);
	mr_write_str(w, (struct mr_str){t->name, t->n});
	mr_write_int(w, t->until_ms);
}

void
mr_rules_encode(const void *conf, const void *state, struct mr_writer *w)
{
	const struct mr_rules_state *st = state;

	MR_ASSERT(st->n_runs <= MR_RUNS_MAX && st->n_memos <= MR_MEMOS_MAX && st->n_tags <= MR_TAGS_MAX);
	mr_write_array(w, 5);
	mr_write_uint(w, MR_RULES_VERSION);
	mr_write_uint(w, st->next);
	mr_write_array(w, st->n_runs);
	for (uint32_t i = 0; i < st->n_runs; i++)
		encode_run(conf, &st->runs[i], w);
	mr_write_array(w, st->n_memos);
	for (uint32_t i = 0; i < st->n_memos; i++)
		encode_memo(conf, &st->memos[i], w);
	mr_write_array(w, st->n_tags);
	for (uint32_t i = 0; i < st->n_tags; i++)
		encode_tag(&st->tags[i], w);
}

// ---- in ----

// The number of the step with that path where a run can wait, or -1.
static int32_t
find_step(const struct mr_rule *rule, struct mr_str path)
{
	for (uint32_t i = 0; i < rule->n_steps; i++) {
		const struct mr_step *s = &rule->steps[i];
		if ((s->op == MR_STEP_WAIT || s->op == MR_STEP_WAIT_FOR) && mr_str_eq(s->path, path))
			return (int32_t)i;
	}
	return -1;
}

static void
decode_id(struct mr_reader *r, char out[33])
{
	struct mr_str s = mr_read_str(r);

	if (s.n != 32)
		mr_reader_fail(r);
	else
		memcpy(out, s.p, 32);
}

static bool
values_are_sound(struct mr_str values)
{
	struct mr_reader r = mr_reader_of(values);

	while (!mr_reader_done(&r)) {
		mr_read_uint(&r);
		mr_read_skip(&r);
	}
	return mr_reader_ok(&r);
}

static bool
decode_run(const struct mr_rules *conf, struct mr_rules_state *st, struct mr_mem *mem, struct mr_reader *r)
{
	struct mr_str parts[MR_PARTS] = {0};
	struct mr_run run = {.rule = MR_RULE_GONE};

	if (mr_read_array(r) != RUN_ITEMS)
		return false;
	run.number = mr_read_uint(r);
	parts[MR_PART_RULE] = mr_read_str(r);
	parts[MR_PART_HASH] = mr_read_str(r);
	parts[MR_PART_PATH] = mr_read_str(r);
	decode_id(r, run.id);
	decode_id(r, run.set);
	run.started_ms = mr_read_int(r);
	run.reached_ms = mr_read_int(r);
	run.time_ms = mr_read_int(r);
	run.partition = (int32_t)mr_read_int(r);
	run.offset = mr_read_int(r);
	for (int part = MR_PART_KEY; part <= MR_PART_VALUES; part++)
		parts[part] = mr_read_str(r);
	if (!mr_reader_ok(r) || !values_are_sound(parts[MR_PART_VALUES]))
		return false;
	const struct mr_rule *rule = mr_rules_find(conf, parts[MR_PART_RULE]);
	int32_t step = rule && mr_str_eq(mr_str_of(rule->hash), parts[MR_PART_HASH]) ?
	    find_step(rule, parts[MR_PART_PATH]) : -1;
	if (step >= 0) {
		run.rule = rule->index;
		run.step = (uint16_t)step;
		parts[MR_PART_RULE] = parts[MR_PART_HASH] = parts[MR_PART_PATH] = (struct mr_str){0};
	}
	st->n_gone += step < 0;
	mr_run_set_parts(&run, mem, parts);
	st->runs = mr_rules_grow(mem, st->runs, st->n_runs, &st->cap_runs, sizeof(*st->runs));
	st->runs[st->n_runs++] = run;
	return true;
}

// Whether the rule, as it is now, still asks for such a memory.
static bool
wanted(const struct mr_rule *rule, const struct mr_memo *m, uint32_t n_times)
{
	if (rule == NULL || m->kind > MR_MEMO_LEAST)
		return false;
	if (m->kind == MR_MEMO_AGAIN)
		return rule->again_after_ms > 0 && n_times > 0;
	if (m->kind == MR_MEMO_LEAST)
		return rule->at_least.n > 0 && n_times > 0;
	return rule->at_most.n > 0 &&
	    ((rule->at_most.per == MR_CAL_NONE && rule->at_most.length_ms == 0) || n_times > 0);
}

static bool
decode_memo(const struct mr_rules *conf, struct mr_rules_state *st, struct mr_mem *mem, struct mr_reader *r)
{
	struct mr_memo m = {0};

	if (mr_read_array(r) != MEMO_ITEMS)
		return false;
	const struct mr_rule *rule = mr_rules_find(conf, mr_read_str(r));
	m.kind = (uint8_t)mr_read_uint(r);
	struct mr_str key = mr_read_str(r);
	m.n = (uint32_t)mr_read_uint(r);
	uint32_t n_times = mr_read_array(r);
	if (!mr_reader_ok(r) || (n_times && n_times != m.n) || n_times > MR_TIMES_MAX)
		return false;
	bool keep = wanted(rule, &m, n_times);
	bool counts = keep && m.kind == MR_MEMO_MOST && rule->at_most.per == MR_CAL_NONE && rule->at_most.length_ms == 0;
	for (uint32_t i = 0; i < n_times; i++) {
		int64_t ms = mr_read_int(r);
		if (keep && !counts) {
			m.times = mr_rules_grow(mem, m.times, i, &m.cap, sizeof(*m.times));
			m.times[i] = ms;
		}
	}
	if (!keep)
		return mr_reader_ok(r);
	m.rule = rule->index;
	m.key_n = (uint32_t)key.n;
	m.key = mr_mem_resize(mem, NULL, 0, key.n);
	if (key.n)
		memcpy(m.key, key.p, key.n);
	st->memos = mr_rules_grow(mem, st->memos, st->n_memos, &st->cap_memos, sizeof(*st->memos));
	st->memos[st->n_memos++] = m;
	return mr_reader_ok(r);
}

static bool
decode_tag(struct mr_rules_state *st, struct mr_mem *mem, struct mr_reader *r)
{
	struct mr_tag t = {0};

	if (mr_read_array(r) != TAG_ITEMS)
		return false;
	t.number = mr_read_uint(r);
	struct mr_str name = mr_read_str(r);
	t.until_ms = mr_read_int(r);
	if (!mr_reader_ok(r) || name.n == 0)
		return false;
	t.n = (uint32_t)name.n;
	t.name = mr_mem_resize(mem, NULL, 0, name.n);
	memcpy(t.name, name.p, name.n);
	st->tags = mr_rules_grow(mem, st->tags, st->n_tags, &st->cap_tags, sizeof(*st->tags));
	st->tags[st->n_tags++] = t;
	return true;
}

static bool
decode(const struct mr_rules *conf, struct mr_rules_state *st, struct mr_mem *mem, struct mr_reader *r)
{
	if (mr_read_array(r) != 5 || mr_read_uint(r) != MR_RULES_VERSION)
		return false;
	st->next = mr_read_uint(r);
	uint32_t n = mr_read_array(r);
	if (n > MR_RUNS_MAX)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!decode_run(conf, st, mem, r))
			return false;
	}
	n = mr_read_array(r);
	if (n > MR_MEMOS_MAX)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!decode_memo(conf, st, mem, r))
			return false;
	}
	n = mr_read_array(r);
	if (n > MR_TAGS_MAX)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!decode_tag(st, mem, r))
			return false;
	}
	return mr_reader_ok(r);
}

bool
mr_rules_decode(const void *conf, void *state, struct mr_mem *mem, struct mr_reader *r)
{
	if (decode(conf, state, mem, r))
		return true;
	mr_rules_release(conf, state, mem);
	return false;
}
