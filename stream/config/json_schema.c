// The JSON Schema of the configuration, for editors and linters, from the tables that loading uses.
// It is as strict as the tables are; what an operator reads itself is checked by `millrace validate`.
#include "config/internal.h"

#include <stdlib.h>

#define PATH_MAX_BYTES 128

struct json {
	FILE *out;
	int depth;
	bool first;        // no comma before the next member
};

static void
begin(struct json *j, const char *key)
{
	if (!j->first)
		fputc(',', j->out);
	fprintf(j->out, "\n%*s", j->depth * 2, "");
	if (key)
		fprintf(j->out, "\"%s\": ", key);
	j->first = false;
}

static void
open_at(struct json *j, const char *key, char bracket)
{
	begin(j, key);
	fputc(bracket, j->out);
	j->depth++;
	j->first = true;
}

static void
close_at(struct json *j, char bracket)
{
	MR_ASSERT(j->depth > 0);
	j->depth--;
	if (!j->first)
		fprintf(j->out, "\n%*s", j->depth * 2, "");
	fputc(bracket, j->out);
	j->first = false;
}

static void
text(struct json *j, const char *key, const char *value)
{
	begin(j, key);
	fputc('"', j->out);
	for (; *value; value++)
		if (*value == '"' || *value == '\\')
			fprintf(j->out, "\\%c", *value);
		else
			fputc(*value, j->out);
	fputc('"', j->out);
}

// ---- values ----

static void
put_words(struct json *j, const char *const *words)
{
	open_at(j, "enum", '[');
	for (; *words; words++)
		text(j, NULL, *words);
	close_at(j, ']');
}

static void
put_number(struct json *j, const struct mr_param *p)
{
	open_at(j, "anyOf", '[');
	open_at(j, NULL, '{');
	text(j, "type", p->type == MR_P_INT ? "integer" : "number");
	if (p->min != 0 || p->max != 0) {
		begin(j, "minimum");
		fprintf(j->out, "%.15g", p->min);
		begin(j, "maximum");
		fprintf(j->out, "%.15g", p->max);
	}
	close_at(j, '}');
	open_at(j, NULL, '{');
	text(j, "$ref", "#/$defs/variable");
	close_at(j, '}');
	close_at(j, ']');
}

// Members that describe a value of a simple type.
static void
put_value(struct json *j, const struct mr_param *p)
{
	static const char *const refs[] = {
		[MR_P_DURATION] = "#/$defs/duration", [MR_P_BYTES] = "#/$defs/bytes", [MR_P_STRING] = "#/$defs/text",
		[MR_P_STRINGS] = "#/$defs/texts", [MR_P_BOOL] = "#/$defs/boolean",
	};

	if (p->text)
		text(j, "description", p->text);
	if (p->def && p->def[0] != '!')
		text(j, "x-default", p->def);
	if (p->type == MR_P_ENUM)
		put_words(j, p->words);
	else if (p->type == MR_P_INT || p->type == MR_P_NUMBER)
		put_number(j, p);
	else if (p->type != MR_P_NODE)
		text(j, "$ref", refs[p->type]);
}

static void
put_required(struct json *j, const struct mr_param *table)
{
	bool any = false;

	for (const struct mr_param *p = table; p->name; p++) {
		if (!p->def || p->def[0] != '!')
			continue;
		if (!any)
			open_at(j, "required", '[');
		any = true;
		text(j, NULL, p->name);
	}
	if (any)
		close_at(j, ']');
}

// ---- operators ----

static const struct mr_param *
inner_table(const struct mr_operator *op, const char *path)
{
	for (const struct mr_inner *inner = op->inner; inner && inner->path; inner++)
		if (strcmp(inner->path, path) == 0)
			return inner->params;
	return NULL;
}

static void put_map(struct json *, const struct mr_operator *, const char *path, const struct mr_param *table);

static void
put_simple(struct json *j)
{
	open_at(j, NULL, '{');
	open_at(j, "type", '[');
	text(j, NULL, "string");
	text(j, NULL, "number");
	text(j, NULL, "boolean");
	close_at(j, ']');
	close_at(j, '}');
}

static void
put_map_choice(struct json *j, const struct mr_operator *op, const char *path, const struct mr_param *table)
{
	open_at(j, NULL, '{');
	put_map(j, op, path, table);
	close_at(j, '}');
}

// A node that an inner table describes: the map, or a simple value; with "[]", also a list of such.
// Depth: that of the inner paths.
static void
put_node(struct json *j, const struct mr_operator *op, const char *path)
{
	char items[PATH_MAX_BYTES + 2];
	const struct mr_param *map = inner_table(op, path);

	snprintf(items, sizeof(items), "%s[]", path);
	const struct mr_param *item = inner_table(op, items);
	if (map == NULL && item == NULL)
		return;
	open_at(j, "anyOf", '[');
	put_map_choice(j, op, map ? path : items, map ? map : item);
	put_simple(j);
	if (item) {
		open_at(j, NULL, '{');
		text(j, "type", "array");
		open_at(j, "items", '{');
		open_at(j, "anyOf", '[');
		put_map_choice(j, op, items, item);
		put_simple(j);
		close_at(j, ']');
		close_at(j, '}');
		close_at(j, '}');
	}
	close_at(j, ']');
}

static void
put_members(struct json *j, const struct mr_operator *op, const char *path, const struct mr_param *table)
{
	open_at(j, "properties", '{');
	for (const struct mr_param *p = table; p && p->name; p++) {
		char inner[PATH_MAX_BYTES];
		if (p->type == MR_P_NOT_YET)
			continue;
		snprintf(inner, sizeof(inner), "%s%s%s", path, *path ? "." : "", p->name);
		open_at(j, p->name, '{');
		put_value(j, p);
		if (p->type == MR_P_NODE)
			put_node(j, op, inner);
		close_at(j, '}');
	}
	close_at(j, '}');
}

static void
put_map(struct json *j, const struct mr_operator *op, const char *path, const struct mr_param *table)
{
	text(j, "type", "object");
	put_members(j, op, path, table);
	begin(j, "additionalProperties");
	fputs("false", j->out);
	put_required(j, table);
}

static void
put_operator(struct json *j, const struct mr_operator *op)
{
	const struct mr_param *named = inner_table(op, "*");

	if (op->params == NULL && named == NULL)
		return;
	open_at(j, op->name, '{');
	text(j, "type", "object");
	if (op->text)
		text(j, "description", op->text);
	put_members(j, op, "", op->params);
	if (named) {
		open_at(j, "additionalProperties", '{');
		put_map(j, op, "*", named);
		close_at(j, '}');
	} else {
		begin(j, "additionalProperties");
		fputs("false", j->out);
	}
	close_at(j, '}');
}

// ---- the application's sections ----

static void put_sections(struct json *, const struct mr_section *);

static void
put_section(struct json *j, const struct mr_param *p, const struct mr_section *section)
{
	open_at(j, p->name, '{');
	text(j, "description", p->text);
	if (section->shorthand) {
		open_at(j, "anyOf", '[');
		open_at(j, NULL, '{');
		text(j, "$ref", "#/$defs/text");
		close_at(j, '}');
		open_at(j, NULL, '{');
		put_sections(j, section);
		close_at(j, '}');
		close_at(j, ']');
	} else {
		put_sections(j, section);
	}
	close_at(j, '}');
}

static void
put_kafka(struct json *j, const char *about)
{
	open_at(j, "kafka", '{');
	text(j, "description", about);
	text(j, "type", "object");
	open_at(j, "properties", '{');
	for (size_t i = 0; mr_property_name(i); i++) {
		open_at(j, mr_property_name(i), '{');
		text(j, "$ref", "#/$defs/simple");
		close_at(j, '}');
	}
	close_at(j, '}');
	// Files of secrets, and nothing else that is not listed.
	open_at(j, "patternProperties", '{');
	open_at(j, "\\\\.file$", '{');
	text(j, "type", "string");
	close_at(j, '}');
	close_at(j, '}');
	begin(j, "additionalProperties");
	fputs("false", j->out);
	close_at(j, '}');
}

// Depth: that of the paths in mr_sections.
static void
put_sections(struct json *j, const struct mr_section *section)
{
	bool top = *section->path == '\0';

	text(j, "type", "object");
	open_at(j, "properties", '{');
	for (const struct mr_param *p = section->params; p->name; p++) {
		char path[PATH_MAX_BYTES];
		snprintf(path, sizeof(path), "%s%s%s", section->path, top ? "" : ".", p->name);
		const struct mr_section *inner = mr_section_of(path);
		if (inner) {
			put_section(j, p, inner);
		} else if (strcmp(path, "kafka") == 0) {
			put_kafka(j, p->text);
		} else {
			open_at(j, p->name, '{');
			put_value(j, p);
			close_at(j, '}');
		}
	}
	for (const struct mr_operator *const *op = mr_operators; top && *op; op++)
		put_operator(j, *op);
	if (top) {
		open_at(j, "tests", '{');
		text(j, "type", "array");
		close_at(j, '}');
	}
	close_at(j, '}');
	begin(j, "additionalProperties");
	fputs("false", j->out);
	put_required(j, section->params);
}

static const char definitions[] =
	"\n  \"$defs\": {\n"
	"    \"variable\": {\"type\": \"string\", \"pattern\": \"\\\\$\\\\{\"},\n"
	"    \"duration\": {\"anyOf\": [{\"const\": 0}, {\"$ref\": \"#/$defs/variable\"}, {\"type\": \"string\",\n"
	"      \"pattern\": \"^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$\"}]},\n"
	"    \"bytes\": {\"anyOf\": [{\"type\": \"integer\", \"minimum\": 0}, {\"$ref\": \"#/$defs/variable\"},\n"
	"      {\"type\": \"string\", \"pattern\": \"^[0-9]+(B|KiB|MiB|GiB)?$\"}]},\n"
	"    \"boolean\": {\"anyOf\": [{\"type\": \"boolean\"}, {\"$ref\": \"#/$defs/variable\"}]},\n"
	"    \"simple\": {\"type\": [\"string\", \"number\", \"boolean\"]},\n"
	"    \"text\": {\"$ref\": \"#/$defs/simple\"},\n"
	"    \"texts\": {\"anyOf\": [{\"$ref\": \"#/$defs/text\"}, {\"type\": \"array\", \"minItems\": 1,\n"
	"      \"items\": {\"$ref\": \"#/$defs/text\"}}]}\n"
	"  }";

char *
mr_config_json_schema(void)
{
	char *made = NULL;
	size_t size;
	struct json j = {.out = open_memstream(&made, &size), .depth = 1, .first = true};

	MR_ASSERT(j.out != NULL);
	fputc('{', j.out);
	text(&j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	text(&j, "title", "Configuration of Millrace");
	put_sections(&j, &mr_sections[0]);
	fprintf(j.out, ",%s\n}\n", definitions);
	MR_ASSERT(j.depth == 1);
	MR_ASSERT(fclose(j.out) == 0);
	return made;
}
