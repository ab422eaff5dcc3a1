// The normalised form: every key in the order of the tables, values in one notation. It is what
// `echo` prints and what the identity of a configuration is the hash of.
#include "config/internal.h"

#include <inttypes.h>
#include <stdlib.h>

static void
put_indent(FILE *out, int indent)
{
	fprintf(out, "%*s", indent * 2, "");
}

// Plain text that YAML reads back as the same string, in a block.
static bool
plain(struct mr_str t)
{
	struct mr_node node = {.kind = MR_NODE_SCALAR, .text = t};
	char c = t.n ? t.p[0] : 0;

	if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/') ||
	    t.p[t.n - 1] == ' ' || t.p[t.n - 1] == ':' || mr_scalar_kind(&node) != MR_SCALAR_STRING)
		return false;
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] < ' ' || t.p[i] > '~')
			return false;
		if (i && ((t.p[i] == '#' && t.p[i - 1] == ' ') || (t.p[i] == ' ' && t.p[i - 1] == ':')))
			return false;
	}
	return true;
}

// Length of the UTF-8 sequence at p and its code point; text that reaches this is valid UTF-8.
static size_t
code_point(const char *p, size_t left, uint32_t *cp)
{
	unsigned char c = (unsigned char)p[0];
	size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;

	MR_ASSERT(left > 0);
	if (n > left)
		n = 1;
	*cp = n == 1 ? c : c & (0xFFu >> (n + 1));
	for (size_t i = 1; i < n; i++)
		*cp = *cp << 6 | ((unsigned char)p[i] & 0x3F);
	return n;
}

// `variables`: where ${ would be read as one, as in values; keys are taken as they are.
static void
put_quoted(FILE *out, struct mr_str t, bool variables)
{
	fputc('"', out);
	for (size_t i = 0; i < t.n;) {
		uint32_t cp;
		size_t n = code_point(t.p + i, t.n - i, &cp);
		if (cp == '"' || cp == '\\')
			fprintf(out, "\\%c", (int)cp);
		else if (cp == '\n')
			fputs("\\n", out);
		else if (cp < ' ' || (cp >= 0x7F && cp <= 0x9F))
			fprintf(out, "\\x%02X", cp);
		else if (cp == 0x2028 || cp == 0x2029 || cp == 0xFEFF || cp == 0xFFFE || cp == 0xFFFF)
			fprintf(out, "\\u%04X", cp);
		else if (variables && cp == '$' && i + 1 < t.n && t.p[i + 1] == '{')
			fputs("$$", out);
		else
			fwrite(t.p + i, 1, n, out);
		i += n;
	}
	fputc('"', out);
}

void
mr_normal_text(FILE *out, struct mr_str t)
{
	if (plain(t) && memmem(t.p, t.n, "${", 2) == NULL)
		fwrite(t.p, 1, t.n, out);
	else
		put_quoted(out, t, true);
}

static void
put_key(FILE *out, struct mr_str t)
{
	if (plain(t) && memmem(t.p, t.n, ": ", 2) == NULL)
		fwrite(t.p, 1, t.n, out);
	else
		put_quoted(out, t, false);
}

static void
put_scalar(FILE *out, const struct mr_node *node)
{
	if (mr_scalar_kind(node) == MR_SCALAR_STRING)
		mr_normal_text(out, node->text);
	else if (node->text.n)
		fwrite(node->text.p, 1, node->text.n, out);
	else
		fputs("null", out);
}

// Depth is bounded by the parser.
void
mr_normal_node(FILE *out, const struct mr_node *node, int indent)
{
	if (node->kind == MR_NODE_SCALAR) {
		fputc(' ', out);
		put_scalar(out, node);
		fputc('\n', out);
		return;
	}
	fputs(node->n ? "\n" : node->kind == MR_NODE_MAP ? " {}\n" : " []\n", out);
	for (uint32_t i = 0; i < node->n; i++) {
		put_indent(out, indent);
		if (node->kind == MR_NODE_MAP) {
			put_key(out, node->keys[i]->text);
			fputc(':', out);
		} else {
			fputc('-', out);
		}
		mr_normal_node(out, node->values[i], indent + 1);
	}
}

static void
put_number(FILE *out, double d)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	fputs(text, out);
}

static void
put_strings(FILE *out, const struct mr_strs *list, int indent)
{
	MR_ASSERT(list->n > 0);    // an empty list was refused, and no table has one for a default
	for (uint32_t i = 0; i < list->n; i++) {
		fputc('\n', out);
		put_indent(out, indent);
		fputs("- ", out);
		mr_normal_text(out, list->items[i]);
	}
	fputc('\n', out);
}

void
mr_normal_value(FILE *out, const struct mr_param *p, const void *field, int indent)
{
	char text[48];
	struct mr_str t;

	if (p->type == MR_P_NODE) {
		mr_normal_node(out, *(const struct mr_node *const *)field, indent);
		return;
	}
	if (p->type == MR_P_STRINGS) {
		put_strings(out, field, indent);
		return;
	}
	fputc(' ', out);
	switch (p->type) {
	case MR_P_DURATION:
		mr_duration_format(text, *(const int64_t *)field);
		fputs(text, out);
		break;
	case MR_P_BYTES:
		mr_bytes_format(text, *(const int64_t *)field);
		fputs(text, out);
		break;
	case MR_P_INT:
		fprintf(out, "%" PRId64, *(const int64_t *)field);
		break;
	case MR_P_NUMBER:
		put_number(out, *(const double *)field);
		break;
	case MR_P_BOOL:
		fputs(*(const bool *)field ? "true" : "false", out);
		break;
	case MR_P_ENUM:
		fputs(p->words[*(const int32_t *)field], out);
		break;
	default:
		t = *(const struct mr_str *)field;
		mr_normal_text(out, t.n == 0 && p->words ? mr_str_of(p->words[0]) : t);
	}
	fputc('\n', out);
}

// ---- the whole ----

struct normal {
	struct mr_setup *s;
	FILE *out;
	bool identity;
};

static bool
is_aside(const struct mr_section *section, const char *name)
{
	for (const char *const *aside = section->aside; aside && *aside; aside++)
		if (strcmp(*aside, name) == 0)
			return true;
	return false;
}

// redis://user:secret@host: everything between the user's colon and the last @.
static struct mr_str
redacted(struct mr_setup *setup, struct mr_str url)
{
	const char *scheme = url.n ? memmem(url.p, url.n, "://", 3) : NULL;
	const char *end = url.p + url.n;
	const char *host = scheme ? memrchr(scheme, '@', (size_t)(end - scheme)) : NULL;
	const char *colon = host ? memchr(scheme + 3, ':', (size_t)(host - scheme) - 3) : NULL;

	if (colon == NULL)
		return url;
	return mr_str_of(mr_setup_format(setup, "%.*s:***%.*s", (int)(colon - url.p), url.p, (int)(end - host), host));
}

static void
put_kafka(struct normal *n)
{
	const struct mr_config *c = n->s->config;

	fputs("kafka:\n", n->out);
	for (uint32_t i = 0; i < c->n_kafka; i++) {
		fprintf(n->out, "  %.*s: ", (int)c->kafka[i].name.n, c->kafka[i].name.p);
		mr_normal_text(n->out, c->kafka[i].secret ? MR_LIT("***") : c->kafka[i].value);
		fputc('\n', n->out);
	}
	if (mr_node_get(mr_node_get(n->s->root, "kafka"), "insecure"))
		fputs("  insecure: true\n", n->out);
}

static bool
is_empty(const struct mr_param *p, const void *field)
{
	return p->type == MR_P_STRING && p->words == NULL && ((const struct mr_str *)field)->n == 0;
}

// Depth: that of the paths in mr_sections.
static void
put_section(struct normal *n, const struct mr_section *section, int indent)
{
	for (const struct mr_param *p = section->params; p->name; p++) {
		const void *field = (const char *)n->s->app + p->offset;
		const char *path = mr_setup_format(n->s, "%s%s%s", section->path, *section->path ? "." : "", p->name);
		const struct mr_section *inner = p->type == MR_P_NODE ? mr_section_of(path) : NULL;
		bool outside = is_aside(section, p->name) || (inner && inner->outside);
		if ((n->identity && (outside || strcmp(path, "kafka") == 0)) || is_empty(p, field))
			continue;
		if (strcmp(path, "kafka") == 0) {
			put_kafka(n);
			continue;
		}
		put_indent(n->out, indent);
		fprintf(n->out, "%s:", p->name);
		if (inner) {
			fputc('\n', n->out);
			put_section(n, inner, indent + 1);
		} else if (strcmp(path, "redis.url") == 0) {
			fputc(' ', n->out);
			mr_normal_text(n->out, redacted(n->s, *(const struct mr_str *)field));
			fputc('\n', n->out);
		} else {
			mr_normal_value(n->out, p, field, indent + 1);
		}
	}
}

union any {
	int64_t i;
	double d;
	bool b;
	int32_t word;
	struct mr_str str;
	struct mr_strs strs;
	const struct mr_node *node;
};

// An operator's map by its table, defaults included; one that reads its node itself, as written.
static void
put_operator(struct normal *n, const struct mr_operator *op, const struct mr_node *node)
{
	bool any = false;

	MR_ASSERT(node != NULL || op->params != NULL);
	fprintf(n->out, "%s:", op->name);
	if (op->params == NULL || (node && node->kind != MR_NODE_MAP)) {
		mr_normal_node(n->out, node, 1);
		return;
	}
	for (const struct mr_param *p = op->params; p->name; p++) {
		const struct mr_node *value = mr_node_get(node, p->name);
		union any field;
		if (value == NULL && (p->def == NULL || p->def[0] == '!'))
			continue;
		memset(&field, 0, sizeof(field));
		if (value == NULL)
			mr_param_default(n->s, p, &field);
		else if (!mr_param_parse(n->s, p, value, &field))
			continue;
		fputs(any ? "" : "\n", n->out);
		any = true;
		put_indent(n->out, 1);
		fprintf(n->out, "%s:", p->name);
		mr_normal_value(n->out, p, &field, 2);
	}
	fputs(any ? "" : " {}\n", n->out);
}

void
mr_normal_config(struct mr_setup *s, FILE *out, bool identity)
{
	struct normal n = {s, out, identity};
	const struct mr_plan *plan = &s->config->plan;

	MR_ASSERT(s->app != NULL && s->errors.n == 0);
	put_section(&n, &mr_sections[0], 0);
	for (uint16_t i = 0; i < plan->n_ops; i++) {
		const struct mr_node *node = mr_node_get(s->root, plan->ops[i].op->name);
		if (node || plan->ops[i].op->params)
			put_operator(&n, plan->ops[i].op, node);
	}
	if (!identity && s->config->tests) {
		fputs("tests:", out);
		mr_normal_node(out, s->config->tests, 1);
	}
}

void
mr_identity(struct mr_setup *s, char out[33])
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	struct mr_str *parts = mr_arena_alloc(s->arena, (s->n_files + 2) * sizeof(*parts));
	char (*hashes)[33] = mr_arena_alloc(s->arena, (s->n_files + 1) * sizeof(*hashes));

	MR_ASSERT(stream != NULL);
	mr_normal_config(s, stream, true);
	MR_ASSERT(fclose(stream) == 0);
	parts[0] = (struct mr_str){text, size};
	parts[1] = mr_str_of(s->zones_hash);
	for (size_t i = 0; i < s->n_files; i++) {
		mr_id(hashes[i], &s->files[i].bytes, 1);
		parts[2 + i] = mr_str_of(hashes[i]);
	}
	mr_id(out, parts, s->n_files + 2);
	free(text);
}

void
mr_setup_hash(struct mr_setup *s, const struct mr_node *node, char out[33])
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	(void)s;
	MR_ASSERT(stream != NULL);
	mr_normal_node(stream, node, 0);
	MR_ASSERT(fclose(stream) == 0);
	struct mr_str part = {text, size};
	mr_id(out, &part, 1);
	free(text);
}
