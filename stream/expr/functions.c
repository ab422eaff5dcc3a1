// The functions of the language by name.
#include "expr/ast.h"

static const struct expr_fn functions[] = {
	{"size", F_SIZE, MR_NUMBER, true, true, 1, "size(x)"},
	{"startsWith", F_STARTS_WITH, MR_BOOL, false, true, 2, "x.startsWith(\"text\")"},
	{"endsWith", F_ENDS_WITH, MR_BOOL, false, true, 2, "x.endsWith(\"text\")"},
	{"contains", F_CONTAINS, MR_BOOL, false, true, 2, "x.contains(\"text\")"},
	{"matches", F_MATCHES, MR_BOOL, true, true, 2, "x.matches(\"^[a-z]+$\")"},
	{"timestamp", F_TIMESTAMP, MR_TIME, true, false, 1, "timestamp(\"2026-03-01T10:00:00Z\")"},
	{"duration", F_DURATION, MR_DURATION, true, false, 1, "duration(\"3d\")"},
	{"at_local", F_AT_LOCAL, MR_TIME, true, false, 2, "at_local(now, \"18:00\")"},
	{"local_hour", F_LOCAL_HOUR, MR_NUMBER, true, false, 1, "local_hour(now)"},
	{"money", F_MONEY, MR_NUMBER, true, false, 2, "money(x, \"EUR\")"},
	{"has", F_HAS, MR_BOOL, true, false, 1, "has(x)"},
	{"exists", F_EXISTS, MR_BOOL, false, true, 3, "list.exists(item, item.price > 10)"},
	{"all", F_ALL, MR_BOOL, false, true, 3, "list.all(item, item.price > 10)"},
	{"filter", F_FILTER, MR_LIST, false, true, 3, "list.filter(item, item.price > 10)"},
	{"map", F_MAP, MR_LIST, false, true, 3, "list.map(item, item.price)"},
};
#define N_FUNCTIONS (sizeof(functions) / sizeof(*functions))

const struct expr_fn *
expr_function(struct mr_str name)
{
	for (size_t i = 0; i < N_FUNCTIONS; i++)
		if (mr_str_eq(name, mr_str_of(functions[i].name)))
			return &functions[i];
	return NULL;
}

// Letters in lower case without underscores: starts_with is startsWith.
static size_t
plain(char out[32], struct mr_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n < 32; i++)
		if (s.p[i] != '_')
			out[n++] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
	return n;
}

// Levenshtein's distance of texts of at most 32 bytes.
static size_t
distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
	size_t row[33];

	MR_ASSERT(n_a <= 32 && n_b <= 32);
	for (size_t j = 0; j <= n_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= n_a; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n_b; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);
			size_t insert = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			diagonal = row[j];
			row[j] = change < insert ? change : insert;
		}
	}
	return row[n_b];
}

const char *
expr_function_near(struct mr_str name)
{
	static const struct { const char *other, *ours; } synonyms[] = {
		{"len", "size"}, {"length", "size"}, {"count", "size"}, {"any", "exists"}, {"some", "exists"},
		{"date", "timestamp"}, {"time", "timestamp"}, {"includes", "contains"}, {"regex", "matches"},
		{"match", "matches"}, {"hour", "local_hour"}, {"getHours", "local_hour"}, {"defined", "has"},
	};
	char a[32], b[32];
	size_t n = plain(a, name), best = 3;
	const char *near = NULL;

	for (size_t i = 0; i < sizeof(synonyms) / sizeof(*synonyms); i++)
		if (mr_str_eq(name, mr_str_of(synonyms[i].other)))
			return synonyms[i].ours;
	for (size_t i = 0; i < N_FUNCTIONS; i++) {
		size_t d = distance(a, n, b, plain(b, mr_str_of(functions[i].name)));
		if (d < best && d * 2 < n) {
			best = d;
			near = functions[i].name;
		}
	}
	return near;
}
