// What the verbs of the command line share. One file a verb; each defines one `const struct mr_verb`,
// which is declared here and listed in main.c's table.
#ifndef MR_CLI_CLI_H
#define MR_CLI_CLI_H

#include <millrace/base.h>

enum mr_exit {
	MR_EXIT_OK = 0,
	MR_EXIT_FAILED = 1,   // a test or check failed, or a server, file or pipe did
	MR_EXIT_USAGE = 2,    // wrong options
	MR_EXIT_CONFIG = 78,  // bad configuration (EX_CONFIG)
};

struct mr_verb {
	const char *name;
	const char *help;     // one line, for the list of verbs
	const char *usage;    // whole text of `millrace VERB --help`, ends in a newline
	// argv[0] is the verb. Data go to standard output, notices to standard error. Returns the exit
	// code; main looks at standard output's errors afterwards. `--help` was already dealt with.
	int (*run)(int argc, char **argv);
};

extern const struct mr_verb mr_verb_demo;
extern const struct mr_verb mr_verb_echo;
extern const struct mr_verb mr_verb_generate;
extern const struct mr_verb mr_verb_test;
extern const struct mr_verb mr_verb_validate;
extern const struct mr_verb mr_verb_version;
extern const struct mr_verb mr_verb_replay;
extern const struct mr_verb mr_verb_run;

struct mr_config;
struct mr_config_options;
// Loads a configuration; its errors and warnings go to standard error. NULL: exit MR_EXIT_CONFIG.
struct mr_config *mr_cli_config(const char *path, const struct mr_config_options *);
struct mr_kafka_property;
// The configuration's librdkafka properties (free(); they borrow the configuration's strings).
struct mr_kafka_property *mr_cli_kafka_properties(const struct mr_config *);

// Says on standard error "millrace VERB: TEXT" and where the help is; returns MR_EXIT_USAGE.
int mr_cli_wrong(const struct mr_verb *, const char *fmt, ...) MR_PRINTF(2, 3);
// Says on standard error "millrace VERB: TEXT"; returns MR_EXIT_FAILED.
int mr_cli_failed(const struct mr_verb *, const char *fmt, ...) MR_PRINTF(2, 3);

#endif
