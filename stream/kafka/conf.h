// What all Kafka clients here share: properties, outcomes, the group's token, one log format.
#ifndef MR_KAFKA_CONF_H
#define MR_KAFKA_CONF_H

#include <millrace/base.h>

// Of every fallible call. The text of the last failure is in the client's `error`; it names the
// topic or permission and what to do, never a secret.
enum mr_kafka_status {
	MR_KAFKA_OK,
	MR_KAFKA_AGAIN,      // nothing happened (timed out, queue full, broker away): call again
	MR_KAFKA_ABORTABLE,  // the transaction can't be committed: abort it, send everything again in a new one
	MR_KAFKA_DENIED,     // as ABORTABLE, for want of a permission: see mr_sink_denied
	MR_KAFKA_STALE,      // the group has moved on: these partitions are no longer ours; abort, send nothing again
	MR_KAFKA_FENCED,     // another producer has initialised this transactional id: replace this one
	MR_KAFKA_UNKNOWN,    // asked for, no answer: close, open and init anew, read the journal's end
	MR_KAFKA_MISSING,    // no such topic or partition, or offset out of what is retained
	MR_KAFKA_TOO_LARGE,  // this message is over the bound; nothing happened
	MR_KAFKA_FATAL,      // this client is of no more use: close it, open another
};
const char *mr_kafka_status_name(enum mr_kafka_status);

struct mr_kafka_property {
	struct mr_str name, value;   // librdkafka's
};

// Borrowed while the clients made with it live.
struct mr_kafka_conf {
	const struct mr_kafka_property *properties;  // from the configuration (allow-listed there)
	size_t n_properties;
	const char *client_id;       // NULL: "millrace"
	// A line for the log, no newline; level as syslog's (3 error, 4 warning, 6 info). Called on any
	// thread. NULL: "millrace: kafka: ..." on standard error.
	void (*log)(void *arg, int level, const char *line);
	void *log_arg;
};

// False with a text where a property may not be passed through (it is ours to set, or runs code),
// whatever its value. Whether certificate checks may be turned off is the configuration's to say.
bool mr_kafka_property_allowed(struct mr_str name, char error[256]);

// The group's state in one generation, as the broker's fence wants it. Taken in the rebalance
// callback, copied freely; never taken anew at commit time.
struct mr_group {
	int32_t generation;          // below 0: not a member; refused by the sink
	bool member;                 // false: no member id; refused by the sink
	uint16_t n;
	char bytes[1022];            // librdkafka's form of it
};

struct mr_kafka_position {
	const char *topic;
	int32_t partition;
	int64_t offset;              // the next one to read
};

struct mr_kafka_header {
	const char *name;
	struct mr_str value;
};

// A record that was read. Everything is borrowed from the client that read it.
struct mr_kafka_record {
	const char *topic;
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms;        // -1: none
	struct mr_str key, value;    // p is NULL where there is none
	void *message;               // for mr_kafka_record_header
};
// The last header of that name; empty where there is none. Lives as long as the record.
struct mr_str mr_kafka_record_header(const struct mr_kafka_record *, const char *name);

#endif
