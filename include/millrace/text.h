// Numbers and times as text, the same on every machine: no locale, no strtod, no printf.
// Implemented in stream/event/.
#ifndef MILLRACE_TEXT_H
#define MILLRACE_TEXT_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

// RFC 3339 (any offset, any number of decimals, "T" or space) to ms. False where it is no such time.
bool mr_time_parse(struct mr_str, int64_t *ms);
// "2026-03-01T10:00:00.000Z"; out holds 25 bytes. Years 0000 to 9999 only (clamped).
void mr_time_format(char out[25], int64_t ms);
// Shortest text that reads back the same; returns its length. out holds 32 bytes.
size_t mr_num_format(char out[32], double);
// The whole text as a finite double (JSON grammar of numbers). No locale.
bool mr_num_parse(struct mr_str, double *);

#ifdef __cplusplus
}
#endif
#endif
