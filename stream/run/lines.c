#include "run/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK_BYTES (1u << 20)

struct mr_lines {
	int fd;
	char *p;
	size_t cap;
	size_t start, end;     // what was read and not handed out
	size_t whole;          // up to here there are whole lines
	uint64_t bytes;
	bool eof, failed;
};

struct mr_lines *
mr_lines_new(int fd)
{
	struct mr_lines *l = calloc(1, sizeof(*l));

	MR_ASSERT(l != NULL);
	l->fd = fd;
	l->cap = 2 * BLOCK_BYTES;
	l->p = malloc(l->cap);
	MR_ASSERT(l->p != NULL);
	return l;
}

void
mr_lines_free(struct mr_lines *l)
{
	if (l == NULL)
		return;
	close(l->fd);
	free(l->p);
	free(l);
}

static void
make_room(struct mr_lines *l)
{
	memmove(l->p, l->p + l->start, l->end - l->start);
	l->end -= l->start;
	l->start = 0;
	if (l->cap - l->end >= BLOCK_BYTES)
		return;
	l->cap *= 2;
	l->p = realloc(l->p, l->cap);
	MR_ASSERT(l->p != NULL);
}

static bool
fill(struct mr_lines *l)
{
	ssize_t n;

	do
		n = read(l->fd, l->p + l->end, l->cap - l->end);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		l->failed = true;
		return false;
	}
	l->eof = n == 0;
	l->end += (size_t)n;
	l->bytes += (uint64_t)n;
	return true;
}

bool
mr_lines_more(struct mr_lines *l)
{
	MR_ASSERT(l->start == l->whole);
	if (l->eof || l->failed)
		return false;
	make_room(l);
	l->whole = 0;
	for (size_t seen = l->end;; seen = l->end) {
		if (l->cap == l->end)
			make_room(l);
		if (!fill(l))
			return false;
		if (l->eof) {
			l->whole = l->end;
			return l->end > 0;
		}
		const char *last = memrchr(l->p + seen, '\n', l->end - seen);
		if (last) {
			l->whole = (size_t)(last - l->p) + 1;
			return true;
		}
	}
}

bool
mr_lines_next(struct mr_lines *l, struct mr_str *line)
{
	if (l->start == l->whole)
		return false;
	const char *at = l->p + l->start;
	const char *nl = memchr(at, '\n', l->whole - l->start);
	size_t n = nl ? (size_t)(nl - at) : l->whole - l->start;

	l->start += n + (nl ? 1 : 0);
	if (n > 0 && at[n - 1] == '\r')
		n--;
	*line = (struct mr_str){at, n};
	return true;
}

bool
mr_lines_failed(const struct mr_lines *l)
{
	return l->failed;
}

uint64_t
mr_lines_bytes(const struct mr_lines *l)
{
	return l->bytes;
}
