// millrace version: what this binary is, and the libraries it runs with.
#include "cli/cli.h"

#include <hiredis/hiredis.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>

static int
version_run(int argc, char **argv)
{
	if (argc > 1)
		return mr_cli_wrong(&mr_verb_version, "takes no argument, got '%s'", argv[1]);
	printf("millrace %s (librdkafka %s, hiredis %d.%d.%d)\n", MR_VERSION, rd_kafka_version_str(), HIREDIS_MAJOR,
	    HIREDIS_MINOR, HIREDIS_PATCH);
	return MR_EXIT_OK;
}

const struct mr_verb mr_verb_version = {
	.name = "version",
	.help = "print the version",
	.usage = "Usage: millrace version\n\nPrints the version of millrace and of the libraries it runs with.\n",
	.run = version_run,
};
