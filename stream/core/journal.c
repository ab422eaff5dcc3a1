#include "core/journal.h"

#define JOURNAL_VERSION 1
#define FIELDS 16

static void
encode_input(const struct mr_journal_input *in, struct mr_writer *w)
{
	mr_write_array(w, in->kind == MR_JOURNAL_TICK ? (in->bounded ? 4 : 2) : 5);
	mr_write_uint(w, in->kind);
	if (in->kind == MR_JOURNAL_TICK) {
		mr_write_int(w, in->time_ms);
		if (in->bounded) {
			mr_write_int(w, in->due_ms);
			mr_write_str(w, in->user);
		}
		return;
	}
	mr_write_uint(w, in->topic);
	mr_write_int(w, in->from);
	mr_write_int(w, in->to);
	mr_write_uint(w, in->count);
}

void
mr_journal_encode(const struct mr_journal_record *r, struct mr_writer *w)
{
	MR_ASSERT(w->format == MR_MSGPACK);
	MR_ASSERT(r->n_positions <= MR_TOPICS_MAX);
	MR_ASSERT(r->last_seq + 1 >= r->first_seq);
	mr_write_array(w, FIELDS);
	mr_write_uint(w, JOURNAL_VERSION);
	mr_write_bool(w, r->claim);
	mr_write_uint(w, r->epoch);
	mr_write_uint(w, r->first_seq);
	mr_write_uint(w, r->last_seq);
	mr_write_int(w, r->bound_ms);
	mr_write_array(w, r->n_inputs);
	for (uint32_t i = 0; i < r->n_inputs; i++)
		encode_input(&r->inputs[i], w);
	mr_write_array(w, r->n_positions);
	for (uint32_t i = 0; i < r->n_positions; i++)
		mr_write_int(w, r->positions[i]);
	mr_write_bin(w, r->state);
	mr_write_uint(w, r->input_digest);
	mr_write_uint(w, r->effect_digest);
	mr_write_str(w, r->ids[0]);
	mr_write_str(w, r->ids[1]);
	mr_write_str(w, r->config_hash);
	mr_write_str(w, r->build);
	mr_write_int(w, r->partitions);
}

static void
decode_input(struct mr_reader *r, struct mr_journal_input *in)
{
	uint32_t n = mr_read_array(r);
	uint64_t kind = mr_read_uint(r);

	if (kind > MR_JOURNAL_GAP || (kind == MR_JOURNAL_TICK ? n != 2 && n != 4 : n != 5)) {
		mr_reader_fail(r);
		return;
	}
	in->kind = (enum mr_journal_input_kind)kind;
	if (in->kind == MR_JOURNAL_TICK) {
		in->time_ms = mr_read_int(r);
		in->bounded = n == 4;
		if (in->bounded) {
			in->due_ms = mr_read_int(r);
			in->user = mr_read_str(r);
		}
		return;
	}
	in->topic = (uint32_t)mr_read_uint(r);
	in->from = mr_read_int(r);
	in->to = mr_read_int(r);
	in->count = mr_read_uint(r);
	if (in->topic >= MR_TOPICS_MAX || in->from < 0 || in->to < in->from || in->count > (uint64_t)(in->to - in->from))
		mr_reader_fail(r);
}

static void
decode_inputs(struct mr_reader *r, struct mr_arena *arena, struct mr_journal_record *out)
{
	out->n_inputs = mr_read_array(r);
	struct mr_journal_input *inputs = mr_arena_alloc(arena, (out->n_inputs + 1) * sizeof(*inputs));
	for (uint32_t i = 0; i < out->n_inputs && mr_reader_ok(r); i++)
		decode_input(r, &inputs[i]);
	out->inputs = inputs;
}

bool
mr_journal_decode(struct mr_str bytes, struct mr_arena *arena, struct mr_journal_record *out)
{
	struct mr_reader r = mr_reader_of(bytes);

	*out = (struct mr_journal_record){0};
	if (mr_read_array(&r) < FIELDS || mr_read_uint(&r) != JOURNAL_VERSION)
		return false;
	out->claim = mr_read_bool(&r);
	out->epoch = mr_read_uint(&r);
	out->first_seq = mr_read_uint(&r);
	out->last_seq = mr_read_uint(&r);
	out->bound_ms = mr_read_int(&r);
	decode_inputs(&r, arena, out);
	out->n_positions = mr_read_array(&r);
	if (out->n_positions > MR_TOPICS_MAX)
		return false;
	for (uint32_t i = 0; i < out->n_positions; i++)
		out->positions[i] = mr_read_int(&r);
	out->state = mr_read_str(&r);
	out->input_digest = mr_read_uint(&r);
	out->effect_digest = mr_read_uint(&r);
	out->ids[0] = mr_read_str(&r);
	out->ids[1] = mr_read_str(&r);
	out->config_hash = mr_read_str(&r);
	out->build = mr_read_str(&r);
	out->partitions = (int32_t)mr_read_int(&r);
	return mr_reader_ok(&r) && out->last_seq + 1 >= out->first_seq;
}
