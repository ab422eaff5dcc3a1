// What the files of stream/config share. Nobody outside the folder includes this.
#ifndef MR_CONFIG_INTERNAL_H
#define MR_CONFIG_INTERNAL_H

#include "config/config.h"
#include "core/arena.h"

#include <stdarg.h>
#include <stdio.h>

#define MR_CONFIG_BYTES_MAX (4u * 1024 * 1024)
#define MR_CONFIG_DEPTH_MAX 32
#define MR_CONFIG_NODES_MAX 200000
#define MR_CONFIG_KEY_MAX 250      // bytes; within what YAML allows once it is escaped
#define MR_CONFIG_KEYS_MAX 10000   // of one map
#define MR_CONFIG_FILE_BYTES_MAX (256u * 1024 * 1024)

struct mr_note {
	uint32_t line, column;
	char *text;
};

// Errors or warnings, in the order in which they were found; shown in the order of the file.
struct mr_notes {
	struct mr_note *items;
	size_t n, cap;
};

struct mr_setup {
	struct mr_arena *arena;
	struct mr_config *config;
	const char *path;             // as given; the prefix of every message
	struct mr_str source;         // the file's text
	const size_t *lines;          // byte at which each line begins
	size_t n_lines;
	const struct mr_node *root;
	struct mr_notes errors, warnings;
	struct mr_schema *schema;
	struct mr_zones *zones;
	char zones_hash[33];          // of the machine's zone data
	struct mr_offer *offers;
	uint32_t n_offers, cap_offers;
	struct mr_expr **exprs;       // to be freed
	size_t n_exprs, cap_exprs;
	struct mr_config_file *files; // those named, in order
	size_t n_files, cap_files;
	uint16_t op;                  // the operator that is being set up
	const struct mr_config_options *options;   // while it is loaded; may be NULL
	struct mr_app_conf *app;
	bool lenient;
	bool frozen;                  // loaded: nothing may be asked for any more
};

// ---- setup.c ----
void mr_note_add(struct mr_notes *, uint32_t line, uint32_t column, const char *fmt, va_list) MR_PRINTF(4, 0);
// One text, a line each ("path:line:column: PREFIXtext"), sorted by position; NULL where there are
// none. The caller frees it.
char *mr_notes_text(const struct mr_notes *, const char *path, const char *prefix);
void mr_notes_free(struct mr_notes *);
void mr_setup_error_pos(struct mr_setup *, uint32_t line, uint32_t column, const char *fmt, ...) MR_PRINTF(4, 5);
const char *mr_setup_format(struct mr_setup *, const char *fmt, ...) MR_PRINTF(2, 3);   // in the arena
const char *mr_setup_cstr(struct mr_setup *, struct mr_str);
// Bytes of a file, at most max. NULL with *why set where it can't be read.
const char *mr_setup_read(struct mr_setup *, const char *path, size_t max, size_t *n, const char **why);
// A path as written in the configuration, relative to the configuration's folder.
const char *mr_setup_resolve(struct mr_setup *, struct mr_str path);

// ---- yaml.c ----
// Parses s->source to s->root (NULL where it can't, errors noted).
bool mr_yaml_parse(struct mr_setup *);
// True where brackets or quotes don't close: YAML ended the text before its writer did.
bool mr_cut_short(struct mr_str text);

// ---- env.c: ${VAR} ----
struct mr_str mr_env_expand(struct mr_setup *, const struct mr_node *at, struct mr_str text);

// ---- position.c ----
void mr_source_index(struct mr_setup *);   // fills lines
// Where byte `byte` of a scalar's text stands in the source. False where it can't be told (then the
// scalar's own position is given).
bool mr_source_position(const struct mr_setup *, const struct mr_node *, size_t byte, uint32_t *line, uint32_t *column);
// The first character of the source after a scalar, spaces skipped; 0 at the end of a line.
char mr_source_after(const struct mr_setup *, const struct mr_node *);

// ---- suggest.c ----
// The nearest of `names` to a wrong word, or NULL where none is near. Names may repeat; NULL-terminated.
const char *mr_suggest(struct mr_str wrong, const char *const *names);
// Distance of two words (insertions, deletions, changes, swaps of neighbours), at most `max` + 1.
unsigned mr_distance(struct mr_str, struct mr_str, unsigned max);
bool mr_near(struct mr_str wrong, struct mr_str right, unsigned *best);

// ---- scalar.c: what YAML 1.2 core says a scalar is ----
enum mr_scalar { MR_SCALAR_NULL, MR_SCALAR_BOOL, MR_SCALAR_NUMBER, MR_SCALAR_STRING };
enum mr_scalar mr_scalar_kind(const struct mr_node *);
bool mr_scalar_number(struct mr_str, double *);    // finite
bool mr_scalar_int(struct mr_str, int64_t *);
bool mr_duration_parse(struct mr_str, int64_t *ms);
bool mr_bytes_parse(struct mr_str, int64_t *bytes);
void mr_duration_format(char out[48], int64_t ms);
void mr_bytes_format(char out[48], int64_t bytes);

// ---- params.c ----
size_t mr_param_size(enum mr_param_type);
bool mr_param_parse(struct mr_setup *, const struct mr_param *, const struct mr_node *, void *field);
// Parses the default, which must be well-formed.
void mr_param_default(struct mr_setup *, const struct mr_param *, void *field);
const struct mr_node *mr_node_of(struct mr_setup *, struct mr_str text, const struct mr_node *at);

// ---- tables.c: the application's own maps ----
// One map of the file. A parameter of type MR_P_NODE whose path is a section too is read by that
// section's table; MR_P_STRING with `words` has a word that leaves it empty ("off").
struct mr_section {
	const char *path;              // "input.events"; "" is the file's top level
	const struct mr_param *params; // offsets are those of struct mr_app_conf
	const char *shorthand;         // the parameter that a bare scalar sets, or NULL
	const char *const *aside;      // parameters that can't influence apply; NULL: all of them can
	bool outside;                  // the whole section can't
};
extern const struct mr_section mr_sections[];   // ends with path NULL

struct mr_topic_section {
	struct mr_str topic;
	int32_t partitioner, entry;
};

struct mr_app_conf {
	const struct mr_node *child;   // of every MR_P_NODE: nobody reads it here
	struct mr_str app, instance;
	int64_t workers;
	struct { struct mr_str url, password_file; int64_t timeout_ms; } redis;
	struct mr_topic_section events, outcomes, catalog, actions, decisions, sessions, dead_letters;
	struct { int32_t encoding; bool explain; } output;
	struct { struct mr_str zone; int64_t grace_ms, ahead_ms, old_ms; int32_t ticks; } time;
	struct { int64_t commit_interval_ms, flush_interval_ms; bool create_topics; } delivery;
	struct {
		int64_t record_bytes, depth, key_bytes, string_bytes, action_bytes;
		int64_t user_memory, fetched, unacknowledged;
	} limits;
	struct { int64_t keep; } dedup;
	struct { struct mr_str listen; bool partitions; } serve;
};

extern const char *const mr_not_yet_keys[];     // NULL-terminated
extern const struct mr_operator *const mr_operators[];
const struct mr_section *mr_section_of(const char *path);
// The table of the top level: the application's keys, the operators' and those that are refused.
const struct mr_param *mr_top_table(struct mr_setup *, const struct mr_operator *extra);

// ---- app.c ----
// Reads every section. False after an error.
bool mr_app_read(struct mr_setup *, const struct mr_operator *extra);
// Checks what no table can say, and fills s->config and its plan.
void mr_app_apply(struct mr_setup *, const struct mr_config_options *);

// ---- normal.c: the normalised form ----
void mr_normal_text(FILE *, struct mr_str);                          // a string, quoted where it must be
void mr_normal_node(FILE *, const struct mr_node *, int indent);     // after "key:" or "-"
void mr_normal_value(FILE *, const struct mr_param *, const void *field, int indent);
// The whole configuration; with `identity` only what can influence apply.
void mr_normal_config(struct mr_setup *, FILE *, bool identity);
void mr_identity(struct mr_setup *, char out[33]);

// ---- names.c ----
void mr_exprs_free(struct mr_setup *);

// ---- properties.c: librdkafka's ----
void mr_properties_read(struct mr_setup *, const struct mr_node *);
const char *mr_property_name(size_t i);  // of those that may be set; NULL after the last
void mr_properties_reference(FILE *);   // the page's part about them
void mr_redis_check(struct mr_setup *, const struct mr_node *, struct mr_str url);

// ---- zones.c ----
void mr_zones_load(struct mr_setup *);
bool mr_zone_exists(struct mr_str name);
// The zone whose name is nearest, or an example of one.
const char *mr_zone_suggest(struct mr_setup *, struct mr_str wrong);

#endif
