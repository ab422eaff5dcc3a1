#include "event/segment.h"

#define TIME_MAX INT64_C(253402300799999)   // 9999-12-31T23:59:59.999Z

struct source {
	const struct mr_fields *fields;
	struct mr_decode_error *error;
};

static bool
bad(const struct source *s, enum mr_bad reason, enum mr_fixed_field field, const char *detail)
{
	return mr_bad(s->error, reason, s->fields->at[field], detail);
}

static bool
present(const struct source *s, enum mr_fixed_field field)
{
	return s->fields->values[field].type != MR_ABSENT;
}

// A string, or empty where it is absent.
static inline bool
text(const struct source *s, enum mr_fixed_field field, const char *wrong, struct mr_str *out)
{
	const struct mr_value *v = &s->fields->values[field];

	*out = v->type == MR_STRING ? (struct mr_str){v->str, v->n} : (struct mr_str){0};
	return v->type == MR_STRING || v->type == MR_ABSENT || bad(s, MR_BAD_TYPE, field, wrong);
}

static bool
id(const struct source *s, enum mr_fixed_field field, const char *wrong, const char *long_, struct mr_str *out)
{
	if (!text(s, field, wrong, out))
		return false;
	return out->n <= MR_ID_BYTES_MAX || bad(s, MR_BAD_TOO_LARGE, field, long_);
}

static bool
ids(const struct source *s, struct mr_event *e)
{
	struct mr_str user_id;

	if (!id(s, MR_FIELD_USER_ID, "userId must be a string", "userId is over 255 bytes", &user_id) ||
	    !id(s, MR_FIELD_ANONYMOUS_ID, "anonymousId must be a string", "anonymousId is over 255 bytes",
	        &e->anonymous_id) ||
	    !id(s, MR_FIELD_MESSAGE_ID, "messageId must be a string", "messageId is over 255 bytes", &e->message_id))
		return false;
	e->user = user_id.n ? user_id : e->anonymous_id;
	return e->user.n > 0 || mr_bad(s->error, MR_BAD_NO_USER, 0, "neither userId nor anonymousId");
}

static bool
known_type(struct mr_str name, enum mr_event_type *type)
{
	// Literals are compared without a call.
	if (mr_str_eq(MR_LIT("track"), name))
		*type = MR_TRACK;
	else if (mr_str_eq(MR_LIT("page"), name))
		*type = MR_PAGE;
	else if (mr_str_eq(MR_LIT("identify"), name))
		*type = MR_IDENTIFY;
	else if (mr_str_eq(MR_LIT("screen"), name))
		*type = MR_SCREEN;
	else if (mr_str_eq(MR_LIT("group"), name))
		*type = MR_GROUP;
	else if (mr_str_eq(MR_LIT("alias"), name))
		*type = MR_ALIAS;
	else
		return false;
	return true;
}

static bool
type(const struct source *s, struct mr_event *e)
{
	struct mr_str name;

	if (!text(s, MR_FIELD_TYPE, "type must be a string", &name))
		return false;
	if (present(s, MR_FIELD_TYPE)) {
		return known_type(name, &e->type) ||
		    bad(s, MR_BAD_NOT_AN_EVENT, MR_FIELD_TYPE, "type must be track, identify, page, screen, group or alias");
	}
	if (!present(s, MR_FIELD_EVENT))
		return mr_bad(s->error, MR_BAD_NOT_AN_EVENT, 0, "neither type nor event");
	e->type = MR_TRACK;
	s->fields->values[MR_FIELD_TYPE] = mr_string(MR_LIT("track"));
	return true;
}

static bool
name(const struct source *s, const struct mr_schema *schema, struct mr_event *e)
{
	e->name = (struct mr_str){0};
	e->name_id = MR_NAME_NONE;
	if (e->type == MR_PAGE || e->type == MR_SCREEN)
		return text(s, MR_FIELD_NAME, "name must be a string", &e->name);
	if (e->type != MR_TRACK)
		return true;
	if (!text(s, MR_FIELD_EVENT, "event must be a string", &e->name))
		return false;
	// Only a track call has a number: a page that somebody called "Order Completed" is no order.
	if (e->name.n > 0)
		e->name_id = mr_schema_find_name(schema, e->name);
	return true;
}

static bool
parse(const struct source *s, enum mr_fixed_field field, int64_t *ms)
{
	struct mr_value v = s->fields->values[field];

	if (v.type == MR_TIME) {   // msgpack's own timestamp
		*ms = v.ms;
		return true;
	}
	if (v.type != MR_STRING)
		return bad(s, MR_BAD_TYPE, field, "a time must be a string");
	return mr_time_parse(mr_value_str(v), ms) || bad(s, MR_BAD_TIME, field, "not an RFC 3339 time");
}

static bool
event_time(const struct source *s, const struct mr_raw_record *raw, int64_t *out)
{
	enum mr_fixed_field used = MR_FIELD_TIMESTAMP;
	int64_t received, sent, original;

	if (present(s, MR_FIELD_RECEIVED) && present(s, MR_FIELD_SENT) && present(s, MR_FIELD_ORIGINAL)) {
		used = MR_FIELD_RECEIVED;
		if (!parse(s, MR_FIELD_RECEIVED, &received) || !parse(s, MR_FIELD_SENT, &sent) ||
		    !parse(s, MR_FIELD_ORIGINAL, &original))
			return false;
		*out = received - (sent - original);
	} else if (present(s, MR_FIELD_TIMESTAMP)) {
		if (!parse(s, MR_FIELD_TIMESTAMP, out))
			return false;
	} else if (raw->timestamp_ms >= 0) {
		*out = raw->timestamp_ms;
	} else {
		return mr_bad(s->error, MR_BAD_TIME, 0, "no timestamp, and the record has none");
	}
	return (*out >= 0 && *out <= TIME_MAX) || bad(s, MR_BAD_TIME, used, "not in the years 1970 to 9999");
}

struct mr_str
mr_raw_traceparent(const struct mr_raw_record *raw)
{
	const struct mr_str s = raw->traceparent;

	if (s.n > 255)
		return (struct mr_str){0};
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return (struct mr_str){0};
	return s;
}

bool
mr_segment(const struct mr_plan *plan, const struct mr_raw_record *raw, struct mr_fields *fields,
    struct mr_event *e, struct mr_decode_error *error)
{
	struct source s = {fields, error};

	memset(e, 0, sizeof(*e));
	if (!type(&s, e) || !name(&s, plan->schema, e) || !ids(&s, e) || !event_time(&s, raw, &e->time_ms))
		return false;
	fields->values[MR_FIELD_TIME] = mr_time(e->time_ms);
	e->fields = fields->values;
	e->n_fields = plan->schema->n_fields;
	e->origin = raw->origin;
	e->traceparent = mr_raw_traceparent(raw);
	MR_ASSERT(e->user.n > 0 && e->user.n <= MR_ID_BYTES_MAX);
	return true;
}
