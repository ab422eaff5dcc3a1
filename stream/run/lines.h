// Reads newline-separated records in large blocks; lines stay put until the next block is asked for.
// Thread: the owner's. No bound on a line but memory: the decoder refuses what is too large.
#ifndef MR_RUN_LINES_H
#define MR_RUN_LINES_H

#include <millrace/base.h>

struct mr_lines;

// Takes the file descriptor over.
struct mr_lines *mr_lines_new(int fd);
void mr_lines_free(struct mr_lines *);
// Reads on. False at the end of input, or (errno set, mr_lines_failed) after an error.
bool mr_lines_more(struct mr_lines *);
// The next whole line of the block, without its end. False when the block is used up.
bool mr_lines_next(struct mr_lines *, struct mr_str *line);
bool mr_lines_failed(const struct mr_lines *);
uint64_t mr_lines_bytes(const struct mr_lines *);   // read so far

#endif
