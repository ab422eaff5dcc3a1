// Runs the tests of a configuration, and says how what came differs from what was expected.
#include "cli/cases.h"

#include "core/arena.h"
#include "core/task.h"

#include <stdlib.h>

#define ARENA_BYTES_MAX ((size_t)64 << 20)

struct runner {
	struct mr_config *config;
	struct mr_arena *arena;
	struct mr_writer event, text;
	FILE *out;
	struct mr_str topic;
};

// ---- events ----

static bool
is(struct mr_str s, const char *word)
{
	return mr_str_eq(s, mr_str_of(word));
}

static void
write_event(struct runner *r, const struct mr_node *node)
{
	bool typed = mr_node_get(node, "type") != NULL;
	struct mr_member *members = mr_arena_alloc(r->arena, (node->n + 1) * sizeof(*members));
	uint32_t n = 0;

	for (uint32_t i = 0; i < node->n; i++) {
		struct mr_str key = node->keys[i]->text;
		const struct mr_node *value = node->values[i];
		bool user = is(key, "user") || is(key, "userId") || is(key, "anonymousId");
		struct mr_value v = mr_setup_literal(r->config->setup, value);
		// Ids and times are text, whatever they look like in YAML.
		if ((user || is(key, "at")) && value->kind == MR_NODE_SCALAR)
			v = mr_string(value->text);
		key = is(key, "at") ? MR_LIT("timestamp") : is(key, "user") ? MR_LIT("userId") : key;
		members[n++] = (struct mr_member){key, v};
	}
	if (!typed)
		members[n++] = (struct mr_member){MR_LIT("type"), mr_string(MR_LIT("track"))};
	mr_writer_reset(&r->event);
	mr_write_value(&r->event, (struct mr_value){.type = MR_MAP, .n = n, .members = members});
}

static bool
apply(struct runner *r, struct mr_task *task, const struct mr_node *node, int64_t offset)
{
	const struct mr_node *until = mr_node_get(node, "until");
	int64_t ms;

	mr_task_batch(task);
	if (until) {
		if (mr_time_parse(until->text, &ms))
			mr_task_tick(task, ms, NULL);
		return true;
	}
	write_event(r, node);
	struct mr_raw_record raw = {
		.origin = {r->topic, 0, offset}, .timestamp_ms = -1, .value = mr_writer_str(&r->event),
	};
	const struct mr_item *item = mr_task_decode(task, &raw);
	if (!item->good) {
		fprintf(r->out, "  %s:%u:%u: this event is refused: %s: %s\n", node->file, node->line, node->column,
		    mr_bad_reason(item->error.reason), item->error.detail);
		return false;
	}
	mr_task_apply(task, item);
	return true;
}

// ---- expectations ----

static struct mr_value
map_of(struct runner *r, struct mr_str key, struct mr_value value)
{
	struct mr_member *m = mr_arena_alloc(r->arena, sizeof(*m));

	*m = (struct mr_member){key, value};
	return (struct mr_value){.type = MR_MAP, .n = 1, .members = m};
}

// `at` is decided_at; `user: ID` and `rule: NAME` are short for their maps.
static struct mr_value
expectation(struct runner *r, const struct mr_node *node)
{
	struct mr_member *members = mr_arena_alloc(r->arena, (node->n + 1) * sizeof(*members));

	for (uint32_t i = 0; i < node->n; i++) {
		struct mr_str key = node->keys[i]->text;
		const struct mr_node *value = node->values[i];
		struct mr_value v = mr_setup_literal(r->config->setup, value);
		if (value->kind == MR_NODE_SCALAR && is(key, "user"))
			v = map_of(r, MR_LIT("id"), mr_string(value->text));
		else if (value->kind == MR_NODE_SCALAR && is(key, "rule"))
			v = map_of(r, MR_LIT("name"), mr_string(value->text));
		members[i] = (struct mr_member){is(key, "at") ? MR_LIT("decided_at") : key, v};
	}
	return (struct mr_value){.type = MR_MAP, .n = node->n, .members = members};
}

static const struct mr_value *
member(const struct mr_value *map, struct mr_str key)
{
	for (uint32_t i = 0; i < map->n; i++) {
		if (mr_str_eq(map->members[i].key, key))
			return &map->members[i].value;
	}
	return NULL;
}

static bool
same_text(struct mr_str a, struct mr_str b)
{
	int64_t x, y;

	return mr_str_eq(a, b) || (mr_time_parse(a, &x) && mr_time_parse(b, &y) && x == y);
}

// Of a map only what is named must be there; null names what must not be. Depth: that of YAML.
static bool
matches(const struct mr_value *want, const struct mr_value *got)
{
	if (want->type == MR_ABSENT || got == NULL)
		return want->type == MR_ABSENT && got == NULL;
	if (want->type != got->type)
		return false;
	switch (want->type) {
	case MR_MAP:
		for (uint32_t i = 0; i < want->n; i++) {
			if (!matches(&want->members[i].value, member(got, want->members[i].key)))
				return false;
		}
		return true;
	case MR_LIST:
		for (uint32_t i = 0; i < want->n; i++) {
			if (i >= got->n || !matches(&want->items[i], &got->items[i]))
				return false;
		}
		return want->n == got->n;
	case MR_STRING:
		return same_text(mr_value_str(*want), mr_value_str(*got));
	case MR_NUMBER:
		return want->num == got->num;
	default:
		return want->type == MR_BOOL && want->b == got->b;
	}
}

static void
say_value(struct runner *r, const char *what, const struct mr_value *v)
{
	mr_writer_reset(&r->text);
	mr_write_value(&r->text, *v);
	fprintf(r->out, "      %s %.*s\n", what, (int)r->text.n, r->text.p);
}

// Says which named fields differ, or the whole where nothing was expected.
static void
say_difference(struct runner *r, const struct mr_value *want, const struct mr_value *got)
{
	if (want == NULL) {
		say_value(r, "got", got);
		return;
	}
	if (got == NULL) {
		say_value(r, "expected", want);
		return;
	}
	for (uint32_t i = 0; i < want->n; i++) {
		const struct mr_member *m = &want->members[i];
		const struct mr_value *there = member(got, m->key);
		if (matches(&m->value, there))
			continue;
		struct mr_value got_one = map_of(r, m->key, there ? *there : mr_absent());
		struct mr_value want_one = map_of(r, m->key, m->value);
		say_value(r, "expected", &want_one);
		say_value(r, "got     ", &got_one);
	}
}

struct got {
	struct mr_value *items;
	uint32_t n;
};

static struct got
collect(struct runner *r, const struct mr_task *task, enum mr_output output)
{
	struct got g = {0};
	size_t n;
	const struct mr_effect *e = mr_task_effects(task, &n);

	g.items = mr_arena_alloc(r->arena, (n + 1) * sizeof(*g.items));
	for (size_t i = 0; i < n; i++) {
		if (e[i].output != output)
			continue;
		struct mr_reader reader = mr_reader_of(e[i].body);
		g.items[g.n++] = mr_read_state_value(&reader, r->arena);
		MR_ASSERT(mr_reader_ok(&reader));
	}
	return g;
}

static bool
compare(struct runner *r, const struct mr_task *task, const struct mr_node *list, enum mr_output output, const char *what)
{
	bool ok = true;

	if (list == NULL)
		return true;
	struct got g = collect(r, task, output);
	if (g.n != list->n) {
		fprintf(r->out, "  %s:%u:%u: %s: expected %u, got %u\n", list->file, list->line, list->column, what, list->n, g.n);
		ok = false;
	}
	for (uint32_t i = 0; i < list->n || i < g.n; i++) {
		const struct mr_node *node = i < list->n ? list->values[i] : NULL;
		struct mr_value want = node ? expectation(r, node) : mr_absent();
		const struct mr_value *got = i < g.n ? &g.items[i] : NULL;
		if (node && got && matches(&want, got))
			continue;
		const struct mr_node *at = node ? node : list;
		fprintf(r->out, "  %s:%u:%u: %s[%u]\n", at->file, at->line, at->column, what, i);
		say_difference(r, node ? &want : NULL, got);
		ok = false;
	}
	return ok;
}

// ---- tests ----

static bool
run_test(struct runner *r, const struct mr_node *test)
{
	const struct mr_node *events = mr_node_get(test, "events");
	const struct mr_task_conf conf = {.plan = &r->config->plan, .topics = &r->topic, .n_topics = 1};
	struct mr_task *task = mr_task_new(&conf);
	bool ok = true;

	for (uint32_t i = 0; i < events->n; i++)
		ok = apply(r, task, events->values[i], i) && ok;
	ok = compare(r, task, mr_node_get(test, "actions"), MR_OUT_ACTION, "actions") && ok;
	ok = compare(r, task, mr_node_get(test, "decisions"), MR_OUT_DECISION, "decisions") && ok;
	mr_task_free(task);
	mr_arena_reset(r->arena);
	return ok;
}

static bool
report(struct runner *r, const struct mr_node *test, FILE *out)
{
	const struct mr_node *name = mr_node_get(test, "name");
	char *details = NULL;
	size_t size = 0;

	r->out = open_memstream(&details, &size);
	MR_ASSERT(r->out != NULL);
	bool ok = run_test(r, test);
	MR_ASSERT(fclose(r->out) == 0);
	if (ok)
		fprintf(out, "ok    %.*s\n", (int)name->text.n, name->text.p);
	else
		fprintf(out, "FAIL  %.*s (%s:%u:%u)\n%s", (int)name->text.n, name->text.p, test->file, test->line,
		    test->column, details);
	free(details);
	return ok;
}

struct mr_cases_result
mr_cases_run(struct mr_config *config, FILE *out)
{
	struct runner r = {.config = config, .arena = mr_arena_new(ARENA_BYTES_MAX), .topic = config->events};
	struct mr_cases_result result = {0};

	config->plan.format = MR_MSGPACK;
	config->plan.wanted[MR_OUT_ACTION] = config->plan.wanted[MR_OUT_DECISION] = true;
	mr_writer_init(&r.event, MR_JSON);
	mr_writer_init(&r.text, MR_JSON);
	for (uint32_t i = 0; config->tests && i < config->tests->n; i++) {
		result.run++;
		result.failed += !report(&r, config->tests->values[i], out);
	}
	mr_writer_free(&r.event);
	mr_writer_free(&r.text);
	mr_arena_free(r.arena);
	return result;
}
