// Where a message points to: line and column of bytes within any kind of scalar; variables; files.
#include "config/internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

// Puts an error at each '#' of the text of probe's scalar, and at a byte given by `at`.
static char conf;
static struct mr_str seen;
static char seen_text[4096];

static void *
setup(struct mr_setup *s, const struct mr_node *node)
{
	const char *mark = memchr(node->text.p, '@', node->text.n);

	seen = (struct mr_str){seen_text, node->text.n};
	memcpy(seen_text, node->text.p, node->text.n);
	if (mark)
		mr_setup_error_at(s, node, (size_t)(mark - node->text.p), "here");
	else
		mr_setup_error(s, node, "%.*s", (int)node->text.n, node->text.p);
	return &conf;
}

static const struct mr_operator op = {.name = "probe", .version = 1, .setup = setup};

static void
points_to(const char *yaml, const char *where)
{
	struct mr_config_options options = {.extra = &op, .lenient = true};
	char *errors = NULL;

	cr_assert_null(mr_config_load("p", yaml, &options, &errors, NULL));
	cr_expect_str_eq(errors, where, "%s gave %s", yaml, errors);
	free(errors);
}

Test(source, positions_within_scalars)
{
	points_to("probe: abc @\n", "p:1:12: here\n");
	points_to("\n\nprobe:    abc @\n", "p:3:15: here\n");
	points_to("probe: \"abc @\"\n", "p:1:13: here\n");
	points_to("probe: 'abc @'\n", "p:1:13: here\n");
	points_to("probe: 'it''s @'\n", "p:1:15: here\n");
	points_to("probe: \"a \\\"b\\\" @\"\n", "p:1:17: here\n");
	points_to("probe: \xc3\xa9\xe2\x82\xac @\n", "p:1:11: here\n");
	points_to("probe: >-\n  abc\n  def @\n", "p:3:7: here\n");
	points_to("probe: |\n  abc\n  def @\n", "p:3:7: here\n");
	points_to("probe: |\n  abc\n\n    def @\n", "p:4:9: here\n");
	points_to("probe: abc\n  def\n  ghi @\n", "p:3:7: here\n");
}

Test(source, a_position_that_can_not_be_told_is_the_scalar_s)
{
	points_to("probe: \"\\x41 @\"\n", "p:1:8: here\n");
	setenv("MILLRACE_TEST", "long text", 1);
	points_to("probe: ${MILLRACE_TEST} @\n", "p:1:8: here\n");
}

static void
expands_to(const char *yaml, const char *text)
{
	struct mr_config_options options = {.extra = &op, .lenient = true};
	char *errors = NULL;

	cr_assert_null(mr_config_load("p", yaml, &options, &errors, NULL));
	cr_expect_eq(seen.n, strlen(text), "%s: %.*s", yaml, (int)seen.n, seen.p);
	cr_expect(mr_str_eq(seen, mr_str_of(text)), "%s: %.*s", yaml, (int)seen.n, seen.p);
	free(errors);
}

Test(source, variables)
{
	setenv("MILLRACE_A", "one", 1);
	setenv("MILLRACE_EMPTY", "", 1);
	unsetenv("MILLRACE_NONE");
	expands_to("probe: x${MILLRACE_A}y\n", "xoney");
	expands_to("probe: ${MILLRACE_A}${MILLRACE_A}\n", "oneone");
	expands_to("probe: \"${MILLRACE_NONE:-de fault}\"\n", "de fault");
	expands_to("probe: ${MILLRACE_EMPTY:-fallback}\n", "fallback");
	expands_to("probe: a${MILLRACE_EMPTY}b\n", "ab");
	expands_to("probe: ${MILLRACE_A:-two}\n", "one");
	expands_to("probe: ${MILLRACE_A:?needed}\n", "one");
	expands_to("probe: $${MILLRACE_A}\n", "${MILLRACE_A}");
	expands_to("probe: cost $5 {x}\n", "cost $5 {x}");
	setenv("MILLRACE_B", "${MILLRACE_A}", 1);
	expands_to("probe: ${MILLRACE_B}\n", "${MILLRACE_A}");
}

Test(source, a_variable_is_text_and_never_syntax)
{
	setenv("MILLRACE_EVIL", "a\nrules: {x: 1}", 1);
	expands_to("probe: ${MILLRACE_EVIL}\n", "a\nrules: {x: 1}");
}

Test(source, a_variable_that_is_not_utf8_is_refused)
{
	setenv("MILLRACE_BAD", "\xff\xfe", 1);
	struct mr_config_options options = {.lenient = true};
	char *errors = NULL;

	cr_assert_null(mr_config_load("p", "redis: ${MILLRACE_BAD}\n", &options, &errors, NULL));
	cr_expect_not_null(strstr(errors, "p:1:8: MILLRACE_BAD: not UTF-8"), "%s", errors);
	free(errors);
}

Test(source, a_file_that_is_not_there)
{
	char *errors = NULL;

	cr_assert_null(mr_config_load("/nowhere/x.yaml", NULL, NULL, &errors, NULL));
	cr_expect_str_eq(errors, "/nowhere/x.yaml:1:1: can't read the configuration: No such file or directory\n");
	free(errors);
	cr_assert_null(mr_config_load("/", NULL, NULL, &errors, NULL));
	cr_expect_str_eq(errors, "/:1:1: can't read the configuration: not a regular file\n");
	free(errors);
}

Test(source, a_file_that_is_too_large)
{
	size_t n = MR_CONFIG_BYTES_MAX + 2;
	char *text = malloc(n), *errors = NULL;

	memset(text, '#', n - 1);
	text[n - 1] = '\0';
	cr_assert_null(mr_config_load("p", text, NULL, &errors, NULL));
	cr_expect_str_eq(errors, "p:1:1: can't read the configuration: larger than 4 MiB\n");
	free(errors);
	free(text);
}

// ---- files that the configuration names ----

static struct mr_str content;

static void *
file_setup(struct mr_setup *s, const struct mr_node *node)
{
	content = mr_setup_file(s, node);
	return &conf;
}

static const struct mr_operator reader = {.name = "probe", .version = 1, .setup = file_setup};

static void
write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	cr_assert(out != NULL);
	fputs(text, out);
	fclose(out);
}

Test(source, a_named_file_is_beside_the_configuration_and_part_of_the_hash)
{
	struct mr_config_options options = {.extra = &reader, .lenient = true};
	char dir[] = "/tmp/millrace-config-XXXXXX", path[64], model[64], hash[2][33], *errors = NULL;

	cr_assert(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/x.yaml", dir);
	snprintf(model, sizeof(model), "%s/model.txt", dir);
	for (int i = 0; i < 2; i++) {
		write_file(model, i ? "second" : "first");
		struct mr_config *c = mr_config_load(path, "probe: model.txt\n", &options, &errors, NULL);
		cr_assert(c != NULL, "%s", errors);
		cr_expect(mr_str_eq(content, i ? MR_LIT("second") : MR_LIT("first")));
		strcpy(hash[i], c->plan.hash);
		mr_config_free(c);
	}
	cr_expect_str_neq(hash[0], hash[1]);
	write_file(model, "");
	cr_assert_null(mr_config_load(path, "probe: model.txt\n", &options, &errors, NULL));
	cr_expect_not_null(strstr(errors, "model.txt: the file is empty"), "%s", errors);
	free(errors);
	unlink(model);
	cr_assert_null(mr_config_load(path, "probe: model.txt\n", &options, &errors, NULL));
	cr_expect_not_null(strstr(errors, ":1:8: "), "%s", errors);
	cr_expect_not_null(strstr(errors, "model.txt: No such file or directory"), "%s", errors);
	free(errors);
	rmdir(dir);
}
