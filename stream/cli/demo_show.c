#include "cli/demo_show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define S_US 1000000
#define TERMINAL_EVERY_US 100000
#define PLAIN_EVERY_US (2 * S_US)
#define SCORE "churn-score"   // the template of examples/demo.yaml that is counted, not shown line by line

void
mr_demo_show_begin(struct mr_demo_show *s, FILE *out, const struct mr_demo_events *events, int64_t now_us)
{
	*s = (struct mr_demo_show){
		.out = out, .terminal = isatty(fileno(out)), .events = events, .began_us = now_us, .drawn_us = now_us,
	};
}

static void
wipe(const struct mr_demo_show *s)
{
	if (s->terminal)
		fputs("\r\033[K", s->out);
}

static void
count_rule(struct mr_demo_show *s, struct mr_str name)
{
	for (size_t i = 0; i < s->n_rules; i++) {
		if (mr_str_eq(mr_str_of(s->rules[i].name), name)) {
			s->rules[i].n++;
			return;
		}
	}
	if (s->n_rules == MR_DEMO_RULES_MAX)
		return;
	snprintf(s->rules[s->n_rules].name, sizeof(s->rules[0].name), "%.*s", (int)name.n, name.p);
	s->rules[s->n_rules++].n = 1;
}

// How long an action took that an event led to at once (not a timer, not a session's end).
static void
note_wait(struct mr_demo_show *s, struct mr_str cause, int64_t now_us)
{
	const struct mr_demo_event *e = mr_demo_events_find(s->events, mr_demo_member(cause, "message_id"));

	if (!mr_str_eq(mr_demo_member(cause, "kind"), MR_LIT("event")) || e == NULL || e->sent_us == 0)
		return;
	if (s->n_waits == s->cap_waits) {
		s->cap_waits = s->cap_waits ? 2 * s->cap_waits : 1024;
		s->waits_us = realloc(s->waits_us, s->cap_waits * sizeof(*s->waits_us));
		MR_ASSERT(s->waits_us != NULL);
	}
	s->waits_us[s->n_waits++] = now_us - e->sent_us;
}

static void
show_action(struct mr_demo_show *s, const struct mr_demo_message *m, int64_t now_us)
{
	struct mr_str rule = mr_demo_member(mr_demo_member(m->body, "rule"), "name");
	struct mr_str template = mr_demo_member(m->body, "template"), channel = mr_demo_member(m->body, "channel");
	struct mr_str data = mr_demo_member(m->body, "data");

	s->actions++;
	count_rule(s, rule);
	note_wait(s, mr_demo_member(m->body, "cause"), now_us);
	if (mr_str_eq(template, MR_LIT(SCORE))) {
		s->scores++;
		return;
	}
	wipe(s);
	fprintf(s->out, "%.10s %.5s  %-13.*s %-5.*s %-21.*s customer %.*s  %.*s\n", m->time.n >= 16 ? m->time.p : "          ",
	    m->time.n >= 16 ? m->time.p + 11 : "     ", (int)rule.n, rule.p, (int)channel.n, channel.p, (int)template.n,
	    template.p, (int)m->subject.n, m->subject.p, (int)data.n, data.p);
}

void
mr_demo_show_message(struct mr_demo_show *s, const struct mr_demo_message *m, int64_t now_us)
{
	if (mr_str_eq(m->type, MR_LIT("millrace.action.v1")))
		show_action(s, m, now_us);
	else if (mr_str_eq(m->type, MR_LIT("millrace.session.v1")))
		s->sessions++;
	else if (mr_str_eq(m->type, MR_LIT("millrace.decision.v1")))
		s->decisions++;
	else if (mr_str_eq(m->type, MR_LIT("millrace.dead_letter.v1")))
		s->dead_letters++;
}

void
mr_demo_show_progress(struct mr_demo_show *s, int64_t now_us)
{
	int64_t passed_us = now_us - s->drawn_us;

	if (passed_us < (s->terminal ? TERMINAL_EVERY_US : PLAIN_EVERY_US))
		return;
	wipe(s);
	fprintf(s->out, "-- %.*s | %" PRIu64 " events, %.0f/s | %" PRIu64 " sessions | %" PRIu64 " scores | %" PRIu64
	    " actions%s", s->time.n < 10 ? 0 : 10, s->time.p, s->sent,
	    (double)(s->sent - s->sent_drawn) * S_US / (double)passed_us, s->sessions, s->scores, s->actions - s->scores,
	    s->terminal ? "" : "\n");
	fflush(s->out);
	s->drawn_us = now_us;
	s->sent_drawn = s->sent;
}

static int
by_length(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

void
mr_demo_show_summary(struct mr_demo_show *s, int64_t now_us)
{
	wipe(s);
	fprintf(s->out, "\nSummary\n  events        %" PRIu64 " in %.1f s\n", s->sent, (double)(now_us - s->began_us) / S_US);
	fprintf(s->out, "  sessions      %" PRIu64 "\n  actions       %" PRIu64 "\n", s->sessions, s->actions);
	for (size_t i = 0; i < s->n_rules; i++)
		fprintf(s->out, "    %-14s %" PRIu64 "\n", s->rules[i].name, s->rules[i].n);
	fprintf(s->out, "  decisions     %" PRIu64 "\n  dead letters  %" PRIu64 "\n", s->decisions, s->dead_letters);
	if (s->n_waits == 0)
		return;
	qsort(s->waits_us, s->n_waits, sizeof(*s->waits_us), by_length);
	fprintf(s->out, "  from an event to its action, as a subscriber sees it: p50 %.1f ms, p99 %.1f ms\n",
	    (double)s->waits_us[s->n_waits / 2] / 1000, (double)s->waits_us[s->n_waits * 99 / 100] / 1000);
}

void
mr_demo_show_end(struct mr_demo_show *s)
{
	free(s->waits_us);
	s->waits_us = NULL;
}
