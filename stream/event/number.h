// Numbers as text. Inside of stream/event only.
#ifndef MR_EVENT_NUMBER_H
#define MR_EVENT_NUMBER_H

#include <millrace/base.h>

enum mr_num_scan { MR_NUM_OK, MR_NUM_NONE, MR_NUM_TOO_LARGE };

// The whole text as a double. NONE: not of JSON's grammar. Too small for a double is 0.
enum mr_num_scan mr_num_scan(const char *p, const char *end, double *);
// Whether the whole text is a number of JSON's grammar.
bool mr_num_grammar(const char *p, const char *end);

#endif
