#include "cli/listen.h"

#include "run/clock.h"

#include <millrace/text.h>

static int
metrics(void *arg, FILE *out)
{
	mr_stats_render(arg, mr_wall_ms(&mr_clock_os), out);
	return 200;
}

static int
health(void *arg, FILE *out)
{
	return mr_stats_health(arg, mr_wall_ms(&mr_clock_os), out) ? 200 : 503;
}

bool
mr_cli_listen(const struct mr_config *config, struct mr_stats *stats, bool quiet, struct mr_http **http)
{
	static const struct mr_http_route routes[] = {
		{"/metrics", MR_METRICS_TYPE, metrics},
		{"/healthz", "text/plain; charset=utf-8", health},
		{0},
	};
	char error[256], time[25];

	*http = NULL;
	mr_stats_identity(stats, config->app, config->plan.hash, config->partition_metrics);
	if (config->listen.n == 0)
		return true;
	*http = mr_http_start(&(struct mr_http_conf){.listen = config->listen, .routes = routes, .arg = stats}, error);
	mr_time_format(time, mr_wall_ms(&mr_clock_os));
	if (*http == NULL)
		fprintf(stderr, "%s error serve.listen: %s\n", time, error);
	else if (!quiet)
		fprintf(stderr, "%s info metrics at http://%s/metrics, health at /healthz\n", time, mr_http_address(*http));
	return *http != NULL;
}
