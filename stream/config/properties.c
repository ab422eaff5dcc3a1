// librdkafka's properties: what may be passed through, and why the rest may not.
#include "config/internal.h"

enum kind { TEXT, NUMBER, BOOL, WORDS };

struct property {
	const char *name;
	enum kind kind;
	bool secret;
	const char *words;    // WORDS: separated by blanks
};

static const struct property allowed[] = {
	{.name = "bootstrap.servers"}, {.name = "metadata.broker.list"}, {.name = "client.id"}, {.name = "client.rack"},
	{.name = "group.instance.id"},
	{.name = "security.protocol", .kind = WORDS, .words = "plaintext ssl sasl_plaintext sasl_ssl"},
	{.name = "sasl.mechanism"}, {.name = "sasl.mechanisms"}, {.name = "sasl.username"},
	{.name = "sasl.password", .secret = true}, {.name = "sasl.kerberos.service.name"}, {.name = "sasl.kerberos.principal"},
	{.name = "sasl.kerberos.keytab"}, {.name = "sasl.kerberos.min.time.before.relogin", .kind = NUMBER},
	{.name = "sasl.oauthbearer.config", .secret = true}, {.name = "sasl.oauthbearer.method"},
	{.name = "sasl.oauthbearer.client.id"}, {.name = "sasl.oauthbearer.client.secret", .secret = true},
	{.name = "sasl.oauthbearer.scope"}, {.name = "sasl.oauthbearer.extensions"}, {.name = "sasl.oauthbearer.token.endpoint.url"},
	{.name = "ssl.ca.location"}, {.name = "ssl.ca.pem"}, {.name = "ssl.certificate.location"}, {.name = "ssl.certificate.pem"},
	{.name = "ssl.key.location"}, {.name = "ssl.key.pem", .secret = true}, {.name = "ssl.key.password", .secret = true},
	{.name = "ssl.keystore.location"}, {.name = "ssl.keystore.password", .secret = true}, {.name = "ssl.crl.location"},
	{.name = "ssl.cipher.suites"}, {.name = "ssl.curves.list"}, {.name = "ssl.sigalgs.list"},
	{.name = "enable.ssl.certificate.verification", .kind = BOOL},
	{.name = "ssl.endpoint.identification.algorithm", .kind = WORDS, .words = "none https"},
	{.name = "socket.timeout.ms", .kind = NUMBER}, {.name = "socket.keepalive.enable", .kind = BOOL},
	{.name = "socket.send.buffer.bytes", .kind = NUMBER}, {.name = "socket.receive.buffer.bytes", .kind = NUMBER},
	{.name = "socket.connection.setup.timeout.ms", .kind = NUMBER}, {.name = "connections.max.idle.ms", .kind = NUMBER},
	{.name = "reconnect.backoff.ms", .kind = NUMBER}, {.name = "reconnect.backoff.max.ms", .kind = NUMBER},
	{.name = "broker.address.family", .kind = WORDS, .words = "any v4 v6"}, {.name = "broker.address.ttl", .kind = NUMBER},
	{.name = "metadata.max.age.ms", .kind = NUMBER}, {.name = "topic.metadata.refresh.interval.ms", .kind = NUMBER},
	{.name = "session.timeout.ms", .kind = NUMBER}, {.name = "heartbeat.interval.ms", .kind = NUMBER},
	{.name = "max.poll.interval.ms", .kind = NUMBER}, {.name = "fetch.min.bytes", .kind = NUMBER},
	{.name = "fetch.max.bytes", .kind = NUMBER}, {.name = "max.partition.fetch.bytes", .kind = NUMBER},
	{.name = "fetch.message.max.bytes", .kind = NUMBER}, {.name = "fetch.wait.max.ms", .kind = NUMBER},
	{.name = "queued.max.messages.kbytes", .kind = NUMBER}, {.name = "queued.min.messages", .kind = NUMBER},
	{.name = "check.crcs", .kind = BOOL}, {.name = "receive.message.max.bytes", .kind = NUMBER},
	{.name = "message.max.bytes", .kind = NUMBER}, {.name = "batch.size", .kind = NUMBER},
	{.name = "queue.buffering.max.kbytes", .kind = NUMBER},
	{.name = "compression.codec", .kind = WORDS, .words = "none gzip snappy lz4 zstd"},
	{.name = "compression.type", .kind = WORDS, .words = "none gzip snappy lz4 zstd"}, {.name = "compression.level", .kind = NUMBER},
	{.name = "debug"}, {.name = "log_level", .kind = NUMBER},
};
#define ALLOWED (sizeof(allowed) / sizeof(allowed[0]))

struct refusal {
	const char *name;       // a prefix where it ends with '*'
	const char *why;
};

static const struct refusal refused[] = {
	{"plugin.library.paths", "it would load code from a file into this process"},
	{"sasl.kerberos.kinit.cmd", "it would run a shell command; renew tickets outside, by cron or k5start"},
	{"ssl.engine.location", "it would load code from a file into this process"},
	{"ssl.engine.id", "it would load code from a file into this process"},
	{"ssl.providers", "it would load code from a file into this process"},
	{"enable.auto.commit", "offsets are committed in the transaction that carries the actions"},
	{"auto.commit.interval.ms", "offsets are committed in the transaction that carries the actions"},
	{"enable.auto.offset.store", "offsets are committed in the transaction that carries the actions"},
	{"auto.offset.reset", "where to begin is read from the journal"},
	{"isolation.level", "exactly-once needs each reader's own"},
	{"transactional.id", "it names the two producers of a worker; Millrace sets it"},
	{"transaction.timeout.ms", "Millrace sets it (10 s)"},
	{"enable.idempotence", "transactions need it on; Millrace sets it"},
	{"enable.gapless.guarantee", "Millrace sets it"},
	{"acks", "transactions need all; Millrace sets it"},
	{"request.required.acks", "transactions need all; Millrace sets it"},
	{"retries", "transactions need retries; Millrace sets it"},
	{"message.send.max.retries", "transactions need retries; Millrace sets it"},
	{"max.in.flight*", "order needs it bounded; Millrace sets it"},
	{"linger.ms", "an action is sent at once; Millrace sets it"},
	{"queue.buffering.max.ms", "an action is sent at once; Millrace sets it"},
	{"queue.buffering.max.messages", "set limits: {unacknowledged: N} instead"},
	{"group.id", "it is the app's name"},
	{"group.protocol*", "the assignment is Millrace's own"},
	{"partition.assignment.strategy", "it depends on librdkafka's version; Millrace chooses it"},
	{"partitioner", "a task writes to its own partition number"},
	{"enable.partition.eof", "ticks need it; Millrace sets it"},
	{"statistics.interval.ms", "frequent statistics cost throughput; see /metrics"},
	{"delivery.report*", "latency needs them; Millrace sets it"},
	{"allow.auto.create.topics", "set delivery: {create_topics: true} instead"},
	{"enable.sasl.oauthbearer.unsecure.jwt", "anybody could forge such a token"},
	{"socket.nagle.disable", "Millrace sets it"},
};
#define REFUSED (sizeof(refused) / sizeof(refused[0]))

#define INSECURE "insecure"
#define SECRET_BYTES_MAX 65536

static const struct property *
allowed_of(struct mr_str name)
{
	for (size_t i = 0; i < ALLOWED; i++)
		if (mr_str_eq(mr_str_of(allowed[i].name), name))
			return &allowed[i];
	return NULL;
}

static const char *
refused_why(struct mr_str name)
{
	for (size_t i = 0; i < REFUSED; i++) {
		size_t n = strlen(refused[i].name);
		bool prefix = refused[i].name[n - 1] == '*';
		if (prefix ? name.n >= n - 1 && memcmp(name.p, refused[i].name, n - 1) == 0 :
		    mr_str_eq(name, mr_str_of(refused[i].name)))
			return refused[i].why;
	}
	return NULL;
}

static void
unknown(struct mr_setup *s, const struct mr_node *key)
{
	const char *best = NULL;
	unsigned distance = UINT32_MAX;

	for (size_t i = 0; i < ALLOWED; i++)
		if (mr_near(key->text, mr_str_of(allowed[i].name), &distance))
			best = allowed[i].name;
	if (best)
		mr_setup_error(s, key, "%.*s: no such property; did you mean %s?", (int)key->text.n, key->text.p, best);
	else
		mr_setup_error(s, key, "%.*s: not on the list of librdkafka properties that may be set here (docs/parameters.md)",
		    (int)key->text.n, key->text.p);
}

static bool
in_words(const char *words, struct mr_str t)
{
	for (const char *w = words; *w;) {
		size_t n = strcspn(w, " ");
		if (t.n == n && strncasecmp(w, t.p, n) == 0)
			return true;
		w += n + (w[n] == ' ');
	}
	return false;
}

static bool
value_right(struct mr_setup *s, const struct property *p, const struct mr_node *key, const struct mr_node *value)
{
	int64_t n;
	struct mr_str t = value->text;

	if (value->kind != MR_NODE_SCALAR) {
		mr_setup_error(s, value, "%s: expected one value, found a %s; several are written with commas", p->name,
		    value->kind == MR_NODE_LIST ? "list" : "map");
		return false;
	}
	const char *want = NULL;
	if (p->kind == NUMBER && !mr_scalar_int(t, &n))
		want = "a whole number";
	else if (p->kind == BOOL && !in_words("true false", t))
		want = "true or false";
	else if (p->kind == WORDS && !in_words(p->words, t))
		want = mr_setup_format(s, "one of: %s", p->words);
	else if (memchr(t.p ? t.p : "", '\0', t.n) || t.n == 0)
		want = "a text";
	if (want)
		mr_setup_error(s, value, "%.*s: %.*s must be %s", p->secret ? 0 : (int)t.n, t.p, (int)key->text.n, key->text.p, want);
	return want == NULL;
}

static bool
weakens_tls(const struct property *p, struct mr_str t)
{
	return (strcmp(p->name, "enable.ssl.certificate.verification") == 0 && in_words("false", t)) ||
	    (strcmp(p->name, "ssl.endpoint.identification.algorithm") == 0 && in_words("none", t));
}

// `sasl.password.file: PATH` stands for the property `sasl.password` with the file's text.
static const struct mr_node *
secret_of_file(struct mr_setup *s, const struct mr_node *value)
{
	const char *why = NULL;
	size_t n = 0;

	if (value->kind != MR_NODE_SCALAR || value->text.n == 0) {
		mr_setup_error(s, value, "expected the name of a file that holds the secret");
		return NULL;
	}
	const char *path = mr_setup_resolve(s, value->text);
	const char *text = mr_setup_read(s, path, SECRET_BYTES_MAX, &n, &why);
	while (text && n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	if (text == NULL || n == 0) {
		mr_setup_error(s, value, "%s: %s", path, text ? "the file is empty" : why);
		return NULL;
	}
	return mr_node_of(s, (struct mr_str){text, n}, value);
}

static const struct property *
secret_file(struct mr_str name)
{
	static const char suffix[] = ".file";
	size_t n = sizeof(suffix) - 1;

	if (name.n <= n || memcmp(name.p + name.n - n, suffix, n) != 0)
		return NULL;
	const struct property *p = allowed_of((struct mr_str){name.p, name.n - n});
	return p && p->secret ? p : NULL;
}

static bool
is_given(struct mr_setup *s, const struct property *p, const struct mr_node *key)
{
	for (uint32_t i = 0; i < s->config->n_kafka; i++)
		if (mr_str_eq(s->config->kafka[i].name, mr_str_of(p->name))) {
			mr_setup_error(s, key, "%s is given already; remove one", p->name);
			return true;
		}
	return false;
}

static void
read_one(struct mr_setup *s, const struct mr_node *key, const struct mr_node *value, bool insecure)
{
	const struct property *file = secret_file(key->text);
	const struct property *p = file ? file : allowed_of(key->text);
	const char *why = refused_why(key->text);
	struct mr_config *c = s->config;

	MR_ASSERT(p == NULL || why == NULL);
	if (why) {
		mr_setup_error(s, key, "%.*s: can't be set here: %s", (int)key->text.n, key->text.p, why);
		return;
	}
	if (p == NULL) {
		unknown(s, key);
		return;
	}
	if (file && (value = secret_of_file(s, value)) == NULL)
		return;
	if (!value_right(s, p, key, value) || is_given(s, p, key))
		return;
	if (weakens_tls(p, value->text) && !insecure) {
		mr_setup_error(s, key, "%s: %.*s lets anybody pose as the broker; if that is meant, add 'insecure: true' beside it",
		    p->name, (int)value->text.n, value->text.p);
		return;
	}
	if (strcmp(p->name, "group.instance.id") == 0) {
		if (c->instance_id.n)
			mr_setup_error(s, key, "group.instance.id: 'instance' names it already; remove one");
		c->instance_id = value->text;
		return;
	}
	MR_ASSERT(c->kafka != NULL && value->text.n > 0);
	c->kafka[c->n_kafka++] = (struct mr_property){mr_str_of(p->name), value->text, p->secret};
}

void
mr_properties_read(struct mr_setup *s, const struct mr_node *map)
{
	const struct mr_node *word = mr_node_get(map, INSECURE);
	bool insecure = word && word->kind == MR_NODE_SCALAR && mr_str_eq(word->text, MR_LIT("true"));
	struct mr_config *c = s->config;

	c->kafka = mr_arena_alloc(s->arena, ((map ? map->n : 0) + 2) * sizeof(*c->kafka));
	if (map && map->kind != MR_NODE_MAP) {
		mr_setup_error(s, map, "expected a map of librdkafka properties, as in bootstrap.servers: localhost:9092");
		return;
	}
	if (word && !insecure)
		mr_setup_error(s, word, "insecure: expected true; remove the key to keep certificate checks");
	for (uint32_t i = 0; map && i < map->n; i++)
		if (!mr_str_eq(map->keys[i]->text, MR_LIT(INSECURE)))
			read_one(s, map->keys[i], map->values[i], insecure);
	if (mr_node_get(map, "bootstrap.servers") == NULL && mr_node_get(map, "metadata.broker.list") == NULL)
		c->kafka[c->n_kafka++] = (struct mr_property){MR_LIT("bootstrap.servers"), MR_LIT("localhost:9092"), false};
}

static bool
begins(struct mr_str t, const char *prefix)
{
	size_t n = strlen(prefix);

	return t.n >= n && memcmp(t.p, prefix, n) == 0;
}

void
mr_redis_check(struct mr_setup *s, const struct mr_node *node, struct mr_str url)
{
	if (begins(url, "redis+cluster://")) {
		mr_setup_error(s, node, "redis+cluster://: not yet; this version of Millrace keeps one application in one Redis server");
	} else if (begins(url, "rediss://")) {
#if !MR_HAVE_HIREDIS_SSL
		mr_setup_error(s, node, "rediss://: this build has no TLS for Redis (hiredis_ssl was not found); "
		    "use a Unix socket, or redis:// through a local stunnel");
#endif
	} else if (!mr_str_eq(url, MR_LIT("memory:")) && !(begins(url, "unix:///") && url.n > 8) &&
	    !(begins(url, "redis://") && url.n > 8)) {
		// The text may hold a password: it is not repeated.
		mr_setup_error(s, node, "not an address of Redis: expected redis://[user[:password]@]host[:port][/db], "
		    "unix:///path, rediss://... or memory:");
	}
}

const char *
mr_property_name(size_t i)
{
	return i < ALLOWED ? allowed[i].name : i == ALLOWED ? INSECURE : NULL;
}

void
mr_properties_reference(FILE *out)
{
	fputs("\n## kafka\n\nlibrdkafka's properties that may be set, under librdkafka's names:\n", out);
	for (size_t i = 0; i < ALLOWED; i++)
		fprintf(out, "%s`%s`", i ? ", " : "", allowed[i].name);
	fputs(".\n\nA secret can be read from a file: `sasl.password.file: PATH` stands for `sasl.password`, and so for\n", out);
	const char *word = "";
	for (size_t i = 0; i < ALLOWED; i++)
		if (allowed[i].secret) {
			fprintf(out, "%s`%s.file`", word, allowed[i].name);
			word = ", ";
		}
	fputs(".\n\n`enable.ssl.certificate.verification: false` and `ssl.endpoint.identification.algorithm: none` need\n"
	    "`insecure: true` beside them. Refused, and why:\n\n| property | why |\n|---|---|\n", out);
	for (size_t i = 0; i < REFUSED; i++)
		fprintf(out, "| `%s` | %s |\n", refused[i].name, refused[i].why);
}
