// A user's record as one string, and back.
#include "core/mutation.h"
#include "core/timers.h"

#define CORE_VERSION 1

static void
encode_core(const struct mr_users *us, const struct mr_plan *plan, const struct mr_user *u, const struct mr_str *topics,
    struct mr_writer *w)
{
	(void)us;
	mr_write_array(w, 7);
	mr_write_uint(w, CORE_VERSION);
	mr_write_uint(w, u->stamp);
	mr_write_str(w, u->last_topic < 0 ? MR_LIT("") : topics[u->last_topic]);
	mr_write_int(w, u->last_offset);
	mr_write_uint(w, u->timer_number);
	mr_write_array(w, u->n_timers);
	for (uint16_t i = 0; i < u->n_timers; i++) {
		const struct mr_user_timer *t = &u->timers[i];
		mr_write_array(w, 4);
		mr_write_str(w, mr_str_of(plan->ops[t->op].op->name));
		mr_write_uint(w, t->key);
		mr_write_int(w, t->due_ms);
		mr_write_uint(w, t->number);
	}
	uint16_t n_seen = MR_MUTATION(SEEN_OUTSIDE_PAGE) ? 0 : u->n_seen;
	mr_write_array(w, n_seen);   // oldest first
	for (uint16_t i = 0; i < n_seen; i++)
		mr_write_uint(w, u->seen[(u->next_seen + i) % u->n_seen]);
}

void
mr_page_encode(const struct mr_users *us, const struct mr_user *u, const struct mr_str *topics, struct mr_writer *w)
{
	const struct mr_plan *plan = mr_users_plan(us);
	uint32_t n = 1;

	MR_ASSERT(w->format == MR_MSGPACK);
	for (uint16_t i = 0; i < plan->n_ops; i++)
		n += plan->ops[i].op->encode != NULL;
	mr_write_map(w, n);
	mr_write_key(w, MR_LIT(""));
	encode_core(us, plan, u, topics, w);
	for (uint16_t i = 0; i < plan->n_ops; i++) {
		const struct mr_instance *inst = &plan->ops[i];
		if (inst->op->encode == NULL)
			continue;
		mr_write_key(w, mr_str_of(inst->op->name));
		inst->op->encode(inst->conf, mr_user_state(u, inst), w);
	}
}

static int
op_by_name(const struct mr_plan *plan, struct mr_str name)
{
	for (uint16_t i = 0; i < plan->n_ops; i++)
		if (mr_str_eq(mr_str_of(plan->ops[i].op->name), name))
			return i;
	return -1;
}

static void
decode_timers(const struct mr_plan *plan, struct mr_user *u, struct mr_reader *r)
{
	uint32_t n = mr_read_array(r);

	if (n > MR_TIMERS_MAX) {
		mr_reader_fail(r);
		return;
	}
	u->timers = mr_mem_resize(&u->mem, NULL, 0, n * sizeof(*u->timers));
	u->cap_timers = (uint16_t)n;
	for (uint32_t i = 0; i < n && mr_reader_ok(r); i++) {
		struct mr_user_timer t = {0};
		if (mr_read_array(r) != 4)
			mr_reader_fail(r);
		int op = op_by_name(plan, mr_read_str(r));
		t.key = mr_read_uint(r);
		t.due_ms = mr_read_int(r);
		t.number = (uint32_t)mr_read_uint(r);
		t.op = (uint16_t)op;
		if (op >= 0 && mr_reader_ok(r))   // the timers of an operator that is gone go with it
			u->timers[u->n_timers++] = t;
	}
	mr_user_timers_changed(u);
}

static void
decode_seen(const struct mr_plan *plan, struct mr_user *u, struct mr_reader *r)
{
	uint32_t n = mr_read_array(r), skip = n > plan->dedup_keep ? n - plan->dedup_keep : 0;

	if (n > UINT16_MAX || !mr_reader_ok(r)) {
		mr_reader_fail(r);
		return;
	}
	mr_user_seen_resize(u, (uint16_t)(n - skip));
	for (uint32_t i = 0; i < n; i++) {
		uint64_t h = mr_read_uint(r);
		if (i >= skip)
			mr_user_seen_put(u, u->n_seen++, h);
	}
}

static void
decode_core(const struct mr_plan *plan, struct mr_user *u, const struct mr_str *topics, size_t n_topics,
    struct mr_reader *r)
{
	if (mr_read_array(r) < 7 || mr_read_uint(r) != CORE_VERSION)
		mr_reader_fail(r);
	u->stamp = mr_read_uint(r);
	struct mr_str topic = mr_read_str(r);
	for (size_t i = 0; i < n_topics; i++)
		if (mr_str_eq(topics[i], topic))
			u->last_topic = (int16_t)i;
	u->last_offset = mr_read_int(r);
	u->timer_number = (uint32_t)mr_read_uint(r);
	decode_timers(plan, u, r);
	decode_seen(plan, u, r);
}

bool
mr_page_decode(struct mr_users *us, struct mr_user *u, struct mr_str page, const struct mr_str *topics, size_t n_topics)
{
	const struct mr_plan *plan = mr_users_plan(us);
	struct mr_reader r = mr_reader_of(page);
	uint32_t n = mr_read_map(&r);
	size_t before = u->mem.bytes;
	bool ok = true, core = false;

	for (uint32_t i = 0; ok && i < n && mr_reader_ok(&r); i++) {
		struct mr_str name = mr_read_str(&r);
		int op = op_by_name(plan, name);
		if (name.n == 0 && !core) {
			decode_core(plan, u, topics, n_topics, &r);
			core = true;
		} else if (op >= 0 && plan->ops[op].op->decode) {
			const struct mr_instance *inst = &plan->ops[op];
			ok = inst->op->decode(inst->conf, mr_user_state(u, inst), &u->mem, &r);
		} else {
			mr_read_skip(&r);
		}
	}
	mr_users_account(us, before, u->mem.bytes);
	return ok && core && mr_reader_ok(&r) && mr_reader_done(&r);
}
