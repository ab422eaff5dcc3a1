// Steps to a flat program: one array, branches as jumps, each step with its path in the YAML.
#include "rules.h"

#include <stddef.h>
#include <stdio.h>

struct parser {
	struct mr_setup *setup;
	struct mr_rule *rule;
	uint32_t cap;
	uint32_t counted;       // steps as written
	uint16_t visible;       // names given so far on the way here
	bool failed;
};

static void list(struct parser *, const struct mr_node *, struct mr_str parent, const char *word, int depth);

static const struct mr_node *
key_node(const struct mr_node *map, const char *key)
{
	for (uint32_t i = 0; map->kind == MR_NODE_MAP && i < map->n; i++) {
		if (mr_str_eq(map->keys[i]->text, mr_str_of(key)))
			return map->keys[i];
	}
	return map;
}

// The new step's number. The bound on steps as written keeps it within the program.
static uint32_t
append(struct parser *p, enum mr_step_op op, struct mr_str path)
{
	MR_ASSERT(p->rule->n_steps < p->cap);
	uint32_t at = p->rule->n_steps++;
	p->rule->steps[at] = (struct mr_step){.op = op, .path = path, .visible = p->visible, .name = -1};
	return at;
}

static struct mr_str
path_of(struct parser *p, struct mr_str parent, const char *word, uint32_t index)
{
	char buf[256];
	int n = parent.n ? snprintf(buf, sizeof(buf), "%.*s.%s[%u]", (int)parent.n, parent.p, word, index) :
	    snprintf(buf, sizeof(buf), "%s[%u]", word, index);

	MR_ASSERT(n > 0 && (size_t)n < sizeof(buf));
	char *text = mr_setup_alloc(p->setup, (size_t)n + 1);
	memcpy(text, buf, (size_t)n);
	return (struct mr_str){text, (size_t)n};
}

static bool
is_name(struct mr_str s)
{
	static const char *const taken[] = {"event", "run", "user", "session", "now", "item", "true",
		"false", "null", "in", "has", "size", "timestamp", "duration", "money", NULL};

	if (s.n == 0 || s.n > 64 || (s.p[0] >= '0' && s.p[0] <= '9'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
			return false;
	}
	for (const char *const *t = taken; *t; t++) {
		if (mr_str_eq(s, mr_str_of(*t)))
			return false;
	}
	return true;
}

// Gives the name of an `as` its number; -1 after an error.
static int8_t
name(struct parser *p, const struct mr_node *node, struct mr_str text, bool is_send)
{
	struct mr_rule *r = p->rule;
	int8_t number = -1;

	if (!is_name(text)) {
		mr_setup_error(p->setup, node, "'%.*s' can't be a name; letters, digits and _ make one, "
		    "such as 'nudge'", (int)text.n, text.p);
	} else if (r->n_names == MR_NAMES_MAX) {
		mr_setup_error(p->setup, node, "a rule has at most %d names", MR_NAMES_MAX);
	} else {
		number = (int8_t)r->n_names;
		for (uint32_t i = 0; i < r->n_names; i++) {
			if (mr_str_eq(r->names[i].name, text))
				number = -1;
		}
		if (number < 0)
			mr_setup_error(p->setup, node, "the name '%.*s' is taken in this rule", (int)text.n, text.p);
	}
	if (number < 0) {
		p->failed = true;
		return -1;
	}
	r->names[r->n_names++] = (struct mr_scope_name){text, is_send};
	p->visible |= (uint16_t)(1u << number);
	return number;
}

// ---- wait ----

struct raw_until {
	const struct mr_node *until;
};

const struct mr_param mr_until_params[] = {
	{.name = "until", .type = MR_P_NODE, .offset = offsetof(struct raw_until, until), .def = "!",
		.text = "an expression that gives a time"},
	MR_PARAMS_END,
};

static bool
length(struct parser *p, const struct mr_node *node, int64_t *ms)
{
	if (!mr_setup_duration(p->setup, node, ms))
		return false;
	if (*ms > 0 && (double)*ms <= MR_LENGTH_MS_MAX)
		return true;
	mr_setup_error(p->setup, node, "a length of time above 0 and up to 3650d belongs here");
	return false;
}

static void
step_wait(struct parser *p, const struct mr_node *node, struct mr_str path)
{
	struct mr_step *s = &p->rule->steps[append(p, MR_STEP_WAIT, path)];

	if (node->kind == MR_NODE_MAP) {
		struct raw_until raw = {0};
		p->failed |= !mr_setup_params(p->setup, node, mr_until_params, &raw);
		s->node = raw.until;
	} else {
		p->failed |= !length(p, node, &s->length_ms);
	}
}

// ---- wait_for and if: two branches ----

struct raw_step {
	const struct mr_node *wait, *wait_for, *condition, *send, *tag, *stop, *then, *otherwise;
	struct mr_str as;
};

// Lays out `then`, a jump over `else`, and `else`. The step at `at` goes to the else branch.
static void
branches(struct parser *p, uint32_t at, const struct raw_step *raw, struct mr_str path, uint16_t before, int depth)
{
	uint16_t behind;

	if (raw->then)
		list(p, raw->then, path, "then", depth + 1);
	behind = p->visible;
	uint32_t jump = raw->otherwise ? append(p, MR_STEP_JUMP, (struct mr_str){0}) : 0;
	p->rule->steps[at].target = (uint16_t)p->rule->n_steps;
	if (raw->otherwise) {
		p->visible = before;
		list(p, raw->otherwise, path, "else", depth + 1);
		p->rule->steps[jump].target = (uint16_t)p->rule->n_steps;
		p->visible |= behind;
	}
}

static void
step_if(struct parser *p, const struct raw_step *raw, struct mr_str path, int depth)
{
	uint32_t at = append(p, MR_STEP_IF, path);

	p->rule->steps[at].node = raw->condition;
	if (!raw->then && !raw->otherwise) {
		mr_setup_error(p->setup, raw->condition, "an if without then or else changes nothing");
		p->failed = true;
	}
	branches(p, at, raw, path, p->visible, depth);
}

struct raw_wait_for {
	const struct mr_node *event, *when;
	int64_t within_ms;
	struct mr_str as;
};

const struct mr_param mr_wait_for_params[] = {
	{.name = "event", .type = MR_P_NODE, .offset = offsetof(struct raw_wait_for, event), .def = "!",
		.text = "the event waited for: a name, a list of names, or {type: identify}"},
	{.name = "when", .type = MR_P_NODE, .offset = offsetof(struct raw_wait_for, when),
		.text = "a condition; `event` is the one that may answer"},
	{.name = "within", .type = MR_P_DURATION, .offset = offsetof(struct raw_wait_for, within_ms), .def = "!",
		.unit = "ms", .min = 1, .max = MR_LENGTH_MS_MAX,
		.text = "how long; after it the steps under `else` follow"},
	{.name = "as", .type = MR_P_STRING, .offset = offsetof(struct raw_wait_for, as),
		.text = "a name for the event that answered"},
	MR_PARAMS_END,
};

static void
step_wait_for(struct parser *p, const struct raw_step *raw, const struct mr_node *node, struct mr_str path, int depth)
{
	struct raw_wait_for w = {0};
	uint32_t at = append(p, MR_STEP_WAIT_FOR, path);
	struct mr_step *s = &p->rule->steps[at];
	uint16_t before = p->visible;

	if (raw->wait_for->kind != MR_NODE_MAP) {
		mr_setup_error(p->setup, raw->wait_for, "wait_for takes {event: NAME, when: EXPR, within: LENGTH}");
		p->failed = true;
	} else {
		p->failed |= !mr_setup_params(p->setup, raw->wait_for, mr_wait_for_params, &w);
	}
	if (w.event)
		p->failed |= !mr_rules_selector(p->setup, w.event, &s->on);
	s->length_ms = w.within_ms;
	s->node = w.when;
	if (w.as.n && raw->as.n) {
		mr_setup_error(p->setup, key_node(node, "as"), "a wait_for has one name");
		p->failed = true;
	} else if (w.as.n || raw->as.n) {
		s->name = name(p, mr_node_get(w.as.n ? raw->wait_for : node, "as"), w.as.n ? w.as : raw->as, false);
	}
	branches(p, at, raw, path, before, depth);
}

// ---- send ----

struct raw_send {
	const struct mr_node *channel, *data, *template;
	struct mr_str category, as;
	int64_t expires_ms;
};

const struct mr_param mr_send_params[] = {
	{.name = "channel", .type = MR_P_NODE, .offset = offsetof(struct raw_send, channel), .def = "!",
		.text = "where to: letters, digits, '.', '_' and '-'; names the topic"},
	{.name = "template", .type = MR_P_NODE, .offset = offsetof(struct raw_send, template), .def = "!",
		.text = "what to send; the channel's sender knows it"},
	{.name = "category", .type = MR_P_STRING, .offset = offsetof(struct raw_send, category),
		.def = "marketing", .text = "transactional, or a kind of marketing"},
	{.name = "data", .type = MR_P_NODE, .offset = offsetof(struct raw_send, data),
		.text = "a map from names to expressions"},
	{.name = "expires", .type = MR_P_DURATION, .offset = offsetof(struct raw_send, expires_ms),
		.unit = "ms", .min = 1, .max = MR_LENGTH_MS_MAX,
		.text = "how long the message is worth sending, from its decision"},
	{.name = "as", .type = MR_P_STRING, .offset = offsetof(struct raw_send, as),
		.text = "a name for what became of it"},
	{.name = "variants", .type = MR_P_NOT_YET}, {.name = "bandit", .type = MR_P_NOT_YET},
	{.name = "quiet", .type = MR_P_NOT_YET},
	MR_PARAMS_END,
};

static bool
is_channel(struct mr_str s)
{
	if (s.n == 0 || s.n > 64)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '.' || c == '_' || c == '-'))
			return false;
	}
	return true;
}

static bool
data(struct parser *p, const struct mr_node *node, struct mr_data *out, int depth)
{
	bool ok = true;

	out->node = node;
	if (node->kind == MR_NODE_SCALAR) {
		out->kind = MR_DATA_EXPR;
		return true;
	}
	out->kind = node->kind == MR_NODE_MAP ? MR_DATA_MAP : MR_DATA_LIST;
	if (depth >= MR_DATA_DEPTH_MAX || node->n > MR_DATA_ITEMS_MAX) {
		mr_setup_error(p->setup, node, "data has at most %d levels, and %d members in one",
		    MR_DATA_DEPTH_MAX, MR_DATA_ITEMS_MAX);
		return false;
	}
	out->n = node->n;
	out->items = mr_setup_alloc(p->setup, (node->n + 1) * sizeof(*out->items));
	out->keys = mr_setup_alloc(p->setup, (node->n + 1) * sizeof(*out->keys));
	for (uint32_t i = 0; i < node->n; i++) {
		if (out->kind == MR_DATA_MAP)
			out->keys[i] = node->keys[i]->text;
		ok = data(p, node->values[i], &out->items[i], depth + 1) && ok;
	}
	return ok;
}

static void
send_texts(struct parser *p, const struct mr_node *node, const struct raw_send *raw, struct mr_send *send)
{
	if (raw->channel && raw->channel->kind == MR_NODE_LIST) {
		mr_setup_error(p->setup, raw->channel, "channel: a list of channels: not yet; name one");
		p->failed = true;
	} else if (raw->channel && (raw->channel->kind != MR_NODE_SCALAR || !is_channel(raw->channel->text))) {
		mr_setup_error(p->setup, raw->channel,
		    "a channel is a word of up to 64 letters, digits, '.', '_' and '-'");
		p->failed = true;
	} else if (raw->channel) {
		send->channel = raw->channel->text;
	}
	if (raw->template && (raw->template->kind != MR_NODE_SCALAR || raw->template->text.n == 0 ||
	    raw->template->text.n > 255)) {
		mr_setup_error(p->setup, raw->template, "a template's name has 1 to 255 bytes");
		p->failed = true;
	} else if (raw->template) {
		send->template = raw->template->text;
	}
	if (raw->category.n == 0 || raw->category.n > 64) {
		mr_setup_error(p->setup, key_node(node, "category"), "a category has 1 to 64 bytes");
		p->failed = true;
	}
	send->category = raw->category;
}

static void
step_send(struct parser *p, const struct mr_node *node, struct mr_str path)
{
	struct raw_send raw = {.category = MR_LIT("marketing")};
	struct mr_send *send = mr_setup_alloc(p->setup, sizeof(*send));
	struct mr_step *s = &p->rule->steps[append(p, MR_STEP_SEND, path)];

	s->send = send;
	send->data.kind = MR_DATA_MAP;
	if (node->kind != MR_NODE_MAP) {
		mr_setup_error(p->setup, node, "send takes {channel: NAME, template: NAME, ...}");
		p->failed = true;
		return;
	}
	p->failed |= !mr_setup_params(p->setup, node, mr_send_params, &raw);
	send_texts(p, node, &raw, send);
	send->expires_ms = raw.expires_ms;
	if (raw.data && raw.data->kind != MR_NODE_MAP) {
		mr_setup_error(p->setup, raw.data, "data is a map from names to expressions");
		p->failed = true;
	} else if (raw.data) {
		p->failed |= !data(p, raw.data, &send->data, 0);
	}
	if (raw.as.n)
		s->name = name(p, mr_node_get(node, "as"), raw.as, true);
}

// ---- tag ----

struct raw_tag {
	struct mr_str add, remove;
	int64_t length_ms;
};

const struct mr_param mr_tag_params[] = {
	{.name = "add", .type = MR_P_STRING, .offset = offsetof(struct raw_tag, add), .text = "a tag for the user"},
	{.name = "remove", .type = MR_P_STRING, .offset = offsetof(struct raw_tag, remove), .text = "a tag to take away"},
	{.name = "for", .type = MR_P_DURATION, .offset = offsetof(struct raw_tag, length_ms), .unit = "ms",
		.min = 1, .max = MR_LENGTH_MS_MAX, .text = "how long; for good without it"},
	MR_PARAMS_END,
};

static void
step_tag(struct parser *p, const struct mr_node *node, struct mr_str path)
{
	struct raw_tag raw = {0};
	struct mr_step *s = &p->rule->steps[append(p, MR_STEP_TAG, path)];

	if (node->kind == MR_NODE_MAP)
		p->failed |= !mr_setup_params(p->setup, node, mr_tag_params, &raw);
	struct mr_str tag = raw.add.n ? raw.add : raw.remove;
	if ((raw.add.n == 0) == (raw.remove.n == 0) || tag.n > 128 || (raw.remove.n && raw.length_ms)) {
		mr_setup_error(p->setup, node, "tag takes {add: NAME, for: LENGTH} or {remove: NAME}, "
		    "a name of up to 128 bytes");
		p->failed = true;
		return;
	}
	s->tag = tag;
	s->remove = raw.remove.n > 0;
	s->length_ms = raw.length_ms;
}

// ---- lists of steps ----

const struct mr_param mr_step_params[] = {
	{.name = "wait", .type = MR_P_NODE, .offset = offsetof(struct raw_step, wait), .text = "LENGTH, or {until: EXPR}"},
	{.name = "wait_for", .type = MR_P_NODE, .offset = offsetof(struct raw_step, wait_for), .text = "{event, when, within}"},
	{.name = "if", .type = MR_P_NODE, .offset = offsetof(struct raw_step, condition), .text = "a condition"},
	{.name = "send", .type = MR_P_NODE, .offset = offsetof(struct raw_step, send), .text = "{channel, template, ...}"},
	{.name = "tag", .type = MR_P_NODE, .offset = offsetof(struct raw_step, tag), .text = "{add or remove, for}"},
	{.name = "stop", .type = MR_P_NODE, .offset = offsetof(struct raw_step, stop), .text = "ends the run"},
	{.name = "then", .type = MR_P_NODE, .offset = offsetof(struct raw_step, then), .text = "steps, of wait_for and if"},
	{.name = "else", .type = MR_P_NODE, .offset = offsetof(struct raw_step, otherwise), .text = "steps, of wait_for and if"},
	{.name = "as", .type = MR_P_STRING, .offset = offsetof(struct raw_step, as), .text = "a name, of wait_for"},
	{.name = "split", .type = MR_P_NOT_YET},
	MR_PARAMS_END,
};

static const char what_steps[] = "a step is one of wait, wait_for, if, send, tag and stop";

static void
step_map(struct parser *p, const struct mr_node *node, struct mr_str path, int depth)
{
	struct raw_step raw = {0};
	bool ok = mr_setup_params(p->setup, node, mr_step_params, &raw);
	int kinds = !!raw.wait + !!raw.wait_for + !!raw.condition + !!raw.send + !!raw.tag + !!raw.stop;

	p->failed |= !ok;
	if (kinds != 1) {
		if (ok || kinds > 1)
			mr_setup_error(p->setup, node, "%s", what_steps);
		p->failed = true;
		return;
	}
	if (!raw.wait_for && !raw.condition && (raw.then || raw.otherwise)) {
		mr_setup_error(p->setup, key_node(node, raw.then ? "then" : "else"),
		    "then and else belong to if and wait_for");
		p->failed = true;
	}
	if (raw.as.n && !raw.wait_for) {
		mr_setup_error(p->setup, key_node(node, "as"), raw.send ? "as belongs inside send's braces" :
		    "as belongs to send and wait_for");
		p->failed = true;
	}
	if (raw.wait)
		step_wait(p, raw.wait, path);
	else if (raw.wait_for)
		step_wait_for(p, &raw, node, path, depth);
	else if (raw.condition)
		step_if(p, &raw, path, depth);
	else if (raw.send)
		step_send(p, raw.send, path);
	else if (raw.tag)
		step_tag(p, raw.tag, path);
	else
		append(p, MR_STEP_STOP, path);
}

static bool
is_stop(const struct mr_node *node)
{
	return (node->kind == MR_NODE_SCALAR && mr_str_eq(node->text, MR_LIT("stop"))) ||
	    mr_node_get(node->kind == MR_NODE_MAP ? node : NULL, "stop") != NULL;
}

// Paths of the steps are `parent`, a dot, `word` and their number.
static void
list(struct parser *p, const struct mr_node *node, struct mr_str parent, const char *word, int depth)
{
	bool stopped = false;

	if (node->kind != MR_NODE_LIST || depth > MR_STEP_DEPTH_MAX) {
		mr_setup_error(p->setup, node, depth > MR_STEP_DEPTH_MAX ? "steps are nested too deep: at most 8 levels" :
		    "steps are a list: [{send: ...}, stop]");
		p->failed = true;
		return;
	}
	for (uint32_t i = 0; i < node->n; i++) {
		const struct mr_node *item = node->values[i];
		struct mr_str path = path_of(p, parent, word, i);
		if (++p->counted > MR_STEPS_MAX) {
			if (p->counted == MR_STEPS_MAX + 1)
				mr_setup_error(p->setup, item, "a rule has at most %d steps", MR_STEPS_MAX);
			p->failed = true;
			return;
		}
		if (stopped)
			mr_setup_warn(p->setup, item, "no run gets here: the steps before it stop");
		stopped = stopped || is_stop(item);
		if (item->kind == MR_NODE_MAP) {
			step_map(p, item, path, depth);
		} else if (is_stop(item)) {
			append(p, MR_STEP_STOP, path);
		} else {
			mr_setup_error(p->setup, item, "%s", what_steps);
			p->failed = true;
		}
	}
}

bool
mr_rules_steps(struct mr_setup *setup, struct mr_rule *rule, const struct mr_node *then)
{
	struct parser p = {.setup = setup, .rule = rule, .cap = MR_PROGRAM_MAX};

	if (then->kind == MR_NODE_LIST && then->n == 0) {
		mr_setup_error(setup, then, "then needs at least one step");
		return false;
	}
	// Steps that a rule writes are few: the program is built in a full one and then cut to size.
	struct mr_step program[MR_PROGRAM_MAX];
	rule->steps = program;
	list(&p, then, (struct mr_str){0}, "then", 1);
	append(&p, MR_STEP_END, (struct mr_str){0});
	MR_ASSERT(rule->n_steps > 0 && rule->steps[rule->n_steps - 1].op == MR_STEP_END);
	rule->steps = mr_setup_alloc(setup, rule->n_steps * sizeof(*rule->steps));
	memcpy(rule->steps, program, rule->n_steps * sizeof(*rule->steps));
	rule->category = MR_LIT("marketing");
	for (uint32_t i = rule->n_steps; i-- > 0;)
		if (rule->steps[i].op == MR_STEP_SEND)
			rule->category = rule->steps[i].send->category;
	return !p.failed;
}
