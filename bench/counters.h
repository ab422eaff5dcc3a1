// What a stretch of code took: CPU time of this thread, instructions and cache misses where the machine
// lets them be counted, and calls for memory (the program is linked so that they come by here). Under
// callgrind the stretch alone is counted, and its instructions are in the file that callgrind writes.
#ifndef MR_BENCH_COUNTERS_H
#define MR_BENCH_COUNTERS_H

#include <stdint.h>

struct counters {
	double cpu_ns;
	double instructions, cache_misses;      // below 0: not known
	uint64_t allocations;     // calls of malloc, calloc, realloc
	uint64_t allocated;       // bytes that they asked for
};

// Once, at the start. Says on standard error where instructions can't be counted.
void counters_open(void);
// What goes on between the two is added to *sum.
void counters_start(void);
void counters_stop(struct counters *sum);
// Ends a sum: what callgrind counted since the last one stands in its files under this name.
void counters_name(const char *name);

#endif
