// The conformance suite of CEL. Every test of every file either passes, or is named in
// cel_outside.tsv with the reason why it lies outside our subset; one that is named and would
// pass is an error too, and so are other numbers than these, so that nothing shrinks in silence.
#include "support.h"
#include "textproto.h"

#include <millrace/text.h>

#define SUITE "../shared/conformance/cel-spec/tests/simple/testdata/"
#define OUTSIDE "tests/expr/cel_outside.tsv"
#define PASSED 529
#define OUTSIDE_ROWS 709

// Files of which every test is about what Millrace's language has not.
static const struct { const char *name, *reason; size_t tests; } others[] = {
	{"bindings_ext", "extension: cel.bind", 8}, {"block_ext", "extension: cel.block", 37},
	{"encoders_ext", "extension: bytes", 4}, {"math_ext", "extension: math", 199}, {"network_ext", "extension: network", 69},
	{"optionals", "extension: optional values", 70}, {"proto2", "protocol buffers", 118}, {"proto2_ext", "protocol buffers", 18},
	{"proto3", "protocol buffers", 85}, {"string_ext", "extension: strings", 216}, {"dynamic", "protocol buffers", 226},
	{"enums", "protocol buffers", 85}, {"type_deduction", "types without a value", 47}, {"wrappers", "protocol buffers", 36},
	{"unknowns", "empty", 0},
};
static const char *const files[] = {"basic", "comparisons", "conversions", "fields", "fp_math", "integer_math", "lists",
    "logic", "macros", "macros2", "namespace", "parse", "plumbing", "string", "timestamps"};

struct suite {
	struct mr_arena *arena;
	struct mr_str outside;        // the file of names and reasons
	size_t passed, named, failed;
	FILE *write_to;               // with CEL_WRITE_FAILURES=FILE: where the names of failures go, to make a new list
};

static struct mr_str
slurp(const char *path)
{
	FILE *in = fopen(path, "rb");
	char *p = NULL;
	size_t n = 0, got;

	if (in == NULL)
		return (struct mr_str){0};
	do {
		p = realloc(p, n + 65536);
		got = fread(p + n, 1, 65536, in);
		n += got;
	} while (got > 0);
	fclose(in);
	return (struct mr_str){p, n};
}

static bool
is(const struct proto *p, const char *name)
{
	return mr_str_eq(p->name, mr_str_of(name));
}

// An expected value in the form of show(); false where our values have no such thing.
static bool
show_expected(FILE *out, const struct proto *value, struct mr_arena *arena)
{
	const struct proto *v = value->fields;
	double d;
	char text[32];

	if (v == NULL)
		return false;
	if (is(v, "int64_value") || is(v, "uint64_value") || is(v, "double_value")) {
		if (!mr_num_parse(v->text, &d))
			return false;
		fwrite(text, 1, mr_num_format(text, d == 0 ? 0 : d), out);
	} else if (is(v, "bool_value")) {
		fprintf(out, "%.*s", (int)v->text.n, v->text.p);
	} else if (is(v, "string_value")) {
		show(out, mr_string(v->text), arena);
	} else if (is(v, "null_value")) {
		fputs("absent", out);
	} else if (is(v, "list_value")) {
		fputc('[', out);
		for (const struct proto *i = proto_field(v, "values", NULL); i; i = proto_field(v, "values", i)) {
			fputs(i == v->fields ? "" : ", ", out);
			if (!show_expected(out, i, arena))
				return false;
		}
		fputc(']', out);
	} else if (is(v, "map_value")) {
		fputc('{', out);
		for (const struct proto *i = proto_field(v, "entries", NULL); i; i = proto_field(v, "entries", i)) {
			fputs(i == v->fields ? "" : ", ", out);
			if (!show_expected(out, proto_field(i, "key", NULL), arena))
				return false;
			fputs(": ", out);
			if (!show_expected(out, proto_field(i, "value", NULL), arena))
				return false;
		}
		fputc('}', out);
	} else {
		return false;
	}
	return true;
}

// Bindings are fields of the event space, by their order; of names with dots the longest counts.
static bool
resolve_binding(void *arg, const struct mr_str *parts, size_t n, struct mr_ref *ref, const char **why)
{
	char path[200];
	size_t len = 0;

	(void)why;
	*ref = (struct mr_ref){.type = MR_ANY};
	for (size_t i = 0; i < n && len + parts[i].n + 1 < sizeof(path); i++) {
		uint32_t number = 0;
		if (i)
			path[len++] = '.';
		memcpy(path + len, parts[i].p, parts[i].n);
		len += parts[i].n;
		for (const struct proto *b = proto_field(arg, "bindings", NULL); b; b = proto_field(arg, "bindings", b), number++)
			if (mr_str_eq(proto_text(b, "key"), (struct mr_str){path, len}))
				*ref = (struct mr_ref){MR_SPACE_EVENT, number, MR_ANY, i + 1};
	}
	return ref->consumed > 0;
}

static bool
bound_value(const struct proto *value, struct mr_arena *arena, struct mr_value *out)
{
	const struct proto *v = value ? value->fields : NULL;
	double d;
	uint32_t n = 0;

	if (v == NULL)
		return false;
	if (is(v, "bool_value")) {
		*out = mr_bool(mr_str_eq(v->text, MR_LIT("true")));
	} else if (is(v, "string_value")) {
		*out = mr_string(v->text);
	} else if (is(v, "null_value")) {
		*out = mr_absent();
	} else if (is(v, "list_value")) {
		struct mr_value *items = mr_arena_alloc(arena, 16 * sizeof(*items));
		for (const struct proto *i = proto_field(v, "values", NULL); i; i = proto_field(v, "values", i))
			if (n == 16 || !bound_value(i, arena, &items[n++]))
				return false;
		*out = (struct mr_value){.type = MR_LIST, .n = n, .items = items};
	} else if (is(v, "map_value")) {
		struct mr_member *members = mr_arena_alloc(arena, 16 * sizeof(*members));
		for (const struct proto *i = proto_field(v, "entries", NULL); i; i = proto_field(v, "entries", i), n++) {
			const struct proto *key = proto_field(proto_field(i, "key", NULL), "string_value", NULL);
			if (n == 16 || key == NULL || !bound_value(proto_field(i, "value", NULL), arena, &members[n].value))
				return false;
			members[n].key = key->text;
		}
		*out = (struct mr_value){.type = MR_MAP, .n = n, .members = members};
	} else if (!is(v, "bytes_value") && mr_num_parse(v->text, &d)) {
		*out = mr_num(d);
	} else {
		return false;
	}
	return true;
}

// An error of CEL's run time is a value that is unknown or absent here, or an error of types at load.
static bool
is_error(const struct mr_expr *e, struct mr_value v, const struct mr_expr_error *error)
{
	static const char *const types[] = {" needs ", "go together", "no % for", "no members", "no items", "not within the years", "have no order",
	    "computed with null", "not a time:", "not a length of time:"};

	if (e)
		return v.type == MR_UNKNOWN || v.type == MR_ABSENT;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strstr(error->text, types[i]))
			return true;
	return false;
}

static bool
passes(struct suite *s, const struct proto *test, char why[300])
{
	struct mr_resolver names = {resolve_binding, (void *)(uintptr_t)test};
	struct mr_value fields[8];
	uint32_t n = 0;
	struct mr_expr_error error = {0};

	snprintf(why, 300, "a binding");
	for (const struct proto *b = proto_field(test, "bindings", NULL); b; b = proto_field(test, "bindings", b), n++)
		if (n == 8 || !bound_value(proto_field(proto_field(b, "value", NULL), "value", NULL), s->arena, &fields[n]))
			return false;
	struct mr_expr *e = mr_expr_compile(proto_text(test, "expr"), &names, MR_ANY, &error);
	struct mr_env env = {.arena = s->arena, .cost_left = 100000, .spaces = {fields}, .sizes = {n}};
	struct mr_value v = e ? mr_expr_eval(e, &env) : mr_absent();
	const struct proto *expected = proto_field(test, "value", NULL);
	char *got_p = NULL, *want_p = NULL;
	size_t got_n = 0, want_n = 0;
	FILE *got = open_memstream(&got_p, &got_n), *want = open_memstream(&want_p, &want_n);
	show(got, v, s->arena);
	bool known = expected ? show_expected(want, expected, s->arena) : fputs("true", want) >= 0;
	fclose(got);
	fclose(want);
	bool other = proto_field(test, "typed_result", NULL) || proto_field(test, "check_only", NULL);
	bool ok = !other && e && known && got_n == want_n && memcmp(got_p, want_p, got_n) == 0;
	if (proto_field(test, "eval_error", NULL))
		ok = is_error(e, v, &error);
	snprintf(why, 300, "%s", e ? got_p : error.text);
	mr_expr_free(e);
	free(got_p);
	free(want_p);
	return ok;
}

// Whether the list has "NAME\t".
static bool
is_outside(const struct suite *s, const char *name)
{
	size_t n = strlen(name);

	for (size_t at = 0; at < s->outside.n;) {
		const char *line = s->outside.p + at, *end = memchr(line, '\n', s->outside.n - at);
		size_t len = end ? (size_t)(end - line) : s->outside.n - at;
		if (len > n && memcmp(line, name, n) == 0 && line[n] == '\t')
			return true;
		at += len + 1;
	}
	return false;
}

static void
run_test(struct suite *s, const char *file, const struct proto *section, const struct proto *test)
{
	char name[200], why[300];
	struct mr_str a = proto_text(section, "name"), b = proto_text(test, "name");

	snprintf(name, sizeof(name), "%s/%.*s/%.*s", file, (int)a.n, a.p, (int)b.n, b.p);
	bool ok = passes(s, test, why), outside = is_outside(s, name);
	s->passed += ok;
	s->named += outside;
	s->failed += !ok;
	if (!ok && s->write_to)
		fprintf(s->write_to, "%s\t%s\n", name, why);
	cr_expect(ok || outside || s->write_to, "%s: %s", name, why);
	cr_expect(!ok || !outside || s->write_to, "%s passes: take it from the list", name);
	mr_arena_reset(s->arena);
}

static size_t
run_file(struct suite *s, const char *file, bool count_only)
{
	char path[256];
	size_t byte, n = 0;

	snprintf(path, sizeof(path), SUITE "%s.textproto", file);
	struct mr_str text = slurp(path);
	cr_assert_not_null(text.p, "%s", path);
	struct mr_arena *arena = mr_arena_new(64 << 20);
	struct proto *top = proto_parse(text, arena, &byte);
	cr_assert_not_null(top, "%s: byte %zu", path, byte);
	for (const struct proto *section = proto_field(top, "section", NULL); section; section = proto_field(top, "section", section))
		for (const struct proto *test = proto_field(section, "test", NULL); test; test = proto_field(section, "test", test), n++)
			if (!count_only)
				run_test(s, file, section, test);
	mr_arena_free(arena);
	free((void *)(uintptr_t)text.p);
	return n;
}

Test(cel, conformance)
{
	struct suite s = {.arena = mr_arena_new(16 << 20), .outside = slurp(OUTSIDE)};
	const char *write_to = getenv("CEL_WRITE_FAILURES"), *required = getenv("MILLRACE_REQUIRE_SHARED");
	FILE *there = fopen(SUITE "basic.textproto", "r");

	if (there == NULL) {
		cr_assert(required == NULL || strcmp(required, "1") != 0, "the conformance suite is absent");
		cr_skip_test("the conformance suite is absent");
	}
	fclose(there);
	s.write_to = write_to ? fopen(write_to, "w") : NULL;
	size_t total = 0;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		total += run_file(&s, files[i], false);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		cr_expect_eq(run_file(&s, others[i].name, true), others[i].tests, "%s: %zu tests", others[i].name,
		    run_file(&s, others[i].name, true));
	if (s.write_to)
		fclose(s.write_to);
	cr_expect_eq(total, PASSED + OUTSIDE_ROWS, "%zu tests", total);
	cr_expect_eq(s.passed, PASSED, "%zu pass", s.passed);
	cr_expect_eq(s.named, OUTSIDE_ROWS, "%zu named", s.named);
	mr_arena_free(s.arena);
	free((void *)(uintptr_t)s.outside.p);
}
