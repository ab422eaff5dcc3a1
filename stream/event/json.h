// JSON to the fields of a schema. Inside of stream/event only.
#ifndef MR_EVENT_JSON_H
#define MR_EVENT_JSON_H

#include "event/fields.h"

struct mr_json;   // simdjson's parser and a stack, reused; one a thread

// Borrows the tree, which has so many nodes.
struct mr_json *mr_json_new(const struct mr_plan *, const struct mr_tree *, uint32_t nodes);
void mr_json_free(struct mr_json *);

// Fills `out` from a document; nothing behind it is read. Strings point into the document, or into the
// arena where they had escapes. Everything that is there is checked: the grammar of the whole document,
// UTF-8, depth, lengths of keys and strings; what is not read is not converted, so a number too large
// for a double, or a lone surrogate, goes unnoticed there.
bool mr_json_decode(struct mr_json *, struct mr_str doc, struct mr_arena *, struct mr_fields *out,
    struct mr_decode_error *);

// The slow and exact look at a document that is to be refused. False where it is not JSON, taking any
// byte from 0x80 on for a letter; *position is where it stops to be. *utf8 is the first byte that
// isn't UTF-8, or the size. `bits` holds doc.n / 8 + 1 bytes.
bool mr_json_check(struct mr_str doc, uint8_t *bits, size_t *position, size_t *utf8);
// Gives a refused document's error its exact reason and position: malformed comes before any other.
void mr_json_judge(struct mr_str doc, struct mr_arena *, struct mr_decode_error *);
// Whether every escape between a string's quotes is one of JSON's.
bool mr_json_escapes(struct mr_str raw);
// First byte that isn't UTF-8 (RFC 3629), or the size.
size_t mr_utf8_check(struct mr_str);

#endif
