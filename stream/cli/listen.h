// /metrics and /healthz of a running process, at serve.listen.
#ifndef MR_CLI_LISTEN_H
#define MR_CLI_LISTEN_H

#include "config/config.h"
#include "run/stats.h"
#include "serve/http.h"

// *http is NULL where serve.listen is off, too. False: the address can't be had; it was said on
// standard error. Stop it (mr_http_stop) before the stats are freed.
bool mr_cli_listen(const struct mr_config *, struct mr_stats *, bool quiet, struct mr_http **http);

#endif
