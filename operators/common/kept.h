// What several operators keep in a user's record: bounded text, money, small hashes.
#ifndef MR_OPERATORS_KEPT_H
#define MR_OPERATORS_KEPT_H

#include <millrace/operator.h>

// Text owned by the user's memory. All zero: none.
struct mr_text {
	char *p;
	uint32_t n, cap;
};

// Copies at most `max` bytes, cut at a character's boundary. False where something was cut.
bool mr_text_set(struct mr_mem *, struct mr_text *, struct mr_str, size_t max);
void mr_text_free(struct mr_mem *, struct mr_text *);
// Moves `from` to `to`, freeing what was there.
void mr_text_move(struct mr_mem *, struct mr_text *to, struct mr_text *from);
void mr_text_decode(struct mr_reader *, struct mr_mem *, struct mr_text *);

static inline struct mr_str mr_text_str(const struct mr_text *t) { return (struct mr_str){t->p, t->n}; }
static inline void mr_text_encode(const struct mr_text *t, struct mr_writer *w) { mr_write_str(w, mr_text_str(t)); }

// The prefix of at most `max` bytes that ends at a character's boundary.
struct mr_str mr_str_cut(struct mr_str, size_t max);

// 64 bits of mr_id: equal strings give equal numbers on every machine.
uint64_t mr_hash64(struct mr_str);

// Money is summed in millionths: exact, so that the order of events changes nothing. Saturates.
int64_t mr_micros(double amount);
int64_t mr_micros_add(int64_t a, int64_t b);
static inline double mr_micros_amount(int64_t micros) { return (double)micros / 1e6; }

// UTC day number of an instant, rounded down before 1970 too.
static inline int64_t
mr_utc_day(int64_t ms)
{
	int64_t day = ms / 86400000;

	return day - (ms % 86400000 < 0);
}

#endif
