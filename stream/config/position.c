// From bytes of a scalar's text back to line and column of the file.
#include "config/internal.h"

void
mr_source_index(struct mr_setup *s)
{
	size_t n = 1;

	for (size_t i = 0; i < s->source.n; i++)
		n += s->source.p[i] == '\n';
	size_t *lines = mr_arena_alloc(s->arena, n * sizeof(*lines));
	size_t at = 0;
	for (size_t i = 0; i < s->source.n; i++)
		if (s->source.p[i] == '\n')
			lines[++at] = i + 1;
	MR_ASSERT(at + 1 == n);
	s->lines = lines;
	s->n_lines = n;
}

static bool
continues(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

// Byte of a position; columns count characters, as editors do.
static bool
offset_of(const struct mr_setup *s, uint32_t line, uint32_t column, size_t *out)
{
	if (line == 0 || line > s->n_lines)
		return false;
	size_t at = s->lines[line - 1];
	for (uint32_t c = 1; c < column && at < s->source.n; c++) {
		at++;
		while (at < s->source.n && continues(s->source.p[at]))
			at++;
	}
	*out = at;
	return at <= s->source.n;
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// What align() knows about the scalar's notation.
struct notation {
	char quote;        // " ' | > or 0
	size_t indent;     // of a block scalar's lines
};

static size_t
begin(struct mr_str src, size_t at, const struct mr_node *node, struct notation *how)
{
	*how = (struct notation){0};
	if (!node->quoted || at >= src.n)
		return at;
	how->quote = src.p[at++];
	if (how->quote != '|' && how->quote != '>')
		return at;
	while (at < src.n && src.p[at] != '\n')
		at++;
	for (size_t start = ++at; at < src.n && blank(src.p[at]); at++) {
		if (src.p[at] == '\n')
			start = at + 1;
		how->indent = at + 1 - start;
	}
	return at;
}

// One blank of the text. Where lines were folded, more than one of the source belongs to it.
static size_t
step_blank(struct mr_str src, size_t at, char c, bool last, const struct notation *how)
{
	bool line = src.p[at] == '\n' || c == '\n';

	MR_ASSERT(at < src.n && blank(c));
	at++;
	for (size_t i = 0; line && i < how->indent && at < src.n && src.p[at] == ' '; i++)
		at++;
	while (last && at < src.n && blank(src.p[at]) && (line || src.p[at] == '\n'))
		at++;
	return at;
}

// Walks text and source together, undoing quotes, folding and simple escapes. Returns the offset
// of byte `byte` in the source, or SIZE_MAX where the two don't run alike.
static size_t
align(struct mr_str src, size_t at, const struct mr_node *node, size_t byte)
{
	struct notation how;

	at = begin(src, at, node, &how);
	for (size_t i = 0; i < byte && i < node->text.n; i++) {
		char c = node->text.p[i];
		if (at < src.n && blank(c)) {
			bool last = i + 1 == node->text.n || !blank(node->text.p[i + 1]);
			if (!blank(src.p[at]))
				return SIZE_MAX;
			at = step_blank(src, at, c, last, &how);
			continue;
		}
		if (at + 1 < src.n && ((how.quote == '"' && src.p[at] == '\\') || (how.quote == '\'' && src.p[at] == '\'')))
			at++;
		if (at >= src.n || src.p[at] != c)
			return SIZE_MAX;
		at++;
	}
	return at;
}

static size_t
place(const struct mr_setup *s, const struct mr_node *node, size_t byte)
{
	size_t at;

	if (node->kind != MR_NODE_SCALAR || !offset_of(s, node->line, node->column, &at))
		return SIZE_MAX;
	return align(s->source, at, node, byte);
}

bool
mr_source_position(const struct mr_setup *s, const struct mr_node *node, size_t byte, uint32_t *line, uint32_t *column)
{
	size_t at = place(s, node, byte);

	*line = node->line;
	*column = node->column;
	if (at == SIZE_MAX)
		return false;
	MR_ASSERT(at <= s->source.n);
	while (*line < s->n_lines && s->lines[*line] <= at)
		++*line;
	*column = 1;
	for (size_t i = s->lines[*line - 1]; i < at; i++)
		*column += !continues(s->source.p[i]);
	return true;
}

char
mr_source_after(const struct mr_setup *s, const struct mr_node *node)
{
	size_t at = place(s, node, node->text.n);

	if (at == SIZE_MAX)
		return 0;
	while (at < s->source.n && (s->source.p[at] == ' ' || s->source.p[at] == '\t'))
		at++;
	return at < s->source.n && s->source.p[at] != '\n' ? s->source.p[at] : 0;
}
