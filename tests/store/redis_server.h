// A Redis of the test's own, on a socket in a scratch folder; it dies with the test.
#ifndef MR_TESTS_STORE_REDIS_SERVER_H
#define MR_TESTS_STORE_REDIS_SERVER_H

#include <hiredis.h>
#include <sys/types.h>

struct server {
	char dir[64], socket[96], url[128];
	pid_t pid;
};

// Skips the test where there is no redis-server. `args`: more arguments, NULL-terminated, or NULL.
void server_start(struct server *, const char *const *args);
void server_again(struct server *, const char *const *args);   // on the same folder
void server_kill(struct server *);                             // at once, as a crash
void server_stop(struct server *);                             // and removes the folder
void server_pause(struct server *, int paused);                // SIGSTOP, SIGCONT
// A command as an administrator; fails the test on an error. freeReplyObject it.
redisReply *server_ask(struct server *, const char *fmt, ...);
void server_do(struct server *, const char *fmt, ...);

#endif
