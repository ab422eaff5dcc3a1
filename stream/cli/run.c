// millrace run: the stream itself.
#include "cli/cli.h"
#include "cli/listen.h"
#include "config/config.h"
#include "run/process.h"

#include <getopt.h>

static int
run(int argc, char **argv)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"quiet", no_argument, NULL, 'q'},
		{0},
	};
	const char *path = NULL;
	bool quiet = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:q", longs, NULL)) != -1) {
		if (c == 'c')
			path = optarg;
		else if (c == 'q')
			quiet = true;
		else
			return mr_cli_wrong(&mr_verb_run, "unknown option");
	}
	if (path == NULL || optind < argc)
		return mr_cli_wrong(&mr_verb_run, "needs a configuration: -c FILE");
	struct mr_config *config = mr_cli_config(path, &(struct mr_config_options){0});
	if (config == NULL)
		return MR_EXIT_CONFIG;
	struct mr_stats *stats = mr_stats_new();
	struct mr_http *http;
	bool ok = mr_cli_listen(config, stats, quiet, &http) &&
	    mr_process_run(&(struct mr_process_conf){.config = config, .stats = stats, .quiet = quiet});
	mr_http_stop(http);
	mr_stats_free(stats);
	mr_config_free(config);
	return ok ? MR_EXIT_OK : MR_EXIT_FAILED;
}

const struct mr_verb mr_verb_run = {
	.name = "run",
	.help = "read events from Kafka, keep profiles, publish actions",
	.usage =
	    "Usage: millrace run -c FILE [-q]\n\n"
	    "Joins the consumer group named by `app` and runs until SIGTERM or SIGINT.\n\n"
	    "  -c, --config FILE   the configuration\n"
	    "  -q, --quiet         log warnings and errors only\n",
	.run = run,
};
