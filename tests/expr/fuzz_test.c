// Seeded noise for the compiler: a token soup, and mutations of good expressions. Whatever comes is
// refused with a position in the text, or compiles and evaluates, twice to the same value.
#include "support.h"

#define ROUNDS 100000

static uint64_t
draw(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	uint64_t x = *seed ^ *seed >> 29;
	return x >> 16;
}

static const char *const tokens[] = {
	"event", ".", "properties", ".", "price", "quantity", "products", "user", "orders", "stage", "tags", "gap", "now", "x", "y", "(", ")", "(", ")",
	"[", "]", "[", "]", "{", "}", "'a'", "\"k\"", "r'\\d'", "'''t'''", "1", "0", "2.5", "1e300", "true", "false", "null", "&&", "||", "!", "==",
	"!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%", "?", ":", ",", "has(", "size(", ".exists(x, ", ".all(x, ", ".map(y, ", ".filter(x, ",
	".matches('a+')", ".contains(", ".startsWith(", "timestamp(", "duration('1d')", "at_local(now, ", "local_hour(", "=", "and", "'", "\"", "\\", "//", "\n",
};

static const char *const good[] = {
	"event.properties.price * event.properties.quantity >= 20", "user.stage in [\"active\", \"dormant\"] && !(\"staff\" in user.tags)",
	"event.properties.products.exists(p, p.category == \"tea\" && p.price > 3)", "has(user.gap) ? at_local(now + user.gap - duration(\"3d\"), \"10:00\") : now",
	"event.properties.products.map(p, p.product_id)", "event.properties.products.filter(p, p.price > 1).map(p, p.price * 2)[1]",
	"timestamp(event.properties.when) - duration('7d') < now || event.properties.name.matches('^T.*')", "{'a': [1, 2], 'b': event.properties}.a[0] + -1",
	"[[1, 2], [3]].all(r, r.exists(x, x > 2) || size(r) == 2) == true", "event.properties.address['odd key'] + 1 / 0",
};

static size_t
soup(char *out, size_t max, uint64_t *seed)
{
	size_t n = 0, count = 1 + draw(seed) % 40;

	for (size_t i = 0; i < count; i++) {
		const char *t = tokens[draw(seed) % (sizeof(tokens) / sizeof(*tokens))];
		size_t len = strlen(t);
		if (n + len + 1 >= max)
			break;
		memcpy(out + n, t, len);
		n += len;
		if (draw(seed) % 4 == 0)
			out[n++] = ' ';
	}
	return n;
}

// Cuts, doubles, swaps and changes pieces of a good one.
static size_t
mutant(char *out, size_t max, uint64_t *seed)
{
	const char *from = good[draw(seed) % (sizeof(good) / sizeof(*good))];
	size_t n = strlen(from);

	memcpy(out, from, n);
	for (size_t k = 1 + draw(seed) % 4; k > 0 && n > 1; k--) {
		size_t at = draw(seed) % n, len = 1 + draw(seed) % (n - at);
		switch (draw(seed) % 4) {
		case 0:
			memmove(out + at, out + at + len, n - at - len);
			n -= len;
			break;
		case 1:
			if (n + len < max) {
				memmove(out + at + len, out + at, n - at);
				n += len;
			}
			break;
		case 2:
			out[at] = (char)draw(seed);
			break;
		default:
			out[at] = good[0][draw(seed) % strlen(good[0])];
			break;
		}
	}
	return n;
}

static bool
try_one(struct mr_str text, struct mr_arena *arena, enum mr_type want)
{
	struct mr_expr_error error = {.byte = SIZE_MAX};
	struct mr_expr *e = mr_expr_compile(text, &resolver, want, &error);

	if (e == NULL) {
		cr_assert(error.byte <= text.n && error.text[0] != '\0', "%.*s", (int)text.n, text.p);
		return false;
	}
	char *shown[2] = {NULL, NULL};
	for (int i = 0; i < 2; i++) {
		size_t size;
		FILE *out = open_memstream(&shown[i], &size);
		show(out, evaluate(e, arena), arena);
		fclose(out);
	}
	cr_assert_str_eq(shown[0], shown[1]);
	free(shown[0]);
	free(shown[1]);
	mr_arena_reset(arena);
	mr_expr_free(e);
	return true;
}

Test(expr_fuzz, noise)
{
	struct mr_arena *arena = mr_arena_new(1 << 20);
	uint64_t seed = 20261122;
	size_t compiled = 0;

	for (int i = 0; i < ROUNDS; i++) {
		char text[1024];
		size_t n = i % 2 ? soup(text, sizeof(text), &seed) : mutant(text, sizeof(text), &seed);
		// Just as long as its block, so that a read behind it is seen by the address sanitizer.
		char *exact = malloc(n ? n : 1);
		memcpy(exact, text, n);
		compiled += try_one((struct mr_str){exact, n}, arena, draw(&seed) % 2 ? MR_ANY : MR_BOOL);
		free(exact);
	}
	cr_assert_gt(compiled, ROUNDS / 100, "%zu of %d compile", compiled, ROUNDS);
	mr_arena_free(arena);
}
