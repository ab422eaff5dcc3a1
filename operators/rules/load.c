// The `rules` map of a configuration to rules. Expressions wait for the second round (compile.c).
#include "rules.h"

#include <stddef.h>

// Names that a rule's author is likely to mean: Segment's commerce events, outcomes, and what
// Millrace derives itself.
static const char *const standard_names[] = {
	"Products Searched", "Product List Viewed", "Product List Filtered", "Promotion Viewed",
	"Promotion Clicked", "Product Clicked", "Product Viewed", "Product Added", "Product Removed",
	"Cart Viewed", "Checkout Started", "Checkout Step Viewed", "Checkout Step Completed",
	"Payment Info Entered", "Order Updated", "Order Completed", "Order Refunded", "Order Cancelled",
	"Coupon Entered", "Coupon Applied", "Coupon Denied", "Coupon Removed",
	"Product Added to Wishlist", "Product Removed from Wishlist", "Wishlist Product Added to Cart",
	"Product Shared", "Cart Shared", "Product Reviewed", "Message Sent", "Message Delivered",
	"Message Opened", "Message Clicked", "Message Dismissed", "Message Replied", "Message Bounced",
	"Message Failed", "Message Expired", "Message Complained", "Message Unsubscribed",
	"Message Converted", "Session Started", "Session Ended", "Stage Changed", "Churn Band Changed",
	"Tag Added", "Tag Removed", NULL,
};

static const char *const type_words[] = {"track", "identify", "page", "screen", "group", "alias", NULL};

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

// Whether two names differ by at most two letters added, dropped or changed, or by case alone.
static bool
nearly(struct mr_str a, struct mr_str b)
{
	enum { MAX = 40 };
	size_t row[MAX + 1];

	if (a.n > MAX || b.n > MAX || a.n + 2 < b.n || b.n + 2 < a.n)
		return false;
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t corner = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t cost = corner + (lower(a.p[i - 1]) != lower(b.p[j - 1]));
			corner = row[j];
			size_t shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			row[j] = cost < shift ? cost : shift;
		}
	}
	return row[b.n] <= 2;
}

static void
warn_misspelt(struct mr_setup *s, const struct mr_node *node)
{
	const char *near = NULL;

	for (const char *const *w = standard_names; *w; w++) {
		if (mr_str_eq(node->text, mr_str_of(*w)))
			return;
		if (near == NULL && nearly(node->text, mr_str_of(*w)))
			near = *w;
	}
	if (near)
		mr_setup_warn(s, node, "'%.*s' is no standard event; did you mean '%s'?",
		    (int)node->text.n, node->text.p, near);
}

static bool
selector_name(struct mr_setup *s, const struct mr_node *node, int32_t *out)
{
	if (node->kind != MR_NODE_SCALAR || node->text.n == 0 || node->text.n > 255) {
		mr_setup_error(s, node, "an event name of 1 to 255 bytes belongs here");
		return false;
	}
	warn_misspelt(s, node);
	*out = mr_setup_event(s, node->text);
	return true;
}

// {type: identify}; {date: ...} and {event, reach} are of a later version.
static bool
selector_map(struct mr_setup *s, const struct mr_node *node, struct mr_selector *sel)
{
	static const struct mr_param params[] = {
		{.name = "type", .type = MR_P_NODE, .offset = 0, .text = "every event of this type"},
		{.name = "event", .type = MR_P_NOT_YET}, {.name = "reach", .type = MR_P_NOT_YET},
		{.name = "date", .type = MR_P_NOT_YET}, {.name = "every", .type = MR_P_NOT_YET},
		{.name = "at", .type = MR_P_NOT_YET}, {.name = "offset", .type = MR_P_NOT_YET},
		MR_PARAMS_END,
	};
	struct { const struct mr_node *type; } p = {0};

	if (!mr_setup_params(s, node, params, &p))
		return false;
	if (p.type && p.type->kind == MR_NODE_SCALAR) {
		for (int i = 0; type_words[i]; i++) {
			if (mr_str_eq(p.type->text, mr_str_of(type_words[i]))) {
				sel->types |= (uint8_t)(1u << i);
				return true;
			}
		}
	}
	mr_setup_error(s, p.type ? p.type : node,
	    "{type: T} selects events by type: track, identify, page, screen, group or alias");
	return false;
}

bool
mr_rules_selector(struct mr_setup *s, const struct mr_node *node, struct mr_selector *sel)
{
	const struct mr_node *const one = node;
	const struct mr_node *const *items = node->kind == MR_NODE_LIST ? node->values : &one;
	uint32_t n = node->kind == MR_NODE_LIST ? node->n : 1;
	bool ok = true;

	*sel = (struct mr_selector){0};
	if (n == 0 || n > MR_SELECTORS_MAX) {
		mr_setup_error(s, node, "1 to %d event names belong here", MR_SELECTORS_MAX);
		return false;
	}
	int32_t *names = mr_setup_alloc(s, n * sizeof(*names));
	for (uint32_t i = 0; i < n; i++) {
		if (items[i]->kind == MR_NODE_MAP)
			ok = selector_map(s, items[i], sel) && ok;
		else if (selector_name(s, items[i], &names[sel->n]))
			sel->n++;
		else
			ok = false;
	}
	sel->names = names;
	return ok;
}

// ---- one rule ----

struct raw {
	const struct mr_node *on, *when, *for_each, *at_most, *at_least, *cancel_on, *then;
	int32_t while_running;
	int64_t again_after_ms, priority;
};

static const char *const running_words[] = {"skip", "restart", NULL};

const struct mr_param mr_rule_params[] = {
	{.name = "on", .type = MR_P_NODE, .offset = offsetof(struct raw, on), .def = "!",
		.text = "the event that begins a run: a name, a list of names, or {type: identify}"},
	{.name = "when", .type = MR_P_NODE, .offset = offsetof(struct raw, when),
		.text = "a condition on the event and the user"},
	{.name = "for_each", .type = MR_P_NODE, .offset = offsetof(struct raw, for_each),
		.text = "one run for each value of this expression, which is run.key"},
	{.name = "while_running", .type = MR_P_ENUM, .offset = offsetof(struct raw, while_running),
		.def = "skip", .words = running_words,
		.text = "what a trigger does to a live run of the same key"},
	{.name = "again_after", .type = MR_P_DURATION, .offset = offsetof(struct raw, again_after_ms),
		.unit = "ms", .min = 0, .max = MR_LENGTH_MS_MAX, .def = "0s",
		.text = "least time between two starts for the same user and key"},
	{.name = "at_most", .type = MR_P_NODE, .offset = offsetof(struct raw, at_most),
		.text = "entries of a user: N per day, week, month or length; N alone: ever"},
	{.name = "at_least", .type = MR_P_NODE, .offset = offsetof(struct raw, at_least),
		.text = "N within LENGTH: begin at the n-th such event"},
	{.name = "cancel_on", .type = MR_P_NODE, .offset = offsetof(struct raw, cancel_on),
		.text = "{event, when}, or a list of them: ends a run at any step"},
	{.name = "priority", .type = MR_P_INT, .offset = offsetof(struct raw, priority),
		.min = -100, .max = 100, .def = "0", .text = "higher wins"},
	{.name = "then", .type = MR_P_NODE, .offset = offsetof(struct raw, then), .def = "!",
		.text = "the steps"},
	{.name = "goal", .type = MR_P_NOT_YET}, {.name = "mode", .type = MR_P_NOT_YET},
	{.name = "rollout", .type = MR_P_NOT_YET}, {.name = "holdout", .type = MR_P_NOT_YET},
	{.name = "active", .type = MR_P_NOT_YET}, {.name = "limit", .type = MR_P_NOT_YET},
	MR_PARAMS_END,
};

struct raw_cancel {
	const struct mr_node *event, *when;
};

const struct mr_param mr_cancel_params[] = {
	{.name = "event", .type = MR_P_NODE, .offset = offsetof(struct raw_cancel, event), .def = "!",
		.text = "a name, a list of names, or {type: identify}"},
	{.name = "when", .type = MR_P_NODE, .offset = offsetof(struct raw_cancel, when),
		.text = "a condition; `event` is the one that would cancel"},
	MR_PARAMS_END,
};

static bool
load_cancels(struct mr_setup *s, struct mr_rule *rule, const struct mr_node *node)
{
	const struct mr_node *const one = node;
	const struct mr_node *const *items = node->kind == MR_NODE_LIST ? node->values : &one;
	uint32_t n = node->kind == MR_NODE_LIST ? node->n : 1;
	bool ok = true;

	if (n > MR_CANCELS_MAX) {
		mr_setup_error(s, node, "cancel_on takes at most %d items", MR_CANCELS_MAX);
		return false;
	}
	rule->cancels = mr_setup_alloc(s, (n + 1) * sizeof(*rule->cancels));
	for (uint32_t i = 0; i < n; i++) {
		struct raw_cancel raw = {0};
		struct mr_cancel *c = &rule->cancels[rule->n_cancels];
		if (items[i]->kind != MR_NODE_MAP) {
			mr_setup_error(s, items[i], "cancel_on takes {event: NAME, when: EXPR}");
			ok = false;
			continue;
		}
		if (!mr_setup_params(s, items[i], mr_cancel_params, &raw) || raw.event == NULL ||
		    !mr_rules_selector(s, raw.event, &c->on)) {
			ok = false;
			continue;
		}
		c->node = raw.when;
		rule->n_cancels++;
	}
	return ok;
}

static bool
load_rates(struct mr_setup *s, struct mr_rule *rule, const struct raw *raw)
{
	bool ok = true;

	if (raw->at_most) {
		struct mr_rate *r = &rule->at_most;
		ok = mr_setup_rate(s, raw->at_most, "per", r);
		bool timed = r->per != MR_CAL_NONE || r->length_ms > 0;
		if (ok && (r->n < 1 || (timed && r->n > MR_TIMES_MAX))) {
			mr_setup_error(s, raw->at_most, "at_most counts from 1 to %d entries", MR_TIMES_MAX);
			ok = false;
		}
	}
	if (raw->at_least) {
		struct mr_rate *r = &rule->at_least;
		bool fine = mr_setup_rate(s, raw->at_least, "within", r);
		if (fine && (r->n < 1 || r->n > MR_TIMES_MAX || r->length_ms <= 0)) {
			mr_setup_error(s, raw->at_least,
			    "at_least is N within LENGTH, such as '3 within 10m', N from 1 to %d", MR_TIMES_MAX);
			fine = false;
		}
		ok = ok && fine;
	}
	return ok;
}

static void
load_for_each(struct mr_setup *s, struct mr_rule *rule, const struct mr_node *node)
{
	static const struct mr_param items[] = {
		{.name = "item", .type = MR_P_NOT_YET}, {.name = "key", .type = MR_P_NOT_YET},
		MR_PARAMS_END,
	};

	if (node->kind == MR_NODE_MAP)
		mr_setup_params(s, node, items, &(char){0});
	else if (node->kind != MR_NODE_SCALAR)
		mr_setup_error(s, node, "for_each takes an expression");
	else
		rule->key_node = node;
}

// Errors are noted and loading goes on, so that one run lists them all.
static void
load_rule(struct mr_setup *s, struct mr_rule *rule, const struct mr_node *key, const struct mr_node *node)
{
	struct raw raw = {0};

	rule->name = key->text;
	if (key->text.n == 0 || key->text.n > 128)
		mr_setup_error(s, key, "a rule's name has 1 to 128 bytes");
	if (node->kind != MR_NODE_MAP) {
		mr_setup_error(s, node, "a rule is a map: {on: EVENT, then: [STEPS]}");
		return;
	}
	mr_setup_params(s, node, mr_rule_params, &raw);
	mr_setup_hash(s, node, rule->hash);
	rule->when_node = raw.when;
	rule->restart = raw.while_running == 1;
	rule->again_after_ms = raw.again_after_ms;
	rule->priority = (int32_t)raw.priority;
	if (raw.for_each)
		load_for_each(s, rule, raw.for_each);
	if (raw.on)
		mr_rules_selector(s, raw.on, &rule->on);
	load_rates(s, rule, &raw);
	if (raw.cancel_on)
		load_cancels(s, rule, raw.cancel_on);
	if (raw.then)
		mr_rules_steps(s, rule, raw.then);
}

// Bottom-up merge of the order of keys; names are unique, so there are no ties.
static void
sort_by_name(const struct mr_node *map, uint32_t *order, uint32_t *scratch, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	for (uint32_t width = 1; width < n; width *= 2) {
		for (uint32_t lo = 0; lo < n; lo += 2 * width) {
			uint32_t mid = lo + width < n ? lo + width : n, hi = lo + 2 * width < n ? lo + 2 * width : n;
			uint32_t a = lo, b = mid;
			for (uint32_t k = lo; k < hi; k++) {
				bool left = a < mid && (b >= hi ||
				    mr_str_cmp(map->keys[order[a]]->text, map->keys[order[b]]->text) <= 0);
				scratch[k] = left ? order[a++] : order[b++];
			}
		}
		memcpy(order, scratch, n * sizeof(*order));
	}
}

void *
mr_rules_setup(struct mr_setup *s, const struct mr_node *node)
{
	struct mr_rules *conf = mr_setup_alloc(s, sizeof(*conf));

	conf->app = mr_setup_app(s);
	conf->time = *mr_setup_time(s);
	conf->tag_added = mr_setup_event(s, MR_LIT("Tag Added"));
	conf->tag_removed = mr_setup_event(s, MR_LIT("Tag Removed"));
	conf->user_locale = conf->user_timezone = -1;
	mr_setup_offer(s, "user", MR_LIT("tags"), MR_LIST, 0, node);
	if (node == NULL)
		return conf;
	if (node->kind != MR_NODE_MAP) {
		mr_setup_error(s, node, "rules is a map from a rule's name to the rule");
		return conf;
	}
	if (node->n > MR_RULES_MAX) {
		mr_setup_error(s, node, "at most %d rules", MR_RULES_MAX);
		return conf;
	}
	uint32_t *order = mr_setup_alloc(s, (node->n + 1) * 2 * sizeof(*order));
	sort_by_name(node, order, order + node->n, node->n);
	conf->rules = mr_setup_alloc(s, (node->n + 1) * sizeof(*conf->rules));
	conf->n = node->n;
	// In the order of the file, so that errors come in that order.
	for (uint32_t i = 0; i < node->n; i++)
		order[node->n + order[i]] = i;
	for (uint32_t i = 0; i < node->n; i++) {
		struct mr_rule *rule = &conf->rules[order[node->n + i]];
		rule->index = (uint16_t)order[node->n + i];
		if (rule->index > 0 && mr_str_eq(rule[-1].name, node->keys[i]->text))
			mr_setup_error(s, node->keys[i], "this rule's name is taken");
		load_rule(s, rule, node->keys[i], node->values[i]);
	}
	return conf;
}

const struct mr_rule *
mr_rules_find(const struct mr_rules *conf, struct mr_str name)
{
	uint32_t lo = 0, hi = conf->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int c = mr_str_cmp(conf->rules[mid].name, name);
		if (c == 0)
			return &conf->rules[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}
