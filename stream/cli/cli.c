#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>

static void
say(const struct mr_verb *verb, const char *fmt, va_list args)
{
	fprintf(stderr, "millrace %s: ", verb->name);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

int
mr_cli_wrong(const struct mr_verb *verb, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(verb, fmt, args);
	va_end(args);
	fprintf(stderr, "Try: millrace %s --help\n", verb->name);
	return MR_EXIT_USAGE;
}

int
mr_cli_failed(const struct mr_verb *verb, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(verb, fmt, args);
	va_end(args);
	return MR_EXIT_FAILED;
}
