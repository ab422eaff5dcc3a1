#include "expr/schema.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct mr_schema_node *
walk(const struct mr_schema *s, const char *const *keys, size_t n)
{
	const struct mr_schema_node *node = &s->root;

	for (size_t i = 0; i < n && node; i++)
		node = mr_schema_child(node, mr_str_of(keys[i]));
	return node;
}

Test(schema, has_the_fixed_fields)
{
	struct mr_schema *s = mr_schema_new();

	cr_assert_eq(s->n_fields, MR_FIXED_FIELDS);
	cr_assert_eq(mr_schema_field(s, MR_LIT("time")), MR_FIELD_TIME);
	cr_assert_eq(mr_schema_field(s, MR_LIT("receivedAt")), MR_FIELD_RECEIVED);
	cr_assert_eq(s->n_fields, MR_FIXED_FIELDS);
	mr_schema_free(s);
}

Test(schema, paths_share_their_beginnings)
{
	struct mr_schema *s = mr_schema_new();
	uint32_t price = mr_schema_field(s, MR_LIT("properties.price"));
	uint32_t campaign = mr_schema_field(s, MR_LIT("context.campaign.name"));
	const char *const p[] = {"properties", "price"}, *const c[] = {"context", "campaign", "name"};

	cr_assert_eq(price, MR_FIXED_FIELDS);
	cr_assert_eq(mr_schema_field(s, MR_LIT("properties.price")), price);
	cr_assert_eq(walk(s, p, 2)->field, (int32_t)price);
	cr_assert_eq(walk(s, p, 1)->field, -1);
	cr_assert_eq(walk(s, c, 3)->field, (int32_t)campaign);
	cr_assert_eq(walk(s, c, 3)->parent, walk(s, c, 2));
	cr_assert_null(mr_schema_child(&s->root, MR_LIT("propertie")));
	cr_assert(mr_str_eq(s->paths[campaign], MR_LIT("context.campaign.name")));

	// A path may end where another goes on.
	uint32_t whole = mr_schema_field(s, MR_LIT("properties"));
	cr_assert_eq(walk(s, p, 1)->field, (int32_t)whole);
	mr_schema_free(s);
}

Test(schema, finds_children_of_wide_nodes)
{
	struct mr_schema *s = mr_schema_new();
	char path[64];

	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "properties.key%d", i * 7919 % 300);
		cr_assert_eq(mr_schema_field(s, mr_str_of(path)), (uint32_t)(MR_FIXED_FIELDS + i));
	}
	const struct mr_schema_node *properties = mr_schema_child(&s->root, MR_LIT("properties"));
	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "key%d", i * 7919 % 300);
		cr_assert_eq(mr_schema_child(properties, mr_str_of(path))->field, MR_FIXED_FIELDS + i);
	}
	cr_assert_null(mr_schema_child(properties, MR_LIT("key300")));
	mr_schema_free(s);
}

Test(schema, numbers_names)
{
	struct mr_schema *s = mr_schema_new();
	char name[64];

	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < 1000; i++) {
			snprintf(name, sizeof(name), "Event %d", i);
			cr_assert_eq(mr_schema_name(s, mr_str_of(name)), i);
		}
	cr_assert_eq(mr_schema_name(s, (struct mr_str){0}), 1000);
	mr_schema_freeze(s);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "Event %d", i);
		cr_assert_eq(mr_schema_find_name(s, mr_str_of(name)), i);
		cr_assert(mr_str_eq(s->names[i], mr_str_of(name)));
	}
	cr_assert_eq(mr_schema_find_name(s, MR_LIT("")), 1000);
	cr_assert_eq(mr_schema_find_name(s, MR_LIT("Event 1000")), -1);
	cr_assert_eq(mr_schema_find_name(s, MR_LIT("event 1")), -1);
	mr_schema_free(s);
}
