#include "generate/shop.h"

#include "generate/heap.h"
#include "generate/write.h"
#include "model/math.h"

#include <stdlib.h>

// Mean number of events of a visit, as measured: from it and the rate follows how often one begins.
#define EVENTS_A_VISIT 6.9
// Visits begin this much before the first event that is wanted, so that the shop is never empty.
#define WARM_UP_MS (6 * 60000)
#define HOUR_MS 3600000

struct message {
	size_t key_n, json_n;
	char key[MR_SHOP_ID_BYTES];
	char json[];
};

struct mr_shop {
	struct mr_shop_conf conf;
	struct mr_random random;
	struct mr_customer *customers;
	struct mr_numbers numbers;
	struct mr_heap visits, arrivals;
	uint64_t n_visits, n_messages, n_arrivals;
	int64_t next_visit_ms;
	struct mr_writer writer;
	struct message *given;       // by the last mr_shop_next
};

static double
busy(const struct mr_shop *s, int64_t ms)
{
	return s->conf.flat ? 1 : mr_busy(ms);
}

// Draws when the next visit begins. The rate changes with the hour, so a long silence is drawn anew
// every ten minutes (which changes nothing in a process without memory).
static void
plan_visit(struct mr_shop *s)
{
	for (;;) {
		double a_second = s->conf.rate * busy(s, s->next_visit_ms) / EVENTS_A_VISIT;
		double wait_ms = mr_random_exponential(&s->random, 1000 / a_second);
		if (wait_ms < 600000) {
			s->next_visit_ms += (int64_t)wait_ms;
			return;
		}
		s->next_visit_ms += 600000;
		if (s->next_visit_ms >= s->conf.end_ms)
			return;
	}
}

struct mr_shop *
mr_shop_new(const struct mr_shop_conf *conf)
{
	struct mr_shop *s = calloc(1, sizeof(*s));

	MR_ASSERT(s != NULL && conf->users > 0 && conf->users <= MR_SHOP_USERS_MAX && conf->rate > 0);
	s->conf = *conf;
	s->customers = calloc(conf->users, sizeof(*s->customers));
	MR_ASSERT(s->customers != NULL);
	mr_random_seed(&s->random, conf->seed);
	mr_writer_init(&s->writer, MR_JSON);
	// Most have bought here before, so that the first day looks like any other.
	for (uint32_t i = 0; i < conf->users; i++)
		s->customers[i].known = mr_random_chance(&s->random, 0.75);
	s->next_visit_ms = conf->start_ms - WARM_UP_MS;
	plan_visit(s);
	return s;
}

static void
free_all(struct mr_heap *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->items[i].what);
	mr_heap_free(h);
}

void
mr_shop_free(struct mr_shop *s)
{
	if (s == NULL)
		return;
	free_all(&s->visits);
	free_all(&s->arrivals);
	free(s->customers);
	free(s->given);
	mr_writer_free(&s->writer);
	free(s);
}

// Who comes next, where everybody may come twice at once. For Zipf: the continuous form, the logarithm of
// the rank being uniform.
static uint32_t
draw_any(struct mr_shop *s)
{
	double u = mr_random_unit(&s->random);

	if (s->conf.draw == MR_SHOP_DRAW_UNIFORM)
		return (uint32_t)(u * s->conf.users);
	uint32_t rank = (uint32_t)mr_exp(u * mr_log((double)s->conf.users));
	return rank <= s->conf.users ? rank - 1 : s->conf.users - 1;
}

// Few are regulars, most come rarely: nearly the square of a uniform number, so that the most active
// come about 30 times as often as the mean. Somebody who sleeps, or who is here already, is rarely taken.
static uint32_t
draw_user(struct mr_shop *s)
{
	uint32_t user = 0;

	if (s->conf.draw != MR_SHOP_DRAW_SHOP)
		return draw_any(s);
	for (int i = 0; i < 5; i++) {
		double u = mr_random_unit(&s->random);
		user = (uint32_t)((0.97 * u * u + 0.03 * u) * s->conf.users);
		if (s->customers[user].visits > 0)
			continue;
		struct mr_shopper who = mr_shopper_of(s->conf.seed, user);
		if (s->conf.flat || mr_random_chance(&s->random, mr_awake(who.region, s->next_visit_ms)))
			break;
	}
	return user;
}

static void
schedule(struct mr_shop *s, struct mr_visit *v)
{
	mr_heap_push(&s->visits, (struct mr_heap_item){v->at_ms, s->n_visits++, v});
}

static void
begin_visit(struct mr_shop *s)
{
	struct mr_visit *v = malloc(sizeof(*v));
	uint32_t user = draw_user(s);
	struct mr_shopper who = mr_shopper_of(s->conf.seed, user);

	MR_ASSERT(v != NULL);
	mr_visit_begin(v, &who, &s->customers[user], user, mr_random_next(&s->random), s->next_visit_ms);
	if (s->customers[user].visits < UINT8_MAX)
		s->customers[user].visits++;
	schedule(s, v);
	plan_visit(s);
}

static void
arrive(struct mr_shop *s, int64_t ms, const char *key, size_t key_n)
{
	struct mr_str json = mr_writer_str(&s->writer);
	struct message *m = malloc(sizeof(*m) + json.n);

	MR_ASSERT(m != NULL && key_n <= sizeof(m->key));
	m->key_n = key_n;
	m->json_n = json.n;
	memcpy(m->key, key, key_n);
	memcpy(m->json, json.p, json.n);
	mr_heap_push(&s->arrivals, (struct mr_heap_item){ms, s->n_arrivals++, m});
}

// How a fact gets here: most within a second, one in 200 minutes late, what was made without
// network when there is one again, and one in 250 a second time.
static void
send(struct mr_shop *s, const struct mr_visit *v, const struct mr_fact *f)
{
	struct mr_random *r = &s->random;
	struct mr_travel t = {.message = mr_mix64(s->conf.seed ^ mr_mix64(s->n_messages++))};
	char key[MR_SHOP_ID_BYTES];
	size_t key_n = mr_shop_key(key, v);

	t.sent_ms = (f->at_ms > v->online_ms ? f->at_ms : v->online_ms) + mr_random_between(r, 5, 250);
	if (mr_random_chance(r, 0.005))
		t.sent_ms += mr_random_between(r, 5000, 10 * 60000);
	t.received_ms = t.sent_ms + 8 + (int64_t)mr_random_exponential(r, 60);
	mr_writer_reset(&s->writer);
	mr_fact_write(&s->writer, f, v, &t);
	int64_t arrival_ms = t.received_ms + mr_random_between(r, 0, 20);
	arrive(s, arrival_ms, key, key_n);
	if (mr_random_chance(r, 0.004))
		arrive(s, arrival_ms + mr_random_between(r, 500, 60000), key, key_n);
}

static void
plan_refund(struct mr_shop *s, const struct mr_visit *of)
{
	struct mr_visit *v = malloc(sizeof(*v));

	MR_ASSERT(v != NULL);
	mr_visit_refund(v, of, of->at_ms + mr_random_between(&s->random, 4 * HOUR_MS, 240LL * HOUR_MS));
	schedule(s, v);
}

static void
step_visit(struct mr_shop *s)
{
	struct mr_visit *v = mr_heap_pop(&s->visits).what;
	struct mr_customer *c = &s->customers[v->user];
	struct mr_fact facts[2];
	uint32_t n = mr_visit_step(v, c, &s->numbers, facts);

	MR_ASSERT(n > 0);
	for (uint32_t i = 0; i < n; i++) {
		if (facts[i].at_ms >= s->conf.start_ms && facts[i].at_ms < s->conf.end_ms)
			send(s, v, &facts[i]);
		if (facts[i].kind == MR_FACT_ORDER && mr_random_chance(&s->random, 0.04))
			plan_refund(s, v);
	}
	if (!mr_visit_ended(v)) {
		schedule(s, v);
		return;
	}
	if (facts[0].kind != MR_FACT_REFUND && c->visits > 0)
		c->visits--;
	free(v);
}

bool
mr_shop_next(struct mr_shop *s, struct mr_shop_message *out)
{
	free(s->given);
	s->given = NULL;
	for (;;) {
		const struct mr_heap_item *arrival = mr_heap_first(&s->arrivals), *visit = mr_heap_first(&s->visits);
		bool visiting = visit && visit->at_ms < s->conf.end_ms;
		bool coming = s->next_visit_ms < s->conf.end_ms;
		int64_t next_ms = visiting ? visit->at_ms : INT64_MAX;
		if (coming && s->next_visit_ms < next_ms)
			next_ms = s->next_visit_ms;
		if (arrival && arrival->at_ms <= next_ms) {
			struct mr_heap_item item = mr_heap_pop(&s->arrivals);
			s->given = item.what;
			*out = (struct mr_shop_message){item.at_ms, {s->given->key, s->given->key_n},
			    {s->given->json, s->given->json_n}};
			return true;
		}
		if (!visiting && !coming)
			return false;
		if (coming && s->next_visit_ms == next_ms)
			begin_visit(s);
		else
			step_visit(s);
	}
}
