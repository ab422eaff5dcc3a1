#include "state.h"

#include <millrace/writer.h>

#include "model/math.h"

#define NEWEST 0.3   // weight of the newest value in moving averages
#define DAY_MS 86400000

static const double LN2 = 0x1.62e42fefa39efp-1;
static const uint16_t gap_edges[CHURN_GAP_BINS - 1] = {1, 3, 7, 14, 21, 30, 45, 60, 90, 120, 180};

// What is left of 1 after some days.
static double
halved(double days, double half_life)
{
	return mr_exp(-LN2 * days / half_life);
}

static double
average(double before, double newest)
{
	return (1 - NEWEST) * before + NEWEST * newest;
}

static void
same_day(struct churn_state *s, const struct churn_order *o)
{
	s->amount_last += o->amount;
	s->items_last += o->items;
	s->lines_last += o->lines;
	s->money_30 += o->amount;
	s->money_90 += o->amount;
}

static void
add_gap(struct churn_state *s, double gap)
{
	bool first = s->n == 1;
	double k = s->n, delta = gap - s->gap_mean;
	size_t bin = 0;

	s->gap_mean += delta / k;
	s->gap_m2 += delta * (gap - s->gap_mean);
	double log_gap = mr_log(gap);
	delta = log_gap - s->log_mean;
	s->log_mean += delta / k;
	s->log_m2 += delta * (log_gap - s->log_mean);
	s->gaps[2] = s->gaps[1];
	s->gaps[1] = s->gaps[0];
	s->gaps[0] = gap;
	if (gap > s->gap_max)
		s->gap_max = gap;
	s->gap_average = first ? gap : average(s->gap_average, gap);
	// The last occasion is over: its amount is whole now.
	s->amount_average = first ? s->amount_last : average(s->amount_average, s->amount_last);
	while (bin < CHURN_GAP_BINS - 1 && gap > gap_edges[bin])
		bin++;
	s->gap_bins[bin]++;
	double q = halved(gap, 90), q30 = q * q * q;
	s->count_7 *= halved(gap, 7);
	s->count_30 *= q30;
	s->count_90 *= q;
	s->money_30 *= q30;
	s->money_90 *= q;
}

static void
new_occasion(struct churn_state *s, const struct churn_order *o)
{
	if (s->n == 0)
		s->day_first = o->day;
	else
		add_gap(s, (double)o->day - s->day_last);
	s->n++;
	s->day_last = o->day;
	s->count_7 += 1;
	s->count_30 += 1;
	s->count_90 += 1;
	s->money_30 += o->amount;
	s->money_90 += o->amount;
	s->amount_last = o->amount;
	s->items_last = o->items;
	s->lines_last = o->lines;
	s->weekday[((o->day + 3) % 7 + 7) % 7]++; // 1970-01-01 was a Thursday
}

bool
churn_purchase(struct churn_state *s, const struct churn_order *o)
{
	s->orders++;
	s->amount += o->amount;
	s->items += o->items;
	s->lines += o->lines;
	if (s->n == 0 || o->day > s->day_last) {
		new_occasion(s, o);
	} else if (o->day == s->day_last) {
		same_day(s, o);
	} else {
		double q = halved((double)s->day_last - o->day, 90);
		s->money_30 += o->amount * (q * q * q);
		s->money_90 += o->amount * q;
		return false;
	}
	return true;
}

void
churn_refund(struct churn_state *s, int32_t day, double amount)
{
	if (s->refunds == 0)
		s->day_refund = day;
	if (day < s->day_refund) {
		s->refunds_90 += halved((double)s->day_refund - day, 90);
	} else {
		s->refunds_90 = s->refunds_90 * halved((double)day - s->day_refund, 90) + 1;
		s->day_refund = day;
	}
	s->refund_amount += __builtin_fabs(amount);
	s->refunds++;
}

int32_t
churn_observed(const struct churn_state *s, int64_t now_ms)
{
	int64_t day = now_ms / DAY_MS - (now_ms % DAY_MS < 0) - 1;

	if (day < s->day_last)
		day = s->day_last;
	if (s->refunds && day < s->day_refund)
		day = s->day_refund;
	return day < INT32_MAX ? (int32_t)day : INT32_MAX;
}

// ---- stored form ----

void
churn_state_write(const struct churn_state *s, struct mr_writer *w)
{
	const uint32_t counts[] = {s->n, s->orders, s->refunds};
	const int32_t days[] = {s->day_first, s->day_last, s->day_refund};
	const double *numbers = &s->amount_last;

	for (size_t i = 0; i < 3; i++)
		mr_write_uint(w, counts[i]);
	for (size_t i = 0; i < 3; i++)
		mr_write_int(w, days[i]);
	for (size_t i = 0; i < 21; i++)
		mr_write_num(w, numbers[i]);
	for (size_t i = 0; i < 7; i++)
		mr_write_uint(w, s->weekday[i]);
	for (size_t i = 0; i < CHURN_GAP_BINS; i++)
		mr_write_uint(w, s->gap_bins[i]);
	mr_write_num(w, s->refunds_90);
	mr_write_num(w, s->refund_amount);
}

_Static_assert(offsetof(struct churn_state, weekday) - offsetof(struct churn_state, amount_last) == 21 * sizeof(double),
    "the numbers between amount_last and money_90 are read and written in a row");
_Static_assert(3 + 3 + 21 + 7 + CHURN_GAP_BINS + 2 == CHURN_NUMBERS, "");

static uint32_t
read_count(struct mr_reader *r)
{
	uint64_t v = mr_read_uint(r);

	if (v > UINT32_MAX)
		mr_reader_fail(r);
	return (uint32_t)v;
}

static int32_t
read_day(struct mr_reader *r)
{
	int64_t v = mr_read_int(r);

	if (v < INT32_MIN || v > INT32_MAX)
		mr_reader_fail(r);
	return (int32_t)v;
}

static double
read_finite(struct mr_reader *r)
{
	double v = mr_read_num(r);

	if (v - v != 0)
		mr_reader_fail(r);
	return v;
}

bool
churn_state_read(struct churn_state *s, struct mr_reader *r)
{
	double *numbers = &s->amount_last;

	s->n = read_count(r);
	s->orders = read_count(r);
	s->refunds = read_count(r);
	s->day_first = read_day(r);
	s->day_last = read_day(r);
	s->day_refund = read_day(r);
	for (size_t i = 0; i < 21; i++)
		numbers[i] = read_finite(r);
	for (size_t i = 0; i < 7; i++)
		s->weekday[i] = read_count(r);
	for (size_t i = 0; i < CHURN_GAP_BINS; i++)
		s->gap_bins[i] = read_count(r);
	s->refunds_90 = read_finite(r);
	s->refund_amount = read_finite(r);
	return mr_reader_ok(r) && s->day_last >= s->day_first && s->orders >= s->n;
}
