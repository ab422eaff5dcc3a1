// Reads ranges of one partition (the journal, a replay of inputs), without a group.
// Thread: one a reader. No call blocks longer than its timeout_ms, callbacks not counted.
#ifndef MR_KAFKA_READER_H
#define MR_KAFKA_READER_H

#include "kafka/conf.h"

struct mr_log_reader;

// `committed`: see what read_committed sees, and ends at the last stable offset; false: everything,
// also what is open or was aborted, and the true end.
struct mr_log_reader *mr_log_reader_open(const struct mr_kafka_conf *, bool committed, char error[256]);
void mr_log_reader_close(struct mr_log_reader *);
const char *mr_log_reader_error(const struct mr_log_reader *);

// First offset kept, and the end as this reader sees it. OK, AGAIN, MISSING, DENIED, FATAL.
enum mr_kafka_status mr_log_reader_ends(struct mr_log_reader *, const char *topic, int32_t partition,
    int64_t timeout_ms, int64_t *low, int64_t *end);
// The ends of one partition of several topics, as this reader sees them, in one question; -1 where a
// topic has no answer. OK, AGAIN, FATAL.
enum mr_kafka_status mr_log_reader_all_ends(struct mr_log_reader *, const char *const *topics, size_t n,
    int32_t partition, int64_t timeout_ms, int64_t *ends);
// Partitions of a topic. OK, AGAIN, MISSING, DENIED, FATAL.
enum mr_kafka_status mr_log_reader_partitions(struct mr_log_reader *, const char *topic, int64_t timeout_ms,
    int32_t *n);
// First offset whose record is not older than time_ms (the end where there is none).
enum mr_kafka_status mr_log_reader_offset_at(struct mr_log_reader *, const char *topic, int32_t partition,
    int64_t time_ms, int64_t timeout_ms, int64_t *offset);

// Calls fn for each record in [from, to), in order, until it returns false. *next: offset to go on
// from (filled always). OK: all read, or fn ended it (*next is after that record). AGAIN: nothing
// came for timeout_ms; call again with from = *next. MISSING: `from` is not retained any more, or the
// topic is gone: see mr_log_reader_ends.
// Ranges that follow one another (from = the last *next) are read as one stream: a partition stays open
// and is read ahead (up to 16 MiB, 8 partitions a reader), so small ranges in a row cost little.
// A committed reader asked for a range beyond the last stable offset waits for it: AGAIN.
enum mr_kafka_status mr_log_reader_range(struct mr_log_reader *, const char *topic, int32_t partition,
    int64_t from, int64_t to, int64_t timeout_ms,
    bool (*fn)(void *arg, const struct mr_kafka_record *), void *arg, int64_t *next);

#endif
