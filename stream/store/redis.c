// The store in Redis: fenced reads, chained writes. See redis_lua.c for what runs over there.
#include "store/redis.h"

#include <stdio.h>
#include <stdlib.h>

#define USERS_A_CALL 512          // Lua's unpack has a bound of some thousands
#define TOMB_BYTES 10             // msgpack nil, then the stamp as uint64: no map, so no record

// Starts a call: what the last one handed out is gone; connected, or a status that says why not.
static enum mr_store_status
enter(struct mr_redis *r, int64_t *deadline)
{
	MR_ASSERT(!r->reading && !r->writing);
	mr_redis_replies_drop(r);
	r->base.error[0] = '\0';
	*deadline = mr_redis_now_ms() + r->timeout_ms;
	return mr_redis_connect(r, *deadline);
}

static uint64_t
reply_number(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING ? strtoull(reply->str, NULL, 10) : 0;
}

static struct mr_str
reply_str(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING ? (struct mr_str){reply->str, reply->len} : (struct mr_str){0};
}

// ---- taking, position, texts

static enum mr_store_status
redis_take(struct mr_store *st, uint32_t partition, uint64_t epoch, struct mr_store_meta *meta)
{
	struct mr_redis *r = (struct mr_redis *)st;
	int64_t deadline;
	enum mr_store_status status = enter(r, &deadline);

	MR_ASSERT(epoch > 0);
	*meta = (struct mr_store_meta){0};
	if (status != MR_STORE_OK)
		return status;
	mr_redis_begin(r, MR_REDIS_TAKE, 2);
	mr_redis_key(r, partition, "meta");
	mr_redis_key(r, partition, "probe");
	mr_redis_number(r, epoch);
	status = mr_redis_call(r, MR_REDIS_TAKE, deadline, MR_STORE_UNKNOWN, 6);
	if (status != MR_STORE_OK && status != MR_STORE_FENCED)
		return status;
	redisReply **e = r->replies[0]->element;
	*meta = (struct mr_store_meta){.epoch = reply_number(e[1]), .w = reply_number(e[2]), .seq = reply_number(e[3]),
	    .cluster_id = reply_str(e[4]), .build = reply_str(e[5])};
	return status;
}

static enum mr_store_status
redis_position(struct mr_store *st, uint32_t partition, uint64_t epoch, uint64_t *w)
{
	struct mr_redis *r = (struct mr_redis *)st;
	int64_t deadline;

	*w = 0;
	if (r->reading) { // given up by the caller
		r->reading = false;
		mr_redis_disconnect(r);
	}
	enum mr_store_status status = enter(r, &deadline);
	if (status != MR_STORE_OK)
		return status;
	mr_redis_begin(r, MR_REDIS_POSITION, 1);
	mr_redis_key(r, partition, "meta");
	mr_redis_number(r, epoch);
	status = mr_redis_call(r, MR_REDIS_POSITION, deadline, MR_STORE_DOWN, 2);
	if (status == MR_STORE_OK)
		*w = reply_number(r->replies[0]->element[1]);
	return status;
}

static enum mr_store_status
set_text(struct mr_redis *r, uint32_t partition, uint64_t epoch, const char *field, struct mr_str text)
{
	int64_t deadline;
	enum mr_store_status status = enter(r, &deadline);

	if (status != MR_STORE_OK)
		return status;
	mr_redis_begin(r, MR_REDIS_TEXT, 1);
	mr_redis_key(r, partition, "meta");
	mr_redis_number(r, epoch);
	mr_redis_args_add(&r->args, mr_str_of(field));
	mr_redis_args_add(&r->args, text);
	return mr_redis_call(r, MR_REDIS_TEXT, deadline, MR_STORE_UNKNOWN, 1);
}

static enum mr_store_status
redis_set_cluster(struct mr_store *st, uint32_t partition, uint64_t epoch, struct mr_str cluster_id)
{
	return set_text((struct mr_redis *)st, partition, epoch, "cluster", cluster_id);
}

static enum mr_store_status
redis_set_build(struct mr_store *st, uint32_t partition, uint64_t epoch, struct mr_str build)
{
	return set_text((struct mr_redis *)st, partition, epoch, "build", build);
}

// ---- reading

static size_t
calls_for(size_t users)
{
	return (users + USERS_A_CALL - 1) / USERS_A_CALL;
}

static size_t
users_of(const struct mr_redis *r, size_t i)
{
	size_t left = r->read_n - i * USERS_A_CALL;

	return left < USERS_A_CALL ? left : USERS_A_CALL;
}

static bool
append_read(struct mr_redis *r, size_t i)
{
	char buffer[320];
	struct mr_str head = mr_redis_prefix(r, r->read_partition, "u:", buffer, sizeof(buffer));
	const struct mr_str *users = r->read_users + i * USERS_A_CALL;
	size_t n = users_of(r, i);

	mr_redis_begin(r, MR_REDIS_READ, n + 2);
	mr_redis_key(r, r->read_partition, "meta");
	mr_redis_key(r, r->read_partition, "due");
	for (size_t k = 0; k < n; k++)
		mr_redis_args_copy(&r->args, head, users[k]);
	mr_redis_number(r, r->read_epoch);
	mr_redis_number(r, r->read_w);
	for (size_t k = 0; k < n; k++)
		mr_redis_args_add(&r->args, users[k]);
	return mr_redis_append(r);
}

static enum mr_store_status
send_reads(struct mr_redis *r)
{
	for (size_t i = 0; i < calls_for(r->read_n); i++)
		if (!append_read(r, i))
			return MR_STORE_DOWN;
	return r->read_n == 0 || mr_redis_send(r, r->read_deadline) ? MR_STORE_OK : MR_STORE_DOWN;
}

static enum mr_store_status
redis_read_send(struct mr_store *st, uint32_t partition, uint64_t epoch, uint64_t w, const struct mr_str *users, size_t n)
{
	struct mr_redis *r = (struct mr_redis *)st;
	enum mr_store_status status = enter(r, &r->read_deadline);

	if (status != MR_STORE_OK)
		return status;
	r->read_partition = partition;
	r->read_epoch = epoch;
	r->read_w = w;
	r->read_users = users;
	r->read_n = n;
	status = send_reads(r);
	r->reading = status == MR_STORE_OK;
	return status;
}

// All answers of the read under way; *forgotten where the server had lost the script.
static enum mr_store_status
receive_reads(struct mr_redis *r, bool *forgotten)
{
	enum mr_store_status status = MR_STORE_OK;

	*forgotten = false;
	for (size_t i = 0; i < calls_for(r->read_n); i++) {
		redisReply *reply = r->c ? mr_redis_receive(r, r->read_deadline) : NULL;
		if (reply == NULL)
			return status == MR_STORE_OK ? MR_STORE_DOWN : status;
		mr_redis_reply_keep(r, reply);
		if (mr_redis_is_error(reply, "NOSCRIPT")) {
			*forgotten = true;
			continue;
		}
		enum mr_store_status one = mr_redis_verdict(r, reply, 3);
		if (status == MR_STORE_OK)
			status = one;
	}
	return status;
}

static void
page_of(const redisReply *value, const redisReply *due, struct mr_str user, struct mr_page *page)
{
	const unsigned char *p = (const unsigned char *)value->str;

	*page = (struct mr_page){.user = user, .due_ms = INT64_MAX};
	if (due->type == REDIS_REPLY_STRING)
		page->due_ms = strtoll(due->str, NULL, 10);
	if (value->type != REDIS_REPLY_STRING)
		return;
	if (value->len == TOMB_BYTES && p[0] == 0xc0 && p[1] == 0xcf) {
		page->tombstone = true;
		for (int i = 2; i < TOMB_BYTES; i++)
			page->stamp = page->stamp << 8 | p[i];
		return;
	}
	page->bytes = (struct mr_str){value->str, value->len};
}

static enum mr_store_status
redis_read_wait(struct mr_store *st, struct mr_page *pages, size_t n)
{
	struct mr_redis *r = (struct mr_redis *)st;
	bool forgotten;

	MR_ASSERT(r->reading && n == r->read_n);
	r->reading = false;
	r->read_deadline = mr_redis_now_ms() + r->timeout_ms;
	enum mr_store_status status = receive_reads(r, &forgotten);
	if (status == MR_STORE_OK && forgotten) {
		mr_redis_replies_drop(r);
		status = mr_redis_load(r, r->read_deadline);
		if (status == MR_STORE_OK)
			status = send_reads(r);
		if (status == MR_STORE_OK)
			status = receive_reads(r, &forgotten);
		if (status == MR_STORE_OK && forgotten)
			status = mr_redis_because(r, MR_STORE_DOWN, "Redis forgets its scripts");
	}
	for (size_t i = 0; status == MR_STORE_OK && i < calls_for(n); i++) {
		const redisReply *values = r->replies[i]->element[1], *dues = r->replies[i]->element[2];
		size_t count = users_of(r, i);
		if (values->elements != count || dues->elements != count)
			return mr_redis_because(r, MR_STORE_FATAL, "Redis: a script gave an odd answer");
		for (size_t k = 0; k < count; k++)
			page_of(values->element[k], dues->element[k], r->read_users[i * USERS_A_CALL + k], &pages[i * USERS_A_CALL + k]);
	}
	return status;
}

static void
moment(struct mr_redis *r, int64_t ms)
{
	if (ms < -MR_REDIS_EXACT || ms > MR_REDIS_EXACT)
		mr_redis_args_add(&r->args, ms < 0 ? MR_LIT("-inf") : MR_LIT("+inf"));
	else
		mr_redis_args_number(&r->args, ms);
}

static enum mr_store_status
redis_due(struct mr_store *st, uint32_t partition, uint64_t epoch, uint64_t w, int64_t from_ms, int64_t upto_ms,
    struct mr_due *out, size_t max, size_t *n)
{
	struct mr_redis *r = (struct mr_redis *)st;
	int64_t deadline;
	enum mr_store_status status = enter(r, &deadline);

	*n = 0;
	if (status != MR_STORE_OK)
		return status;
	mr_redis_begin(r, MR_REDIS_DUE, 2);
	mr_redis_key(r, partition, "meta");
	mr_redis_key(r, partition, "due");
	mr_redis_number(r, epoch);
	mr_redis_number(r, w);
	moment(r, from_ms);
	moment(r, upto_ms);
	mr_redis_number(r, max);
	status = mr_redis_call(r, MR_REDIS_DUE, deadline, MR_STORE_DOWN, 2);
	if (status != MR_STORE_OK)
		return status;
	const redisReply *list = r->replies[0]->element[1];
	MR_ASSERT(list->elements <= 2 * max);
	*n = list->elements / 2;
	for (size_t i = 0; i < *n; i++)
		out[i] = (struct mr_due){.user = reply_str(list->element[2 * i]),
		    .due_ms = strtoll(list->element[2 * i + 1]->str, NULL, 10)};
	return MR_STORE_OK;
}

// ---- writing

static bool
comes_again(const struct mr_page *pages, size_t i, size_t n)
{
	for (size_t k = i + 1; k < n; k++)
		if (mr_str_eq(pages[i].user, pages[k].user))
			return true;
	return false;
}

static void
append_page(struct mr_redis *r, const struct mr_page *page)
{
	char tomb[TOMB_BYTES] = {(char)0xc0, (char)0xcf};

	MR_ASSERT(page->tombstone ? page->bytes.n == 0 && page->due_ms == INT64_MAX : page->bytes.n > 0);
	mr_redis_args_add(&r->args, page->user);
	if (page->tombstone) {
		for (int i = 2; i < TOMB_BYTES; i++)
			tomb[i] = (char)(page->stamp >> (8 * (TOMB_BYTES - 1 - i)));
		mr_redis_args_copy(&r->args, (struct mr_str){tomb, sizeof(tomb)}, (struct mr_str){0});
	} else
		mr_redis_args_add(&r->args, page->bytes);
	if (page->due_ms == INT64_MAX)
		mr_redis_args_add(&r->args, (struct mr_str){0});
	else {
		MR_ASSERT(page->due_ms >= -MR_REDIS_EXACT && page->due_ms <= MR_REDIS_EXACT);
		mr_redis_args_number(&r->args, page->due_ms);
	}
	if (page->tombstone)
		mr_redis_number(r, page->stamp);
	else
		mr_redis_args_add(&r->args, (struct mr_str){0});
}

static enum mr_store_status
redis_write_send(struct mr_store *st, uint32_t partition, uint64_t epoch, uint64_t w,
    const struct mr_page *pages, size_t n, uint64_t meta_seq)
{
	struct mr_redis *r = (struct mr_redis *)st;
	int64_t deadline;
	enum mr_store_status status = enter(r, &deadline);
	bool last[MR_CHUNK_MAX];
	size_t count = 0;
	char buffer[320];

	MR_ASSERT(w > 0 && n <= MR_CHUNK_MAX);
	if (status != MR_STORE_OK)
		return status;
	for (size_t i = 0; i < n; i++)
		count += last[i] = !comes_again(pages, i, n);
	struct mr_str head = mr_redis_prefix(r, partition, "u:", buffer, sizeof(buffer));
	mr_redis_begin(r, MR_REDIS_WRITE, count + 3);
	mr_redis_key(r, partition, "meta");
	mr_redis_key(r, partition, "due");
	mr_redis_key(r, partition, "tomb");
	for (size_t i = 0; i < n; i++)
		if (last[i])
			mr_redis_args_copy(&r->args, head, pages[i].user);
	mr_redis_number(r, epoch);
	mr_redis_number(r, w - 1);
	mr_redis_number(r, w);
	mr_redis_number(r, meta_seq);
	mr_redis_args_copy(&r->args, head, (struct mr_str){0});   // it may be sent again after this call
	for (size_t i = 0; i < n; i++)
		if (last[i])
			append_page(r, &pages[i]);
	status = mr_redis_call_send(r, deadline, MR_STORE_UNKNOWN);
	r->writing = status == MR_STORE_OK;
	r->write_deadline = deadline;
	return status;
}

static enum mr_store_status
redis_write_wait(struct mr_store *st, bool wait)
{
	struct mr_redis *r = (struct mr_redis *)st;

	MR_ASSERT(r->writing);
	if (!wait && mr_redis_now_ms() < r->write_deadline && !mr_redis_ready(r))
		return MR_STORE_BUSY;
	r->writing = false;
	return mr_redis_call_finish(r, MR_REDIS_WRITE, r->write_deadline, MR_STORE_UNKNOWN, 1);
}

// ---- opening

static void
redis_close(struct mr_store *st)
{
	struct mr_redis *r = (struct mr_redis *)st;

	mr_redis_replies_drop(r);
	mr_redis_disconnect(r);
	mr_redis_args_free(&r->args);
	free(r->replies);
	explicit_bzero(&r->url, sizeof(r->url));
	free(r->password_file);
	free(r->app);
	free(r);
}

static enum mr_store_status
redis_check(struct mr_store *st)
{
	struct mr_redis *r = (struct mr_redis *)st;
	int64_t deadline;
	enum mr_store_status status = enter(r, &deadline);

	return status == MR_STORE_OK ? mr_redis_examine(r, deadline) : status;
}

const struct mr_store_ops mr_redis_ops = {
	.scheme = "redis",
	.close = redis_close,
	.take = redis_take,
	.read_send = redis_read_send,
	.read_wait = redis_read_wait,
	.due = redis_due,
	.write_send = redis_write_send,
	.write_wait = redis_write_wait,
	.position = redis_position,
	.set_cluster = redis_set_cluster,
	.set_build = redis_set_build,
	.check = redis_check,
};
