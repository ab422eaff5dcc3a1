// Bytes of a Kafka record to an event: checks bounds, chooses the encoding, projects to the fields
// of the schema, works out user and time. The one entry that production and tests use.
#ifndef MR_EVENT_DECODE_H
#define MR_EVENT_DECODE_H

#include <millrace/event.h>
#include <millrace/plan.h>

#ifdef __cplusplus
extern "C" {
#endif

// In the order of contracts.md.
enum mr_bad {
	MR_GOOD,
	MR_BAD_JSON,         // malformed_json
	MR_BAD_MSGPACK,      // malformed_msgpack
	MR_BAD_NOT_AN_EVENT,
	MR_BAD_UTF8,
	MR_BAD_TOO_LARGE,
	MR_BAD_TOO_DEEP,
	MR_BAD_NO_USER,
	MR_BAD_TYPE,
	MR_BAD_TIME,
	MR_BAD_ENCODING,     // unknown_encoding
};
const char *mr_bad_reason(enum mr_bad);

struct mr_raw_record {
	struct mr_origin origin;
	int64_t timestamp_ms;     // of the Kafka record; negative: none
	struct mr_str key, value;
	struct mr_str content_type;  // header, may be empty: then judged by the first byte
	struct mr_str traceparent;
};
// A header of somebody else's making: empty where it can't be one.
struct mr_str mr_raw_traceparent(const struct mr_raw_record *);

struct mr_decode_error {
	enum mr_bad reason;
	size_t position;          // byte in the record
	char detail[128];
};

struct mr_decoder;            // buffers that are reused; one a thread
struct mr_decoder *mr_decoder_new(const struct mr_plan *);
void mr_decoder_free(struct mr_decoder *);

// Fills *event (fields and strings in the arena or in the record's bytes, which must outlive it: nothing is
// copied but strings with escapes).
// event->time_ms is the unclamped event time. False: *error says why.
bool mr_decode(struct mr_decoder *, const struct mr_raw_record *, struct mr_arena *, struct mr_event *,
    struct mr_decode_error *);

// RFC 3339 (any offset, any number of decimals, "T" or space) to ms. False where it is no such time.
bool mr_time_parse(struct mr_str, int64_t *ms);
// "2026-03-01T10:00:00.000Z"; out holds 25 bytes. Years 0000 to 9999 only (clamped).
void mr_time_format(char out[25], int64_t ms);
// Shortest text that reads back the same; returns its length. out holds 32 bytes.
size_t mr_num_format(char out[32], double);
// The whole text as a finite double (JSON grammar of numbers). No locale.
bool mr_num_parse(struct mr_str, double *);

#ifdef __cplusplus
}
#endif
#endif
