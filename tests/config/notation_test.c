// The small notations: numbers, lengths of time, bytes, rates, literals, words that were meant.
#include "config/internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct mr_str
str(const char *s)
{
	return mr_str_of(s);
}

static int64_t
length(const char *text)
{
	int64_t ms;

	return mr_duration_parse(str(text), &ms) ? ms : -1;
}

Test(notation, lengths_of_time)
{
	cr_expect_eq(length("250ms"), 250);
	cr_expect_eq(length("10s"), 10000);
	cr_expect_eq(length("30m"), 1800000);
	cr_expect_eq(length("1h30m"), 5400000);
	cr_expect_eq(length("7d"), 7 * 86400000LL);
	cr_expect_eq(length("1d2h3m4s5ms"), 93784005);
	cr_expect_eq(length("0"), 0);
	cr_expect_eq(length("0s"), 0);
	const char *const wrong[] = {"", "30", "s", "30 m", " 30m", "30m ", "30min", "1.5h", "-1s", "30m1h", "1h1h", "1m1m", "1w",
	    "99999999999999999d", "36526d", "1h30", "30M", NULL};
	for (const char *const *w = wrong; *w; w++)
		cr_expect_eq(length(*w), -1, "%s", *w);
}

Test(notation, lengths_of_time_are_printed_as_they_are_read)
{
	const int64_t all[] = {0, 1, 999, 1000, 60000, 90000, 86400000, 86400001, 36525LL * 86400000};
	char text[48];

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		mr_duration_format(text, all[i]);
		cr_expect_eq(length(text), all[i], "%s", text);
	}
}

static int64_t
bytes(const char *text)
{
	int64_t n;

	return mr_bytes_parse(str(text), &n) ? n : -1;
}

Test(notation, bytes)
{
	char text[48];

	cr_expect_eq(bytes("512"), 512);
	cr_expect_eq(bytes("512B"), 512);
	cr_expect_eq(bytes("64KiB"), 65536);
	cr_expect_eq(bytes("16MiB"), 16777216);
	cr_expect_eq(bytes("2GiB"), 2147483648);
	const char *const wrong[] = {"", "MiB", "1MB", "1 MiB", "1mib", "-1", "1.5MiB", "99999999999GiB", NULL};
	for (const char *const *w = wrong; *w; w++)
		cr_expect_eq(bytes(*w), -1, "%s", *w);
	mr_bytes_format(text, 65536);
	cr_expect_str_eq(text, "64KiB");
	mr_bytes_format(text, 65537);
	cr_expect_str_eq(text, "65537B");
}

static enum mr_scalar
kind(const char *text, bool quoted)
{
	struct mr_node node = {.kind = MR_NODE_SCALAR, .text = str(text), .quoted = quoted};

	return mr_scalar_kind(&node);
}

Test(notation, scalars_of_yaml_1_2)
{
	const char *const texts[] = {"on", "off", "yes", "no", "y", "n", "On", "tRue", "1.2.3", "1e", "0x", "e1", ".", "+", "1_000",
	    "12:30", "2026-03-01", ".inf", ".nan", "1e999", NULL};
	const char *const numbers[] = {"0", "-1", "+1", "1.5", ".5", "5.", "1e3", "-1.5E-3", NULL};

	for (const char *const *t = texts; *t; t++)
		cr_expect_eq(kind(*t, false), MR_SCALAR_STRING, "%s", *t);
	for (const char *const *t = numbers; *t; t++) {
		cr_expect_eq(kind(*t, false), MR_SCALAR_NUMBER, "%s", *t);
		cr_expect_eq(kind(*t, true), MR_SCALAR_STRING, "%s", *t);
	}
	cr_expect_eq(kind("true", false), MR_SCALAR_BOOL);
	cr_expect_eq(kind("false", false), MR_SCALAR_BOOL);
	cr_expect_eq(kind("true", true), MR_SCALAR_STRING);
	cr_expect_eq(kind("", false), MR_SCALAR_NULL);
	cr_expect_eq(kind("~", false), MR_SCALAR_NULL);
	cr_expect_eq(kind("null", false), MR_SCALAR_NULL);
	cr_expect_eq(kind("", true), MR_SCALAR_STRING);
}

Test(notation, whole_numbers)
{
	int64_t n;

	cr_expect(mr_scalar_int(str("9223372036854775807"), &n) && n == INT64_MAX);
	cr_expect(mr_scalar_int(str("-5"), &n) && n == -5);
	cr_expect_not(mr_scalar_int(str("9223372036854775808"), &n));
	cr_expect_not(mr_scalar_int(str(""), &n));
	cr_expect_not(mr_scalar_int(str("-"), &n));
	cr_expect_not(mr_scalar_int(str("1.0"), &n));
	cr_expect_not(mr_scalar_int(str("1a"), &n));
}

Test(notation, what_was_meant)
{
	const char *const names[] = {"session", "profile", "rules", "churn", NULL};

	cr_expect_str_eq(mr_suggest(str("sesion"), names), "session");
	cr_expect_str_eq(mr_suggest(str("porfile"), names), "profile");
	cr_expect_str_eq(mr_suggest(str("rule"), names), "rules");
	cr_expect_null(mr_suggest(str("thermostat"), names));
	cr_expect_null(mr_suggest(str("x"), names));
	cr_expect_eq(mr_distance(str("abcd"), str("abdc"), 3), 1, "neighbours that swapped are one slip");
	cr_expect_eq(mr_distance(str("kitten"), str("sitting"), 9), 3);
	cr_expect_eq(mr_distance(str("aaaa"), str("bbbb"), 2), 3, "no more than asked for, and one");
	cr_expect_eq(mr_distance(str(""), str("abc"), 9), 3);
}

// ---- what an operator asks for with nodes of its own ----

static void (*probe)(struct mr_setup *, const struct mr_node *);

static void *
probe_setup(struct mr_setup *s, const struct mr_node *node)
{
	static char conf;

	probe(s, node);
	return &conf;
}

static const struct mr_operator prober = {.name = "probe", .version = 1, .setup = probe_setup};

// Loads with `probe: YAML`; the errors, or "".
static char *
probed(const char *yaml, void (*f)(struct mr_setup *, const struct mr_node *))
{
	struct mr_config_options options = {.extra = &prober, .lenient = true};
	char *text, *errors = NULL;

	probe = f;
	cr_assert(asprintf(&text, "probe: %s\n", yaml) > 0);
	struct mr_config *c = mr_config_load("p", text, &options, &errors, NULL);
	cr_assert_eq(c == NULL, errors != NULL);
	mr_config_free(c);
	free(text);
	return errors ? errors : strdup("");
}

static void
expect(const char *yaml, void (*f)(struct mr_setup *, const struct mr_node *), const char *errors)
{
	char *got = probed(yaml, f);

	cr_expect_str_eq(got, errors, "%s: %s", yaml, got);
	free(got);
}

static struct mr_rate rate;

static void
per(struct mr_setup *s, const struct mr_node *node)
{
	mr_setup_rate(s, node, "per", &rate);
}

static void
within(struct mr_setup *s, const struct mr_node *node)
{
	mr_setup_rate(s, node, "within", &rate);
}

Test(notation, rates)
{
	expect("1", per, "");
	cr_expect(rate.n == 1 && rate.per == MR_CAL_NONE && rate.length_ms == 0);
	expect("2 per day", per, "");
	cr_expect(rate.n == 2 && rate.per == MR_CAL_DAY && rate.length_ms == 0);
	expect("2 per week", per, "");
	cr_expect(rate.per == MR_CAL_WEEK);
	expect("2 per month", per, "");
	cr_expect(rate.per == MR_CAL_MONTH);
	expect("3  per 7d", per, "");
	cr_expect(rate.n == 3 && rate.per == MR_CAL_NONE && rate.length_ms == 7 * 86400000LL);
	expect("3 within 10m", within, "");
	cr_expect(rate.n == 3 && rate.length_ms == 600000);
	const char *const wrong[] = {"0", "-1", "0 per day", "x per day", "1 per", "1 per year", "1 per 0s", "1 within 1d", "per day",
	    "1 per day now", "1.5 per day", "''", NULL};
	for (const char *const *w = wrong; *w; w++) {
		char *got = probed(*w, per);
		cr_expect_not_null(strstr(got, "like 1, 1 per day, 2 per week, 1 per month or 3 per 7d"), "%s: %s", *w, got);
		cr_expect_eq(strncmp(got, "p:1:8: ", 7), 0, "%s", got);
		free(got);
	}
	expect("3", within, "p:1:8: 3: expected a number of times, like 3 within 10m\n");
	expect("3 within day", within, "p:1:8: 3 within day: expected a number of times, like 3 within 10m\n");
	expect("[3]", within, "p:1:8: expected like 3 within 10m, found a list\n");
}

static struct mr_value literal;
static char literal_text[256];

static void
show(FILE *out, struct mr_value v)
{
	switch (v.type) {
	case MR_ABSENT: fputs("-", out); break;
	case MR_BOOL: fputs(v.b ? "t" : "f", out); break;
	case MR_NUMBER: fprintf(out, "%g", v.num); break;
	case MR_STRING: fprintf(out, "'%.*s'", (int)v.n, v.str); break;
	case MR_LIST:
		fputc('[', out);
		for (uint32_t i = 0; i < v.n; i++)
			show(out, v.items[i]);
		fputc(']', out);
		break;
	case MR_MAP:
		fputc('{', out);
		for (uint32_t i = 0; i < v.n; i++) {
			fprintf(out, "%.*s:", (int)v.members[i].key.n, v.members[i].key.p);
			show(out, v.members[i].value);
		}
		fputc('}', out);
		break;
	default: fputc('?', out);
	}
}

static void
read_literal(struct mr_setup *s, const struct mr_node *node)
{
	FILE *out = fmemopen(literal_text, sizeof(literal_text), "w");

	literal = mr_setup_literal(s, node);
	show(out, literal);
	fclose(out);
}

Test(notation, literals)
{
	expect("{a: 1, b: [true, False, 'true', on, -2.5e1], c: {d: text, e: \"1\"}}", read_literal, "");
	cr_expect_str_eq(literal_text, "{a:1b:[tf'true''on'-25]c:{d:'text'e:'1'}}");
	expect("{tests: 1}", read_literal, "");
}

static struct mr_strs strs;

static void
words(struct mr_setup *s, const struct mr_node *node)
{
	mr_setup_strings(s, node, &strs);
}

Test(notation, one_word_or_a_list)
{
	expect("a", words, "");
	cr_expect_eq(strs.n, 1);
	expect("[a, b, c]", words, "");
	cr_expect_eq(strs.n, 3);
	expect("[]", words, "p:1:8: an empty list; name at least one\n");
	expect("{a: b}", words, "p:1:8: expected a word or a list of words, found a map\n");
	expect("[a, [b]]", words, "p:1:12: expected a word, found a list\n");
}

static double number;

static void
read_number(struct mr_setup *s, const struct mr_node *node)
{
	mr_setup_number(s, node, &number);
}

Test(notation, numbers)
{
	expect("0.7", read_number, "");
	cr_expect_eq(number, 0.7);
	expect("'0.7'", read_number, "p:1:8: 0.7: expected a number; remove the quotes\n");
	expect("much", read_number, "p:1:8: much: expected a number\n");
	expect("1e999", read_number, "p:1:8: 1e999: expected a number\n");
	expect("{a: 1}", read_number, "p:1:8: expected a number, found a map\n");
}

static void
read_length(struct mr_setup *s, const struct mr_node *node)
{
	int64_t ms;

	mr_setup_duration(s, node, &ms);
}

Test(notation, a_length_without_a_unit)
{
	expect("30", read_length, "p:1:8: 30: a length of time needs a unit: 30s, 30m, 30h or 30d?\n");
	expect("1w", read_length, "p:1:8: 1w: expected a length of time like 250ms, 30m, 1h30m or 7d\n");
}
