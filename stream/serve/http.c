#include "serve/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define CONNECTION_BYTES 16384   // of a request's head
#define IDLE_S 10

struct mr_http {
	struct mr_http_conf conf;
	struct MHD_Daemon *daemon;
	char address[300];
};

// ---- requests ----

static enum MHD_Result
answer(struct MHD_Connection *c, unsigned status, const char *type, char *body, size_t n, const char *allow)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(n, body, MHD_RESPMEM_MUST_FREE);

	if (r == NULL) {
		free(body);
		return MHD_NO;   // closes the connection
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	if (allow)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, allow);
	enum MHD_Result queued = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return queued;
}

static const struct mr_http_route *
route_of(const struct mr_http *h, const char *path)
{
	const struct mr_http_route *r = h->conf.routes;

	while (r->path && strcmp(r->path, path) != 0)
		r++;
	return r->path ? r : NULL;
}

static unsigned
render(const struct mr_http *h, const char *method, const char *path, FILE *out, const char **type, const char **allow)
{
	const struct mr_http_route *route = route_of(h, path);

	if (route == NULL) {
		fputs("not found; there is:", out);
		for (const struct mr_http_route *r = h->conf.routes; r->path; r++)
			fprintf(out, " %s", r->path);
		putc('\n', out);
		return MHD_HTTP_NOT_FOUND;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
		fputs("only GET and HEAD\n", out);
		*allow = "GET, HEAD";
		return MHD_HTTP_METHOD_NOT_ALLOWED;
	}
	*type = route->type;
	return (unsigned)route->render(h->conf.arg, out);
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *path, const char *method, const char *version,
    const char *upload, size_t *upload_size, void **state)
{
	const struct mr_http *h = arg;
	const char *type = "text/plain; charset=utf-8", *allow = NULL;
	char *body = NULL;
	size_t n = 0;

	(void)version, (void)upload, (void)upload_size, (void)state;
	FILE *out = open_memstream(&body, &n);
	if (out == NULL)
		return MHD_NO;
	unsigned status = render(h, method, path, out, &type, &allow);
	if (fclose(out) != 0) {
		free(body);
		return MHD_NO;
	}
	return answer(c, status, type, body, n, allow);
}

// ---- the socket ----

// "host:port", "[v6]:port" into two texts.
static bool
split(struct mr_str listen, char host[256], char port[8])
{
	const char *colon = listen.n ? memrchr(listen.p, ':', listen.n) : NULL;
	size_t n_host = colon ? (size_t)(colon - listen.p) : 0, n_port = colon ? listen.n - n_host - 1 : 0;
	const char *from = listen.p;

	if (n_host == 0 || n_host >= 256 || n_port == 0 || n_port >= 6)
		return false;
	if (n_host > 2 && from[0] == '[' && from[n_host - 1] == ']') {
		from++;
		n_host -= 2;
	}
	memcpy(host, from, n_host);
	host[n_host] = '\0';
	memcpy(port, colon + 1, n_port);
	port[n_port] = '\0';
	return true;
}

static int
bind_one(const struct addrinfo *a)
{
	const int yes = 1;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));   // not that of another listener: only its remains
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, CONNECTIONS_MAX) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

static int
open_socket(struct mr_str listen, char error[256])
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char host[256], port[8];
	int fd = -1;

	if (!split(listen, host, port)) {
		snprintf(error, 256, "'%.*s' is no ADDRESS:PORT", (int)(listen.n < 200 ? listen.n : 200), listen.p);
		return -1;
	}
	int failed = getaddrinfo(host, port, &hints, &found);
	if (failed) {
		snprintf(error, 256, "%.150s: %s", host, gai_strerror(failed));
		return -1;
	}
	for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
		fd = bind_one(a);
	if (fd < 0)
		snprintf(error, 256, "%.150s:%s: %s%s", host, port, strerror(errno),
		    errno == EADDRINUSE ? ": choose another port, or 0 for any free one, or off" : "");
	freeaddrinfo(found);
	return fd;
}

static void
name_address(struct mr_http *h, int fd)
{
	struct sockaddr_storage bound = {0};
	socklen_t n = sizeof(bound);
	char host[256], port[8];

	if (getsockname(fd, (struct sockaddr *)&bound, &n) != 0 ||
	    getnameinfo((struct sockaddr *)&bound, n, host, sizeof(host), port, sizeof(port),
	        NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	snprintf(h->address, sizeof(h->address), bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

struct mr_http *
mr_http_start(const struct mr_http_conf *conf, char error[256])
{
	MR_ASSERT(conf->routes != NULL && conf->routes[0].path != NULL);
	int fd = open_socket(conf->listen, error);
	if (fd < 0)
		return NULL;
	struct mr_http *h = calloc(1, sizeof(*h));
	MR_ASSERT(h != NULL);
	h->conf = *conf;
	name_address(h, fd);
	h->daemon = MHD_start_daemon(MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, h,
	    MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
	    MHD_OPTION_END);
	if (h->daemon)
		return h;
	snprintf(error, 256, "%.200s: the HTTP server can't be started", h->address);
	close(fd);
	free(h);
	return NULL;
}

void
mr_http_stop(struct mr_http *h)
{
	if (h == NULL)
		return;
	MHD_stop_daemon(h->daemon);   // closes the socket
	free(h);
}

const char *
mr_http_address(const struct mr_http *h)
{
	return h->address;
}
