// Where the names in an expression lead: events, runs, values offered by operators, `as`.
#include "config/internal.h"
#include "expr/expr.h"
#include "expr/schema.h"

#include <stdlib.h>

struct look {
	struct mr_setup *s;
	const struct mr_scope *scope;
};

#define WORDS_MAX 8
#define PART(i) (int)parts[i].n, parts[i].p

static const char *const event_fields[] = {
	"properties", "traits", "context", "time", "event", "type", "messageId", "userId", "anonymousId", "name", "timestamp",
	"originalTimestamp", "sentAt", "receivedAt", "groupId", "previousId", "category", "version", "channel", "integrations", NULL,
};
static const char *const run_fields[] = {"key", "started_at", "event", NULL};
static const char *const sent_fields[] = {"id", "sent", "reason", "channel", "variant", NULL};

static const char *
words(struct mr_setup *s, const char *const *names)
{
	const char *list = "";

	for (size_t i = 0; names[i]; i++) {
		if (i == WORDS_MAX)
			return mr_setup_format(s, "%s and more", list);
		list = mr_setup_format(s, "%s%s%s", list, *list ? ", " : "", names[i]);
	}
	return list;
}

static bool
refuse(struct mr_setup *s, const char **why, struct mr_str wrong, const char *const *names, const char *of)
{
	const char *near = mr_suggest(wrong, names);

	if (near)
		*why = mr_setup_format(s, "no such field of %s; did you mean %s?", of, near);
	else
		*why = mr_setup_format(s, "no such field of %s; there are: %s", of, words(s, names));
	return false;
}

static int
index_of(struct mr_str word, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (mr_str_eq(word, mr_str_of(names[i])))
			return i;
	return -1;
}

static enum mr_type
field_type(struct mr_str path)
{
	if (mr_str_eq(path, MR_LIT("time")))
		return MR_TIME;
	if (mr_str_eq(path, MR_LIT("event")) || mr_str_eq(path, MR_LIT("type")) || mr_str_eq(path, MR_LIT("messageId")) ||
	    mr_str_eq(path, MR_LIT("userId")) || mr_str_eq(path, MR_LIT("anonymousId")))
		return MR_STRING;
	return MR_ANY;
}

// parts[from..] is a path below an event.
static bool
event_path(struct look *look, int space, const struct mr_str *parts, size_t from, size_t n, struct mr_ref *ref, const char **why)
{
	struct mr_setup *s = look->s;
	const char *path = "";

	MR_ASSERT(from > 0 && from <= n);
	if (from == n) {
		*why = mr_setup_format(s, "it is a whole event; name a field, as in %.*s.properties.price", PART(from - 1));
		return false;
	}
	if (index_of(parts[from], event_fields) < 0)
		return refuse(s, why, parts[from], event_fields, "an event");
	for (size_t i = from; i < n; i++)
		path = mr_setup_format(s, "%s%s%.*s", path, i > from ? "." : "", PART(i));
	struct mr_str text = mr_str_of(path);
	*ref = (struct mr_ref){.space = space, .number = mr_setup_field(s, text), .type = field_type(text), .consumed = n};
	if (space != MR_SPACE_EVENT && look->scope->uses)
		look->scope->uses(look->scope->arg, space, ref->number);
	return true;
}

static bool
run_name(struct look *look, const struct mr_str *parts, size_t n, struct mr_ref *ref, const char **why)
{
	int field = n > 1 ? index_of(parts[1], run_fields) : -1;

	if (!look->scope->run) {
		*why = "there is no run here; run.* can be read in the rule's steps, cancel_on and wait_for";
		return false;
	}
	if (n > 1 && mr_str_eq(parts[1], MR_LIT("item"))) {
		*why = "not yet; this version of Millrace has no for_each over items";
		return false;
	}
	if (field < 0)
		return refuse(look->s, why, n > 1 ? parts[1] : parts[0], run_fields, "run");
	if (field == 2)
		return event_path(look, MR_SPACE_TRIGGER, parts, 2, n, ref, why);
	if (field == 0 && !look->scope->run_key) {
		*why = "this rule has no key; give it for_each, as in for_each: event.properties.cart_id";
		return false;
	}
	*ref = (struct mr_ref){
		.space = MR_SPACE_RUN, .number = field == 0 ? MR_RUN_KEY : MR_RUN_STARTED_AT,
		.type = field == 0 ? MR_STRING : MR_TIME, .consumed = 2,
	};
	return true;
}

static bool
offered(struct look *look, const struct mr_str *parts, size_t n, struct mr_ref *ref, const char **why)
{
	struct mr_setup *s = look->s;
	const char *space = mr_setup_cstr(s, parts[0]);
	const char **names = mr_arena_alloc(s->arena, (s->n_offers + 1) * sizeof(*names));
	size_t count = 0;

	for (uint32_t i = 0; i < s->n_offers; i++)
		if (mr_str_eq(s->offers[i].space, parts[0]))
			names[count++] = mr_setup_cstr(s, s->offers[i].name);
	int32_t number = n > 1 ? mr_setup_user(s, space, parts[1]) : -1;
	if (number >= 0) {
		*ref = (struct mr_ref){
			.space = MR_SPACE_USER, .number = (uint32_t)number, .type = s->offers[number].type, .consumed = 2,
		};
		return true;
	}
	if (n == 1)
		*why = mr_setup_format(s, "it is no value by itself; name one of: %s", words(s, names));
	else if (count == 0)
		*why = mr_setup_format(s, "nothing offers %s.* here; configure %s", space,
		    strcmp(space, "session") == 0 ? "session" : "profile, lifecycle or churn");
	else
		refuse(s, why, parts[1], names, space);
	return false;
}

static bool
named(struct look *look, uint32_t i, const struct mr_str *parts, size_t n, struct mr_ref *ref, const char **why)
{
	int space = MR_SPACE_NAMED + (int)i;

	MR_ASSERT(i < look->scope->n_names);
	static const enum mr_type types[MR_SENT_FIELDS] = {MR_STRING, MR_BOOL, MR_STRING, MR_STRING, MR_STRING};

	MR_ASSERT(space < MR_SPACE_MAX);
	if (!look->scope->names[i].is_send)
		return event_path(look, space, parts, 1, n, ref, why);
	int field = n > 1 ? index_of(parts[1], sent_fields) : -1;
	if (field < 0)
		return refuse(look->s, why, n > 1 ? parts[1] : parts[0], sent_fields, "a send");
	*ref = (struct mr_ref){.space = space, .number = (uint32_t)field, .type = types[field], .consumed = 2};
	return true;
}

// A first word that leads nowhere: a slip, or, where it stands alone, a text that lost its quotes (the
// language says so itself).
static bool
nowhere(struct look *look, const struct mr_str *parts, size_t n, const char **why)
{
	struct mr_setup *s = look->s;
	const char **names = mr_arena_alloc(s->arena, (look->scope->n_names + 6) * sizeof(*names));
	size_t count = 0;

	names[count++] = "event";
	names[count++] = "user";
	names[count++] = "session";
	if (look->scope->run)
		names[count++] = "run";
	for (uint32_t i = 0; i < look->scope->n_names; i++)
		if (look->scope->names[i].name.n)     // empty: hidden where this expression stands
			names[count++] = mr_setup_cstr(s, look->scope->names[i].name);
	const char *near = n > 1 ? mr_suggest(parts[0], names) : NULL;
	if (near)
		*why = mr_setup_format(s, "did you mean %s?", near);
	else if (n > 1)
		*why = mr_setup_format(s, "names begin with %s", words(s, names));
	return false;
}

static bool
lead(struct look *look, const struct mr_str *parts, size_t n, struct mr_ref *ref, const char **why)
{
	MR_ASSERT(n > 0);
	for (uint32_t i = 0; i < look->scope->n_names; i++)
		if (mr_str_eq(look->scope->names[i].name, parts[0]))
			return named(look, i, parts, n, ref, why);
	if (mr_str_eq(parts[0], MR_LIT("event")))
		return event_path(look, look->scope->event_space, parts, 1, n, ref, why);
	if (mr_str_eq(parts[0], MR_LIT("run")))
		return run_name(look, parts, n, ref, why);
	if (mr_str_eq(parts[0], MR_LIT("user")) || mr_str_eq(parts[0], MR_LIT("session")))
		return offered(look, parts, n, ref, why);
	return nowhere(look, parts, n, why);
}

static void
tell(struct look *look, const struct mr_str *parts, const struct mr_ref *ref)
{
	const char *name = "";

	for (size_t i = 0; i < ref->consumed; i++)
		name = mr_setup_format(look->s, "%s%s%.*s", name, i ? "." : "", (int)parts[i].n, parts[i].p);
	look->scope->reads(look->scope->arg, mr_str_of(name), ref->space, ref->number);
}

static bool
resolve(void *arg, const struct mr_str *parts, size_t n, struct mr_ref *ref, const char **why)
{
	struct look *look = arg;

	if (!lead(look, parts, n, ref, why))
		return false;
	if (look->scope->reads)
		tell(look, parts, ref);
	return true;
}

static void
keep(struct mr_setup *s, struct mr_expr *expr)
{
	if (s->n_exprs == s->cap_exprs) {
		s->cap_exprs = s->cap_exprs ? s->cap_exprs * 2 : 32;
		s->exprs = realloc(s->exprs, s->cap_exprs * sizeof(*s->exprs));
		MR_ASSERT(s->exprs != NULL);
	}
	s->exprs[s->n_exprs++] = expr;
}

void
mr_exprs_free(struct mr_setup *s)
{
	for (size_t i = 0; i < s->n_exprs; i++)
		mr_expr_free(s->exprs[i]);
	free(s->exprs);
}

static const char *
type_name(enum mr_type type)
{
	static const char *const names[] = {
		[MR_ABSENT] = "nothing", [MR_BOOL] = "true or false", [MR_NUMBER] = "a number", [MR_STRING] = "a text",
		[MR_TIME] = "a time", [MR_DURATION] = "a length of time", [MR_LIST] = "a list", [MR_MAP] = "a map",
		[MR_UNKNOWN] = "unknown", [MR_ANY] = "any value",
	};

	return names[type];
}

// Where YAML may have ended the expression before its writer did, that is the better message.
static const char *
yaml_hint(struct mr_setup *s, const struct mr_node *node, size_t byte)
{
	char after = !node->quoted && (byte >= node->text.n || mr_cut_short(node->text)) ? mr_source_after(s, node) : 0;

	if (after == '#')
		return "; YAML took what follows ' #' as a comment: quote this expression";
	if (after == ',' || after == ':')
		return mr_setup_format(s, "; YAML ended this text at '%c': quote this expression", after);
	return "";
}

const struct mr_expr *
mr_setup_expr(struct mr_setup *s, const struct mr_node *node, const struct mr_scope *scope, enum mr_type want)
{
	struct look look = {s, scope};
	struct mr_resolver resolver = {resolve, &look};
	struct mr_expr_error error = {0};

	MR_ASSERT(!s->frozen);
	MR_ASSERT(scope->n_names <= MR_SPACE_MAX - MR_SPACE_NAMED);
	if (node->kind != MR_NODE_SCALAR) {
		mr_setup_error(s, node, "expected an expression, found a %s; quote an expression that begins with [ or {",
		    node->kind == MR_NODE_LIST ? "list" : "map");
		return NULL;
	}
	struct mr_expr *expr = mr_expr_compile(node->text, &resolver, want, &error);
	if (expr == NULL) {
		mr_setup_error_at(s, node, error.byte, "%s%s", error.text, yaml_hint(s, node, error.byte));
		return NULL;
	}
	keep(s, expr);
	enum mr_type type = mr_expr_type(expr);
	if (want != MR_ANY && type != want && type != MR_ANY) {
		mr_setup_error(s, node, "%.*s: this is %s; expected %s", (int)node->text.n, node->text.p, type_name(type), type_name(want));
		return NULL;
	}
	return expr;
}
