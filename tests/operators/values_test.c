// docs/values.md names everything that the operators offer to expressions.
#include <criterion/criterion.h>

#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>

Test(values, the_page_names_every_value)
{
	static const char yaml[] = "session: {}\nlifecycle: {}\nchurn: {bgnbd: {r: 0.243, alpha: 4.414, a: 0.793, b: 2.426}}\n"
	    "rules: {x: {on: A, then: [{tag: {add: t}}]}}\n";
	const struct mr_config_options options = {.json = true, .lenient = true};
	char page[32768], name[128], *errors = NULL;

	FILE *f = fopen("docs/values.md", "r");
	cr_assert(f != NULL);
	size_t n = fread(page, 1, sizeof(page) - 1, f);
	fclose(f);
	cr_assert(n > 1000 && n < sizeof(page) - 1);
	page[n] = '\0';
	struct mr_config *c = mr_config_load("test.yaml", yaml, &options, &errors, NULL);
	cr_assert(c != NULL, "%s", errors);
	cr_assert(c->plan.n_offers > 20);
	for (uint32_t i = 0; i < c->plan.n_offers; i++) {
		const struct mr_offer *o = &c->plan.offers[i];
		snprintf(name, sizeof(name), "`%.*s.%.*s`", (int)o->space.n, o->space.p, (int)o->name.n, o->name.p);
		cr_expect(strstr(page, name) != NULL, "docs/values.md doesn't name %s", name);
	}
	mr_config_free(c);
}
