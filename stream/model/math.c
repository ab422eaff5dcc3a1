// Argument reduction by powers of two and minimax polynomials on what is left. The polynomials'
// coefficients are fdlibm's (Sun Microsystems, 1993, freely granted); the order of operations is
// ours and part of the contract: changing it changes bits, and with them every later replay.
#include "model/math.h"

#include <float.h>
#include <millrace/base.h>

_Static_assert(FLT_EVAL_METHOD == 0 || FLT_EVAL_METHOD == 16 /* only _Float16 is special */, "double arithmetic must round after every operation");

#define INF __builtin_inf()
#define NOT_A_NUMBER __builtin_nan("")

// ln 2 in two parts; the first has 32 trailing zero bits, so that k * LN2_HI is exact.
static const double LN2_HI = 6.93147180369123816490e-01, LN2_LO = 1.90821492927058770002e-10;
static const double INV_LN2 = 1.44269504088896338700e+00;
// 1 / ln 2 in two parts, the first with 32 trailing zero bits.
static const double INV_LN2_HI = 1.44269504072144627571e+00, INV_LN2_LO = 1.67517131648865118353e-10;

static uint64_t
bits_of(double x)
{
	uint64_t u;

	memcpy(&u, &x, sizeof(u));
	return u;
}

static double
of_bits(uint64_t u)
{
	double x;

	memcpy(&x, &u, sizeof(x));
	return x;
}

// 2^k for k in [-1022, 1023].
static double
power_of_two(int k)
{
	MR_ASSERT(k >= -1022 && k <= 1023);
	return of_bits((uint64_t)(k + 1023) << 52);
}

// y * 2^k with one rounding: steps that can't be subnormal before the last.
static double
scale(double y, int k)
{
	if (k > 1023)
		return y * power_of_two(1023) * power_of_two(k - 1023);
	if (k < -1021)
		return y * power_of_two(k + 1000) * power_of_two(-1000);
	return y * power_of_two(k);
}

// exp(hi - lo) * 2^k for |hi - lo| <= ln 2 / 2.
static double
exp_kernel(double hi, double lo, int k)
{
	double x = hi - lo, t = x * x;
	double c = x - t * (1.66666666666666019037e-01 + t * (-2.77777777770155933842e-03 +
	    t * (6.61375632143793436117e-05 + t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))));
	double y = 1.0 + (x * c / (2.0 - c) - lo + hi);

	return k == 0 ? y : scale(y, k);
}

// The nearest integer, ties away from zero; |x| < 2000.
static int
nearest(double x)
{
	return (int)(x < 0 ? x - 0.5 : x + 0.5);
}

double
mr_exp(double x)
{
	if (x != x)
		return x;
	if (x > 709.782712893383973096)
		return INF;
	if (x < -745.13321910194110842)
		return 0.0;
	if (x > -3.7e-9 && x < 3.7e-9) // 2^-28: the next term is below half an ulp
		return 1.0 + x;
	int k = nearest(x * INV_LN2);
	return exp_kernel(x - k * LN2_HI, k * LN2_LO, k);
}

double
mr_exp2(double x)
{
	if (x != x)
		return x;
	if (x >= 1024.0)
		return INF;
	if (x < -1075.0)
		return 0.0;
	int k = nearest(x);
	double f = x - k; // exact
	if (f == 0)
		return scale(1.0, k);
	// f * ln 2 in two parts: f's upper half times LN2_HI is exact.
	double upper = of_bits(bits_of(f) & 0xffffffff00000000u), lower = f - upper;
	double hi = upper * LN2_HI;
	return exp_kernel(hi, -(lower * LN2_HI + f * LN2_LO), k);
}

// x = 2^k * (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)); x finite and above 0.
static double
split(double x, int *k)
{
	*k = 0;
	if (x < DBL_MIN) {
		x *= 18014398509481984.0; // 2^54
		*k = -54;
	}
	uint64_t u = bits_of(x);
	// Adding this carries into the exponent from mantissas at or above that of sqrt(2).
	uint64_t t = u + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);
	*k += (int)(t >> 52) - 1023;
	u = (t & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu;
	double m = of_bits(u);
	MR_ASSERT(m > 0.7 && m < 1.42);
	return m - 1.0;
}

// log(1 + f) = f - f * f / 2 + what this returns, times s, which it gives too (s = f / (2 + f)).
static double
log_kernel(double f, double *s)
{
	double q = f / (2.0 + f), z = q * q, w = z * z;
	double t1 = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
	double t2 = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 +
	    w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));

	*s = q;
	return t2 + t1;
}

// What a logarithm is where it needs no arithmetic: true and the answer in *y.
static bool
log_edge(double x, double *y)
{
	if (x > 0 && x < INF)
		return false;
	*y = x == 0 ? -INF : x < 0 ? NOT_A_NUMBER : x;
	return true;
}

// k * ln 2 + log(1 + f) + c
static double
log_sum(int k, double f, double c)
{
	double s, half = 0.5 * f * f, r = log_kernel(f, &s);

	return s * (half + r) + (k * LN2_LO + c) - half + f + k * LN2_HI;
}

double
mr_log(double x)
{
	double y;
	int k;

	if (log_edge(x, &y))
		return y;
	double f = split(x, &k);
	return log_sum(k, f, 0.0);
}

double
mr_log1p(double x)
{
	double y, u = 1.0 + x;
	int k;

	if (log_edge(u, &y))
		return y;
	if (x > -1.2e-16 && x < 1.2e-16)
		return x;
	// What 1 + x lost by rounding, relative to it.
	double c = (u >= 2.0 ? 1.0 - (u - x) : x - (u - 1.0)) / u;
	double f = split(u, &k);
	if (k == 0) {
		f = x; // more digits than u - 1 has
		c = 0.0;
	}
	return log_sum(k, f, c);
}

double
mr_log2(double x)
{
	double y, s;
	int k;

	if (log_edge(x, &y))
		return y;
	double f = split(x, &k), half = 0.5 * f * f, r = log_kernel(f, &s);
	// log(1 + f) as hi + lo, hi with its lower half zero so that hi * INV_LN2_HI is exact.
	double hi = of_bits(bits_of(f - half) & 0xffffffff00000000u);
	double lo = (f - hi) - half + s * (half + r);
	double a = hi * INV_LN2_HI, b = (lo + hi) * INV_LN2_LO + lo * INV_LN2_HI;
	// k + a + b, keeping what k + a loses.
	double w = k + a;
	return w + (b + ((k - w) + a));
}

double
mr_sqrt(double x)
{
	return __builtin_sqrt(x);
}

double
mr_logistic(double x)
{
	return 1.0 / (1.0 + mr_exp(-x));
}
