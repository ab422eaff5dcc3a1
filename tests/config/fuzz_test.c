// Damaged configurations never crash the loader; each is refused with positions, or loads, and then
// its normalised form loads to the same hash. The seed makes every run the same; MILLRACE_FUZZ_SEED
// and MILLRACE_FUZZ_SECONDS ask for another one, and for more.
#include "config/config.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TEXTS_MAX 200
#define SECONDS 2
#define ROUNDS_MAX 20000
#define ROUNDS_MIN 300

struct texts {
	char *items[TEXTS_MAX];
	size_t n;
};

static char *
slurp(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = calloc(1, 1 << 16);

	cr_assert(in != NULL && text != NULL, "%s", path);
	size_t n = fread(text, 1, (1 << 16) - 1, in);
	fclose(in);
	cr_assert_lt(n, (1u << 16) - 1, "%s is larger than this test reads", path);
	return text;
}

static void
collect(struct texts *t, const char *pattern)
{
	glob_t found;

	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc && t->n < TEXTS_MAX; i++)
			t->items[t->n++] = slurp(found.gl_pathv[i]);
		globfree(&found);
	}
}

static struct texts
all_texts(void)
{
	struct texts t = {0};

	collect(&t, "examples/*.yaml");
	cr_assert_gt(t.n, 0, "run from the source folder");
	size_t examples = t.n;
	collect(&t, "tests/config/broken/*.yaml");
	cr_assert_gt(t.n, examples);
	return t;
}

static uint64_t
draw(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

// Words that mean something somewhere: as good as bytes at finding what nobody thought of.
static const char *const words[] = {
	"null", "~", "on", "off", "{", "}", "[", "]", ": ", ", ", " #", "\n", "\n  ", "- ", "!", "&a ", "*a", "\"", "'", "|\n  ", ">-\n",
	"${", "${HOME}", "$${", "}", "\\", "\\u0000", "\t", "---\n", "\xef\xbb\xbf", "\xff", "\xe2\x80\xa8", "0", "-1", "1e308", "9999999999999999999",
	"7d", "1 per day", "event.", "user.", "run.key", "event.properties.x", "true", "&&", "(", ")", "?", "rules:\n", "wait: 1s\n", "then:\n", "\n\n",
};
#define WORDS (sizeof(words) / sizeof(words[0]))

// One change of `text` (of n bytes, room for `cap`); returns its new length.
static size_t
mutate(char *text, size_t n, size_t cap, uint64_t *seed, const struct texts *t)
{
	size_t at = n ? draw(seed) % n : 0, len = n ? draw(seed) % (n - at + 1) : 0;
	const char *word = words[draw(seed) % WORDS], *other = t->items[draw(seed) % t->n];
	size_t m = strlen(word);

	switch (draw(seed) % 6) {
	case 0:                                   // a byte
		if (n)
			text[at] = (char)draw(seed);
		break;
	case 1:                                   // a piece less
		len = len > 60 ? len % 60 : len;
		memmove(text + at, text + at + len, n - at - len);
		return n - len;
	case 2:                                   // a word more
		break;
	case 3:                                   // a piece of another file
		m = strlen(other);
		if (m) {
			word = other + draw(seed) % m;
			m = strlen(word) > 80 ? 80 : strlen(word);
		}
		break;
	case 4:                                   // a piece twice
		len = len > 60 ? len % 60 : len;
		if (n + len < cap) {
			memmove(text + at + len, text + at, n - at);
			return n + len;
		}
		return n;
	default:                                  // the end is missing
		return draw(seed) % 8 ? n : at;
	}
	if (n + m >= cap)
		return n;
	memmove(text + at + m, text + at, n - at);
	memcpy(text + at, word, m);
	return n + m;
}

static const struct mr_config_options lenient = {.lenient = true};

static void
check_echo(const struct mr_config *c, const char *text)
{
	char *echo = mr_config_echo(c), *errors = NULL;
	struct mr_config *again = mr_config_load("examples/fuzz.yaml", echo, NULL, &errors, NULL);

	cr_assert(again != NULL, "echo does not load: %s\n---\n%s\n--- of\n%s", errors, echo, text);
	cr_assert_str_eq(c->plan.hash, again->plan.hash, "%s\n--- of\n%s", echo, text);
	char *echo2 = mr_config_echo(again);
	cr_assert_str_eq(echo, echo2);
	free(echo);
	free(echo2);
	mr_config_free(again);
}

// Returns whether it loaded.
static bool
round_of(const char *text)
{
	char *errors = NULL, *warnings = NULL;
	struct mr_config *c = mr_config_load("examples/fuzz.yaml", text, &lenient, &errors, &warnings);
	bool loaded = c != NULL;

	cr_assert_eq(loaded, errors == NULL);
	for (char *line = errors; line && *line; line = strchr(line, '\n') + 1)
		cr_assert_eq(strncmp(line, "examples/fuzz.yaml:", 19), 0, "%s", errors);
	if (loaded)
		check_echo(c, text);
	mr_config_free(c);
	free(errors);
	free(warnings);
	return loaded;
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

Test(fuzz, damaged_files)
{
	struct texts t = all_texts();
	size_t cap = 1 << 17, rounds = 0, loaded = 0;
	char *text = malloc(cap);
	const char *more = getenv("MILLRACE_FUZZ_SECONDS"), *other = getenv("MILLRACE_FUZZ_SEED");
	uint64_t seed = other ? strtoull(other, NULL, 10) : 0x9E3779B97F4A7C15;
	double end = seconds() + (more ? atoi(more) : SECONDS);

	for (; rounds < ROUNDS_MIN || ((more || rounds < ROUNDS_MAX) && seconds() < end); rounds++) {
		const char *from = t.items[draw(&seed) % 3 ? 0 : draw(&seed) % t.n];
		size_t n = strlen(from);
		memcpy(text, from, n);
		for (uint64_t i = draw(&seed) % 4 + 1; i > 0; i--)
			n = mutate(text, n, cap, &seed, &t);
		text[n] = '\0';
		loaded += round_of(text);
	}
	cr_log_info("%zu rounds, %zu of them loaded\n", rounds, loaded);
	for (size_t i = 0; i < t.n; i++)
		free(t.items[i]);
	free(text);
}

Test(fuzz, the_examples_echo_to_what_loads_alike)
{
	struct texts t = all_texts();
	glob_t found;

	cr_assert_eq(glob("examples/*.yaml", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		cr_expect(round_of(t.items[i]), "%s does not load", found.gl_pathv[i]);
	globfree(&found);
	for (size_t i = 0; i < t.n; i++)
		free(t.items[i]);
}
