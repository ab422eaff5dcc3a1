// Maps read by tables, and the notations that a table can't describe: rates, literals.
#include "config/internal.h"

#include <stdio.h>

static bool
scalar(struct mr_setup *s, const struct mr_node *node, const char *what)
{
	if (node->kind == MR_NODE_SCALAR)
		return true;
	mr_setup_error(s, node, "expected %s, found a %s", what, node->kind == MR_NODE_LIST ? "list" : "map");
	return false;
}

bool
mr_setup_duration(struct mr_setup *s, const struct mr_node *node, int64_t *ms)
{
	static const char want[] = "a length of time like 250ms, 30m, 1h30m or 7d";
	int64_t n;

	if (!scalar(s, node, want))
		return false;
	if (mr_duration_parse(node->text, ms))
		return true;
	if (mr_scalar_int(node->text, &n))
		mr_setup_error(s, node, "%.*s: a length of time needs a unit: %.*ss, %.*sm, %.*sh or %.*sd?", (int)node->text.n,
		    node->text.p, (int)node->text.n, node->text.p, (int)node->text.n, node->text.p, (int)node->text.n, node->text.p,
		    (int)node->text.n, node->text.p);
	else
		mr_setup_error(s, node, "%.*s: expected %s", (int)node->text.n, node->text.p, want);
	return false;
}

bool
mr_setup_number(struct mr_setup *s, const struct mr_node *node, double *out)
{
	if (!scalar(s, node, "a number"))
		return false;
	if (!node->quoted && mr_scalar_number(node->text, out))
		return true;
	mr_setup_error(s, node, "%.*s: expected a number%s", (int)node->text.n, node->text.p,
	    node->quoted && mr_scalar_number(node->text, out) ? "; remove the quotes" : "");
	return false;
}

bool
mr_setup_strings(struct mr_setup *s, const struct mr_node *node, struct mr_strs *out)
{
	const struct mr_node *const *nodes = node->values;
	uint32_t n = node->n;
	bool ok = true;

	if (node->kind == MR_NODE_SCALAR) {
		const struct mr_node **one = mr_arena_alloc(s->arena, sizeof(*one));
		*one = node;
		nodes = one;
		n = 1;
	} else if (node->kind == MR_NODE_MAP) {
		mr_setup_error(s, node, "expected a word or a list of words, found a map");
		return false;
	}
	struct mr_str *items = mr_arena_alloc(s->arena, (n + 1) * sizeof(*items));
	for (uint32_t i = 0; i < n; i++) {
		ok &= scalar(s, nodes[i], "a word");
		items[i] = nodes[i]->text;
	}
	if (n == 0)
		mr_setup_error(s, node, "an empty list; name at least one");
	*out = (struct mr_strs){items, nodes, n};
	return ok && n > 0;
}

// "N WORD LENGTH": splits at blanks. Three parts at most.
static size_t
split(struct mr_str t, struct mr_str parts[4])
{
	size_t n = 0;

	for (size_t i = 0; i < t.n && n < 4;) {
		size_t end = i;
		while (end < t.n && t.p[end] != ' ')
			end++;
		if (end > i)
			parts[n++] = (struct mr_str){t.p + i, end - i};
		i = end + 1;
	}
	return n;
}

static bool
calendar(struct mr_str word, enum mr_calendar *out)
{
	*out = mr_str_eq(word, MR_LIT("day")) ? MR_CAL_DAY : mr_str_eq(word, MR_LIT("week")) ? MR_CAL_WEEK :
	    mr_str_eq(word, MR_LIT("month")) ? MR_CAL_MONTH : MR_CAL_NONE;
	return *out != MR_CAL_NONE;
}

bool
mr_setup_rate(struct mr_setup *s, const struct mr_node *node, const char *word, struct mr_rate *out)
{
	struct mr_str parts[4];
	bool per = strcmp(word, "per") == 0;
	const char *want = per ? "like 1, 1 per day, 2 per week, 1 per month or 3 per 7d" : "like 3 within 10m";

	MR_ASSERT(per || strcmp(word, "within") == 0);
	*out = (struct mr_rate){0};
	if (!scalar(s, node, want))
		return false;
	size_t n = split(node->text, parts);
	bool ok = (n == 3 || (n == 1 && per)) && mr_scalar_int(parts[0], &out->n) && out->n >= 1;
	if (ok && n == 3)
		ok = mr_str_eq(parts[1], mr_str_of(word)) && ((per && calendar(parts[2], &out->per)) ||
		    (mr_duration_parse(parts[2], &out->length_ms) && out->length_ms > 0));
	if (!ok)
		mr_setup_error(s, node, "%.*s: expected a number of times, %s", (int)node->text.n, node->text.p, want);
	return ok;
}

struct mr_value
mr_setup_literal(struct mr_setup *s, const struct mr_node *node)
{
	double d = 0;

	MR_ASSERT(node != NULL);
	if (node->kind == MR_NODE_LIST) {
		struct mr_value *items = mr_arena_alloc(s->arena, (node->n + 1) * sizeof(*items));
		for (uint32_t i = 0; i < node->n; i++)
			items[i] = mr_setup_literal(s, node->values[i]);
		return (struct mr_value){.type = MR_LIST, .n = node->n, .items = items};
	}
	if (node->kind == MR_NODE_MAP) {
		struct mr_member *members = mr_arena_alloc(s->arena, (node->n + 1) * sizeof(*members));
		for (uint32_t i = 0; i < node->n; i++)
			members[i] = (struct mr_member){node->keys[i]->text, mr_setup_literal(s, node->values[i])};
		return (struct mr_value){.type = MR_MAP, .n = node->n, .members = members};
	}
	switch (mr_scalar_kind(node)) {
	case MR_SCALAR_NULL:
		return mr_absent();
	case MR_SCALAR_BOOL:
		return mr_bool(node->text.p[0] == 't' || node->text.p[0] == 'T');
	case MR_SCALAR_NUMBER:
		mr_scalar_number(node->text, &d);
		return mr_num(d);
	default:
		return mr_string(node->text);
	}
}

// ---- tables ----

static const char *
bounds_text(struct mr_setup *s, const struct mr_param *p)
{
	char low[48], high[48];

	if (p->type == MR_P_DURATION) {
		mr_duration_format(low, (int64_t)p->min);
		mr_duration_format(high, (int64_t)p->max);
	} else if (p->type == MR_P_BYTES) {
		mr_bytes_format(low, (int64_t)p->min);
		mr_bytes_format(high, (int64_t)p->max);
	} else {
		snprintf(low, sizeof(low), "%.15g", p->min);
		snprintf(high, sizeof(high), "%.15g", p->max);
	}
	return mr_setup_format(s, "from %s to %s", low, high);
}

static bool
in_bounds(struct mr_setup *s, const struct mr_param *p, const struct mr_node *node, double value)
{
	if ((p->min == 0 && p->max == 0) || (value >= p->min && value <= p->max))
		return true;
	mr_setup_error(s, node, "%.*s: %s must be %s", (int)node->text.n, node->text.p, p->name, bounds_text(s, p));
	return false;
}

static bool
parse_int(struct mr_setup *s, const struct mr_param *p, const struct mr_node *node, int64_t *out)
{
	bool bytes = p->type == MR_P_BYTES;
	const char *want = bytes ? "a number of bytes like 64KiB, 16MiB or 1GiB" : "a whole number";

	if (!scalar(s, node, want))
		return false;
	if (bytes ? !mr_bytes_parse(node->text, out) : (node->quoted || !mr_scalar_int(node->text, out))) {
		mr_setup_error(s, node, "%.*s: %s must be %s%s", (int)node->text.n, node->text.p, p->name, want,
		    node->quoted && mr_scalar_int(node->text, out) ? "; remove the quotes" : "");
		return false;
	}
	return in_bounds(s, p, node, (double)*out);
}

static bool
parse_bool(struct mr_setup *s, const struct mr_param *p, const struct mr_node *node, bool *out)
{
	if (!scalar(s, node, "true or false"))
		return false;
	if (mr_scalar_kind(node) != MR_SCALAR_BOOL) {
		mr_setup_error(s, node, "%.*s: %s must be true or false%s", (int)node->text.n, node->text.p, p->name,
		    node->quoted ? ", without quotes" : "");
		return false;
	}
	*out = node->text.p[0] == 't' || node->text.p[0] == 'T';
	return true;
}

static bool
parse_enum(struct mr_setup *s, const struct mr_param *p, const struct mr_node *node, int32_t *out)
{
	const char *list = "";

	for (int32_t i = 0; p->words[i]; i++)
		list = mr_setup_format(s, "%s%s%s", list, i == 0 ? "" : p->words[i + 1] ? ", " : " or ", p->words[i]);
	if (!scalar(s, node, list))
		return false;
	for (int32_t i = 0; p->words[i]; i++)
		if (mr_str_eq(node->text, mr_str_of(p->words[i]))) {
			*out = i;
			return true;
		}
	mr_setup_error(s, node, "%.*s: %s must be %s", (int)node->text.n, node->text.p, p->name, list);
	return false;
}

bool
mr_param_parse(struct mr_setup *s, const struct mr_param *p, const struct mr_node *node, void *field)
{
	switch (p->type) {
	case MR_P_DURATION:
		return mr_setup_duration(s, node, field) && in_bounds(s, p, node, (double)*(int64_t *)field);
	case MR_P_INT:
	case MR_P_BYTES:
		return parse_int(s, p, node, field);
	case MR_P_NUMBER:
		return mr_setup_number(s, node, field) && in_bounds(s, p, node, *(double *)field);
	case MR_P_BOOL:
		return parse_bool(s, p, node, field);
	case MR_P_ENUM:
		MR_ASSERT(p->words != NULL);
		return parse_enum(s, p, node, field);
	case MR_P_STRING:
		if (!scalar(s, node, "a word or a text"))
			return false;
		*(struct mr_str *)field = node->text;
		return true;
	case MR_P_STRINGS:
		return mr_setup_strings(s, node, field);
	case MR_P_NODE:
		*(const struct mr_node **)field = node;
		return true;
	case MR_P_NOT_YET:
		break;
	}
	return false;
}

size_t
mr_param_size(enum mr_param_type type)
{
	switch (type) {
	case MR_P_BOOL:
		return sizeof(bool);
	case MR_P_ENUM:
		return sizeof(int32_t);
	case MR_P_STRING:
		return sizeof(struct mr_str);
	case MR_P_STRINGS:
		return sizeof(struct mr_strs);
	case MR_P_NODE:
		return sizeof(const struct mr_node *);
	case MR_P_NOT_YET:
		return 0;
	default:
		return sizeof(int64_t);
	}
}

const struct mr_node *
mr_node_of(struct mr_setup *s, struct mr_str text, const struct mr_node *at)
{
	struct mr_node *node = mr_arena_alloc(s->arena, sizeof(*node));

	*node = (struct mr_node){
		.kind = MR_NODE_SCALAR, .text = text, .file = s->path, .line = at ? at->line : 1, .column = at ? at->column : 1,
	};
	return node;
}

void
mr_param_default(struct mr_setup *s, const struct mr_param *p, void *field)
{
	memset(field, 0, mr_param_size(p->type));
	if (p->def == NULL || p->def[0] == '!' || p->type == MR_P_NODE || p->type == MR_P_NOT_YET)
		return;
	bool ok = mr_param_parse(s, p, mr_node_of(s, mr_str_of(p->def), NULL), field);
	MR_ASSERT(ok);     // a table with a default that is none
}

static const struct mr_param *
param_of(const struct mr_param *table, struct mr_str name)
{
	for (; table->name; table++)
		if (mr_str_eq(mr_str_of(table->name), name))
			return table;
	return NULL;
}

static void
unknown_key(struct mr_setup *s, const struct mr_param *table, const struct mr_node *key)
{
	const char *best = NULL, *list = "";
	unsigned distance = UINT32_MAX;

	for (const struct mr_param *p = table; p->name; p++) {
		if (mr_near(key->text, mr_str_of(p->name), &distance))
			best = p->name;
		if (p->type != MR_P_NOT_YET)
			list = mr_setup_format(s, "%s%s%s", list, *list ? ", " : "", p->name);
	}
	if (best)
		mr_setup_error(s, key, "%.*s: no such key here; did you mean %s?", (int)key->text.n, key->text.p, best);
	else
		mr_setup_error(s, key, "%.*s: no such key here; there are: %s", (int)key->text.n, key->text.p, list);
}

bool
mr_setup_params(struct mr_setup *s, const struct mr_node *map, const struct mr_param *table, void *out)
{
	bool ok = true;

	MR_ASSERT(!s->frozen);
	for (const struct mr_param *p = table; p->name; p++)
		mr_param_default(s, p, (char *)out + p->offset);
	if (map && map->kind != MR_NODE_MAP) {
		mr_setup_error(s, map, "expected a map (%s: ...), found a %s", table->name ? table->name : "key",
		    map->kind == MR_NODE_LIST ? "list" : "single value");
		return false;
	}
	for (uint32_t i = 0; map && i < map->n; i++) {
		const struct mr_param *p = param_of(table, map->keys[i]->text);
		if (p == NULL)
			unknown_key(s, table, map->keys[i]);
		else if (p->type == MR_P_NOT_YET)
			mr_setup_not_yet(s, map->keys[i]);
		ok &= p && p->type != MR_P_NOT_YET && mr_param_parse(s, p, map->values[i], (char *)out + p->offset);
	}
	for (const struct mr_param *p = table; p->name; p++)
		if (p->def && p->def[0] == '!' && mr_node_get(map, p->name) == NULL) {
			mr_setup_error(s, map, "%s is missing: %s", p->name, p->text ? p->text : "it has no default");
			ok = false;
		}
	return ok;
}
