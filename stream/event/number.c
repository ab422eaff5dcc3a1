#include "event/number.h"

#include "event/decode.h"
#include "event/simd.h"

// Up to here every integral double is exact, and prints as an integer.
#define EXACT_MAX (UINT64_C(1) << 53)

static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
	1e15, 1e16, 1e17, 1e18, 1e19};

size_t
mr_num_format(char out[32], double d)
{
	const double max = (double)EXACT_MAX;
	char digits[20];
	size_t n = sizeof(digits), size = 0;

	MR_ASSERT(d - d == 0);   // finite
	if (d < -max || d > max || d != (double)(int64_t)d)
		return mr_simd_format(out, d);
	uint64_t v = (uint64_t)(d < 0 ? -d : d);   // -0 is 0
	do
		digits[--n] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	if (d < 0)
		out[size++] = '-';
	memcpy(out + size, digits + n, sizeof(digits) - n);
	return size + sizeof(digits) - n;
}

struct number {
	uint64_t mantissa;        // all digits before the exponent; wrong where there are more than 19
	uint32_t digits, decimals;
	const char *exponent;     // NULL: none
	bool negative;
};

static bool
digits(const char **p, const char *end, struct number *n)
{
	const char *from = *p;

	for (; *p < end && (unsigned char)(**p - '0') < 10; ++*p)
		n->mantissa = n->mantissa * 10 + (unsigned char)(**p - '0');
	n->digits += (uint32_t)(*p - from);
	return *p > from;
}

// JSON's grammar of numbers: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
static bool
grammar(const char *p, const char *end, struct number *n)
{
	*n = (struct number){0};
	n->negative = p < end && *p == '-';
	p += n->negative;
	bool zero = p < end && *p == '0';
	if (!digits(&p, end, n) || (zero && n->digits > 1))
		return false;
	if (p < end && *p == '.') {
		uint32_t before = n->digits;
		p++;
		if (!digits(&p, end, n))
			return false;
		n->decimals = n->digits - before;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		struct number unused = {0};
		n->exponent = p++;
		p += p < end && (*p == '+' || *p == '-');
		if (!digits(&p, end, &unused))
			return false;
	}
	return p == end;
}

// Whether a number that no double holds is too small, not too large: by the place of its first digit.
static bool
too_small(const char *p, const char *end, const struct number *n)
{
	int64_t place = 0, exponent = 0;
	const char *stop = n->exponent ? n->exponent : end;

	p += n->negative;
	if (*p != '0') {
		place = (int64_t)(n->digits - n->decimals);
	} else {
		for (p += 2; p < stop && *p == '0'; p++)
			place--;
	}
	if (n->exponent) {
		bool minus = stop[1] == '-';
		for (p = stop + 1 + (minus || stop[1] == '+'); p < end && exponent < INT32_MAX; p++)
			exponent = exponent * 10 + (*p - '0');
		place += minus ? -exponent : exponent;
	}
	return place < 0;
}

bool
mr_num_grammar(const char *p, const char *end)
{
	struct number n;

	return grammar(p, end, &n);
}

// The usual number: up to 15 digits with at most one dot among them. False: some other one, or none.
static inline bool
usual(const char *p, const char *end, double *out)
{
	bool negative = p < end && *p == '-';
	uint64_t mantissa = 0;
	const char *from = p + negative, *dot = NULL;

	if (end - from > 16 || end - from < 1 || (*from == '0' && end - from > 1 && from[1] != '.'))
		return false;
	for (p = from; p < end; p++) {
		unsigned digit = (unsigned)(unsigned char)*p - '0';
		if (digit <= 9)
			mantissa = mantissa * 10 + digit;
		else if (*p == '.' && dot == NULL && p > from)
			dot = p;
		else
			return false;
	}
	if (dot == end - 1 || (dot == NULL && end - from == 16))
		return false;
	double d = dot ? (double)mantissa / tens[end - dot - 1] : (double)mantissa;
	*out = negative ? -d : d;
	return true;
}

// Few digits and no exponent: both parts are exact doubles, so one division rounds correctly.
enum mr_num_scan
mr_num_scan(const char *p, const char *end, double *out)
{
	struct number n;

	if (usual(p, end, out))
		return MR_NUM_OK;
	if (!grammar(p, end, &n))
		return MR_NUM_NONE;
	if (n.exponent || n.digits > 19 || n.mantissa > EXACT_MAX) {
		if (mr_simd_parse(p, end, out))
			return MR_NUM_OK;
		// Too small is zero, as every JSON parser has it.
		*out = 0;
		return too_small(p, end, &n) ? MR_NUM_OK : MR_NUM_TOO_LARGE;
	}
	MR_ASSERT(n.decimals < sizeof(tens) / sizeof(tens[0]));
	double d = (double)n.mantissa / tens[n.decimals];
	*out = n.negative ? -d : d;
	return MR_NUM_OK;
}

bool
mr_num_parse(struct mr_str s, double *out)
{
	return s.n > 0 && mr_num_scan(s.p, s.p + s.n, out) == MR_NUM_OK;
}
