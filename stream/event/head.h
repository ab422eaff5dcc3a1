// The head of one msgpack item. Inside of stream/event only.
#ifndef MR_EVENT_HEAD_H
#define MR_EVENT_HEAD_H

#include <millrace/writer.h>

enum mr_head_kind {
	MR_HEAD_NIL,
	MR_HEAD_BOOL,
	MR_HEAD_UINT,
	MR_HEAD_INT,
	MR_HEAD_FLOAT,
	MR_HEAD_STR,
	MR_HEAD_BIN,
	MR_HEAD_ARRAY,
	MR_HEAD_MAP,
	MR_HEAD_EXT,
};

struct mr_head {
	enum mr_head_kind kind;
	uint64_t n;      // bytes of a str, bin or ext; items, members; the value of UINT and BOOL
	int64_t i;       // the value of INT
	double d;        // the value of FLOAT
	int8_t ext;
};

// Moves past the head, not past the bytes of a str, bin or ext. False, with the reader failed, where
// there is none or where what it announces can't be in the bytes left.
bool mr_head_read(struct mr_reader *, struct mr_head *);

#endif
