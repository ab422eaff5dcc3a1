// Stored state of each operator: golden files of every version are decoded for ever, the present
// version is written as its golden file says, and damaged state is refused without a crash or leak.
//
// A new version: raise it in the operator, run with MILLRACE_WRITE_GOLDEN=1, keep the old files.
#include "scenario.h"

#include "config/config.h"
#include "core/arena.h"
#include "core/task.h"

struct golden {
	const char *op, *file;
	bool current;               // of the version that is written now
	const char *yaml;
	const char *const *events;
};

static const char *const shop_events[] = {
	"{\"type\":\"page\",\"name\":\"Home\",\"userId\":\"u1\",\"anonymousId\":\"a1\",\"messageId\":\"1\",\"timestamp\":\"2026-03-01T10:00:00Z\","
	"\"properties\":{\"path\":\"/\",\"title\":\"Caf\xc3\xa9\"},\"context\":{\"timezone\":\"Europe/Berlin\",\"locale\":\"de-DE\","
	"\"campaign\":{\"name\":\"spring\",\"source\":\"ads\"},\"device\":{\"type\":\"phone\"},\"os\":{\"name\":\"Android\"},\"app\":{\"version\":\"1.2\"}}}",
	"{\"type\":\"track\",\"event\":\"Product Added\",\"userId\":\"u1\",\"messageId\":\"2\",\"timestamp\":\"2026-03-01T10:01:00Z\","
	"\"properties\":{\"cart_id\":\"c1\",\"category\":\"tea\",\"price\":7.5}}",
	"{\"type\":\"track\",\"event\":\"Order Completed\",\"userId\":\"u1\",\"messageId\":\"3\",\"timestamp\":\"2026-03-01T10:02:00Z\","
	"\"properties\":{\"revenue\":19.99,\"currency\":\"EUR\",\"category\":\"tea\",\"price\":12.25}}",
	"{\"type\":\"track\",\"event\":\"Product Added\",\"userId\":\"u1\",\"messageId\":\"4\",\"timestamp\":\"2026-03-01T11:00:00Z\","
	"\"properties\":{\"cart_id\":\"c2\",\"category\":7,\"price\":1}}",
	"{\"type\":\"track\",\"event\":\"Order Completed\",\"userId\":\"u1\",\"messageId\":\"5\",\"timestamp\":\"2026-03-02T11:00:05Z\","
	"\"properties\":{\"total\":5,\"category\":\"milk\"}}",
	"{\"type\":\"track\",\"event\":\"Product Added\",\"userId\":\"u1\",\"messageId\":\"6\",\"timestamp\":\"2026-03-02T11:31:00Z\","
	"\"properties\":{\"cart_id\":\"c3\"},\"context\":{\"campaign\":{\"name\":\"spring\",\"source\":\"ads\"},\"device\":{\"type\":\"phone\"},"
	"\"os\":{\"name\":\"Android\"},\"page\":{\"path\":\"/tea\",\"title\":\"Caf\xc3\xa9\",\"referrer\":\"https://x.org/\"}}}",
	"{\"type\":\"track\",\"event\":\"Product Added\",\"userId\":\"u1\",\"messageId\":\"7\",\"timestamp\":\"2026-03-02T11:20:00Z\"}",
	NULL,
};

#define SESSION_YAML "session: {gap: 30m, new_on: [midnight]}\n"
#define PROFILE_YAML                                                                        \
	"profile:\n"                                                                            \
	"  orders: {count: Order Completed}\n"                                                  \
	"  orders_7d: {count: Order Completed, over: 7d}\n"                                     \
	"  spent: {sum: event.properties.price, of: [Product Added, Order Completed]}\n"        \
	"  low: {min: event.properties.price, of: Product Added, over: 30d}\n"                  \
	"  latest: {max: event.time, of: Order Completed}\n"                                    \
	"  first: {first: event.properties.category, of: Product Added}\n"                      \
	"  last: {last: event.time, of: Product Added}\n"                                       \
	"  kinds: {distinct: event.properties.category, of: [Product Added, Order Completed]}\n" \
	"  favourite: {top: event.properties.category, of: [Product Added, Order Completed], half_life: 1d}\n" \
	"  heat: {decayed_count: Product Added, half_life: 1h}\n"                               \
	"  weight: {decayed_sum: event.properties.price, of: Product Added, half_life: 1h}\n"      \
	"  rhythm: {interval: Product Added}\n"
#define LIFE_YAML "lifecycle: {purchase: Order Completed, dormant: 60d, churned: 120d}\n"

#define RULES_YAML                                                                          \
	"rules:\n"                                                                              \
	"  cart:\n"                                                                             \
	"    on: Product Added\n"                                                               \
	"    for_each: event.properties.cart_id\n"                                              \
	"    again_after: 1d\n"                                                                 \
	"    at_most: 5 per week\n"                                                             \
	"    then:\n"                                                                           \
	"      - send: {channel: push, template: hello, as: nudge}\n"                           \
	"      - tag: {add: carts, for: 30d}\n"                                                 \
	"      - wait_for: {event: B, when: event.properties.id == nudge.id, within: 2d}\n"     \
	"        else: [{wait: 3d}]\n"                                                          \
	"      - send: {channel: push, template: more, data: {what: event.properties.category}}\n" \
	"  order: {on: Order Completed, at_most: 3, then: [{tag: {add: buyer}}, {wait: 1d}]}\n" \
	"  many: {on: Order Completed, at_least: 3 within 30d, then: [stop]}\n"

static const struct golden files[] = {
	{"locale", "locale.v1", true, SESSION_YAML, shop_events},
	{"session", "session.v1", true, SESSION_YAML, shop_events},
	{"profile", "profile.v1", true, PROFILE_YAML, shop_events},
	{"lifecycle", "lifecycle.v1", true, LIFE_YAML, shop_events},
	{"rules", "rules.v1", true, RULES_YAML, shop_events},
};
#define FILES (sizeof(files) / sizeof(*files))

struct setting {
	struct mr_config *config;
	struct mr_task *task;
	const struct mr_instance *inst;
	uint16_t op;
	struct mr_user *user;
	struct mr_arena *arena;
};

static struct mr_user *
user_of(const struct setting *s)
{
	return mr_users_find(mr_task_users(s->task), MR_LIT("u1"), mr_users_hash(MR_LIT("u1")));
}

static struct setting
setting_of(const struct golden *g)
{
	static const struct mr_str topics[] = {{"events", 6}};
	const struct mr_config_options options = {.json = true, .lenient = true};
	struct setting s = {0};
	char *errors = NULL;

	s.config = mr_config_load("test.yaml", g->yaml, &options, &errors, NULL);
	cr_assert(s.config != NULL, "%s", errors);
	s.task = mr_task_new(&(struct mr_task_conf){.plan = &s.config->plan, .topics = topics, .n_topics = 1});
	for (int i = 0; g->events[i]; i++) {
		struct mr_raw_record raw = {.origin = {topics[0], 0, i}, .timestamp_ms = -1, .value = mr_str_of(g->events[i])};
		mr_task_batch(s.task);
		mr_task_apply(s.task, mr_task_decode(s.task, &raw));
	}
	for (uint16_t i = 0; i < s.config->plan.n_ops; i++)
		if (strcmp(s.config->plan.ops[i].op->name, g->op) == 0) {
			s.inst = &s.config->plan.ops[i];
			s.op = i;
		}
	cr_assert(s.inst != NULL);
	s.arena = mr_arena_new(1 << 20);
	return s;
}

static struct setting
setting_new(const struct golden *g)
{
	struct setting s = setting_of(g);

	s.user = user_of(&s);
	cr_assert(s.user != NULL);
	return s;
}

static void
setting_free(struct setting *s)
{
	mr_arena_free(s->arena);
	mr_task_free(s->task);
	mr_config_free(s->config);
}

// Hex, 32 bytes a line.
static void
path_of(char out[128], const struct golden *g)
{
	snprintf(out, 128, "tests/operators/golden/%s.hex", g->file);
}

static struct mr_str
read_golden(const struct golden *g, char *out, size_t max)
{
	char path[128];
	unsigned byte;
	size_t n = 0;

	path_of(path, g);
	FILE *f = fopen(path, "r");
	cr_assert(f != NULL, "%s", path);
	while (n < max && fscanf(f, "%2x", &byte) == 1)
		out[n++] = (char)byte;
	fclose(f);
	return (struct mr_str){out, n};
}

static void
write_golden(const struct golden *g, struct mr_str bytes)
{
	char path[128];

	path_of(path, g);
	FILE *f = fopen(path, "w");
	cr_assert(f != NULL, "%s", path);
	for (size_t i = 0; i < bytes.n; i++)
		fprintf(f, "%02x%s", (unsigned char)bytes.p[i], i % 32 == 31 || i + 1 == bytes.n ? "\n" : "");
	fclose(f);
}

static void *
state_new(const struct setting *s)
{
	void *state = calloc(1, s->inst->op->state_size(s->inst->conf));

	cr_assert(state != NULL);
	return state;
}

static void
state_free(const struct setting *s, void *state, struct mr_mem *mem)
{
	if (s->inst->op->release)
		s->inst->op->release(s->inst->conf, state, mem);
	cr_assert_eq(mem->bytes, 0, "%zu bytes are left", mem->bytes);
	free(state);
}

// All values that the operator offers, as JSON.
static void
values(const struct setting *s, const void *state, struct mr_mem *mem, struct mr_writer *w)
{
	const struct mr_plan *plan = &s->config->plan;
	struct mr_ctx ctx = {.now_ms = mr_task_clock(s->task), .user = MR_LIT("u1"), .arena = s->arena, .mem = mem,
	    .task = s->task, .record = s->user, .op = s->op};

	for (uint32_t i = 0; i < plan->n_offers; i++) {
		if (plan->offers[i].op != s->op)
			continue;
		mr_write_map(w, 1);
		mr_write_key(w, plan->offers[i].name);
		struct mr_value v = s->inst->op->read(&ctx, s->inst->conf, state, plan->offers[i].index);
		mr_write_value(w, v.type == MR_ABSENT ? mr_string(MR_LIT("absent")) : v);
	}
}

Test(golden, files_of_every_version_are_decoded)
{
	for (size_t i = 0; i < FILES; i++) {
		struct setting s = setting_new(&files[i]);
		const void *told = mr_user_state(s.user, s.inst);
		struct mr_writer bytes, old, new;
		char golden[16384];
		mr_writer_init(&bytes, MR_MSGPACK);
		mr_writer_init(&old, MR_JSON);
		mr_writer_init(&new, MR_JSON);

		s.inst->op->encode(s.inst->conf, told, &bytes);
		if (files[i].current && getenv("MILLRACE_WRITE_GOLDEN"))
			write_golden(&files[i], mr_writer_str(&bytes));
		struct mr_str kept = read_golden(&files[i], golden, sizeof(golden));
		if (files[i].current)
			cr_assert(mr_str_eq(kept, mr_writer_str(&bytes)), "%s is written in another way: raise its version", files[i].op);

		struct mr_mem mem = {0};
		void *state = state_new(&s);
		struct mr_reader r = mr_reader_of(kept);
		cr_assert(s.inst->op->decode(s.inst->conf, state, &mem, &r) && mr_reader_done(&r), "%s", files[i].file);
		values(&s, told, &s.user->mem, &old);
		values(&s, state, &mem, &new);
		cr_assert(old.n > 20);
		cr_assert(mr_str_eq(mr_writer_str(&old), mr_writer_str(&new)), "%s: %.*s", files[i].file, (int)new.n, new.p);
		state_free(&s, state, &mem);
		mr_writer_free(&bytes);
		mr_writer_free(&old);
		mr_writer_free(&new);
		setting_free(&s);
	}
}

// Decodes what may be damaged; whatever comes of it must be whole, and go without a trace.
static bool
survives(const struct setting *s, struct mr_str bytes)
{
	struct mr_mem mem = {0};
	void *state = state_new(s);
	struct mr_reader r = mr_reader_of(bytes);
	struct mr_writer w;

	bool ok = s->inst->op->decode(s->inst->conf, state, &mem, &r);
	if (ok) {
		mr_writer_init(&w, MR_MSGPACK);
		s->inst->op->encode(s->inst->conf, state, &w);
		mr_writer_free(&w);
	}
	state_free(s, state, &mem);
	return ok;
}

Test(golden, damaged_state_is_refused)
{
	for (size_t i = 0; i < FILES; i++) {
		struct setting s = setting_new(&files[i]);
		char golden[16384], damaged[16384];
		struct mr_str kept = read_golden(&files[i], golden, sizeof(golden));

		cr_assert(survives(&s, kept));
		for (size_t n = 0; n < kept.n; n++)
			cr_assert(!survives(&s, (struct mr_str){kept.p, n}), "%s cut at %zu", files[i].file, n);
		static const unsigned char wrong[] = {0x00, 0x7f, 0x80, 0x90, 0xa0, 0xc0, 0xc1, 0xcb, 0xd9, 0xdd, 0xff};
		for (size_t at = 0; at < kept.n; at++)
			for (size_t k = 0; k < sizeof(wrong); k++) {
				memcpy(damaged, kept.p, kept.n);
				damaged[at] = (char)wrong[k];
				(void)survives(&s, (struct mr_str){damaged, kept.n});
			}
		memcpy(damaged, kept.p, kept.n);
		damaged[1] = 0x7f;   // a version that nobody knows
		cr_assert(!survives(&s, (struct mr_str){damaged, kept.n}), "%s", files[i].file);
		setting_free(&s);
	}
}

// A record with more sessions than the configuration now keeps: the oldest go with the next new one.
Test(golden, sessions_fit_a_smaller_keep)
{
	static const char many[] = "session: {gap: 1m, keep: 16}\n", few[] = "session: {gap: 1m, keep: 2}\n";
	static const char *const events[] = {
		"{\"type\":\"page\",\"userId\":\"u1\",\"messageId\":\"1\",\"timestamp\":\"2026-03-01T10:00:00Z\"}",
		"{\"type\":\"page\",\"userId\":\"u1\",\"messageId\":\"2\",\"timestamp\":\"2026-03-01T10:10:00Z\"}",
		"{\"type\":\"page\",\"userId\":\"u1\",\"messageId\":\"3\",\"timestamp\":\"2026-03-01T10:20:00Z\"}",
		"{\"type\":\"page\",\"userId\":\"u1\",\"messageId\":\"4\",\"timestamp\":\"2026-03-01T10:30:00Z\"}", NULL};
	static const char last[] = "{\"type\":\"page\",\"userId\":\"u1\",\"messageId\":\"5\",\"timestamp\":\"2026-03-01T10:40:00Z\"}";
	static const char *const none[] = {NULL};
	static const struct mr_str topics[] = {{"events", 6}};
	const struct golden before = {"session", "", false, many, events}, after = {"session", "", false, few, none};
	struct setting old = setting_new(&before), new = setting_of(&after);
	struct mr_writer page;

	mr_writer_init(&page, MR_MSGPACK);
	mr_page_encode(mr_task_users(old.task), user_of(&old), topics, &page);
	mr_task_resume(new.task, mr_task_seq(old.task));
	cr_assert(mr_task_install(new.task, MR_LIT("u1"), mr_writer_str(&page), 1));
	struct mr_raw_record raw = {.origin = {topics[0], 0, 4}, .timestamp_ms = -1, .value = mr_str_of(last)};
	mr_task_batch(new.task);
	mr_task_apply(new.task, mr_task_decode(new.task, &raw));
	cr_assert_eq(mr_task_counters(new.task)[MR_C_BOUND_CUT], 3);
	mr_writer_free(&page);
	setting_free(&old);
	setting_free(&new);
}

// A configuration that changed: names come and go, panes change their length, bounds shrink.
Test(golden, a_profile_fits_another_configuration)
{
	static const char *const none[] = {
		"{\"type\":\"track\",\"event\":\"X\",\"userId\":\"u1\",\"messageId\":\"9\",\"timestamp\":\"2026-03-02T11:31:00Z\"}", NULL};
	const struct golden changed = {"profile", "profile.v1", false,
	    "profile:\n"
	    "  new: {count: X}\n"
	    "  orders_7d: {count: Order Completed, over: 14d, pane: 1d}\n"
	    "  spent: {count: Order Completed}\n"             // was a sum
	    "  orders: {count: Order Completed, over: 7d}\n"  // was for ever
	    "  low: {min: event.properties.price, of: Product Added}\n" // was a window
	    "  kinds: {distinct: event.properties.category, of: Product Added, keep: 2}\n"
	    "  favourite: {top: event.properties.category, of: Product Added, keep: 1, half_life: 1d}\n",
	    none};
	static const char expected[] = "{\"new\":0}{\"orders_7d\":2}{\"spent\":0}{\"orders\":0}{\"low\":\"absent\"}{\"kinds\":2}{\"favourite\":\"tea\"}";
	struct setting s = setting_new(&changed);
	struct mr_mem mem = {0};
	struct mr_writer w;
	char golden[16384];

	void *state = state_new(&s);
	struct mr_reader r = mr_reader_of(read_golden(&changed, golden, sizeof(golden)));
	cr_assert(s.inst->op->decode(s.inst->conf, state, &mem, &r) && mr_reader_done(&r));
	mr_writer_init(&w, MR_JSON);
	values(&s, state, &mem, &w);
	cr_assert(mr_str_eq(mr_writer_str(&w), mr_str_of(expected)), "%.*s", (int)w.n, w.p);
	mr_writer_free(&w);
	state_free(&s, state, &mem);
	setting_free(&s);
}
