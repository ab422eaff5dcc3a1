// What decoding an event costs: JSON and msgpack, some fields read.
// Usage: bench_decode [ROUNDS]
#include "core/arena.h"
#include "event/decode.h"
#include "expr/schema.h"

#include <millrace/writer.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH 1000
#define ROOM 1024

static const char *const paths[] = {"properties.cart_id", "properties.product_id", "properties.price",
	"properties.quantity", "properties.currency", "context.timezone", "context.campaign.name", "properties.total"};

static const char json[] =
    "{\"type\":\"track\",\"event\":\"Product Added\",\"messageId\":\"m-0000000000000001\",\"userId\":\"user-00042\","
    "\"timestamp\":\"2026-03-01T10:00:00.000Z\",\"properties\":{\"cart_id\":\"c-1234\",\"product_id\":\"p-987\","
    "\"price\":19.99,\"quantity\":2,\"currency\":\"EUR\"},\"context\":{\"locale\":\"de-DE\",\"timezone\":\"Europe/Berlin\","
    "\"page\":{\"path\":\"/cart\"}}}";

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static size_t
as_msgpack(char *out, const struct mr_event *e)
{
	struct mr_writer w;

	// The same event by the fields that were read, so a little smaller than the JSON form.
	mr_writer_init(&w, MR_MSGPACK);
	mr_write_map(&w, 5);
	MR_W_STR(&w, "type", MR_LIT("track"));
	MR_W_STR(&w, "event", e->name);
	MR_W_STR(&w, "messageId", e->message_id);
	MR_W_STR(&w, "userId", e->user);
	mr_write_key(&w, MR_LIT("properties"));
	mr_write_map(&w, 5);
	for (uint32_t i = 0; i < 5; i++) {
		mr_write_key(&w, mr_str_of(paths[i] + sizeof("properties.") - 1));
		mr_write_value(&w, mr_event_field(e, MR_FIXED_FIELDS + i));
	}
	MR_ASSERT(w.n <= ROOM);
	memcpy(out, w.p, w.n);
	size_t n = w.n;
	mr_writer_free(&w);
	return n;
}

static void
measure(const char *name, struct mr_decoder *d, struct mr_arena *arena, struct mr_str bytes, long rounds)
{
	struct mr_raw_record raw = {.timestamp_ms = 1772359200000, .value = bytes};
	struct mr_decode_error error;
	struct mr_event event;
	double best = 1e18;

	for (long r = 0; r < rounds; r++) {
		double from = now_ns();
		mr_arena_reset(arena);
		for (int i = 0; i < BATCH; i++) {
			bool ok = mr_decode(d, &raw, arena, &event, &error);
			MR_ASSERT(ok);
		}
		double took = (now_ns() - from) / BATCH;
		best = took < best ? took : best;
	}
	printf("%-8s %4zu bytes  %6.0f ns an event (best of %ld rounds)  %zu bytes of arena an event\n", name, bytes.n, best,
	    rounds, mr_arena_used(arena) / BATCH);
}

int
main(int argc, char **argv)
{
	long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 500;
	struct mr_schema *schema = mr_schema_new();
	static char text[ROOM], packed[ROOM];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		mr_schema_field(schema, mr_str_of(paths[i]));
	mr_schema_name(schema, MR_LIT("Product Added"));
	mr_schema_freeze(schema);
	struct mr_plan plan = {.schema = schema, .record_bytes_max = 1 << 20, .depth_max = 32, .key_bytes_max = 256,
		.string_bytes_max = 64 << 10};
	struct mr_decoder *d = mr_decoder_new(&plan);
	struct mr_arena *arena = mr_arena_new(64 << 20);
	struct mr_raw_record raw = {.timestamp_ms = 1, .value = {text, sizeof(json) - 1}};
	struct mr_decode_error error;
	struct mr_event event;

	memcpy(text, json, sizeof(json));
	bool ok = mr_decode(d, &raw, arena, &event, &error);
	MR_ASSERT(ok);
	size_t n = as_msgpack(packed, &event);
	measure("json", d, arena, raw.value, rounds);
	measure("msgpack", d, arena, (struct mr_str){packed, n}, rounds);
	mr_arena_free(arena);
	mr_decoder_free(d);
	mr_schema_free(schema);
	return 0;
}
