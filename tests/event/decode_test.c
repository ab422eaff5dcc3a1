#include "fixture.h"

static const char *const paths[] = {"properties.cart_id", "properties.total", "properties", "context.campaign.name",
	"properties.items", "context.timezone", "properties.deep.a.b", "properties.deep.a", NULL};

static const char whole[] =
    "{\"type\":\"track\",\"event\":\"Product Added\",\"userId\":\"u1\",\"anonymousId\":\"a1\",\"messageId\":\"m1\","
    "\"timestamp\":\"2026-03-01T10:00:00.000Z\",\"properties\":{\"cart_id\":\"c1\",\"total\":12.5,\"items\":[1,\"x\",null,"
    "{\"k\":true}],\"deep\":{\"a\":{\"b\":7,\"c\":8}}},\"context\":{\"campaign\":{\"source\":\"s\",\"name\":\"spring\"},"
    "\"timezone\":null,\"page\":{\"url\":\"http://x/\"}},\"integrations\":{\"All\":true}}";

static void
is_whole(struct fixture *f)
{
	struct mr_event *e = &f->event;

	cr_expect_eq(e->type, MR_TRACK);
	cr_expect(mr_str_eq(e->name, MR_LIT("Product Added")));
	cr_expect_eq(e->name_id, 0);
	cr_expect(mr_str_eq(e->user, MR_LIT("u1")));
	cr_expect(mr_str_eq(e->anonymous_id, MR_LIT("a1")));
	cr_expect(mr_str_eq(e->message_id, MR_LIT("m1")));
	cr_expect_eq(e->time_ms, 1772359200000);
	cr_expect_eq(e->origin.offset, 812);
	cr_expect_str_eq(fixture_json(f, "properties.cart_id"), "\"c1\"");
	cr_expect_str_eq(fixture_json(f, "properties.total"), "12.5");
	cr_expect_str_eq(fixture_json(f, "properties.items"), "[1,\"x\",null,{\"k\":true}]");
	cr_expect_str_eq(fixture_json(f, "properties"), "{\"cart_id\":\"c1\",\"total\":12.5,"
	    "\"items\":[1,\"x\",null,{\"k\":true}],\"deep\":{\"a\":{\"b\":7,\"c\":8}}}");
	cr_expect_str_eq(fixture_json(f, "properties.deep.a"), "{\"b\":7,\"c\":8}");
	cr_expect_str_eq(fixture_json(f, "properties.deep.a.b"), "7");
	cr_expect_str_eq(fixture_json(f, "context.campaign.name"), "\"spring\"");
	cr_expect_str_eq(fixture_json(f, "context.timezone"), "");
	cr_expect_str_eq(fixture_json(f, "time"), "\"2026-03-01T10:00:00.000Z\"");
	cr_expect_str_eq(fixture_json(f, "type"), "\"track\"");
}

Test(decode, reads_a_json_event)
{
	struct fixture f = fixture_new(paths);

	fixture_good(&f, whole);
	is_whole(&f);
	fixture_free(&f);
}
