#include "event/escape.h"

// 0: as it is; 'u': \u00XX; else the letter after the backslash.
static char
escape_of(unsigned char c)
{
	static const char low[] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";

	if (c < 32)
		return low[c];
	return c == '"' || c == '\\' ? (char)c : 0;
}

// Of eight bytes: whether any of them is a quote, a backslash or below a space.
static inline bool
any_to_escape(uint64_t v)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
	uint64_t quote = v ^ ones * '"', back = v ^ ones * '\\';
	return (((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote) | ((back - ones) & ~back)) & high;
}

typedef unsigned char block16 __attribute__((vector_size(16)));

// Copies a block; whether any of its bytes is to be escaped.
static inline bool
copy_block(char *out, const char *p)
{
	block16 v;
	uint64_t bad[2];

	memcpy(&v, p, sizeof(v));
	memcpy(out, &v, sizeof(v));
	block16 found = (block16)((v == '"') | (v == '\\') | (v < 32));
	memcpy(bad, &found, sizeof(bad));
	return bad[0] | bad[1];
}

// Copies a text; false where any of its bytes is to be escaped. The last block overlaps the one before.
static inline bool
copy_plain(char *out, const char *p, size_t n)
{
	bool bad = false;

	if (n >= 16) {
		for (size_t i = 0; i + 16 < n; i += 16)
			bad |= copy_block(out + i, p + i);
		return !(bad | copy_block(out + n - 16, p + n - 16));
	}
	if (n >= 8) {
		uint64_t first, last;
		memcpy(&first, p, 8);
		memcpy(&last, p + n - 8, 8);
		memcpy(out, &first, 8);
		memcpy(out + n - 8, &last, 8);
		return !(any_to_escape(first) | any_to_escape(last));
	}
	if (n >= 4) {
		uint32_t first, last;
		memcpy(&first, p, 4);
		memcpy(&last, p + n - 4, 4);
		memcpy(out, &first, 4);
		memcpy(out + n - 4, &last, 4);
		return !any_to_escape(first | (uint64_t)last << 32);
	}
	for (size_t i = 0; i < n; i++) {
		out[i] = p[i];
		bad |= escape_of((unsigned char)p[i]) != 0;
	}
	return !bad;
}

static char *
put_escaped(char *out, struct mr_str s)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char e = escape_of(c);
		if (e == 0) {
			*out++ = (char)c;
			continue;
		}
		*out++ = '\\';
		*out++ = e;
		if (e == 'u') {
			*out++ = '0';
			*out++ = '0';
			*out++ = hex[c >> 4];
			*out++ = hex[c & 15];
		}
	}
	return out;
}

size_t
mr_escape(char *out, struct mr_str s)
{
	char *end = out + 1 + s.n;

	*out = '"';
	if (!copy_plain(out + 1, s.p, s.n))
		end = put_escaped(out + 1, s);
	*end = '"';
	return (size_t)(end + 1 - out);
}
