// Documents of a shape that came before: the same bytes but for their strings, numbers and words. Most of
// a producer's events are of a few shapes, and what was once walked through need only be compared. It
// changes nothing but the time taken. Inside of stream/event only.
#ifndef MR_EVENT_SHAPE_H
#define MR_EVENT_SHAPE_H

#include "event/fields.h"
#include "event/simd.h"

#define MR_SHAPE_VALUES_MAX 128

struct mr_shapes;    // the last ones; bounded, nothing is allocated later on

// Strings and scalars of a document in their order, as the walk met them.
struct mr_shape_values {
	uint32_t n;                      // greater than MR_SHAPE_VALUES_MAX: not to be learned
	struct {
		uint32_t token;
		const struct mr_tree *node;
	} items[MR_SHAPE_VALUES_MAX];
};

struct mr_shapes *mr_shapes_new(uint32_t n_fields);
void mr_shapes_free(struct mr_shapes *);

// False: it is of no known shape, or wrong; what *out has then is what the walk would find first. The document
// has no backslash, and is so short that none of its strings is too long.
bool mr_shapes_read(struct mr_shapes *, struct mr_str doc, const struct mr_tokens *, struct mr_fields *out);
// After mr_shapes_read said no and the walk found the same document good. A string that is one of the
// values ends right before the token that follows it.
void mr_shapes_learn(struct mr_shapes *, struct mr_str doc, const struct mr_tokens *, const struct mr_shape_values *);

#endif
