#include "event/partition.h"

uint32_t
mr_murmur2(struct mr_str key)
{
	const uint32_t m = 0x5bd1e995;
	const unsigned char *p = (const unsigned char *)key.p;
	uint32_t h = 0x9747b28cu ^ (uint32_t)key.n;
	size_t n = key.n;

	for (; n >= 4; n -= 4, p += 4) {
		uint32_t k = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
		k *= m;
		k ^= k >> 24;
		h = h * m ^ k * m;
	}
	if (n >= 3)
		h ^= (uint32_t)p[2] << 16;
	if (n >= 2)
		h ^= (uint32_t)p[1] << 8;
	if (n >= 1)
		h = (h ^ p[0]) * m;
	h ^= h >> 13;
	h *= m;
	return h ^ h >> 15;
}

uint32_t
mr_crc32(struct mr_str key)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < key.n; i++) {
		crc ^= (unsigned char)key.p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

int32_t
mr_partition(struct mr_str key, int32_t partitions, bool crc32)
{
	MR_ASSERT(partitions > 0);
	if (crc32)
		return (int32_t)(mr_crc32(key) % (uint32_t)partitions);
	return (int32_t)((mr_murmur2(key) & 0x7fffffff) % (uint32_t)partitions);
}
