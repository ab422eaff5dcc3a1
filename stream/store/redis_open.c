// Opening, and what a Redis must be like: looked at once, at start-up.
#include "store/redis.h"

#include <stdio.h>
#include <stdlib.h>

// A field of INFO's answer, "" where it has none.
static void
info_field(const redisReply *reply, const char *name, char *out, size_t size)
{
	const char *p = reply->str;
	size_t n = strlen(name);

	out[0] = '\0';
	while ((p = strstr(p, name)) != NULL && !((p == reply->str || p[-1] == '\n') && p[n] == ':'))
		p += n;
	if (p)
		snprintf(out, size, "%.*s", (int)strcspn(p + n + 1, "\r\n"), p + n + 1);
}

static enum mr_store_status
judge_info(struct mr_redis *r, const redisReply *info)
{
	char version[32], cluster[8], role[16], policy[32], aof[8], replicas[16];

	info_field(info, "redis_version", version, sizeof(version));
	info_field(info, "cluster_enabled", cluster, sizeof(cluster));
	info_field(info, "role", role, sizeof(role));
	info_field(info, "maxmemory_policy", policy, sizeof(policy));
	info_field(info, "aof_enabled", aof, sizeof(aof));
	info_field(info, "connected_slaves", replicas, sizeof(replicas));
	char *minor;
	long major = strtol(version, &minor, 10);
	if (version[0] && (major < 6 || (major == 6 && *minor == '.' && strtol(minor + 1, NULL, 10) < 2))) {
		snprintf(r->base.error, sizeof(r->base.error), "Redis %.20s is too old: 6.2 or later is needed", version);
		return MR_STORE_FATAL;
	}
	if (strcmp(cluster, "1") == 0)
		return mr_redis_because(r, MR_STORE_FATAL, "this is a Redis Cluster, which is not supported yet: use one server");
	if (strcmp(role, "slave") == 0)
		return mr_redis_because(r, MR_STORE_DOWN, "this Redis is a replica: point the address at the primary");
	if (policy[0] && strcmp(policy, "noeviction") != 0) {
		snprintf(r->base.error, sizeof(r->base.error), "Redis has maxmemory-policy %.20s: it may throw users away; "
		    "set noeviction", policy);
		return MR_STORE_OK;
	}
	if (strcmp(aof, "0") == 0 && strcmp(replicas, "0") == 0)
		return mr_redis_because(r, MR_STORE_OK, "Redis has no append-only file and no replica: a crash of it loses what is older "
		    "than Kafka's retention; set appendonly yes, or give it a replica");
	return MR_STORE_OK;
}

enum mr_store_status
mr_redis_examine(struct mr_redis *r, int64_t deadline)
{
	mr_redis_args_reset(&r->args);
	mr_redis_args_add(&r->args, MR_LIT("INFO"));
	if (!mr_redis_append(r) || !mr_redis_send(r, deadline))
		return MR_STORE_DOWN;
	redisReply *reply = mr_redis_receive(r, deadline);
	if (reply == NULL)
		return MR_STORE_DOWN;
	enum mr_store_status status = reply->type == REDIS_REPLY_ERROR ? mr_redis_refused(r, reply)
	    : reply->type == REDIS_REPLY_STRING ? judge_info(r, reply)
	    : mr_redis_because(r, MR_STORE_FATAL, "Redis: INFO gave an odd answer");
	freeReplyObject(reply);
	return status;
}

struct mr_store *
mr_store_redis(const struct mr_store_conf *conf, const struct mr_store_url *url, char error[256])
{
#ifndef MR_REDIS_TLS
	if (url->kind == MR_STORE_URL_REDISS) {
		snprintf(error, 256, "rediss: this build has no TLS for Redis (hiredis_ssl was not found): use unix://, or "
		    "redis:// through a local stunnel");
		return NULL;
	}
#endif
	if (conf->app.n == 0 || conf->app.n > 200 || memchr(conf->app.p, '{', conf->app.n) || memchr(conf->app.p, '}', conf->app.n)) {
		snprintf(error, 256, "an app's name is 1 to 200 bytes, without { and }: it is part of the keys in Redis");
		return NULL;
	}
	struct mr_redis *r = calloc(1, sizeof(*r));
	MR_ASSERT(r != NULL);
	r->base.ops = &mr_redis_ops;
	r->url = *url;
	r->tls = url->kind == MR_STORE_URL_REDISS;
	r->timeout_ms = conf->timeout_ms > 0 ? conf->timeout_ms : 1000;
	r->app = strndup(conf->app.p, conf->app.n);
	r->password_file = conf->password_file.n ? strndup(conf->password_file.p, conf->password_file.n) : NULL;
	MR_ASSERT(r->app != NULL && (r->password_file != NULL || conf->password_file.n == 0));
	return &r->base;
}
