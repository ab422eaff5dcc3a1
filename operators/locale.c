// The user's time zone and locale: the last valid ones that an event carried. Every calendar rule
// reads the zone, so this operator comes first in the pipeline.
#include "common/kept.h"

#define VERSION 1
#define TEXT_MAX 64 // the longest zone name is 32 bytes, the longest locale in use 35

struct conf {
	uint32_t timezone, locale;   // event fields
};

enum { READ_TIMEZONE, READ_LOCALE };

struct state {
	int64_t timezone_ms, locale_ms;   // event times, so that a late event doesn't undo a newer one
	struct mr_text timezone, locale;
};

static void *
setup(struct mr_setup *s, const struct mr_node *node)
{
	struct conf *c = mr_setup_alloc(s, sizeof(*c));

	if (node) {
		mr_setup_error(s, node, "locale has no settings: it is always on; remove this key");
		return NULL;
	}
	c->timezone = mr_setup_field(s, MR_LIT("context.timezone"));
	c->locale = mr_setup_field(s, MR_LIT("context.locale"));
	if (!mr_setup_offer(s, "user", MR_LIT("timezone"), MR_STRING, READ_TIMEZONE, node) ||
	    !mr_setup_offer(s, "user", MR_LIT("locale"), MR_STRING, READ_LOCALE, node))
		return NULL;
	return c;
}

static size_t
state_size(const void *conf)
{
	(void)conf;
	return sizeof(struct state);
}

static void
keep(struct mr_ctx *ctx, struct mr_text *text, int64_t *text_ms, struct mr_str s)
{
	MR_ASSERT(s.n > 0);
	if (text->n && ctx->event->time_ms < *text_ms)
		return;
	*text_ms = ctx->event->time_ms;
	if (!mr_str_eq(mr_text_str(text), s) && !mr_text_set(ctx->mem, text, s, TEXT_MAX))
		mr_count(ctx, MR_C_BOUND_CUT);
}

static void
on_event(struct mr_ctx *ctx, const void *conf, void *state)
{
	const struct conf *c = conf;
	struct state *st = state;
	struct mr_str zone = mr_value_str(mr_event_field(ctx->event, c->timezone));
	struct mr_str locale = mr_value_str(mr_event_field(ctx->event, c->locale));

	if (ctx->event->derived)
		return;
	if (zone.n) {
		bool known = mr_str_eq(zone, mr_text_str(&st->timezone)) || mr_zone_known(ctx, zone);
		if (known)
			keep(ctx, &st->timezone, &st->timezone_ms, zone);
		else
			mr_count(ctx, MR_C_BAD_TIMEZONE);
	}
	if (locale.n)
		keep(ctx, &st->locale, &st->locale_ms, locale);
}

static struct mr_value
read(struct mr_ctx *ctx, const void *conf, const void *state, uint32_t index)
{
	const struct state *st = state;
	const struct mr_text *t = index == READ_TIMEZONE ? &st->timezone : &st->locale;

	(void)ctx;
	(void)conf;
	return t->n ? mr_string(mr_text_str(t)) : mr_absent();
}

static bool
empty(const void *conf, const void *state)
{
	const struct state *st = state;

	(void)conf;
	return st->timezone.n == 0 && st->locale.n == 0;
}

static void
encode(const void *conf, const void *state, struct mr_writer *w)
{
	const struct state *st = state;

	(void)conf;
	mr_write_array(w, 5);
	mr_write_int(w, VERSION);
	mr_write_int(w, st->timezone_ms);
	mr_text_encode(&st->timezone, w);
	mr_write_int(w, st->locale_ms);
	mr_text_encode(&st->locale, w);
}

static void
release(const void *conf, void *state, struct mr_mem *mem)
{
	struct state *st = state;

	(void)conf;
	mr_text_free(mem, &st->timezone);
	mr_text_free(mem, &st->locale);
}

static bool
decode(const void *conf, void *state, struct mr_mem *mem, struct mr_reader *r)
{
	struct state *st = state;

	if (mr_read_array(r) != 5 || mr_read_int(r) != VERSION)
		return false;
	st->timezone_ms = mr_read_int(r);
	mr_text_decode(r, mem, &st->timezone);
	st->locale_ms = mr_read_int(r);
	mr_text_decode(r, mem, &st->locale);
	if (!mr_reader_ok(r))
		release(conf, state, mem);
	return mr_reader_ok(r);
}

const struct mr_operator mr_operator_locale = {
	.name = "locale",
	.version = VERSION,
	.always = true,
	.setup = setup,
	.state_size = state_size,
	.on_event = on_event,
	.read = read,
	.empty = empty,
	.encode = encode,
	.decode = decode,
	.release = release,
};
