// The made-up events: a dozen users of a shop, in bursts with silences between, some late, some ahead
// of time, some twice, some that are no events, some in transactions that were aborted.
#include "sim.h"

#include "event/partition.h"

#include <stdio.h>
#include <stdlib.h>

// Times are seconds, so that a minute sees every timer many times. The other configuration is what a
// deployment might make of the first: users are emptied sooner, some rules are the same.
#define YAML(time, session, keep, over, wait, tag) \
    "app: shop\n" \
    "input: {events: {topic: events}, outcomes: {topic: outcomes}}\n" \
    "output: {decisions: {entry: write}, encoding: json}\n" \
    "redis: 'memory:'\n" \
    "time: " time "\n" \
    "session: " session "\n" \
    "delivery: {commit_interval: 50ms, flush_interval: 400ms}\n" \
    "limits: {unacknowledged: 100}\n" \
    "dedup: " keep "\n" \
    "profile:\n" \
    "  carts: {count: Product Added, over: " over "}\n" \
    "  spend: {sum: event.properties.price, of: Product Added, over: " over "}\n" \
    "rules:\n" \
    "  cart:\n" \
    "    on: Product Added\n" \
    "    for_each: event.properties.cart_id\n" \
    "    while_running: restart\n" \
    "    cancel_on: {event: Order Completed}\n" \
    "    then:\n" \
    "      - wait: " wait "\n" \
    "      - send: {channel: push, template: reminder, data: {cart: run.key, spend: user.spend, carts: user.carts}}\n" \
    "      - wait: " wait "\n" \
    "      - tag: {add: slow, for: " tag "}\n" \
    "  thanks:\n" \
    "    on: Order Completed\n" \
    "    then:\n" \
    "      - send: {channel: mail, template: thanks, category: transactional, data: {spend: user.spend}}\n" \
    "      - wait_for: {event: Message Opened, within: 5s}\n" \
    "        then: [{send: {channel: push, template: opened, data: {carts: user.carts}}}]\n" \
    "        else: [{send: {channel: push, template: ignored, data: {carts: user.carts}}}]\n"

const char sim_yaml[] = YAML("{grace: 1s, ahead: 2s, old: 8s}", "{gap: 4s}", "{keep: 4}", "10s", "3s", "5s");
const char sim_yaml_other[] = YAML("{grace: 500ms, ahead: 3s, old: 2s}", "{gap: 1s}", "{keep: 2}", "2s", "1s", "1s");

#define FORGOTTEN 4    // users who do nothing that is remembered for ever: they are emptied, and come back

static struct txn aborted = {.state = TXN_ABORTED};
static int made;
static int64_t last_us;

static void
make(void *arg, uint64_t number)
{
	static const char *const names[] = {"Product Viewed", "Order Completed", "Product Added", "Product Added"};
	char time[25], json[512], id[64] = "", user[16];
	int64_t wall_ms = WALL_START + sim.now_us / MS, event_ms = wall_ms, record_ms = wall_ms;
	bool outcome = sim_chance(15);

	(void)arg;
	int who = (int)(sim_random() % (uint64_t)sim.users);
	bool forgotten = who >= sim.users - FORGOTTEN;
	snprintf(user, sizeof(user), "u%d", who);
	if (sim_chance(12))
		event_ms -= sim_between(0, 12000);       // late
	if (sim_chance(4))
		event_ms = record_ms = wall_ms + sim_between(1000, 60000);   // a clock that is ahead
	if (!forgotten && sim_chance(50))           // a messageId, often one that was there before
		snprintf(id, sizeof(id), "\"messageId\":\"m%d\",", (int)number - (int)number % 6);
	mr_time_format(time, event_ms);
	const char *name = outcome ? "Message Opened" : names[sim_random() % (forgotten ? 2 : 4)];
	snprintf(json, sizeof(json), "{\"type\":\"track\",\"event\":\"%s\",\"userId\":\"%s\",%s\"timestamp\":\"%s\","
	    "\"properties\":{\"cart_id\":\"c%d\",\"price\":%d}}", name, user, id, time, (int)(sim_random() % 2),
	    (int)(sim_random() % 50));
	if (sim_chance(2))
		json[sim_random() % 30] = '\0';          // no event at all
	struct part *p = &broker_topic(outcome ? "outcomes" : "events")->parts[mr_partition(mr_str_of(user), PARTITIONS, false)];
	bool ghost = sim_chance(5);
	broker_append(p, ghost ? &aborted : NULL, mr_str_of(user), mr_str_of(json), (struct mr_str){0}, record_ms);
	if (ghost)
		broker_abort_marker(p, &aborted);
	if (sim_chance(4) && !ghost)                 // sent twice by its producer
		broker_append(p, NULL, mr_str_of(user), mr_str_of(json), (struct mr_str){0}, record_ms);
	sim_count(INPUTS, 1);
	made++;
}

int
inputs_plan(void)
{
	int n = 320 + (int)(sim_random() % 60), left = n;

	broker_topic("events");
	broker_topic("outcomes");
	broker_topic("shop.journal");
	broker_topic("shop.config");
	for (int64_t at_us = SECOND; left > 0;) {
		int burst = (int)sim_between(5, 40) * (sim.users > 12 ? 4 : 1), many = burst < left ? burst : left;
		int64_t length_us = sim_between(200 * MS, 4 * SECOND);
		for (int i = 0; i < many; i++) {
			int64_t when_us = at_us + sim_between(0, length_us);
			sim_at(when_us, make, NULL, (uint64_t)(n - left));
			last_us = when_us > last_us ? when_us : last_us;
			left--;
		}
		at_us += length_us + (sim_chance(30) ? sim_between(3 * SECOND, 12 * SECOND) : sim_between(0, SECOND));
	}
	return n;
}

int64_t
inputs_end_us(void)
{
	return last_us;
}
