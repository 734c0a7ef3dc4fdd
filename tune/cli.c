// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands and options as tables. "--name", "--name=value", "--name value", "-x"
 * anywhere; the first other word is the command. An option that does nothing for a
 * command is refused there, so that a misplaced one is never silently without effect.
 */
#include "tune/cli.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct command_row {
	const char *name, *words, *help;
};

static const struct command_row commands[CMD_COUNT + 1] = {
	[CMD_SHOW] = { "show", "[PROFILE]",
	               "every knob: its value now, before kvm-tune and at boot, what it does" },
	[CMD_SYSCTL] = { "sysctl", "[NAME[=VALUE]]...",
	                 "memory and kernel settings, and what they mean for guests" },
	[CMD_KSM] = { "ksm", "[status|on|off|unmerge|watch|auto]",
	              "merging of equal pages: bytes saved, CPU used" },
	[CMD_HUGEPAGES] = { "hugepages", "[2M|1G=COUNT|SIZE|max]...",
	                    "pools of huge pages for guest RAM" },
	[CMD_PARAM] = { "param", "[NAME[=VALUE]]...",
	                "parameters of the KVM modules, now or at their next load" },
	[CMD_APPLY] = { "apply", "PROFILE", "set everything that a profile recommends" },
	[CMD_UNDO] = { "undo", "[NAME]...",
	               "restore what the knobs were before kvm-tune, over reboots too" },
	[CMD_PERSIST] = { "persist", "[PROFILE|NAME=VALUE...]",
	                  "keep settings for the next boots; without words, the changed ones" },
	[CMD_UNPERSIST] = { "unpersist", "[NAME]...", "do not keep them any longer" },
	[CMD_PROFILES] = { "profiles", "", "list the profiles" },
};

struct row {
	const char *name;
	char letter;     /* 0: none */
	const char *arg; /* name of the value in the help; NULL: a switch */
	size_t offset;   /* of a bool or of a const char * */
	unsigned mask;   /* of the commands that take it; 0: all, and none */
	const char *help;
};

#define M(command) (1u << (command))
#define CHANGES \
	(M(CMD_SYSCTL) | M(CMD_KSM) | M(CMD_HUGEPAGES) | M(CMD_PARAM) | M(CMD_APPLY))
#define FIELD(member) offsetof(struct cli, member)

static const struct row rows[] = {
	{ "dry-run", 'n', NULL, FIELD(dry_run),
	  CHANGES | M(CMD_UNDO) | M(CMD_PERSIST) | M(CMD_UNPERSIST),
	  "show what would change, change nothing" },
	{ "persist", 'p', NULL, FIELD(persist), CHANGES,
	  "keep it for the next boots, too" },
	{ "json", 0, NULL, FIELD(json),
	  M(CMD_SHOW) | M(CMD_SYSCTL) | M(CMD_KSM) | M(CMD_HUGEPAGES) | M(CMD_PARAM),
	  "print JSON" },
	{ "fit", 0, "SIZE", FIELD(fit_text), M(CMD_SYSCTL),
	  "say how many more guests of this size fit (4G)" },
	{ "node", 0, "N", FIELD(node_text), M(CMD_HUGEPAGES),
	  "pages of this NUMA node only" },
	{ "mount", 0, "DIR", FIELD(mount), M(CMD_HUGEPAGES),
	  "mount the pages there, unless they are" },
	{ "interval", 0, "SEC", FIELD(interval_text), M(CMD_KSM),
	  "time between two looks of watch (2) or auto (60)" },
	{ "count", 0, "N", FIELD(count_text), M(CMD_KSM),
	  "end watch or auto after N looks" },
	{ "threshold", 0, "PERCENT", FIELD(threshold_text), M(CMD_KSM),
	  "auto: RAM that shall stay available (20)" },
	{ "root", 0, "DIR", FIELD(root), 0, "work on a captured host below DIR" },
	{ "state-dir", 0, "DIR", FIELD(state_dir), 0,
	  "folder of tuning.json ($KVMKIT_STATE_DIR or /run/kvmkit)" },
	{ "version", 0, NULL, FIELD(version), 0, "print the version" },
	{ "help", 'h', NULL, FIELD(help), 0, "print this, or help about a command" },
};

/* For scripts that make the manual and completions; no part of the help. */
static const struct row hidden[] = {
	{ "dump-options", 0, NULL, FIELD(dump_options), 0, NULL },
	{ "list-commands", 0, NULL, FIELD(list_commands), 0, NULL },
	{ "list-knobs", 0, NULL, FIELD(list_knobs), 0, NULL },
};

/* ---- options ---- */

static const struct row *find_in(const struct row *table, unsigned count,
                                 const char *name, size_t len)
{
	for (unsigned i = 0; i < count; i++)
		if (strlen(table[i].name) == len && !memcmp(table[i].name, name, len))
			return &table[i];
	return NULL;
}

static const struct row *find_option(const char *arg)
{
	const char *name = arg + 2;
	size_t len = strcspn(name, "=");
	const struct row *row;

	if (arg[1] == '-') {
		row = find_in(rows, ARRAY_SIZE(rows), name, len);
		return row ? row : find_in(hidden, ARRAY_SIZE(hidden), name, len);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].letter && rows[i].letter == arg[1] && !arg[2])
			return &rows[i];
	return NULL;
}

static int unknown_option(const char *arg, struct err *err)
{
	const char *names[ARRAY_SIZE(rows) + 1] = { 0 }, *near;
	char word[64] = "";

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		names[i] = rows[i].name;
	strncat(word, arg + strspn(arg, "-"), sizeof(word) - 1);
	word[strcspn(word, "=")] = '\0';
	near = opt_nearest(word, names);
	if (near)
		return err_usage(err, "unknown option '%s', did you mean '--%s'?", arg,
		                 near);
	return err_usage(err, "unknown option '%s'; see kvm-tune --help", arg);
}

/* Handles argv[*i], and moves *i over a separate value. */
static int take_option(int argc, char *const argv[], int *i, struct cli *cli,
                       unsigned *masks, struct err *err)
{
	const char *arg = argv[*i], *value;
	const char *eq = arg[1] == '-' ? strchr(arg, '=') : NULL;
	const struct row *row = find_option(arg);

	if (!row)
		return unknown_option(arg, err);
	if (row->mask)
		masks[row - rows] = row->mask;
	if (!row->arg) {
		if (eq)
			return err_usage(err, "--%s takes no value", row->name);
		*(bool *)((char *)cli + row->offset) = true;
		return 0;
	}
	value = eq ? eq + 1 : *i + 1 < argc ? argv[++*i] : NULL;
	if (!value || !*value)
		return err_usage(err, "--%s needs a value: --%s %s", row->name, row->name,
		                 row->arg);
	*(const char **)((char *)cli + row->offset) = value;
	return 0;
}

/* ---- words ---- */

static int take_word(const char *word, struct cli *cli, struct err *err)
{
	const char *names[CMD_COUNT + 1] = { 0 }, *near;

	if (cli->has_command) {
		if (cli->word_count == CLI_WORDS)
			return err_usage(err, "more than %d words", CLI_WORDS);
		cli->words[cli->word_count++] = word;
		return 0;
	}
	for (unsigned i = 0; i < CMD_COUNT; i++) {
		names[i] = commands[i].name;
		if (!strcmp(word, names[i])) {
			cli->command = i;
			cli->has_command = true;
			return 0;
		}
	}
	near = opt_nearest(word, names);
	if (near)
		return err_usage(err, "there is no command '%.60s', did you mean '%s'?",
		                 word, near);
	return err_usage(err, "there is no command '%.60s'; see kvm-tune --help", word);
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

static int check_masks(const struct cli *cli, const unsigned *masks, struct err *err)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (masks[i] && !(masks[i] & M(cli->command)))
			return err_usage(err, "--%s has no meaning for kvm-tune %s",
			                 rows[i].name, commands[cli->command].name);
	return 0;
}

int cli_parse(int argc, char *const argv[], struct cli *cli, struct err *err)
{
	unsigned masks[ARRAY_SIZE(rows)] = { 0 };
	bool words_only = false;
	int ret = 0;

	*cli = (struct cli){ .node = -1 };
	for (int i = 1; i < argc && !ret; i++) {
		if (!words_only && !strcmp(argv[i], "--"))
			words_only = true;
		else if (!words_only && argv[i][0] == '-' && argv[i][1])
			ret = take_option(argc, argv, &i, cli, masks, err);
		else
			ret = take_word(argv[i], cli, err);
	}
	if (ret < 0 || cli->help || cli->version || cli->dump_options ||
	    cli->list_commands || cli->list_knobs)
		return ret;
	if (!cli->has_command)
		return err_usage(err, "which command? see kvm-tune --help");
	ret = check_masks(cli, masks, err);
	return ret ? ret : numbers(cli, err);
}

/* ---- help ---- */

static void help_option(const struct row *row, struct strbuf *out)
{
	size_t start = out->len;

	if (row->letter)
		strbuf_addf(out, "  -%c, --%s", row->letter, row->name);
	else
		strbuf_addf(out, "      --%s", row->name);
	strbuf_addf(out, "%s%s", row->arg ? " " : "", row->arg ? row->arg : "");
	strbuf_addf(out, "%*s%s\n", (int)(26 - (out->len - start)), "", row->help);
}

static void help_command(const struct command_row *command, unsigned bit,
                         struct strbuf *out)
{
	strbuf_addf(out, "usage: kvm-tune %s [option...] %s\n%s\n\n", command->name,
	            command->words, command->help);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (!rows[i].mask || (rows[i].mask & bit))
			help_option(&rows[i], out);
}

void cli_help(const struct cli *cli, struct strbuf *out)
{
	if (cli->has_command) {
		help_command(&commands[cli->command], M(cli->command), out);
		return;
	}
	strbuf_adds(out, "usage: kvm-tune COMMAND [option...] [word...]\n"
	                 "Tunes this host for KVM guests, and puts it back.\n\n");
	cli_list_commands("  ", out);
	strbuf_adds(out, "\nkvm-tune COMMAND --help lists its options. For every one:\n");
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (!rows[i].mask)
			help_option(&rows[i], out);
	strbuf_adds(out, "\nAny user may look; only root may change. Originals are in "
	                 "/var/lib/kvmkit first.\n"
	                 "Exit: 0 done, 1 failed and nothing changed, 2 wrong usage, "
	                 "3 internal error.\n");
}

void cli_list_commands(const char *indent, struct strbuf *out)
{
	for (unsigned i = 0; i < CMD_COUNT; i++)
		strbuf_addf(out, "%s%-10s %s\n", indent, commands[i].name,
		            commands[i].help);
}

void cli_dump_options(struct strbuf *out)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		char letter[2] = { row->letter, '\0' };
		bool first = true;

		strbuf_addf(out, "%s\t%s\t%s\t", row->name, letter,
		            row->arg ? row->arg : "");
		if (!row->mask)
			strbuf_adds(out, "Every command");
		for (unsigned c = 0; c < CMD_COUNT; c++)
			if (row->mask & M(c)) {
				strbuf_addf(out, "%s%s", first ? "" : ", ",
				            commands[c].name);
				first = false;
			}
		strbuf_addf(out, "\t%s\n", row->help);
	}
}
