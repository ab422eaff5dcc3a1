// The suite over Redis, and what only a server can do: die, forget, refuse, go back in time.
#include "redis_server.h"
#include "suite.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct server server;

static void
up(void)
{
	server_start(&server, NULL);
}

static void
down(void)
{
	if (server.dir[0])
		server_stop(&server);
}

TestSuite(redis, .init = up, .fini = down, .timeout = 60);

static struct mr_store *
open_url(const char *url, int64_t timeout_ms)
{
	struct mr_store_conf conf = {.url = mr_str_of(url), .app = MR_LIT("shop"), .timeout_ms = timeout_ms};
	char error[256];
	struct mr_store *st = mr_store_open(&conf, error);

	cr_assert_not_null(st, "%s", error);
	return st;
}

static struct mr_store *
open_redis(struct backend *b)
{
	(void)b;
	return open_url(server.url, 5000);
}

#define T(name) \
	Test(redis, name) \
	{ \
		struct backend b = {open_redis, NULL}; \
		store_suite_##name(&b); \
	}
STORE_SUITE(T)

#define IS(status, st, call) do { \
	enum mr_store_status got_ = (call); \
	cr_assert_eq(got_, (status), "%s: %s", mr_store_status_name(got_), (st)->error); \
} while (0)
#define OK(st, call) IS(MR_STORE_OK, st, call)
#define SAYS(st, text) cr_assert_not_null(strstr((st)->error, (text)), "%s", (st)->error)

static struct mr_store *
taken(const char *url)
{
	struct mr_store *st = open_url(url, 1000);
	struct mr_store_meta meta;

	OK(st, st->ops->take(st, 0, 1, &meta));
	return st;
}

static enum mr_store_status
put(struct mr_store *st, uint64_t w, const char *user, const char *bytes)
{
	struct mr_page page = page_of(user, bytes, w, INT64_MAX);

	return mr_store_write(st, 0, 1, w, &page, 1, w);
}

static enum mr_store_status
get(struct mr_store *st, uint64_t w, const char *user, struct mr_page *page)
{
	static struct mr_str u;

	u = mr_str_of(user);
	enum mr_store_status status = st->ops->read_send(st, 0, 1, w, &u, 1);
	return status == MR_STORE_OK ? st->ops->read_wait(st, page, 1) : status;
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

Test(redis, what_others_see)
{
	struct mr_store *st = taken(server.url);
	struct mr_page pages[] = {page_of("u1", "\x81x", 1, 500), tomb_of("u2", 9)};

	OK(st, mr_store_write(st, 0, 1, 1, pages, 2, 3));
	redisReply *reply = server_ask(&server, "GET {shop.0}:u:u1");
	cr_assert(reply->len == 2 && memcmp(reply->str, "\x81x", 2) == 0);
	freeReplyObject(reply);
	reply = server_ask(&server, "HGETALL {shop.0}:meta");
	cr_assert_eq(reply->elements, 6, "epoch, w, seq");
	freeReplyObject(reply);
	reply = server_ask(&server, "ZSCORE {shop.0}:due u1");
	cr_assert_str_eq(reply->str, "500");
	freeReplyObject(reply);
	reply = server_ask(&server, "KEYS *");
	cr_assert_eq(reply->elements, 5, "meta, due, tomb and two users: no probe is left");
	freeReplyObject(reply);
	mr_store_close(st);
}

Test(redis, a_server_that_is_away_is_down_and_comes_back)
{
	struct mr_store *st = taken(server.url);
	struct mr_page page;
	uint64_t w;

	server_kill(&server);
	IS(MR_STORE_DOWN, st, get(st, 0, "a", &page));
	IS(MR_STORE_DOWN, st, put(st, 1, "a", "\x81x"));
	IS(MR_STORE_DOWN, st, st->ops->position(st, 0, 1, &w));
	cr_assert_neq(st->error[0], '\0');
	server_again(&server, NULL);
	IS(MR_STORE_BEHIND, st, st->ops->position(st, 0, 1, &w)); // it came back empty
	mr_store_close(st);
}

Test(redis, killed_between_send_and_wait)
{
	struct mr_store *st = taken(server.url);
	struct mr_str u = MR_LIT("a");
	struct mr_page page;

	OK(st, st->ops->read_send(st, 0, 1, 0, &u, 1));
	server_pause(&server, 1);
	OK(st, MR_STORE_OK);
	server_kill(&server);
	// The answer may have come before it was stopped.
	enum mr_store_status status = st->ops->read_wait(st, &page, 1);
	cr_assert(status == MR_STORE_DOWN || status == MR_STORE_OK);
	mr_store_close(st);
}

Test(redis, a_server_that_hangs_costs_a_timeout_and_a_write_is_unknown)
{
	struct mr_store *st = taken(server.url);
	struct mr_page page;
	uint64_t w;

	server_pause(&server, 1);
	int64_t before = now_ms();
	IS(MR_STORE_UNKNOWN, st, put(st, 1, "a", "\x81x"));
	cr_assert(now_ms() - before < 1500 && now_ms() - before >= 900);
	server_pause(&server, 0);
	OK(st, st->ops->position(st, 0, 1, &w));
	cr_assert_leq(w, 1, "it is ours, or one less");
	OK(st, put(st, w + 1, "a", "\x81y"));
	OK(st, get(st, w + 1, "a", &page));
	server_pause(&server, 1);
	IS(MR_STORE_DOWN, st, get(st, w + 1, "a", &page));
	server_pause(&server, 0);
	OK(st, get(st, w + 1, "a", &page));
	cr_assert(mr_str_eq(page.bytes, MR_LIT("\x81y")));
	mr_store_close(st);
}

Test(redis, a_crash_loses_the_last_chunks_and_that_is_noticed)
{
	static const char *const aof[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
	struct mr_store *st;
	struct mr_page page;
	uint64_t w;
	char command[256];

	server_kill(&server);
	server_again(&server, aof);
	st = taken(server.url);
	OK(st, put(st, 1, "a", "\x81x"));
	snprintf(command, sizeof(command), "cp -r '%s/appendonlydir' '%s/old'", server.dir, server.dir);
	cr_assert_eq(system(command), 0);
	OK(st, put(st, 2, "a", "\x81y"));
	server_kill(&server);
	snprintf(command, sizeof(command), "rm -rf '%s/appendonlydir' && mv '%s/old' '%s/appendonlydir'", server.dir, server.dir, server.dir);
	cr_assert_eq(system(command), 0);
	server_again(&server, aof);
	enum mr_store_status status = get(st, 2, "a", &page);
	for (int i = 0; i < 100 && status == MR_STORE_DOWN; i++) { // the old connection ended; it loads its data
		usleep(10000);
		status = get(st, 2, "a", &page);
	}
	IS(MR_STORE_BEHIND, st, status);
	IS(MR_STORE_BEHIND, st, put(st, 3, "a", "\x81z"));
	OK(st, st->ops->position(st, 0, 1, &w));
	cr_assert_eq(w, 1);
	OK(st, get(st, 1, "a", &page));
	cr_assert(mr_str_eq(page.bytes, MR_LIT("\x81x")));
	mr_store_close(st);
}

Test(redis, emptied)
{
	struct mr_store *st = taken(server.url);
	struct mr_page page;
	struct mr_store_meta meta;

	OK(st, put(st, 1, "a", "\x81x"));
	server_do(&server, "FLUSHALL");
	IS(MR_STORE_BEHIND, st, get(st, 1, "a", &page));
	IS(MR_STORE_BEHIND, st, put(st, 2, "a", "\x81x"));
	OK(st, st->ops->take(st, 0, 1, &meta));
	cr_assert(meta.epoch == 0 && meta.seq == 0);
	mr_store_close(st);
}

Test(redis, forgotten_scripts_are_sent_again)
{
	struct mr_store *st = taken(server.url);
	struct mr_store_meta meta;
	struct mr_page page;
	struct mr_due due;
	uint64_t w;
	size_t n;

	server_do(&server, "SCRIPT FLUSH");
	OK(st, put(st, 1, "a", "\x81x"));
	server_do(&server, "SCRIPT FLUSH");
	OK(st, get(st, 1, "a", &page));
	cr_assert_eq(page.bytes.n, 2);
	server_do(&server, "SCRIPT FLUSH");
	OK(st, st->ops->due(st, 0, 1, 1, INT64_MIN, 5, &due, 1, &n));
	server_do(&server, "SCRIPT FLUSH");
	OK(st, st->ops->position(st, 0, 1, &w));
	server_do(&server, "SCRIPT FLUSH");
	OK(st, st->ops->take(st, 0, 2, &meta));
	server_do(&server, "SCRIPT FLUSH");
	OK(st, st->ops->set_build(st, 0, 2, MR_LIT("b")));
	mr_store_close(st);
}

Test(redis, out_of_memory_refuses_the_whole_chunk)
{
	struct mr_store *st = taken(server.url);
	struct mr_page pages[] = {page_of("a", "\x81y", 2, 5), tomb_of("b", 2)}, page;
	uint64_t w;

	OK(st, put(st, 1, "a", "\x81x"));
	server_do(&server, "CONFIG SET maxmemory 100kb");
	IS(MR_STORE_DOWN, st, mr_store_write(st, 0, 1, 2, pages, 2, 2));
	SAYS(st, "maxmemory");
	IS(MR_STORE_DOWN, st, mr_store_write(st, 0, 1, 2, NULL, 0, 2));
	OK(st, st->ops->position(st, 0, 1, &w));
	cr_assert_eq(w, 1);
	OK(st, get(st, 1, "a", &page));
	cr_assert(mr_str_eq(page.bytes, MR_LIT("\x81x")));
	redisReply *reply = server_ask(&server, "EXISTS {shop.0}:due {shop.0}:tomb {shop.0}:u:b");
	cr_assert_eq(reply->integer, 0);
	freeReplyObject(reply);
	server_do(&server, "CONFIG SET maxmemory 0");
	OK(st, mr_store_write(st, 0, 1, 2, pages, 2, 2));
	mr_store_close(st);
}

Test(redis, a_replica_refuses)
{
	struct mr_store *st = taken(server.url);
	struct mr_store_meta meta;

	server_do(&server, "REPLICAOF 127.0.0.1 1");
	IS(MR_STORE_DOWN, st, put(st, 1, "a", "\x81x"));
	SAYS(st, "replica");
	IS(MR_STORE_DOWN, st, st->ops->take(st, 0, 2, &meta));
	IS(MR_STORE_DOWN, st, st->ops->check(st));
	SAYS(st, "primary");
	server_do(&server, "REPLICAOF NO ONE");
	OK(st, put(st, 1, "a", "\x81x"));
	mr_store_close(st);
}

Test(redis, a_key_of_somebody_else_stops_the_chunk)
{
	struct mr_store *st = taken(server.url);
	uint64_t w;

	server_do(&server, "SET {shop.0}:due x");
	IS(MR_STORE_FATAL, st, put(st, 1, "a", "\x81x"));
	SAYS(st, "something else");
	redisReply *reply = server_ask(&server, "EXISTS {shop.0}:u:a");
	cr_assert_eq(reply->integer, 0);
	freeReplyObject(reply);
	OK(st, st->ops->position(st, 0, 1, &w));
	cr_assert_eq(w, 0);
	mr_store_close(st);
}

// ---- signing in

static void
url_as(const char *user, char *out, size_t size)
{
	snprintf(out, size, "unix://%s@%s", user, server.socket);
}

Test(redis, passwords)
{
	char url[160], file[96];
	struct mr_store_meta meta;

	server_do(&server, "ACL SETUSER default >secret1");
	struct mr_store *st = open_url(server.url, 1000);
	IS(MR_STORE_FATAL, st, st->ops->take(st, 0, 1, &meta));
	SAYS(st, "password");
	mr_store_close(st);
	url_as(":wrong99", url, sizeof(url));
	st = open_url(url, 1000);
	IS(MR_STORE_FATAL, st, st->ops->check(st));
	cr_assert_null(strstr(st->error, "wrong99"));
	SAYS(st, "password");
	mr_store_close(st);
	url_as(":secret1", url, sizeof(url));
	st = open_url(url, 1000);
	OK(st, st->ops->take(st, 0, 1, &meta));
	mr_store_close(st);
	snprintf(file, sizeof(file), "%s/password", server.dir);
	struct mr_store_conf conf = {.url = mr_str_of(server.url), .app = MR_LIT("shop"), .timeout_ms = 1000,
	    .password_file = mr_str_of(file)};
	char error[256];
	st = mr_store_open(&conf, error);
	IS(MR_STORE_FATAL, st, st->ops->take(st, 0, 1, &meta));
	SAYS(st, file);
	FILE *f = fopen(file, "w");
	fputs("secret1\n", f);
	fclose(f);
	OK(st, st->ops->take(st, 0, 1, &meta));
	mr_store_close(st);
}

Test(redis, least_privilege_suffices_and_less_is_said)
{
	static const char rights[] = "ACL SETUSER mill on >pw ~{shop.* +evalsha +eval +script|load +info +mget +mset +del "
	    "+hset +hget +hmget +zadd +zrem +zcard +zmscore +zrangebyscore +select";
	char url[160];
	struct mr_store_meta meta;
	struct mr_page page;
	struct mr_due due;
	uint64_t w;
	size_t n;

	url_as("mill:pw", url, sizeof(url));
	server_do(&server, rights);
	struct mr_store *st = taken(url);
	struct mr_page pages[] = {page_of("a", "\x81x", 1, 5), tomb_of("b", 1)};
	OK(st, mr_store_write(st, 0, 1, 1, pages, 2, 0));
	OK(st, mr_store_write(st, 0, 1, 2, NULL, 0, 5));
	OK(st, get(st, 2, "a", &page));
	OK(st, st->ops->due(st, 0, 1, 2, INT64_MIN, 5, &due, 1, &n));
	OK(st, st->ops->position(st, 0, 1, &w));
	OK(st, st->ops->set_cluster(st, 0, 1, MR_LIT("c")));
	OK(st, st->ops->check(st));
	// each right that is missing is noticed when the task is taken, and nothing is taken
	static const char *const needed[] = {"mget", "mset", "del", "hset", "hmget", "zadd", "zrem", "zcard", "zmscore", "zrangebyscore"};
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		server_do(&server, "ACL SETUSER mill -%s", needed[i]);
		IS(MR_STORE_FATAL, st, st->ops->take(st, 7, 1, &meta));
		SAYS(st, "allow this user");
		server_do(&server, "ACL SETUSER mill +%s", needed[i]);
	}
	redisReply *reply = server_ask(&server, "EXISTS {shop.7}:meta");
	cr_assert_eq(reply->integer, 0);
	freeReplyObject(reply);
	server_do(&server, "ACL SETUSER mill -eval -evalsha");
	IS(MR_STORE_FATAL, st, put(st, 3, "a", "\x81x"));
	SAYS(st, "allow this user");
	server_do(&server, "ACL SETUSER mill +eval +evalsha resetkeys ~other*");
	IS(MR_STORE_FATAL, st, put(st, 3, "a", "\x81x"));
	SAYS(st, "allow this user");
	mr_store_close(st);
}

Test(redis, warnings)
{
	struct mr_store *st = open_url(server.url, 1000);

	OK(st, st->ops->check(st));
	SAYS(st, "appendonly");
	server_do(&server, "CONFIG SET maxmemory-policy allkeys-lru");
	OK(st, st->ops->check(st));
	SAYS(st, "noeviction");
	server_do(&server, "CONFIG SET maxmemory-policy noeviction");
	server_do(&server, "CONFIG SET appendonly yes");
	OK(st, st->ops->check(st));
	cr_assert_str_eq(st->error, "");
	mr_store_close(st);
}

Test(redis, another_database)
{
	char url[160];

	snprintf(url, sizeof(url), "%s?db=3", server.url);
	struct mr_store *st = taken(url);
	OK(st, put(st, 1, "a", "\x81x"));
	redisReply *reply = server_ask(&server, "DBSIZE");
	cr_assert_eq(reply->integer, 0);
	freeReplyObject(reply);
	mr_store_close(st);
}

Test(store_open, refusals)
{
	struct mr_store_conf conf = {.url = MR_LIT("redis://h"), .app = MR_LIT("sh}op"), .timeout_ms = 100};
	char error[256];

	cr_assert_null(mr_store_open(&conf, error));
	cr_assert_not_null(strstr(error, "{ and }"));
	conf.app = MR_LIT("shop");
	conf.url = MR_LIT("rediss://h");
	struct mr_store *st = mr_store_open(&conf, error);
	cr_assert(st != NULL || strstr(error, "stunnel") != NULL);
	mr_store_close(st);
	conf.url = MR_LIT("redis://127.0.0.1:1");
	st = mr_store_open(&conf, error);
	cr_assert_eq(st->ops->check(st), MR_STORE_DOWN);
	mr_store_close(st);
	conf.url = MR_LIT("redis://no-such-host.invalid");
	st = mr_store_open(&conf, error);
	cr_assert_eq(st->ops->check(st), MR_STORE_DOWN);
	mr_store_close(st);
}
