#include "model/number.h"

#define WORDS 48        // 1,536 bits: 64 of digits, and 10^340 or what a quotient by it needs
#define EXPONENT_MAX 400

// An unsigned number of many words, the least significant first.
struct big {
	uint32_t w[WORDS];
	int n;
};

static void
big_multiply(struct big *b, uint32_t by)
{
	uint64_t carry = 0;

	for (int i = 0; i < b->n; i++) {
		carry += (uint64_t)b->w[i] * by;
		b->w[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry) {
		MR_ASSERT(b->n < WORDS);
		b->w[b->n++] = (uint32_t)carry;
	}
}

// Returns the remainder.
static uint32_t
big_divide(struct big *b, uint32_t by)
{
	uint64_t rest = 0;

	for (int i = b->n - 1; i >= 0; i--) {
		rest = rest << 32 | b->w[i];
		b->w[i] = (uint32_t)(rest / by);
		rest %= by;
	}
	while (b->n > 0 && b->w[b->n - 1] == 0)
		b->n--;
	return (uint32_t)rest;
}

static int
big_bits(const struct big *b)
{
	return b->n == 0 ? 0 : 32 * b->n - __builtin_clz(b->w[b->n - 1]);
}

static bool
big_bit(const struct big *b, int i)
{
	return i >= 0 && b->w[i / 32] >> (i % 32) & 1;
}

static bool
big_any_below(const struct big *b, int bit)
{
	for (int i = 0; i < bit; i++) {
		if (big_bit(b, i))
			return true;
	}
	return false;
}

// b * 2^shift, rounded to even; `sticky`: something was cut off below b.
static bool
to_double(const struct big *b, int shift, bool sticky, double *out)
{
	int bits = big_bits(b), exponent = bits - 1 + shift; // of the leading bit
	int keep = exponent >= -1022 ? 53 : 53 - (-1022 - exponent);
	int from = bits - keep; // lowest bit that is kept
	uint64_t m = 0;

	if (keep < 0) {
		*out = 0;
		return true;
	}
	for (int i = bits - 1; i >= from; i--)
		m = m << 1 | big_bit(b, i);
	if (big_bit(b, from - 1) && (m & 1 || sticky || big_any_below(b, from - 1)))
		m++;
	// A mantissa without its leading bit, or one that carried, fits the format by addition.
	uint64_t u = exponent >= -1022 ? ((uint64_t)(exponent + 1022) << 52) + m : m;
	if (exponent > 1023 || u >= 0x7ff0000000000000u)
		return false;
	memcpy(out, &u, sizeof(*out));
	return true;
}

// digits * 10^exponent
static bool
scaled(uint64_t digits, int exponent, double *out)
{
	struct big b = {.n = 0};
	bool sticky = false;
	int shift = 0;

	if (digits == 0 || exponent < -360) {
		*out = 0;
		return true;
	}
	if (exponent > 310)
		return false;
	if (exponent < 0) { // room below, so that the quotient keeps over 64 bits
		shift = -32 * ((-exponent * 10 / 3 + 31) / 32 + 3);
		b.n = -shift / 32;
	}
	MR_ASSERT(b.n + 2 <= WORDS);
	b.w[b.n++] = (uint32_t)digits;
	b.w[b.n++] = (uint32_t)(digits >> 32);
	for (int e = exponent; e > 0; e--)
		big_multiply(&b, 10);
	for (int e = exponent; e < 0; e++)
		sticky |= big_divide(&b, 10) != 0;
	while (b.n > 0 && b.w[b.n - 1] == 0)
		b.n--;
	return to_double(&b, shift, sticky, out);
}

// Reads digits into *value; those behind the point lower *exponent. False: over 19 significant ones.
static bool
read_digits(const char **p, const char *end, bool behind_point, uint64_t *value, int *exponent, int *seen)
{
	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
		if (*value > (UINT64_MAX - 9) / 10 || *exponent < -EXPONENT_MAX)
			return false;
		*value = *value * 10 + (uint64_t)(**p - '0');
		*exponent -= behind_point;
		(*seen)++;
	}
	return true;
}

static bool
read_exponent(const char **p, const char *end, int *exponent)
{
	bool minus = false;
	int e = 0, digits = 0;

	if (*p == end || (**p != 'e' && **p != 'E'))
		return true;
	(*p)++;
	if (*p < end && (**p == '-' || **p == '+'))
		minus = *(*p)++ == '-';
	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++, digits++) {
		if (e <= EXPONENT_MAX)
			e = e * 10 + (**p - '0');
	}
	*exponent += minus ? -e : e;
	return digits > 0;
}

bool
mr_model_number(struct mr_str s, double *out)
{
	const char *p = s.p, *end = s.p + s.n;
	bool minus = false;
	uint64_t digits = 0;
	int exponent = 0, seen = 0;

	if (p < end && (*p == '-' || *p == '+'))
		minus = *p++ == '-';
	if (!read_digits(&p, end, false, &digits, &exponent, &seen))
		return false;
	if (p < end && *p == '.') {
		p++;
		if (!read_digits(&p, end, true, &digits, &exponent, &seen))
			return false;
	}
	if (seen == 0 || !read_exponent(&p, end, &exponent) || p != end)
		return false;
	if (!scaled(digits, exponent, out))
		return false;
	if (minus)
		*out = -*out;
	return true;
}
