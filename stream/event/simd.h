// What C++ libraries do for the C around them: simdjson, std::to_chars, std::from_chars.
// Inside of stream/event only.
#ifndef MR_EVENT_SIMD_H
#define MR_EVENT_SIMD_H

#include <millrace/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mr_simd;    // simdjson's parser, reused; one a thread

// For documents of up to `bytes_max` bytes: nothing is allocated later on.
struct mr_simd *mr_simd_new(size_t bytes_max);
void mr_simd_free(struct mr_simd *);

// Offsets of the first bytes of a document's tokens, and behind them one more, the document's size.
struct mr_tokens {
	const uint32_t *first, *behind;
};

// Finds the tokens, at least one, and checks UTF-8 and that strings end and have no control bytes. Nothing
// behind the document is read. Tokens live until the next call. NULL, or what is wrong; then *utf8 says
// whether it is that.
const char *mr_simd_tokens(struct mr_simd *, struct mr_str doc, struct mr_tokens *, bool *utf8);
// Unescapes what is between a string's quotes (the second must follow it). MR_SIMD_PADDING bytes behind it
// are read, and `to` has room for as many more than raw.n. False: an escape that is none, or half of a
// surrogate pair.
#define MR_SIMD_PADDING 64
bool mr_simd_unescape(struct mr_simd *, struct mr_str raw, char *to, size_t *n);

// Shortest text that reads back the same: std::to_chars. `out` holds 32 bytes.
size_t mr_simd_format(char out[32], double);
// The nearest double: std::from_chars. The text must be a number of JSON's grammar. False: it is too
// large or too small for a double.
bool mr_simd_parse(const char *p, const char *end, double *);

#ifdef __cplusplus
}
#endif
#endif
