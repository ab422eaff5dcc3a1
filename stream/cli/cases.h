// The `tests` of a configuration: events in, actions and decisions out. Each runs in a task of its
// own, in memory.
#ifndef MR_CLI_CASES_H
#define MR_CLI_CASES_H

#include "config/config.h"

#include <stdio.h>

struct mr_cases_result {
	uint32_t run, failed;
};

// Whether the tests are well formed; what is wrong goes to `err`, one "file:line:column: ..." a line.
bool mr_cases_check(const struct mr_config *, FILE *err);
// Runs all of them (checked before); reports each on `out`. Sets the plan's format to msgpack and
// turns decisions on: the configuration serves for nothing else afterwards.
struct mr_cases_result mr_cases_run(struct mr_config *, FILE *out);

#endif
