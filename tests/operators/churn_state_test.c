#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../operators/churn/state.h"

#include <millrace/writer.h>

static struct churn_state
roundtrip(const struct churn_state *s)
{
	struct churn_state back = {0};
	struct mr_writer w;

	mr_writer_init(&w, MR_MSGPACK);
	mr_write_array(&w, CHURN_NUMBERS);
	churn_state_write(s, &w);
	struct mr_reader r = mr_reader_of(mr_writer_str(&w));
	cr_assert(mr_read_array(&r) == CHURN_NUMBERS);
	cr_assert(churn_state_read(&back, &r) && mr_reader_done(&r));
	mr_writer_free(&w);
	return back;
}

static void
compare(const struct churn_state *s, char *line, int number)
{
	double f[CHURN_FEATURES];
	char *at = line;

	churn_features(s, (int32_t)strtol(at, &at, 10), f);
	for (int i = 0; i < CHURN_FEATURES; i++) {
		double want = strtod(at, &at), off = fabs(f[i] - want);
		cr_assert((isnan(want) && isnan(f[i])) || off <= 1e-12 * (1 + fabs(want)), "line %d: %s is %.17g, not %.17g",
		    number, churn_feature_names[i], f[i], want);
	}
	cr_assert(strspn(at, " \n") == strlen(at));
}

Test(churn_state, agrees_with_the_reference)
{
	FILE *f = fopen("tests/operators/fixtures/churn_state.txt", "r");
	struct churn_state s = {0};
	char line[4096];
	int compared = 0, refunds = 0;

	cr_assert(f != NULL);
	for (int n = 1; fgets(line, sizeof(line), f); n++) {
		struct churn_order o;

		if (strncmp(line, "user", 4) == 0) {
			s = (struct churn_state){0};
		} else if (sscanf(line, "purchase %d %lf %lf %lf", &o.day, &o.amount, &o.items, &o.lines) == 4) {
			cr_assert(churn_purchase(&s, &o));
			s = roundtrip(&s);
		} else if (sscanf(line, "refund %d %lf", &o.day, &o.amount) == 2) {
			churn_refund(&s, o.day, o.amount);
			refunds++;
		} else {
			cr_assert(strncmp(line, "features ", 9) == 0);
			compare(&s, line + 9, n);
			compared++;
		}
	}
	cr_assert(compared > 100 && refunds > 20);
	fclose(f);
}

Test(churn_state, names_are_found)
{
	cr_assert(churn_feature(MR_LIT("rec")) == 0 && churn_feature(MR_LIT("h11")) == CHURN_FEATURES - 1);
	cr_assert(churn_feature(MR_LIT("h12")) == -1 && churn_feature(MR_LIT("")) == -1);
}

// The last whole day; never before what has already happened on the present one.
Test(churn_state, observed_day)
{
	struct churn_state s = {0};
	const int64_t day = 86400000;
	struct churn_order o = {.day = 100, .amount = 1};

	churn_purchase(&s, &o);
	cr_assert(churn_observed(&s, 100 * day + 5) == 100);
	cr_assert(churn_observed(&s, 101 * day - 1) == 100);
	cr_assert(churn_observed(&s, 102 * day - 1) == 100);
	cr_assert(churn_observed(&s, 102 * day) == 101);
	churn_refund(&s, 105, 1);
	cr_assert(churn_observed(&s, 105 * day + 1) == 105 && churn_observed(&s, 110 * day) == 109);
	struct churn_state early = {0};
	o.day = -10;
	churn_purchase(&early, &o);
	cr_assert(churn_observed(&early, -3 * day - 1) == -5);
}

// A late order adds to sums, opens no gap, and makes nobody look as if he had just come back.
Test(churn_state, late_orders)
{
	struct churn_state s = {0}, before;
	struct churn_order o = {.day = 100, .amount = 10, .items = 2, .lines = 1};

	churn_purchase(&s, &o);
	o.day = 130;
	churn_purchase(&s, &o);
	before = s;
	o.day = 40;
	cr_assert(!churn_purchase(&s, &o));
	cr_assert(s.n == before.n && s.day_last == 130 && s.day_first == 100 && s.gap_mean == before.gap_mean);
	cr_assert(s.orders == 3 && s.amount == 30 && s.items == 6 && s.lines == 3);
	cr_assert(fabs(s.money_90 - before.money_90 - 5) < 1e-12 && fabs(s.money_30 - before.money_30 - 1.25) < 1e-12);
	churn_refund(&s, 130, 3);
	churn_refund(&s, 40, -3);
	cr_assert(s.refunds == 2 && s.refund_amount == 6 && s.day_refund == 130 && fabs(s.refunds_90 - 1.5) < 1e-12);
}

// What can't be a user's numbers is refused, whatever the bytes.
Test(churn_state, damaged_records_are_refused)
{
	struct churn_state s = {0}, back;
	struct churn_order o = {.day = 100, .amount = 10.5, .items = 2, .lines = 1};
	struct mr_writer w;

	churn_purchase(&s, &o);
	mr_writer_init(&w, MR_MSGPACK);
	churn_state_write(&s, &w);
	for (size_t n = 0; n < w.n; n++) {
		struct mr_reader r = mr_reader_of((struct mr_str){w.p, n});
		cr_assert(!churn_state_read(&back, &r), "cut to %zu bytes", n);
	}
	mr_writer_free(&w);
	s.day_first = 101;
	mr_writer_init(&w, MR_MSGPACK);
	churn_state_write(&s, &w);
	struct mr_reader r = mr_reader_of(mr_writer_str(&w));
	cr_assert(!churn_state_read(&back, &r));
	mr_writer_free(&w);
}
