// Protocol buffers' text format, as far as the conformance tests of CEL use it.
#ifndef TESTS_EXPR_TEXTPROTO_H
#define TESTS_EXPR_TEXTPROTO_H

#include "core/arena.h"

// A field: a scalar has text (of a string: unescaped), a message has fields.
struct proto {
	struct mr_str name, text;
	bool message;
	struct proto *fields, *next;
};

// NULL with the byte where it is malformed. All memory is the arena's.
struct proto *proto_parse(struct mr_str, struct mr_arena *, size_t *byte);
// The first field of that name after `after` (NULL: from the start); NULL where there is none.
const struct proto *proto_field(const struct proto *, const char *name, const struct proto *after);
struct mr_str proto_text(const struct proto *, const char *name);

#endif
