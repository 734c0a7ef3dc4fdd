// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands and options as tables; the first word that is no option is the command. An
 * option that does nothing for a command is refused there, so that a misplaced one is
 * never silently without effect.
 */
#include "tune/cli.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "common/toolopts.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const command_names[CMD_COUNT + 1] = {
	[CMD_SHOW] = "show",
	[CMD_SYSCTL] = "sysctl",
	[CMD_KSM] = "ksm",
	[CMD_HUGEPAGES] = "hugepages",
	[CMD_PARAM] = "param",
	[CMD_APPLY] = "apply",
	[CMD_UNDO] = "undo",
	[CMD_PERSIST] = "persist",
	[CMD_UNPERSIST] = "unpersist",
	[CMD_PROFILES] = "profiles",
};

static const struct toolopt_command commands[CMD_COUNT] = {
	[CMD_SHOW] = { "[PROFILE]",
	               "every knob: its value now, before kvm-tune and at boot, what it does" },
	[CMD_SYSCTL] = { "[NAME[=VALUE]]...",
	                 "memory and kernel settings, and what they mean for guests" },
	[CMD_KSM] = { "[status|on|off|unmerge|watch|auto]",
	              "merging of equal pages: bytes saved, CPU used" },
	[CMD_HUGEPAGES] = { "[2M|1G=COUNT|SIZE|max]...",
	                    "pools of huge pages for guest RAM" },
	[CMD_PARAM] = { "[NAME[=VALUE]]...",
	                "parameters of the KVM modules, now or at their next load" },
	[CMD_APPLY] = { "PROFILE", "set everything that a profile recommends" },
	[CMD_UNDO] = { "[NAME]...",
	               "restore what the knobs were before kvm-tune, over reboots too" },
	[CMD_PERSIST] = { "[PROFILE|NAME=VALUE...]",
	                  "keep settings for the next boots; without words, the changed ones" },
	[CMD_UNPERSIST] = { "[NAME]...", "do not keep them any longer" },
	[CMD_PROFILES] = { "", "list the profiles" },
};

#define M(command) (1u << (command))
#define CHANGES \
	(M(CMD_SYSCTL) | M(CMD_KSM) | M(CMD_HUGEPAGES) | M(CMD_PARAM) | M(CMD_APPLY))
#define FIELD(member) offsetof(struct cli, member)

static const struct toolopt rows[] = {
	{ "dry-run", 'n', NULL, FIELD(dry_run), 0,
	  CHANGES | M(CMD_UNDO) | M(CMD_PERSIST) | M(CMD_UNPERSIST),
	  "show what would change, change nothing" },
	{ "persist", 'p', NULL, FIELD(persist), 0, CHANGES,
	  "keep it for the next boots, too" },
	{ "json", 0, NULL, FIELD(json), 0,
	  M(CMD_SHOW) | M(CMD_SYSCTL) | M(CMD_KSM) | M(CMD_HUGEPAGES) | M(CMD_PARAM),
	  "print JSON" },
	{ "fit", 0, "SIZE", FIELD(fit_text), 0, M(CMD_SYSCTL),
	  "say how many more guests of this size fit (4G)" },
	{ "node", 0, "N", FIELD(node_text), 0, M(CMD_HUGEPAGES),
	  "pages of this NUMA node only" },
	{ "mount", 0, "DIR", FIELD(mount), 0, M(CMD_HUGEPAGES),
	  "mount the pages there, unless they are" },
	{ "interval", 0, "SEC", FIELD(interval_text), 0, M(CMD_KSM),
	  "time between two looks of watch (2) or auto (60)" },
	{ "count", 0, "N", FIELD(count_text), 0, M(CMD_KSM),
	  "end watch or auto after N looks" },
	{ "threshold", 0, "PERCENT", FIELD(threshold_text), 0, M(CMD_KSM),
	  "auto: RAM that shall stay available (20)" },
	{ "root", 0, "DIR", FIELD(root), 0, 0, "work on a captured host below DIR" },
	{ "state-dir", 0, "DIR", FIELD(state_dir), 0, 0,
	  "folder of tuning.json ($KVMKIT_STATE_DIR or /run/kvmkit)" },
	{ "version", 0, NULL, FIELD(version), 0, 0, "print the version" },
	{ "help", 'h', NULL, FIELD(help), 0, 0, "print this, or help about a command" },
	/* For scripts that make the manual and completions; no part of the help. */
	{ "dump-options", 0, NULL, FIELD(dump_options), 0, 0, NULL },
	{ "list-commands", 0, NULL, FIELD(list_commands), 0, 0, NULL },
	{ "list-knobs", 0, NULL, FIELD(list_knobs), 0, 0, NULL },
};

static const struct toolopts options = { .program = "kvm-tune",
	                                 .row = rows,
	                                 .count = ARRAY_SIZE(rows),
	                                 .column = 26,
	                                 .commands = command_names,
	                                 .about = commands };

/* ---- words ---- */

static int take_word(const char *word, struct cli *cli, struct err *err)
{
	int command;

	if (cli->has_command) {
		if (cli->word_count == CLI_WORDS)
			return err_usage(err, "more than %d words", CLI_WORDS);
		cli->words[cli->word_count++] = word;
		return 0;
	}
	command = toolopts_command(&options, word, err);
	if (command < 0)
		return command;
	cli->command = command;
	cli->has_command = true;
	return 0;
}

static int number(const char *option, const char *text, uint64_t min, uint64_t max,
                  uint64_t def, uint64_t *value, struct err *err)
{
	*value = def;
	if (!text || (!opt_parse_u64(text, value) && *value >= min && *value <= max))
		return 0;
	return err_usage(err, "--%s needs a number from %llu to %llu, not '%s'", option,
	                 (unsigned long long)min, (unsigned long long)max, text);
}

static int numbers(struct cli *cli, struct err *err)
{
	bool watch = cli->word_count && !strcmp(cli->words[0], "watch");
	uint64_t interval, count, threshold, node;
	int ret = number("interval", cli->interval_text, 1, 86400, watch ? 2 : 60,
	                 &interval, err);

	if (!ret)
		ret = number("count", cli->count_text, 1, UINT32_MAX, 0, &count, err);
	if (!ret)
		ret = number("threshold", cli->threshold_text, 1, 99, 20, &threshold,
		             err);
	if (!ret)
		ret = number("node", cli->node_text, 0, UINT16_MAX, 0, &node, err);
	if (ret < 0)
		return ret;
	cli->interval = interval;
	cli->count = count;
	cli->threshold = threshold;
	cli->node = cli->node_text ? (int)node : -1;
	if (cli->fit_text &&
	    (opt_parse_size(cli->fit_text, 'B', &cli->fit) < 0 || cli->fit < 1024 * 1024))
		return err_usage(
			err, "--fit needs the memory of a guest, such as 4G, not '%s'",
			cli->fit_text);
	return 0;
}

/* given: of the options that some commands take only. */
static int check_given(const struct cli *cli, const bool *given, struct err *err)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (given[i] && rows[i].mask && !(rows[i].mask & M(cli->command)))
			return err_usage(err, "--%s has no meaning for kvm-tune %s",
			                 rows[i].name, command_names[cli->command]);
	return 0;
}

int cli_parse(int argc, char *const argv[], struct cli *cli, struct err *err)
{
	bool given[ARRAY_SIZE(rows)] = { false };
	const struct toolopt *row;
	bool words_only = false;
	int ret = 0;

	*cli = (struct cli){ .node = -1 };
	for (int i = 1; i < argc && !ret; i++) {
		if (!words_only && !strcmp(argv[i], "--"))
			words_only = true;
		else if (words_only || !toolopts_is_option(argv[i]))
			ret = take_word(argv[i], cli, err);
		else if (!(ret = toolopts_take(&options, argc, argv, &i, cli, &row, err)))
			given[row - rows] = true;
	}
	if (ret < 0 || cli->help || cli->version || cli->dump_options ||
	    cli->list_commands || cli->list_knobs)
		return ret;
	if (!cli->has_command)
		return err_usage(err, "which command? see kvm-tune --help");
	ret = check_given(cli, given, err);
	return ret ? ret : numbers(cli, err);
}

/* ---- help ---- */

void cli_help(const struct cli *cli, struct strbuf *out)
{
	if (cli->has_command) {
		toolopts_command_help(&options, cli->command, out);
		return;
	}
	strbuf_adds(out, "usage: kvm-tune COMMAND [option...] [word...]\n"
	                 "Tunes this host for KVM guests, and puts it back.\n\n");
	cli_list_commands("  ", out);
	strbuf_adds(out, "\nkvm-tune COMMAND --help lists its options. For every one:\n");
	toolopts_help(&options, 0, out);
	strbuf_adds(out, "\nAny user may look; only root may change. Originals are in "
	                 "/var/lib/kvmkit first.\n"
	                 "Exit: 0 done, 1 failed and nothing changed, 2 wrong usage, "
	                 "3 internal error.\n");
}

void cli_list_commands(const char *indent, struct strbuf *out)
{
	toolopts_list_commands(&options, indent, out);
}

void cli_dump_options(struct strbuf *out)
{
	toolopts_dump(&options, out);
}
