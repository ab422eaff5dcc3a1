// Lines and words of a model's text, each with its position.
#ifndef MR_MODEL_LINES_H
#define MR_MODEL_LINES_H

#include "model/tree.h"

// A piece of a line and where it stands.
struct mr_piece {
	struct mr_str text;
	uint32_t line, column; // line 0: not there
};

struct mr_lines {
	struct mr_str text;
	size_t at;
	uint32_t line;  // of the last one read
};

// Always false, so that it can be returned. What is not printable ASCII becomes '?'.
bool mr_model_fail(struct mr_model_error *, struct mr_piece at, const char *fmt, ...) MR_PRINTF(3, 4);
// The next line without its end; false at the end of the text.
bool mr_next_line(struct mr_lines *, struct mr_piece *out);
// Takes the next word off *rest; false, with the position of its end, where there is none.
bool mr_next_word(struct mr_piece *rest, struct mr_piece *word);
bool mr_begins(struct mr_str, const char *with);
bool mr_piece_int(struct mr_model_error *, struct mr_piece, int64_t min, int64_t max, int64_t *out);

#endif
