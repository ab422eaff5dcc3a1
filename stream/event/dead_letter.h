// The body of a dead letter (contracts, message 5): what could not be read, where it came from,
// and why. Its parts are capped, so that it always fits into a message; so is the message's key.
#ifndef MR_EVENT_DEAD_LETTER_H
#define MR_EVENT_DEAD_LETTER_H

#include "event/decode.h"

#define MR_DEAD_RECORD_MAX (64u * 1024)   // bytes of the record that are kept
#define MR_DEAD_KEY_MAX 1024u

void mr_dead_letter_id(char id[33], struct mr_str app, const struct mr_origin *);
void mr_dead_letter_write(struct mr_writer *, const struct mr_raw_record *, const struct mr_decode_error *,
    struct mr_arena *scratch);

#endif
