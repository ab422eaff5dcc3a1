#include "event/partition.h"

#include <criterion/criterion.h>

// The vectors of librdkafka's own test (rdmurmur2.c), which are those of the Java client.
Test(partition, murmur2_is_kafkas)
{
	static const struct { const char *key; uint32_t hash; } vectors[] = {
		{"kafka", 0xd067cf64}, {"giberish123456789", 0x8f552b0c}, {"1234", 0x9fc97b14}, {"234", 0xe7c009ca},
		{"34", 0x873930da}, {"4", 0x5a4b5ca1}, {"PreAmbleWillBeRemoved,ThePrePartThatIs", 0x78424f1c},
		{"reAmbleWillBeRemoved,ThePrePartThatIs", 0x4a62b377}, {"eAmbleWillBeRemoved,ThePrePartThatIs", 0xe0e4e09e},
		{"AmbleWillBeRemoved,ThePrePartThatIs", 0x62b8b43f}, {"", 0x106e08d9},
	};

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		cr_expect_eq(mr_murmur2(mr_str_of(vectors[i].key)), vectors[i].hash, "%s: %08x", vectors[i].key,
		    mr_murmur2(mr_str_of(vectors[i].key)));
}

Test(partition, crc32_is_the_common_one)
{
	cr_expect_eq(mr_crc32(MR_LIT("123456789")), 0xcbf43926);
	cr_expect_eq(mr_crc32(MR_LIT("")), 0);
	cr_expect_eq(mr_crc32(MR_LIT("The quick brown fox jumps over the lazy dog")), 0x414fa339);
}

Test(partition, drops_the_sign_of_murmur2_before_dividing)
{
	cr_expect_eq(mr_partition(MR_LIT("kafka"), 7, false), (int32_t)(0x5067cf64 % 7));
	cr_expect_eq(mr_partition(MR_LIT("123456789"), 7, true), (int32_t)(0xcbf43926u % 7));
	cr_expect_eq(mr_partition(MR_LIT(""), 1, false), 0);
}
