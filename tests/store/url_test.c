#include "store/url.h"

#include <criterion/criterion.h>

static struct mr_store_url
good(const char *text)
{
	struct mr_store_url url;
	char error[256];

	cr_assert(mr_store_url_parse(mr_str_of(text), &url, error), "%s: %s", text, error);
	cr_assert_eq(error[0], '\0');
	return url;
}

static void
bad(const char *text, const char *says)
{
	struct mr_store_url url;
	char error[256];

	cr_assert(!mr_store_url_parse(mr_str_of(text), &url, error), "%s", text);
	cr_assert_not_null(strstr(error, says), "%s: %s", text, error);
	cr_assert_null(strstr(error, "secret"));
}

Test(url, forms)
{
	struct mr_store_url u = good("redis://db.example");
	cr_assert(u.kind == MR_STORE_URL_REDIS && u.port == 6379 && u.db == 0 && strcmp(u.host, "db.example") == 0);
	u = good("redis://ann:p%40ss:word@h:7000/12");
	cr_assert(u.port == 7000 && u.db == 12 && strcmp(u.user, "ann") == 0 && strcmp(u.password, "p@ss:word") == 0);
	u = good("redis://:only@[::1]:7001/");
	cr_assert(u.port == 7001 && u.user[0] == 0 && strcmp(u.password, "only") == 0 && strcmp(u.host, "::1") == 0);
	u = good("redis://ann@h");
	cr_assert(strcmp(u.user, "ann") == 0 && u.password[0] == 0);
	u = good("rediss://h");
	cr_assert_eq(u.kind, MR_STORE_URL_REDISS);
	u = good("unix:///run/redis/redis.sock?db=3");
	cr_assert(u.kind == MR_STORE_URL_UNIX && u.db == 3 && strcmp(u.host, "/run/redis/redis.sock") == 0);
	u = good("unix://ann:pw@/tmp/a@b.sock");
	cr_assert(strcmp(u.host, "/tmp/a@b.sock") == 0 && strcmp(u.password, "pw") == 0);
	cr_assert_eq(good("memory:").kind, MR_STORE_URL_MEMORY);
}

Test(url, refused)
{
	bad("", "starts with");
	bad("http://x", "starts with");
	bad("redis://", "no host");
	bad("redis://u:secret@", "no host");
	bad("redis://u:secret%4@h", "password");
	bad("redis://u:secret%zz@h", "password");
	bad("redis://%00@h", "user name");
	bad("redis://h:", "port");
	bad("redis://h:0", "port");
	bad("redis://h:70000", "port");
	bad("redis://h:12x", "port");
	bad("redis://h/x", "database");
	bad("redis://[::1", "']'");
	bad("redis://[::1]7", "']'");
	bad("unix://relative", "absolute");
	bad("unix:///a?x=1", "?db=");
	bad("redis+cluster://a,b", "not yet");
}

static void
redacts(const char *url, const char *want)
{
	char out[64];

	mr_store_url_redact(mr_str_of(url), out, sizeof(out));
	cr_assert_str_eq(out, want);
}

Test(url, redaction)
{
	redacts("redis://ann:secret@h:1/2", "redis://ann:***@h:1/2");
	redacts("redis://:secret@h", "redis://:***@h");
	redacts("redis://ann:se@cret@h", "redis://ann:***@h");
	redacts("redis://ann@h:1", "redis://ann@h:1");
	redacts("redis://h:1/0", "redis://h:1/0");
	redacts("redis://ann:se/cret@h", "redis://ann:***@h");
	redacts("memory:", "memory:");
	redacts("", "");
	char tiny[8];
	mr_store_url_redact(MR_LIT("redis://ann:secret@h"), tiny, sizeof(tiny));
	cr_assert_str_eq(tiny, "redis:/");
}

Test(url, open)
{
	char error[256];
	struct mr_store_conf conf = {.url = MR_LIT("memory:"), .app = MR_LIT("t"), .timeout_ms = 100};
	struct mr_store *st = mr_store_open(&conf, error);

	cr_assert_not_null(st);
	cr_assert_str_eq(st->ops->scheme, "memory");
	mr_store_close(st);
	conf.url = MR_LIT("redis+cluster://h");
	cr_assert_null(mr_store_open(&conf, error));
	cr_assert_not_null(strstr(error, "not yet"));
	cr_assert_str_eq(mr_store_status_name(MR_STORE_BEHIND), "behind");
}
