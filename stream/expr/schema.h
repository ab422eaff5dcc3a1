// The numbered fields and names of events that one configuration uses: what the decoders project
// a message to. Filled while a configuration is loaded, then frozen and shared.
#ifndef MR_EXPR_SCHEMA_H
#define MR_EXPR_SCHEMA_H

#include <millrace/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// Fields that every event has a number for; the decoders fill them, the core sets MR_FIELD_TIME.
enum mr_fixed_field {
	MR_FIELD_TIME,          // "time": event time, MR_TIME
	MR_FIELD_EVENT,         // "event"
	MR_FIELD_TYPE,          // "type"
	MR_FIELD_MESSAGE_ID,    // "messageId"
	MR_FIELD_USER_ID,       // "userId"
	MR_FIELD_ANONYMOUS_ID,  // "anonymousId"
	MR_FIELD_NAME,          // "name" (page, screen)
	MR_FIELD_TIMESTAMP,     // "timestamp", raw
	MR_FIELD_ORIGINAL,      // "originalTimestamp", raw
	MR_FIELD_SENT,          // "sentAt", raw
	MR_FIELD_RECEIVED,      // "receivedAt", raw
	MR_FIXED_FIELDS
};

// A node of the tree of paths: object keys lead from node to node.
struct mr_schema_node {
	struct mr_str key;
	int32_t field;                // number of the value that ends here, or -1
	uint32_t n;                   // children
	uint64_t some;                // bits of their keys (schema.c): most keys that are none of them are told by it
	struct mr_schema_node **children;
	struct mr_schema_node *parent;
};

struct mr_schema {
	struct mr_schema_node root;
	struct mr_str *paths;         // by field number
	uint32_t n_fields;
	struct mr_str *names;         // event names by number
	uint32_t n_names;
	bool frozen;
	void *name_index;             // hash table, built by freeze
};

struct mr_schema *mr_schema_new(void);   // with the fixed fields
void mr_schema_free(struct mr_schema *);
uint32_t mr_schema_field(struct mr_schema *, struct mr_str path);   // the same path, the same number
int32_t mr_schema_name(struct mr_schema *, struct mr_str name);
void mr_schema_freeze(struct mr_schema *);
// -1 where nobody asked for it. Only when frozen.
int32_t mr_schema_find_name(const struct mr_schema *, struct mr_str name);
const struct mr_schema_node *mr_schema_child(const struct mr_schema_node *, struct mr_str key);

#ifdef __cplusplus
}
#endif
#endif
