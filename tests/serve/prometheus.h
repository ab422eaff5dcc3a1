// A small reader of Prometheus' text format, for checking what is written.
#ifndef MR_TESTS_SERVE_PROMETHEUS_H
#define MR_TESTS_SERVE_PROMETHEUS_H

#include <stdbool.h>
#include <stddef.h>

struct sample {
	char name[128], labels[256];   // labels as they stand between the braces
	double value;
};

struct samples {
	struct sample items[2048];
	size_t n;
	char error[256];               // "": the text is well-formed
};

// Checks as it reads: HELP and TYPE before the first sample of a name and once only, names and labels
// by their grammar, finite numbers, no series twice; buckets rise, end with +Inf, and agree with _count.
void samples_read(struct samples *, const char *text);
// The value of a series, NAN where there is none. labels "" for none.
double sample_of(const struct samples *, const char *name, const char *labels);

#endif
