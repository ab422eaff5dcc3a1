#include "redis_server.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void
run(struct server *s, const char *const *args)
{
	const char *argv[32] = {"redis-server", "--port", "0", "--unixsocket", s->socket, "--dir", s->dir, "--save", "",
	    "--daemonize", "no", "--logfile", "log"};
	int n = 13;

	for (; args && *args; args++)
		argv[n++] = *args;
	s->pid = fork();
	cr_assert_geq(s->pid, 0);
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	for (int i = 0; i < 500; i++) {
		redisContext *c = redisConnectUnix(s->socket);
		int up = c && !c->err;
		if (c)
			redisFree(c);
		if (up)
			return;
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid) {
			s->pid = 0;
			cr_assert_fail("redis-server ended at once: see %s/log", s->dir);
		}
		usleep(10000);
	}
	cr_assert_fail("redis-server did not come up");
}

void
server_start(struct server *s, const char *const *args)
{
	if (access("/usr/bin/redis-server", X_OK) != 0)
		cr_skip_test("redis-server is not installed");
	snprintf(s->dir, sizeof(s->dir), "/tmp/millrace-redis-XXXXXX");
	cr_assert_not_null(mkdtemp(s->dir));
	snprintf(s->socket, sizeof(s->socket), "%s/s", s->dir);
	snprintf(s->url, sizeof(s->url), "unix://%s", s->socket);
	run(s, args);
}

void
server_again(struct server *s, const char *const *args)
{
	run(s, args);
}

void
server_kill(struct server *s)
{
	if (s->pid == 0)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
	unlink(s->socket);
}

void
server_pause(struct server *s, int paused)
{
	kill(s->pid, paused ? SIGSTOP : SIGCONT);
}

void
server_stop(struct server *s)
{
	char command[128];

	server_kill(s);
	snprintf(command, sizeof(command), "rm -rf '%s'", s->dir);
	cr_assert_eq(system(command), 0);
}

static redisReply *
ask(struct server *s, const char *fmt, va_list ap)
{
	redisContext *c = redisConnectUnix(s->socket);

	cr_assert(c && !c->err);
	redisReply *reply = redisvCommand(c, fmt, ap);
	cr_assert_not_null(reply);
	cr_assert_neq(reply->type, REDIS_REPLY_ERROR, "%s: %s", fmt, reply->str);
	redisFree(c);
	return reply;
}

redisReply *
server_ask(struct server *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	redisReply *reply = ask(s, fmt, ap);
	va_end(ap);
	return reply;
}

void
server_do(struct server *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	freeReplyObject(ask(s, fmt, ap));
	va_end(ap);
}
