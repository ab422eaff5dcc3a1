// "did you mean": the nearest of the names that would have been right.
#include "config/internal.h"

#define WORD_MAX 64

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned
mr_distance(struct mr_str a, struct mr_str b, unsigned max)
{
	unsigned rows[3][WORD_MAX + 1];

	if (a.n > WORD_MAX || b.n > WORD_MAX)
		return max + 1;
	for (unsigned j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];
		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			bool same = a.p[i - 1] == b.p[j - 1];
			row[j] = least(least(up[j] + 1, row[j - 1] + 1), up[j - 1] + !same);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				row[j] = least(row[j], up2[j - 2] + 1);
		}
	}
	MR_ASSERT(rows[a.n % 3][b.n] <= a.n + b.n);
	return least(rows[a.n % 3][b.n], max + 1);
}

bool
mr_near(struct mr_str wrong, struct mr_str right, unsigned *best)
{
	unsigned allowed = wrong.n <= 3 ? 1 : wrong.n <= 7 ? 2 : 3;
	unsigned d = mr_distance(wrong, right, allowed);

	if (d > allowed || d >= *best || d >= right.n)
		return false;
	*best = d;
	return true;
}

const char *
mr_suggest(struct mr_str wrong, const char *const *names)
{
	const char *found = NULL;
	unsigned best = UINT32_MAX;

	for (; *names; names++)
		if (mr_near(wrong, mr_str_of(*names), &best))
			found = *names;
	return found;
}
