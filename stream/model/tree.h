// Boosted and bagged trees in LightGBM's text format (v3, v4): numerical and categorical splits,
// the three kinds of missing values, default directions. One output.
#ifndef MR_MODEL_TREE_H
#define MR_MODEL_TREE_H

#include <millrace/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// Where a model's text is wrong, and what would be right. Line and column count from 1.
struct mr_model_error {
	uint32_t line, column;
	char text[200];
};

// Memory that outlives the model: nothing is freed one by one. Never returns NULL, zeroed.
struct mr_model_mem {
	void *(*alloc)(void *arg, size_t size);
	void *arg;
};

struct mr_trees;   // immutable once loaded; any thread

// NULL, with *error filled, where the text is no model that can be evaluated. `text` is needed
// as long as the model: names point into it. Any text ends in bounded time and memory: at most
// some 60 times its length.
const struct mr_trees *mr_trees_load(struct mr_str text, struct mr_model_mem, struct mr_model_error *error);

uint32_t mr_trees_features(const struct mr_trees *);
struct mr_str mr_trees_feature(const struct mr_trees *, uint32_t number);
// Where the feature's name stands in the text.
void mr_trees_feature_at(const struct mr_trees *, uint32_t number, uint32_t *line, uint32_t *column);
// Whether any split asks for it: the others need not be computed.
bool mr_trees_uses(const struct mr_trees *, uint32_t number);
// Whether the score is a probability (objective binary or cross_entropy).
bool mr_trees_probability(const struct mr_trees *);
uint32_t mr_trees_count(const struct mr_trees *);

// `x` has a number for each feature; NaN: missing. The sum of the leaves, in the order of the
// trees: the same bits as LightGBM's raw score.
double mr_trees_raw(const struct mr_trees *, const double *x);
// The same (the mean, where the model averages) through the objective's link.
double mr_trees_score(const struct mr_trees *, const double *x);

#ifdef __cplusplus
}
#endif
#endif
