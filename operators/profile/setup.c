// Reads `profile`: a map of NAME to what it is made of.
#include "profile.h"

#define NAME_MAX_BYTES 64
#define DAY_MS 86400000LL

struct raw {
	const struct mr_node *kinds[KINDS];
	const struct mr_node *of, *when;
	int64_t over_ms, pane_ms, half_life_ms, keep, text_max;
};

#define KIND(word, number, help) {word, MR_P_NODE, offsetof(struct raw, kinds[number]), NULL, 0, 0, NULL, NULL, help}
const struct mr_param mr_profile_params[] = {
	KIND("count", KIND_COUNT, "How many events of these names came."),
	KIND("sum", KIND_SUM, "Sum of a number over the events named by `of`."),
	KIND("min", KIND_MIN, "Least number, time or duration."),
	KIND("max", KIND_MAX, "Greatest number, time or duration."),
	KIND("first", KIND_FIRST, "The value of the first event by event time."),
	KIND("last", KIND_LAST, "The value of the last event by event time."),
	KIND("distinct", KIND_DISTINCT, "How many different values came; exact up to `keep`, then it stays there."),
	KIND("top", KIND_TOP, "The most frequent value; exact up to `keep` different ones."),
	KIND("decayed_count", KIND_DECAYED_COUNT, "Count in which an event weighs half after each `half_life`."),
	KIND("decayed_sum", KIND_DECAYED_SUM, "Sum in which a number weighs half after each `half_life`."),
	KIND("interval", KIND_INTERVAL, "Usual time between events: the median of those between the last `keep`."),
	{"of", MR_P_NODE, offsetof(struct raw, of), NULL, 0, 0, NULL, NULL, "The events that it is made from: a name, a list, {type: identify}."},
	{"when", MR_P_NODE, offsetof(struct raw, when), NULL, 0, 0, NULL, NULL, "Only events for which this is true."},
	{"over", MR_P_DURATION, offsetof(struct raw, over_ms), "ms", 1000, DAY_MS * 36600.0, NULL, NULL, "Length of the window; none: for ever."},
	{"pane", MR_P_DURATION, offsetof(struct raw, pane_ms), "ms", 10, DAY_MS * 366.0, NULL, NULL,
	    "Step in which the window moves: an event stays for `over` and at most one pane longer. By default a sixtieth of `over`, rounded down to a usual length."},
	{"half_life", MR_P_DURATION, offsetof(struct raw, half_life_ms), "ms", 1000, DAY_MS * 3660.0, NULL, NULL, "After this long a value weighs half."},
	{"keep", MR_P_INT, offsetof(struct raw, keep), NULL, 1, 4096, NULL, NULL, "Most different values kept: 256 for distinct, 16 for top; of interval, the last events that it looks at: 8, at most 64."},
	{"text", MR_P_INT, offsetof(struct raw, text_max), "bytes", 1, 4096, "255", NULL, "Longest text that is kept; the rest is cut."},
	MR_PARAMS_END,
};

#define BIT(kind) (1u << (kind))
#define TALLIES (BIT(KIND_COUNT) | BIT(KIND_SUM) | BIT(KIND_MIN) | BIT(KIND_MAX))
#define DECAYED (BIT(KIND_DECAYED_COUNT) | BIT(KIND_DECAYED_SUM))
#define COUNTS (BIT(KIND_COUNT) | BIT(KIND_DECAYED_COUNT) | BIT(KIND_INTERVAL)) // their value names the events

// Which settings have a meaning for which kinds.
static const struct { const char *key; unsigned kinds; } meant_for[] = {
	{"of", ~COUNTS},
	{"over", TALLIES | BIT(KIND_LAST) | BIT(KIND_DISTINCT)},
	{"pane", TALLIES},
	{"half_life", DECAYED | BIT(KIND_TOP)},
	{"keep", BIT(KIND_DISTINCT) | BIT(KIND_TOP) | BIT(KIND_INTERVAL)},
	{"text", BIT(KIND_FIRST) | BIT(KIND_LAST) | BIT(KIND_TOP)},
};

// The longest usual length that is at most a sixtieth of the window, but never more than PANES_MAX of them.
static int64_t
usual_pane(int64_t over_ms)
{
	static const int64_t usual[] = {10, 50, 100, 250, 500, 1000, 5000, 10000, 15000, 30000, 60000, 2 * 60000, 5 * 60000,
	    10 * 60000, 15 * 60000, 30 * 60000, 3600000, 2 * 3600000, 3 * 3600000, 6 * 3600000, 12 * 3600000, DAY_MS};
	int64_t pane = usual[0];

	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		if (usual[i] <= over_ms / 60)
			pane = usual[i];
	while (over_ms / pane > PANES_MAX)
		pane += DAY_MS;
	MR_ASSERT(pane <= over_ms);
	return pane;
}

static bool
setup_events(struct mr_setup *s, const struct mr_node *node, struct feature *f)
{
	static const char *const types[] = {"track", "identify", "page", "screen", "group", "alias", NULL};
	struct { int32_t type; } by_type = {0};
	const struct mr_param type_params[] = {
		{"type", MR_P_ENUM, 0, NULL, 0, 0, "!", types, "Type of call."},
		MR_PARAMS_END,
	};
	struct mr_strs names;

	if (node->kind == MR_NODE_MAP) {
		if (!mr_setup_params(s, node, type_params, &by_type))
			return false;
		f->types = (uint8_t)(1u << by_type.type);
		return true;
	}
	if (!mr_setup_strings(s, node, &names))
		return false;
	if (names.n == 0) {
		mr_setup_error(s, node, "an empty list of events: name at least one");
		return false;
	}
	int32_t *numbers = mr_setup_alloc(s, names.n * sizeof(*numbers));
	for (uint32_t i = 0; i < names.n; i++)
		numbers[i] = mr_setup_event(s, names.items[i]);
	f->names = numbers;
	f->n_names = names.n;
	return true;
}

static bool
setup_kind(struct mr_setup *s, const struct mr_node *node, const struct raw *raw, struct feature *f)
{
	unsigned n = 0;

	for (unsigned k = 0; k < KINDS; k++) {
		if (raw->kinds[k] == NULL)
			continue;
		f->kind = (enum profile_kind)k;
		n++;
	}
	if (n == 1)
		return true;
	if (n > 1)
		mr_setup_error(s, node, "'%.*s' is made of %u things: choose one of them", (int)f->name.n, f->name.p, n);
	else
		mr_setup_error(s, node, "'%.*s' doesn't say what it is: count, sum, min, max, first, last, distinct, top, "
		    "decayed_count, decayed_sum or interval", (int)f->name.n, f->name.p);
	return false;
}

static bool
check_settings(struct mr_setup *s, const struct mr_node *node, const struct raw *raw, struct feature *f)
{
	bool fine = true;

	for (size_t i = 0; i < sizeof(meant_for) / sizeof(*meant_for); i++) {
		const struct mr_node *value = mr_node_get(node, meant_for[i].key);
		if (value && !(meant_for[i].kinds & BIT(f->kind))) {
			mr_setup_error(s, value, "'%s' has no meaning for %s: remove it", meant_for[i].key, mr_profile_params[f->kind].name);
			fine = false;
		}
	}
	if (!(COUNTS & BIT(f->kind)) && raw->of == NULL) {
		mr_setup_error(s, node, "%s needs `of`: the name of the event that it is made from", mr_profile_params[f->kind].name);
		fine = false;
	}
	if ((DECAYED & BIT(f->kind)) && raw->half_life_ms == 0) {
		mr_setup_error(s, node, "%s needs `half_life`, for example 7d", mr_profile_params[f->kind].name);
		fine = false;
	}
	if (f->kind == KIND_INTERVAL && raw->keep && (raw->keep < 2 || raw->keep > TIMES_MAX)) {
		mr_setup_error(s, mr_node_get(node, "keep"), "'keep' of an interval must be 2 to %d: there is no time between fewer", TIMES_MAX);
		fine = false;
	}
	if (raw->pane_ms && raw->over_ms == 0) {
		mr_setup_error(s, mr_node_get(node, "pane"), "'pane' needs `over`: without a window there are no panes");
		fine = false;
	} else if (raw->pane_ms && (raw->over_ms / raw->pane_ms > PANES_MAX || raw->pane_ms > raw->over_ms)) {
		mr_setup_error(s, mr_node_get(node, "pane"), "'pane' must be at most 'over' and at least a %dth of it", PANES_MAX);
		fine = false;
	}
	return fine;
}

// Sums of money of several currencies are no money (contracts, point 20).
static void
warn_money(struct mr_setup *s, const struct mr_node *expr)
{
	static const char *const money[] = {".revenue", ".total", ".subtotal", ".price", ".shipping", ".tax", ".discount"};

	for (size_t i = 0; i < sizeof(money) / sizeof(*money); i++) {
		struct mr_str end = mr_str_of(money[i]);
		if (expr->text.n >= end.n && memcmp(expr->text.p + expr->text.n - end.n, end.p, end.n) == 0)
			mr_setup_warn(s, expr, "a sum of plain numbers ignores currency: fine where all events have the same one");
	}
}

static bool
is_name(struct mr_str s)
{
	if (s.n == 0 || s.n > NAME_MAX_BYTES || (s.p[0] >= '0' && s.p[0] <= '9'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], lower = (char)(c | 0x20);
		if (c != '_' && !(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'z'))
			return false;
	}
	return true;
}

static bool
setup_feature(struct mr_setup *s, const struct mr_node *key, const struct mr_node *node, struct feature *f)
{
	struct raw raw = {0};

	f->name = key->text;
	if (!is_name(f->name)) {
		mr_setup_error(s, key, "'%.*s' can't be read as user.NAME: use letters, digits and _, at most %d",
		    (int)f->name.n, f->name.p, NAME_MAX_BYTES);
		return false;
	}
	if (node->kind != MR_NODE_MAP) {
		mr_setup_error(s, node, "'%.*s' must be a map, for example {count: Order Completed, over: 90d}", (int)f->name.n, f->name.p);
		return false;
	}
	if (!mr_setup_params(s, node, mr_profile_params, &raw) || !setup_kind(s, node, &raw, f) || !check_settings(s, node, &raw, f))
		return false;
	bool counts = COUNTS & BIT(f->kind);
	f->source = counts ? NULL : raw.kinds[f->kind];
	f->condition = raw.when;
	f->over_ms = raw.over_ms;
	f->pane_ms = raw.pane_ms ? raw.pane_ms : raw.over_ms ? usual_pane(raw.over_ms) : 0;
	f->half_life_ms = raw.half_life_ms;
	f->keep = raw.keep ? (uint32_t)raw.keep : f->kind == KIND_TOP ? 16 : f->kind == KIND_INTERVAL ? 8 : 256;
	f->text_max = (size_t)raw.text_max;
	if (f->source && f->source->kind != MR_NODE_SCALAR) {
		mr_setup_error(s, f->source, "%s takes an expression, for example event.properties.revenue", mr_profile_params[f->kind].name);
		return false;
	}
	if (f->kind == KIND_SUM || f->kind == KIND_DECAYED_SUM)
		warn_money(s, f->source);
	return setup_events(s, counts ? raw.kinds[f->kind] : raw.of, f);
}

// What expressions may take it for before an event has told.
static enum mr_type
feature_type(const struct feature *f)
{
	switch (f->kind) {
	case KIND_MIN: case KIND_MAX: case KIND_FIRST: case KIND_LAST: case KIND_TOP: return MR_ANY;
	case KIND_INTERVAL: return MR_DURATION;
	default: return MR_NUMBER;
	}
}

struct profile_conf *
mr_profile_setup(struct mr_setup *s, const struct mr_node *node)
{
	struct profile_conf *c = mr_setup_alloc(s, sizeof(*c));
	bool fine = true;

	if (node->kind != MR_NODE_MAP) {
		mr_setup_error(s, node, "profile must be a map of names, for example orders: {count: Order Completed}");
		return NULL;
	}
	c->grace_ms = mr_setup_time(s)->grace_ms;
	c->features = mr_setup_alloc(s, node->n * sizeof(*c->features));
	for (uint32_t i = 0; i < node->n; i++) {
		struct feature *f = &c->features[c->n++];
		if (!setup_feature(s, node->keys[i], node->values[i], f) ||
		    !mr_setup_offer(s, "user", f->name, feature_type(f), i, node->keys[i])) {
			fine = false;
			continue;
		}
		f->offset = c->size;
		c->size += mr_profile_size(f);
	}
	MR_ASSERT(c->n == node->n);
	return fine ? c : NULL;
}
