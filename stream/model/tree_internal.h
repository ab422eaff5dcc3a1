// What the loader (tree_load.c) makes and the evaluator (tree.c) walks.
#ifndef MR_MODEL_TREE_INTERNAL_H
#define MR_MODEL_TREE_INTERNAL_H

#include "model/tree.h"

#define MR_TREE_LANES 8u          // trees walked side by side
#define MR_TREE_FEATURES_MAX 1024u

// What a node compares with its threshold: the feature, or one made of it so that a missing value,
// which compares false, goes the way that the node wants. Each is a row of n_features numbers.
enum mr_tree_source {
	MR_TREE_AS_IS,
	MR_TREE_NEGATED,       // x > t is -x <= the number before -t
	MR_TREE_ZERO,          // zero made missing
	MR_TREE_ZERO_NEGATED,
	MR_TREE_SOURCES,
};

// A split, or a leaf: a leaf leads to itself, so that a walk needs no test for its end and several
// trees can be walked side by side. 16 bytes.
struct mr_tree_node {
	union {
		double threshold;      // of a leaf: its value
		struct { uint32_t from, words; } set;  // in mr_trees.sets
	};
	uint32_t next;                 // in mr_trees.nodes: where false leads; true leads to the one behind
	uint16_t source;               // row * n_features + feature
	uint8_t mask;                  // 1; 0 where true leads nowhere else
	bool is_set;                   // the question is whether the category is in the set
};

struct mr_tree_feature {
	struct mr_str name;
	uint32_t column;
	bool used;
};

struct mr_trees {
	struct mr_tree_node *nodes;
	uint32_t *sets;
	uint32_t *roots;   // one a tree, filled up to a multiple of MR_TREE_LANES with 0, a leaf of value 0
	struct mr_tree_feature *features;
	uint32_t n_nodes, n_sets, n_trees, n_features, features_line;
	bool has_sets, has_zeros;
	bool average;      // mean of the trees instead of their sum
	bool probability;
	double sigmoid;
};

#endif
