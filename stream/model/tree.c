#include "model/tree.h"

#include "model/math.h"
#include "model/tree_internal.h"

#define MISSING_ZERO 1e-35f // LightGBM's bound: below it, zero is meant

static bool
in_set(const struct mr_trees *m, const struct mr_tree_node *n, double v)
{
	// Truncated as LightGBM does it; NaN and what no int holds is in no set.
	if (!(v > -1.0 && v < 2147483648.0))
		return false;
	uint32_t c = (uint32_t)(int32_t)v;
	return c / 32 < n->set.words && m->sets[n->set.from + c / 32] >> (c % 32) & 1;
}

// Where the walks of several trees end. One after the other they would wait for each load and each
// comparison; side by side they don't.
static inline __attribute__((always_inline)) void
walk(const struct mr_trees *m, const double *x, uint32_t at[MR_TREE_LANES], bool sets)
{
	for (uint32_t moved = 1; moved;) {
		moved = 0;
#pragma GCC unroll 8
		for (uint32_t i = 0; i < MR_TREE_LANES; i++) {
			const struct mr_tree_node *n = &m->nodes[at[i]];
			double v = x[n->source];
			uint32_t answer = sets && n->is_set ? in_set(m, n, v) : v <= n->threshold;
			uint32_t next = n->next + (answer & n->mask);

			moved |= next ^ at[i];
			at[i] = next;
		}
	}
}

static void
fill_sources(const struct mr_trees *m, const double *x, double *out)
{
	uint32_t n = m->n_features;

	for (uint32_t i = 0; i < n; i++) {
		out[MR_TREE_AS_IS * n + i] = x[i];
		out[MR_TREE_NEGATED * n + i] = -x[i];
	}
	for (uint32_t i = 0; m->has_zeros && i < n; i++) {
		double v = __builtin_fabs(x[i]) <= (double)MISSING_ZERO ? __builtin_nan("") : x[i];
		out[MR_TREE_ZERO * n + i] = v;
		out[MR_TREE_ZERO_NEGATED * n + i] = -v;
	}
}

double
mr_trees_raw(const struct mr_trees *m, const double *x)
{
	double sources[MR_TREE_SOURCES * MR_TREE_FEATURES_MAX], sum = 0;

	MR_ASSERT(m->n_features <= MR_TREE_FEATURES_MAX);
	fill_sources(m, x, sources);
	for (uint32_t i = 0; i < m->n_trees; i += MR_TREE_LANES) {
		uint32_t at[MR_TREE_LANES];

		memcpy(at, m->roots + i, sizeof(at));
		if (m->has_sets)
			walk(m, sources, at, true);
		else
			walk(m, sources, at, false);
		for (uint32_t k = 0; k < MR_TREE_LANES; k++)
			sum += m->nodes[at[k]].threshold;
	}
	return sum;
}

double
mr_trees_score(const struct mr_trees *m, const double *x)
{
	double raw = mr_trees_raw(m, x);

	if (m->average)
		raw /= m->n_trees;
	return m->probability ? mr_logistic(m->sigmoid * raw) : raw;
}

uint32_t
mr_trees_features(const struct mr_trees *m)
{
	return m->n_features;
}

struct mr_str
mr_trees_feature(const struct mr_trees *m, uint32_t number)
{
	MR_ASSERT(number < m->n_features);
	return m->features[number].name;
}

void
mr_trees_feature_at(const struct mr_trees *m, uint32_t number, uint32_t *line, uint32_t *column)
{
	MR_ASSERT(number < m->n_features);
	*line = m->features_line;
	*column = m->features[number].column;
}

bool
mr_trees_uses(const struct mr_trees *m, uint32_t number)
{
	MR_ASSERT(number < m->n_features);
	return m->features[number].used;
}

bool
mr_trees_probability(const struct mr_trees *m)
{
	return m->probability;
}

uint32_t
mr_trees_count(const struct mr_trees *m)
{
	return m->n_trees;
}
