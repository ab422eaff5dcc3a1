// Bodies of actions and decisions, and the ids that stay the same for ever.
#include "rules.h"

// Decimal text without printf: ids are made of it.
static struct mr_str
decimal(char buf[24], int64_t v)
{
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	size_t at = 24;

	do {
		buf[--at] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (v < 0)
		buf[--at] = '-';
	return (struct mr_str){buf + at, 24 - at};
}

// For a derived event the stream time is decimal milliseconds.
void
mr_run_id(const struct mr_ctx *ctx, const struct mr_rules *conf, const struct mr_rule *rule, struct mr_str key, char out[33])
{
	const struct mr_event *e = ctx->event;
	char partition[24], offset[24], time[24], number[24];
	struct mr_str parts[10] = {
		conf->app, rule->name, ctx->user, key, e->origin.topic,
		decimal(partition, e->origin.partition), decimal(offset, e->origin.offset),
		e->name, decimal(time, ctx->now_ms), decimal(number, e->number),
	};

	mr_id(out, parts, e->derived ? 10 : 7);
}

// Steps have no loops: every step is visited once in a run.
void
mr_action_id(struct mr_str run_id, struct mr_str path, char out[33])
{
	struct mr_str parts[] = {run_id, path, MR_LIT("1")};

	mr_id(out, parts, 3);
}

struct mr_cause
mr_cause_event(const struct mr_event *e)
{
	return (struct mr_cause){
		.event = e->name, .message_id = e->message_id, .time_ms = e->time_ms, .origin = e->origin,
	};
}

// ---- parts of a body ----

static void
write_user(struct mr_writer *w, struct mr_ctx *ctx, struct mr_str anonymous_id)
{
	mr_write_key(w, MR_LIT("user"));
	mr_write_map(w, 1 + (anonymous_id.n > 0));
	MR_W_STR(w, "id", ctx->user);
	if (anonymous_id.n)
		MR_W_STR(w, "anonymous_id", anonymous_id);
}

static void
write_rule(struct mr_writer *w, const struct mr_subject *s)
{
	mr_write_key(w, MR_LIT("rule"));
	mr_write_map(w, 3);
	MR_W_STR(w, "name", s->rule);
	MR_W_STR(w, "hash", s->hash);
	MR_W_STR(w, "set", s->set);
}

static void
write_run(struct mr_writer *w, const struct mr_subject *s, struct mr_str step)
{
	bool began = s->started_ms != INT64_MIN;

	mr_write_key(w, MR_LIT("run"));
	mr_write_map(w, 1 + (s->key.n > 0) + began + (step.n > 0));
	MR_W_STR(w, "id", s->id);
	if (s->key.n)
		MR_W_STR(w, "key", s->key);
	if (began)
		MR_W_TIME(w, "started_at", s->started_ms);
	if (step.n)
		MR_W_STR(w, "step", step);
}

// What became of a message is reported by an event with one of the outcomes' names.
static bool
is_outcome(struct mr_str event)
{
	static const char *const outcomes[] = {"Sent", "Delivered", "Opened", "Clicked", "Dismissed", "Replied",
		"Bounced", "Failed", "Expired", "Complained", "Unsubscribed", "Converted", NULL};
	static const size_t skip = sizeof("Message ") - 1;

	if (event.n <= skip || memcmp(event.p, "Message ", skip) != 0)
		return false;
	for (const char *const *o = outcomes; *o; o++) {
		if (mr_str_eq((struct mr_str){event.p + skip, event.n - skip}, mr_str_of(*o)))
			return true;
	}
	return false;
}

static void
write_cause(struct mr_writer *w, const struct mr_cause *c)
{
	bool placed = c->origin.topic.n > 0;

	mr_write_key(w, MR_LIT("cause"));
	mr_write_map(w, 2u + (c->event.n > 0) + (c->message_id.n > 0) + (placed ? 3u : 0u) + c->timer);
	MR_W_STR(w, "kind", c->timer ? MR_LIT("timer") : is_outcome(c->event) ? MR_LIT("outcome") : MR_LIT("event"));
	if (c->event.n)
		MR_W_STR(w, "event", c->event);
	if (c->message_id.n)
		MR_W_STR(w, "message_id", c->message_id);
	MR_W_TIME(w, "time", c->time_ms);
	if (placed) {
		MR_W_STR(w, "topic", c->origin.topic);
		MR_W_INT(w, "partition", c->origin.partition);
		MR_W_INT(w, "offset", c->origin.offset);
	}
	if (c->timer)
		MR_W_TIME(w, "due_at", c->due_ms);
}

struct place {
	struct mr_str locale, timezone;
};

static struct place
place_of(struct mr_ctx *ctx, const struct mr_rules *conf)
{
	struct place p = {0};

	if (conf->user_locale >= 0)
		p.locale = mr_value_str(mr_user_value(ctx, conf->user_locale));
	if (conf->user_timezone >= 0)
		p.timezone = mr_value_str(mr_user_value(ctx, conf->user_timezone));
	return p;
}

static void
write_place(struct mr_writer *w, const struct place *p)
{
	if (p->locale.n)
		MR_W_STR(w, "locale", p->locale);
	if (p->timezone.n)
		MR_W_STR(w, "timezone", p->timezone);
}

static uint32_t
place_members(const struct place *p)
{
	return (p->locale.n > 0) + (p->timezone.n > 0);
}

// ---- actions ----

bool
mr_write_action(struct mr_ctx *ctx, const struct mr_rules *conf, const struct mr_subject *s, const struct mr_proposal *p)
{
	struct mr_message m = {
		.output = MR_OUT_ACTION, .channel = p->send->channel, .expires_ms = p->expires_ms,
		.traceparent = s->traceparent,
	};
	struct place place = place_of(ctx, conf);

	MR_ASSERT(p->data.type == MR_MAP && p->send->channel.n > 0);
	memcpy(m.id, p->id, sizeof(m.id));
	struct mr_writer *w = mr_emit_begin(ctx, &m);
	mr_write_map(w, 11 + (p->expires_ms > 0) + place_members(&place) + (p->why.type == MR_MAP));
	MR_W_STR(w, "action_id", mr_str_of(p->id));
	write_user(w, ctx, s->anonymous_id);
	MR_W_STR(w, "channel", p->send->channel);
	MR_W_STR(w, "template", p->send->template);
	MR_W_STR(w, "category", p->send->category);
	mr_write_key(w, MR_LIT("data"));
	mr_write_value(w, p->data);
	write_rule(w, s);
	write_run(w, s, p->path);
	write_cause(w, &s->cause);
	MR_W_TIME(w, "decided_at", ctx->now_ms);
	if (p->expires_ms)
		MR_W_TIME(w, "expires_at", p->expires_ms);
	MR_W_INT(w, "priority", s->priority);
	write_place(w, &place);
	if (p->why.type == MR_MAP) {
		mr_write_key(w, MR_LIT("why"));
		mr_write_value(w, p->why);
	}
	return mr_emit_end(ctx);
}

// ---- decisions ----

static void
write_blocked_by(struct mr_writer *w, const struct mr_cause *c)
{
	mr_write_key(w, MR_LIT("blocked_by"));
	mr_write_map(w, (c->event.n > 0) + (c->message_id.n > 0));
	if (c->event.n)
		MR_W_STR(w, "event", c->event);
	if (c->message_id.n)
		MR_W_STR(w, "message_id", c->message_id);
}

static void
write_proposal(struct mr_writer *w, const struct mr_proposal *p)
{
	MR_W_STR(w, "channel", p->send->channel);
	MR_W_STR(w, "template", p->send->template);
}

// Nothing is held yet and a send has one channel: each id has one decision of a kind and reason,
// so its number is 1, and it is final.
void
mr_write_decision(struct mr_ctx *ctx, const struct mr_rules *conf, const struct mr_subject *s,
    const struct mr_proposal *p, const char *kind, const char *reason, int64_t until_ms, const struct mr_cause *blocked_by)
{
	struct mr_message m = {.output = MR_OUT_DECISION, .traceparent = s->traceparent};

	if (!mr_emit_wanted(ctx, MR_OUT_DECISION))
		return;
	struct mr_str channel = p ? p->send->channel : (struct mr_str){0};
	struct mr_str about = p ? mr_str_of(p->id) : s->id;
	struct mr_str parts[] = {mr_str_of(kind), about, channel, mr_str_of(reason), MR_LIT("1")};
	struct place place = place_of(ctx, conf);

	mr_id(m.id, parts, 5);
	struct mr_writer *w = mr_emit_begin(ctx, &m);
	mr_write_map(w, 10u + (p ? 3u + (p->expires_ms > 0) : 0u) + place_members(&place) +
	    (until_ms != INT64_MIN) + (blocked_by != NULL));
	if (p)
		MR_W_STR(w, "action_id", mr_str_of(p->id));
	write_user(w, ctx, s->anonymous_id);
	if (p)
		write_proposal(w, p);
	MR_W_STR(w, "category", p ? p->send->category : s->category);
	write_rule(w, s);
	write_run(w, s, p ? p->path : (struct mr_str){0});
	write_cause(w, &s->cause);
	MR_W_TIME(w, "decided_at", ctx->now_ms);
	if (p && p->expires_ms)
		MR_W_TIME(w, "expires_at", p->expires_ms);
	MR_W_INT(w, "priority", s->priority);
	write_place(w, &place);
	MR_W_STR(w, "kind", mr_str_of(kind));
	MR_W_STR(w, "reason", mr_str_of(reason));
	MR_W_BOOL(w, "final", true);
	if (until_ms != INT64_MIN)
		MR_W_TIME(w, "until", until_ms);
	if (blocked_by)
		write_blocked_by(w, blocked_by);
	bool fits = mr_emit_end(ctx);
	MR_ASSERT(fits);   // its parts are bounded
}
