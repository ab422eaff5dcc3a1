// The HTTP server, by a real socket.
#include "serve/http.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int
metrics(void *arg, FILE *out)
{
	(void)arg;
	fputs("a 1\n", out);
	return 200;
}

static int
health(void *arg, FILE *out)
{
	bool good = *(bool *)arg;

	fputs(good ? "ok\n" : "partition 3 is being taken over\n", out);
	return good ? 200 : 503;
}

static const struct mr_http_route routes[] = {{"/metrics", "text/x; v=1", metrics}, {"/healthz", "text/plain", health}, {0}};

static struct mr_http *
start(const char *listen, bool *good, char error[256])
{
	return mr_http_start(&(struct mr_http_conf){mr_str_of(listen), routes, good}, error);
}

// What comes back for `request`, which may be anything.
static void
ask(const struct mr_http *h, const char *request, char *answer, size_t size)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval patience = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t n = 0;

	to.sin_port = htons((uint16_t)atoi(strrchr(mr_http_address(h), ':') + 1));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	cr_assert_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	for (ssize_t got; n < size - 1 && (got = read(fd, answer + n, size - 1 - n)) > 0;)
		n += (size_t)got;
	answer[n] = '\0';
	close(fd);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

Test(http, answers_what_the_routes_render)
{
	char error[256] = "", answer[4096];
	bool good = true;
	struct mr_http *h = start("127.0.0.1:0", &good, error);

	cr_assert(h != NULL, "%s", error);
	cr_expect(strncmp(mr_http_address(h), "127.0.0.1:", 10) == 0 && strcmp(mr_http_address(h), "127.0.0.1:0") != 0);
	ask(h, GET("/metrics"), answer, sizeof(answer));
	cr_expect(strncmp(answer, "HTTP/1.1 200 ", 13) == 0, "%s", answer);
	cr_expect(strstr(answer, "Content-Type: text/x; v=1\r\n") != NULL, "%s", answer);
	cr_expect(strstr(answer, "\r\n\r\na 1\n") != NULL, "%s", answer);
	mr_http_stop(h);
}

Test(http, health_is_200_or_503)
{
	char error[256] = "", answer[4096];
	bool good = true;
	struct mr_http *h = start("127.0.0.1:0", &good, error);

	ask(h, GET("/healthz"), answer, sizeof(answer));
	cr_expect(strncmp(answer, "HTTP/1.1 200 ", 13) == 0, "%s", answer);
	good = false;
	ask(h, GET("/healthz?verbose"), answer, sizeof(answer));
	cr_expect(strncmp(answer, "HTTP/1.1 503 ", 13) == 0, "%s", answer);
	cr_expect(strstr(answer, "\r\n\r\npartition 3 is being taken over\n") != NULL, "%s", answer);
	mr_http_stop(h);
}

Test(http, other_paths_and_methods_are_refused)
{
	char error[256] = "", answer[4096];
	bool good = true;
	struct mr_http *h = start("127.0.0.1:0", &good, error);

	ask(h, GET("/"), answer, sizeof(answer));
	cr_expect(strncmp(answer, "HTTP/1.1 404 ", 13) == 0, "%s", answer);
	ask(h, GET("/metrics/"), answer, sizeof(answer));
	cr_expect(strncmp(answer, "HTTP/1.1 404 ", 13) == 0, "%s", answer);
	ask(h, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", answer, sizeof(answer));
	cr_expect(strncmp(answer, "HTTP/1.1 405 ", 13) == 0, "%s", answer);
	cr_expect(strstr(answer, "Allow: GET, HEAD\r\n") != NULL, "%s", answer);
	ask(h, "DELETE /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer, sizeof(answer));
	cr_expect(strncmp(answer, "HTTP/1.1 405 ", 13) == 0, "%s", answer);
	ask(h, "HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer, sizeof(answer));
	cr_expect(strncmp(answer, "HTTP/1.1 200 ", 13) == 0 && strstr(answer, "a 1") == NULL, "%s", answer);
	mr_http_stop(h);
}

Test(http, noise_does_no_harm)
{
	char error[256] = "", answer[4096], *head = malloc(200000);
	bool good = true;
	struct mr_http *h = start("127.0.0.1:0", &good, error);

	ask(h, "\x16\x03\x01 no HTTP at all\r\n\r\n", answer, sizeof(answer));
	cr_expect(strstr(answer, " 200 ") == NULL, "%s", answer);
	// A head over the bound; the server may close before all of it is written.
	strcpy(head, "GET /metrics HTTP/1.1\r\nHost: ");
	memset(head + strlen(head), 'x', 30000);
	head[30029] = '\0';
	strcat(head, "\r\n\r\n");
	ask(h, head, answer, sizeof(answer));
	cr_expect(strstr(answer, " 200 ") == NULL, "%s", answer);
	ask(h, GET("/metrics"), answer, sizeof(answer));
	cr_expect(strncmp(answer, "HTTP/1.1 200 ", 13) == 0, "%s", answer);
	free(head);
	mr_http_stop(h);
}

Test(http, a_port_in_use_is_said)
{
	char error[256] = "";
	bool good = true;
	struct mr_http *h = start("127.0.0.1:0", &good, error);

	cr_expect(start(mr_http_address(h), &good, error) == NULL);
	cr_expect(strstr(error, mr_http_address(h)) && strstr(error, "in use") && strstr(error, "another port"), "%s", error);
	char address[300];
	snprintf(address, sizeof(address), "%s", mr_http_address(h));
	mr_http_stop(h);
	struct mr_http *again = start(address, &good, error);   // free at once after a stop
	cr_expect(again != NULL, "%s", error);
	mr_http_stop(again);
}

Test(http, a_wrong_address_is_said)
{
	static const char *const wrong[] = {"", "9464", ":9464", "127.0.0.1:", "127.0.0.1:123456", "no.such.host.invalid:1", "192.0.2.1:1"};
	bool good = true;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char error[256] = "";
		cr_expect(start(wrong[i], &good, error) == NULL, "%s", wrong[i]);
		cr_expect(error[0] != '\0', "%s", wrong[i]);
	}
	mr_http_stop(NULL);
}

Test(http, a_version_6_address_has_brackets)
{
	char error[256] = "";
	bool good = true;
	struct mr_http *h = start("[::1]:0", &good, error);

	if (h == NULL)
		cr_skip_test("no IPv6 here: %s", error);
	cr_expect(strncmp(mr_http_address(h), "[::1]:", 6) == 0, "%s", mr_http_address(h));
	mr_http_stop(h);
}
