#include "store/url.h"

#include <stdio.h>

static bool
refuse(char error[256], const char *text)
{
	snprintf(error, 256, "%s", text);
	return false;
}

static struct mr_str
cut(struct mr_str s, size_t from, size_t to)
{
	MR_ASSERT(from <= to && to <= s.n);
	return (struct mr_str){s.p + from, to - from};
}

static bool
starts(struct mr_str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

// Where `c` is, or s.n.
static size_t
find(struct mr_str s, char c)
{
	const char *p = s.n ? memchr(s.p, c, s.n) : NULL;

	return p ? (size_t)(p - s.p) : s.n;
}

static size_t
find_last(struct mr_str s, char c)
{
	const char *p = s.n ? memrchr(s.p, c, s.n) : NULL;

	return p ? (size_t)(p - s.p) : s.n;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Percent-decodes into a NUL-terminated buffer; false where it doesn't fit, or isn't decodable.
static bool
decode(struct mr_str s, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '%') {
			int hi = s.n - i > 2 ? hex(s.p[i + 1]) : -1;
			int lo = hi >= 0 ? hex(s.p[i + 2]) : -1;
			if (lo < 0)
				return false;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		if (c == '\0' || n + 1 >= size)
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

static bool
number(struct mr_str s, int max, int *out)
{
	int v = 0;

	if (s.n == 0 || s.n > 6)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (s.p[i] - '0');
	}
	*out = v;
	return v <= max;
}

// [user[:password]@], before the last @ of the authority.
static bool
parse_user(struct mr_str *rest, size_t authority, struct mr_store_url *u, char error[256])
{
	size_t at = find_last(cut(*rest, 0, authority), '@');

	if (at == authority)
		return true;
	struct mr_str info = cut(*rest, 0, at);
	size_t colon = find(info, ':');
	*rest = cut(*rest, at + 1, rest->n);
	if (!decode(cut(info, 0, colon), u->user, sizeof(u->user)))
		return refuse(error, "user name in the address of Redis is too long or badly percent-encoded");
	if (colon < info.n && !decode(cut(info, colon + 1, info.n), u->password, sizeof(u->password)))
		return refuse(error, "password in the address of Redis is too long or badly percent-encoded");
	return true;
}

static bool
parse_host(struct mr_str authority, struct mr_store_url *u, char error[256])
{
	struct mr_str host = authority, port = {0};

	if (authority.n && authority.p[0] == '[') {
		size_t end = find(authority, ']');
		if (end == authority.n)
			return refuse(error, "address of Redis: '[' without ']'");
		host = cut(authority, 1, end);
		port = cut(authority, end + 1, authority.n);
		if (port.n && port.p[0] != ':')
			return refuse(error, "address of Redis: after ']' comes ':port' or '/db'");
		port = port.n ? cut(port, 1, port.n) : port;
	} else if (find(authority, ':') < authority.n) {
		size_t colon = find_last(authority, ':');
		host = cut(authority, 0, colon);
		port = cut(authority, colon + 1, authority.n);
		if (port.n == 0)
			return refuse(error, "address of Redis: a port is missing after ':'");
	}
	u->port = 6379;
	if (port.n && (!number(port, 65535, &u->port) || u->port == 0))
		return refuse(error, "address of Redis: the port is a number from 1 to 65535");
	if (!decode(host, u->host, sizeof(u->host)))
		return refuse(error, "address of Redis: the host is too long or badly percent-encoded");
	if (u->host[0] == '\0')
		return refuse(error, "address of Redis: no host; write redis://host:6379/0");
	return true;
}

static bool
parse_tcp(struct mr_str rest, struct mr_store_url *u, char error[256])
{
	if (!parse_user(&rest, find(rest, '/'), u, error))
		return false;
	size_t slash = find(rest, '/');
	struct mr_str db = slash < rest.n ? cut(rest, slash + 1, rest.n) : (struct mr_str){0};
	if (db.n && !number(db, 65535, &u->db))
		return refuse(error, "address of Redis: after the host comes '/' and the number of the database");
	return parse_host(cut(rest, 0, slash), u, error);
}

static bool
parse_unix(struct mr_str rest, struct mr_store_url *u, char error[256])
{
	if (!parse_user(&rest, find(rest, '/'), u, error))
		return false;
	size_t query = find(rest, '?');
	if (query < rest.n) {
		struct mr_str q = cut(rest, query + 1, rest.n);
		if (!starts(q, "db=") || !number(cut(q, 3, q.n), 65535, &u->db))
			return refuse(error, "address of Redis: after a socket's path, only '?db=NUMBER' is understood");
		rest = cut(rest, 0, query);
	}
	if (!decode(rest, u->host, sizeof(u->host)) || u->host[0] != '/' || strlen(u->host) > 107)
		return refuse(error, "address of Redis: a socket's path is absolute and at most 107 bytes: unix:///run/redis/redis.sock");
	return true;
}

bool
mr_store_url_parse(struct mr_str url, struct mr_store_url *u, char error[256])
{
	*u = (struct mr_store_url){0};
	error[0] = '\0';
	if (mr_str_eq(url, MR_LIT("memory:")) || mr_str_eq(url, MR_LIT("memory://")))
		return true;
	if (starts(url, "redis://")) {
		u->kind = MR_STORE_URL_REDIS;
		return parse_tcp(cut(url, 8, url.n), u, error);
	}
	if (starts(url, "rediss://")) {
		u->kind = MR_STORE_URL_REDISS;
		return parse_tcp(cut(url, 9, url.n), u, error);
	}
	if (starts(url, "unix://")) {
		u->kind = MR_STORE_URL_UNIX;
		return parse_unix(cut(url, 7, url.n), u, error);
	}
	if (starts(url, "redis+cluster://") || starts(url, "rediss+cluster://"))
		return refuse(error, "Redis Cluster: not yet; use one server (redis://, unix://), with a replica or persistence");
	return refuse(error, "address of Redis: it starts with redis://, rediss:// or unix://, or is memory:");
}

void
mr_store_url_redact(struct mr_str url, char *out, size_t size)
{
	size_t slashes = 0, n = url.n;

	MR_ASSERT(size > 0);
	while (slashes + 2 < n && memcmp(url.p + slashes, "://", 3) != 0)
		slashes++;
	if (slashes + 2 >= n) {
		snprintf(out, size, "%.*s", (int)n, url.p ? url.p : "");
		return;
	}
	// Whatever stands between the first ':' and the last '@' is taken for a secret, even where the
	// address is malformed: better a dump too dark than a password in it.
	struct mr_str rest = cut(url, slashes + 3, n);
	size_t at = find_last(rest, '@'), colon = at < rest.n ? find(cut(rest, 0, at), ':') : rest.n;
	if (at == rest.n || colon == at)
		snprintf(out, size, "%.*s", (int)n, url.p);
	else
		snprintf(out, size, "%.*s:***%.*s", (int)(slashes + 3 + colon), url.p, (int)(rest.n - at), rest.p + at);
}
