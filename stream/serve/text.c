// Prometheus' text format. Numbers are integers scaled by a power of ten: exact, and no locale.
#include "serve/metrics.h"

void
mr_text_number(char *out, enum mr_scale scale, int64_t cell)
{
	const int digits = scale == MR_AS_IS ? 0 : scale == MR_MICROS ? 6 : 3;
	uint64_t rest = cell < 0 ? -(uint64_t)cell : (uint64_t)cell, one = 1;

	for (int i = 0; i < digits; i++)
		one *= 10;
	int n = snprintf(out, 32, "%s%llu", cell < 0 ? "-" : "", (unsigned long long)(rest / one));
	if (rest % one == 0)
		return;
	n += snprintf(out + n, 32 - (size_t)n, ".%0*llu", digits, (unsigned long long)(rest % one));
	while (out[n - 1] == '0')
		out[--n] = '\0';
}

static void
label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else if (*value == '"' || *value == '\\')
			fprintf(out, "\\%c", *value);
		else
			putc(*value, out);
	}
	putc('"', out);
}

void
mr_text_head(FILE *out, const struct mr_metric *m)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};

	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, types[m->type]);
}

void
mr_text_series(FILE *out, const struct mr_metric *m, const char *name, const char *value_of_label, int64_t value)
{
	char number[32];

	fputs(m->name, out);
	if (name) {
		putc('{', out);
		label(out, name, value_of_label);
		putc('}', out);
	}
	mr_text_number(number, m->scale, value);
	fprintf(out, " %s\n", number);
}

void
mr_text_info(FILE *out, const struct mr_metric *m, const char *const *pairs)
{
	fprintf(out, "%s{", m->name);
	for (size_t i = 0; pairs[i]; i += 2) {
		if (i)
			putc(',', out);
		label(out, pairs[i], pairs[i + 1]);
	}
	fputs("} 1\n", out);
}

void
mr_text_histogram(FILE *out, const struct mr_metric *m, const uint64_t *buckets, uint64_t sum)
{
	size_t n = mr_metric_bounds(m);
	uint64_t count = 0;
	char number[32];

	MR_ASSERT(m->type == MR_METRIC_HISTOGRAM);
	for (size_t i = 0; i < n; i++) {
		count += buckets[i];
		mr_text_number(number, m->scale, (int64_t)m->bounds[i]);
		fprintf(out, "%s_bucket{le=\"%s\"} %llu\n", m->name, number, (unsigned long long)count);
	}
	count += buckets[n];
	mr_text_number(number, m->scale, (int64_t)sum);
	fprintf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %s\n%s_count %llu\n", m->name, (unsigned long long)count, m->name,
	    number, m->name, (unsigned long long)count);
}
