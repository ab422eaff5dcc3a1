// The parameters of the application, one table a map: parsing, checking, echo and the docs come
// from here. The operators' maps have tables of their own.
#include "config/internal.h"

#define AT(field) offsetof(struct mr_app_conf, field)
#define CHILD(key, about) {.name = key, .type = MR_P_NODE, .offset = AT(child), .text = about}
#define TOPIC(field, default_topic, about) \
	{.name = "topic", .type = MR_P_STRING, .offset = AT(field.topic), .def = default_topic, .words = off, .text = about}

static const char *const off[] = {"off", NULL};
static const char *const on_off[] = {"off", "on", NULL};
static const char *const partitioners[] = {"murmur2", "crc32", NULL};
static const char *const entries[] = {"count", "write", NULL};
static const char *const encodings[] = {"json", "msgpack", NULL};

#define KIB 1024.0
#define MIB (1024 * KIB)
#define SECOND 1000.0
#define DAY (86400 * SECOND)

static const struct mr_param top[] = {
	{.name = "app", .type = MR_P_STRING, .offset = AT(app), .def = "!",
	    .text = "names the consumer group, the internal topics and the keys in Redis"},
	{.name = "instance", .type = MR_P_STRING, .offset = AT(instance),
	    .text = "this process among its group (Kafka's group.instance.id); with it a restart in place is quick"},
	{.name = "workers", .type = MR_P_INT, .offset = AT(workers), .def = "0", .min = 0, .max = 1024,
	    .unit = "threads", .text = "threads that apply events; 0: one a core"},
	CHILD("kafka", "librdkafka's own properties, from an allow-list"),
	CHILD("redis", "where profiles are kept"),
	{.name = "input", .type = MR_P_NODE, .offset = AT(child), .def = "!", .text = "topics that are read"},
	CHILD("output", "topics that are written; off turns one off"),
	CHILD("time", "event time and the clock"),
	CHILD("delivery", "transactions and write-behind"),
	CHILD("limits", "bounds; what they cut is counted"),
	CHILD("dedup", "repeated messageIds"),
	CHILD("serve", "metrics and health"),
	MR_PARAMS_END,
};
static const char *const top_aside[] = {"instance", "workers", NULL};

static const struct mr_param redis[] = {
	{.name = "url", .type = MR_P_STRING, .offset = AT(redis.url), .def = "unix:///run/redis/redis-server.sock",
	    .text = "redis://[user[:password]@]host[:port][/db], unix:///path, rediss:// or memory:"},
	{.name = "password_file", .type = MR_P_STRING, .offset = AT(redis.password_file),
	    .text = "file that holds the password; better than one in the URL"},
	{.name = "timeout", .type = MR_P_DURATION, .offset = AT(redis.timeout_ms), .def = "1s", .min = 1, .max = 60 * SECOND,
	    .text = "longest wait for one answer"},
	MR_PARAMS_END,
};

static const struct mr_param input[] = {
	CHILD("events", "behaviour events (Segment spec, JSON or msgpack), keyed by user"),
	CHILD("outcomes", "what became of actions: delivered, opened, clicked, bounced"),
	CHILD("catalog", "events about products"),
	MR_PARAMS_END,
};
static const struct mr_param input_events[] = {
	TOPIC(events, "events", "topic; it anchors the consumer group"),
	{.name = "partitioner", .type = MR_P_ENUM, .offset = AT(events.partitioner), .def = "murmur2", .words = partitioners,
	    .text = "how producers choose the partition of a key; a record elsewhere is processed and counted"},
	MR_PARAMS_END,
};
static const struct mr_param input_outcomes[] = {TOPIC(outcomes, "off", "topic, with as many partitions as events"), MR_PARAMS_END};
static const struct mr_param input_catalog[] = {TOPIC(catalog, "off", "topic, with as many partitions as events"), MR_PARAMS_END};

static const struct mr_param output[] = {
	CHILD("actions", "what is to be sent: one CloudEvent an action"),
	CHILD("decisions", "what was not sent and why, and how runs ended"),
	CHILD("sessions", "closed sessions"),
	CHILD("dead_letters", "records that could not be read"),
	{.name = "encoding", .type = MR_P_ENUM, .offset = AT(output.encoding), .def = "json", .words = encodings,
	    .text = "of all messages written"},
	{.name = "explain", .type = MR_P_BOOL, .offset = AT(output.explain), .def = "false",
	    .text = "actions carry the names and values that their conditions read"},
	MR_PARAMS_END,
};
static const struct mr_param output_actions[] = {
	TOPIC(actions, "actions.{channel}", "topic; {channel} stands for the action's channel"), MR_PARAMS_END};
static const struct mr_param output_decisions[] = {
	TOPIC(decisions, "<app>.decisions", "topic"),
	{.name = "entry", .type = MR_P_ENUM, .offset = AT(decisions.entry), .def = "count", .words = entries,
	    .text = "runs that did not begin: only count them, or write each"},
	MR_PARAMS_END,
};
static const struct mr_param output_sessions[] = {TOPIC(sessions, "<app>.sessions", "topic"), MR_PARAMS_END};
static const struct mr_param output_dead_letters[] = {TOPIC(dead_letters, "<app>.dead-letters", "topic"), MR_PARAMS_END};

static const struct mr_param times[] = {
	{.name = "zone", .type = MR_P_STRING, .offset = AT(time.zone), .def = "UTC",
	    .text = "time zone of users whose events name none"},
	{.name = "grace", .type = MR_P_DURATION, .offset = AT(time.grace_ms), .def = "10s", .min = 0, .max = DAY,
	    .text = "how long a timer waits for events that come out of order"},
	{.name = "ahead", .type = MR_P_DURATION, .offset = AT(time.ahead_ms), .def = "1m", .min = 0, .max = DAY,
	    .text = "how far ahead of the wall clock an event may be; beyond it its time is clamped"},
	{.name = "old", .type = MR_P_DURATION, .offset = AT(time.old_ms), .def = "6h", .min = 0, .max = 365 * DAY,
	    .text = "how far behind stream time an event may still start a run or change a session"},
	{.name = "ticks", .type = MR_P_ENUM, .offset = AT(time.ticks), .def = "on", .words = on_off,
	    .text = "off: time moves by events alone, for historic data"},
	MR_PARAMS_END,
};
static const char *const time_aside[] = {"ticks", NULL};

static const struct mr_param delivery[] = {
	{.name = "commit_interval", .type = MR_P_DURATION, .offset = AT(delivery.commit_interval_ms), .def = "50ms",
	    .min = 5, .max = 5 * SECOND, .text = "length of a transaction; longer under load"},
	{.name = "flush_interval", .type = MR_P_DURATION, .offset = AT(delivery.flush_interval_ms), .def = "1s",
	    .min = 10, .max = 60 * SECOND, .text = "how long a changed profile waits before it is written to Redis"},
	{.name = "create_topics", .type = MR_P_BOOL, .offset = AT(delivery.create_topics), .def = "false",
	    .text = "create the topics that are missing"},
	MR_PARAMS_END,
};

static const struct mr_param limits[] = {
	{.name = "record_bytes", .type = MR_P_BYTES, .offset = AT(limits.record_bytes), .def = "1MiB", .min = 1 * KIB,
	    .max = 16 * MIB, .text = "of an event; a larger one is a dead letter"},
	{.name = "depth", .type = MR_P_INT, .offset = AT(limits.depth), .def = "32", .min = 4, .max = 32, .unit = "levels",
	    .text = "nesting of an event"},
	{.name = "key_bytes", .type = MR_P_BYTES, .offset = AT(limits.key_bytes), .def = "256B", .min = 16, .max = 64 * KIB,
	    .text = "of a name within an event"},
	{.name = "string_bytes", .type = MR_P_BYTES, .offset = AT(limits.string_bytes), .def = "64KiB", .min = 64,
	    .max = 16 * MIB, .text = "of a text within an event"},
	{.name = "action_bytes", .type = MR_P_BYTES, .offset = AT(limits.action_bytes), .def = "64KiB", .min = 1 * KIB,
	    .max = 900 * KIB, .text = "of an action; a larger one is not sent (too_large)"},
	{.name = "user_memory", .type = MR_P_BYTES, .offset = AT(limits.user_memory), .def = "256MiB", .min = 1 * MIB,
	    .max = 1024 * 1024 * MIB, .text = "of the profiles that one partition keeps in memory"},
	{.name = "fetched", .type = MR_P_BYTES, .offset = AT(limits.fetched), .def = "16MiB", .min = 64 * KIB,
	    .max = 1024 * MIB, .text = "of one partition's records that were read and not yet applied"},
	{.name = "unacknowledged", .type = MR_P_INT, .offset = AT(limits.unacknowledged), .def = "100000", .min = 100,
	    .max = 10000000, .unit = "messages", .text = "produced and not yet acknowledged"},
	MR_PARAMS_END,
};
static const char *const limits_aside[] = {"user_memory", "fetched", "unacknowledged", NULL};

static const struct mr_param dedup[] = {
	{.name = "keep", .type = MR_P_INT, .offset = AT(dedup.keep), .def = "32", .min = 0, .max = 4096, .unit = "messageIds",
	    .text = "remembered a user; 0: repeated messages are not looked for"},
	MR_PARAMS_END,
};

static const struct mr_param serve[] = {
	{.name = "listen", .type = MR_P_STRING, .offset = AT(serve.listen), .def = "127.0.0.1:9464", .words = off,
	    .text = "address and port of /metrics and /healthz"},
	{.name = "partitions", .type = MR_P_BOOL, .offset = AT(serve.partitions), .def = "true",
	    .text = "metrics of each partition; false: of all of them together"},
	MR_PARAMS_END,
};

const struct mr_section mr_sections[] = {
	{.path = "", .params = top, .aside = top_aside},
	{.path = "redis", .params = redis, .shorthand = "url", .outside = true},
	{.path = "input", .params = input},
	{.path = "input.events", .params = input_events, .shorthand = "topic"},
	{.path = "input.outcomes", .params = input_outcomes, .shorthand = "topic"},
	{.path = "input.catalog", .params = input_catalog, .shorthand = "topic"},
	{.path = "output", .params = output},
	{.path = "output.actions", .params = output_actions, .shorthand = "topic"},
	{.path = "output.decisions", .params = output_decisions, .shorthand = "topic"},
	{.path = "output.sessions", .params = output_sessions, .shorthand = "topic"},
	{.path = "output.dead_letters", .params = output_dead_letters, .shorthand = "topic"},
	{.path = "time", .params = times, .aside = time_aside},
	{.path = "delivery", .params = delivery, .outside = true},
	{.path = "limits", .params = limits, .aside = limits_aside},
	{.path = "dedup", .params = dedup},
	{.path = "serve", .params = serve, .shorthand = "listen", .outside = true},
	{.path = NULL},
};

const char *const mr_not_yet_keys[] = {"consent", "caps", "quiet_hours", "holdout", "interests", "money", NULL};

const struct mr_section *
mr_section_of(const char *path)
{
	for (const struct mr_section *section = mr_sections; section->path; section++)
		if (strcmp(section->path, path) == 0)
			return section;
	return NULL;
}

const struct mr_param *
mr_top_table(struct mr_setup *s, const struct mr_operator *extra)
{
	size_t n = sizeof(top) / sizeof(top[0]), at = n - 1;

	for (const struct mr_operator *const *op = mr_operators; *op; op++)
		n++;
	for (const char *const *key = mr_not_yet_keys; *key; key++)
		n++;
	struct mr_param *table = mr_arena_alloc(s->arena, (n + 2) * sizeof(*table));
	memcpy(table, top, at * sizeof(*table));
	for (const struct mr_operator *const *op = mr_operators; *op; op++)
		table[at++] = (struct mr_param)CHILD((*op)->name, NULL);
	if (extra)
		table[at++] = (struct mr_param)CHILD(extra->name, NULL);
	table[at++] = (struct mr_param)CHILD("tests", NULL);
	for (const char *const *key = mr_not_yet_keys; *key; key++)
		table[at++] = (struct mr_param){.name = *key, .type = MR_P_NOT_YET};
	for (size_t i = 0; s->lenient && i < at; i++)
		if (table[i].def && table[i].def[0] == '!')
			table[i].def = table[i].type == MR_P_STRING ? "test" : NULL;
	MR_ASSERT(at < n + 2);
	return table;
}
