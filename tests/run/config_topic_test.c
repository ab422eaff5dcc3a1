// A configuration kept in Kafka is found again by its hash, files and all, against the mock cluster.
#include "run/config_topic.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>

struct scene {
	rd_kafka_t *home;
	rd_kafka_mock_cluster_t *cluster;
	struct mr_kafka_property property;
	struct mr_kafka_conf kafka;
};

static void
quiet(void *arg, int level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static void
begin(struct scene *s)
{
	char error[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set_log_cb(conf, NULL);
	s->home = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	cr_assert_not_null(s->home, "%s", error);
	s->cluster = rd_kafka_mock_cluster_new(s->home, 1);
	rd_kafka_mock_topic_create(s->cluster, "shop.config", 1, 1);
	s->property = (struct mr_kafka_property){MR_LIT("bootstrap.servers"),
	    mr_str_of(rd_kafka_mock_cluster_bootstraps(s->cluster))};
	s->kafka = (struct mr_kafka_conf){.properties = &s->property, .n_properties = 1, .log = quiet};
}

static void
end(struct scene *s)
{
	rd_kafka_mock_cluster_destroy(s->cluster);
	rd_kafka_destroy(s->home);
}

static struct mr_config *
load(const char *extra)
{
	char text[1024], *errors = NULL;

	snprintf(text, sizeof(text),
	    "app: shop\nredis: 'memory:'\nkafka: {sasl.password: secret}\ninput: {events: {topic: events}}\n"
	    "lifecycle: {purchase: Order Completed}\nchurn: {model: churn.txt}\n%s", extra);
	struct mr_config *c = mr_config_load("examples/test.yaml", text, NULL, &errors, NULL);
	cr_assert_not_null(c, "%s", errors);
	free(errors);
	return c;
}

Test(config_topic, finds_what_was_in_force)
{
	struct scene s;
	char error[256];
	struct mr_config *a = load(""), *b = load("profile: {views: {count: Product Viewed}}\n");

	begin(&s);
	cr_assert_str_neq(a->plan.hash, b->plan.hash);
	cr_assert(mr_config_topic_publish(&s.kafka, "shop.config", a, error), "%s", error);
	cr_assert(mr_config_topic_publish(&s.kafka, "shop.config", a, error), "%s", error);
	cr_assert(mr_config_topic_publish(&s.kafka, "shop.config", b, error), "%s", error);
	struct mr_config *back, *none;
	cr_assert(mr_config_topic_fetch(&s.kafka, "shop.config", a->plan.hash, &back));
	cr_assert_not_null(back);
	cr_assert_str_eq(back->plan.hash, a->plan.hash);
	uint32_t n;
	const struct mr_config_file *files = mr_config_files(back, &n);
	cr_assert_eq(n, 1, "the model came along");
	cr_assert(mr_str_eq(files[0].name, MR_LIT("churn.txt")));
	cr_assert_gt(files[0].bytes.n, 1000);
	mr_config_free(back);
	cr_assert(mr_config_topic_fetch(&s.kafka, "shop.config", "00000000000000000000000000000000", &none));
	cr_assert_null(none);
	cr_assert(mr_config_topic_fetch(&s.kafka, NULL, a->plan.hash, &none));
	cr_assert_null(none);
	s.property.value = MR_LIT("127.0.0.1:1");
	cr_assert_not(mr_config_topic_fetch(&s.kafka, "shop.config", a->plan.hash, &none), "no answer is not an absence");
	cr_assert_null(none);
	end(&s);
	mr_config_free(a);
	mr_config_free(b);
}

Test(config_topic, says_why_it_is_not_kept)
{
	struct scene s;
	char error[256] = "";
	struct mr_config *a = load("");

	begin(&s);
	s.property.value = MR_LIT("127.0.0.1:1");
	cr_assert_not(mr_config_topic_publish(&s.kafka, "shop.config", a, error));
	cr_assert(error[0] != '\0');
	end(&s);
	mr_config_free(a);
}
