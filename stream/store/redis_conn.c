// The connection: signing in, sending, receiving within a deadline, and what errors mean.
#include "store/redis.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int64_t
mr_redis_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

enum mr_store_status
mr_redis_because(struct mr_redis *r, enum mr_store_status status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->base.error, sizeof(r->base.error), fmt, ap);
	va_end(ap);
	return status;
}

// ---- arguments

void
mr_redis_args_reset(struct mr_redis_args *a)
{
	a->count = a->used = 0;
}

void
mr_redis_args_free(struct mr_redis_args *a)
{
	free(a->p);
	free(a->n);
	free(a->text);
}

void
mr_redis_args_add(struct mr_redis_args *a, struct mr_str s)
{
	if (a->count == a->room) {
		a->room = a->room ? a->room * 2 : 64;
		a->p = realloc(a->p, a->room * sizeof(*a->p));
		a->n = realloc(a->n, a->room * sizeof(*a->n));
		MR_ASSERT(a->p != NULL && a->n != NULL);
	}
	a->p[a->count] = s.p ? s.p : "";
	a->n[a->count++] = s.n;
}

// The buffer may move: what was copied into it before is pointed to anew.
static char *
text_room(struct mr_redis_args *a, size_t n)
{
	if (n > a->size - a->used) {
		size_t size = (a->size + n) * 2;
		char *text = malloc(size);
		MR_ASSERT(text != NULL);
		if (a->used)
			memcpy(text, a->text, a->used);
		for (size_t i = 0; i < a->count; i++)
			if (a->p[i] >= a->text && a->p[i] < a->text + a->size)
				a->p[i] = text + (a->p[i] - a->text);
		free(a->text);
		a->text = text;
		a->size = size;
	}
	char *p = a->text + a->used;
	a->used += n;
	return p;
}

void
mr_redis_args_copy(struct mr_redis_args *a, struct mr_str x, struct mr_str y)
{
	char *p = text_room(a, x.n + y.n + 1);

	if (x.n)
		memcpy(p, x.p, x.n);
	if (y.n)
		memcpy(p + x.n, y.p, y.n);
	mr_redis_args_add(a, (struct mr_str){p, x.n + y.n});
}

void
mr_redis_args_number(struct mr_redis_args *a, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	mr_redis_args_copy(a, mr_str_of(text), (struct mr_str){0});
}

// ---- sending and receiving

void
mr_redis_disconnect(struct mr_redis *r)
{
	if (r->c)
		redisFree(r->c);
	r->c = NULL;
}

// Keeps what went wrong, and lets the connection go: a late answer would be taken for another's.
static void
broken(struct mr_redis *r, const char *what)
{
	mr_redis_because(r, MR_STORE_DOWN, "Redis: %s", r->c && r->c->err ? r->c->errstr : what);
	mr_redis_disconnect(r);
}

bool
mr_redis_append(struct mr_redis *r)
{
	MR_ASSERT(r->c != NULL && r->args.count > 0);
	if (redisAppendCommandArgv(r->c, (int)r->args.count, r->args.p, r->args.n) == REDIS_OK)
		return true;
	broken(r, "out of memory");
	return false;
}

static bool
wait_for(struct mr_redis *r, short events, int64_t deadline)
{
	struct pollfd p = {.fd = r->c->fd, .events = events};
	int n;

	do {
		int64_t left = deadline - mr_redis_now_ms();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

bool
mr_redis_send(struct mr_redis *r, int64_t deadline)
{
	int done = 0;

	while (!done) {
		if (!r->tls && !wait_for(r, POLLOUT, deadline)) {
			broken(r, "no progress in sending within the time-out");
			return false;
		}
		if (redisBufferWrite(r->c, &done) != REDIS_OK) {
			broken(r, "sending failed");
			return false;
		}
	}
	return true;
}

// Inside TLS, bytes may be waiting that the socket doesn't show.
bool
mr_redis_ready(struct mr_redis *r)
{
	return r->c == NULL || r->tls || wait_for(r, POLLIN, 0);
}

redisReply *
mr_redis_receive(struct mr_redis *r, int64_t deadline)
{
	void *reply = NULL;

	while (redisGetReplyFromReader(r->c, &reply) == REDIS_OK && reply == NULL) {
		// TLS: see above; its own time-out bounds that.
		if (!r->tls && !wait_for(r, POLLIN, deadline)) {
			broken(r, "no answer within the time-out");
			return NULL;
		}
		if (redisBufferRead(r->c) != REDIS_OK) {
			broken(r, "connection lost");
			return NULL;
		}
	}
	if (reply == NULL)
		broken(r, "malformed answer");
	return reply;
}

// ---- errors

// Also inside a script's error, where older servers wrap what the command said.
bool
mr_redis_is_error(const redisReply *reply, const char *code)
{
	char wrapped[32];
	size_t n = strlen(code);

	if (reply->type != REDIS_REPLY_ERROR)
		return false;
	if (strncmp(reply->str, code, n) == 0 && (reply->str[n] == ' ' || reply->str[n] == '\0'))
		return true;
	snprintf(wrapped, sizeof(wrapped), "-%s ", code);
	return strstr(reply->str, wrapped) != NULL;
}

static const char *
permission_advice(const redisReply *reply)
{
	static const char *const signs[] = {"can't run this command", "can't access at least one of the keys",
	    "o permissions to access a key"};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (strstr(reply->str, signs[i]))
			return "allow this user ~{<app>.* and +evalsha +eval +script|load +info +mget +mset +del +hset +hget "
			    "+hmget +zadd +zrem +zcard +zmscore +zrangebyscore";
	return NULL;
}

enum mr_store_status
mr_redis_refused(struct mr_redis *r, const redisReply *reply)
{
	static const struct { const char *code, *advice; } fatal[] = {
		{"WRONGPASS", "check the user name and password"},
		{"NOAUTH", "Redis wants a password: give one in the address or a password file"},
		{"NOPERM", "allow this user ~{<app>.* and +evalsha +eval +script|load +info +mget +mset +del +hset +hget "
		    "+hmget +zadd +zrem +zcard +zmscore +zrangebyscore"},
		{"WRONGTYPE", "a key under this app's prefix is used by something else"},
		{"MOVED", "this is a Redis Cluster, which is not supported yet"},
		{"CROSSSLOT", "this is a Redis Cluster, which is not supported yet"},
	}, down[] = {
		{"LOADING", "it is loading its data"}, {"READONLY", "this is a replica: point the address at the primary"},
		{"OOM", "raise maxmemory, or lower what users keep"}, {"MISCONF", "it can't persist: look at its disk"},
		{"NOREPLICAS", "too few replicas are in step"}, {"BUSY", "a script of somebody else is running"},
		{"MASTERDOWN", "its primary is away"}, {"CLUSTERDOWN", "the cluster is down"}, {"TRYAGAIN", "slots are moving"},
	};
	const char *advice = permission_advice(reply);

	MR_ASSERT(reply->type == REDIS_REPLY_ERROR);
	for (size_t i = 0; !advice && i < sizeof(fatal) / sizeof(fatal[0]); i++)
		if (mr_redis_is_error(reply, fatal[i].code))
			advice = fatal[i].advice;
	if (advice || strstr(reply->str, "invalid password") || strstr(reply->str, "AUTH"))
		return mr_redis_because(r, MR_STORE_FATAL, "Redis: %.90s: %s", reply->str, advice ? advice : "check user name and password");
	for (size_t i = 0; i < sizeof(down) / sizeof(down[0]); i++)
		if (mr_redis_is_error(reply, down[i].code)) {
			mr_redis_disconnect(r); // another server may answer at that address next time
			return mr_redis_because(r, MR_STORE_DOWN, "Redis: %s", down[i].advice);
		}
	if (strstr(reply->str, "max number of clients")) {
		mr_redis_disconnect(r);
		return mr_redis_because(r, MR_STORE_DOWN, "Redis: it has no room for another client: raise maxclients");
	}
	return mr_redis_because(r, MR_STORE_FATAL, "Redis refused: %.200s", reply->str);
}

// ---- signing in

static enum mr_store_status
password(struct mr_redis *r, char *out, size_t size)
{
	snprintf(out, size, "%s", r->url.password);
	if (r->password_file == NULL)
		return MR_STORE_OK;
	int fd = open(r->password_file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
	if (n < 0)
		mr_redis_because(r, MR_STORE_FATAL, "password file %s: %s", r->password_file, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return MR_STORE_FATAL;
	while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == '\r'))
		n--;
	out[n] = '\0';
	return MR_STORE_OK;
}

// Sends what args hold and looks for an error.
static enum mr_store_status
simple(struct mr_redis *r, int64_t deadline)
{
	if (!mr_redis_append(r) || !mr_redis_send(r, deadline))
		return MR_STORE_DOWN;
	redisReply *reply = mr_redis_receive(r, deadline);
	if (reply == NULL)
		return MR_STORE_DOWN;
	enum mr_store_status status = reply->type == REDIS_REPLY_ERROR ? mr_redis_refused(r, reply) : MR_STORE_OK;
	freeReplyObject(reply);
	return status;
}

static enum mr_store_status
sign_in(struct mr_redis *r, int64_t deadline)
{
	char secret[512];
	enum mr_store_status status = password(r, secret, sizeof(secret));

	if (status == MR_STORE_OK && secret[0]) {
		mr_redis_args_reset(&r->args);
		mr_redis_args_add(&r->args, MR_LIT("AUTH"));
		if (r->url.user[0])
			mr_redis_args_add(&r->args, mr_str_of(r->url.user));
		mr_redis_args_add(&r->args, mr_str_of(secret));
		status = simple(r, deadline);
	}
	explicit_bzero(secret, sizeof(secret));
	if (status == MR_STORE_OK && r->url.db > 0) {
		mr_redis_args_reset(&r->args);
		mr_redis_args_add(&r->args, MR_LIT("SELECT"));
		mr_redis_args_number(&r->args, r->url.db);
		status = simple(r, deadline);
	}
	return status;
}

enum mr_store_status
mr_redis_load(struct mr_redis *r, int64_t deadline)
{
	for (int i = 0; i < MR_REDIS_SCRIPTS; i++) {
		mr_redis_args_reset(&r->args);
		mr_redis_args_add(&r->args, MR_LIT("SCRIPT"));
		mr_redis_args_add(&r->args, MR_LIT("LOAD"));
		mr_redis_args_add(&r->args, mr_str_of(mr_redis_script((enum mr_redis_script)i)));
		if (!mr_redis_append(r))
			return MR_STORE_DOWN;
	}
	if (!mr_redis_send(r, deadline))
		return MR_STORE_DOWN;
	enum mr_store_status status = MR_STORE_OK;
	for (int i = 0; i < MR_REDIS_SCRIPTS; i++) {
		redisReply *reply = r->c ? mr_redis_receive(r, deadline) : NULL;
		if (reply == NULL)
			return status == MR_STORE_OK ? MR_STORE_DOWN : status;
		if (reply->type == REDIS_REPLY_ERROR)
			status = mr_redis_refused(r, reply);
		else if (reply->type == REDIS_REPLY_STRING && reply->len == 40)
			memcpy(r->sha[i], reply->str, 41);
		else
			status = mr_redis_because(r, MR_STORE_FATAL, "Redis: SCRIPT LOAD gave an odd answer");
		freeReplyObject(reply);
	}
	return status;
}

// hiredis writes with write(2): a server that has gone would end the process by a signal.
static void
ignore_sigpipe(void)
{
	struct sigaction now;

	if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

enum mr_store_status
mr_redis_connect(struct mr_redis *r, int64_t deadline)
{
	int64_t left = deadline - mr_redis_now_ms();
	struct timeval tv = {.tv_sec = left > 0 ? left / 1000 : 0, .tv_usec = left > 0 ? left % 1000 * 1000 : 1000};

	if (r->c)
		return MR_STORE_OK;
	ignore_sigpipe();
	r->c = r->url.kind == MR_STORE_URL_UNIX ? redisConnectUnixWithTimeout(r->url.host, tv)
	    : redisConnectWithTimeout(r->url.host, r->url.port, tv);
	if (r->c == NULL || r->c->err) {
		mr_redis_because(r, MR_STORE_DOWN, "Redis at %s: %s", r->url.host, r->c ? r->c->errstr : "out of memory");
		mr_redis_disconnect(r);
		return MR_STORE_DOWN;
	}
	redisSetTimeout(r->c, tv);
#ifdef MR_REDIS_TLS
	if (r->url.kind == MR_STORE_URL_REDISS && !mr_redis_tls_start(r)) {
		broken(r, "TLS failed");
		return MR_STORE_DOWN;
	}
#endif
	enum mr_store_status status = sign_in(r, deadline);
	if (status == MR_STORE_OK)
		status = mr_redis_load(r, deadline);
	if (status != MR_STORE_OK)
		mr_redis_disconnect(r);
	return status;
}
