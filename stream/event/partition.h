// Which partition a producer's partitioner chooses for a key.
#ifndef MR_EVENT_PARTITION_H
#define MR_EVENT_PARTITION_H

#include <millrace/base.h>

// murmur2 as Kafka's Java client has it, or crc32 as librdkafka's `consistent`.
int32_t mr_partition(struct mr_str key, int32_t partitions, bool crc32);
uint32_t mr_murmur2(struct mr_str key);
uint32_t mr_crc32(struct mr_str key);

#endif
