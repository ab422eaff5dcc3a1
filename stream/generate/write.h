// A fact of the shop as one Segment-spec event in JSON.
#ifndef MR_GENERATE_WRITE_H
#define MR_GENERATE_WRITE_H

#include "generate/visit.h"

#include <millrace/writer.h>

// How a message travels: made on the device, sent, received.
struct mr_travel {
	uint64_t message;        // number that the message id is made of
	int64_t sent_ms, received_ms;
};

#define MR_SHOP_ID_BYTES 24
// The user's id, or the anonymous id where the visit has none; returns its length.
size_t mr_shop_key(char out[MR_SHOP_ID_BYTES], const struct mr_visit *);
void mr_fact_write(struct mr_writer *, const struct mr_fact *, const struct mr_visit *, const struct mr_travel *);

#endif
