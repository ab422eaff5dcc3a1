#include "model/lines.h"

#include <stdarg.h>
#include <stdio.h>

bool
mr_model_fail(struct mr_model_error *error, struct mr_piece at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	error->line = at.line;
	error->column = at.column;
	vsnprintf(error->text, sizeof(error->text), fmt, args);
	va_end(args);
	// The text may quote any bytes of the file; a terminal shall not obey them.
	for (char *p = error->text; *p; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
	return false;
}

bool
mr_next_line(struct mr_lines *l, struct mr_piece *out)
{
	if (l->at >= l->text.n)
		return false;
	const char *p = l->text.p + l->at, *end = memchr(p, '\n', l->text.n - l->at);
	size_t n = end ? (size_t)(end - p) : l->text.n - l->at;

	l->at += n + 1;
	l->line++;
	if (n > 0 && p[n - 1] == '\r')
		n--;
	*out = (struct mr_piece){{p, n}, l->line, 1};
	return true;
}

bool
mr_begins(struct mr_str s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && memcmp(s.p, with, n) == 0;
}

bool
mr_next_word(struct mr_piece *rest, struct mr_piece *word)
{
	size_t i = 0, from;

	while (i < rest->text.n && rest->text.p[i] == ' ')
		i++;
	from = i;
	while (i < rest->text.n && rest->text.p[i] != ' ')
		i++;
	*word = (struct mr_piece){{rest->text.p + from, i - from}, rest->line, rest->column + (uint32_t)from};
	rest->text.p += i;
	rest->text.n -= i;
	rest->column += (uint32_t)i;
	return word->text.n > 0;
}

bool
mr_piece_int(struct mr_model_error *error, struct mr_piece word, int64_t min, int64_t max, int64_t *out)
{
	const char *p = word.text.p;
	size_t i = 0, n = word.text.n;
	bool minus = n > 0 && p[0] == '-';
	int64_t v = 0;

	for (i = minus; i < n && p[i] >= '0' && p[i] <= '9' && v < (int64_t)1 << 40; i++)
		v = v * 10 + (p[i] - '0');
	v = minus ? -v : v;
	if (i < n || n == minus || v < min || v > max)
		return mr_model_fail(error, word, "'%.*s' is not a whole number from %lld to %lld", (int)(n < 40 ? n : 40), p,
		    (long long)min, (long long)max);
	*out = v;
	return true;
}
