#include "counters.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t allocations, allocated;
static int perf = -1;

// The linker gives every call for memory of this program and its static libraries these names (--wrap).
void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);

void *
__wrap_malloc(size_t n)
{
	allocations++;
	allocated += n;
	return __real_malloc(n);
}

void *
__wrap_calloc(size_t items, size_t n)
{
	allocations++;
	allocated += items * n;
	return __real_calloc(items, n);
}

void *
__wrap_realloc(void *p, size_t n)
{
	allocations++;
	allocated += n;
	return __real_realloc(p, n);
}

void
counters_open(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(attr), .config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_kernel = 1, .exclude_hv = 1,
	};

	perf = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (perf < 0)
		fprintf(stderr, "instructions can't be counted here (%s); deploy/bench.sh callgrind counts them\n", strerror(errno));
}

void
counters_read(struct counters *c)
{
	struct timespec t;
	uint64_t n;

	c->instructions = perf >= 0 && read(perf, &n, sizeof(n)) == (ssize_t)sizeof(n) ? (double)n : -1;
	c->allocations = allocations;
	c->allocated = allocated;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	c->cpu_ns = (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}
