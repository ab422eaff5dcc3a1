#include "event/dead_letter.h"

#include "event/base64.h"

static struct mr_str
decimal(char out[24], int64_t v)
{
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
	size_t at = 24;

	do
		out[--at] = (char)('0' + u % 10);
	while ((u /= 10) != 0);
	if (v < 0)
		out[--at] = '-';
	return (struct mr_str){out + at, 24 - at};
}

void
mr_dead_letter_id(char id[33], struct mr_str app, const struct mr_origin *origin)
{
	char partition[24], offset[24];
	const struct mr_str parts[] = {app, MR_LIT("dead_letter"), origin->topic, decimal(partition, origin->partition),
		decimal(offset, origin->offset)};

	mr_id(id, parts, sizeof(parts) / sizeof(parts[0]));
}

static void
write_base64(struct mr_writer *w, struct mr_str s, size_t max, struct mr_arena *arena)
{
	struct mr_str kept = {s.p, s.n < max ? s.n : max};
	size_t size = mr_base64_size(kept.n);
	char *text = mr_arena_alloc(arena, size);

	mr_base64(text, kept);
	mr_write_str(w, (struct mr_str){text, size});
}

void
mr_dead_letter_write(struct mr_writer *w, const struct mr_raw_record *raw, const struct mr_decode_error *error,
    struct mr_arena *arena)
{
	bool truncated = raw->value.n > MR_DEAD_RECORD_MAX || raw->key.n > MR_DEAD_KEY_MAX;
	bool keyed = raw->key.n > 0;

	mr_write_map(w, keyed ? 9 : 8);
	MR_W_STR(w, "reason", mr_str_of(mr_bad_reason(error->reason)));
	MR_W_STR(w, "detail", mr_str_of(error->detail));
	MR_W_INT(w, "position", (int64_t)error->position);
	MR_W_STR(w, "topic", raw->origin.topic);
	MR_W_INT(w, "partition", raw->origin.partition);
	MR_W_INT(w, "offset", raw->origin.offset);
	if (keyed) {
		mr_write_key(w, MR_LIT("key_base64"));
		write_base64(w, raw->key, MR_DEAD_KEY_MAX, arena);
	}
	mr_write_key(w, MR_LIT("record_base64"));
	write_base64(w, raw->value, MR_DEAD_RECORD_MAX, arena);
	MR_W_BOOL(w, "truncated", truncated);
}
