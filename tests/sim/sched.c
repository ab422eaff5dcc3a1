// The scheduler: simulated time, coroutines, and the dice.
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#define STACK_BYTES (512 << 10)

struct sim sim;

const char *const sim_count_names[COUNT_END] = {
#define X(name, text) text,
	COUNTS(X)
#undef X
};

// ---- dice ----

uint64_t
sim_random(void)
{
	uint64_t z = (sim.random += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

int64_t
sim_between(int64_t from, int64_t to)
{
	return from >= to ? from : from + (int64_t)(sim_random() % (uint64_t)(to - from + 1));
}

bool
sim_chance(int percent)
{
	return (int)(sim_random() % 100) < percent;
}

// ---- events: a heap by (time, a random number, order of birth) ----

struct event {
	int64_t at_us;
	uint64_t tie, born;
	void (*fn)(void *, uint64_t);
	void *arg;
	uint64_t n;
};

static struct event *heap;
static size_t n_heap, cap_heap;

static bool
before(const struct event *a, const struct event *b)
{
	if (a->at_us != b->at_us)
		return a->at_us < b->at_us;
	return a->tie != b->tie ? a->tie < b->tie : a->born < b->born;
}

void
sim_at(int64_t at_us, void (*fn)(void *, uint64_t), void *arg, uint64_t n)
{
	struct event e = {at_us < sim.now_us ? sim.now_us : at_us, sim_random(), sim.events++, fn, arg, n};
	size_t i = n_heap++;

	if (n_heap > cap_heap) {
		cap_heap = cap_heap ? 2 * cap_heap : 1024;
		heap = realloc(heap, cap_heap * sizeof(*heap));
		MR_ASSERT(heap != NULL);
	}
	for (; i > 0 && before(&e, &heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = e;
}

static struct event
take(void)
{
	struct event first = heap[0], last = heap[--n_heap];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < n_heap) {
		if (child + 1 < n_heap && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &last))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return first;
}

void
sim_run(int64_t until_us)
{
	while (n_heap > 0 && heap[0].at_us <= until_us && sim.failure[0] == '\0' && !sim.over) {
		struct event e = take();
		sim.now_us = e.at_us;
		e.fn(e.arg, e.n);
	}
	if (sim.now_us < until_us && !sim.over)
		sim.now_us = until_us;
}

// ---- coroutines ----

struct coro {
	ucontext_t context;
	struct proc *proc;
	void (*fn)(void *);
	void *arg;
	void *stack;
	uint64_t sleep;          // the present sleep; an older one's end is nothing
	bool wakeable, woken, done;
};

static ucontext_t scheduler;

static void
enter(void)
{
	struct coro *c = sim.current;

	c->fn(c->arg);
	c->done = true;
	swapcontext(&c->context, &scheduler);
	abort();
}

static void
resume(void *arg, uint64_t sleep)
{
	struct coro *c = arg;

	if (c->done || c->sleep != sleep || (c->proc && c->proc->dead))
		return;
	if (c->proc && c->proc->paused_until_us > sim.now_us) {
		sim_at(c->proc->paused_until_us + sim_between(0, 2 * MS), resume, c, sleep);
		return;
	}
	c->sleep++;
	sim.current = c;
	swapcontext(&scheduler, &c->context);
	sim.current = NULL;
}

struct coro *
sim_spawn(struct proc *p, void (*fn)(void *), void *arg)
{
	struct coro *c = calloc(1, sizeof(*c));

	MR_ASSERT(c != NULL);
	c->proc = p;
	c->fn = fn;
	c->arg = arg;
	c->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	MR_ASSERT(c->stack != MAP_FAILED);
	getcontext(&c->context);
	c->context.uc_stack.ss_sp = c->stack;
	c->context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&c->context, enter, 0);
	sim_at(sim.now_us, resume, c, c->sleep);
	return c;
}

static void
rest(int64_t us, bool wakeable)
{
	struct coro *c = sim.current;

	MR_ASSERT(c != NULL);
	if (wakeable && c->woken)
		us = sim_between(5, 50);
	c->woken = false;
	c->wakeable = wakeable;
	sim_at(sim.now_us + (us < 1 ? 1 : us), resume, c, c->sleep);
	swapcontext(&c->context, &scheduler);
	c->wakeable = false;
}

void
sim_sleep(int64_t us)
{
	rest(us, false);
}

void
sim_wait(int64_t us)
{
	rest(us, true);
	sim.current->woken = false;
}

void
sim_wake(struct coro *c)
{
	if (c == NULL || c->done || c->woken)
		return;
	c->woken = true;
	if (c->wakeable)
		sim_at(sim.now_us + sim_between(5, 200), resume, c, c->sleep);
}

// ---- what is told ----

void
sim_count(enum count what, uint64_t n)
{
	sim.counts[what] += n;
}

void
sim_trace(const char *fmt, ...)
{
	va_list args;

	if (!sim.trace)
		return;
	printf("%9.4f ", (double)sim.now_us / SECOND);
	struct proc *p = proc_current();
	printf("%-6s ", p ? p->name : "");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

void
sim_fail(const char *fmt, ...)
{
	va_list args;

	if (sim.failure[0])
		return;
	va_start(args, fmt);
	vsnprintf(sim.failure, sizeof(sim.failure), fmt, args);
	va_end(args);
	sim_trace("FOUND: %s", sim.failure);
}

struct proc *
proc_current(void)
{
	return sim.current ? sim.current->proc : NULL;
}

struct mr_str
sim_copy(struct mr_str s)
{
	char *p = malloc(s.n + 1);

	MR_ASSERT(p != NULL);
	if (s.n)
		memcpy(p, s.p, s.n);
	return (struct mr_str){p, s.n};
}
