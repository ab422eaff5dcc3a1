#include "run/topics.h"

#include <stdio.h>

static void
put(char out[MR_TOPIC_NAME_MAX], size_t *n, struct mr_str s)
{
	MR_ASSERT(*n + s.n < MR_TOPIC_NAME_MAX);   // the configuration has checked lengths
	memcpy(out + *n, s.p, s.n);
	*n += s.n;
	out[*n] = '\0';
}

static void
put_pattern(char out[MR_TOPIC_NAME_MAX], struct mr_str pattern, struct mr_str channel)
{
	static const char hole[] = "{channel}";
	size_t n = 0;

	out[0] = '\0';
	const char *at = memmem(pattern.p, pattern.n, hole, sizeof(hole) - 1);
	if (at == NULL) {
		put(out, &n, pattern);
		return;
	}
	size_t before = (size_t)(at - pattern.p), after = before + sizeof(hole) - 1;
	put(out, &n, (struct mr_str){pattern.p, before});
	put(out, &n, channel);
	put(out, &n, (struct mr_str){pattern.p + after, pattern.n - after});
}

void
mr_output_topic(const struct mr_config *c, enum mr_output output, struct mr_str channel, char out[MR_TOPIC_NAME_MAX])
{
	const struct mr_str patterns[MR_OUTPUTS] = {
		[MR_OUT_ACTION] = c->actions,
		[MR_OUT_DECISION] = c->decisions,
		[MR_OUT_SESSION] = c->sessions,
		[MR_OUT_DEAD_LETTER] = c->dead_letters,
	};

	put_pattern(out, patterns[output], channel);
}

void
mr_journal_topic(const struct mr_config *c, char out[MR_TOPIC_NAME_MAX])
{
	size_t n = 0;

	put(out, &n, c->app);
	put(out, &n, MR_LIT(".journal"));
}

void
mr_config_topic(const struct mr_config *c, char out[MR_TOPIC_NAME_MAX])
{
	size_t n = 0;

	put(out, &n, c->app);
	put(out, &n, MR_LIT(".config"));
}

size_t
mr_input_topics(const struct mr_config *c, struct mr_str out[3])
{
	const struct mr_str all[] = {c->events, c->outcomes, c->catalog};
	size_t n = 0;

	for (size_t i = 0; i < 3; i++)
		if (all[i].n)
			out[n++] = all[i];
	return n;
}

static void
want(struct mr_topic_wants *ws, const char *name, enum mr_topic_role role, int64_t bytes)
{
	MR_ASSERT(ws->n < 128);
	snprintf(ws->names[ws->n], MR_TOPIC_NAME_MAX, "%s", name);
	for (size_t i = 0; i < ws->n; i++)
		if (strcmp(ws->names[i], name) == 0)
			return;
	ws->items[ws->n] = (struct mr_topic_want){ws->names[ws->n], role, bytes};
	ws->n++;
}

void
mr_topic_wants(const struct mr_config *c, struct mr_topic_wants *ws)
{
	char name[MR_TOPIC_NAME_MAX];
	struct mr_str inputs[3];
	size_t n = mr_input_topics(c, inputs);

	ws->n = 0;
	for (size_t i = 0, at = 0; i < n; i++, at = 0) {
		put(name, &at, inputs[i]);
		want(ws, name, i == 0 ? MR_TOPIC_ANCHOR : MR_TOPIC_INPUT, 0);
	}
	mr_journal_topic(c, name);
	want(ws, name, MR_TOPIC_JOURNAL, 0);
	if (c->create_topics) {
		mr_config_topic(c, name);
		want(ws, name, MR_TOPIC_SINGLE, 0);
	}
	for (uint32_t i = 0; i < c->n_channels && i < 64; i++) {
		mr_output_topic(c, MR_OUT_ACTION, c->channels[i], name);
		want(ws, name, MR_TOPIC_OUTPUT, c->plan.action_bytes_max);
	}
	for (int o = MR_OUT_DECISION; o < MR_OUTPUTS; o++)
		if (c->plan.wanted[o]) {
			mr_output_topic(c, (enum mr_output)o, (struct mr_str){0}, name);
			want(ws, name, MR_TOPIC_OUTPUT, 0);
		}
}
