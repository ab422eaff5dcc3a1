// What a stretch of code took: CPU time of this thread, instructions where the machine lets them be
// counted, and calls for memory (the program is linked so that they come by here).
#ifndef MR_BENCH_COUNTERS_H
#define MR_BENCH_COUNTERS_H

#include <stdint.h>

struct counters {
	double cpu_ns;
	double instructions;      // below 0: not known
	uint64_t allocations;     // calls of malloc, calloc, realloc
	uint64_t allocated;       // bytes that they asked for
};

// Once, at the start. Says on standard error where instructions can't be counted.
void counters_open(void);
void counters_read(struct counters *);

#endif
