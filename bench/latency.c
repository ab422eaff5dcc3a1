// Open-loop load, and when each event's action is seen: by a subscriber that reads uncommitted and by one
// that reads committed. An event's latency counts from when it was to be sent, whether or not the sender
// was late: so a system that stalls is charged for every event that it held up.
// The measured seconds are cut into windows of the same length, each with percentiles of its own; a line "warm"
// says that they begin.
// Usage: bench_latency BROKERS TO FROM --rate R --seconds S [--warm-up S] [--users N] [--windows N]
#include "client.h"

#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE_S 10.0
#define BATCH 500
#define EVENT_BYTES 1024

static const struct client_setting producer[] = {{"partitioner", "murmur2"}, {"linger.ms", "0"}, {"acks", "all"},
	{"queue.buffering.max.messages", "1000000"}, {NULL, NULL}};

struct load {
	const char *brokers, *to, *from;
	double rate, seconds, warm_up_s, begun_s;   // times by the wall clock that only goes forward
	size_t n, skipped, users, windows;
	char mark[40];              // what stands before an event's number
	atomic_bool ended;
};

struct subscriber {
	struct load *load;
	bool committed;
	pthread_t thread;
	atomic_bool ready;
	atomic_size_t seen;
	double *latency_s;          // of each event; below 0: not yet seen
};

static double
intended(const struct load *l, size_t i)
{
	return l->begun_s + (double)i / l->rate;
}

// ---- who reads ----

static void
take(struct subscriber *s, const rd_kafka_message_t *m, double now)
{
	// Of this run, not of one before; a quote follows the digits.
	const char *at = m->payload ? memmem(m->payload, m->len, s->load->mark, strlen(s->load->mark)) : NULL;
	size_t i;

	if (at == NULL)
		return;
	i = strtoul(at + strlen(s->load->mark), NULL, 10);
	if (i < s->load->n && s->latency_s[i] < 0) {
		s->latency_s[i] = now - intended(s->load, i);
		atomic_fetch_add(&s->seen, 1);
	}
}

static void *
read_all(void *argument)
{
	struct subscriber *s = argument;
	const struct client_setting settings[] = {{"group.id", "bench-latency"}, {"enable.auto.commit", "false"},
		{"isolation.level", s->committed ? "read_committed" : "read_uncommitted"}, {"fetch.wait.max.ms", "100"}, {NULL, NULL}};
	rd_kafka_t *rk = client_open(RD_KAFKA_CONSUMER, s->load->brokers, settings);
	rd_kafka_message_t *batch[BATCH];

	client_assign(rk, s->load->from, false);
	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
	atomic_store(&s->ready, true);
	while (!atomic_load(&s->load->ended)) {
		batch[0] = rd_kafka_consume_queue(queue, 50);
		if (batch[0] == NULL)
			continue;
		ssize_t n = 1 + rd_kafka_consume_batch_queue(queue, 0, batch + 1, BATCH - 1);
		double now = client_wall_s();
		for (ssize_t i = 0; i < n; i++) {
			if (!batch[i]->err)
				take(s, batch[i], now);
			rd_kafka_message_destroy(batch[i]);
		}
	}
	rd_kafka_queue_destroy(queue);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	return NULL;
}

static void
subscribe(struct subscriber *s, struct load *l, bool committed)
{
	s->load = l;
	s->committed = committed;
	s->latency_s = malloc(l->n * sizeof(double));
	if (s->latency_s == NULL || pthread_create(&s->thread, NULL, read_all, s) != 0)
		exit(1);
	for (size_t i = 0; i < l->n; i++)
		s->latency_s[i] = -1;
}

// ---- who writes ----

static void
sleep_until(double when_s)
{
	struct timespec t = {(time_t)when_s, (long)((when_s - (double)(time_t)when_s) * 1e9)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		;
}

// About as large as a shop's event.
static size_t
event(char *out, char *key, size_t key_room, const struct load *l, size_t i)
{
	struct timespec t;
	struct tm tm;
	char when[40];

	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	size_t n = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when + n, sizeof(when) - n, ".%03ldZ", t.tv_nsec / 1000000);
	snprintf(key, key_room, "u%07zu", (i * 7919) % l->users);
	return (size_t)snprintf(out, EVENT_BYTES,
	    "{\"type\":\"track\",\"event\":\"Product Viewed\",\"messageId\":\"%s%zu\",\"userId\":\"%s\",\"timestamp\":\"%s\","
	    "\"context\":{\"locale\":\"en-GB\",\"timezone\":\"Europe/London\",\"ip\":\"203.0.113.7\",\"userAgent\":\"Mozilla/5.0 "
	    "(X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\",\"page\":{\"path\":\"/p/4711\",\"url\":"
	    "\"https://shop.example/p/4711\",\"referrer\":\"https://search.example/\",\"title\":\"A fine thing\"}},\"properties\":"
	    "{\"product_id\":\"p-4711\",\"sku\":\"SKU-104711\",\"category\":\"toys\",\"name\":\"A fine thing\",\"brand\":\"Fine\","
	    "\"price\":19.9,\"quantity\":1,\"url\":\"https://shop.example/p/4711\",%s%zu\"}}",
	    l->mark + 5, i, key, when, l->mark, i);
}

// Returns how late the latest event was handed over, in seconds.
static double
send_all(struct load *l)
{
	rd_kafka_t *rk = client_open(RD_KAFKA_PRODUCER, l->brokers, producer);
	char text[EVENT_BYTES], key[24];
	double late_s = 0, now;

	l->begun_s = client_wall_s() + 0.5;
	for (size_t i = 0; i < l->n; i++) {
		if (intended(l, i) > client_wall_s()) {
			rd_kafka_poll(rk, 0);
			sleep_until(intended(l, i));
		}
		if (i == l->skipped) {
			puts("warm");
			fflush(stdout);
		}
		size_t n = event(text, key, sizeof(key), l, i);
		client_produce(rk, l->to, RD_KAFKA_PARTITION_UA, key, strlen(key), text, n);
		now = client_wall_s();
		late_s = now - intended(l, i) > late_s ? now - intended(l, i) : late_s;
	}
	client_close_producer(rk);
	return late_s;
}

// ---- what is said ----

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
show(const char *name, struct subscriber *s)
{
	const struct load *l = s->load;
	size_t all = l->n - l->skipped, seen = 0;
	const char *between = "";

	printf(", \"%s\": {\"windows\": [", name);
	for (size_t w = 0; w < l->windows; w++) {
		double *ms = s->latency_s + l->skipped + all * w / l->windows;
		size_t room = all * (w + 1) / l->windows - all * w / l->windows, n = 0;
		for (size_t i = 0; i < room; i++)
			if (ms[i] >= 0)
				ms[n++] = ms[i] * 1000;
		qsort(ms, n, sizeof(ms[0]), by_size);
		seen += n;
		if (n > 0) {
			printf("%s{\"p50\": %.4f, \"p99\": %.4f, \"p999\": %.4f, \"max\": %.4f}", between, ms[n / 2],
			    ms[n * 99 / 100], ms[n * 999 / 1000], ms[n - 1]);
			between = ", ";
		}
	}
	printf("], \"seen\": %zu, \"missing\": %zu}", seen, all - seen);
}

static bool
parse(int argc, char **argv, struct load *l)
{
	static const struct option longs[] = {{"rate", required_argument, NULL, 'r'}, {"seconds", required_argument, NULL, 's'},
		{"warm-up", required_argument, NULL, 'w'}, {"users", required_argument, NULL, 'u'},
		{"windows", required_argument, NULL, 'n'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'r')
			l->rate = strtod(optarg, NULL);
		else if (c == 's')
			l->seconds = strtod(optarg, NULL);
		else if (c == 'w')
			l->warm_up_s = strtod(optarg, NULL);
		else if (c == 'u')
			l->users = strtoul(optarg, NULL, 10);
		else if (c == 'n')
			l->windows = strtoul(optarg, NULL, 10);
		else
			return false;
	}
	if (optind + 3 != argc || l->rate <= 0 || l->seconds <= 0 || l->users == 0 || l->windows == 0)
		return false;
	l->brokers = argv[optind];
	l->to = argv[optind + 1];
	l->from = argv[optind + 2];
	l->skipped = (size_t)(l->rate * l->warm_up_s);
	l->n = l->skipped + (size_t)(l->rate * l->seconds);
	return true;
}

int
main(int argc, char **argv)
{
	struct load l = {.warm_up_s = 1, .users = 1000, .windows = 1};
	struct subscriber s[2] = {0};

	if (!parse(argc, argv, &l)) {
		fprintf(stderr, "usage: bench_latency BROKERS TO FROM --rate R --seconds S [--warm-up S] [--users N] [--windows N]\n");
		return 2;
	}
	snprintf(l.mark, sizeof(l.mark), "\"n\":\"%llx-", (unsigned long long)(client_wall_s() * 1e6));
	for (int i = 0; i < 2; i++)
		subscribe(&s[i], &l, i == 1);
	while (!atomic_load(&s[0].ready) || !atomic_load(&s[1].ready))
		sleep_until(client_wall_s() + 0.01);
	double late_s = send_all(&l), until = client_wall_s() + PATIENCE_S;
	while (client_wall_s() < until && (atomic_load(&s[0].seen) < l.n || atomic_load(&s[1].seen) < l.n))
		sleep_until(client_wall_s() + 0.01);
	atomic_store(&l.ended, true);
	for (int i = 0; i < 2; i++)
		pthread_join(s[i].thread, NULL);
	printf("{\"sent\": %zu, \"measured\": %zu, \"late_ms\": %.3f", l.n, l.n - l.skipped, late_s * 1000);
	show("uncommitted", &s[0]);
	show("committed", &s[1]);
	printf("}\n");
	for (int i = 0; i < 2; i++)
		free(s[i].latency_s);
	return 0;
}
