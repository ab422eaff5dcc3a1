// What the loader (tree_load.c) makes and the evaluator (tree.c) walks.
#ifndef MR_MODEL_TREE_INTERNAL_H
#define MR_MODEL_TREE_INTERNAL_H

#include "model/tree.h"

#define MR_TREE_LANES 8u  // trees walked side by side

enum mr_tree_kind {
	MR_TREE_PLAIN,  // left if x <= threshold
	MR_TREE_ZERO,   // the same, but zero counts as missing
	MR_TREE_SET,    // left if the category is in the set
};

// A split, or a leaf: a plain split with itself as both children, so that a walk needs no test for
// its end and several trees can be walked side by side. 24 bytes.
struct mr_tree_node {
	union {
		double threshold;  // of a leaf: its value
		struct { uint32_t from, words; } set;  // in mr_trees.sets
	};
	uint32_t child[2]; // [0] right, [1] left; in mr_trees.nodes
	uint16_t feature;
	uint8_t kind;
	uint8_t nan_left;  // where a missing value goes
};

struct mr_tree_feature {
	struct mr_str name;
	uint32_t column;
	bool used;
};

struct mr_trees {
	struct mr_tree_node *nodes;
	uint32_t *sets;
	uint32_t *roots;   // one a tree, and up to a multiple of MR_TREE_LANES: a leaf of value 0
	struct mr_tree_feature *features;
	uint32_t n_nodes, n_sets, n_trees, n_features, features_line;
	bool plain;        // all splits are MR_TREE_PLAIN
	bool average;      // mean of the trees instead of their sum
	bool probability;
	double sigmoid;
};

#endif
