// millrace generate: a realistic shop as NDJSON, or into a Kafka topic.
#include "cli/cli.h"
#include "cli/produce.h"
#include "cli/progress.h"
#include "config/internal.h"
#include "event/decode.h"
#include "generate/shop.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PROPERTIES_MAX 64
// Without --start: a Monday.
#define DEFAULT_START_MS 1772409600000  // 2026-03-02T00:00:00Z

struct options {
	struct mr_shop_conf shop;
	int64_t length_ms;
	uint64_t events_max;
	bool named, live, started;
	struct mr_produce_conf kafka;
	const char *properties[PROPERTIES_MAX];
};

static bool
number(const char *text, double low, double high, double *out)
{
	return mr_num_parse(mr_str_of(text), out) && *out >= low && *out <= high;
}

static bool
whole(const char *text, double low, double high, double *out)
{
	return number(text, low, high, out) && *out == (double)(int64_t)*out;
}

static int
wrong_value(const char *option, const char *text, const char *what)
{
	return mr_cli_wrong(&mr_verb_generate, "--%s %s: must be %s", option, text, what);
}

enum { SHOP = 256, USERS, RATE, SEED, FOR, START, EVENTS, FLAT, LIVE, TOPIC, BROKERS };

static const struct option long_options[] = {
	{"shop", no_argument, NULL, SHOP},
	{"users", required_argument, NULL, USERS},
	{"rate", required_argument, NULL, RATE},
	{"seed", required_argument, NULL, SEED},
	{"for", required_argument, NULL, FOR},
	{"start", required_argument, NULL, START},
	{"events", required_argument, NULL, EVENTS},
	{"flat", no_argument, NULL, FLAT},
	{"live", no_argument, NULL, LIVE},
	{"topic", required_argument, NULL, TOPIC},
	{"brokers", required_argument, NULL, BROKERS},
	{NULL, 0, NULL, 0},
};

static int
take_number(struct options *o, int option, const char *text)
{
	double x;

	switch (option) {
	case USERS:
		if (!whole(text, 1, MR_SHOP_USERS_MAX, &x))
			return wrong_value("users", text, "a whole number from 1 to 20000000");
		o->shop.users = (uint32_t)x;
		return 0;
	case RATE:
		if (!number(text, 0.001, 1e6, &x))
			return wrong_value("rate", text, "events a second, from 0.001 to 1000000");
		o->shop.rate = x;
		return 0;
	case SEED:
		if (!whole(text, 0, 0x1p53, &x))
			return wrong_value("seed", text, "a whole number from 0");
		o->shop.seed = (uint64_t)x;
		return 0;
	default:
		MR_ASSERT(option == EVENTS);
		if (!whole(text, 1, 0x1p53, &x))
			return wrong_value("events", text, "a whole number from 1");
		o->events_max = (uint64_t)x;
		return 0;
	}
}

static int
take_time(struct options *o, int option, const char *text)
{
	if (option == FOR) {
		if (!mr_duration_parse(mr_str_of(text), &o->length_ms) || o->length_ms <= 0)
			return wrong_value("for", text, "a length of time such as 90s, 2h or 7d");
		return 0;
	}
	if (!mr_time_parse(mr_str_of(text), &o->shop.start_ms))
		return wrong_value("start", text, "a time such as 2026-03-02T08:00:00Z");
	o->started = true;
	return 0;
}

static int
take(struct options *o, int option, const char *text)
{
	switch (option) {
	case SHOP:
		o->named = true;
		return 0;
	case FLAT:
		o->shop.flat = true;
		return 0;
	case LIVE:
		o->live = o->shop.flat = true;
		return 0;
	case TOPIC:
		o->kafka.topic = text;
		return 0;
	case BROKERS:
		o->kafka.brokers = text;
		return 0;
	case 'X':
		if (o->kafka.n_properties == PROPERTIES_MAX)
			return mr_cli_wrong(&mr_verb_generate, "more than %d -X", PROPERTIES_MAX);
		o->properties[o->kafka.n_properties++] = text;
		return 0;
	case FOR:
	case START:
		return take_time(o, option, text);
	default:
		return take_number(o, option, text);
	}
}

static int64_t
wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
parse(struct options *o, int argc, char **argv)
{
	int option, code;

	*o = (struct options){
		.shop = {.users = 1000, .rate = 10, .seed = 1, .start_ms = DEFAULT_START_MS},
		.length_ms = 24 * 3600000,
		.kafka = {.brokers = "localhost:9092"},
	};
	o->kafka.properties = o->properties;
	optind = 0;
	while ((option = getopt_long(argc, argv, "X:", long_options, NULL)) != -1) {
		if (option == '?')
			return mr_cli_wrong(&mr_verb_generate, "wrong options");
		if ((code = take(o, option, optarg)) != 0)
			return code;
	}
	if (optind < argc)
		return mr_cli_wrong(&mr_verb_generate, "unexpected '%s'", argv[optind]);
	if (!o->named)
		return mr_cli_wrong(&mr_verb_generate, "say what to generate: --shop");
	if (o->live && o->started)
		return mr_cli_wrong(&mr_verb_generate, "--live begins now: no --start with it");
	if (o->kafka.n_properties > 0 && o->kafka.topic == NULL)
		return mr_cli_wrong(&mr_verb_generate, "-X needs --topic");
	if (o->live)
		o->shop.start_ms = wall_ms();
	o->shop.end_ms = o->shop.start_ms + o->length_ms;
	return 0;
}

// Interrupts are taken here and nowhere else, so that what was produced is flushed before the end.
static bool
interrupted(const sigset_t *signals, int64_t wait_ms)
{
	struct timespec t = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};

	return sigtimedwait(signals, NULL, &t) > 0;
}

static bool
wait_until(const sigset_t *signals, int64_t ms)
{
	for (int64_t now; (now = wall_ms()) < ms;) {
		fflush(stdout);
		if (interrupted(signals, ms - now < 1000 ? ms - now : 1000))
			return false;
	}
	return true;
}

// False where it can't be written: then the reason has been said or is in stdout's state.
static bool
put(struct mr_produce *kafka, const struct mr_shop_message *m)
{
	if (kafka)
		return mr_produce_send(kafka, m->key, m->json);
	return fwrite(m->json.p, 1, m->json.n, stdout) == m->json.n && putchar('\n') != EOF;
}

static int
stream(const struct options *o, struct mr_shop *shop, struct mr_produce *kafka)
{
	struct mr_progress progress;
	struct mr_shop_message m;
	sigset_t signals;
	uint64_t n = 0;
	int code = MR_EXIT_OK;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	double expected = o->shop.rate * (double)o->length_ms / 1000;
	if (o->events_max && expected > (double)o->events_max)
		expected = (double)o->events_max;
	mr_progress_start(&progress, "events", (uint64_t)expected);
	while ((o->events_max == 0 || n < o->events_max) && mr_shop_next(shop, &m)) {
		if (o->live && !wait_until(&signals, m.arrival_ms))
			break;
		if (n % 256 == 0 && interrupted(&signals, 0))
			break;
		if (!put(kafka, &m)) {
			code = MR_EXIT_FAILED;
			break;
		}
		mr_progress_update(&progress, ++n);
	}
	mr_progress_end(&progress, n);
	return code;
}

static int
generate_run(int argc, char **argv)
{
	struct options o;
	struct mr_produce *kafka = NULL;
	char error[512];
	int code = parse(&o, argc, argv);

	if (code != 0)
		return code;
	if (o.kafka.topic && (kafka = mr_produce_open(&o.kafka, error)) == NULL)
		return mr_cli_failed(&mr_verb_generate, "%s", error);
	struct mr_shop *shop = mr_shop_new(&o.shop);
	code = stream(&o, shop, kafka);
	mr_shop_free(shop);
	if (kafka && !mr_produce_close(kafka, error))
		return mr_cli_failed(&mr_verb_generate, "%s", error);
	return code;
}

const struct mr_verb mr_verb_generate = {
	.name = "generate",
	.help = "write the events of a made-up shop",
	.usage =
	    "Usage: millrace generate --shop [OPTION]...\n\n"
	    "Writes the behaviour events of a made-up shop in the order of their arrival: as one JSON\n"
	    "object a line on standard output, or to a Kafka topic, keyed by user. The same options give\n"
	    "the same bytes (but not with --live).\n\n"
	    "  --shop              a shop: visits, searches, carts, orders, refunds, failed payments;\n"
	    "                      a few events come late, out of order, or twice\n"
	    "  --users N           number of customers (1000)\n"
	    "  --rate R            events a second, on the average of a day (10)\n"
	    "  --seed S            decides everything (1)\n"
	    "  --for DURATION      how much event time, such as 90s, 2h or 7d (1d)\n"
	    "  --start TIME        first event time (2026-03-02T00:00:00Z)\n"
	    "  --events N          end after N events\n"
	    "  --flat              the same rate at every hour\n"
	    "  --live              event time is now: waits until each event is due; implies --flat\n"
	    "  --topic T           write to this Kafka topic instead\n"
	    "  --brokers LIST      of Kafka (localhost:9092)\n"
	    "  -X NAME=VALUE       a librdkafka property, such as security.protocol=ssl; repeatable\n",
	.run = generate_run,
};
