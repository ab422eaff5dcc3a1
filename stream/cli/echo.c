// millrace echo: the normalised configuration, or every parameter with its default.
#include "cli/cli.h"
#include "config/config.h"
#include "serve/metrics.h"

#include <stdio.h>
#include <stdlib.h>

static int
print(char *text)
{
	fputs(text, stdout);
	free(text);
	return MR_EXIT_OK;
}

static int
echo_file(const char *path)
{
	struct mr_config *config = mr_cli_config(path, NULL);
	int code = config ? print(mr_config_echo(config)) : MR_EXIT_CONFIG;

	mr_config_free(config);
	return code;
}

static int
echo_run(int argc, char **argv)
{
	const char *path = NULL;

	for (int i = 1; i < argc; i++) {
		if (argc == 2 && strcmp(argv[i], "--defaults") == 0)
			return print(mr_config_defaults());
		if (argc == 2 && strcmp(argv[i], "--reference") == 0)
			return print(mr_config_reference());
		if (argc == 2 && strcmp(argv[i], "--schema") == 0)
			return print(mr_config_json_schema());
		if (argc == 2 && strcmp(argv[i], "--metrics") == 0) {
			mr_metrics_reference(stdout);
			return MR_EXIT_OK;
		}
		if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			i++;
		else if (argv[i][0] == '-')
			return mr_cli_wrong(&mr_verb_echo, argv[i][1] == 'c' ? "%s: a file is missing" : "%s: no such option, or not with others",
			    argv[i]);
		if (path)
			return mr_cli_wrong(&mr_verb_echo, "takes one file, got '%s' too", argv[i]);
		path = argv[i];
	}
	if (path == NULL)
		return mr_cli_wrong(&mr_verb_echo, "which file? (or --defaults)");
	return echo_file(path);
}

const struct mr_verb mr_verb_echo = {
	.name = "echo",
	.help = "print the normalised configuration, or all defaults",
	.usage = "Usage: millrace echo [-c] FILE\n"
	         "       millrace echo --defaults | --reference | --schema | --metrics\n\n"
	         "Prints a configuration with every key in one order and one notation, defaults filled in and\n"
	         "secrets redacted. It loads to the same hash.\n\n"
	         "  --defaults    every parameter with its default, bounds and text, as YAML\n"
	         "  --reference   the same as a page in Markdown\n"
	         "  --schema      a JSON Schema of the configuration, for editors\n"
	         "  --metrics     every metric of `millrace run`, as a page in Markdown\n\n"
	         "Exit codes: 0 fine, 2 wrong usage, 78 the configuration is wrong.\n",
	.run = echo_run,
};
