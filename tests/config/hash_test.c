// The identity of a configuration: what can influence apply changes it, nothing else does.
#include "config/config.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static char *
hash_of(const char *yaml)
{
	char *errors = NULL;
	struct mr_config *c = mr_config_load("x.yaml", yaml, NULL, &errors, NULL);

	cr_assert(c != NULL, "%s: %s", yaml, errors);
	char *hash = strdup(c->plan.hash);
	mr_config_free(c);
	return hash;
}

#define BASE "app: shop\ninput: {events: events}\n"

static void
compare(const char *yaml, bool same)
{
	char *base = hash_of(BASE), *other = hash_of(yaml);

	cr_expect_eq(strcmp(base, other) == 0, same, "%s", yaml);
	free(base);
	free(other);
}

Test(hash, what_can_not_influence_apply)
{
	compare(BASE "kafka: {bootstrap.servers: 'other:9092', client.id: me}\n", true);
	compare(BASE "redis: redis://other/3\n", true);
	compare(BASE "serve: off\n", true);
	compare(BASE "delivery: {commit_interval: 100ms, flush_interval: 5s, create_topics: true}\n", true);
	compare(BASE "workers: 3\ninstance: a\n", true);
	compare(BASE "time: {ticks: off}\n", true);
	compare(BASE "limits: {user_memory: 1GiB, fetched: 1MiB, unacknowledged: 1000}\n", true);
	compare(BASE "tests: [{name: a, events: [], actions: []}]\n", true);
}

Test(hash, how_it_is_written)
{
	compare("# a comment\ninput:\n  events:\n    topic: \"events\"\napp:   'shop'\n", true);
	compare(BASE "time: {grace: 10000ms, old: 360m}\n", true);
	compare(BASE "output: {decisions: shop.decisions}\n", true);
	compare(BASE "dedup: {}\n", true);
}

Test(hash, what_can_influence_apply)
{
	compare("app: shop2\ninput: {events: events}\n", false);
	compare("app: shop\ninput: {events: other}\n", false);
	compare("app: shop\ninput: {events: events, outcomes: outcomes}\n", false);
	compare("app: shop\ninput: {events: {topic: events, partitioner: crc32}}\n", false);
	compare(BASE "time: {grace: 11s}\n", false);
	compare(BASE "time: {zone: Europe/London}\n", false);
	compare(BASE "limits: {record_bytes: 2MiB}\n", false);
	compare(BASE "dedup: {keep: 33}\n", false);
	compare(BASE "output: {decisions: off}\n", false);
	compare(BASE "output: {encoding: msgpack}\n", false);
	compare(BASE "session: {gap: 30m}\n", false);
	compare(BASE "profile: {orders: {count: Order Completed}}\n", false);
}

Test(hash, types_of_literals_count)
{
	char *number = hash_of(BASE "rules: {r: {on: A, then: [{send: {channel: c, template: t, data: {n: 1}}}]}}\n");
	char *text = hash_of(BASE "rules: {r: {on: A, then: [{send: {channel: c, template: t, data: {n: \"'1'\"}}}]}}\n");

	cr_expect_str_neq(number, text);
	free(number);
	free(text);
}

Test(hash, the_encoding_asked_for_is_not_the_file_s)
{
	struct mr_config_options json = {.json = true};
	const char *yaml = BASE "output: {encoding: msgpack}\n";
	struct mr_config *a = mr_config_load("x", yaml, NULL, NULL, NULL), *b = mr_config_load("x", yaml, &json, NULL, NULL);

	cr_assert(a && b);
	cr_expect_eq(a->plan.format, MR_MSGPACK);
	cr_expect_eq(b->plan.format, MR_JSON);
	cr_expect_str_eq(a->plan.hash, b->plan.hash);
	mr_config_free(a);
	mr_config_free(b);
}
