// The one C++ file: wraps simdjson On-Demand, std::to_chars and std::from_chars for the C around it.
#include "event/decode.h"

#include <charconv>
#include <cmath>

// The longest shortest form is 24 bytes: "-1.7976931348623157e+308".
#define NUM_BYTES 32
// Up to here every integral double is exact, and prints as an integer.
#define EXACT_MAX 9007199254740992.0

extern "C" size_t
mr_num_format(char out[NUM_BYTES], double d)
{
	MR_ASSERT(std::isfinite(d));
	std::to_chars_result r;
	if (d >= -EXACT_MAX && d <= EXACT_MAX && d == static_cast<double>(static_cast<int64_t>(d)))
		r = std::to_chars(out, out + NUM_BYTES, static_cast<int64_t>(d));  // -0 is 0
	else
		r = std::to_chars(out, out + NUM_BYTES, d);
	MR_ASSERT(r.ec == std::errc());
	return static_cast<size_t>(r.ptr - out);
}

static const char *
digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

// JSON's grammar of numbers: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
// Returns the exponent part's position, or the end; NULL where it is no number.
static const char *
num_grammar(const char *p, const char *end)
{
	const char *q;

	if (p < end && *p == '-')
		p++;
	q = digits(p, end);
	if (q == p || (*p == '0' && q - p > 1))
		return nullptr;
	if (q < end && *q == '.') {
		p = q + 1;
		q = digits(p, end);
		if (q == p)
			return nullptr;
	}
	const char *exponent = q;
	if (q < end && (*q == 'e' || *q == 'E')) {
		p = q + 1;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		q = digits(p, end);
		if (q == p)
			return nullptr;
	}
	return q == end ? exponent : nullptr;
}

extern "C" bool
mr_num_parse(struct mr_str s, double *out)
{
	const char *end = s.p + s.n;
	const char *exponent = s.n ? num_grammar(s.p, end) : nullptr;
	if (exponent == nullptr)
		return false;
	double d = 0;
	std::from_chars_result r = std::from_chars(s.p, end, d);
	if (r.ec == std::errc::result_out_of_range) {
		// Too small is zero, as every JSON parser has it; too large is no number of ours. A number
		// that is too small has a negative exponent, or begins with "0." and zeros.
		bool small = end - exponent > 1 ? exponent[1] == '-' : s.p[*s.p == '-'] == '0';
		if (!small)
			return false;
		d = 0;
	} else if (r.ec != std::errc() || r.ptr != end) {
		return false;
	}
	if (!std::isfinite(d))
		return false;
	*out = d;
	return true;
}
