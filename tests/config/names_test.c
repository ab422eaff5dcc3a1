// Where the names in expressions lead, what is said of those that lead nowhere, and which fields a
// run must keep.
#include "config/config.h"
#include "expr/schema.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const struct mr_scope_name names[] = {{{"nudge", 5}, true}, {{"click", 5}, false}};

struct use {
	int space;
	uint32_t field;
};
static struct use used[16];
static size_t n_used;

static void
uses(void *arg, int space, uint32_t field)
{
	cr_assert_eq(arg, used);
	for (size_t i = 0; i < n_used; i++)
		if (used[i].space == space && used[i].field == field)
			return;
	used[n_used++] = (struct use){space, field};
}

static struct mr_scope scope;
static enum mr_type want, got;

static void *
setup(struct mr_setup *s, const struct mr_node *node)
{
	// Any memory will do as a configuration; the node is what compile() wants.
	const struct mr_node **conf = mr_setup_alloc(s, sizeof(struct mr_node *));

	mr_setup_offer(s, "user", MR_LIT("score"), MR_NUMBER, 0, node);
	mr_setup_offer(s, "session", MR_LIT("events"), MR_NUMBER, 1, node);
	*conf = node;
	return conf;
}

static bool
compile(struct mr_setup *s, void *conf)
{
	const struct mr_expr *e = mr_setup_expr(s, *(const struct mr_node **)conf, &scope, want);

	got = e ? mr_expr_type(e) : MR_ABSENT;
	return e != NULL;
}

static const struct mr_operator op = {.name = "probe", .version = 1, .setup = setup, .compile = compile};

// The errors of `probe: TEXT`, or "".
static char *
compiled(const char *text, struct mr_config **keep)
{
	struct mr_config_options options = {.extra = &op, .lenient = true};
	char *yaml, *errors = NULL;

	n_used = 0;
	cr_assert(asprintf(&yaml, "probe: %s\n", text) > 0);
	struct mr_config *c = mr_config_load("p", yaml, &options, &errors, NULL);
	cr_assert_eq(c == NULL, errors != NULL);
	free(yaml);
	if (keep)
		*keep = c;
	else
		mr_config_free(c);
	return errors ? errors : strdup("");
}

static void
fine(const char *text, enum mr_type type)
{
	char *errors = compiled(text, NULL);

	cr_expect_str_empty(errors, "%s: %s", text, errors);
	cr_expect_eq(got, type, "%s: type %d", text, got);
	free(errors);
}

static void
wrong(const char *text, const char *part)
{
	char *errors = compiled(text, NULL);

	cr_expect_eq(strncmp(errors, "p:1:", 4), 0, "%s: %s", text, errors);
	cr_expect_not_null(strstr(errors, part), "%s: %s", text, errors);
	free(errors);
}

static void
whole_scope(void)
{
	scope = (struct mr_scope){
		.event_space = MR_SPACE_TRIGGER, .run = true, .run_key = true, .names = names, .n_names = 2, .uses = uses, .arg = used,
	};
	want = MR_ANY;
}

Test(names, lead_somewhere, .init = whole_scope)
{
	fine("event.properties.price", MR_ANY);
	fine("event.time", MR_TIME);
	fine("event.userId", MR_STRING);
	fine("run.key", MR_STRING);
	fine("run.started_at", MR_TIME);
	fine("run.event.properties.a.b", MR_ANY);
	fine("user.score", MR_NUMBER);
	fine("session.events", MR_NUMBER);
	fine("nudge.id", MR_STRING);
	fine("nudge.sent", MR_BOOL);
	fine("click.properties.url", MR_ANY);
	fine("click.time", MR_TIME);
	fine("user.score > 0.5 && nudge.sent", MR_BOOL);
}

Test(names, lead_nowhere, .init = whole_scope)
{
	wrong("gold", "did you mean 'gold'");
	wrong("user.scoer", "'user.scoer': no such field of user; did you mean score?");
	wrong("user.thermostat", "no such field of user; there are: ");
	wrong("user", "it is no value by itself; name one of: ");
	wrong("event", "it is a whole event; name a field, as in event.properties.price");
	wrong("run.event", "name a field, as in event.properties.price");
	wrong("event.property.x", "no such field of an event; did you mean properties?");
	wrong("evnt.properties.x", "did you mean event?");
	wrong("nugde.id", "did you mean nudge?");
	wrong("nudge.sentt", "no such field of a send; did you mean sent?");
	wrong("nudge", "no such field of a send; there are: id, sent, reason, channel, variant");
	wrong("run.kye", "no such field of run; did you mean key?");
	wrong("run.item.name", "not yet");
	wrong("basket.items", "names begin with event, user, session, run, nudge, click");
}

Test(names, what_is_out_of_scope_says_so)
{
	scope = (struct mr_scope){.event_space = MR_SPACE_EVENT};
	want = MR_ANY;
	wrong("run.key", "there is no run here");
	scope.run = true;
	wrong("run.key", "this rule has no key; give it for_each");
	fine("run.started_at", MR_TIME);
	wrong("nudge.id", "names begin with event, user, session, run");
}

Test(names, conditions_are_true_or_false)
{
	scope = (struct mr_scope){.event_space = MR_SPACE_EVENT};
	want = MR_BOOL;
	fine("event.properties.ok", MR_BOOL);
	fine("event.properties.n > 1", MR_BOOL);
	wrong("event.time", "this is a time");
	wrong("user.score", "number");
	wrong("\"'text'\"", "text");
}

Test(names, an_expression_is_one_value, .init = whole_scope)
{
	wrong("[1, 2]", "expected an expression, found a list; quote an expression that begins with [ or {");
	wrong("{a: 1}", "expected an expression, found a map");
}

static bool
was_used(const struct mr_schema *schema, int space, const char *path)
{
	for (size_t i = 0; i < n_used; i++)
		if (used[i].space == space && mr_str_eq(schema->paths[used[i].field], mr_str_of(path)))
			return true;
	return false;
}

Test(names, a_run_keeps_the_fields_that_are_read_later, .init = whole_scope)
{
	struct mr_config *c;
	char *errors = compiled("event.properties.a == run.event.context.b || click.properties.c == run.key || user.score > 1", &c);

	cr_assert_str_empty(errors, "%s", errors);
	const struct mr_schema *schema = c->plan.schema;
	cr_expect_eq(n_used, 3);
	cr_expect(was_used(schema, MR_SPACE_TRIGGER, "properties.a"));
	cr_expect(was_used(schema, MR_SPACE_TRIGGER, "context.b"));
	cr_expect(was_used(schema, MR_SPACE_NAMED + 1, "properties.c"));
	mr_config_free(c);
	free(errors);
	scope.event_space = MR_SPACE_EVENT;
	errors = compiled("event.properties.a == 1", &c);
	cr_expect_eq(n_used, 0, "the event at hand needs no keeping");
	mr_config_free(c);
	free(errors);
}

// ---- offers ----

static void *
twice(struct mr_setup *s, const struct mr_node *node)
{
	static char conf;

	cr_expect(mr_setup_offer(s, "user", MR_LIT("x"), MR_NUMBER, 0, node));
	cr_expect(mr_setup_offer(s, "session", MR_LIT("x"), MR_NUMBER, 0, node), "another space, another name");
	cr_expect_not(mr_setup_offer(s, "user", MR_LIT("x"), MR_NUMBER, 1, node));
	cr_expect_geq(mr_setup_user(s, "user", MR_LIT("x")), 0);
	cr_expect_eq(mr_setup_user(s, "user", MR_LIT("y")), -1);
	return &conf;
}

Test(names, an_offer_is_made_once)
{
	static const struct mr_operator taker = {.name = "probe", .version = 1, .setup = twice};
	struct mr_config_options options = {.extra = &taker, .lenient = true};
	char *errors = NULL;

	cr_assert_null(mr_config_load("p", "probe: 1\n", &options, &errors, NULL));
	cr_expect_str_eq(errors, "p:1:8: user.x: this name is taken; choose another\n");
	free(errors);
}
