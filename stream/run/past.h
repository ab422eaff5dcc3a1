// At start-up: do topics and group still fit what earlier runs left?
#ifndef MR_RUN_PAST_H
#define MR_RUN_PAST_H

#include "kafka/conf.h"

// False with a line that says what is wrong and what to do: the topics have another number of
// partitions than the journal was written with, or members of the group read another application's
// topic. Where Kafka gives no answer it forbids nothing: each take-over looks at the partitions again.
bool mr_past_fits(const struct mr_kafka_conf *, const char *app, const char *const *topics, size_t n_topics,
    const char *journal, int32_t partitions, char line[1024]);

// How soon the journal of an idle task is to be written anew: well inside the topic's retention, where we
// are told it.
struct mr_admin;
int64_t mr_journal_idle_ms(struct mr_admin *, const char *journal);

#endif
