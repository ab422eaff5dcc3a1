// A YAML file to a checked, normalised configuration and its plan.
#ifndef MR_CONFIG_CONFIG_H
#define MR_CONFIG_CONFIG_H

#include <millrace/plan.h>

struct mr_property {
	struct mr_str name, value;   // librdkafka's
	bool secret;
};

struct mr_topic_conf {
	struct mr_str topic;         // empty: off
};

struct mr_config {
	struct mr_plan plan;
	struct mr_str app, path;

	struct mr_property *kafka;   // the allow-listed properties, in file order
	uint32_t n_kafka;
	struct mr_str redis;         // URL, or "memory:"
	struct mr_str redis_password_file;
	int64_t redis_timeout_ms;

	struct mr_str events, outcomes, catalog;   // input topics; empty: none
	struct mr_str actions;                     // pattern, may hold {channel}
	struct mr_str decisions, sessions, dead_letters;  // empty: off
	const struct mr_str *channels;             // every channel that the rules name, sorted
	uint32_t n_channels;
	bool create_topics;                        // delivery.create_topics

	int64_t commit_interval_ms, flush_interval_ms;
	int64_t fetched_bytes_max;                 // fetched and unapplied, a partition
	int64_t unacknowledged_max;                // messages produced and not yet acknowledged
	int32_t workers;                           // threads; 0: one a core
	struct mr_str instance_id;                 // group.instance.id; empty: none
	struct mr_str listen;                      // serve.listen, "127.0.0.1:9464"; empty: off
	bool partition_metrics;                    // serve.partitions
	const struct mr_node *tests;               // NULL: none
	struct mr_setup *setup;                    // keeps everything alive
};

// A file that a configuration names, and its bytes.
struct mr_config_file {
	struct mr_str name, bytes;
};

struct mr_config_options {
	const struct mr_config_file *files;        // taken instead of the disk's, by name
	uint32_t n_files;
	const struct mr_operator *extra;           // added to the pipeline (testing.h), or NULL
	bool json;                                 // messages in JSON whatever the file says (replay)
	bool lenient;                              // app, input and rules have defaults (testing.h)
};

// Loads a file (or, with `text`, that text under the name `path`). NULL where anything is wrong:
// *errors then holds every error, one a line, each "file:line:column: ..." (free()). Warnings are
// in *warnings in both cases (free()); either may be NULL.
struct mr_config *mr_config_load(const char *path, const char *text, const struct mr_config_options *,
    char **errors, char **warnings);
void mr_config_free(struct mr_config *);
// The files that it names, in order; they live as long as it does.
const struct mr_config_file *mr_config_files(const struct mr_config *, uint32_t *n);

// The normalised configuration as YAML (free()): every key, secrets redacted. Loads to the same hash.
char *mr_config_echo(const struct mr_config *);
// Every parameter with its default, unit, bounds and text, as YAML with comments (free()).
char *mr_config_defaults(void);
// The same as a page in Markdown (free()): docs/parameters.md.
char *mr_config_reference(void);
// JSON Schema of a configuration (free()): docs/config.schema.json.
char *mr_config_json_schema(void);

#endif
