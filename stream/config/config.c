// Loads a configuration: parse, the application's sections, operators in two rounds, plan.
#include "config/internal.h"
#include "expr/schema.h"
#include "expr/zone.h"

#include <stdlib.h>

#define SETUP_BYTES_MAX ((size_t)1 << 30)
#define STATE_ALIGN 16u

static size_t
count_operators(void)
{
	size_t n = 0;

	while (mr_operators[n])
		n++;
	return n;
}

static void
set_up(struct mr_setup *s, const struct mr_operator *op)
{
	const struct mr_node *node = mr_node_get(s->root, op->name);
	struct mr_plan *plan = &s->config->plan;

	if (node == NULL && !op->always)
		return;
	s->op = plan->n_ops;
	struct mr_instance *instance = &plan->ops[plan->n_ops++];
	instance->op = op;
	size_t errors = s->errors.n;
	MR_ASSERT(op->name != NULL && op->setup != NULL);
	instance->conf = op->setup(s, node);
	MR_ASSERT(instance->conf != NULL || s->errors.n > errors);
}

// An added operator runs before the last one, so that rules see the values that it offers.
static void
set_up_all(struct mr_setup *s, const struct mr_operator *extra)
{
	size_t n = count_operators();

	s->config->plan.ops = mr_arena_alloc(s->arena, (n + 1) * sizeof(*s->config->plan.ops));
	for (size_t i = 0; i < n; i++) {
		if (i + 1 == n && extra)
			set_up(s, extra);
		set_up(s, mr_operators[i]);
	}
	if (n == 0 && extra)
		set_up(s, extra);
}

static void
compile_all(struct mr_setup *s)
{
	struct mr_plan *plan = &s->config->plan;

	for (uint16_t i = 0; i < plan->n_ops; i++) {
		struct mr_instance *instance = &plan->ops[i];
		size_t errors = s->errors.n;
		s->op = i;
		if (instance->conf && instance->op->compile && !instance->op->compile(s, instance->conf))
			MR_ASSERT(s->errors.n > errors);
	}
}

static void
lay_out_states(struct mr_plan *plan)
{
	size_t at = 0;

	for (uint16_t i = 0; i < plan->n_ops; i++) {
		struct mr_instance *instance = &plan->ops[i];
		size_t size = instance->op->state_size ? instance->op->state_size(instance->conf) : 0;
		instance->state_offset = at;
		at += (size + STATE_ALIGN - 1) & ~(size_t)(STATE_ALIGN - 1);
	}
	MR_ASSERT(at % STATE_ALIGN == 0);
	plan->states_size = at;
}

// ---- channels: those of every `send` in the operators' maps ----

struct channels {
	struct mr_setup *s;
	struct mr_str *items;
	uint32_t n, cap;
};

static void
add_channel(struct channels *c, struct mr_str name)
{
	uint32_t at = 0;

	while (at < c->n && mr_str_cmp(c->items[at], name) < 0)
		at++;
	if (at < c->n && mr_str_eq(c->items[at], name))
		return;
	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 8;
		struct mr_str *more = mr_arena_alloc(c->s->arena, c->cap * sizeof(*more));
		if (c->n)
			memcpy(more, c->items, c->n * sizeof(*more));
		c->items = more;
	}
	MR_ASSERT(at <= c->n && c->n < c->cap);
	memmove(c->items + at + 1, c->items + at, (c->n - at) * sizeof(*c->items));
	c->items[at] = name;
	c->n++;
}

// Depth is bounded by the parser.
static void
find_channels(struct channels *c, const struct mr_node *node)
{
	for (uint32_t i = 0; i < node->n; i++) {
		const struct mr_node *value = node->values[i];
		bool send = node->kind == MR_NODE_MAP && mr_str_eq(node->keys[i]->text, MR_LIT("send"));
		const struct mr_node *channel = send ? mr_node_get(value, "channel") : NULL;
		if (channel && channel->kind == MR_NODE_SCALAR)
			add_channel(c, channel->text);
		if (value->kind != MR_NODE_SCALAR)
			find_channels(c, value);
	}
}

static void
fill_channels(struct mr_setup *s)
{
	struct channels c = {.s = s};
	const struct mr_plan *plan = &s->config->plan;

	for (uint16_t i = 0; i < plan->n_ops; i++) {
		const struct mr_node *node = mr_node_get(s->root, plan->ops[i].op->name);
		if (node)
			find_channels(&c, node);
	}
	s->config->channels = c.items;
	s->config->n_channels = c.n;
}

static void
finish(struct mr_setup *s)
{
	struct mr_plan *plan = &s->config->plan;

	mr_zones_load(s);
	plan->zones = s->zones;
	plan->zone = mr_zones_find(s->zones, s->app->time.zone);
	if (plan->zone < 0)
		mr_setup_error(s, mr_node_get(s->root, "time"), "%.*s: this machine's data of that time zone can't be read",
		    (int)s->app->time.zone.n, s->app->time.zone.p);
	lay_out_states(plan);
	fill_channels(s);
	plan->offers = s->offers;
	plan->n_offers = s->n_offers;
	plan->offer_timezone = mr_setup_user(s, "user", MR_LIT("timezone"));
	mr_schema_freeze(s->schema);
	plan->schema = s->schema;
	mr_identity(s, plan->hash);
	s->frozen = true;
	MR_ASSERT(!mr_arena_overflowed(s->arena));
}

static bool
read_source(struct mr_setup *s, const char *text)
{
	const char *why = NULL;

	if (text) {
		s->source = (struct mr_str){mr_setup_cstr(s, mr_str_of(text)), strlen(text)};
		if (s->source.n > MR_CONFIG_BYTES_MAX)
			why = "larger than 4 MiB";
	} else {
		s->source.p = mr_setup_read(s, s->path, MR_CONFIG_BYTES_MAX, &s->source.n, &why);
	}
	if (why)
		mr_setup_error_pos(s, 1, 1, "can't read the configuration: %s", why);
	return why == NULL;
}

static void
load(struct mr_setup *s, const char *text, const struct mr_config_options *options)
{
	const struct mr_operator *extra = options ? options->extra : NULL;

	if (!read_source(s, text))
		return;
	mr_source_index(s);
	if (!mr_yaml_parse(s))
		return;
	mr_app_read(s, extra);
	mr_app_apply(s, options);
	set_up_all(s, extra);
	compile_all(s);
	if (s->errors.n == 0)
		finish(s);
}

struct mr_config *
mr_config_load(const char *path, const char *text, const struct mr_config_options *options, char **errors, char **warnings)
{
	struct mr_arena *arena = mr_arena_new(SETUP_BYTES_MAX);
	struct mr_setup *s = mr_arena_alloc(arena, sizeof(*s));
	struct mr_config *config = mr_arena_alloc(arena, sizeof(*config));

	s->arena = arena;
	s->config = config;
	s->path = mr_setup_cstr(s, mr_str_of(path));
	s->schema = mr_schema_new();
	s->lenient = options && options->lenient;
	s->options = options;
	config->setup = s;
	config->path = mr_str_of(s->path);
	load(s, text, options);
	s->options = NULL;
	if (errors)
		*errors = mr_notes_text(&s->errors, path, "");
	if (warnings)
		*warnings = mr_notes_text(&s->warnings, path, "warning: ");
	if (s->errors.n) {
		mr_config_free(config);
		return NULL;
	}
	return config;
}

void
mr_config_free(struct mr_config *config)
{
	if (config == NULL)
		return;
	struct mr_setup *s = config->setup;
	MR_ASSERT(s->config == config);
	mr_exprs_free(s);
	mr_zones_free(s->zones);
	mr_schema_free(s->schema);
	mr_notes_free(&s->errors);
	mr_notes_free(&s->warnings);
	mr_arena_free(s->arena);      // s and config are in it
}

const struct mr_config_file *
mr_config_files(const struct mr_config *config, uint32_t *n)
{
	*n = (uint32_t)config->setup->n_files;
	return config->setup->files;
}

char *
mr_config_echo(const struct mr_config *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	MR_ASSERT(out != NULL);
	mr_normal_config(config->setup, out, false);
	MR_ASSERT(fclose(out) == 0);
	return text;
}
