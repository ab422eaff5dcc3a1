#include "counters.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#define CALLGRIND_DUMP_STATS_AT(name) (void)(name)
#endif

static uint64_t allocations, allocated;
static int perf_instructions = -1, perf_misses = -1;
static struct counters started;

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

static int
perf_open(uint64_t what)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(attr), .config = what, .exclude_kernel = 1, .exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static double
perf_read(int fd)
{
	uint64_t n;

	return fd >= 0 && read(fd, &n, sizeof(n)) == (ssize_t)sizeof(n) ? (double)n : -1;
}

void
counters_open(void)
{
	if (RUNNING_ON_VALGRIND)
		return;
	perf_instructions = perf_open(PERF_COUNT_HW_INSTRUCTIONS);
	if (perf_instructions < 0)
		fprintf(stderr, "instructions can't be counted here (%s); under callgrind they can\n", strerror(errno));
	perf_misses = perf_open(PERF_COUNT_HW_CACHE_MISSES);
}

static void
counters_read(struct counters *c)
{
	struct timespec t;

	c->instructions = perf_read(perf_instructions);
	c->cache_misses = perf_read(perf_misses);
	c->allocations = allocations;
	c->allocated = allocated;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	c->cpu_ns = (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void
counters_start(void)
{
	counters_read(&started);
	CALLGRIND_START_INSTRUMENTATION;
}

void
counters_stop(struct counters *sum)
{
	struct counters now;

	CALLGRIND_STOP_INSTRUMENTATION;
	counters_read(&now);
	sum->cpu_ns += now.cpu_ns - started.cpu_ns;
	sum->instructions = now.instructions < 0 ? -1 : sum->instructions + now.instructions - started.instructions;
	sum->cache_misses = now.cache_misses < 0 ? -1 : sum->cache_misses + now.cache_misses - started.cache_misses;
	sum->allocations += now.allocations - started.allocations;
	sum->allocated += now.allocated - started.allocated;
}

void
counters_name(const char *name)
{
	CALLGRIND_DUMP_STATS_AT(name);
}
