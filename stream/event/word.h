// Eight bytes at once.
#ifndef MR_EVENT_WORD_H
#define MR_EVENT_WORD_H

#include <stdint.h>
#include <string.h>

// The eight bytes at p; little-endian on every machine.
static inline uint64_t
mr_word(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

#endif
