#include "model/lines.h"
#include "model/number.h"
#include "model/tree_internal.h"

#define TREES_MAX 100000u
#define LEAVES_MAX (1u << 26)

// The lines of one tree that matter. Each may come once.
enum key {
	K_NUM_LEAVES, K_NUM_CAT, K_SPLIT_FEATURE, K_THRESHOLD, K_DECISION_TYPE, K_LEFT, K_RIGHT,
	K_LEAF_VALUE, K_CAT_BOUNDARIES, K_CAT_THRESHOLD, K_IS_LINEAR,
	K_TREE_END,
	// of the head
	K_VERSION = K_TREE_END, K_NUM_CLASS, K_PER_ITERATION, K_MAX_FEATURE, K_OBJECTIVE, K_NAMES,
	K_COUNT,
};

static const char *const key_names[K_COUNT] = {
	"num_leaves", "num_cat", "split_feature", "threshold", "decision_type", "left_child", "right_child",
	"leaf_value", "cat_boundaries", "cat_threshold", "is_linear",
	"version", "num_class", "num_tree_per_iteration", "max_feature_idx", "objective", "feature_names",
};

struct loader {
	struct mr_trees *m;
	struct mr_model_mem mem;
	struct mr_model_error *error;
	struct mr_lines lines;
	uint32_t tree_line;          // where the present tree begins
	struct mr_piece keys[K_COUNT];
	struct mr_piece word;           // the last one read of a list of numbers
	uint32_t leaves_room, sets_room, trees_room;
	uint32_t leaves;             // so far
};

// Where key's value should stand, for errors about its absence.
static bool
need(struct loader *l, enum key key, struct mr_piece *out)
{
	*out = l->keys[key];
	if (out->line)
		return true;
	return mr_model_fail(l->error, (struct mr_piece){.line = key < K_TREE_END ? l->tree_line : 1, .column = 1},
	    "there is no line '%s=' here: is the file cut short?", key_names[key]);
}

// The one whole number of a line; `def` where the line may be absent (-1: it may not).
static bool
one_int(struct loader *l, enum key key, int64_t min, int64_t max, int64_t def, int64_t *out)
{
	struct mr_piece rest, word;

	*out = def;
	if (def >= 0 && l->keys[key].line == 0)
		return true;
	if (!need(l, key, &rest))
		return false;
	mr_next_word(&rest, &word);
	if (!mr_piece_int(l->error, word, min, max, out))
		return false;
	return mr_next_word(&rest, &word) ? mr_model_fail(l->error, word, "one number is enough for %s", key_names[key]) : true;
}

// The next of the n numbers of a line.
static bool
item(struct loader *l, enum key key, struct mr_piece *rest, uint32_t i, uint32_t n, struct mr_piece *word)
{
	bool there = mr_next_word(rest, word);

	l->word = *word;
	if (there)
		return true;
	return mr_model_fail(l->error, *word, "%s has %u numbers; %u are needed", key_names[key], i, n);
}

static bool
item_int(struct loader *l, enum key key, struct mr_piece *rest, uint32_t i, uint32_t n, int64_t min, int64_t max,
    int64_t *out)
{
	struct mr_piece word;

	return item(l, key, rest, i, n, &word) && mr_piece_int(l->error, word, min, max, out);
}

static bool
item_number(struct loader *l, enum key key, struct mr_piece *rest, uint32_t i, uint32_t n, double *out)
{
	struct mr_piece word;

	if (!item(l, key, rest, i, n, &word))
		return false;
	if (mr_model_number(word.text, out))
		return true;
	bool minus = mr_begins(word.text, "-");
	// A split of what is missing from all the rest has an infinite threshold.
	if (key == K_THRESHOLD && mr_str_eq((struct mr_str){word.text.p + minus, word.text.n - minus}, MR_LIT("inf"))) {
		*out = minus ? -__builtin_inf() : __builtin_inf();
		return true;
	}
	return mr_model_fail(l->error, word, "'%.*s' is not a number (of at most 19 digits)",
	    (int)(word.text.n < 40 ? word.text.n : 40), word.text.p);
}

static bool
no_more(struct loader *l, enum key key, struct mr_piece *rest, uint32_t n)
{
	struct mr_piece word;

	return mr_next_word(rest, &word) ? mr_model_fail(l->error, word, "%s has more than the %u numbers needed", key_names[key], n)
	                              : true;
}

// Sets of categories: cat_boundaries cuts cat_threshold into one piece of 32-bit words for each.
static bool
load_sets(struct loader *l, uint32_t n_cat, uint32_t *bounds)
{
	struct mr_trees *m = l->m;
	struct mr_piece rest;
	int64_t v, last = 0;

	if (n_cat == 0)
		return true;
	if (!need(l, K_CAT_BOUNDARIES, &rest))
		return false;
	for (uint32_t i = 0; i <= n_cat; i++) {
		if (!item_int(l, K_CAT_BOUNDARIES, &rest, i, n_cat + 1, last, i ? l->sets_room - m->n_sets : 0, &v))
			return false;
		bounds[i] = (uint32_t)v;
		last = v;
	}
	if (!no_more(l, K_CAT_BOUNDARIES, &rest, n_cat + 1) || !need(l, K_CAT_THRESHOLD, &rest))
		return false;
	for (uint32_t i = 0; i < last; i++) {
		if (!item_int(l, K_CAT_THRESHOLD, &rest, i, (uint32_t)last, 0, UINT32_MAX, &v))
			return false;
		m->sets[m->n_sets + i] = (uint32_t)v;
	}
	return no_more(l, K_CAT_THRESHOLD, &rest, (uint32_t)last);
}

// A child is a later node or a leaf, and nobody else's: so every walk ends, in a leaf. `places` has a
// place for each node and leaf of the tree; 0 where no parent has named it yet.
static bool
load_child(struct loader *l, enum key key, struct mr_piece *rest, uint32_t i, uint32_t n, uint32_t *places,
    uint32_t place)
{
	struct mr_piece word;
	int64_t v;

	if (!item(l, key, rest, i, n, &word) ||
	    !mr_piece_int(l->error, word, -(int64_t)n - 1, (int64_t)n - 1, &v))
		return false;
	if (v >= 0 && v <= i)
		return mr_model_fail(l->error, word, "node %u has node %d as its child: a child comes after its parent", i,
		    (int)v);
	size_t slot = v >= 0 ? (size_t)v : n + (size_t)~v;
	if (places[slot])
		return mr_model_fail(l->error, word, "%s %d has two parents", v >= 0 ? "node" : "leaf", (int)(v >= 0 ? v : ~v));
	places[slot] = place;
	return true;
}

// The largest double below d; d is not NaN or -inf.
static double
below(double d)
{
	uint64_t u;

	memcpy(&u, &d, sizeof(u));
	if (d == 0)
		u = 0x8000000000000001u;
	else
		u = d > 0 ? u - 1 : u + 1;
	memcpy(&d, &u, sizeof(d));
	return d;
}

// A numerical question. Returns whether true leads to the left.
static bool
set_question(struct loader *l, struct mr_tree_node *node, uint32_t feature, int missing, bool default_left)
{
	bool zero = missing == 1;
	// Without missing values in training, a missing one is taken as zero.
	bool missing_left = missing == 0 ? 0.0 <= node->threshold : default_left;
	uint32_t row = missing_left ? zero ? MR_TREE_ZERO_NEGATED : MR_TREE_NEGATED : zero ? MR_TREE_ZERO : MR_TREE_AS_IS;

	l->m->has_zeros |= zero;
	node->source = (uint16_t)(row * l->m->n_features + feature);
	node->mask = 1;
	if (!missing_left)
		return true;
	if (node->threshold == __builtin_inf())
		node->mask = 0; // all go left, the missing ones too
	else
		node->threshold = below(-node->threshold);
	return false;
}

// Turns decision type and threshold into what the walk asks. *true_left: whether true leads left.
static bool
load_decision(struct loader *l, struct mr_tree_node *node, uint32_t feature, int64_t type, uint32_t n_cat,
    const uint32_t *bounds, bool *true_left)
{
	struct mr_piece at = l->word;
	int missing = (int)(type >> 2 & 3); // 0 none, 1 zero, 2 NaN
	double t = node->threshold;

	if (missing == 3)
		return mr_model_fail(l->error, at, "decision_type %d is not known", (int)type);
	if (!(type & 1)) {
		*true_left = set_question(l, node, feature, missing, type & 2);
		return true;
	}
	if (!(t >= 0 && t < n_cat) || t != (double)(uint32_t)t)
		return mr_model_fail(l->error, at,
		    "a categorical split needs the number of a set below num_cat=%u as its threshold", n_cat);
	uint32_t set = (uint32_t)t;
	node->is_set = l->m->has_sets = *true_left = true;
	node->mask = 1;
	node->source = (uint16_t)feature;
	node->set.from = l->m->n_sets + bounds[set];
	node->set.words = bounds[set + 1] - bounds[set];
	return true;
}

// Siblings stand side by side, in the order in which their parents come.
static bool
load_nodes(struct loader *l, uint32_t n, uint32_t n_cat, const uint32_t *bounds, uint32_t *places)
{
	static const enum key lines[] = {K_SPLIT_FEATURE, K_THRESHOLD, K_DECISION_TYPE, K_LEFT, K_RIGHT};
	struct mr_piece rest[5];
	int64_t feature, type;

	for (int k = 0; k < 5; k++) {
		if (!need(l, lines[k], &rest[k]))
			return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		double threshold;
		bool true_left = true;

		if (!item_int(l, K_SPLIT_FEATURE, &rest[0], i, n, 0, (int64_t)l->m->n_features - 1, &feature) ||
		    !item_number(l, K_THRESHOLD, &rest[1], i, n, &threshold) ||
		    !item_int(l, K_DECISION_TYPE, &rest[2], i, n, 0, 15, &type))
			return false;
		if (places[i] == 0)
			return mr_model_fail(l->error, l->word, "node %u is the child of no node before it", i);
		struct mr_tree_node *node = &l->m->nodes[places[i]];
		node->threshold = threshold;
		node->next = l->m->n_nodes + 1 + 2 * i;
		if (!load_decision(l, node, (uint32_t)feature, type, n_cat, bounds, &true_left) ||
		    !load_child(l, K_LEFT, &rest[3], i, n, places, node->next + true_left) ||
		    !load_child(l, K_RIGHT, &rest[4], i, n, places, node->next + !true_left))
			return false;
		l->m->features[feature].used = true;
	}
	for (int k = 0; k < 5; k++) {
		if (!no_more(l, lines[k], &rest[k], n))
			return false;
	}
	return true;
}

static bool
load_leaves(struct loader *l, uint32_t n, const uint32_t *places)
{
	struct mr_piece rest;

	if (!need(l, K_LEAF_VALUE, &rest))
		return false;
	for (uint32_t i = 0; i <= n; i++) {
		MR_ASSERT(places[n + i] > 0); // 2n children that are all different are all nodes and leaves but the root
		struct mr_tree_node *leaf = &l->m->nodes[places[n + i]];

		leaf->next = places[n + i];
		if (!item_number(l, K_LEAF_VALUE, &rest, i, n + 1, &leaf->threshold))
			return false;
	}
	return no_more(l, K_LEAF_VALUE, &rest, n + 1);
}

static bool
finish_tree(struct loader *l)
{
	struct mr_trees *m = l->m;
	int64_t leaves, n_cat, linear;

	if (!one_int(l, K_NUM_LEAVES, 1, l->leaves_room - l->leaves, -1, &leaves) ||
	    !one_int(l, K_NUM_CAT, 0, leaves - 1, 0, &n_cat) || !one_int(l, K_IS_LINEAR, 0, 1, 0, &linear))
		return false;
	if (linear)
		return mr_model_fail(l->error, l->keys[K_IS_LINEAR], "linear trees are not supported: train with linear_tree=false");
	uint32_t n = (uint32_t)leaves - 1;
	uint32_t *bounds = l->mem.alloc(l->mem.arg, ((size_t)n_cat + 1) * sizeof(*bounds));
	// Places count from 1 (0 is nobody's), so the first node of all is left empty.
	uint32_t *places = l->mem.alloc(l->mem.arg, (2 * (size_t)n + 1) * sizeof(*places));
	places[0] = m->n_nodes;
	if (!load_sets(l, (uint32_t)n_cat, bounds) || (n > 0 && !load_nodes(l, n, (uint32_t)n_cat, bounds, places)) ||
	    !load_leaves(l, n, places))
		return false;
	MR_ASSERT(m->n_trees < l->trees_room);
	m->roots[m->n_trees++] = m->n_nodes;
	m->n_nodes += 2 * n + 1;
	l->leaves += n + 1;
	MR_ASSERT(l->leaves <= l->leaves_room && m->n_nodes <= 2 * l->leaves_room + 1);
	m->n_sets += bounds[n_cat];
	return true;
}

static bool
load_objective(struct loader *l)
{
	struct mr_piece rest = l->keys[K_OBJECTIVE], name, word;

	if (rest.line == 0 || !mr_next_word(&rest, &name))
		return true; // of one's own: the raw sum is all there is to say
	bool binary = mr_str_eq(name.text, MR_LIT("binary"));
	l->m->probability = binary || mr_str_eq(name.text, MR_LIT("cross_entropy"));
	l->m->sigmoid = 1.0;
	if (!l->m->probability && !mr_begins(name.text, "regression") && !mr_str_eq(name.text, MR_LIT("huber")) &&
	    !mr_str_eq(name.text, MR_LIT("quantile")) && !mr_str_eq(name.text, MR_LIT("mape")) &&
	    !mr_str_eq(name.text, MR_LIT("fair")))
		return mr_model_fail(l->error, name, "this objective is not supported: binary, cross_entropy or a regression is");
	while (mr_next_word(&rest, &word)) {
		struct mr_piece value = {{word.text.p + 8, word.text.n - 8}, word.line, word.column + 8};
		if (!binary || !mr_begins(word.text, "sigmoid:"))
			return mr_model_fail(l->error, word, "this setting of the objective is not supported");
		if (!mr_model_number(value.text, &l->m->sigmoid) || !(l->m->sigmoid > 0))
			return mr_model_fail(l->error, value, "sigmoid needs a number above 0");
	}
	return true;
}

static bool
load_features(struct loader *l)
{
	struct mr_trees *m = l->m;
	struct mr_piece rest, word;
	int64_t last;

	if (!one_int(l, K_MAX_FEATURE, 0, MR_TREE_FEATURES_MAX - 1, -1, &last) || !need(l, K_NAMES, &rest))
		return false;
	m->n_features = (uint32_t)last + 1;
	m->features_line = rest.line;
	m->features = l->mem.alloc(l->mem.arg, m->n_features * sizeof(*m->features));
	for (uint32_t i = 0; i < m->n_features; i++) {
		if (!item(l, K_NAMES, &rest, i, m->n_features, &word))
			return false;
		m->features[i] = (struct mr_tree_feature){.name = word.text, .column = word.column};
	}
	return no_more(l, K_NAMES, &rest, m->n_features);
}

static bool
finish_head(struct loader *l)
{
	struct mr_piece version;
	int64_t classes, per_iteration;

	if (!need(l, K_VERSION, &version))
		return false;
	if (!mr_str_eq(version.text, MR_LIT("v3")) && !mr_str_eq(version.text, MR_LIT("v4")))
		return mr_model_fail(l->error, version, "this version of the format is not supported: v3 or v4 is");
	if (!one_int(l, K_NUM_CLASS, 1, 1, 1, &classes) || !one_int(l, K_PER_ITERATION, 1, 1, 1, &per_iteration))
		return false;
	return load_features(l) && load_objective(l);
}

static bool
note_key(struct loader *l, struct mr_piece line, bool head)
{
	const char *eq = memchr(line.text.p, '=', line.text.n);
	size_t n = eq ? (size_t)(eq - line.text.p) : 0;

	for (int k = head ? K_TREE_END : 0; k < (head ? K_COUNT : K_TREE_END); k++) {
		if (n == 0 || !mr_str_eq((struct mr_str){line.text.p, n}, mr_str_of(key_names[k])))
			continue;
		if (l->keys[k].line)
			return mr_model_fail(l->error, line, "'%s=' comes a second time", key_names[k]);
		l->keys[k] = (struct mr_piece){{eq + 1, line.text.n - n - 1}, line.line, line.column + (uint32_t)n + 1};
	}
	return true;
}

// What the text may need, from its own words; each is below its length, whatever it says.
static void
measure(struct loader *l)
{
	struct mr_piece line, word;

	while (mr_next_line(&l->lines, &line)) {
		bool leaves = mr_begins(line.text, "leaf_value="), sets = mr_begins(line.text, "cat_threshold=");

		l->trees_room += mr_begins(line.text, "Tree=");
		while ((leaves || sets) && mr_next_word(&line, &word))
			*(leaves ? &l->leaves_room : &l->sets_room) += 1;
	}
	l->lines.at = 0;
	l->lines.line = 0;
}

static bool
load_trees(struct loader *l)
{
	struct mr_piece line = {0};
	bool head = true, ended = false;

	while (!ended && mr_next_line(&l->lines, &line)) {
		bool tree = mr_begins(line.text, "Tree=");

		ended = mr_str_eq(line.text, MR_LIT("end of trees"));
		if (mr_str_eq(line.text, MR_LIT("average_output")))
			l->m->average = true;
		if (!tree && !ended) {
			if (!note_key(l, line, head))
				return false;
			continue;
		}
		if (!(head ? finish_head(l) : finish_tree(l)))
			return false;
		head = false;
		memset(l->keys, 0, K_TREE_END * sizeof(l->keys[0]));
		l->tree_line = line.line;
	}
	if (ended && l->m->n_trees == 0)
		return mr_model_fail(l->error, line, "there is no tree in it");
	if (!ended)
		return mr_model_fail(l->error, (struct mr_piece){.line = l->lines.line, .column = 1},
		    "the text ends before its 'end of trees': is the file cut short?");
	return true;
}

const struct mr_trees *
mr_trees_load(struct mr_str text, struct mr_model_mem mem, struct mr_model_error *error)
{
	struct mr_trees *m = mem.alloc(mem.arg, sizeof(*m));
	struct loader l = {.m = m, .mem = mem, .error = error, .lines = {.text = text}};
	struct mr_piece first;

	if (!mr_next_line(&l.lines, &first) || !mr_str_eq(first.text, MR_LIT("tree"))) {
		mr_model_fail(error, (struct mr_piece){.line = 1, .column = 1},
		    "not a model in LightGBM's text format: its first line is 'tree'");
		return NULL;
	}
	measure(&l);
	if (l.trees_room > TREES_MAX || l.leaves_room > LEAVES_MAX || l.sets_room > LEAVES_MAX) {
		mr_model_fail(error, first, "too large: at most %u trees and %u leaves", TREES_MAX, LEAVES_MAX);
		return NULL;
	}
	size_t roots = (l.trees_room + MR_TREE_LANES - 1) / MR_TREE_LANES * MR_TREE_LANES;
	m->nodes = mem.alloc(mem.arg, (2 * (size_t)l.leaves_room + 2) * sizeof(*m->nodes));
	m->n_nodes = 1;
	m->sets = mem.alloc(mem.arg, ((size_t)l.sets_room + 1) * sizeof(*m->sets));
	m->roots = mem.alloc(mem.arg, (roots + 1) * sizeof(*m->roots));
	if (!load_trees(&l))
		return NULL;
	for (uint32_t i = m->n_trees; i < roots; i++) // the empty node 0 is a leaf of value 0
		m->roots[i] = 0;
	return m;
}
