// Decimal text to double, correctly rounded, without strtod and its locale.
#ifndef MR_MODEL_NUMBER_H
#define MR_MODEL_NUMBER_H

#include <millrace/base.h>

// "-12.5e-3": digits with an optional sign, point and exponent; at most 19 significant digits
// (%.17g writes 17). False for anything else (text around it, inf, nan, a result that is not
// finite). Thread: any.
bool mr_model_number(struct mr_str, double *);

#endif
