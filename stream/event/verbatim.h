// A value that is JSON already, in the place of a value. Inside of stream/event only.
#ifndef MR_EVENT_VERBATIM_H
#define MR_EVENT_VERBATIM_H

#include <millrace/writer.h>

// `json` is one whole JSON value; the writer's format must be JSON.
void mr_write_verbatim(struct mr_writer *, struct mr_str json);

#endif
