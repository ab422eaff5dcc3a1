#include "event/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
mr_base64(char *out, struct mr_str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = 0;

	for (; i + 3 <= s.n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = digits[v >> 6 & 63];
		*out++ = digits[v & 63];
	}
	if (i == s.n)
		return;
	bool two = s.n - i == 2;
	uint32_t v = (uint32_t)p[i] << 16 | (two ? (uint32_t)p[i + 1] << 8 : 0);
	*out++ = digits[v >> 18];
	*out++ = digits[v >> 12 & 63];
	*out++ = two ? digits[v >> 6 & 63] : '=';
	*out = '=';
}
