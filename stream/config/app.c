// Reads the application's sections, checks what no table can say, and fills configuration and plan.
#include "config/internal.h"

static const struct mr_node *
map_of_one(struct mr_setup *s, const char *key, const struct mr_node *value)
{
	struct mr_node *map = mr_arena_alloc(s->arena, sizeof(*map));
	const struct mr_node **nodes = mr_arena_alloc(s->arena, 2 * sizeof(*nodes));
	MR_ASSERT(value->kind == MR_NODE_SCALAR);

	*map = *value;
	map->kind = MR_NODE_MAP;
	map->n = 1;
	map->keys = nodes;
	map->values = nodes + 1;
	nodes[0] = mr_node_of(s, mr_str_of(key), value);
	nodes[1] = value;
	return map;
}

// Depth: that of the paths in mr_sections.
static bool
read_section(struct mr_setup *s, const struct mr_section *section, const struct mr_param *params, const struct mr_node *node)
{
	if (node && node->kind == MR_NODE_SCALAR && section->shorthand)
		node = map_of_one(s, section->shorthand, node);
	bool ok = mr_setup_params(s, node, params, s->app);
	for (const struct mr_param *p = section->params; p->name; p++) {
		if (p->type != MR_P_NODE)
			continue;
		const char *path = mr_setup_format(s, "%s%s%s", section->path, *section->path ? "." : "", p->name);
		const struct mr_section *inner = mr_section_of(path);
		if (inner)
			ok &= read_section(s, inner, inner->params, mr_node_get(node, p->name));
	}
	return ok;
}

bool
mr_app_read(struct mr_setup *s, const struct mr_operator *extra)
{
	s->app = mr_arena_alloc(s->arena, sizeof(*s->app));
	return read_section(s, &mr_sections[0], mr_top_table(s, extra), s->root);
}

static const struct mr_node *
at(const struct mr_setup *s, const char *section, const char *key)
{
	const struct mr_node *outer = mr_node_get(s->root, section), *inner = mr_node_get(outer, key);

	return inner ? inner : outer ? outer : s->root;
}

static bool
legal(struct mr_str t, const char *also)
{
	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr(also, c))))
			return false;
	}
	return t.n > 0;
}

static void
check_app(struct mr_setup *s)
{
	struct mr_str app = s->app->app;
	const struct mr_node *node = mr_node_get(s->root, "app");

	if (app.n && (!legal(app, "._-") || app.n > 100 || app.p[0] == '.'))
		mr_setup_error(s, node, "%.*s: a name of letters, digits, '-', '_' and '.', at most 100 bytes, is wanted", (int)app.n, app.p);
	if (s->app->instance.n && (!legal(s->app->instance, "._-:@") || s->app->instance.n > 200))
		mr_setup_error(s, mr_node_get(s->root, "instance"), "%.*s: a name of letters, digits and . _ - : @ is wanted",
		    (int)s->app->instance.n, s->app->instance.p);
}

// "off" is no topic; "<app>" stands for the application's name.
static void
finish_topic(struct mr_setup *s, const char *section, const char *key, struct mr_str *topic)
{
	static const char app[] = "<app>", channel[] = "{channel}";
	struct mr_str name = *topic;

	if (mr_str_eq(name, MR_LIT("off"))) {
		*topic = (struct mr_str){0};
		return;
	}
	if (name.n > 5 && memcmp(name.p, app, 5) == 0) {
		*topic = mr_str_of(mr_setup_format(s, "%.*s%.*s", (int)s->app->app.n, s->app->app.p, (int)name.n - 5, name.p + 5));
		name = (struct mr_str){name.p + 5, name.n - 5};   // the application's name is checked where it stands
	}
	if (strcmp(key, "actions") == 0) {
		const char *hole = name.n ? memmem(name.p, name.n, channel, sizeof(channel) - 1) : NULL;
		if (hole)
			name = mr_str_of(mr_setup_format(s, "%.*sx%.*s", (int)(hole - name.p), name.p,
			    (int)(name.p + name.n - hole) - 9, hole + 9));
	}
	if (!legal(name, "._-") || name.n > 249)
		mr_setup_error(s, at(s, section, key), "%.*s: not a topic's name; letters, digits, '.', '_' and '-', at most 249%s",
		    (int)topic->n, topic->p, strcmp(key, "actions") == 0 ? ", and {channel} once" : "");
}

struct use {
	const char *section, *key;
	struct mr_str *topic;
};

static void
check_topics(struct mr_setup *s)
{
	struct mr_app_conf *a = s->app;
	const struct use uses[] = {
		{"input", "events", &a->events.topic}, {"input", "outcomes", &a->outcomes.topic},
		{"input", "catalog", &a->catalog.topic}, {"output", "actions", &a->actions.topic},
		{"output", "decisions", &a->decisions.topic}, {"output", "sessions", &a->sessions.topic},
		{"output", "dead_letters", &a->dead_letters.topic},
	};
	size_t n = sizeof(uses) / sizeof(uses[0]);

	if (mr_str_eq(a->events.topic, MR_LIT("off")))
		mr_setup_error(s, at(s, "input", "events"), "off: events can't be off; name a topic");
	for (size_t i = 0; i < n; i++)
		finish_topic(s, uses[i].section, uses[i].key, uses[i].topic);
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (uses[i].topic->n && mr_str_eq(*uses[i].topic, *uses[j].topic))
				mr_setup_error(s, at(s, uses[j].section, uses[j].key), "%.*s: this topic is %s.%s already; choose another",
				    (int)uses[i].topic->n, uses[i].topic->p, uses[i].section, uses[i].key);
}

static void
check_listen(struct mr_setup *s)
{
	struct mr_str listen = s->app->serve.listen;
	const char *colon = listen.n ? memrchr(listen.p, ':', listen.n) : NULL;
	int64_t port;

	if (mr_str_eq(listen, MR_LIT("off"))) {
		s->app->serve.listen = (struct mr_str){0};
		return;
	}
	if (colon == NULL || colon == listen.p ||
	    !mr_scalar_int((struct mr_str){colon + 1, listen.n - (size_t)(colon - listen.p) - 1}, &port) || port < 0 || port > 65535)
		mr_setup_error(s, at(s, "serve", "listen"), "%.*s: expected ADDRESS:PORT like 127.0.0.1:9464, or off",
		    (int)listen.n, listen.p);
}

static void
fill_plan(struct mr_setup *s, const struct mr_config_options *options)
{
	const struct mr_app_conf *a = s->app;
	struct mr_plan *plan = &s->config->plan;

	MR_ASSERT(!s->frozen);
	plan->app = a->app;
	plan->time = (struct mr_time_conf){a->time.grace_ms, a->time.ahead_ms, a->time.old_ms};
	plan->ticks = a->time.ticks != 0;
	plan->format = a->output.encoding && !(options && options->json) ? MR_MSGPACK : MR_JSON;
	plan->wanted[MR_OUT_ACTION] = a->actions.topic.n > 0;
	plan->wanted[MR_OUT_DECISION] = a->decisions.topic.n > 0;
	plan->wanted[MR_OUT_SESSION] = a->sessions.topic.n > 0;
	plan->wanted[MR_OUT_DEAD_LETTER] = a->dead_letters.topic.n > 0;
	plan->wanted_entry_decisions = a->decisions.topic.n > 0 && a->decisions.entry == 1;
	plan->explain = a->output.explain;
	plan->action_bytes_max = (uint32_t)a->limits.action_bytes;
	plan->record_bytes_max = (uint32_t)a->limits.record_bytes;
	plan->depth_max = (uint32_t)a->limits.depth;
	plan->key_bytes_max = (uint32_t)a->limits.key_bytes;
	plan->string_bytes_max = (uint32_t)a->limits.string_bytes;
	plan->dedup_keep = (uint32_t)a->dedup.keep;
	plan->user_bytes_max = a->limits.user_memory;
	plan->crc32 = a->events.partitioner == 1;
}

void
mr_app_apply(struct mr_setup *s, const struct mr_config_options *options)
{
	const struct mr_app_conf *a = s->app;
	struct mr_config *c = s->config;

	MR_ASSERT(a != NULL && c->n_kafka == 0);
	check_app(s);
	check_topics(s);
	check_listen(s);
	if (!mr_zone_exists(a->time.zone))
		mr_setup_error(s, at(s, "time", "zone"), "%.*s: no such time zone on this machine; write a name like %s",
		    (int)a->time.zone.n, a->time.zone.p, mr_zone_suggest(s, a->time.zone));
	mr_redis_check(s, at(s, "redis", "url"), a->redis.url);
	fill_plan(s, options);
	c->app = a->app;
	c->redis = a->redis.url;
	if (a->redis.password_file.n)
		c->redis_password_file = mr_str_of(mr_setup_resolve(s, a->redis.password_file));
	c->redis_timeout_ms = a->redis.timeout_ms;
	c->events = a->events.topic;
	c->outcomes = a->outcomes.topic;
	c->catalog = a->catalog.topic;
	c->actions = a->actions.topic;
	c->decisions = a->decisions.topic;
	c->sessions = a->sessions.topic;
	c->dead_letters = a->dead_letters.topic;
	c->create_topics = a->delivery.create_topics;
	c->commit_interval_ms = a->delivery.commit_interval_ms;
	c->flush_interval_ms = a->delivery.flush_interval_ms;
	c->fetched_bytes_max = a->limits.fetched;
	c->unacknowledged_max = a->limits.unacknowledged;
	c->workers = (int32_t)a->workers;
	c->instance_id = a->instance;
	c->listen = a->serve.listen;
	c->partition_metrics = a->serve.partitions;
	c->tests = mr_node_get(s->root, "tests");
	mr_properties_read(s, mr_node_get(s->root, "kafka"));
}
