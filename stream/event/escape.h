// A text as JSON has it.
#ifndef MR_EVENT_ESCAPE_H
#define MR_EVENT_ESCAPE_H

#include <millrace/base.h>

// Writes it with its quotes; `out` has room for 6 n + 2 bytes. How many it took.
size_t mr_escape(char *out, struct mr_str);

#endif
