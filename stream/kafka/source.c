#include "kafka/source_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// From here on cooperative-sticky is sound (librdkafka #4059, #4783); Millrace keeps to eager range so
// far in either case, and says so.
#define COOPERATIVE_SOUND 0x020a01ff
// For so long after a broker was away, being fenced is put down to that.
#define AWAY_MS 60000

// ---- the group's member

static bool
token_take(rd_kafka_t *rk, struct mr_group *group)
{
	static const char magic[7] = "CGMDv2:"; // without a NUL, as the library writes it
	rd_kafka_consumer_group_metadata_t *md = rd_kafka_consumer_group_metadata(rk);
	size_t n;
	void *bytes;

	*group = (struct mr_group){.generation = -1};
	if (md == NULL)
		return false;
	rd_kafka_error_t *error = rd_kafka_consumer_group_metadata_write(md, &bytes, &n);
	rd_kafka_consumer_group_metadata_destroy(md);
	if (error) {
		rd_kafka_error_destroy(error);
		return false;
	}
	// The library has no accessor for the generation: its written form is magic, int32, group, member …
	MR_ASSERT(n > sizeof(magic) + 4 && memcmp(bytes, magic, sizeof(magic)) == 0);
	MR_ASSERT(n <= sizeof(group->bytes));
	const char *name = (const char *)bytes + sizeof(magic) + 4, *end = (const char *)bytes + n;
	const char *zero = memchr(name, 0, (size_t)(end - name));
	MR_ASSERT(zero != NULL);
	memcpy(&group->generation, (const char *)bytes + sizeof(magic), 4);
	group->member = zero + 1 < end && zero[1] != '\0';
	memcpy(group->bytes, bytes, n);
	group->n = (uint16_t)n;
	rd_kafka_mem_free(rk, bytes);
	return true;
}

static int
number_cmp(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

// The partition numbers of the anchor in a list of the library's, sorted (they differ: no ties).
static int32_t *
numbers_of(const struct mr_source *s, const rd_kafka_topic_partition_list_t *list, size_t *n)
{
	int32_t *numbers = calloc((size_t)list->cnt + 1, sizeof(*numbers));

	MR_ASSERT(numbers != NULL);
	*n = 0;
	for (int i = 0; i < list->cnt; i++)
		if (strcmp(list->elems[i].topic, s->topic_names[0]) == 0)
			numbers[(*n)++] = list->elems[i].partition;
	qsort(numbers, *n, sizeof(*numbers), number_cmp);
	return numbers;
}

static void
assigned(struct mr_source *s, const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);
	struct mr_group group;

	s->numbers = numbers_of(s, list, &s->n_numbers);

	// Nothing is assigned inside the library: the member never fetches. Membership is what the
	// coordinator knows, and the fetcher reads from offsets that recovery has chosen.
	rd_kafka_assign(s->member.rk, none);
	rd_kafka_topic_partition_list_destroy(none);
	if (!token_take(s->member.rk, &group))
		mr_kafka_log(s->member.conf, 3, "no group token: nothing will be committed in this generation");
	atomic_fetch_add(&s->epoch, 1);
	mr_kafka_log(s->member.conf, 6, "group %s generation %d: %zu partitions assigned", s->group, group.generation,
	    s->n_numbers);
	s->conf.on_assign(s->conf.arg, &group, atomic_load(&s->epoch), s->numbers, s->n_numbers);
}

static void
revoked(struct mr_source *s, bool lost)
{
	if (s->numbers == NULL)
		return;
	// The epoch moves first: nothing is handed over any more while the callback lets go.
	atomic_fetch_add(&s->epoch, 1);
	mr_kafka_log(s->member.conf, lost ? 4 : 6, "group %s: %zu partitions %s", s->group, s->n_numbers,
	    lost ? "lost" : "revoked");
	(lost ? s->conf.on_lost : s->conf.on_revoke)(s->conf.arg, s->numbers, s->n_numbers);
	free(s->numbers);
	s->numbers = NULL;
	pthread_mutex_lock(&s->lock);
	bool idle = s->tasks == NULL;
	pthread_mutex_unlock(&s->lock);
	MR_ASSERT(idle); // a task that went on would write to what is another's
}

static void
on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct mr_source *s = ((struct mr_kafka_client *)opaque)->owner;

	if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
		assigned(s, list);
	else {
		if (err == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
			revoked(s, rd_kafka_assignment_lost(rk));
		else
			mr_kafka_log(s->member.conf, 3, "rebalance: %s", rd_kafka_err2str(err));
		rd_kafka_assign(rk, NULL);
	}
	rd_kafka_yield(rk); // poll returns, so that its caller sees what has changed
}

// ---- opening

static bool
set_number(rd_kafka_conf_t *conf, const char *name, int64_t value, char error[256])
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return mr_kafka_conf_set(conf, name, text, error);
}

static int64_t
number_of(const rd_kafka_conf_t *conf, const char *name)
{
	char text[32] = "";
	size_t size = sizeof(text);
	rd_kafka_conf_res_t res = rd_kafka_conf_get(conf, name, text, &size);

	MR_ASSERT(res == RD_KAFKA_CONF_OK);
	return strtoll(text, NULL, 10);
}

// Whatever the session: one heartbeat that is late, or lost, must not end it.
static bool
beat_often(rd_kafka_conf_t *conf, char error[256])
{
	int64_t most_ms = number_of(conf, "session.timeout.ms") / 3;

	return number_of(conf, "heartbeat.interval.ms") <= most_ms ||
	    set_number(conf, "heartbeat.interval.ms", most_ms > 0 ? most_ms : 1, error);
}

static bool
member_open(struct mr_source *s, const struct mr_source_conf *mr, char error[256])
{
	static const struct mr_kafka_setting musts[] = {
		{"enable.auto.commit", "false"}, {"enable.auto.offset.store", "false"}, {"auto.offset.reset", "error"},
		{"isolation.level", "read_committed"}, {"partition.assignment.strategy", "range"}, {0},
	};
	static const struct mr_kafka_setting defaults[] = {
		{"session.timeout.ms", "10000"}, {"heartbeat.interval.ms", "3000"}, {"max.poll.interval.ms", "60000"}, {0},
	};
	rd_kafka_conf_t *conf = mr_kafka_conf_make(mr->kafka, defaults, musts, error);

	if (conf == NULL)
		return false;
	bool ok = mr_kafka_conf_set(conf, "group.id", mr->group, error)
	    && (mr->instance_id == NULL || mr_kafka_conf_set(conf, "group.instance.id", mr->instance_id, error));
	if (ok && mr->session_timeout_ms > 0)
		ok = set_number(conf, "session.timeout.ms", mr->session_timeout_ms, error);
	if (!ok || !beat_often(conf, error)) {
		rd_kafka_conf_destroy(conf);
		return false;
	}
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	return mr_kafka_client_open(&s->member, mr->kafka, s, RD_KAFKA_CONSUMER, conf, error);
}

static bool
fetcher_open(struct mr_source *s, const struct mr_source_conf *mr, char error[256])
{
	// A full queue backs off for up to a second in 2.0: room for many small records before that.
	static const struct mr_kafka_setting defaults[] = {
		{"fetch.wait.max.ms", "100"}, {"fetch.error.backoff.ms", "50"}, {"queued.min.messages", "1000000"},
		{"fetch.message.max.bytes", "1048576"}, {0},
	};
	static const struct mr_kafka_setting musts[] = {
		{"enable.auto.commit", "false"}, {"auto.commit.enable", "false"}, {"enable.auto.offset.store", "false"},
		{"auto.offset.reset", "error"}, {"isolation.level", "read_committed"}, {"enable.partition.eof", "true"}, {0},
	};
	char number[32];
	rd_kafka_conf_t *conf = mr_kafka_conf_make(mr->kafka, defaults, musts, error);

	if (conf == NULL)
		return false;
	int64_t kbytes = s->fetched_bytes_max / 1024;
	snprintf(number, sizeof(number), "%lld", (long long)(kbytes < 1 ? 1 : kbytes > 2097151 ? 2097151 : kbytes));
	if (!mr_kafka_conf_set(conf, "queued.max.messages.kbytes", number, error)) {
		rd_kafka_conf_destroy(conf);
		return false;
	}
	if (!mr_kafka_client_open(&s->fetcher, mr->kafka, s, RD_KAFKA_CONSUMER, conf, error))
		return false;
	for (size_t i = 0; i < s->n_topics; i++) {
		s->topics[i] = rd_kafka_topic_new(s->fetcher.rk, s->topic_names[i], NULL);
		MR_ASSERT(s->topics[i] != NULL);
	}
	return true;
}

static bool
subscribe(struct mr_source *s, char error[256])
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, s->topic_names[0], RD_KAFKA_PARTITION_UA);
	rd_kafka_resp_err_t err = rd_kafka_subscribe(s->member.rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (err)
		snprintf(error, 256, "%s: %s", s->topic_names[0], rd_kafka_err2str(err));
	return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool
join(struct mr_source *s, char error[256])
{
	if (!member_open(s, &s->conf, error) || !subscribe(s, error))
		return false;
	// Its messages and errors come through poll; nothing is sent to its main queue unasked.
	rd_kafka_poll_set_consumer(s->member.rk);
	return true;
}

static void
source_free(struct mr_source *s)
{
	for (size_t i = 0; i < s->n_topics; i++) {
		if (s->topics[i])
			rd_kafka_topic_destroy(s->topics[i]);
		free(s->topic_names[i]);
	}
	mr_kafka_client_close(&s->fetcher, 0);
	mr_kafka_client_close(&s->member, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	pthread_rwlock_destroy(&s->seat);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->asked);
	free(s->numbers);
	free(s->group);
	free(s);
}

struct mr_source *
mr_source_open(const struct mr_source_conf *mr, char error[256])
{
	struct mr_source *s = calloc(1, sizeof(*s));

	MR_ASSERT(s != NULL && mr->n_topics > 0 && mr->n_topics <= MR_SOURCE_TOPICS);
	MR_ASSERT(mr->on_assign && mr->on_revoke && mr->on_lost);
	s->conf = *mr;
	s->fetched_bytes_max = mr->fetched_bytes_max ? mr->fetched_bytes_max : 4 << 20;
	s->is_static = mr->instance_id != NULL;
	s->group = strdup(mr->group);
	MR_ASSERT(s->group != NULL);
	pthread_rwlock_init(&s->seat, NULL);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->asked, NULL);
	s->n_topics = mr->n_topics;
	for (size_t i = 0; i < s->n_topics; i++) {
		s->topic_names[i] = strdup(mr->topics[i]);
		MR_ASSERT(s->topic_names[i] != NULL);
	}
	if (!fetcher_open(s, mr, error) || !join(s, error)) {
		source_free(s);
		return NULL;
	}
	mr_source_asker_start(s);
	return s;
}

// Leaves the group. False where that took too long.
static bool
member_leave(struct mr_source *s, int64_t timeout_ms)
{
	int64_t deadline = mr_kafka_now_ms() + timeout_ms;

	if (s->member.rk == NULL) // joining anew has failed
		return true;
	// The member's own queue: with another, a rebalance that waits in this one would never be served.
	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(s->member.rk);
	rd_kafka_error_t *error = rd_kafka_consumer_close_queue(s->member.rk, queue);
	bool fatal = error != NULL; // fenced, for one: there is nothing to leave

	if (error)
		rd_kafka_error_destroy(error);
	while (!fatal && !rd_kafka_consumer_closed(s->member.rk) && mr_kafka_now_ms() < deadline)
		rd_kafka_queue_poll_callback(queue, 20);
	bool closed = fatal || rd_kafka_consumer_closed(s->member.rk);
	rd_kafka_queue_destroy(queue);
	return closed;
}

void
mr_source_close(struct mr_source *s, int64_t timeout_ms)
{
	if (s == NULL)
		return;
	bool left = member_leave(s, timeout_ms);
	MR_ASSERT(s->tasks == NULL);
	mr_source_asker_end(s);
	if (left)
		source_free(s);
	else // destroying it now could wait for ever; the process is about to end
		mr_kafka_log(s->member.conf, 4, "group %s: leaving it took too long; its session will time out", s->group);
}

const char *
mr_source_error(const struct mr_source *s)
{
	return s->error;
}

void
mr_source_describe(const struct mr_source *s, char *out, size_t size)
{
	snprintf(out, size, "librdkafka %s: eager range assignment%s, %s", rd_kafka_version_str(),
	    rd_kafka_version() < COOPERATIVE_SOUND ? " (cooperative-sticky is sound from 2.10.1)" : "",
	    s->is_static ? "static membership" : "dynamic membership (group.instance.id would shorten a restart)");
}

uint64_t
mr_source_epoch(const struct mr_source *s)
{
	return atomic_load(&s->epoch);
}

// ---- polling

static enum mr_kafka_status
trouble(struct mr_source *s, const char *what, rd_kafka_resp_err_t err, const char *text)
{
	char fatal[MR_KAFKA_ERROR];
	rd_kafka_resp_err_t why = rd_kafka_fatal_error(s->member.rk, fatal, sizeof(fatal));
	enum mr_kafka_status status = mr_kafka_status_of(why ? why : err);

	mr_kafka_explain(s->error, sizeof(s->error), why ? why : err, what, why ? fatal : text);
	if (why && status != MR_KAFKA_FENCED && status != MR_KAFKA_DENIED)
		return MR_KAFKA_FATAL;
	return status;
}

// A broker that comes back can take a request of ours from before, whose answer was lost, for a second
// process of our name; the library then gives up for good. Joins anew: once each time a broker was away.
static enum mr_kafka_status
rejoin(struct mr_source *s)
{
	int64_t member_ms = atomic_load(&s->member.away_ms), fetcher_ms = atomic_load(&s->fetcher.away_ms);
	int64_t away_ms = member_ms > fetcher_ms ? member_ms : fetcher_ms, now_ms = mr_kafka_now_ms();
	char error[256];

	if (away_ms <= s->rejoined_ms || now_ms - away_ms > AWAY_MS)
		return MR_KAFKA_FENCED;
	mr_kafka_log(s->member.conf, 4, "group %s: our seat was taken while the broker was away; joining anew", s->group);
	revoked(s, true);
	s->rejoined_ms = now_ms;
	pthread_rwlock_wrlock(&s->seat);
	mr_kafka_client_close(&s->member, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	bool ok = join(s, error);
	pthread_rwlock_unlock(&s->seat);
	if (!ok)
		snprintf(s->error, sizeof(s->error), "%s", error);
	return ok ? MR_KAFKA_AGAIN : MR_KAFKA_FATAL;
}

static enum mr_kafka_status
poll(struct mr_source *s, int64_t timeout_ms)
{
	char text[MR_KAFKA_ERROR];
	enum mr_kafka_status status = MR_KAFKA_OK;

	rd_kafka_poll(s->fetcher.rk, 0);
	rd_kafka_message_t *m = rd_kafka_consumer_poll(s->member.rk, (int)timeout_ms);
	if (m) {
		// The member has nothing assigned: whatever comes is word of trouble, never a record.
		MR_ASSERT(m->err != RD_KAFKA_RESP_ERR_NO_ERROR);
		const char *topic = m->rkt ? rd_kafka_topic_name(m->rkt) : s->topic_names[0];
		status = trouble(s, m->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ? s->group : topic,
		    m->err, rd_kafka_message_errstr(m));
		rd_kafka_message_destroy(m);
		return status;
	}
	rd_kafka_resp_err_t err = mr_kafka_client_problem(&s->member, text, sizeof(text));
	if (err == 0)
		err = mr_kafka_client_problem(&s->fetcher, text, sizeof(text));
	if (err == 0 && rd_kafka_fatal_error(s->member.rk, NULL, 0)) // what is fatal stays so
		err = RD_KAFKA_RESP_ERR__FATAL;
	return err ? trouble(s, s->group, err, text) : MR_KAFKA_OK;
}

enum mr_kafka_status
mr_source_poll(struct mr_source *s, int64_t timeout_ms)
{
	enum mr_kafka_status status = poll(s, timeout_ms);

	return status == MR_KAFKA_FENCED ? rejoin(s) : status;
}

enum mr_kafka_status
mr_source_committed(struct mr_source *s, struct mr_kafka_position *positions, size_t n, int64_t timeout_ms)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);

	for (size_t i = 0; i < n; i++)
		rd_kafka_topic_partition_list_add(list, positions[i].topic, positions[i].partition);
	pthread_rwlock_rdlock(&s->seat);
	rd_kafka_resp_err_t err = rd_kafka_committed(s->member.rk, list, (int)timeout_ms);
	pthread_rwlock_unlock(&s->seat);
	for (size_t i = 0; i < n && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
		const rd_kafka_topic_partition_t *p = &list->elems[i];
		err = p->err;
		positions[i].offset = p->offset >= 0 ? p->offset : -1;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return mr_kafka_status_of(err);
}
