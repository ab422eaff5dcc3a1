// The one place that reads clocks and waits: an OS clock, and in tests a simulated one.
#ifndef MR_RUN_CLOCK_H
#define MR_RUN_CLOCK_H

#include <stdint.h>

struct mr_clock {
	int64_t (*wall_ms)(void *arg);   // since 1970, may jump
	int64_t (*mono_us)(void *arg);   // never goes back
	void (*wait)(void *arg, int fd, int64_t ms);   // until the eventfd was written to, at most so long; resets it
	void *arg;
};

extern const struct mr_clock mr_clock_os;

static inline int64_t mr_wall_ms(const struct mr_clock *c) { return c->wall_ms(c->arg); }
static inline int64_t mr_mono_us(const struct mr_clock *c) { return c->mono_us(c->arg); }
static inline int64_t mr_mono_ms(const struct mr_clock *c) { return c->mono_us(c->arg) / 1000; }
static inline void mr_wait(const struct mr_clock *c, int fd, int64_t ms) { c->wait(c->arg, fd, ms); }

#endif
