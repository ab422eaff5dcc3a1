#include "config/config.h"

#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

struct mr_config *
mr_cli_config(const char *path, const struct mr_config_options *options)
{
	char *errors = NULL, *warnings = NULL;
	struct mr_config *config = mr_config_load(path, NULL, options, &errors, &warnings);

	if (warnings)
		fputs(warnings, stderr);
	if (errors)
		fputs(errors, stderr);
	free(errors);
	free(warnings);
	return config;
}
