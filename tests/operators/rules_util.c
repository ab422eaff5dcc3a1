#include "rules_util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define MARCH_2026 1772323200000LL   // 2026-03-01T00:00:00Z

int64_t
rules_time(const char *text)
{
	int d = 1, h, m, s;

	if (sscanf(text, "%d/%d:%d:%d", &d, &h, &m, &s) != 4) {
		d = 1;
		cr_assert_eq(sscanf(text, "%d:%d:%d", &h, &m, &s), 3, "a time belongs here: %s", text);
	}
	return MARCH_2026 + (((d - 1) * 24LL + h) * 3600 + m * 60 + s) * 1000;
}

static void
print_time(FILE *out, int64_t ms)
{
	int64_t s = (ms - MARCH_2026) / 1000, d = s / 86400;

	if (d)
		fprintf(out, "%02lld/", (long long)d + 1);
	fprintf(out, "%02lld:%02lld:%02lld", (long long)(s / 3600 % 24), (long long)(s / 60 % 60), (long long)(s % 60));
}

struct mr_test *
rules_load(const char *yaml)
{
	char *errors = NULL;
	struct mr_test *t = mr_test_new(yaml, NULL, &errors);

	cr_assert(t, "does not load:\n%s", errors);
	free(errors);
	return t;
}

void
rules_apply(struct mr_test *t, const char *input, unsigned number)
{
	char time[32], user[64], *json;
	size_t size;
	int at = 0;

	if (strncmp(input, "until ", 6) == 0) {
		mr_test_until(t, rules_time(input + 6));
		return;
	}
	cr_assert_eq(sscanf(input, "%31s %63s %n", time, user, &at), 2, "%s", input);
	const char *name = input + at, *bar = strchr(name, '|');
	size_t n = bar ? (size_t)(bar - name) : strlen(name);
	while (n && name[n - 1] == ' ')
		n--;
	bool typed = name[0] == '<';
	int64_t ms = rules_time(time);
	int64_t s = (ms - MARCH_2026) / 1000;
	FILE *out = open_memstream(&json, &size);
	fprintf(out, "{\"type\":\"%.*s\",", typed ? (int)n - 2 : 5, typed ? name + 1 : "track");
	if (!typed)
		fprintf(out, "\"event\":\"%.*s\",", (int)n, name);
	fprintf(out, "\"userId\":\"%s\",\"messageId\":\"m%u\",\"timestamp\":\"2026-03-%02dT%02d:%02d:%02dZ\",\"%s\":%s}", user,
	    number, (int)(s / 86400) + 1, (int)(s / 3600 % 24), (int)(s / 60 % 60), (int)(s % 60), typed ? "traits" : "properties",
	    bar ? bar + 1 : "{}");
	fclose(out);
	for (char *c = json; *c; c++) {
		if (*c == '\'')
			*c = '"';
	}
	mr_test_event(t, json);
	free(json);
}

// The JSON of the member's value: up to the matching brace, or the end of the text.
static void
print_member(FILE *out, struct mr_str body, const char *key)
{
	const char *at = memmem(body.p, body.n, key, strlen(key));
	int depth = 0;

	cr_assert(at, "no %s in %.*s", key, (int)body.n, body.p);
	at += strlen(key);
	if (*at == '"') {
		for (at++; *at != '"'; at++)
			fputc(*at, out);
		return;
	}
	do {
		depth += (*at == '{') - (*at == '}');
		fputc(*at++, out);
	} while (depth > 0);
}

char *
rules_trace(const struct mr_test *t)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < mr_test_effects(t); i++) {
		struct mr_test_effect e = mr_test_effect(t, i);
		if (e.output != MR_OUT_ACTION && e.output != MR_OUT_DECISION)
			continue;
		print_time(out, e.time_ms);
		fprintf(out, " %.*s ", (int)e.subject.n, e.subject.p);
		if (e.output == MR_OUT_ACTION) {
			fprintf(out, "%.*s/", (int)e.channel.n, e.channel.p);
			print_member(out, e.body, "\"template\":");
			fputc(' ', out);
			print_member(out, e.body, "\"data\":");
		} else {
			// Of the decision's own kind, not that of its cause.
			const char *final = memmem(e.body.p, e.body.n, "\"reason\":", 9), *kind = final;
			while (kind > e.body.p && memcmp(kind, "\"kind\":", 7) != 0)
				kind--;
			print_member(out, (struct mr_str){kind, e.body.n - (size_t)(kind - e.body.p)}, "\"kind\":");
			fputc(' ', out);
			print_member(out, e.body, "\"reason\":");
		}
		fputc('\n', out);
	}
	fclose(out);
	return text;
}

char *
rules_body(const struct mr_test *t, size_t n)
{
	if (n >= mr_test_effects(t))
		return strdup("");
	struct mr_test_effect e = mr_test_effect(t, n);
	return strndup(e.body.p, e.body.n);
}

void
rules_check(const char *yaml, const char *const *inputs, const char *expected)
{
	for (int trips = 0; trips < 2; trips++) {
		struct mr_test *t = rules_load(yaml);
		for (unsigned i = 0; inputs[i]; i++) {
			rules_apply(t, inputs[i], i);
			if (trips)
				cr_assert(mr_test_roundtrip(t), "the state does not survive after: %s", inputs[i]);
		}
		char *trace = rules_trace(t);
		cr_assert_str_eq(trace, expected, "%s\n--- got:\n%s--- expected:\n%s", trips ? "with round trips" : "", trace, expected);
		free(trace);
		mr_test_free(t);
	}
}

void
rules_refused(const char *yaml, const char *const *texts)
{
	char *errors = NULL;
	struct mr_test *t = mr_test_new(yaml, NULL, &errors);

	cr_assert_null(t, "it loads:\n%s", yaml);
	for (; *texts; texts++)
		cr_assert(strstr(errors, *texts), "'%s' is not among:\n%s", *texts, errors);
	free(errors);
}
