#include "config/config.h"

#include "cli/cli.h"
#include "kafka/conf.h"

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

struct mr_kafka_property *
mr_cli_kafka_properties(const struct mr_config *config)
{
	struct mr_kafka_property *properties = calloc(config->n_kafka + 1, sizeof(*properties));

	MR_ASSERT(properties != NULL);
	for (uint32_t i = 0; i < config->n_kafka; i++)
		properties[i] = (struct mr_kafka_property){config->kafka[i].name, config->kafka[i].value};
	return properties;
}
