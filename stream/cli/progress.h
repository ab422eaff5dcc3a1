// A progress bar on standard error, on a terminal only.
#ifndef MR_CLI_PROGRESS_H
#define MR_CLI_PROGRESS_H

#include <millrace/base.h>

struct mr_progress {
	const char *unit;        // "events"
	uint64_t total;          // 0: not known, then only the count is shown
	bool shown;              // standard error is a terminal
	int64_t started_ms, drawn_ms;
};

// Thread: one at a time. `unit` must outlive the bar.
void mr_progress_start(struct mr_progress *, const char *unit, uint64_t total);
// Cheap to call for each item: draws at most ten times a second.
void mr_progress_update(struct mr_progress *, uint64_t done);
// Draws the last state and ends the line.
void mr_progress_end(struct mr_progress *, uint64_t done);

#endif
