// Every parameter with its default, unit, bounds and text: as YAML (`echo --defaults`) and as the
// page docs/parameters.md. Both are walks over the same tables that loading uses.
#include "config/internal.h"

#include <stdlib.h>

static const char *
type_text(const struct mr_param *p, char out[96])
{
	static const char *const names[] = {
		[MR_P_DURATION] = "length of time", [MR_P_INT] = "whole number", [MR_P_NUMBER] = "number", [MR_P_BOOL] = "true or false",
		[MR_P_STRING] = "text", [MR_P_ENUM] = "word", [MR_P_BYTES] = "bytes", [MR_P_STRINGS] = "word or list",
		[MR_P_NODE] = "as the text says", [MR_P_NOT_YET] = "not yet",
	};
	size_t at = 0;

	if (p->type != MR_P_ENUM)
		return names[p->type];
	for (size_t i = 0; p->words[i] && at < 96; i++) {
		int n = snprintf(out + at, 96 - at, "%s%s", i == 0 ? "" : p->words[i + 1] ? ", " : " or ", p->words[i]);
		at += n > 0 ? (size_t)n : 0;
	}
	MR_ASSERT(at < 96);
	return out;
}

static void
bound_text(const struct mr_param *p, double bound, char out[48])
{
	if (p->type == MR_P_DURATION)
		mr_duration_format(out, (int64_t)bound);
	else if (p->type == MR_P_BYTES)
		mr_bytes_format(out, (int64_t)bound);
	else
		snprintf(out, 48, "%.15g", bound);
}

// "from 1ms to 1m threads", or empty.
static const char *
bounds_text(const struct mr_param *p, char out[160])
{
	char low[48], high[48];
	bool unit = p->unit && (p->type == MR_P_INT || p->type == MR_P_NUMBER);

	out[0] = '\0';
	if (p->min != 0 || p->max != 0) {
		bound_text(p, p->min, low);
		bound_text(p, p->max, high);
		snprintf(out, 160, "%s to %s%s%s", low, high, unit ? " " : "", unit ? p->unit : "");
	} else if (unit) {
		snprintf(out, 160, "%s", p->unit);
	}
	return out;
}

static bool
required(const struct mr_param *p)
{
	return p->def && p->def[0] == '!';
}

static void
yaml_param(FILE *out, const struct mr_param *p, int indent)
{
	char type[96], bounds[160];
	bool has = p->def && !required(p);

	fprintf(out, "%*s%s%s:", indent * 2, "", has ? "" : "# ", p->name);
	if (has) {
		fputc(' ', out);
		if (p->type == MR_P_STRING || p->type == MR_P_STRINGS)
			mr_normal_text(out, mr_str_of(p->def));
		else
			fputs(p->def, out);
	}
	bounds_text(p, bounds);
	fprintf(out, "  # %s (%s%s%s%s)\n", p->text ? p->text : "", type_text(p, type), *bounds ? ", " : "", bounds,
	    required(p) ? ", required" : "");
}

// In a cell of a table, '|' would end the cell and '<' begin a tag.
static void
cell(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '|')
			fputs("\\|", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else
			fputc(*text, out);
}

static void
page_param(FILE *out, const struct mr_param *p)
{
	char type[96], bounds[160];

	fprintf(out, "| `%s` | %s | ", p->name, type_text(p, type));
	if (required(p))
		fputs("required", out);
	else if (p->def)
		fprintf(out, "`%s`", p->def);
	fputs(" | ", out);
	cell(out, bounds_text(p, bounds));
	fputs(" | ", out);
	cell(out, p->text ? p->text : "");
	fputs(" |\n", out);
}

static const char table_head[] = "| key | value | default | bounds | what it is |\n|---|---|---|---|---|\n";

static bool
leaf(const char *path, const struct mr_param *p)
{
	char inner[64];

	snprintf(inner, sizeof(inner), "%s%s%s", path, *path ? "." : "", p->name);
	return p->type != MR_P_NOT_YET && mr_section_of(inner) == NULL && strcmp(inner, "kafka") != 0;
}

static void
page_table(FILE *out, const char *path, const struct mr_param *table)
{
	fputs(table_head, out);
	for (const struct mr_param *p = table; p->name; p++)
		if (leaf(path, p))
			page_param(out, p);
	const char *word = "\nRefused by this version (\"not yet\"): ";
	for (const struct mr_param *p = table; p->name; p++)
		if (p->type == MR_P_NOT_YET) {
			fprintf(out, "%s`%s`", word, p->name);
			word = ", ";
		}
	fputs(*word == ',' ? ".\n" : "", out);
}

// ---- the application's sections ----

// The text of a section stands in the table above it.
static const char *
section_text(const char *path)
{
	const char *dot = strrchr(path, '.');
	char outer[64];

	snprintf(outer, sizeof(outer), "%.*s", dot ? (int)(dot - path) : 0, path);
	for (const struct mr_param *p = mr_section_of(outer)->params; p->name; p++)
		if (strcmp(p->name, dot ? dot + 1 : path) == 0)
			return p->text;
	return "";
}

static void
page_sections(FILE *out)
{
	for (const struct mr_section *section = mr_sections; section->path; section++) {
		bool any = false;
		for (const struct mr_param *p = section->params; p->name; p++)
			any |= leaf(section->path, p);
		if (!any)
			continue;
		if (*section->path)
			fprintf(out, "\n## %s\n\n%s.", section->path, section_text(section->path));
		else
			fputs("\n## Top level\n\nWhat the whole application is called and how it runs.", out);
		if (section->shorthand)
			fprintf(out, " A single value stands for `%s`.", section->shorthand);
		fputs("\n\n", out);
		page_table(out, section->path, section->params);
	}
}

// Depth: that of the paths in mr_sections.
static void
yaml_section(FILE *out, const struct mr_section *section, int indent)
{
	for (const struct mr_param *p = section->params; p->name; p++) {
		char path[64];
		snprintf(path, sizeof(path), "%s%s%s", section->path, *section->path ? "." : "", p->name);
		const struct mr_section *inner = mr_section_of(path);
		if (inner) {
			fprintf(out, "%s%*s%s:  # %s\n", indent ? "" : "\n", indent * 2, "", p->name, p->text);
			yaml_section(out, inner, indent + 1);
		} else if (strcmp(path, "kafka") == 0) {
			fprintf(out, "\nkafka:  # %s; the list is in docs/parameters.md\n  bootstrap.servers: localhost:9092\n", p->text);
		} else {
			yaml_param(out, p, indent);
		}
	}
}

// ---- the operators' maps ----

static void
yaml_table(FILE *out, const struct mr_param *table, int indent)
{
	for (const struct mr_param *p = table; p->name; p++)
		if (p->type != MR_P_NOT_YET)
			yaml_param(out, p, indent);
}

static void
yaml_operator(FILE *out, const struct mr_operator *op)
{
	bool any = false;

	for (const struct mr_param *p = op->params; p && p->name; p++)
		any |= p->def && !required(p);
	fprintf(out, "\n%s%s:  # %s\n", any ? "" : "# ", op->name, op->text ? op->text : "an operator");
	if (op->params)
		yaml_table(out, op->params, 1);
	for (const struct mr_inner *inner = op->inner; inner && inner->path; inner++) {
		fprintf(out, "  # %s.%s:\n", op->name, inner->path);
		for (const struct mr_param *p = inner->params; p->name; p++) {
			char type[96], bounds[160];
			if (p->type == MR_P_NOT_YET)
				continue;
			bounds_text(p, bounds);
			fprintf(out, "  #   %s: %s  # %s (%s%s%s%s)\n", p->name, p->def && !required(p) ? p->def : "",
			    p->text ? p->text : "", type_text(p, type), *bounds ? ", " : "", bounds, required(p) ? ", required" : "");
		}
	}
}

static void
page_operator(FILE *out, const struct mr_operator *op)
{
	if (op->params == NULL && op->inner == NULL)
		return;
	fprintf(out, "\n## %s\n\n%s\n\n", op->name, op->text ? op->text : "An operator of the pipeline.");
	if (op->params)
		page_table(out, op->name, op->params);
	for (const struct mr_inner *inner = op->inner; inner && inner->path; inner++) {
		fprintf(out, "\n### `%s.%s`\n\n", op->name, inner->path);
		page_table(out, inner->path, inner->params);
	}
}

static const char page_intro[] =
	"# Parameters\n\n"
	"Every key of the configuration, from the tables that the program itself reads. This page is made by\n"
	"`millrace echo --reference`, and a test compares the two; `millrace echo --defaults` prints the same as YAML.\n"
	"What the rules mean is shown in `examples/shop.yaml`.\n\n"
	"Lengths of time are written `250ms`, `30m`, `1h30m`, `7d` (a day is 24 hours); bytes `64KiB`, `16MiB`, `1GiB`.\n"
	"`${VAR}`, `${VAR:-default}` and `${VAR:?message}` in values stand for environment variables; `$${` is `${`.\n";

static char *
made(bool page)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	MR_ASSERT(out != NULL);
	fputs(page ? page_intro : "# Every parameter with its default. A key in a comment has none.\n", out);
	if (page)
		page_sections(out);
	else
		yaml_section(out, &mr_sections[0], 0);
	for (const struct mr_operator *const *op = mr_operators; *op; op++)
		if (page)
			page_operator(out, *op);
		else if ((*op)->params || (*op)->inner)
			yaml_operator(out, *op);
	if (page)
		mr_properties_reference(out);
	MR_ASSERT(fclose(out) == 0);
	return text;
}

char *
mr_config_defaults(void)
{
	return made(false);
}

char *
mr_config_reference(void)
{
	return made(true);
}
