// Dwell time on a page, as an operator outside of Millrace's tree: when a user goes on to the next
// page, "Page Left" {path, seconds} is derived for rules to use; user.last_dwell is the last one.
#include <millrace/operator.h>

#include <stddef.h>

struct conf { int64_t longest_ms; uint32_t path; int32_t left; };
struct state { int64_t since_ms; double seconds; uint32_t n; char path[100]; };

static const struct mr_param params[] = {
	{"longest", MR_P_DURATION, offsetof(struct conf, longest_ms), "ms", 1000, 86400000, "30m", NULL, "Longest dwell that counts."},
	MR_PARAMS_END,
};

static void *
setup(struct mr_setup *s, const struct mr_node *node)
{
	struct conf *c = mr_setup_alloc(s, sizeof(*c));

	c->path = mr_setup_field(s, MR_LIT("context.page.path"));
	c->left = mr_setup_event(s, MR_LIT("Page Left"));
	bool fine = mr_setup_params(s, node, params, c) && mr_setup_offer(s, "user", MR_LIT("last_dwell"), MR_NUMBER, 0, node);
	return fine ? c : NULL;
}

static size_t state_size(const void *conf) { (void)conf; return sizeof(struct state); }

static void
on_event(struct mr_ctx *ctx, const void *conf, void *state)
{
	const struct conf *c = conf;
	struct state *st = state;
	struct mr_str path = mr_value_str(mr_event_field(ctx->event, c->path));

	if (ctx->event->type != MR_PAGE || path.n == 0 || ctx->event->time_ms < st->since_ms)
		return;
	int64_t ms = ctx->event->time_ms - st->since_ms;
	if (st->n > 0 && ms <= c->longest_ms) {
		struct mr_member *m = mr_arena_alloc(ctx->arena, 2 * sizeof(*m));
		st->seconds = (double)ms / 1000;
		m[0] = (struct mr_member){MR_LIT("path"), mr_string(mr_arena_copy(ctx->arena, (struct mr_str){st->path, st->n}))};
		m[1] = (struct mr_member){MR_LIT("seconds"), mr_num(st->seconds)};
		mr_derive(ctx, c->left, MR_LIT("Page Left"), m, 2);
	}
	st->since_ms = ctx->event->time_ms;
	st->n = (uint32_t)(path.n < sizeof(st->path) ? path.n : sizeof(st->path));
	memcpy(st->path, path.p, st->n);
}

static struct mr_value
read_value(struct mr_ctx *ctx, const void *conf, const void *state, uint32_t index)
{
	const struct state *st = state;
	(void)ctx; (void)conf; (void)index;
	return st->seconds > 0 ? mr_num(st->seconds) : mr_absent();
}

static void
encode(const void *conf, const void *state, struct mr_writer *w)
{
	const struct state *st = state;
	(void)conf;
	mr_write_array(w, 4);
	mr_write_uint(w, 1);   // the version
	mr_write_int(w, st->since_ms);
	mr_write_num(w, st->seconds);
	mr_write_str(w, (struct mr_str){st->path, st->n});
}

static bool
decode(const void *conf, void *state, struct mr_mem *mem, struct mr_reader *r)
{
	struct state *st = state;
	(void)conf; (void)mem;
	if (mr_read_array(r) != 4 || mr_read_uint(r) != 1)
		return false;
	st->since_ms = mr_read_int(r);
	st->seconds = mr_read_num(r);
	struct mr_str path = mr_read_str(r);
	if (!mr_reader_ok(r) || path.n > sizeof(st->path))
		return false;
	st->n = (uint32_t)path.n;
	memcpy(st->path, path.p, path.n);
	return true;
}

extern const struct mr_operator dwell;
const struct mr_operator dwell = {
	.name = "dwell", .params = params, .version = 1, .text = "Dwell time on pages.", .setup = setup,
	.state_size = state_size, .on_event = on_event, .read = read_value, .encode = encode, .decode = decode,
};
