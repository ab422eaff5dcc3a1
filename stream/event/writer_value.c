// Values of any type, by the writer's own calls.
#include <millrace/writer.h>

static bool
absent(struct mr_value v)
{
	return v.type == MR_ABSENT || v.type == MR_UNKNOWN;
}

static void
write_members(struct mr_writer *w, struct mr_value v)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < v.n; i++)
		n += !absent(v.members[i].value);
	mr_write_map(w, n);
	for (uint32_t i = 0; i < v.n; i++) {
		if (absent(v.members[i].value))
			continue;
		mr_write_key(w, v.members[i].key);
		mr_write_value(w, v.members[i].value);
	}
}

// Recursion is bounded by MR_WRITER_DEPTH: each level opens a container.
void
mr_write_value(struct mr_writer *w, struct mr_value v)
{
	switch ((enum mr_type)v.type) {
	case MR_BOOL:
		mr_write_bool(w, v.b);
		return;
	case MR_NUMBER:
		mr_write_num(w, v.num);
		return;
	case MR_STRING:
		mr_write_str(w, mr_value_str(v));
		return;
	case MR_TIME:
		mr_write_time(w, v.ms);
		return;
	case MR_DURATION:
		mr_write_int(w, v.ms);
		return;
	case MR_LIST:
		mr_write_array(w, v.n);
		for (uint32_t i = 0; i < v.n; i++)
			mr_write_value(w, v.items[i]);
		return;
	case MR_MAP:
		write_members(w, v);
		return;
	case MR_ABSENT:
	case MR_UNKNOWN:
	case MR_ANY:
		mr_write_nil(w);
	}
}
