// Looks at all topics together at start-up.
#include "kafka/admin.h"
#include "kafka/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct check {
	struct mr_admin *admin;
	struct mr_topic_report *report;
	bool create;
	int64_t deadline;
};

MR_PRINTF(3, 4) static void
say(struct check *c, bool error, const char *fmt, ...)
{
	char line[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	size_t before = c->report->text ? strlen(c->report->text) : 0, room = before + strlen(line) + 16;
	c->report->text = realloc(c->report->text, room);
	MR_ASSERT(c->report->text != NULL);
	snprintf(c->report->text + before, room - before, "%s: %s\n", error ? "error" : "warning", line);
	c->report->errors += error;
}

static int64_t
left(const struct check *c)
{
	int64_t ms = c->deadline - mr_kafka_now_ms();

	return ms > 1 ? ms : 1;
}

static void
check_partitions(struct check *c, const struct mr_topic_want *w, const struct mr_topic_info *info)
{
	int32_t want = w->role == MR_TOPIC_SINGLE ? 1 : c->report->partitions;

	if (info->partitions == want)
		return;
	if (w->role == MR_TOPIC_SINGLE)
		say(c, true, "topic %s has %d partitions, and must have one: create it anew with one partition", w->name, info->partitions);
	else
		say(c, true, "topic %s has %d partitions, the events %d: they must be equal, since a task reads and writes "
		    "its own number everywhere; add partitions to %s, or create it anew", w->name, info->partitions, want,
		    info->partitions < want ? w->name : "the events (after draining)");
}

static void
check_configs(struct check *c, const struct mr_topic_want *w, const struct mr_topic_info *info)
{
	if (!info->configs)
		return;
	if (info->compacted && (w->role == MR_TOPIC_ANCHOR || w->role == MR_TOPIC_INPUT || w->role == MR_TOPIC_JOURNAL))
		say(c, true, "topic %s is compacted: a replay would miss what compaction removed; "
		    "set cleanup.policy=delete", w->name);
	else if (info->compacted && w->role == MR_TOPIC_OUTPUT)
		say(c, false, "topic %s is compacted: readers see only the last message of each user; "
		    "set cleanup.policy=delete", w->name);
	if (w->message_bytes_min > 0 && info->message_bytes_max > 0 && info->message_bytes_max < w->message_bytes_min)
		say(c, true, "topic %s takes messages of at most %lld bytes, %lld are needed: raise max.message.bytes",
		    w->name, (long long)info->message_bytes_max, (long long)w->message_bytes_min);
	if (w->role == MR_TOPIC_JOURNAL && info->retention_ms >= 0 && info->retention_ms < 86400000)
		say(c, false, "topic %s keeps its records for %lld ms only: after a longer stop a task starts anew; "
		    "set retention.ms to some days", w->name, (long long)info->retention_ms);
}

static enum mr_kafka_status
make(struct check *c, const struct mr_topic_want *w, struct mr_topic_info *info)
{
	const struct mr_kafka_property configs[] = {
		{MR_LIT("cleanup.policy"), MR_LIT("delete")}, {MR_LIT("retention.ms"), MR_LIT("-1")},
	};
	int32_t n = w->role == MR_TOPIC_SINGLE ? 1 : c->report->partitions;
	// The journal and the configuration are what a replay starts from.
	size_t n_configs = w->role == MR_TOPIC_JOURNAL || w->role == MR_TOPIC_SINGLE ? 2 : 1;
	enum mr_kafka_status status = mr_admin_create(c->admin, w->name, n, configs, n_configs, left(c));

	if (status == MR_KAFKA_OK)
		return mr_admin_topic(c->admin, w->name, left(c), info);
	if (status != MR_KAFKA_AGAIN)
		say(c, true, "%s", mr_admin_error(c->admin));
	return status;
}

static enum mr_kafka_status
check_one(struct check *c, const struct mr_topic_want *w)
{
	struct mr_topic_info info;
	enum mr_kafka_status status = mr_admin_topic(c->admin, w->name, left(c), &info);

	if (status == MR_KAFKA_OK && !info.exists && c->create && w->role != MR_TOPIC_ANCHOR && c->report->partitions > 0) {
		status = make(c, w, &info);
		if (status != MR_KAFKA_OK && status != MR_KAFKA_AGAIN)
			return MR_KAFKA_OK; // said
	}
	if (status == MR_KAFKA_AGAIN)
		return status;
	if (status != MR_KAFKA_OK) {
		say(c, true, "%s", mr_admin_error(c->admin));
		return MR_KAFKA_OK;
	}
	if (!info.exists) {
		say(c, true, "topic %s does not exist (or this user may not Describe it): create it with %s%s", w->name,
		    w->role == MR_TOPIC_SINGLE ? "one partition" : w->role == MR_TOPIC_ANCHOR ? "as many partitions as tasks are wanted"
		    : "as many partitions as the events have", w->role == MR_TOPIC_ANCHOR ? "" : ", or say delivery.create_topics: true");
		return MR_KAFKA_OK;
	}
	if (w->role == MR_TOPIC_ANCHOR)
		c->report->partitions = info.partitions;
	else if (c->report->partitions > 0)
		check_partitions(c, w, &info);
	check_configs(c, w, &info);
	return MR_KAFKA_OK;
}

enum mr_kafka_status
mr_admin_check(struct mr_admin *a, const struct mr_topic_want *wants, size_t n, bool create_missing,
    int64_t timeout_ms, struct mr_topic_report *report)
{
	struct check c = {a, report, create_missing, mr_kafka_now_ms() + timeout_ms};
	enum mr_kafka_status status = MR_KAFKA_OK;

	*report = (struct mr_topic_report){0};
	for (int anchor = 1; anchor >= 0; anchor--) // the measure first
		for (size_t i = 0; i < n && status == MR_KAFKA_OK; i++)
			if ((wants[i].role == MR_TOPIC_ANCHOR) == anchor)
				status = check_one(&c, &wants[i]);
	return status;
}
