#include "run/past.h"

#include "kafka/admin.h"
#include "run/takeover.h"

#include <stdio.h>

#define GROUP_MS 2000
#define TOPIC_MS 10000
#define JOURNAL_IDLE_MS 3600000   // at most: no sensible retention is shorter than some of these

bool
mr_past_fits(const struct mr_kafka_conf *kafka, const char *app, const char *const *topics, size_t n_topics,
    const char *journal, int32_t partitions, char line[1024])
{
	char error[256], strange[256] = "";
	int32_t were = 0;
	struct mr_log_reader *all = mr_log_reader_open(kafka, false, error);
	struct mr_admin *admin = mr_admin_open(kafka, error);

	MR_ASSERT(n_topics > 0);
	if (all)
		mr_journal_partitions(all, journal, partitions, &were);
	if (admin)
		mr_admin_strange_topic(admin, app, topics, n_topics, GROUP_MS, strange);
	mr_log_reader_close(all);
	mr_admin_close(admin);
	if (were && were != partitions) {
		snprintf(line, 1024, "topic '%s' has %d partitions, '%s' was written with %d: a user's events would come to another "
		    "partition than his profile. Let this app finish what it has, then go on under another app name, with "
		    "topics of its own", topics[0], partitions, journal, were);
		return false;
	}
	if (strange[0]) {
		snprintf(line, 1024, "members of the group '%s' read topic '%s', which is no input here: another application has this "
		    "name. Give one of them another app name", app, strange);
		return false;
	}
	return true;
}

int64_t
mr_journal_idle_ms(struct mr_admin *admin, const char *journal)
{
	struct mr_topic_info info;

	if (mr_admin_topic(admin, journal, TOPIC_MS, &info) != MR_KAFKA_OK || !info.configs || info.retention_ms < 0 ||
	    info.retention_ms / 4 > JOURNAL_IDLE_MS)
		return JOURNAL_IDLE_MS;
	return info.retention_ms / 4 + 1;
}
