// millrace replay: recorded events through the tasks of a live run, with no servers.
#include "cli/cli.h"
#include "cli/progress.h"
#include "config/config.h"
#include "event/cloudevents.h"
#include "run/lines.h"
#include "run/replay.h"
#include "run/replay_topic.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct options {
	const char *config, *input, *topic;
	bool journal;
	bool emit[MR_OUTPUTS], profiles;
	int32_t partitions;
	int64_t until_ms;
};

static const struct mr_str emit_words[MR_OUTPUTS] = {
	[MR_OUT_ACTION] = {"actions", 7},
	[MR_OUT_DECISION] = {"decisions", 9},
	[MR_OUT_SESSION] = {"sessions", 8},
	[MR_OUT_DEAD_LETTER] = {"dead_letters", 12},
};

// "actions,sessions": unknown words are wrong usage.
static bool
parse_emit(const char *text, struct options *o)
{
	memset(o->emit, 0, sizeof(o->emit));
	o->profiles = false;
	for (const char *at = text; at;) {
		const char *comma = strchr(at, ',');
		struct mr_str word = {at, comma ? (size_t)(comma - at) : strlen(at)};
		bool known = mr_str_eq(word, MR_LIT("profiles"));
		o->profiles |= known;
		for (int i = 0; i < MR_OUTPUTS; i++)
			if (mr_str_eq(word, emit_words[i]))
				known = o->emit[i] = true;
		if (!known)
			return false;
		at = comma ? comma + 1 : NULL;
	}
	return true;
}

static bool
parse_until(const char *text, int64_t *ms)
{
	char whole[32];

	if (strcmp(text, "end") == 0) {
		*ms = MR_UNTIL_END;
		return true;
	}
	if (strlen(text) == 10) {   // a day is its first instant
		snprintf(whole, sizeof(whole), "%sT00:00:00Z", text);
		text = whole;
	}
	return mr_time_parse(mr_str_of(text), ms);
}

static int
parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"emit", required_argument, NULL, 'e'},
		{"until", required_argument, NULL, 'u'},
		{"partitions", required_argument, NULL, 'p'},
		{"topic", required_argument, NULL, 't'},
		{"journal", no_argument, NULL, 'j'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:e:u:p:t:j", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'e':
			if (!parse_emit(optarg, o))
				return mr_cli_wrong(&mr_verb_replay,
				    "--emit %s: takes actions,decisions,sessions,profiles,dead_letters", optarg);
			break;
		case 'u':
			if (!parse_until(optarg, &o->until_ms))
				return mr_cli_wrong(&mr_verb_replay,
				    "--until %s: takes 'end' or a time such as 2026-03-01T10:00:00Z", optarg);
			break;
		case 'p':
			o->partitions = (int32_t)strtol(optarg, NULL, 10);
			if (o->partitions < 1 || o->partitions > 4096)
				return mr_cli_wrong(&mr_verb_replay, "--partitions %s: takes 1 to 4096", optarg);
			break;
		case 't':
			o->topic = optarg;
			break;
		case 'j':
			o->journal = true;
			break;
		default:
			return mr_cli_wrong(&mr_verb_replay, "unknown option");
		}
	}
	if (o->config == NULL)
		return mr_cli_wrong(&mr_verb_replay, "needs a configuration: -c FILE");
	if (argc - optind > 1)
		return mr_cli_wrong(&mr_verb_replay, "takes one input, not %d", argc - optind);
	if (o->topic && optind < argc)
		return mr_cli_wrong(&mr_verb_replay, "takes --topic or an input, not both");
	if (o->journal && o->topic == NULL)
		return mr_cli_wrong(&mr_verb_replay, "--journal goes with --topic");
	o->input = optind < argc ? argv[optind] : "-";
	return MR_EXIT_OK;
}

static uint64_t
size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

static int
replay_lines(struct mr_replay *replay, const struct options *o)
{
	int fd = strcmp(o->input, "-") == 0 ? dup(STDIN_FILENO) : open(o->input, O_RDONLY | O_CLOEXEC);
	struct mr_progress bar;
	struct mr_str line;

	if (fd < 0)
		return mr_cli_failed(&mr_verb_replay, "%s: %s", o->input, strerror(errno));
	struct mr_lines *lines = mr_lines_new(fd);
	mr_progress_start(&bar, "bytes", size_of(fd));
	while (mr_lines_more(lines)) {
		while (mr_lines_next(lines, &line))
			if (line.n > 0)
				mr_replay_line(replay, line);
		mr_progress_update(&bar, mr_lines_bytes(lines));
	}
	mr_progress_end(&bar, mr_lines_bytes(lines));
	bool failed = mr_lines_failed(lines);
	mr_lines_free(lines);
	if (failed)
		return mr_cli_failed(&mr_verb_replay, "%s: %s", o->input, strerror(errno));
	return MR_EXIT_OK;
}

struct bar {
	struct mr_progress progress;
	uint64_t records;
};

static void
on_progress(void *arg, uint64_t records)
{
	struct bar *bar = arg;

	bar->records += records;
	mr_progress_update(&bar->progress, bar->records);
}

static int
replay_topic(struct mr_replay *replay, const struct mr_replay_topic_conf *conf, int32_t partitions)
{
	struct mr_replay_topic_conf with = *conf;
	struct bar bar = {0};
	char error[256];

	with.progress = on_progress;
	with.arg = &bar;
	mr_progress_start(&bar.progress, "events", 0);
	bool ok = mr_replay_topic(replay, &with, partitions, error);
	mr_progress_end(&bar.progress, bar.records);
	return ok ? MR_EXIT_OK : mr_cli_failed(&mr_verb_replay, "%s", error);
}

static int
replay(const struct options *o, const struct mr_config *config, const struct mr_replay_topic_conf *topic,
    int32_t partitions)
{
	struct mr_replay_conf conf = {.config = config, .partitions = partitions, .profiles = o->profiles, .out = stdout};

	for (int i = 0; i < MR_OUTPUTS; i++)
		if (o->emit[i] && !config->plan.wanted[i])
			fprintf(stderr, "millrace replay: %s are off in %s\n", emit_words[i].p, o->config);
	memcpy(conf.emit, o->emit, sizeof(conf.emit));
	struct mr_replay *replay = mr_replay_new(&conf);
	int code = topic ? replay_topic(replay, topic, partitions) : replay_lines(replay, o);
	if (code == MR_EXIT_OK)
		mr_replay_end(replay, o->until_ms);
	mr_replay_free(replay);
	return code;
}

static int
from_topic(const struct options *o, const struct mr_config *config)
{
	struct mr_kafka_property *properties = mr_cli_kafka_properties(config);
	const struct mr_kafka_conf kafka = {.properties = properties, .n_properties = config->n_kafka};
	const struct mr_replay_topic_conf topic = {
		.config = config,
		.kafka = &kafka,
		.topic = o->topic,
		.journal = o->journal,
	};
	char error[256] = "";
	int32_t partitions = mr_replay_topic_partitions(&topic, error);
	int code = partitions > 0 ? replay(o, config, &topic, partitions)
	                          : mr_cli_failed(&mr_verb_replay, "%s", error);

	free(properties);
	return code;
}

static int
run(int argc, char **argv)
{
	struct options o = {.partitions = 1, .until_ms = MR_UNTIL_NONE, .emit = {[MR_OUT_ACTION] = true}};
	int code = parse(argc, argv, &o);

	if (code != MR_EXIT_OK)
		return code;
	struct mr_config *config = mr_cli_config(o.config, &(struct mr_config_options){.json = true});
	if (config == NULL)
		return MR_EXIT_CONFIG;
	code = o.topic ? from_topic(&o, config) : replay(&o, config, NULL, o.partitions);
	mr_config_free(config);
	return code;
}

const struct mr_verb mr_verb_replay = {
	.name = "replay",
	.help = "run recorded events through a configuration, with no servers",
	.usage =
	    "Usage: millrace replay -c FILE [OPTION]... [INPUT|-]\n\n"
	    "Reads events, one JSON object a line, and runs the very tasks of a live run over them.\n"
	    "Writes what they do to standard output: one CloudEvents JSON object a line, in the order of\n"
	    "(stream time, partition, seq, effect). The same input gives the same bytes, always.\n\n"
	    "  -c, --config FILE     the configuration\n"
	    "  -e, --emit LIST       what to write: actions,decisions,sessions,profiles,dead_letters\n"
	    "                        (default: actions)\n"
	    "  -u, --until TIME|end  at the end, move time on to TIME; 'end' fires what is due up to the\n"
	    "                        last event (default: time moves with the events alone)\n"
	    "  -p, --partitions N    place each event as a producer would on N partitions (default: 1)\n"
	    "  -t, --topic TOPIC     read this Kafka topic, all partitions, instead of INPUT\n"
	    "  -j, --journal         with --topic: just as it ran live, clock and order included\n",
	.run = run,
};
