// The tests of a configuration: what passes, what fails and how it is said, what is refused.
#include "cli/cases.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define RULES "app: a\ninput: {events: events}\nrules:\n" \
	"  r:\n    on: A\n    then:\n      - send: {channel: c, template: t, data: {n: event.properties.n}}\n"
#define EVENT "{at: 2026-03-01T10:00:00Z, user: u1, event: A, properties: {n: 1}}"

static struct mr_config *
load(const char *yaml)
{
	char *errors = NULL;
	struct mr_config *config = mr_config_load("x.yaml", yaml, NULL, &errors, NULL);

	cr_assert(config, "%s", errors);
	free(errors);
	return config;
}

static void
run(const char *tests, uint32_t failed, const char *const *texts)
{
	char yaml[4096], *out_text = NULL;
	size_t size;

	snprintf(yaml, sizeof(yaml), "%stests:\n%s", RULES, tests);
	struct mr_config *config = load(yaml);
	cr_assert(mr_cases_check(config, stderr));
	FILE *out = open_memstream(&out_text, &size);
	struct mr_cases_result r = mr_cases_run(config, out);
	fclose(out);
	cr_expect_eq(r.failed, failed, "%u failed:\n%s", r.failed, out_text);
	for (; *texts; texts++)
		cr_expect(strstr(out_text, *texts), "'%s' is not in:\n%s", *texts, out_text);
	free(out_text);
	mr_config_free(config);
}

static void
refused(const char *tests, const char *text)
{
	char yaml[4096], *err_text = NULL;
	size_t size;

	snprintf(yaml, sizeof(yaml), "%stests:\n%s", RULES, tests);
	struct mr_config *config = load(yaml);
	FILE *err = open_memstream(&err_text, &size);
	bool fine = mr_cases_check(config, err);
	fclose(err);
	cr_expect(!fine);
	cr_expect(strstr(err_text, text), "'%s' is not in:\n%s", text, err_text);
	free(err_text);
	mr_config_free(config);
}

#define RUN(failed, tests, ...) run(tests, failed, (const char *const[]){__VA_ARGS__, NULL})

Test(cases, what_passes)
{
	RUN(0, "  - name: by the fields that are named\n    events: [" EVENT "]\n"
	    "    actions: [{channel: c, user: u1, rule: r, at: 2026-03-01T10:00:00Z, data: {n: 1}, run: {step: 'then[0]'}}]\n"
	    "    decisions: [{kind: run, reason: completed, final: true}]\n"
	    "  - name: each test begins anew\n    events: [" EVENT "]\n    actions: [{template: t}]\n",
	    "ok    by the fields that are named\n", "ok    each test begins anew\n");
}

Test(cases, what_fails)
{
	RUN(1, "  - name: too few\n    events: [" EVENT "]\n    actions: []\n",
	    "FAIL  too few (x.yaml:9:5)\n", "x.yaml:11:14: actions: expected 0, got 1", "got {\"action_id\":");
	RUN(1, "  - name: too many\n    events: [" EVENT "]\n    actions: [{channel: c}, {channel: d}]\n",
	    "actions: expected 2, got 1", "x.yaml:11:29: actions[1]", "expected {\"channel\":\"d\"}");
	RUN(1, "  - name: other\n    events: [" EVENT "]\n    actions: [{channel: c, data: {n: 2}}]\n",
	    "x.yaml:11:15: actions[0]", "expected {\"data\":{\"n\":2}}", "got      {\"data\":{\"n\":1}}");
	RUN(1, "  - name: null is not there\n    events: [" EVENT "]\n    actions: [{channel: null}]\n", "FAIL");
	RUN(0, "  - name: null is not there\n    events: [" EVENT "]\n    actions: [{variant: null}]\n", "ok");
	RUN(1, "  - name: decisions\n    events: [" EVENT "]\n    decisions: []\n", "decisions: expected 0, got 1");
	RUN(1, "  - name: a bad event\n    events: [{at: 2026-03-01T10:00:00Z, user: u1, event: A, type: buy}]\n    actions: []\n",
	    "x.yaml:10:14: this event is refused: not_an_event");
}

Test(cases, time_passes)
{
	RUN(0, "  - name: until\n    events: [" EVENT ", {until: 2026-03-02T00:00:00Z}, {at: 2026-03-02T10:00:00Z, user: 7, event: B}]\n"
	    "    actions: [{user: u1}]\n", "ok");
}

Test(cases, what_is_refused)
{
	refused("  a: 1\n", "x.yaml:9:3: expected a list of tests");
	refused("  - 5\n", "x.yaml:9:5: expected a test");
	refused("  - {name: n, actions: []}\n", "x.yaml:9:5: a test needs events");
	refused("  - {events: [], actions: []}\n", "x.yaml:9:5: a test needs a name");
	refused("  - {name: n, events: []}\n", "x.yaml:9:5: a test that expects nothing can't fail");
	refused("  - {name: n, events: [], actions: [], action: 5}\n", "x.yaml:9:40: action: a test has no such field");
	refused("  - {name: n, events: [5], actions: []}\n", "x.yaml:9:24: expected an event");
	refused("  - {name: n, events: [{user: u}], actions: []}\n", "x.yaml:9:24: an event needs its time");
	refused("  - {name: n, events: [{at: noon, user: u}], actions: []}\n", "x.yaml:9:29: expected a time");
	refused("  - {name: n, events: [{at: 2026-03-01T10:00:00Z}], actions: []}\n", "x.yaml:9:24: an event needs its user");
	refused("  - {name: n, events: [{until: 2026-03-01T10:00:00Z, user: u}], actions: []}\n", "x.yaml:9:24: until stands alone");
	refused("  - {name: n, events: [], actions: {}}\n", "x.yaml:9:36: expected a list");
	refused("  - {name: n, events: [], actions: [{chanel: c}]}\n", "x.yaml:9:38: chanel: an action has no such field");
	refused("  - {name: n, events: [], decisions: [{data: 5}]}\n", "x.yaml:9:40: data: a decision has no such field");
}

static char *
read_file(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	cr_assert(in, "%s", path);
	cr_assert_gt(getdelim(&text, &size, '\0', in), 0);
	fclose(in);
	return text;
}

// Each rule of the example, in a test where it fires and one where it does not.
Test(cases, shop)
{
	char *shop = read_file("examples/shop.yaml"), *cases = read_file("tests/cli/shop_cases.yaml");
	char *yaml = NULL, *errors = NULL, *out_text = NULL;
	size_t size;

	*strstr(shop, "\ntests:") = '\0';
	cr_assert_gt(asprintf(&yaml, "%s\n%s", shop, cases), 0);
	struct mr_config *config = mr_config_load("examples/shop.yaml", yaml, NULL, &errors, NULL);
	cr_assert(config, "%s", errors);
	cr_assert(mr_cases_check(config, stderr));
	FILE *out = open_memstream(&out_text, &size);
	struct mr_cases_result r = mr_cases_run(config, out);
	fclose(out);
	cr_expect_eq(r.run, 9);
	cr_expect_eq(r.failed, 0, "%s", out_text);
	mr_config_free(config);
	free(out_text);
	free(yaml);
	free(shop);
	free(cases);
}
