// Base64 (RFC 4648 §4, padded): bytes inside of JSON text.
#ifndef MR_EVENT_BASE64_H
#define MR_EVENT_BASE64_H

#include <millrace/base.h>

static inline size_t mr_base64_size(size_t n) { return (n + 2) / 3 * 4; }
// out holds mr_base64_size(s.n) bytes; no NUL is written.
void mr_base64(char *out, struct mr_str s);

#endif
