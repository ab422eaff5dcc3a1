// What operators may ask for while a configuration is loaded: notes, memory, events, offers, files.
#include "config/internal.h"
#include "expr/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define NOTES_MAX 500

void
mr_note_add(struct mr_notes *notes, uint32_t line, uint32_t column, const char *fmt, va_list args)
{
	if (notes->n == NOTES_MAX)
		return;
	if (notes->n == notes->cap) {
		notes->cap = notes->cap ? notes->cap * 2 : 16;
		notes->items = realloc(notes->items, notes->cap * sizeof(*notes->items));
		MR_ASSERT(notes->items != NULL);
	}
	struct mr_note *note = &notes->items[notes->n];
	*note = (struct mr_note){line, column, NULL};
	MR_ASSERT(vasprintf(&note->text, fmt, args) >= 0);
	// One message is one line, whatever was quoted in it.
	for (char *c = note->text; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	notes->n++;
}

// Insertion sort: few notes, and equal positions keep their order.
static void
sort(struct mr_notes *notes)
{
	for (size_t i = 1; i < notes->n; i++) {
		struct mr_note note = notes->items[i];
		size_t j = i;
		for (; j > 0; j--) {
			const struct mr_note *before = &notes->items[j - 1];
			if (before->line < note.line || (before->line == note.line && before->column <= note.column))
				break;
			notes->items[j] = notes->items[j - 1];
		}
		notes->items[j] = note;
	}
}

char *
mr_notes_text(const struct mr_notes *notes, const char *path, const char *prefix)
{
	struct mr_notes sorted = *notes;     // the items are put in order in place
	char *text = NULL;
	size_t size;

	if (notes->n == 0)
		return NULL;
	sort(&sorted);
	FILE *out = open_memstream(&text, &size);
	MR_ASSERT(out != NULL);
	for (size_t i = 0; i < sorted.n; i++) {
		const struct mr_note *note = &sorted.items[i];
		if (i && note->line == note[-1].line && note->column == note[-1].column && strcmp(note->text, note[-1].text) == 0)
			continue;
		fprintf(out, "%s:%u:%u: %s%s\n", path, note->line, note->column, prefix, note->text);
	}
	if (sorted.n == NOTES_MAX)
		fprintf(out, "%s:%u:%u: more was wrong than is listed here\n", path, sorted.items[0].line, sorted.items[0].column);
	MR_ASSERT(fclose(out) == 0);
	return text;
}

void
mr_notes_free(struct mr_notes *notes)
{
	for (size_t i = 0; i < notes->n; i++)
		free(notes->items[i].text);
	free(notes->items);
	*notes = (struct mr_notes){0};
}

#define NOTE(list, line, column) do { \
	va_list args; \
	va_start(args, fmt); \
	mr_note_add(&s->list, line, column, fmt, args); \
	va_end(args); \
} while (0)

void
mr_setup_error_pos(struct mr_setup *s, uint32_t line, uint32_t column, const char *fmt, ...)
{
	NOTE(errors, line, column);
}

void
mr_setup_error(struct mr_setup *s, const struct mr_node *node, const char *fmt, ...)
{
	NOTE(errors, node ? node->line : 1, node ? node->column : 1);
}

void
mr_setup_error_at(struct mr_setup *s, const struct mr_node *node, size_t byte, const char *fmt, ...)
{
	uint32_t line, column;

	mr_source_position(s, node, byte, &line, &column);
	NOTE(errors, line, column);
}

void
mr_setup_warn(struct mr_setup *s, const struct mr_node *node, const char *fmt, ...)
{
	NOTE(warnings, node ? node->line : 1, node ? node->column : 1);
}

void
mr_setup_not_yet(struct mr_setup *s, const struct mr_node *key)
{
	mr_setup_error(s, key, "%.*s: not yet; this version of Millrace does not have it, remove the key",
	    (int)key->text.n, key->text.p);
}

void *
mr_setup_alloc(struct mr_setup *s, size_t size)
{
	return mr_arena_alloc(s->arena, size);
}

const char *
mr_setup_format(struct mr_setup *s, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	int n = vasprintf(&text, fmt, args);
	va_end(args);
	MR_ASSERT(n >= 0);
	char *kept = mr_arena_alloc(s->arena, (size_t)n + 1);
	memcpy(kept, text, (size_t)n + 1);
	free(text);
	return kept;
}

const char *
mr_setup_cstr(struct mr_setup *s, struct mr_str text)
{
	char *kept = mr_arena_alloc(s->arena, text.n + 1);

	if (text.n)
		memcpy(kept, text.p, text.n);
	return kept;
}

const struct mr_node *
mr_node_get(const struct mr_node *map, const char *key)
{
	if (map == NULL || map->kind != MR_NODE_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->n; i++)
		if (mr_str_eq(map->keys[i]->text, mr_str_of(key)))
			return map->values[i];
	return NULL;
}

// ---- events, fields, offers ----

int32_t
mr_setup_event(struct mr_setup *s, struct mr_str name)
{
	MR_ASSERT(!s->frozen);
	return mr_schema_name(s->schema, name);
}

uint32_t
mr_setup_field(struct mr_setup *s, struct mr_str path)
{
	MR_ASSERT(!s->frozen);
	return mr_schema_field(s->schema, path);
}

int32_t
mr_setup_user(struct mr_setup *s, const char *space, struct mr_str name)
{
	for (uint32_t i = 0; i < s->n_offers; i++)
		if (mr_str_eq(s->offers[i].space, mr_str_of(space)) && mr_str_eq(s->offers[i].name, name))
			return (int32_t)i;
	return -1;
}

bool
mr_setup_offer(struct mr_setup *s, const char *space, struct mr_str name, enum mr_type type, uint32_t index,
    const struct mr_node *node)
{
	MR_ASSERT(!s->frozen);
	MR_ASSERT(strcmp(space, "user") == 0 || strcmp(space, "session") == 0);
	if (mr_setup_user(s, space, name) >= 0) {
		mr_setup_error(s, node, "%s.%.*s: this name is taken; choose another", space, (int)name.n, name.p);
		return false;
	}
	if (s->n_offers == s->cap_offers) {
		uint32_t cap = s->cap_offers ? s->cap_offers * 2 : 64;
		struct mr_offer *more = mr_arena_alloc(s->arena, cap * sizeof(*more));
		if (s->n_offers)
			memcpy(more, s->offers, s->n_offers * sizeof(*more));
		s->offers = more;
		s->cap_offers = cap;
	}
	s->offers[s->n_offers++] = (struct mr_offer){
		.space = mr_arena_copy(s->arena, mr_str_of(space)), .name = mr_arena_copy(s->arena, name),
		.type = type, .op = s->op, .index = index,
	};
	return true;
}

struct mr_str
mr_setup_app(const struct mr_setup *s)
{
	return s->config->app;
}

const struct mr_time_conf *
mr_setup_time(const struct mr_setup *s)
{
	return &s->config->plan.time;
}

// ---- files ----

const char *
mr_setup_resolve(struct mr_setup *s, struct mr_str path)
{
	const char *slash = strrchr(s->path, '/');

	if ((path.n && path.p[0] == '/') || slash == NULL)
		return mr_setup_cstr(s, path);
	return mr_setup_format(s, "%.*s/%.*s", (int)(slash - s->path), s->path, (int)path.n, path.p);
}

const char *
mr_setup_read(struct mr_setup *s, const char *path, size_t max, size_t *n, const char **why)
{
	struct stat st;
	FILE *in = fopen(path, "rbe");

	if (in == NULL || fstat(fileno(in), &st) != 0 || !S_ISREG(st.st_mode)) {
		*why = in ? "not a regular file" : strerror(errno);
		if (in)
			fclose(in);
		return NULL;
	}
	if ((uint64_t)st.st_size > max) {
		fclose(in);
		*why = mr_setup_format(s, "larger than %zu bytes", max);
		return NULL;
	}
	char *bytes = mr_arena_alloc(s->arena, (size_t)st.st_size + 1);
	*n = fread(bytes, 1, (size_t)st.st_size, in);
	bool ok = !ferror(in);
	fclose(in);
	*why = ok ? NULL : "can't be read";
	return ok ? bytes : NULL;
}

static void
note_file(struct mr_setup *s, struct mr_str name, struct mr_str bytes)
{
	if (s->n_files == s->cap_files) {
		size_t cap = s->cap_files ? s->cap_files * 2 : 8;
		struct mr_config_file *more = mr_arena_alloc(s->arena, cap * sizeof(*more));
		if (s->n_files)
			memcpy(more, s->files, s->n_files * sizeof(*more));
		s->files = more;
		s->cap_files = cap;
	}
	s->files[s->n_files++] = (struct mr_config_file){name, bytes};
}

// A file that was given along with the configuration; empty: none of that name.
static struct mr_str
given_file(struct mr_setup *s, struct mr_str name)
{
	for (uint32_t i = 0; s->options && i < s->options->n_files; i++)
		if (mr_str_eq(s->options->files[i].name, name))
			return mr_arena_copy(s->arena, s->options->files[i].bytes);
	return (struct mr_str){0};
}

struct mr_str
mr_setup_file(struct mr_setup *s, const struct mr_node *path)
{
	const char *why;

	MR_ASSERT(!s->frozen);
	if (path->kind != MR_NODE_SCALAR || path->text.n == 0 || memchr(path->text.p, '\0', path->text.n)) {
		mr_setup_error(s, path, "expected the name of a file, relative to this one");
		return (struct mr_str){0};
	}
	struct mr_str content = given_file(s, path->text);
	if (content.n == 0) {
		const char *full = mr_setup_resolve(s, path->text);
		content.p = mr_setup_read(s, full, MR_CONFIG_FILE_BYTES_MAX, &content.n, &why);
		if (content.p == NULL || content.n == 0) {
			mr_setup_error(s, path, "%s: %s", full, content.p ? "the file is empty" : why);
			return (struct mr_str){0};
		}
	}
	note_file(s, path->text, content);
	return content;
}
