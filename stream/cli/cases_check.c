// Looks at the form of the tests in a configuration before any of them runs.
#include "cli/cases.h"

#include "event/decode.h"

#include <stdarg.h>

static const char *const test_keys[] = {"name", "events", "actions", "decisions", NULL};
static const char *const action_keys[] = {"at", "action_id", "user", "channel", "template", "category", "variant",
	"data", "rule", "run", "cause", "decided_at", "held_ms", "expires_at", "priority", "locale", "timezone", "why", NULL};
static const char *const decision_keys[] = {"at", "action_id", "user", "channel", "template", "category", "variant",
	"rule", "run", "cause", "decided_at", "held_ms", "expires_at", "priority", "locale", "timezone", "kind", "reason",
	"final", "next_channel", "until", "blocked_by", NULL};

struct checker {
	FILE *err;
	bool ok;
};

static void MR_PRINTF(3, 4)
wrong(struct checker *c, const struct mr_node *node, const char *fmt, ...)
{
	va_list args;

	fprintf(c->err, "%s:%u:%u: ", node->file, node->line, node->column);
	va_start(args, fmt);
	vfprintf(c->err, fmt, args);
	va_end(args);
	fputc('\n', c->err);
	c->ok = false;
}

static bool
kind_is(struct checker *c, const struct mr_node *node, enum mr_node_kind kind, const char *what)
{
	if (node->kind == kind)
		return true;
	wrong(c, node, "expected %s", what);
	return false;
}

static void
keys_are(struct checker *c, const struct mr_node *map, const char *const *known, const char *what)
{
	for (uint32_t i = 0; i < map->n; i++) {
		const char *const *k = known;
		while (*k && !mr_str_eq(map->keys[i]->text, mr_str_of(*k)))
			k++;
		if (*k)
			continue;
		char list[320];
		size_t n = 0;
		for (k = known; *k && n < sizeof(list); k++)
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", k == known ? "" : ", ", *k);
		wrong(c, map->keys[i], "%.*s: %s has no such field; it has %s", (int)map->keys[i]->text.n,
		    map->keys[i]->text.p, what, list);
	}
}

static void
time_is(struct checker *c, const struct mr_node *node)
{
	int64_t ms;

	if (node->kind != MR_NODE_SCALAR || !mr_time_parse(node->text, &ms))
		wrong(c, node, "expected a time like 2026-03-01T10:00:00Z");
}

static void
check_event(struct checker *c, const struct mr_node *node)
{
	if (!kind_is(c, node, MR_NODE_MAP, "an event: {at: TIME, user: ID, event: NAME}, or {until: TIME}"))
		return;
	const struct mr_node *until = mr_node_get(node, "until"), *at = mr_node_get(node, "at");
	if (until) {
		time_is(c, until);
		if (node->n > 1)
			wrong(c, node, "until stands alone: {until: TIME}");
		return;
	}
	if (at)
		time_is(c, at);
	else
		wrong(c, node, "an event needs its time: {at: TIME, ...}");
	if (!mr_node_get(node, "user") && !mr_node_get(node, "userId") && !mr_node_get(node, "anonymousId"))
		wrong(c, node, "an event needs its user: {user: ID, ...}");
}

static void
check_expected(struct checker *c, const struct mr_node *list, const char *const *known, const char *what)
{
	if (list == NULL || !kind_is(c, list, MR_NODE_LIST, "a list, [] for none"))
		return;
	for (uint32_t i = 0; i < list->n; i++) {
		if (!kind_is(c, list->values[i], MR_NODE_MAP, "a map of fields, such as {channel: push, template: hello}"))
			continue;
		keys_are(c, list->values[i], known, what);
		const struct mr_node *at = mr_node_get(list->values[i], "at");
		if (at)
			time_is(c, at);
	}
}

static void
check_test(struct checker *c, const struct mr_node *test)
{
	if (!kind_is(c, test, MR_NODE_MAP, "a test: {name: TEXT, events: [...], actions: [...]}"))
		return;
	const struct mr_node *events = mr_node_get(test, "events"), *name = mr_node_get(test, "name");
	keys_are(c, test, test_keys, "a test");
	if (name)
		kind_is(c, name, MR_NODE_SCALAR, "the test's name");
	else
		wrong(c, test, "a test needs a name");
	if (events == NULL)
		wrong(c, test, "a test needs events");
	else if (kind_is(c, events, MR_NODE_LIST, "a list of events"))
		for (uint32_t i = 0; i < events->n; i++)
			check_event(c, events->values[i]);
	if (!mr_node_get(test, "actions") && !mr_node_get(test, "decisions"))
		wrong(c, test, "a test that expects nothing can't fail; give it actions or decisions, [] for none");
	check_expected(c, mr_node_get(test, "actions"), action_keys, "an action");
	check_expected(c, mr_node_get(test, "decisions"), decision_keys, "a decision");
}

bool
mr_cases_check(const struct mr_config *config, FILE *err)
{
	struct checker c = {err, true};

	if (config->tests == NULL || !kind_is(&c, config->tests, MR_NODE_LIST, "a list of tests"))
		return c.ok;
	for (uint32_t i = 0; i < config->tests->n; i++)
		check_test(&c, config->tests->values[i]);
	return c.ok;
}
