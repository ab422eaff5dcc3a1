#include "cli/demo_events.h"

#include "event/decode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

// One past the text that begins at `at` with a quote.
static const char *
text_end(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\')
			at++;
	return at < end ? at + 1 : end;
}

// One past the value that begins at `at`.
static const char *
value_end(const char *at, const char *end)
{
	int depth = 0;

	while (at < end) {
		if (*at == '"') {
			at = text_end(at, end);
			if (depth == 0)
				return at;
			continue;
		}
		if ((*at == ',' || *at == '}' || *at == ']') && depth == 0)
			return at;
		depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
		at++;
		if (depth == 0 && (at[-1] == '}' || at[-1] == ']'))
			return at;
	}
	return end;
}

struct mr_str
mr_demo_member(struct mr_str object, const char *key)
{
	const char *at = object.p, *end = object.p + object.n;
	size_t n = strlen(key);

	if (object.n == 0 || *at != '{')
		return (struct mr_str){0};
	for (at++; at < end && *at == '"';) {
		const char *name = at + 1, *name_end = text_end(at, end);
		if (end - name_end < 2 || *name_end != ':')
			break;
		const char *value = name_end + 1, *stop = value_end(value, end);
		if ((size_t)(name_end - 1 - name) == n && memcmp(name, key, n) == 0) {
			if (*value == '"' && stop - value >= 2)
				return (struct mr_str){value + 1, (size_t)(stop - value - 2)};
			return (struct mr_str){value, (size_t)(stop - value)};
		}
		at = stop < end && *stop == ',' ? stop + 1 : end;
	}
	return (struct mr_str){0};
}

static char *
slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *bytes = NULL;
	size_t cap = 0, got;

	*n = 0;
	if (f == NULL)
		return NULL;
	do {
		cap = cap ? 2 * cap : 1 << 20;
		bytes = realloc(bytes, cap + 1);
		MR_ASSERT(bytes != NULL);
		got = fread(bytes + *n, 1, cap - *n, f);
		*n += got;
	} while (*n == cap);
	int failed = ferror(f);
	fclose(f);
	if (failed) {
		free(bytes);
		return NULL;
	}
	bytes[*n] = '\0';
	return bytes;
}

static bool
take(struct mr_demo_event *e, struct mr_str line)
{
	*e = (struct mr_demo_event){
		.line = line,
		.user = mr_demo_member(line, "userId"),
		.message_id = mr_demo_member(line, "messageId"),
	};
	return e->user.n > 0 && e->message_id.n > 0 && mr_time_parse(mr_demo_member(line, "timestamp"), &e->time_ms);
}

bool
mr_demo_events_load(struct mr_demo_events *events, const char *path, char error[512])
{
	size_t n, cap = 0;

	*events = (struct mr_demo_events){.bytes = slurp(path, &n)};
	if (events->bytes == NULL) {
		snprintf(error, 512, "%.400s: %s", path, strerror(errno));
		return false;
	}
	for (char *at = events->bytes, *end = at + n, *stop; at < end; at = stop + 1) {
		stop = memchr(at, '\n', (size_t)(end - at));
		if (stop == NULL)
			stop = end;
		if (stop == at)
			continue;
		if (events->n == cap) {
			cap = cap ? 2 * cap : 1024;
			events->items = realloc(events->items, cap * sizeof(*events->items));
			MR_ASSERT(events->items != NULL);
		}
		if (!take(&events->items[events->n], (struct mr_str){at, (size_t)(stop - at)})) {
			snprintf(error, 512, "%.400s: line %zu: needs userId, messageId and timestamp", path, events->n + 1);
			mr_demo_events_free(events);
			return false;
		}
		events->n++;
	}
	if (events->n > 0)
		return true;
	snprintf(error, 512, "%.400s: no events in it", path);
	mr_demo_events_free(events);
	return false;
}

void
mr_demo_events_free(struct mr_demo_events *events)
{
	free(events->items);
	free(events->bytes);
	*events = (struct mr_demo_events){0};
}

const struct mr_demo_event *
mr_demo_events_find(const struct mr_demo_events *events, struct mr_str message_id)
{
	for (size_t i = events->n; i-- > 0;)   // the latest is the likeliest
		if (mr_str_eq(events->items[i].message_id, message_id))
			return &events->items[i];
	return NULL;
}
