#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define WIDTH 30
#define DRAW_EVERY_MS 100

static int64_t
monotonic_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
mr_progress_start(struct mr_progress *p, const char *unit, uint64_t total)
{
	*p = (struct mr_progress){.unit = unit, .total = total, .shown = isatty(STDERR_FILENO)};
	if (p->shown)
		p->started_ms = monotonic_ms();
}

static void
draw(struct mr_progress *p, uint64_t done)
{
	int64_t ms = p->drawn_ms - p->started_ms;
	double rate = ms > 0 ? (double)done * 1000 / (double)ms : 0;

	if (p->total) {
		uint64_t part = done < p->total ? done : p->total;
		int full = (int)(part * WIDTH / p->total);
		fprintf(stderr, "\r[%.*s%*s] %3d%%", full, "==============================", WIDTH - full, "",
		    (int)(part * 100 / p->total));
	} else {
		fputc('\r', stderr);
	}
	fprintf(stderr, " %" PRIu64 " %s, %.0f/s \033[K", done, p->unit, rate);
	fflush(stderr);
}

void
mr_progress_update(struct mr_progress *p, uint64_t done)
{
	if (!p->shown)
		return;
	int64_t now = monotonic_ms();
	if (now - p->drawn_ms < DRAW_EVERY_MS)
		return;
	p->drawn_ms = now;
	draw(p, done);
}

void
mr_progress_end(struct mr_progress *p, uint64_t done)
{
	if (!p->shown)
		return;
	p->drawn_ms = monotonic_ms();
	draw(p, done);
	fputc('\n', stderr);
	p->shown = false;
}
