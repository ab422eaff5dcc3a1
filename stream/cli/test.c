// millrace test FILE: runs the tests that a configuration brings along.
#include "cli/cases.h"
#include "cli/cli.h"

static int
run_file(const char *path)
{
	struct mr_config *config = mr_cli_config(path, NULL);
	int code = MR_EXIT_CONFIG;

	if (config && mr_cases_check(config, stderr)) {
		struct mr_cases_result r = mr_cases_run(config, stdout);
		if (r.run == 0)
			fprintf(stderr, "millrace test: %s has no tests\n", path);
		else
			printf("%u %s, %u failed\n", r.run, r.run == 1 ? "test" : "tests", r.failed);
		code = r.failed ? MR_EXIT_FAILED : MR_EXIT_OK;
	}
	mr_config_free(config);
	return code;
}

static int
test_run(int argc, char **argv)
{
	int code = MR_EXIT_OK;

	if (argc < 2)
		return mr_cli_wrong(&mr_verb_test, "needs a configuration file");
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-')
			return mr_cli_wrong(&mr_verb_test, "no option '%s'", argv[i]);
	}
	for (int i = 1; i < argc; i++) {
		int one = run_file(argv[i]);
		code = one > code ? one : code;
	}
	return code;
}

const struct mr_verb mr_verb_test = {
	.name = "test",
	.help = "run the tests that a configuration brings along",
	.usage = "Usage: millrace test FILE...\n\n"
	    "Runs the `tests` of each configuration in memory: no Kafka, no Redis, no clock.\n\n"
	    "  tests:\n"
	    "    - name: a paid cart gets no reminder\n"
	    "      events:\n"
	    "        - {at: 2026-03-01T10:00:00Z, user: u1, event: Product Added, properties: {cart_id: c1}}\n"
	    "        - {until: 2026-03-01T12:00:00Z}\n"
	    "      actions:\n"
	    "        - {channel: push, template: cart-reminder}\n\n"
	    "An event takes `at`, `user` and any field of the Segment specification; `until` lets time\n"
	    "pass. Actions and decisions are exact in number and order; each is compared by the fields\n"
	    "that it names (`at` is its time, `user: ID` and `rule: NAME` are short).\n\n"
	    "Exit codes: 0 all passed, 1 a test failed, 2 wrong usage, 78 bad configuration or test.\n",
	.run = test_run,
};
