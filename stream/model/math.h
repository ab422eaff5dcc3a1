// exp and log of our own: the same bits on every machine. libm's differ between CPUs with and
// without fused multiply-add, so nothing that a task computes may call them.
//
// Error, measured by tests/model/math_test.c against long double: below 0.9 ulp for all over
// their whole range (results that are subnormal: below 1 ulp of the subnormal spacing).
// Edges are IEEE's: exp overflows to +inf and underflows to 0, log of 0 is -inf, of a negative
// number NaN; NaN goes in and out. Thread: any.
#ifndef MR_MODEL_MATH_H
#define MR_MODEL_MATH_H

#ifdef __cplusplus
extern "C" {
#endif

double mr_exp(double x);
double mr_exp2(double x);   // exact where x is an integer
double mr_log(double x);
double mr_log2(double x);   // exact where x is a power of two
double mr_log1p(double x);  // log(1 + x)
double mr_sqrt(double x);   // IEEE: correctly rounded

// 1 / (1 + exp(-x)).
double mr_logistic(double x);

#ifdef __cplusplus
}
#endif
#endif
