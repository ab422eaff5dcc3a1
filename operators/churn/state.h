// What is kept of a user's purchases: 48 numbers, whatever their count, and what a model reads
// from them. Days are UTC, since 1970-01-01. Pure: no context, no configuration.
#ifndef MR_CHURN_STATE_H
#define MR_CHURN_STATE_H

#include <millrace/base.h>

#define CHURN_GAP_BINS 12  // up to 1, 3, 7, 14, 21, 30, 45, 60, 90, 120, 180 days, and more

// An occasion is a day with a purchase; a gap is the days from one occasion to the next.
struct churn_state {
	// Occasions, orders, refunds.
	uint32_t n, orders, refunds;
	int32_t day_first, day_last, day_refund;
	// The last occasion, and sums over all.
	double amount_last, items_last, lines_last;
	double amount, items, lines;
	// Gaps: mean and sum of squared deviations, of the gap and of its logarithm (Welford).
	double gap_mean, gap_m2, log_mean, log_m2;
	// The newest three gaps, the longest; moving averages of gap and amount (0.3 for the newest).
	double gaps[3], gap_max, gap_average, amount_average;
	// Occasions and money, halved every so many days, as of day_last.
	double count_7, count_30, count_90, money_30, money_90;
	uint32_t weekday[7];               // occasions; 0: Monday
	uint32_t gap_bins[CHURN_GAP_BINS];
	// Refunds: their count, halved every 90 days, as of day_refund, and their sum.
	double refunds_90, refund_amount;
};

#define CHURN_NUMBERS 48

struct churn_order {
	int32_t day;
	double amount, items, lines;       // finite
};

// False: the order is of an earlier day than the last occasion. It is then added to what can take
// it (orders, sums, decayed money), and is no occasion: the gaps are closed.
bool churn_purchase(struct churn_state *, const struct churn_order *);
// A refund is never an occasion. Its amount counts without its sign. May come before any purchase.
void churn_refund(struct churn_state *, int32_t day, double amount);

// The last whole day that lies behind `now_ms`, but not before the last purchase or refund.
int32_t churn_observed(const struct churn_state *, int64_t now_ms);

// Features by the names of models trained on the same state; NaN: missing.
#define CHURN_FEATURES 49
extern const char *const churn_feature_names[CHURN_FEATURES];
// -1 where there is no feature of that name.
int churn_feature(struct mr_str name);
// As of the end of the day `observed`. Needs a purchase.
void churn_features(const struct churn_state *, int32_t observed, double out[CHURN_FEATURES]);

struct mr_writer;
struct mr_reader;
void churn_state_write(const struct churn_state *, struct mr_writer *);  // CHURN_NUMBERS items
// False where the numbers can't be those of a user.
bool churn_state_read(struct churn_state *, struct mr_reader *);

#endif
