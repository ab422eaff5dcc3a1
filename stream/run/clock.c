#include "run/clock.h"

#include <millrace/base.h>

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

static int64_t
read_clock(clockid_t id, int64_t per_second)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * per_second + ts.tv_nsec / (1000000000 / per_second);
}

static int64_t
wall_ms(void *arg)
{
	(void)arg;
	return read_clock(CLOCK_REALTIME, 1000);
}

static int64_t
mono_us(void *arg)
{
	(void)arg;
	return read_clock(CLOCK_MONOTONIC, 1000000);
}

static void
wait_fd(void *arg, int fd, int64_t ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t n;

	(void)arg;
	if (poll(&p, 1, (int)ms) > 0 && read(fd, &n, sizeof(n)) < 0)
		MR_ASSERT(errno == EAGAIN);
}

const struct mr_clock mr_clock_os = {wall_ms, mono_us, wait_fd, NULL};
