// A running process: one member of the consumer group, its workers, until a signal ends it.
#ifndef MR_RUN_PROCESS_H
#define MR_RUN_PROCESS_H

#include "config/config.h"
#include "run/stats.h"

struct mr_process_conf {
	const struct mr_config *config;
	struct mr_stats *stats;               // may be NULL
	// Told once the group has given partitions and each has been taken over; may be NULL.
	void (*ready)(void *arg);
	// Asked now and then; true: end cleanly. NULL: SIGTERM and SIGINT do it.
	bool (*stop)(void *arg);
	void *arg;
	bool quiet;                           // log warnings and errors only
};

// Blocks. True: ended cleanly. False: an error, which was said on standard error.
bool mr_process_run(const struct mr_process_conf *);

#endif
