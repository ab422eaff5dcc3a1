// What a map of fields means as a Segment event. Inside of stream/event only.
#ifndef MR_EVENT_SEGMENT_H
#define MR_EVENT_SEGMENT_H

#include "event/fields.h"

#define MR_ID_BYTES_MAX 255    // of userId, anonymousId, messageId

// Fills *event from fields that a decoder read. Positions are bytes in the document.
// What is accepted: an object with a known `type`, or with an `event` and no `type` (a track call).
// Ids and names are strings; empty ones count as absent. The user is userId, else anonymousId.
// Event time is receivedAt - (sentAt - originalTimestamp) where all three are there, else timestamp,
// else the record's; what is used must be RFC 3339 and lie in the years 1970 to 9999, what isn't
// used isn't looked at.
bool mr_segment(const struct mr_plan *, const struct mr_raw_record *, struct mr_fields *, struct mr_event *,
    struct mr_decode_error *);

#endif
