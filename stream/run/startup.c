#include "run/startup.h"

#include "kafka/admin.h"
#include "run/config_topic.h"
#include "run/past.h"
#include "run/topics.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK_MS 10000         // patience with brokers, a try

static void
say(const struct mr_startup *s, int level, const char *what, const char *detail)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s%s%s", what, detail[0] ? ": " : "", detail);
	s->kafka->log(s->kafka->log_arg, level, line);
}

static bool
check_topics(const struct mr_startup *s, struct mr_startup_found *found)
{
	struct mr_topic_wants *ws = calloc(1, sizeof(*ws));
	struct mr_topic_report report = {0};
	char error[256] = "";
	struct mr_admin *admin = mr_admin_open(s->kafka, error);
	enum mr_kafka_status status = MR_KAFKA_FATAL;

	MR_ASSERT(ws != NULL);
	mr_topic_wants(s->config, ws);
	while (admin && !s->stopping(s->arg)) {
		status = mr_admin_check(admin, ws->items, ws->n, s->config->create_topics, CHECK_MS, &report);
		if (status != MR_KAFKA_AGAIN)
			break;
		say(s, 4, "no broker answers yet", mr_admin_error(admin));
	}
	if (admin == NULL)
		say(s, 3, "kafka", error);
	else if (status != MR_KAFKA_OK && status != MR_KAFKA_AGAIN)
		say(s, 3, "kafka", mr_admin_error(admin));
	if (report.text && report.text[0])
		fputs(report.text, stderr);
	found->partitions = report.partitions;
	bool ok = status == MR_KAFKA_OK && report.errors == 0;
	if (ok) {
		mr_admin_cluster_id(admin, CHECK_MS, found->cluster_id);
		found->journal_idle_ms = mr_journal_idle_ms(admin, s->journal);
	}
	free(report.text);
	free(ws);
	if (admin)
		mr_admin_close(admin);
	return ok;
}

// What earlier runs left there.
static bool
check_past(const struct mr_startup *s, int32_t partitions)
{
	char line[1024];
	bool fits = mr_past_fits(s->kafka, s->app, s->inputs, s->n_inputs, s->journal, partitions, line);

	if (!fits)
		say(s, 3, line, "");
	return fits;
}

// Without it all works, but for one case: a crash, and then a start under another configuration.
static void
keep_config(const struct mr_startup *s)
{
	char error[256] = "", line[1024];

	if (mr_config_topic_publish(s->kafka, s->config_topic, s->config, error))
		return;
	snprintf(line, sizeof(line), "the configuration is not kept in topic '%s' (%s): after a crash, a start under another "
	    "one would replay under that; create it with one partition", s->config_topic, error);
	say(s, 4, line, "");
}

bool
mr_startup_check(const struct mr_startup *s, struct mr_startup_found *found)
{
	*found = (struct mr_startup_found){0};
	if (!check_topics(s, found) || !check_past(s, found->partitions))
		return false;
	MR_ASSERT(found->partitions > 0);
	keep_config(s);
	return true;
}
