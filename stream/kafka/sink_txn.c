// The transaction's part of the sink: what errors mean, commit and abort.
#include "kafka/sink_impl.h"

#include <signal.h>
#include <stdio.h>

// ---- what an error means

static bool
is_fencing(rd_kafka_resp_err_t err)
{
	return err == RD_KAFKA_RESP_ERR__FENCED || err == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH
	    || err == RD_KAFKA_RESP_ERR_PRODUCER_FENCED;
}

static bool
is_stale(rd_kafka_resp_err_t err)
{
	return err == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || err == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID
	    || err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID || err == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

// A failed transaction that can be aborted: for want of a permission, or for another reason.
static enum mr_kafka_status
abortable(const struct mr_sink *s, rd_kafka_resp_err_t err)
{
	return atomic_load(&s->is_denied) || mr_kafka_status_of(err) == MR_KAFKA_DENIED ? MR_KAFKA_DENIED : MR_KAFKA_ABORTABLE;
}

enum mr_kafka_status
mr_sink_judge(struct mr_sink *s, const char *what, rd_kafka_error_t *error)
{
	if (error == NULL)
		return MR_KAFKA_OK;
	rd_kafka_resp_err_t err = rd_kafka_error_code(error);
	bool fatal = rd_kafka_error_is_fatal(error) || err == RD_KAFKA_RESP_ERR__FATAL;
	bool abort = rd_kafka_error_txn_requires_abort(error), again = rd_kafka_error_is_retriable(error);
	char text[MR_KAFKA_ERROR];

	snprintf(text, sizeof(text), "%s", rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	if (err == RD_KAFKA_RESP_ERR__FATAL)
		err = rd_kafka_fatal_error(s->client.rk, text, sizeof(text));
	mr_kafka_explain(s->error, sizeof(s->error), err, what, text);
	if (is_fencing(err))
		return MR_KAFKA_FENCED;
	if (fatal || rd_kafka_fatal_error(s->client.rk, NULL, 0))
		return mr_kafka_status_of(err) == MR_KAFKA_DENIED ? MR_KAFKA_DENIED : MR_KAFKA_FATAL;
	if (is_stale(err))
		return MR_KAFKA_STALE;
	if (abort || err == RD_KAFKA_RESP_ERR__STATE)
		return abortable(s, err);
	if (again || mr_kafka_status_of(err) == MR_KAFKA_AGAIN)
		return MR_KAFKA_AGAIN;
	return abortable(s, err);
}

// ---- transactions

enum mr_kafka_status
mr_sink_init(struct mr_sink *s, int64_t timeout_ms)
{
	s->error[0] = '\0';
	if (s->id[0] == '\0') {
		const rd_kafka_metadata_t *metadata;
		rd_kafka_resp_err_t err = rd_kafka_metadata(s->client.rk, 0, NULL, &metadata, (int)timeout_ms);
		if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
			rd_kafka_metadata_destroy(metadata);
		else
			mr_kafka_explain(s->error, sizeof(s->error), err, "producer", NULL);
		return mr_kafka_status_of(err);
	}
	enum mr_kafka_status status = mr_sink_judge(s, s->id, rd_kafka_init_transactions(s->client.rk, (int)timeout_ms));
	// Before a transaction there is nothing to abort: an odd answer is tried again.
	return status == MR_KAFKA_ABORTABLE || status == MR_KAFKA_STALE ? MR_KAFKA_AGAIN : status;
}

enum mr_kafka_status
mr_sink_begin(struct mr_sink *s)
{
	MR_ASSERT(s->id[0] != '\0' && !s->in_transaction);
	s->error[0] = '\0';
	atomic_store(&s->failed, 0);
	atomic_store(&s->failed_code, 0);
	atomic_store(&s->broken, false);
	atomic_store(&s->is_denied, false);
	s->denied[0] = '\0';
	enum mr_kafka_status status = mr_sink_judge(s, s->id, rd_kafka_begin_transaction(s->client.rk));
	s->in_transaction = status == MR_KAFKA_OK;
	return status == MR_KAFKA_OK || status == MR_KAFKA_FENCED ? status : MR_KAFKA_FATAL;
}

static enum mr_kafka_status
send_offsets(struct mr_sink *s, const rd_kafka_topic_partition_list_t *offsets, const struct mr_group *group,
    int64_t deadline)
{
	rd_kafka_consumer_group_metadata_t *metadata;
	rd_kafka_error_t *error = rd_kafka_consumer_group_metadata_read(&metadata, group->bytes, group->n);
	enum mr_kafka_status status;

	if (error)
		return mr_sink_judge(s, "group token", error);
	do {
		int64_t left = deadline - mr_kafka_now_ms();
		status = mr_sink_judge(s, "offsets of the transaction",
		    rd_kafka_send_offsets_to_transaction(s->client.rk, offsets, metadata, left > 1 ? (int)left : 1));
	} while (status == MR_KAFKA_AGAIN && mr_kafka_now_ms() < deadline);
	rd_kafka_consumer_group_metadata_destroy(metadata);
	return status == MR_KAFKA_AGAIN ? MR_KAFKA_ABORTABLE : status;
}

// The word that a transaction failed comes before the message that says why.
static void
await_reason(struct mr_sink *s)
{
	for (int i = 0; i < 10 && atomic_load(&s->failed) == 0 && mr_sink_unacked(s) > 0; i++)
		rd_kafka_poll(s->client.rk, 5);
}

// All messages delivered, or a reason why this transaction can't be committed.
static enum mr_kafka_status
settle(struct mr_sink *s, int64_t deadline)
{
	int64_t left = deadline - mr_kafka_now_ms();
	enum mr_kafka_status status = mr_sink_flush(s, left > 0 ? left : 0);

	if (status == MR_KAFKA_OK && !mr_sink_broken(s))
		return MR_KAFKA_OK;
	await_reason(s);
	rd_kafka_resp_err_t err = (rd_kafka_resp_err_t)atomic_load(&s->failed_code);
	if (err)
		mr_kafka_explain(s->error, sizeof(s->error), err, "delivery", NULL);
	else if (atomic_load(&s->is_denied))
		mr_kafka_explain(s->error, sizeof(s->error), RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, s->denied, NULL);
	else if (s->error[0] == '\0')
		snprintf(s->error, sizeof(s->error), "transaction %s: %zu messages were not acknowledged in time", s->id, mr_sink_unacked(s));
	if (atomic_load(&s->client.fatal_code))
		return is_fencing((rd_kafka_resp_err_t)atomic_load(&s->client.fatal_code)) ? MR_KAFKA_FENCED : MR_KAFKA_FATAL;
	return abortable(s, err);
}

static enum mr_kafka_status
run_commit(struct mr_sink *s, const rd_kafka_topic_partition_list_t *offsets, const struct mr_group *group,
    int64_t timeout_ms)
{
	int64_t deadline = mr_kafka_now_ms() + timeout_ms;

	s->error[0] = '\0';
	if (group->generation < 0 || !group->member) {
		snprintf(s->error, sizeof(s->error), "not a member of the group: a transaction would not be fenced");
		return MR_KAFKA_STALE;
	}
	// Offsets first: meanwhile the messages are on their way.
	enum mr_kafka_status status = send_offsets(s, offsets, group, deadline);
	if (status == MR_KAFKA_OK)
		status = settle(s, deadline);
	else if (status == MR_KAFKA_ABORTABLE && mr_sink_broken(s))
		status = settle(s, mr_kafka_now_ms()); // it had failed before: says why
	if (status != MR_KAFKA_OK)
		return status;
	// Bounded: an endless wait would hold up the worker, and beyond the transaction's time-out the
	// coordinator has aborted it. A time-out leaves the library in two minds: the caller closes it.
	status = mr_sink_judge(s, "commit", rd_kafka_commit_transaction(s->client.rk, s->transaction_timeout_ms));
	if (status == MR_KAFKA_OK)
		s->in_transaction = false;
	// The request was on its way: what isn't a yes may still have been done.
	return status == MR_KAFKA_OK || status == MR_KAFKA_FENCED ? status : MR_KAFKA_UNKNOWN;
}

static rd_kafka_topic_partition_list_t *
list_of(const struct mr_kafka_position *positions, size_t n)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);

	MR_ASSERT(n > 0);
	for (size_t i = 0; i < n; i++) {
		MR_ASSERT(positions[i].offset >= 0);
		rd_kafka_topic_partition_list_add(list, positions[i].topic, positions[i].partition)->offset = positions[i].offset;
	}
	return list;
}

enum mr_kafka_status
mr_sink_commit(struct mr_sink *s, const struct mr_kafka_position *positions, size_t n,
    const struct mr_group *group, int64_t timeout_ms)
{
	rd_kafka_topic_partition_list_t *list = list_of(positions, n);

	MR_ASSERT(s->in_transaction);
	enum mr_kafka_status status = run_commit(s, list, group, timeout_ms);
	rd_kafka_topic_partition_list_destroy(list);
	return status;
}

static void *
commit_thread(void *arg)
{
	struct mr_sink *s = arg;

	pthread_mutex_lock(&s->job_lock);
	for (;;) {
		while (s->job.state != JOB_ASKED && s->job.state != JOB_QUIT)
			pthread_cond_wait(&s->job_cond, &s->job_lock);
		if (s->job.state == JOB_QUIT)
			break;
		s->job.state = JOB_RUNNING;
		pthread_mutex_unlock(&s->job_lock);
		enum mr_kafka_status status = run_commit(s, s->job.offsets, &s->job.group, s->job.timeout_ms);
		rd_kafka_topic_partition_list_destroy(s->job.offsets);
		pthread_mutex_lock(&s->job_lock);
		s->job.status = status;
		s->job.state = JOB_DONE;
		pthread_cond_broadcast(&s->job_cond);
		mr_sink_wake(s);
	}
	pthread_mutex_unlock(&s->job_lock);
	return NULL;
}

void
mr_sink_thread_end(struct mr_sink *s)
{
	if (!s->has_thread)
		return;
	pthread_mutex_lock(&s->job_lock);
	while (s->job.state == JOB_ASKED || s->job.state == JOB_RUNNING)
		pthread_cond_wait(&s->job_cond, &s->job_lock);
	s->job.state = JOB_QUIT;
	pthread_cond_broadcast(&s->job_cond);
	pthread_mutex_unlock(&s->job_lock);
	pthread_join(s->thread, NULL);
}

void
mr_sink_commit_start(struct mr_sink *s, const struct mr_kafka_position *positions, size_t n,
    const struct mr_group *group, int64_t timeout_ms)
{
	sigset_t all, before;

	MR_ASSERT(s->in_transaction);
	pthread_mutex_lock(&s->job_lock);
	MR_ASSERT(s->job.state == JOB_NONE);
	s->job = (struct job){.state = JOB_ASKED, .offsets = list_of(positions, n), .group = *group, .timeout_ms = timeout_ms};
	if (!s->has_thread) { // signals are for the process's own threads
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		int failed = pthread_create(&s->thread, NULL, commit_thread, s);
		MR_ASSERT(failed == 0);
		s->has_thread = true;
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_cond_broadcast(&s->job_cond);
	pthread_mutex_unlock(&s->job_lock);
}

bool
mr_sink_commit_done(struct mr_sink *s, enum mr_kafka_status *status)
{
	pthread_mutex_lock(&s->job_lock);
	bool done = s->job.state == JOB_DONE;
	if (done) {
		*status = s->job.status;
		s->job.state = JOB_NONE;
	}
	pthread_mutex_unlock(&s->job_lock);
	return done;
}

// A topic that was refused stays so in the library until it looks at its metadata again.
static void
look_again(struct mr_sink *s)
{
	for (uint32_t i = 0; atomic_load(&s->is_denied) && i < s->n_topics; i++) {
		const rd_kafka_metadata_t *metadata;
		if (strcmp(rd_kafka_topic_name(s->topics[i]), s->denied) == 0
		    && rd_kafka_metadata(s->client.rk, 0, s->topics[i], &metadata, 500) == RD_KAFKA_RESP_ERR_NO_ERROR)
			rd_kafka_metadata_destroy(metadata);
	}
}

// Where the very first partition of a transaction was refused, the coordinator knows nothing of the
// transaction, answers the abort with INVALID_TXN_STATE, and the library (2.0.2) takes that for fatal.
static bool
never_began(const struct mr_sink *s)
{
	char text[MR_KAFKA_ERROR];

	return atomic_load(&s->is_denied) &&
	    rd_kafka_fatal_error(s->client.rk, text, sizeof(text)) == RD_KAFKA_RESP_ERR_INVALID_TXN_STATE;
}

enum mr_kafka_status
mr_sink_abort(struct mr_sink *s, int64_t timeout_ms)
{
	MR_ASSERT(s->in_transaction);
	s->error[0] = '\0';
	enum mr_kafka_status status = mr_sink_judge(s, "abort", rd_kafka_abort_transaction(s->client.rk, (int)timeout_ms));
	if (status == MR_KAFKA_FATAL && never_began(s))
		status = mr_sink_renew(s, timeout_ms);
	if (status == MR_KAFKA_OK) {
		while (mr_sink_unacked(s) > 0 && rd_kafka_poll(s->client.rk, 10) > 0)
			continue;
		s->in_transaction = false;
		look_again(s);
		return MR_KAFKA_OK;
	}
	return status == MR_KAFKA_FENCED || status == MR_KAFKA_AGAIN ? status : MR_KAFKA_FATAL;
}
