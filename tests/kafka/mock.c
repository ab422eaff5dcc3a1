#include "mock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

void
quiet(void *arg, int level, const char *line)
{
	(void)arg;
	if (getenv("KAFKA_LOG"))
		fprintf(stderr, "<%d> %s\n", level, line);
}

void
mock_start(struct mock *m)
{
	char text[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set_log_cb(conf, NULL);
	m->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	cr_assert_not_null(m->rk, "%s", text);
	m->cluster = rd_kafka_mock_cluster_new(m->rk, 1);
	cr_assert_not_null(m->cluster);
	m->properties[0] = (struct mr_kafka_property){MR_LIT("bootstrap.servers"),
	    mr_str_of(rd_kafka_mock_cluster_bootstraps(m->cluster))};
	m->conf = (struct mr_kafka_conf){.properties = m->properties, .n_properties = 1, .log = quiet};
}

void
mock_stop(struct mock *m)
{
	rd_kafka_mock_cluster_destroy(m->cluster);
	rd_kafka_destroy(m->rk);
}

struct mr_group
group_token(const char *group, int32_t generation, const char *member)
{
	struct mr_group token = {.generation = generation, .member = member[0] != '\0'};
	rd_kafka_consumer_group_metadata_t *md = rd_kafka_consumer_group_metadata_new_with_genid(group, generation, member, NULL);
	void *bytes;
	size_t n;
	rd_kafka_error_t *error = rd_kafka_consumer_group_metadata_write(md, &bytes, &n);

	cr_assert_null(error);
	cr_assert(n <= sizeof(token.bytes));
	memcpy(token.bytes, bytes, n);
	token.n = (uint16_t)n;
	free(bytes);
	rd_kafka_consumer_group_metadata_destroy(md);
	return token;
}
