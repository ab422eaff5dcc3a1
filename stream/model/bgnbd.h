// BG/NBD (Fader, Hardie and Lee, 2005): who buys again, from four numbers of the whole shop and
// three of the user. Time is in weeks, as in the published fits.
#ifndef MR_MODEL_BGNBD_H
#define MR_MODEL_BGNBD_H

#ifdef __cplusplus
extern "C" {
#endif

struct mr_bgnbd {
	double r, alpha, a, b;   // all above 0
};

// x: repeat purchase days (0 for a user with one); tx: weeks from the first to the last of them;
// T: weeks from the first to now. 0 <= tx <= T; x = 0 goes with tx = 0. Thread: any.

// That the user has not dropped out. 1 for every one-time buyer: never use it as a churn score.
double mr_bgnbd_alive(const struct mr_bgnbd *, double x, double tx, double T);
// That the user buys nothing in the next h weeks.
double mr_bgnbd_no_purchase(const struct mr_bgnbd *, double x, double tx, double T, double h);

#ifdef __cplusplus
}
#endif
#endif
