// What goes through to librdkafka and to Redis, and what stays a secret.
#include "config/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BASE "app: shop\ninput: {events: events}\n"

static struct mr_config *
good(const char *path, const char *text)
{
	char *errors = NULL;
	struct mr_config *c = mr_config_load(path, text, NULL, &errors, NULL);

	cr_assert(c != NULL, "%s", errors);
	return c;
}

static void
refused(const char *text, const char *part)
{
	char *errors = NULL;

	cr_assert_null(mr_config_load("x.yaml", text, NULL, &errors, NULL), "%s", text);
	cr_expect_not_null(strstr(errors, part), "%s gave %s", text, errors);
	free(errors);
}

static const struct mr_property *
property(const struct mr_config *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_kafka; i++)
		if (mr_str_eq(c->kafka[i].name, mr_str_of(name)))
			return &c->kafka[i];
	return NULL;
}

Test(properties, pass_in_the_order_of_the_file)
{
	struct mr_config *c = good("x", BASE "kafka: {bootstrap.servers: 'a:1,b:2', security.protocol: SASL_SSL, "
	    "sasl.mechanism: SCRAM-SHA-512, sasl.username: u, sasl.password: p, session.timeout.ms: 30000}\n");

	cr_assert_eq(c->n_kafka, 6);
	cr_expect(mr_str_eq(c->kafka[0].name, MR_LIT("bootstrap.servers")));
	cr_expect(mr_str_eq(c->kafka[0].value, MR_LIT("a:1,b:2")));
	cr_expect_not(c->kafka[0].secret);
	cr_expect(mr_str_eq(c->kafka[4].value, MR_LIT("p")));
	cr_expect(c->kafka[4].secret);
	cr_expect(mr_str_eq(c->kafka[5].value, MR_LIT("30000")));
	mr_config_free(c);
}

Test(properties, certificate_checks_go_off_in_words_only)
{
	refused(BASE "kafka: {enable.ssl.certificate.verification: false}\n", "add 'insecure: true' beside it");
	refused(BASE "kafka: {insecure: false, ssl.endpoint.identification.algorithm: none}\n", "insecure: expected true");
	struct mr_config *c = good("x", BASE "kafka: {insecure: true, ssl.endpoint.identification.algorithm: none}\n");
	char *echo = mr_config_echo(c);

	cr_expect_not_null(property(c, "ssl.endpoint.identification.algorithm"));
	cr_expect_null(property(c, "insecure"));
	mr_config_free(c);
	mr_config_free(good("x", echo));
	free(echo);
	c = good("x", BASE "kafka: {enable.ssl.certificate.verification: true}\n");
	mr_config_free(c);
}

Test(properties, every_one_that_millrace_sets_is_refused)
{
	const char *const names[] = {"enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset", "isolation.level",
	    "transactional.id", "transaction.timeout.ms", "enable.idempotence", "acks", "max.in.flight", "linger.ms", "group.id",
	    "partition.assignment.strategy", "plugin.library.paths", "sasl.kerberos.kinit.cmd", "ssl.engine.location",
	    "enable.sasl.oauthbearer.unsecure.jwt", NULL};
	char text[256];

	for (const char *const *name = names; *name; name++) {
		snprintf(text, sizeof(text), BASE "kafka: {%s: x}\n", *name);
		refused(text, "can't be set here: ");
	}
	refused(BASE "kafka: {made.up.property: x}\n", "not on the list");
	refused(BASE "kafka: [a]\n", "expected a map of librdkafka properties");
	refused(BASE "kafka: {client.id: [a, b]}\n", "expected one value, found a list");
	refused(BASE "kafka: {client.id: ''}\n", "must be a text");
}

Test(properties, the_instance_is_named_once)
{
	struct mr_config *c = good("x", BASE "kafka: {group.instance.id: worker-1}\n");

	cr_expect(mr_str_eq(c->instance_id, MR_LIT("worker-1")));
	cr_expect_null(property(c, "group.instance.id"));
	mr_config_free(c);
	c = good("x", BASE "instance: worker-2\n");
	cr_expect(mr_str_eq(c->instance_id, MR_LIT("worker-2")));
	char *echo = mr_config_echo(c);
	cr_expect_not_null(strstr(echo, "instance: worker-2\n"));
	free(echo);
	mr_config_free(c);
	refused(BASE "instance: 'a b'\n", "a name of letters, digits");
}

Test(properties, a_secret_from_a_file)
{
	char dir[] = "/tmp/millrace-secret-XXXXXX", path[64], secret[64];

	cr_assert(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/x.yaml", dir);
	snprintf(secret, sizeof(secret), "%s/password", dir);
	FILE *out = fopen(secret, "w");
	fputs("s3cret\n", out);
	fclose(out);
	struct mr_config *c = good(path, BASE "kafka: {sasl.password.file: password}\nredis: {password_file: password}\n");
	const struct mr_property *p = property(c, "sasl.password");
	cr_assert(p != NULL && p->secret);
	cr_expect(mr_str_eq(p->value, MR_LIT("s3cret")));
	cr_expect(mr_str_eq(c->redis_password_file, mr_str_of(secret)));
	char *echo = mr_config_echo(c);
	cr_expect_null(strstr(echo, "s3cret"));
	free(echo);
	mr_config_free(c);
	unlink(secret);
	rmdir(dir);
	refused(BASE "kafka: {sasl.password.file: nowhere}\n", "nowhere: No such file or directory");
	refused(BASE "kafka: {sasl.password.file: [a]}\n", "expected the name of a file");
	refused(BASE "kafka: {sasl.password: a, sasl.password.file: /dev/null}\n", "not a regular file");
	refused(BASE "kafka: {sasl.username.file: a}\n", "sasl.username.file: ");
}

Test(properties, redis)
{
	struct mr_config *c = good("x", BASE "redis: {url: 'redis://u@h:6379/1', timeout: 250ms}\n");
	const char *const right[] = {"memory:", "unix:///run/redis.sock", "redis://h", "redis://u:p@h:1/2", NULL};
	const char *const wrong[] = {"redis://", "unix:/x", "unix:///", "memory", "http://h", "h:6379", "'redis:'", NULL};
	char text[256];

	cr_expect(mr_str_eq(c->redis, MR_LIT("redis://u@h:6379/1")));
	cr_expect_eq(c->redis_timeout_ms, 250);
	mr_config_free(c);
	for (const char *const *url = right; *url; url++) {
		snprintf(text, sizeof(text), BASE "redis: \"%s\"\n", *url);
		mr_config_free(good("x", text));
	}
	for (const char *const *url = wrong; *url; url++) {
		snprintf(text, sizeof(text), BASE "redis: %s\n", *url);
		refused(text, "not an address of Redis");
	}
	refused(BASE "redis: redis+cluster://h\n", "redis+cluster://: not yet");
#if !MR_HAVE_HIREDIS_SSL
	refused(BASE "redis: rediss://h\n", "use a Unix socket, or redis:// through a local stunnel");
#endif
}
