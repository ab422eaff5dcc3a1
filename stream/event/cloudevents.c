#include "event/cloudevents.h"

#include "event/decode.h"
#include "event/json.h"
#include "event/verbatim.h"

#define APP_BYTES_MAX 249
#define EFFECT_MAX 9999        // of four digits

struct mr_str
mr_cloudevent_kind(enum mr_output output)
{
	switch (output) {
	case MR_OUT_ACTION: return MR_LIT("action");
	case MR_OUT_DECISION: return MR_LIT("decision");
	case MR_OUT_SESSION: return MR_LIT("session");
	case MR_OUT_DEAD_LETTER: return MR_LIT("dead_letter");
	case MR_OUTPUTS: break;
	}
	MR_ASSERT(!"an output");
}

static struct mr_str
join(char *out, size_t size, struct mr_str a, struct mr_str b, struct mr_str c)
{
	MR_ASSERT(a.n + b.n + c.n <= size);
	memcpy(out, a.p, a.n);
	memcpy(out + a.n, b.p, b.n);
	if (c.n)
		memcpy(out + a.n + b.n, c.p, c.n);
	return (struct mr_str){out, a.n + b.n + c.n};
}

static void
digits(char *out, int n, uint64_t v)
{
	while (n > 0) {
		out[--n] = (char)('0' + v % 10);
		v /= 10;
	}
}

// Compares as text. One input that fires very many timers may have more effects than four digits can
// number: then a letter, which sorts behind every digit, and ten digits.
static struct mr_str
sequence(char out[32], const struct mr_cloudevent *e)
{
	digits(out, 20, e->seq);
	out[20] = '-';
	if (e->effect <= EFFECT_MAX) {
		digits(out + 21, 4, e->effect);
		return (struct mr_str){out, 25};
	}
	out[21] = 'a';
	digits(out + 22, 10, e->effect);
	return (struct mr_str){out, 32};
}

static struct mr_str
time_text(char out[25], int64_t ms)
{
	mr_time_format(out, ms);
	return (struct mr_str){out, 24};
}

static bool
printable(struct mr_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

static void
add(struct mr_ce_headers *h, const char *name, struct mr_str value)
{
	MR_ASSERT(h->n < MR_CE_HEADERS_MAX);
	h->items[h->n++] = (struct mr_ce_header){name, value};
}

void
mr_ce_headers(struct mr_ce_headers *h, const struct mr_cloudevent *e)
{
	struct mr_str v1 = MR_LIT(".v1"), schema = MR_LIT("urn:millrace:");
	bool subject = e->subject.n > 0 && mr_utf8_check(e->subject) == e->subject.n;

	MR_ASSERT(e->app.n <= APP_BYTES_MAX);
	h->n = 0;
	add(h, "ce_specversion", MR_LIT("1.0"));
	add(h, "ce_id", e->id);
	add(h, "ce_source", join(h->source, sizeof(h->source), MR_LIT("/millrace/"), e->app, (struct mr_str){0}));
	add(h, "ce_type", join(h->type, sizeof(h->type), MR_LIT("millrace."), e->kind, v1));
	add(h, "ce_time", time_text(h->time, e->time_ms));
	if (subject) {
		add(h, "ce_subject", e->subject);
		add(h, "ce_partitionkey", e->subject);
	}
	add(h, "ce_sequence", sequence(h->sequence, e));
	add(h, "ce_dataschema", join(h->schema, sizeof(h->schema), schema, e->kind, MR_LIT(":v1")));
	if (e->expires_ms != 0)
		add(h, "ce_expirytime", time_text(h->expires, e->expires_ms));
	if (e->traceparent.n > 0 && printable(e->traceparent))
		add(h, "ce_traceparent", e->traceparent);
	add(h, "content-type", e->format == MR_JSON ? MR_LIT("application/json") : MR_LIT("application/msgpack"));
}

void
mr_ce_json(struct mr_writer *w, const struct mr_cloudevent *e, struct mr_str body)
{
	struct mr_ce_headers h;

	MR_ASSERT(w->format == MR_JSON);
	mr_ce_headers(&h, e);
	mr_write_map(w, (uint32_t)h.n + 1);
	for (size_t i = 0; i < h.n; i++) {
		const char *name = h.items[i].name;
		// "ce_id" is "id" here, and the one header without the prefix is the data's type.
		bool prefixed = strncmp(name, "ce_", 3) == 0;
		mr_write_key(w, prefixed ? mr_str_of(name + 3) : MR_LIT("datacontenttype"));
		mr_write_str(w, h.items[i].value);
	}
	if (e->format == MR_JSON) {
		mr_write_key(w, MR_LIT("data"));
		mr_write_verbatim(w, body);
	} else {
		mr_write_key(w, MR_LIT("data_base64"));
		mr_write_bin(w, body);
	}
}
