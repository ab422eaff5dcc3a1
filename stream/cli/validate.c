// millrace validate: loads a configuration and lists everything that is wrong with it.
#include "cli/cases.h"
#include "cli/cli.h"
#include "config/config.h"

#include <stdio.h>

static void
summary(const struct mr_config *c)
{
	const struct mr_plan *plan = &c->plan;

	printf("%.*s: fine; %.*s:", (int)c->path.n, c->path.p, (int)c->app.n, c->app.p);
	for (uint16_t i = 0; i < plan->n_ops; i++)
		printf("%s %s", i ? "," : "", plan->ops[i].op->name);
	printf("; %u values for expressions, %u channels, hash %s\n", plan->n_offers, c->n_channels, plan->hash);
}

static int
validate_run(int argc, char **argv)
{
	const char *path = NULL;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			i++;
		else if (argv[i][0] == '-')
			return mr_cli_wrong(&mr_verb_validate, argv[i][1] == 'c' ? "%s: a file is missing" : "%s: no such option", argv[i]);
		if (path)
			return mr_cli_wrong(&mr_verb_validate, "takes one file, got '%s' too", argv[i]);
		path = argv[i];
	}
	if (path == NULL)
		return mr_cli_wrong(&mr_verb_validate, "which file?");
	struct mr_config *config = mr_cli_config(path, NULL);
	bool fine = config && mr_cases_check(config, stderr);
	if (fine)
		summary(config);
	int code = fine ? MR_EXIT_OK : MR_EXIT_CONFIG;
	mr_config_free(config);
	return code;
}

const struct mr_verb mr_verb_validate = {
	.name = "validate",
	.help = "check a configuration and list all that is wrong",
	.usage = "Usage: millrace validate [-c] FILE\n\n"
	         "Loads a configuration as run would, without connecting to anything. Everything that is wrong is\n"
	         "listed on standard error as FILE:LINE:COLUMN: what is wrong, and what would be right.\n\n"
	         "Exit codes: 0 fine, 2 wrong usage, 78 something is wrong.\n",
	.run = validate_run,
};
