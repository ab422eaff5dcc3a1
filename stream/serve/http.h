// A small HTTP server for people and machines that watch: each path is rendered by a function.
// Thread: start and stop by their caller; render functions run on the server's one thread.
#ifndef MR_SERVE_HTTP_H
#define MR_SERVE_HTTP_H

#include <millrace/base.h>

#include <stdio.h>

struct mr_http;

struct mr_http_route {
	const char *path;                        // "/metrics"
	const char *type;                        // content type
	int (*render)(void *arg, FILE *out);     // writes the body; returns the status: 200, 503
};

struct mr_http_conf {
	struct mr_str listen;                    // "127.0.0.1:9464", "[::1]:0", "localhost:9464"; port 0: any free one
	const struct mr_http_route *routes;      // end with a NULL path; live as long as the server
	void *arg;
};

// NULL with a text where the address is wrong, or taken.
struct mr_http *mr_http_start(const struct mr_http_conf *, char error[256]);
void mr_http_stop(struct mr_http *);                  // NULL: nothing
const char *mr_http_address(const struct mr_http *);  // "127.0.0.1:9464", with the port that was chosen

#endif
