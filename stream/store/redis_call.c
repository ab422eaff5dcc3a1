// One call of a script: its arguments, its answer, and what that means.
#include "store/redis.h"

#include <stdio.h>
#include <stdlib.h>

void
mr_redis_replies_drop(struct mr_redis *r)
{
	for (size_t i = 0; i < r->n_replies; i++)
		freeReplyObject(r->replies[i]);
	r->n_replies = 0;
}

void
mr_redis_reply_keep(struct mr_redis *r, redisReply *reply)
{
	if (r->n_replies == r->room_replies) {
		r->room_replies = r->room_replies ? r->room_replies * 2 : 16;
		r->replies = realloc(r->replies, r->room_replies * sizeof(redisReply *));
		MR_ASSERT(r->replies != NULL);
	}
	r->replies[r->n_replies++] = reply;
}

// ---- the call

// EVALSHA sha n_keys; keys and arguments follow.
void
mr_redis_begin(struct mr_redis *r, enum mr_redis_script script, size_t n_keys)
{
	mr_redis_args_reset(&r->args);
	mr_redis_args_add(&r->args, MR_LIT("EVALSHA"));
	mr_redis_args_add(&r->args, (struct mr_str){r->sha[script], 40});
	mr_redis_args_number(&r->args, (int64_t)n_keys);
}

struct mr_str
mr_redis_prefix(const struct mr_redis *r, uint32_t partition, const char *tail, char *buffer, size_t size)
{
	int n = snprintf(buffer, size, "{%s.%u}:%s", r->app, partition, tail);

	MR_ASSERT(n > 0 && (size_t)n < size);
	return (struct mr_str){buffer, (size_t)n};
}

void
mr_redis_key(struct mr_redis *r, uint32_t partition, const char *tail)
{
	char buffer[320];

	mr_redis_args_copy(&r->args, mr_redis_prefix(r, partition, tail, buffer, sizeof(buffer)), (struct mr_str){0});
}

void
mr_redis_number(struct mr_redis *r, uint64_t v)
{
	MR_ASSERT(v <= (uint64_t)MR_REDIS_EXACT);
	mr_redis_args_number(&r->args, (int64_t)v);
}

// What a script's answer begins with, or what an error means.
enum mr_store_status
mr_redis_verdict(struct mr_redis *r, const redisReply *reply, size_t elements)
{
	if (reply->type == REDIS_REPLY_ERROR)
		return mr_redis_refused(r, reply);
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 && reply->element[0]->type == REDIS_REPLY_INTEGER) {
		if (reply->element[0]->integer == 1)
			return mr_redis_because(r, MR_STORE_FENCED, "another owner has taken this partition");
		if (reply->element[0]->integer == 2)
			return mr_redis_because(r, MR_STORE_BEHIND, "Redis is older than what it acknowledged: it lost its last writes, or was emptied");
		if (reply->element[0]->integer == 0 && reply->elements == elements)
			return MR_STORE_OK;
	}
	return mr_redis_because(r, MR_STORE_FATAL, "Redis: a script gave an odd answer");
}

// `lost`: what it means if no answer comes (UNKNOWN for a write).
enum mr_store_status
mr_redis_call_send(struct mr_redis *r, int64_t deadline, enum mr_store_status lost)
{
	if (!mr_redis_append(r))
		return MR_STORE_DOWN;
	return mr_redis_send(r, deadline) ? MR_STORE_OK : lost;
}

// The answer to the call that args hold: kept, with `elements` elements. A script that the server forgot is
// sent whole.
enum mr_store_status
mr_redis_call_finish(struct mr_redis *r, enum mr_redis_script script, int64_t deadline, enum mr_store_status lost, size_t elements)
{
	for (int whole = 0;; whole++) {
		redisReply *reply = mr_redis_receive(r, deadline);
		if (reply == NULL)
			return lost;
		if (whole || !mr_redis_is_error(reply, "NOSCRIPT")) {
			mr_redis_reply_keep(r, reply);
			return mr_redis_verdict(r, reply, elements);
		}
		freeReplyObject(reply);
		const char *body = mr_redis_script(script);
		r->args.p[0] = "EVAL";
		r->args.n[0] = 4;
		r->args.p[1] = body;
		r->args.n[1] = strlen(body);
		enum mr_store_status status = mr_redis_call_send(r, deadline, lost);
		if (status != MR_STORE_OK)
			return status;
	}
}

enum mr_store_status
mr_redis_call(struct mr_redis *r, enum mr_redis_script script, int64_t deadline, enum mr_store_status lost, size_t elements)
{
	enum mr_store_status status = mr_redis_call_send(r, deadline, lost);

	return status == MR_STORE_OK ? mr_redis_call_finish(r, script, deadline, lost, elements) : status;
}
