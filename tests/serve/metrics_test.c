// The table of metrics: names, units, cells; the page made from it; numbers as they are written.
#include "serve/metrics.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

Test(metrics, names_are_unique_and_follow_the_rules)
{
	size_t n = 0;

	for (const struct mr_metric *m = mr_metrics; m->name; m++, n++) {
		cr_expect(strncmp(m->name, "millrace_", 9) == 0, "%s", m->name);
		for (const char *p = m->name; *p; p++)
			cr_expect(islower((unsigned char)*p) || *p == '_', "%s", m->name);
		cr_expect_eq(ends_with(m->name, "_total"), m->type == MR_METRIC_COUNTER, "%s", m->name);
		bool info = m->source == MR_FROM_BUILD || m->source == MR_FROM_CONFIG;
		cr_expect_eq(ends_with(m->name, "_info"), info, "%s", m->name);
		for (const struct mr_metric *other = mr_metrics; other < m; other++)
			cr_expect_str_neq(m->name, other->name);
	}
	cr_expect_gt(n, 30);
}

Test(metrics, every_one_has_a_unit_that_its_name_says)
{
	for (const struct mr_metric *m = mr_metrics; m->name; m++) {
		cr_assert(m->unit && m->unit[0], "%s", m->name);
		cr_expect_eq(strstr(m->name, "_seconds") != NULL, strcmp(m->unit, "seconds") == 0, "%s", m->name);
		cr_expect_eq(strstr(m->name, "_bytes") != NULL, strcmp(m->unit, "bytes") == 0, "%s", m->name);
		cr_expect_eq(strcmp(m->unit, "seconds") == 0, m->scale != MR_AS_IS, "%s: seconds are scaled from ms or us", m->name);
	}
}

Test(metrics, every_one_has_a_help_of_one_sentence_or_more)
{
	for (const struct mr_metric *m = mr_metrics; m->name; m++) {
		cr_assert(m->help && strlen(m->help) > 10, "%s", m->name);
		cr_expect(ends_with(m->help, "."), "%s", m->name);
		cr_expect(strpbrk(m->help, "\n\\|") == NULL, "%s: neither escapes nor a Markdown table's bar", m->name);
	}
}

Test(metrics, no_label_is_a_user)
{
	for (const struct mr_metric *m = mr_metrics; m->name; m++)
		cr_expect(m->label == NULL || strstr(m->label, "user") == NULL, "%s", m->name);
}

Test(metrics, every_cell_is_shown_once)
{
	int shown[MR_STAT_END] = {0}, gauges[MR_GAUGES] = {0};

	for (const struct mr_metric *m = mr_metrics; m->name; m++) {
		cr_expect_eq(m->values != NULL, m->label && (m->source == MR_FROM_CELLS || m->source == MR_FROM_STATES), "%s", m->name);
		if (m->source == MR_FROM_CELLS)
			for (size_t i = 0; i < mr_metric_cells(m); i++)
				shown[m->first + (int)i]++;
		else if (m->source == MR_FROM_WORKERS)
			shown[m->first]++;
		else if (m->source == MR_FROM_TASKS)
			gauges[m->first]++;
	}
	for (int i = 0; i < MR_STAT_END; i++)
		cr_expect_eq(shown[i], 1, "cell %d is shown %d times", i, shown[i]);
	for (int i = 0; i < MR_GAUGES; i++)
		cr_expect_eq(gauges[i], 1, "gauge %d is shown %d times", i, gauges[i]);
}

Test(metrics, labels_name_what_the_cells_count)
{
	for (const struct mr_metric *m = mr_metrics; m->name; m++) {
		if (strcmp(m->name, "millrace_messages_total") == 0) {
			cr_expect_eq(mr_metric_cells(m), MR_OUTPUTS);
			cr_expect_str_eq(m->values[MR_OUT_ACTION], "action");
			cr_expect_str_eq(m->values[MR_OUT_DEAD_LETTER], "dead_letter");
		}
		if (strcmp(m->name, "millrace_dropped_total") == 0)
			cr_expect_str_eq(m->values[MR_STAT_DROPPED_DUPLICATE - MR_STAT_DROPPED_LATE], "duplicate");
		if (strcmp(m->name, "millrace_entries_refused_total") == 0)
			cr_expect_str_eq(m->values[MR_STAT_ENTRY_RUN_LIMIT - MR_STAT_ENTRY_TRIGGER_TOO_OLD], "run_limit");
		if (strcmp(m->name, "millrace_rebalances_total") == 0)
			cr_expect_str_eq(m->values[MR_STAT_REBALANCE_LOST - MR_STAT_REBALANCE_ASSIGNED], "lost");
		if (strcmp(m->name, "millrace_partitions") == 0)
			cr_expect_str_eq(m->values[MR_TASK_DENIED], "denied");
	}
}

Test(metrics, histograms_have_rising_bounds_and_latency_is_fine_below_10_ms)
{
	for (int h = MR_STAT_COUNTERS; h < MR_STAT_END; h++) {
		const struct mr_metric *m = mr_metric_of((enum mr_stat)h);
		size_t n = mr_metric_bounds(m), below = 0;
		cr_assert(n > 5 && n < MR_BUCKETS_MAX, "%s", m->name);
		for (size_t i = 0; i < n; i++) {
			cr_expect(i == 0 || m->bounds[i] > m->bounds[i - 1], "%s", m->name);
			below += m->bounds[i] < 10000;
		}
		cr_expect(m->scale != MR_MICROS || below >= 8, "%s", m->name);
	}
}

Test(metrics, numbers_are_written_in_full)
{
	static const struct { enum mr_scale scale; int64_t cell; const char *text; } cases[] = {
		{MR_AS_IS, 0, "0"}, {MR_AS_IS, 1234567890123, "1234567890123"}, {MR_AS_IS, -3, "-3"},
		{MR_MICROS, 1500, "0.0015"}, {MR_MICROS, 1, "0.000001"}, {MR_MICROS, 2000000, "2"}, {MR_MICROS, 1000001, "1.000001"},
		{MR_MILLIS, 1772359200123, "1772359200.123"}, {MR_MILLIS, -1500, "-1.5"}, {MR_MILLIS_SINCE, 50, "0.05"},
		{MR_AS_IS, INT64_MIN, "-9223372036854775808"}, {MR_MICROS, INT64_MAX, "9223372036854.775807"},
	};
	char text[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		mr_text_number(text, cases[i].scale, cases[i].cell);
		cr_expect_str_eq(text, cases[i].text);
	}
}

Test(metrics, labels_are_escaped)
{
	static const char *const pairs[] = {"app", "a\"b\\c\nd", NULL};
	const struct mr_metric *m = mr_metrics;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	mr_text_info(out, m, pairs);
	fclose(out);
	cr_expect(strstr(text, "{app=\"a\\\"b\\\\c\\nd\"} 1\n") != NULL, "%s", text);
	free(text);
}

Test(metrics, the_page_is_what_the_table_says)
{
	char *text = NULL, page[65536];
	size_t n = 0;
	FILE *out = open_memstream(&text, &n), *file = fopen("docs/metrics.md", "r");

	cr_assert(file != NULL, "run in the root of the sources");
	mr_metrics_reference(out);
	fclose(out);
	size_t m = fread(page, 1, sizeof(page), file);
	fclose(file);
	cr_expect(m == n && memcmp(page, text, n) == 0, "out of date: millrace echo --metrics > docs/metrics.md");
	free(text);
}
