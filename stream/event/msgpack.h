// msgpack to the fields of a schema. Inside of stream/event only.
#ifndef MR_EVENT_MSGPACK_H
#define MR_EVENT_MSGPACK_H

#include "event/fields.h"

struct mr_msgpack;

// Borrows the tree, which has so many nodes.
struct mr_msgpack *mr_msgpack_new(const struct mr_plan *, const struct mr_tree *, uint32_t nodes);
void mr_msgpack_free(struct mr_msgpack *);

// The same as mr_json_decode, for the same maps: strings point into the document. bin is taken as
// text where it is UTF-8; a timestamp (ext -1) is a time; other ext types are refused where they are
// read. Integers become doubles; floats must be finite.
bool mr_msgpack_decode(struct mr_msgpack *, struct mr_str doc, struct mr_arena *, struct mr_fields *out,
    struct mr_decode_error *);

#endif
