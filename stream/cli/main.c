// millrace VERB ...: finds the verb in the table and runs it.
#include "cli/cli.h"

#include <stdio.h>

static const struct mr_verb *const verbs[] = {
	&mr_verb_demo,
	&mr_verb_echo,
	&mr_verb_generate,
	&mr_verb_replay,
	&mr_verb_run,
	&mr_verb_test,
	&mr_verb_validate,
	&mr_verb_version,
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void
usage(FILE *out)
{
	fputs("Usage: millrace VERB [OPTION]...\n\n"
	      "Turns behaviour events into live profiles and marketing actions.\n\nVerbs:\n", out);
	for (size_t i = 0; i < N_VERBS; i++)
		fprintf(out, "  %-10s %s\n", verbs[i]->name, verbs[i]->help);
	fputs("\n'millrace VERB --help' explains one verb.\n"
	      "Exit codes: 0 fine, 1 a test or check failed, 2 wrong usage, 78 bad configuration.\n", out);
}

static const struct mr_verb *
find(const char *name)
{
	for (size_t i = 0; i < N_VERBS; i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}

static bool
is_help(const char *arg)
{
	return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

static bool
wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (is_help(argv[i]))
			return true;
	return false;
}

static int
run(const struct mr_verb *verb, int argc, char **argv)
{
	if (wants_help(argc - 1, argv + 1)) {
		fputs(verb->usage, stdout);
		return MR_EXIT_OK;
	}
	return verb->run(argc, argv);
}

int
main(int argc, char **argv)
{
	int code;

	if (argc < 2) {
		usage(stderr);
		return MR_EXIT_USAGE;
	}
	if (is_help(argv[1]) || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		code = MR_EXIT_OK;
	} else {
		const struct mr_verb *verb = find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
		if (verb == NULL) {
			fprintf(stderr, "millrace: no verb '%s'\nTry: millrace --help\n", argv[1]);
			return MR_EXIT_USAGE;
		}
		code = run(verb, argc - 1, argv + 1);
	}
	// A full disk or a closed pipe must not look like success.
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("millrace: standard output");
		return code ? code : MR_EXIT_FAILED;
	}
	return code;
}
