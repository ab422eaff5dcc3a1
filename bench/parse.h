#ifndef MR_BENCH_PARSE_H
#define MR_BENCH_PARSE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// 1 where it is JSON as far as the first stage can tell.
unsigned bench_parse(const char *json, size_t n);

#ifdef __cplusplus
}
#endif
#endif
