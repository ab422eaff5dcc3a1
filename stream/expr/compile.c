// The compiler's front: text to a program.
#include "expr/ast.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define COMPILE_BYTES (4u << 20)

bool
expr_fail(struct compiler *c, size_t byte, const char *fmt, ...)
{
	va_list args;

	if (c->failed)
		return false;
	MR_ASSERT(byte <= c->text.n);
	c->failed = true;
	c->error->byte = byte;
	va_start(args, fmt);
	vsnprintf(c->error->text, sizeof(c->error->text), fmt, args);
	va_end(args);
	return false;
}

struct mr_expr *
mr_expr_compile(struct mr_str text, const struct mr_resolver *resolver, enum mr_type want, struct mr_expr_error *error)
{
	struct compiler c = {.text = text, .resolver = resolver, .error = error};
	struct mr_expr *expr = NULL;
	size_t byte;

	if (text.n > TEXT_MAX) {
		expr_fail(&c, TEXT_MAX, "the expression is too long: at most %d bytes", TEXT_MAX);
		return NULL;
	}
	if (!expr_utf8_valid(text, &byte)) {
		expr_fail(&c, byte, "this is not UTF-8");
		return NULL;
	}
	c.arena = mr_arena_new(COMPILE_BYTES);
	struct node *top = expr_parse(&c);
	if (top && expr_check(&c, top, want))
		expr = expr_emit(&c, top, want);
	mr_arena_free(c.arena);
	MR_ASSERT((expr == NULL) == c.failed);
	return expr;
}

void
mr_expr_free(struct mr_expr *expr)
{
	if (expr == NULL)
		return;
	for (uint32_t i = 0; i < expr->n_regexes; i++)
		expr_regex_free(expr->regexes[i]);
	free(expr);
}

enum mr_type
mr_expr_type(const struct mr_expr *expr)
{
	return expr->type;
}
