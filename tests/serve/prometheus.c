#include "prometheus.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	struct samples *out;
	char family[128], type[16];
	char seen[256][128];           // families
	size_t n_seen;
	double bucket;                 // the last one of the histogram
	bool infinite;                 // it was +Inf
};

static bool
fail(struct reading *r, const char *why, const char *line)
{
	snprintf(r->out->error, sizeof(r->out->error), "%s: %.150s", why, line);
	return false;
}

static bool
is_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalpha((unsigned char)s[i]) && s[i] != '_' && (i == 0 || !isdigit((unsigned char)s[i])))
			return false;
	return n > 0;
}

static bool
head(struct reading *r, const char *line)
{
	char keyword[8], name[128];
	int at = 0;

	if (sscanf(line, "# %7s %127s %n", keyword, name, &at) != 2 || line[at] == '\0')
		return fail(r, "neither HELP nor TYPE", line);
	if (strcmp(keyword, "HELP") == 0) {
		for (size_t i = 0; i < r->n_seen; i++)
			if (strcmp(r->seen[i], name) == 0)
				return fail(r, "a family twice", line);
		snprintf(r->seen[r->n_seen++], sizeof(r->seen[0]), "%s", name);
		snprintf(r->family, sizeof(r->family), "%s", name);
		r->type[0] = '\0';
		r->bucket = -1;
		r->infinite = false;
		return true;
	}
	if (strcmp(keyword, "TYPE") != 0 || strcmp(name, r->family) != 0)
		return fail(r, "TYPE without its HELP", line);
	snprintf(r->type, sizeof(r->type), "%s", line + at);
	return strcmp(r->type, "counter") == 0 || strcmp(r->type, "gauge") == 0 || strcmp(r->type, "histogram") == 0 ||
	    fail(r, "unknown type", line);
}

// name="value",... up to the closing brace; *end is behind it.
static bool
labels(struct reading *r, const char *line, const char *at, struct sample *s, const char **end)
{
	const char *from = at;

	while (*at != '}') {
		size_t n = strcspn(at, "=");
		if (!is_name(at, n) || at[n] != '=' || at[n + 1] != '"')
			return fail(r, "a label's name", line);
		for (at += n + 2; *at && *at != '"'; at++)
			if (*at == '\\' && !strchr("\\\"n", *++at))
				return fail(r, "an escape", line);
		if (*at++ != '"' || (*at != ',' && *at != '}'))
			return fail(r, "a label's value", line);
		at += *at == ',';
	}
	snprintf(s->labels, sizeof(s->labels), "%.*s", (int)(at - from), from);
	*end = at + 1;
	return true;
}

static bool
histogram(struct reading *r, const char *line, const struct sample *s)
{
	const char *suffix = s->name + strlen(r->family);

	if (strcmp(suffix, "_sum") == 0)
		return r->infinite || fail(r, "no +Inf bucket", line);
	if (strcmp(suffix, "_count") == 0)
		return (r->infinite && s->value == r->bucket) || fail(r, "count is not the +Inf bucket", line);
	if (strcmp(suffix, "_bucket") != 0 || strncmp(s->labels, "le=\"", 4) != 0)
		return fail(r, "not of a histogram", line);
	if (s->value < r->bucket || r->infinite)
		return fail(r, "buckets fall", line);
	r->bucket = s->value;
	r->infinite = strcmp(s->labels, "le=\"+Inf\"") == 0;
	return true;
}

static bool
sample(struct reading *r, const char *line)
{
	struct sample *s = &r->out->items[r->out->n];
	size_t n = strcspn(line, "{ ");
	const char *at = line + n;
	char *end;

	*s = (struct sample){0};
	if (!is_name(line, n) || n >= sizeof(s->name))
		return fail(r, "a name", line);
	memcpy(s->name, line, n);
	if (*at == '{' && !labels(r, line, at + 1, s, &at))
		return false;
	if (*at++ != ' ')
		return fail(r, "no space before the value", line);
	s->value = strtod(at, &end);
	if (end == at || *end || !isfinite(s->value))
		return fail(r, "no number", line);
	if (sample_of(r->out, s->name, s->labels) == s->value || !isnan(sample_of(r->out, s->name, s->labels)))
		return fail(r, "a series twice", line);
	r->out->n++;
	if (r->type[0] == '\0' || strncmp(s->name, r->family, strlen(r->family)) != 0)
		return fail(r, "outside its family", line);
	if (strcmp(r->type, "histogram") == 0)
		return histogram(r, line, s);
	return strcmp(s->name, r->family) == 0 || fail(r, "outside its family", line);
}

void
samples_read(struct samples *out, const char *text)
{
	struct reading *r = calloc(1, sizeof(*r));
	char line[1024];
	bool good = r != NULL;

	*out = (struct samples){0};
	r->out = out;
	for (const char *next; good && *text; text = next + 1) {
		next = strchr(text, '\n');
		if (next == NULL || (size_t)(next - text) >= sizeof(line)) {
			good = fail(r, "a line without an end", text);
			break;
		}
		snprintf(line, sizeof(line), "%.*s", (int)(next - text), text);
		good = line[0] == '#' ? head(r, line) : sample(r, line);
	}
	free(r);
}

double
sample_of(const struct samples *all, const char *name, const char *wanted)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->items[i].name, name) == 0 && strcmp(all->items[i].labels, wanted) == 0)
			return all->items[i].value;
	return NAN;
}
