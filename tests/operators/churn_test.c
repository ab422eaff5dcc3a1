#include <criterion/criterion.h>
#include <math.h>
#include <millrace/testing.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../operators/churn/state.h"

#include "model/bgnbd.h"
#include "model/math.h"

#define DAY 86400000LL
#define T0 (20000 * DAY)   // 2024-10-04

// Notes every Churn Band Changed that the pipeline sees, and when.
#define SPY_MAX 8
struct spy {
	uint32_t n;
	struct { char from[8], to[8]; double score; int64_t ms; } seen[SPY_MAX];
};
struct spy_conf {
	int32_t changed;
	uint32_t from, to, score;
};

static struct spy spy;   // of the one user of a test

static void *
spy_setup(struct mr_setup *s, const struct mr_node *node)
{
	struct spy_conf *c = mr_setup_alloc(s, sizeof(*c));

	(void)node;
	c->changed = mr_setup_event(s, MR_LIT("Churn Band Changed"));
	c->from = mr_setup_field(s, MR_LIT("properties.from"));
	c->to = mr_setup_field(s, MR_LIT("properties.to"));
	c->score = mr_setup_field(s, MR_LIT("properties.score"));
	return c;
}

static size_t
spy_size(const void *conf)
{
	(void)conf;
	return 1;
}

static void
spy_event(struct mr_ctx *ctx, const void *conf, void *state)
{
	const struct spy_conf *c = conf;

	(void)state;
	if (ctx->event->name_id != c->changed || spy.n == SPY_MAX)
		return;
	struct mr_str from = mr_value_str(mr_event_field(ctx->event, c->from));
	struct mr_str to = mr_value_str(mr_event_field(ctx->event, c->to));
	snprintf(spy.seen[spy.n].from, 8, "%.*s", (int)from.n, from.n ? from.p : "");
	snprintf(spy.seen[spy.n].to, 8, "%.*s", (int)to.n, to.n ? to.p : "");
	spy.seen[spy.n].score = mr_event_field(ctx->event, c->score).num;
	spy.seen[spy.n++].ms = ctx->now_ms;
}

static void
spy_encode(const void *conf, const void *state, struct mr_writer *w)
{
	(void)conf;
	(void)state;
	mr_write_array(w, 1);
	mr_write_uint(w, 1);
}

static bool
spy_decode(const void *conf, void *state, struct mr_mem *mem, struct mr_reader *r)
{
	(void)conf;
	(void)state;
	(void)mem;
	mr_read_skip(r);
	return mr_reader_ok(r);
}

static const struct mr_operator spy_operator = {
	.name = "spy", .version = 1, .always = true, .setup = spy_setup, .state_size = spy_size,
	.on_event = spy_event, .encode = spy_encode, .decode = spy_decode,
};

static struct mr_test *
start(const char *yaml)
{
	char *errors = NULL;
	struct mr_test *t = mr_test_new(yaml, &spy_operator, &errors);

	cr_assert(t != NULL, "%s", errors);
	spy = (struct spy){0};
	return t;
}

static void
send(struct mr_test *t, const char *name, int64_t ms, const char *properties)
{
	static int id;
	char json[1024], time[32];
	int64_t day = ms / DAY, rest = ms % DAY;

	// 20000 days after 1970-01-01 is 2024-10-04; the tests stay within that October.
	snprintf(time, sizeof(time), "2024-10-%02dT%02d:%02d:00.000Z", (int)(day - 20000 + 4), (int)(rest / 3600000),
	    (int)(rest / 60000 % 60));
	snprintf(json, sizeof(json), "{\"type\":\"track\",\"event\":\"%s\",\"userId\":\"u\",\"messageId\":\"m%d\","
	    "\"timestamp\":\"%s\",\"properties\":%s}", name, id++, time, properties);
	mr_test_event(t, json);
}

static double
score(struct mr_test *t)
{
	struct mr_value v = mr_test_value(t, "u", "user", "churn");

	cr_assert(v.type == MR_NUMBER);
	return v.num;
}

static bool
band_is(struct mr_test *t, const char *band)
{
	return mr_str_eq(mr_value_str(mr_test_value(t, "u", "user", "churn_band")), mr_str_of(band));
}

#define BGNBD "churn: {bgnbd: {r: 0.55, alpha: 10.6, a: 1.1, b: 8.0}, horizon: 90d, check: 1d}\n"
static const struct mr_bgnbd fit = {0.55, 10.6, 1.1, 8.0};

Test(churn, bgnbd_of_purchase_days)
{
	struct mr_test *t = start(BGNBD);

	send(t, "Product Viewed", T0, "{}");
	cr_assert(mr_test_value(t, "u", "user", "churn").type == MR_ABSENT);
	cr_assert(mr_test_value(t, "u", "user", "churn_band").type == MR_ABSENT);
	send(t, "Order Completed", T0 + 3600000, "{\"revenue\": 10}");
	cr_assert(fabs(score(t) - mr_bgnbd_no_purchase(&fit, 0, 0, 0, 90 / 7.0)) < 1e-15);
	send(t, "Order Completed", T0 + 7200000, "{\"revenue\": 10}"); // the same day
	cr_assert(fabs(score(t) - mr_bgnbd_no_purchase(&fit, 0, 0, 0, 90 / 7.0)) < 1e-15);
	send(t, "Order Completed", T0 + 10 * DAY, "{\"total\": 10}");
	cr_assert(mr_test_roundtrip(t));
	mr_test_until(t, T0 + 100 * DAY);
	cr_assert(fabs(score(t) - mr_bgnbd_no_purchase(&fit, 1, 10 / 7.0, 99 / 7.0, 90 / 7.0)) < 1e-15);
	send(t, "Order Cancelled", T0 + 20 * DAY, "{}");
	cr_assert(fabs(score(t) - mr_bgnbd_no_purchase(&fit, 1, 10 / 7.0, 99 / 7.0, 90 / 7.0)) < 1e-15);
	mr_test_free(t);
}

// A silent user rises through the bands on the daily check alone, each told once and in order.
Test(churn, bands_change_in_silence)
{
	struct mr_test *t = start("churn: {bgnbd: {r: 3, alpha: 10, a: 0.5, b: 2}, horizon: 90d}\n");

	for (int day = 0; day < 20; day += 4)
		send(t, "Order Completed", T0 + day * DAY, "{\"revenue\": 10}");
	cr_assert(band_is(t, "low") && spy.n == 1);
	cr_assert(spy.seen[0].from[0] == '\0' && strcmp(spy.seen[0].to, "low") == 0);
	cr_assert(spy.seen[0].ms >= T0 + DAY && spy.seen[0].ms < T0 + DAY + 60000, "the first check is a day after");
	cr_assert(mr_test_roundtrip(t));
	mr_test_until(t, T0 + 1000 * DAY);
	cr_assert(band_is(t, "high") && spy.n == 3, "%u", spy.n);
	cr_assert(strcmp(spy.seen[1].from, "low") == 0 && strcmp(spy.seen[1].to, "medium") == 0);
	cr_assert(strcmp(spy.seen[2].from, "medium") == 0 && strcmp(spy.seen[2].to, "high") == 0);
	cr_assert(spy.seen[1].score >= 0.4 && spy.seen[1].score < 0.7 && spy.seen[2].score >= 0.7);
	cr_assert(spy.seen[1].ms < spy.seen[2].ms && spy.seen[2].ms < T0 + 365 * DAY);
	// Far beyond: few looks, and no more changes.
	mr_test_until(t, T0 + 400000 * DAY);
	cr_assert(spy.n == 3 && band_is(t, "high"));
	mr_test_free(t);
}

Test(churn, looked_at_when_a_session_ends)
{
	struct mr_test *t = start("session: {gap: 30m}\nchurn: {bgnbd: {r: 3, alpha: 10, a: 0.5, b: 2}, check: 30d}\n");

	send(t, "Order Completed", T0, "{}");
	cr_assert(spy.n == 0);
	mr_test_until(t, T0 + 3600000);
	cr_assert(spy.n == 1);
	cr_assert(spy.seen[0].ms > T0 + 1800000 && spy.seen[0].ms < T0 + 3600000);
	// An event of that name from outside is no end of a session.
	send(t, "Session Ended", T0 + 3600000, "{}");
	cr_assert(spy.n == 1);
	mr_test_free(t);
}

// One tree for each of six questions, each with a weight of its own: the score tells all answers.
#define QUESTION(n, feature, threshold, weight) \
	"Tree=" #n "\nnum_leaves=2\nnum_cat=0\nsplit_feature=" #feature "\nthreshold=" threshold \
	"\ndecision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=0 " weight "\nis_linear=0\n\n"
#define QUESTIONS(names) "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=4\n" \
	"objective=binary sigmoid:1\nfeature_names=" names "\n\n" QUESTION(0, 0, "49.5", "1") QUESTION(1, 1, "4.5", "2") \
	QUESTION(2, 2, "1.5", "4") QUESTION(3, 3, "0.5", "8") QUESTION(4, 4, "1.5", "-16") "end of trees\n"
#define NAMES "lamt items1 lines1 R90 n"

struct model_file {
	char path[64];
	char yaml[256];
};

static struct model_file
model_file(const char *text, const char *more)
{
	struct model_file f = {.path = "/tmp/churn_test_XXXXXX"};
	int fd = mkstemp(f.path);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	snprintf(f.yaml, sizeof(f.yaml), "churn: {model: %s%s}\n", f.path, more);
	return f;
}

Test(churn, tree_of_what_was_bought)
{
	char text[4096];
	struct model_file f;
	static const struct { const char *event, *properties; double raw; } steps[] = {
		{"Order Completed", "{\"revenue\": 3, \"total\": 1e9, \"products\": [{\"quantity\": 2}]}", 0},
		{"Order Refunded", "{\"revenue\": 3}", 8},
		{"Order Completed", "{\"total\": 1, \"products\": [{\"quantity\": 2}, {\"sku\": \"x\"}]}", 8 + 4},
		{"Order Completed", "{\"revenue\": \"1\", \"products\": [{\"quantity\": 1}, 7, {\"quantity\": \"9\"}]}", 8 + 4 + 2},
		{"Order Completed", "{\"revenue\": 1e300}", 8 + 4 + 2},
		{"Order Completed", "{\"products\": {\"quantity\": 9}}", 8 + 4 + 2},
	};

	snprintf(text, sizeof(text), "%s", QUESTIONS(NAMES));
	f = model_file(text, "");
	struct mr_test *t = start(f.yaml);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		send(t, steps[i].event, T0 + (int64_t)i * 60000, steps[i].properties);
		cr_assert(mr_test_roundtrip(t));
		cr_assert(fabs(score(t) - mr_logistic(steps[i].raw)) < 1e-15, "step %zu: %g", i, score(t));
	}
	send(t, "Order Completed", T0 + 5 * DAY, "{\"products\": [{\"quantity\": 1}]}");
	cr_assert(fabs(score(t) - mr_logistic(8 - 16)) < 1e-15);
	cr_assert(band_is(t, "low"));
	mr_test_free(t);
	unlink(f.path);
}

Test(churn, other_names_for_purchase_and_refund)
{
	struct mr_test *t = start("churn: {bgnbd: {r: 0.55, alpha: 10.6, a: 1.1, b: 8.0}, purchase: [Bought, Paid], refund: Returned}\n");

	send(t, "Order Completed", T0, "{}");
	cr_assert(mr_test_value(t, "u", "user", "churn").type == MR_ABSENT);
	send(t, "Returned", T0, "{\"total\": 4}");
	cr_assert(mr_test_value(t, "u", "user", "churn").type == MR_ABSENT);
	send(t, "Paid", T0, "{}");
	send(t, "Bought", T0 + 3 * DAY, "{}");
	cr_assert(fabs(score(t) - mr_bgnbd_no_purchase(&fit, 1, 3 / 7.0, 3 / 7.0, 90 / 7.0)) < 1e-15);
	mr_test_free(t);
}

static void
refused(const char *yaml, const char *says)
{
	char *errors = NULL;
	struct mr_test *t = mr_test_new(yaml, NULL, &errors);

	cr_assert(t == NULL, "taken: %s", yaml);
	cr_assert(strstr(errors, says) != NULL, "%s says: %s", yaml, errors);
	free(errors);
}

Test(churn, wrong_settings)
{
	refused("churn: {}\n", "either a model: FILE or bgnbd");
	refused("churn: {model: examples/churn.txt, bgnbd: {r: 1, alpha: 1, a: 1, b: 1}}\n", "1:16: churn needs either");
	refused("churn: {bgnbd: {r: 1, alpha: 1, a: 1}}\n", "b is missing");
	refused("churn: {bgnbd: {r: 0, alpha: 1, a: 1, b: 1}}\n", "1:20: ");
	refused("churn: {bgnbd: {r: 1, alpha: 1, a: 1, b: 1, c: 2}}\n", "no such key");
	refused("churn: {bgnbd: {r: 1, alpha: 1, a: 1, b: 1}, high: 0.3}\n", "medium is above high");
	refused("churn: {bgnbd: {r: 1, alpha: 1, a: 1, b: 1}, high: 1.5}\n", "from 0 to 1");
	refused("churn: {bgnbd: {r: 1, alpha: 1, a: 1, b: 1}, check: 1s}\n", "check must be from");
	refused("churn: {model: tests/operators/no_such_model.txt}\n", "1:16: ");
	refused("churn: {model: meson.build}\n", "1:16: meson.build:1:1: not a model");
}

Test(churn, wrong_models)
{
	char says[256];
	struct model_file f = model_file(QUESTIONS("lamt items1 lines1 r90 n"), "");

	snprintf(says, sizeof(says), "1:16: %s:7:34: no feature has the name 'r90'", f.path);
	refused(f.yaml, says);
	unlink(f.path);
	f = model_file("tree\nversion=v4\nmax_feature_idx=0\nobjective=regression\nfeature_names=rec\nTree=0\n"
	    "num_leaves=1\nleaf_value=1\nend of trees\n", "");
	refused(f.yaml, "is no probability");
	unlink(f.path);
}

// The stored form, version 1: written the same, and read for ever.
Test(churn, golden)
{
	extern const struct mr_operator mr_operator_churn;
	static const struct churn_order orders[] = {{20000, 12.5, 3, 2}, {20000, 7.25, 1, 1}, {20003, 99.99, 10, 4},
	    {20050, 1e6, 1, 1}, {20051, -3, 0, 0}};
	FILE *f = fopen("tests/operators/fixtures/churn_v1.bin", "rb");
	char want[1024];
	struct churn_state *a = calloc(1, mr_operator_churn.state_size(NULL)), *b = calloc(1, mr_operator_churn.state_size(NULL));
	struct mr_writer w;
	struct mr_mem mem = {0};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		churn_purchase(a, &orders[i]);
	churn_refund(a, 20052, 4.5);
	mr_writer_init(&w, MR_MSGPACK);
	mr_operator_churn.encode(NULL, a, &w);
	cr_assert(f != NULL);
	size_t n = fread(want, 1, sizeof(want), f);
	fclose(f);
	cr_assert(n == w.n && memcmp(want, w.p, n) == 0, "the stored form has changed: a new version is needed");
	struct mr_reader r = mr_reader_of((struct mr_str){want, n});
	cr_assert(mr_operator_churn.decode(NULL, b, &mem, &r) && mr_reader_done(&r));
	cr_assert(memcmp(a, b, sizeof(*a)) == 0);
	for (size_t cut = 0; cut < n; cut++) {
		r = mr_reader_of((struct mr_str){want, cut});
		cr_assert(!mr_operator_churn.decode(NULL, b, &mem, &r));
	}
	want[3] = 2; // a version that is not known
	r = mr_reader_of((struct mr_str){want, n});
	cr_assert(!mr_operator_churn.decode(NULL, b, &mem, &r));
	mr_writer_free(&w);
	free(a);
	free(b);
}
