#include <millrace/base.h>

#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL // most of what is hashed is short: a call would cost more than the hash
#include <xxhash.h>

_Noreturn void
mr_assert_fail(const char *cond, const char *file, int line)
{
	fprintf(stderr, "millrace: %s:%d: assertion failed: %s\n", file, line, cond);
	abort();
}

void *
mr_mem_resize(struct mr_mem *mem, void *old, size_t old_size, size_t new_size)
{
	MR_ASSERT(mem->bytes >= old_size);
	MR_ASSERT((old == NULL) == (old_size == 0));
	mem->bytes += new_size - old_size;
	if (new_size == 0) {
		free(old);
		return NULL;
	}
	char *p = realloc(old, new_size);
	MR_ASSERT(p != NULL);
	if (new_size > old_size)
		memset(p + old_size, 0, new_size - old_size);
	return p;
}

static void
length_of(unsigned char le[4], struct mr_str part)
{
	uint32_t len = (uint32_t)part.n;

	MR_ASSERT(part.n <= UINT32_MAX);
	for (size_t i = 0; i < 4; i++)
		le[i] = (unsigned char)(len >> 8 * i);
}

// Any length, piece by piece.
static XXH128_hash_t
id_stream(const struct mr_str *parts, size_t n)
{
	XXH3_state_t *state = XXH3_createState();   // aligned to 64 bytes, which a sanitizer's stack is not
	unsigned char le[4];

	MR_ASSERT(state != NULL);
	XXH3_128bits_reset(state);
	for (size_t i = 0; i < n; i++) {
		length_of(le, parts[i]);
		XXH3_128bits_update(state, le, sizeof(le));
		XXH3_128bits_update(state, parts[i].p, parts[i].n);
	}
	XXH128_hash_t hash = XXH3_128bits_digest(state);
	XXH3_freeState(state);
	return hash;
}

// The same hash over the parts laid side by side, where they are short: most are.
static XXH128_hash_t
id_hash(const struct mr_str *parts, size_t n)
{
	unsigned char flat[256];
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		if (parts[i].n > sizeof(flat) - 4 || at > sizeof(flat) - 4 - parts[i].n)
			return id_stream(parts, n);
		length_of(flat + at, parts[i]);
		if (parts[i].n)
			memcpy(flat + at + 4, parts[i].p, parts[i].n);
		at += 4 + parts[i].n;
	}
	return XXH3_128bits(flat, at);
}

// Eight hex digits of `v`, the highest first.
static void
hex_of(char *out, uint32_t v)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t x = v;

	x = (x << 16 | x) & UINT64_C(0x0000ffff0000ffff);
	x = (x << 8 | x) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x << 4 | x) & ones * 0x0f;          // a digit's value in each byte
	uint64_t letters = (x + ones * 6) >> 4 & ones;
	x += ones * '0' + letters * ('a' - '0' - 10);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	memcpy(out, &x, sizeof(x));
}

void
mr_id(char out[33], const struct mr_str *parts, size_t n)
{
	XXH128_hash_t hash = id_hash(parts, n);

	hex_of(out, (uint32_t)(hash.high64 >> 32));
	hex_of(out + 8, (uint32_t)hash.high64);
	hex_of(out + 16, (uint32_t)(hash.low64 >> 32));
	hex_of(out + 24, (uint32_t)hash.low64);
	out[32] = '\0';
}

uint64_t
mr_id_head(const struct mr_str *parts, size_t n)
{
	return id_hash(parts, n).high64;
}
