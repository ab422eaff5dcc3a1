#include "event/cloudevents.h"

#include <criterion/criterion.h>

static const struct mr_cloudevent action = {.app = {"shop", 4}, .kind = {"action", 6}, .id = {"5b0c", 4},
	.time_ms = 1772359200000, .subject = {"u\"1", 3}, .seq = 812, .effect = 3, .expires_ms = 1772359260000,
	.traceparent = {"00-ab-cd-01", 11}, .format = MR_JSON};

static const char *
header(const struct mr_ce_headers *h, const char *name)
{
	static char value[300];

	for (size_t i = 0; i < h->n; i++) {
		if (strcmp(h->items[i].name, name) != 0)
			continue;
		memcpy(value, h->items[i].value.p, h->items[i].value.n);
		value[h->items[i].value.n] = 0;
		return value;
	}
	return NULL;
}

Test(cloudevents, has_every_header)
{
	struct mr_ce_headers h;

	mr_ce_headers(&h, &action);
	cr_expect_eq(h.n, 12);
	cr_expect_str_eq(header(&h, "ce_specversion"), "1.0");
	cr_expect_str_eq(header(&h, "ce_id"), "5b0c");
	cr_expect_str_eq(header(&h, "ce_source"), "/millrace/shop");
	cr_expect_str_eq(header(&h, "ce_type"), "millrace.action.v1");
	cr_expect_str_eq(header(&h, "ce_time"), "2026-03-01T10:00:00.000Z");
	cr_expect_str_eq(header(&h, "ce_subject"), "u\"1");
	cr_expect_str_eq(header(&h, "ce_partitionkey"), "u\"1");
	cr_expect_str_eq(header(&h, "ce_sequence"), "00000000000000000812-0003");
	cr_expect_str_eq(header(&h, "ce_dataschema"), "urn:millrace:action:v1");
	cr_expect_str_eq(header(&h, "ce_expirytime"), "2026-03-01T10:01:00.000Z");
	cr_expect_str_eq(header(&h, "ce_traceparent"), "00-ab-cd-01");
	cr_expect_str_eq(header(&h, "content-type"), "application/json");
}

Test(cloudevents, leaves_out_what_does_not_apply)
{
	struct mr_cloudevent e = action;
	struct mr_ce_headers h;

	e.expires_ms = 0;
	e.traceparent = (struct mr_str){0};
	e.subject = MR_LIT("\xff");       // the key of a record that couldn't be read
	e.seq = UINT64_MAX;
	e.effect = 9999;
	e.format = MR_MSGPACK;
	mr_ce_headers(&h, &e);
	cr_expect_null(header(&h, "ce_expirytime"));
	cr_expect_null(header(&h, "ce_traceparent"));
	cr_expect_null(header(&h, "ce_subject"));
	cr_expect_null(header(&h, "ce_partitionkey"));
	cr_expect_str_eq(header(&h, "ce_sequence"), "18446744073709551615-9999");
	cr_expect_str_eq(header(&h, "content-type"), "application/msgpack");
	e.traceparent = MR_LIT("a\nb");
	mr_ce_headers(&h, &e);
	cr_expect_null(header(&h, "ce_traceparent"));
}

Test(cloudevents, has_one_json_form)
{
	struct mr_cloudevent e = action;
	struct mr_writer w;
	const char *text = "{\"specversion\":\"1.0\",\"id\":\"5b0c\",\"source\":\"/millrace/shop\","
	    "\"type\":\"millrace.action.v1\",\"time\":\"2026-03-01T10:00:00.000Z\",\"subject\":\"u\\\"1\","
	    "\"partitionkey\":\"u\\\"1\",\"sequence\":\"00000000000000000812-0003\","
	    "\"dataschema\":\"urn:millrace:action:v1\",\"expirytime\":\"2026-03-01T10:01:00.000Z\","
	    "\"traceparent\":\"00-ab-cd-01\",\"datacontenttype\":\"application/json\",\"data\":{\"a\":[1]}}";

	mr_writer_init(&w, MR_JSON);
	mr_ce_json(&w, &e, MR_LIT("{\"a\":[1]}"));
	cr_expect(mr_str_eq(mr_writer_str(&w), mr_str_of(text)), "%.*s", (int)w.n, w.p);
	mr_writer_reset(&w);
	e.format = MR_MSGPACK;
	mr_ce_json(&w, &e, MR_LIT("\x80"));
	cr_expect_not_null(memmem(w.p, w.n, "\"data_base64\":\"gA==\"}", 21));
	mr_writer_free(&w);
}

Test(cloudevents, names_each_output)
{
	cr_expect(mr_str_eq(mr_cloudevent_kind(MR_OUT_ACTION), MR_LIT("action")));
	cr_expect(mr_str_eq(mr_cloudevent_kind(MR_OUT_DECISION), MR_LIT("decision")));
	cr_expect(mr_str_eq(mr_cloudevent_kind(MR_OUT_SESSION), MR_LIT("session")));
	cr_expect(mr_str_eq(mr_cloudevent_kind(MR_OUT_DEAD_LETTER), MR_LIT("dead_letter")));
}

Test(cloudevents, numbers_compare_as_text_beyond_four_digits)
{
	static const uint32_t effects[] = {0, 9, 10, 9999, 10000, 99999, UINT32_MAX};
	struct mr_cloudevent e = action;
	struct mr_ce_headers h;
	char before[64] = "";

	for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
		e.effect = effects[i];
		mr_ce_headers(&h, &e);
		cr_expect_lt(strcmp(before, header(&h, "ce_sequence")), 0);
		strcpy(before, header(&h, "ce_sequence"));
	}
	cr_expect_str_eq(before, "00000000000000000812-a4294967295");
}
