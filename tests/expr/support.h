// A small world for expressions to look at, and values as text. Each test includes it once.
#ifndef TESTS_EXPR_SUPPORT_H
#define TESTS_EXPR_SUPPORT_H

#include "core/arena.h"
#include "expr/expr.h"
#include "expr/zone.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

struct binding {
	const char *path;
	enum mr_type type;      // declared
	struct mr_value value;
};

#define S(s) {.type = MR_STRING, .n = sizeof(s) - 1, .str = (s)}
#define N(d) {.type = MR_NUMBER, .num = (d)}
#define B(x) {.type = MR_BOOL, .b = (x)}
#define L(a) {.type = MR_LIST, .n = sizeof(a) / sizeof(*(a)), .items = (a)}
#define M(a) {.type = MR_MAP, .n = sizeof(a) / sizeof(*(a)), .members = (a)}
#define K(s) {(s), sizeof(s) - 1}

static const struct mr_member tea[] = {{K("product_id"), S("p1")}, {K("price"), N(4)}, {K("category"), S("tea")}};
static const struct mr_member cup[] = {{K("product_id"), S("p2")}, {K("price"), N(20)}};
static const struct mr_value products[] = {M(tea), M(cup)};
static const struct mr_value tags[] = {S("vip"), S("staff")};
static const struct mr_value with_null[] = {N(1), {.type = MR_ABSENT}};
static const struct mr_member address[] = {{K("city"), S("Leeds")}, {K("odd key"), N(7)}, {K("a.b"), N(8)}, {K("city"), S("York")}};

#define T0 INT64_C(1772359200000)   // 2026-03-01T10:00:00Z

static const struct binding world[] = {
	{"event.time", MR_TIME, {.type = MR_TIME, .ms = T0}},
	{"event.event", MR_ANY, S("Product Added")},
	{"event.properties.price", MR_ANY, N(10)},
	{"event.properties.quantity", MR_ANY, N(3)},
	{"event.properties.name", MR_ANY, S("Tea \xe2\x9c\x8c")},
	{"event.properties.sold", MR_ANY, B(true)},
	{"event.properties.when", MR_ANY, S("2026-03-08T10:00:00+01:00")},
	{"event.properties.products", MR_ANY, L(products)},
	{"event.properties.nulls", MR_ANY, L(with_null)},
	{"event.properties.address", MR_ANY, M(address)},
	{"event.properties.nothing", MR_ANY, {.type = MR_ABSENT}},
	{"run.key", MR_STRING, S("c1")},
	{"user.orders", MR_NUMBER, N(2)},
	{"user.stage", MR_STRING, S("active")},
	{"user.tags", MR_LIST, L(tags)},
	{"user.flag", MR_BOOL, {.type = MR_ABSENT}},
	{"user.last_order", MR_TIME, {.type = MR_TIME, .ms = T0 - 86400000}},
	{"user.gap", MR_DURATION, {.type = MR_DURATION, .ms = 10 * 86400000}},
	{"user.never", MR_NUMBER, {.type = MR_ABSENT}},
};
#define N_WORLD (sizeof(world) / sizeof(*world))

// Event paths that the world lacks lead to a field that is absent.
static bool
resolve(void *arg, const struct mr_str *parts, size_t n, struct mr_ref *ref, const char **why)
{
	char path[256] = "";
	size_t len = 0;

	(void)arg;
	bool event = mr_str_eq(parts[0], MR_LIT("event"));
	*ref = (struct mr_ref){.space = event ? MR_SPACE_EVENT : MR_SPACE_USER, .number = N_WORLD, .type = MR_ANY, .consumed = n};
	for (size_t i = 0; i < n && len + parts[i].n + 2 < sizeof(path); i++) {
		if (i)
			path[len++] = '.';
		memcpy(path + len, parts[i].p, parts[i].n);
		len += parts[i].n;
		for (size_t j = 0; j < N_WORLD; j++)
			if (strlen(world[j].path) == len && memcmp(world[j].path, path, len) == 0) {
				*ref = (struct mr_ref){ref->space, (uint32_t)j, world[j].type, i + 1};
				return true;
			}
	}
	if (!event && n > 1)
		*why = "did you mean 'user.orders'?";
	return event && n > 1;
}

static const struct mr_resolver resolver = {resolve, NULL};

static struct mr_value
user_value(void *arg, uint32_t number)
{
	(void)arg;
	return number < N_WORLD ? world[number].value : mr_absent();
}

static int32_t
user_zone(void *arg)
{
	return *(const int32_t *)arg;
}

static inline struct mr_value
evaluate(const struct mr_expr *e, struct mr_arena *arena)
{
	struct mr_value fields[N_WORLD];
	int32_t zone = 0;
	struct mr_zones *zones = mr_zones_new();

	mr_zones_freeze(zones);
	for (size_t i = 0; i < N_WORLD; i++)
		fields[i] = world[i].value;
	struct mr_env env = {.now_ms = T0, .spaces = {fields}, .sizes = {N_WORLD}, .user = user_value, .zone = user_zone,
	    .user_arg = &zone, .zones = zones, .arena = arena, .cost_left = 100000};
	struct mr_value v = mr_expr_eval(e, &env);
	mr_zones_free(zones);
	return v;
}

static void
show(FILE *out, struct mr_value v, struct mr_arena *arena)
{
	struct mr_str s = mr_value_text(v, arena);

	switch (v.type) {
	case MR_ABSENT:
		fputs("absent", out);
		break;
	case MR_UNKNOWN:
		fputs("unknown", out);
		break;
	case MR_STRING:
		fputc('"', out);
		fwrite(s.n ? s.p : "", 1, s.n, out);
		fputc('"', out);
		break;
	case MR_LIST:
	case MR_MAP:
		fputc(v.type == MR_LIST ? '[' : '{', out);
		for (uint32_t i = 0; i < v.n; i++) {
			fputs(i ? ", " : "", out);
			if (v.type == MR_MAP)
				fprintf(out, "\"%.*s\": ", (int)v.members[i].key.n, v.members[i].key.n ? v.members[i].key.p : "");
			show(out, v.type == MR_LIST ? v.items[i] : v.members[i].value, arena);
		}
		fputc(v.type == MR_LIST ? ']' : '}', out);
		break;
	default:
		fprintf(out, "%.*s", (int)s.n, s.p);
		break;
	}
}

// The value as text, or "error at BYTE: TEXT". Free it.
static inline char *
outcome(struct mr_str text, enum mr_type want)
{
	struct mr_expr_error error = {0};
	struct mr_expr *e = mr_expr_compile(text, &resolver, want, &error);
	char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);

	if (e == NULL) {
		fprintf(out, "error at %zu: %s", error.byte, error.text);
	} else {
		struct mr_arena *arena = mr_arena_new(1 << 20);
		show(out, evaluate(e, arena), arena);
		mr_arena_free(arena);
		mr_expr_free(e);
	}
	fclose(out);
	return result;
}

#endif
