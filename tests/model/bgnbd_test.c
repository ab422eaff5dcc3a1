#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "model/bgnbd.h"

#include <millrace/base.h>

Test(bgnbd, agrees_with_the_reference)
{
	FILE *f = fopen("tests/model/fixtures/bgnbd.txt", "r");
	double v[10];
	int n = 0, field = 0;

	cr_assert(f != NULL);
	while (fscanf(f, "%lf", &v[field]) == 1) {
		if (++field < 10)
			continue;
		field = 0;
		struct mr_bgnbd p = {v[0], v[1], v[2], v[3]};
		double alive = mr_bgnbd_alive(&p, v[4], v[5], v[6]);
		double none = mr_bgnbd_no_purchase(&p, v[4], v[5], v[6], v[7]);
		cr_assert(fabs(alive - v[8]) < 1e-9, "line %d: alive %.17g, not %.17g", n + 1, alive, v[8]);
		cr_assert(fabs(none - v[9]) < 1e-9, "line %d: no purchase %.17g, not %.17g", n + 1, none, v[9]);
		n++;
	}
	cr_assert(n == 500 && field == 0);
	fclose(f);
}

// The longer the silence, the likelier that it goes on; the longer the horizon, the less likely.
Test(bgnbd, moves_as_it_should)
{
	struct mr_bgnbd p = {0.243, 4.414, 0.793, 2.426};
	double last = -1;

	for (int week = 10; week < 2000; week += 7) {
		double none = mr_bgnbd_no_purchase(&p, 3, 10, week, 13);
		cr_assert(none > last && none <= 1);
		last = none;
	}
	cr_assert(mr_bgnbd_no_purchase(&p, 3, 10, 20, 0) == 1);
	cr_assert(mr_bgnbd_no_purchase(&p, 3, 10, 20, 26) < mr_bgnbd_no_purchase(&p, 3, 10, 20, 13));
	cr_assert(mr_bgnbd_alive(&p, 0, 0, 500) == 1);
	// A long silence after many purchases overflows no exponent into a wrong answer.
	cr_assert(mr_bgnbd_alive(&p, 3000, 430, 1e6) == 0 && mr_bgnbd_no_purchase(&p, 3000, 430, 1e6, 13) == 1);
}
