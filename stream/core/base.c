#include <millrace/base.h>

#include <stdio.h>
#include <stdlib.h>

#define XXH_STATIC_LINKING_ONLY // the state on the stack
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
id_update(XXH3_state_t *state, const struct mr_str *parts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t len = (uint32_t)parts[i].n;
		unsigned char le[4] = {(unsigned char)len, (unsigned char)(len >> 8), (unsigned char)(len >> 16),
		    (unsigned char)(len >> 24)};

		MR_ASSERT(parts[i].n <= UINT32_MAX);
		XXH3_128bits_update(state, le, sizeof(le));
		XXH3_128bits_update(state, parts[i].p, parts[i].n);
	}
}

void
mr_id(char out[33], const struct mr_str *parts, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	XXH3_state_t state;
	XXH128_canonical_t digest;

	XXH3_128bits_reset(&state);
	id_update(&state, parts, n);
	XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(&state));
	for (size_t i = 0; i < 16; i++) {
		out[2 * i] = hex[digest.digest[i] >> 4];
		out[2 * i + 1] = hex[digest.digest[i] & 15];
	}
	out[32] = '\0';
}
