#include "model/bgnbd.h"

#include <millrace/base.h>

#include "model/math.h"

double
mr_bgnbd_alive(const struct mr_bgnbd *p, double x, double tx, double T)
{
	MR_ASSERT(p->r > 0 && p->alpha > 0 && p->a > 0 && p->b > 0);
	MR_ASSERT(tx >= 0 && T >= tx && x >= 0);
	if (x < 1)
		return 1.0;
	double silent = mr_exp((p->r + x) * (mr_log(p->alpha + T) - mr_log(p->alpha + tx)));
	return 1.0 / (1.0 + p->a / (p->b + x - 1.0) * silent);
}

double
mr_bgnbd_no_purchase(const struct mr_bgnbd *p, double x, double tx, double T, double h)
{
	MR_ASSERT(h >= 0);
	double now = mr_log(p->alpha + T), then = mr_log(p->alpha + T + h);

	return 1.0 - mr_bgnbd_alive(p, x, tx, T) * (1.0 - mr_exp((p->r + x) * (now - then)));
}
