// A task is the fold of its inputs: through page-outs, evictions, a crash at any input, and a replay
// over pages that are ahead of it, the same inputs give the same pages and the same effects.
#include "config/config.h"
#include "core/task.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const char yaml[] =
    "app: shop\n"
    "input: {events: {topic: events}}\n"
    "redis: 'memory:'\n"
    "session: {gap: 30m}\n"
    "profile:\n"
    "  carts_1h: {count: Product Added, over: 1h}\n"
    "  spend: {sum: event.properties.price, of: Product Added}\n"
    "  cart: {top: event.properties.cart_id, of: Product Added, half_life: 1h}\n"
    "  prices: {distinct: event.properties.price, of: Product Added, over: 2h, keep: 4}\n"
    "  pace: {interval: Product Viewed}\n"
    "lifecycle: {purchase: Order Completed, dormant: 1h, churned: 3h}\n"
    "churn: {bgnbd: {r: 0.243, alpha: 4.414, a: 0.793, b: 2.426}, horizon: 1d, check: 1h}\n"
    "rules:\n"
    "  cart:\n"
    "    on: Product Added\n"
    "    for_each: event.properties.cart_id\n"
    "    while_running: restart\n"
    "    cancel_on: {event: Order Completed}\n"
    "    then:\n"
    "      - wait: 20m\n"
    "      - send: {channel: push, template: reminder, data: {cart: run.key, spend: user.spend}}\n"
    "      - wait: 10m\n"
    "      - tag: {add: slow, for: 15m}\n"
    "  often: {on: Product Viewed, at_least: 3 within 1h, again_after: 10m, at_most: 2 per day,\n"
    "    then: [{wait: 1h}, {send: {channel: mail, template: often, data: {pace: user.spend}}}]}\n"
    // Many of these come from timers of several users that one input fires.
    "  gone:\n"
    "    on: [Session Ended, Tag Removed, Stage Changed, Churn Band Changed]\n"
    "    for_each: event.event\n"
    "    then: [{wait: 2h}, {send: {channel: mail, template: gone}}]\n";

#define USERS 12
#define INPUTS 400
#define CHUNK 64
#define EVICT_BYTES 20000   // so that records are evicted

// ---- inputs by seed ----

struct input {
	bool tick, some;        // some: a tick that stops after one timer; the calm run finds out where
	bool bounded;
	int64_t due_ms;
	char user[8];
	int64_t time_ms;
	char json[256];
};

static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void
make_inputs(struct input *in, size_t n, uint64_t seed)
{
	static const char *const names[] = {"Product Viewed", "Product Added", "Product Added", "Order Completed"};
	int64_t now_ms = INT64_C(1772359200000);

	for (size_t i = 0; i < n; i++) {
		char time[25], id[40];
		now_ms += (int64_t)(next_random(&seed) % 240000);
		if (next_random(&seed) % 16 == 0)
			now_ms += 2700000;   // one input that fires the timers of most users
		in[i].tick = next_random(&seed) % 5 == 0;
		in[i].some = next_random(&seed) % 2 == 0;
		in[i].time_ms = now_ms;
		int64_t late_ms = next_random(&seed) % 8 == 0 ? (int64_t)(next_random(&seed) % 3000000) : 0;
		mr_time_format(time, now_ms - late_ms);
		// Most have no messageId: what is applied twice must not be hidden by de-duplication.
		snprintf(id, sizeof(id), "\"messageId\":\"m%zu\",", i - i % 7);
		snprintf(in[i].json, sizeof(in[i].json),
		    "{\"type\":\"track\",\"event\":\"%s\",\"userId\":\"u%d\",%s\"timestamp\":\"%s\","
		    "\"properties\":{\"cart_id\":\"c%d\",\"price\":%d}}",
		    names[next_random(&seed) % 4], (int)(next_random(&seed) % USERS), next_random(&seed) % 5 ? "" : id, time,
		    (int)(next_random(&seed) % 3), (int)(next_random(&seed) % 50));
	}
}

// ---- a store of pages, and what a run leaves ----

struct world {
	const struct mr_plan *plan;
	struct input inputs[INPUTS];
	char *pages[USERS];
	size_t sizes[USERS];
	uint64_t stamps[USERS];
	int64_t due[USERS];
	uint64_t meta_seq;
	char *effects;          // ids and bodies, in order
	size_t n_effects, effects_room;
	uint64_t effects_seq;   // of the last input whose effects are there
};

static const struct mr_str topics[] = {{"events", 6}};

static struct mr_task *
new_task(const struct mr_plan *plan)
{
	return mr_task_new(&(struct mr_task_conf){.plan = plan, .topics = topics, .n_topics = 1, .stored = true});
}

static int
user_number(struct mr_str user)
{
	return atoi(user.p + 1);
}

static void
install(struct world *w, struct mr_task *t, int user)
{
	char name[8];
	struct mr_str id = {name, (size_t)snprintf(name, sizeof(name), "u%d", user)};

	if (!mr_task_has_user(t, id))
		cr_assert(mr_task_install(t, id, (struct mr_str){w->pages[user], w->sizes[user]}, w->meta_seq));
}

static void
install_due(struct world *w, struct mr_task *t, int64_t until_ms)
{
	if (mr_task_index(t)->due_ms > until_ms)
		return;
	for (int i = 0; i < USERS; i++)
		if (w->sizes[i] > 0 && w->due[i] <= until_ms)
			install(w, t, i);
	mr_task_index_loaded(t, &(struct mr_due_bound){.due_ms = until_ms + 1});
}

static void
keep_effects(struct world *w, struct mr_task *t)
{
	size_t n;
	const struct mr_effect *effects = mr_task_effects(t, &n);

	for (size_t i = 0; i < n; i++) {
		cr_assert(effects[i].seq > w->effects_seq, "an effect is published twice");
		size_t more = 32 + effects[i].body.n;
		if (w->n_effects + more > w->effects_room) {
			w->effects_room = 2 * (w->n_effects + more);
			w->effects = realloc(w->effects, w->effects_room);
		}
		memcpy(w->effects + w->n_effects, effects[i].id, 32);
		memcpy(w->effects + w->n_effects + 32, effects[i].body.p, effects[i].body.n);
		w->n_effects += more;
	}
	mr_task_effects_done(t);
	w->effects_seq = mr_task_seq(t);
}

static void
tick(struct mr_task *t, struct input *in)
{
	struct mr_due_bound upto;

	if (in->bounded) {
		upto = (struct mr_due_bound){in->due_ms, mr_str_of(in->user)};
		mr_task_tick(t, in->time_ms, &upto);
		return;
	}
	in->bounded = in->some && mr_task_fires(t, in->time_ms);
	in->some = false;
	if (!in->bounded) {
		mr_task_tick(t, in->time_ms, NULL);
		return;
	}
	mr_task_tick_some(t, in->time_ms, 1, &upto);
	in->due_ms = upto.due_ms;
	snprintf(in->user, sizeof(in->user), "%.*s", (int)upto.user.n, upto.user.p);
}

static void
apply(struct world *w, struct mr_task *t, size_t number)
{
	struct input *in = &w->inputs[number];

	mr_task_batch(t);
	if (in->tick) {
		install_due(w, t, in->time_ms);
		tick(t, in);
		return;
	}
	const struct mr_raw_record raw = {
		.origin = {topics[0], 0, (int64_t)number},
		.timestamp_ms = -1,
		.value = mr_str_of(in->json),
	};
	const struct mr_item *item = mr_task_decode(t, &raw);
	cr_assert(item->good, "%s", item->error.detail);
	install_due(w, t, mr_task_clock_after(t, item));
	if (!mr_task_knows(t, item))
		install(w, t, user_number(item->event.user));
	mr_task_apply(t, item);
}

static void
write_chunk(struct world *w, struct mr_task *t, uint64_t committed, size_t max)
{
	const struct mr_held *held[CHUNK];
	size_t n = mr_task_chunk(t, committed, held, max);
	uint64_t meta_seq = mr_task_meta_seq(t, committed, n);

	for (size_t i = 0; i < n; i++) {
		int u = user_number(held[i]->user);
		cr_assert_leq(held[i]->stamp, committed, "a stamp beyond the commit");
		w->pages[u] = realloc(w->pages[u], held[i]->page.n + 1);
		memcpy(w->pages[u], held[i]->page.p, held[i]->page.n);
		w->sizes[u] = held[i]->page.n;
		w->stamps[u] = held[i]->stamp;
		w->due[u] = held[i]->due_ms;
	}
	cr_assert_geq(meta_seq, w->meta_seq, "meta.seq never goes back");
	w->meta_seq = meta_seq;
	mr_task_chunk_acknowledged(t, n);
}

// A crash: what memory held is gone. The inputs since `from` are replayed in silence up to `to`.
static struct mr_task *
recover(struct world *w, uint64_t from, uint64_t to, struct mr_str state)
{
	struct mr_task *t = new_task(w->plan);

	mr_task_resume(t, from);
	if (state.n)
		cr_assert(mr_task_state_decode(t, state));
	mr_task_pages_as_of(t, w->meta_seq);
	mr_task_quiet_until(t, to);
	for (uint64_t i = from; i < to; i++)
		apply(w, t, i);
	cr_assert_eq(mr_task_seq(t), to);
	return t;
}

static void
flush_all(struct world *w, struct mr_task *t)
{
	mr_task_encode(t, UINT64_MAX, SIZE_MAX);
	while (w->meta_seq < mr_task_seq(t) || mr_task_held_bytes(t) > 0)
		write_chunk(w, t, mr_task_seq(t), CHUNK);
}

static void
run(struct world *w, const struct mr_plan *plan, const struct input *inputs, uint64_t seed)
{
	struct mr_writer states[INPUTS + 1];   // task state after each input, as the journal has it
	uint64_t committed = 0, dice = seed ^ 77;

	w->plan = plan;
	bool faults = inputs != NULL;
	if (faults)
		memcpy(w->inputs, inputs, sizeof(w->inputs));
	else
		make_inputs(w->inputs, INPUTS, seed);
	struct mr_task *t = new_task(plan);
	for (size_t i = 0; i <= INPUTS; i++)
		mr_writer_init(&states[i], MR_MSGPACK);
	for (uint64_t i = 0; i < INPUTS; i++) {
		apply(w, t, i);
		mr_task_state_encode(t, &states[i + 1]);
		keep_effects(w, t);
		if (!faults)
			continue;
		uint64_t roll = next_random(&dice) % 100;
		if (roll < 30)
			committed = i + 1;
		if (roll % 10 == 1)
			mr_task_encode(t, mr_task_seq(t) - next_random(&dice) % 5, 1 + next_random(&dice) % 4);
		if (roll % 10 == 2)
			write_chunk(w, t, committed, 1 + next_random(&dice) % 3);
		if (roll % 10 == 3)
			mr_task_evict(t, EVICT_BYTES);
		if (roll >= 95) {
			// All effects so far were published; the journal reaches to here.
			committed = i + 1;
			mr_task_free(t);
			uint64_t from = w->meta_seq - next_random(&dice) % (w->meta_seq % 9 + 1);   // a record's start
			t = recover(w, from, committed, mr_writer_str(&states[from]));
		}
	}
	flush_all(w, t);
	mr_task_free(t);
	for (size_t i = 0; i <= INPUTS; i++)
		mr_writer_free(&states[i]);
}

static void
forget(struct world *w)
{
	for (int i = 0; i < USERS; i++)
		free(w->pages[i]);
	free(w->effects);
	free(w);
}

Test(replay, crashes_change_nothing)
{
	char *errors = NULL;
	struct mr_config *config =
	    mr_config_load("test.yaml", yaml, &(struct mr_config_options){.json = true}, &errors, NULL);

	cr_assert(config != NULL, "%s", errors);
	for (uint64_t seed = 1; seed <= 150; seed++) {
		struct world *calm = calloc(1, sizeof(*calm)), *rough = calloc(1, sizeof(*rough));
		run(calm, &config->plan, NULL, seed);
		run(rough, &config->plan, calm->inputs, seed);
		cr_assert_eq(calm->n_effects, rough->n_effects, "seed %lu: effects differ in length", seed);
		cr_assert_arr_eq(calm->effects, rough->effects, calm->n_effects, "seed %lu: effects differ", seed);
		cr_assert_gt(calm->n_effects, 0);
		for (int i = 0; i < USERS; i++) {
			cr_assert_eq(calm->sizes[i], rough->sizes[i], "seed %lu: page of u%d", seed, i);
			cr_assert(memcmp(calm->pages[i], rough->pages[i], calm->sizes[i]) == 0, "seed %lu: page of u%d", seed, i);
		}
		forget(calm);
		forget(rough);
	}
	mr_config_free(config);
}

// ---- a crowd: more users are due than may be in memory ----

#define CROWD 10   // users whose names sort as their numbers do

// Installs the next two users of the index; memory ends before the one after them.
static void
look(struct world *w, struct mr_task *t)
{
	struct mr_due_bound before = {.due_ms = INT64_MAX};
	bool seen[CROWD] = {0};
	char name[8];

	for (int found = 0; found <= 2; found++) {
		int first = -1;
		for (int i = 0; i < CROWD; i++)
			if (!seen[i] && w->due[i] != MR_DUE_NEVER && (first < 0 || w->due[i] < w->due[first]))
				first = i;
		if (first < 0)
			break;
		seen[first] = true;
		if (found < 2)
			install(w, t, first);
		else
			before = (struct mr_due_bound){w->due[first], {name, (size_t)snprintf(name, sizeof(name), "u%d", first)}};
	}
	mr_task_index_loaded(t, &before);
}

static struct mr_task *
after_records(struct world *w)
{
	struct mr_task *t = new_task(w->plan);

	for (size_t i = 0; i < CROWD; i++) {
		snprintf(w->inputs[i].json, sizeof(w->inputs[i].json), "{\"type\":\"track\",\"event\":\"Product Added\","
		    "\"userId\":\"u%zu\",\"timestamp\":\"2026-03-01T10:00:00Z\",\"properties\":{\"cart_id\":\"c\",\"price\":3}}", i);
		apply(w, t, i);
	}
	keep_effects(w, t);
	return t;
}

// Memory ends after two users, each time; the ticks that it took, the last of them unbounded.
static size_t
cut_up(struct world *w, struct input *ticks, size_t max, int64_t time_ms)
{
	struct mr_task *t = after_records(w);
	size_t n = 0;

	do {
		flush_all(w, t);
		mr_task_evict(t, 0);
		cr_assert_eq(mr_users_count(mr_task_users(t)), 0);
		look(w, t);
		cr_assert_lt(n, max);
		ticks[n] = (struct input){.tick = true, .some = mr_task_crowded(t, time_ms, CROWD), .time_ms = time_ms};
		tick(t, &ticks[n]);
		keep_effects(w, t);
	} while (ticks[n++].bounded);
	cr_assert_eq(mr_task_clock(t), time_ms);
	flush_all(w, t);
	mr_task_free(t);
	return n;
}

Test(replay, a_crowd_is_cut_where_memory_ends)
{
	char *errors = NULL;
	struct mr_config *config =
	    mr_config_load("test.yaml", yaml, &(struct mr_config_options){.json = true}, &errors, NULL);
	struct world *cut = calloc(1, sizeof(*cut)), *whole = calloc(1, sizeof(*whole));
	struct input ticks[200];
	int64_t time_ms = INT64_C(1772359200000) + 10800000;

	cr_assert(config != NULL, "%s", errors);
	cut->plan = whole->plan = &config->plan;
	size_t n = cut_up(cut, ticks, 200, time_ms);
	cr_assert_gt(n, CROWD);
	struct mr_task *t = after_records(whole);
	mr_task_index_loaded(t, &(struct mr_due_bound){.due_ms = INT64_MAX});
	for (size_t i = 0; i < n; i++)
		tick(t, &ticks[i]);
	keep_effects(whole, t);
	flush_all(whole, t);
	mr_task_free(t);
	cr_assert_eq(cut->n_effects, whole->n_effects);
	cr_assert_arr_eq(cut->effects, whole->effects, cut->n_effects);
	for (int i = 0; i < USERS; i++) {
		cr_assert_eq(cut->sizes[i], whole->sizes[i], "page of u%d", i);
		cr_assert(cut->sizes[i] == 0 || memcmp(cut->pages[i], whole->pages[i], cut->sizes[i]) == 0, "page of u%d", i);
	}
	forget(cut);
	forget(whole);
	mr_config_free(config);
}

// A user of whom nothing else is kept is known by his messageIds: after a page-out a repeat is still one.
Test(replay, repeats_are_known_after_a_page_out)
{
	static const char conf[] = "app: shop\ninput: {events: {topic: events}}\nredis: 'memory:'\n"
	    "rules: {r: {on: A, then: [{send: {channel: c, template: t}}]}}\n";
	char *errors = NULL;
	struct mr_config *config =
	    mr_config_load("test.yaml", conf, &(struct mr_config_options){.json = true}, &errors, NULL);

	cr_assert(config != NULL, "%s", errors);
	struct world *w = calloc(1, sizeof(*w));
	w->plan = &config->plan;
	for (size_t i = 0; i < 2; i++)
		snprintf(w->inputs[i].json, sizeof(w->inputs[i].json), "{\"type\":\"track\",\"event\":\"A\",\"userId\":\"u1\","
		    "\"messageId\":\"m\",\"timestamp\":\"2026-03-01T10:00:0%zuZ\"}", i);
	struct mr_task *t = new_task(w->plan);
	apply(w, t, 0);
	keep_effects(w, t);
	size_t once = w->n_effects;
	cr_assert_gt(once, 0);
	flush_all(w, t);
	mr_task_free(t);
	t = new_task(w->plan);
	mr_task_resume(t, 1);
	mr_task_pages_as_of(t, w->meta_seq);
	apply(w, t, 1);
	keep_effects(w, t);
	cr_assert_eq(w->n_effects, once, "the repeat was taken for new");
	mr_task_free(t);
	forget(w);
	mr_config_free(config);
}
