#include "model/math.h"
#include "state.h"

#define MISSING __builtin_nan("")
// A user with few gaps is taken for somebody with two of 30 days and a deviation of 1 of their log.
#define PRIOR_GAP 30.0
#define PRIOR_N 2.0

static const double LN2 = 0x1.62e42fefa39efp-1;

enum {
	REC, T, N, RATE, LAMT, LAM, LLAST, ATREND, GM, GSD, CV, GMS, R_GMS, ZL, R_GMAX, R_GEW, G1, G2, G3, TR3, ACC,
	D7, D30, D90, D30_90, LM30, LM90, ITEMS, ITEMS1, LINES, LINES1, OPN, WKEND, MAXDOW, R90, RRATIO, TX, H0,
	NAMED = H0 + CHURN_GAP_BINS,
};
_Static_assert(NAMED == CHURN_FEATURES, "");

const char *const churn_feature_names[CHURN_FEATURES] = {
	"rec", "T", "n", "rate", "lamt", "lam", "llast", "atrend", "gm", "gsd", "cv", "gms", "r_gms", "zl", "r_gmax",
	"r_gew", "g1", "g2", "g3", "tr3", "acc", "D7", "D30", "D90", "D30_90", "lM30", "lM90", "items", "items1",
	"lines", "lines1", "opn", "wkend", "maxdow", "R90", "Rratio", "tx",
	"h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8", "h9", "h10", "h11",
};

int
churn_feature(struct mr_str name)
{
	for (int i = 0; i < CHURN_FEATURES; i++) {
		if (mr_str_eq(name, mr_str_of(churn_feature_names[i])))
			return i;
	}
	return -1;
}

static double
at_least(double v, double min)
{
	return v > min ? v : min;
}

static double
log_money(double v)
{
	return mr_log1p(at_least(v, 0));
}

static void
time_features(const struct churn_state *s, double rec, double *f)
{
	double x = s->n - 1.0, sum = (double)s->day_last - s->day_first;

	f[GM] = x >= 1 ? s->gap_mean : MISSING;
	f[GSD] = x >= 2 ? mr_sqrt(s->gap_m2 / (x - 1)) : MISSING;
	f[CV] = x >= 2 ? f[GSD] / f[GM] : MISSING;
	f[GMS] = (PRIOR_N * PRIOR_GAP + sum) / (PRIOR_N + x);
	f[R_GMS] = rec / f[GMS];
	double log_mean = (PRIOR_N * mr_log(PRIOR_GAP) + x * s->log_mean) / (PRIOR_N + x);
	double log_sd = mr_sqrt((PRIOR_N * 1.0 + s->log_m2) / (PRIOR_N + x));
	f[ZL] = (mr_log(rec + 1.0) - log_mean) / log_sd;
	f[R_GMAX] = x >= 1 ? rec / at_least(s->gap_max, 1.0) : MISSING;
	f[R_GEW] = x >= 1 ? rec / s->gap_average : MISSING;
	f[G1] = x >= 1 ? s->gaps[0] : MISSING;
	f[G2] = x >= 2 ? s->gaps[1] : MISSING;
	f[G3] = x >= 3 ? s->gaps[2] : MISSING;
	f[TR3] = x >= 3 ? (s->gaps[0] - s->gaps[2]) / (s->gaps[0] + s->gaps[1] + s->gaps[2]) : MISSING;
	f[ACC] = x >= 1 ? mr_log((s->gaps[0] + 1.0) / (f[GMS] + 1.0)) : 0.0;
	f[TX] = sum;
	for (size_t i = 0; i < CHURN_GAP_BINS; i++)
		f[H0 + i] = s->gap_bins[i];
}

static void
decayed_features(const struct churn_state *s, double rec, double *f)
{
	double q = mr_exp(-LN2 * rec / 90.0), q30 = q * q * q;

	f[D7] = s->count_7 * mr_exp(-LN2 * rec / 7.0);
	f[D30] = s->count_30 * q30;
	f[D90] = s->count_90 * q;
	f[D30_90] = f[D90] > 1e-12 ? f[D30] / f[D90] : 0.0;
	f[LM30] = log_money(s->money_30 * q30);
	f[LM90] = log_money(s->money_90 * q);
}

static void
basket_features(const struct churn_state *s, double *f)
{
	uint32_t most = 0;
	double n = s->n, mean = s->amount / n;
	double newest = s->n < 2 ? s->amount_last : (1 - 0.3) * s->amount_average + 0.3 * s->amount_last;

	f[LAMT] = log_money(s->amount);
	f[LAM] = log_money(mean);
	f[LLAST] = log_money(s->amount_last);
	f[ATREND] = log_money(newest) - log_money(mean);
	f[ITEMS] = s->items / n;
	f[ITEMS1] = s->items_last;
	f[LINES] = s->lines / n;
	f[LINES1] = s->lines_last;
	f[OPN] = s->orders / n;
	for (size_t i = 0; i < 7; i++)
		most = s->weekday[i] > most ? s->weekday[i] : most;
	f[WKEND] = ((double)s->weekday[5] + s->weekday[6]) / n;
	f[MAXDOW] = most / n;
}

void
churn_features(const struct churn_state *s, int32_t observed, double f[CHURN_FEATURES])
{
	double rec = (double)observed - s->day_last, tenure = (double)observed - s->day_first;

	MR_ASSERT(s->n > 0 && rec >= 0);
	f[REC] = rec;
	f[T] = tenure;
	f[N] = s->n;
	f[RATE] = (s->n - 1.0) / (tenure + 1.0);
	time_features(s, rec, f);
	decayed_features(s, rec, f);
	basket_features(s, f);
	f[R90] = s->refunds ? s->refunds_90 * mr_exp(-LN2 * ((double)observed - s->day_refund) / 90.0) : 0.0;
	f[RRATIO] = s->refund_amount / (s->amount + 1.0);
}
