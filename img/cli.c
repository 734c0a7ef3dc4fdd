// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands and options as tables. The command comes first: which options there are, and
 * what a letter means, depends on it. As with getopt(3), letters may stand together
 * ("-pc") and a value may stick to its letter ("-Oraw").
 */
#include "img/cli.h"

#include "common/cleanup.h"
#include "common/toolopts.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const command_names[CMD_COUNT + 1] = {
	[CMD_CREATE] = "create",   [CMD_INFO] = "info",       [CMD_CHECK] = "check",
	[CMD_CONVERT] = "convert", [CMD_RESIZE] = "resize",   [CMD_SNAPSHOT] = "snapshot",
	[CMD_MAP] = "map",         [CMD_COMPARE] = "compare", [CMD_MEASURE] = "measure",
	[CMD_REBASE] = "rebase",   [CMD_COMMIT] = "commit",
};

static const struct toolopt_command commands[CMD_COUNT] = {
	[CMD_CREATE] = { "FILE [SIZE]", "make a new image" },
	[CMD_INFO] = { "FILE", "print what an image is" },
	[CMD_CHECK] = { "FILE", "find what is wrong with a qcow2 image, and repair it" },
	[CMD_CONVERT] = { "FILE NEW-FILE",
	                  "copy a disk into an image of another format" },
	[CMD_RESIZE] = { "FILE [+|-]SIZE", "give a disk another size" },
	[CMD_SNAPSHOT] = { "FILE",
	                   "list, make, go back to and delete snapshots inside an image" },
	[CMD_MAP] = { "FILE", "print where the data of a disk is" },
	[CMD_COMPARE] = { "FILE OTHER-FILE", "tell whether two disks hold the same" },
	[CMD_MEASURE] = { "[FILE]", "print how large a new image would become" },
	[CMD_REBASE] = { "FILE", "give an image another one below it" },
	[CMD_COMMIT] = { "FILE", "write what an image has into the one below it" },
};

#define M(command)    (1u << (command))
#define FIELD(member) offsetof(struct cli, member)

/* Those that open an image to read it. */
#define READERS                                                                       \
	(M(CMD_INFO) | M(CMD_CHECK) | M(CMD_CONVERT) | M(CMD_SNAPSHOT) | M(CMD_MAP) | \
	 M(CMD_COMPARE) | M(CMD_MEASURE))

static const struct toolopt rows[] = {
	{ "format", 'f', "FORMAT", FIELD(format), 0,
	  M(CMD_CREATE) | M(CMD_RESIZE) | M(CMD_REBASE) | M(CMD_COMMIT) | READERS,
	  "of the image (default: found out; raw for a new one)" },
	{ "target-format", 'O', "FORMAT", FIELD(target_format), 0,
	  M(CMD_CONVERT) | M(CMD_MEASURE), "of the new image (default: raw)" },
	{ "options", 'o', "KEY=VALUE[,...]", FIELD(more), 0,
	  M(CMD_CREATE) | M(CMD_CONVERT) | M(CMD_MEASURE),
	  "of the new image's format; -o help lists them" },
	{ "backing", 'b', "FILE", FIELD(backing), 0, M(CMD_CREATE),
	  "image below, from its folder; has what is not in the new one" },
	{ "backing", 'B', "FILE", FIELD(backing), 0, M(CMD_CONVERT),
	  "image below the new one; what the source's own has is left out" },
	{ "backing", 'b', "FILE", FIELD(backing), 0, M(CMD_REBASE),
	  "the new image below, from its folder; '': none" },
	{ "backing-format", 'F', "FORMAT", FIELD(backing_format), 0,
	  M(CMD_CREATE) | M(CMD_CONVERT) | M(CMD_REBASE), "of the image below" },
	{ "b-format", 'F', "FORMAT", FIELD(backing_format), 0, M(CMD_COMPARE),
	  "of the other image" },
	{ "backing-unsafe", 'u', NULL, FIELD(unsafe), 0, M(CMD_CREATE),
	  "do not look at the image below" },
	{ "backing-unsafe", 'u', NULL, FIELD(unsafe), 0, M(CMD_REBASE),
	  "only change its name: what it holds is the same" },
	{ "drop", 'd', NULL, FIELD(keep), 0, M(CMD_COMMIT),
	  "leave the image as it is, not empty" },
	{ "backing-chain", 0, NULL, FIELD(backing_chain), 0, M(CMD_INFO),
	  "the images below, too" },
	{ "compress", 'c', NULL, FIELD(compress), 0, M(CMD_CONVERT),
	  "write compressed clusters (qcow2)" },
	{ "sparse-size", 'S', "SIZE", FIELD(sparse), 0, M(CMD_CONVERT),
	  "so many zeros take no space (4k); 0: all do" },
	{ "snapshot", 'l', "SNAPSHOT", FIELD(snapshot), 0, M(CMD_CONVERT),
	  "copy what this snapshot inside the source holds" },
	{ "no-create", 'n', NULL, FIELD(no_create), 0, M(CMD_CONVERT),
	  "write into an image that is there" },
	{ "target-is-zero", 0, NULL, FIELD(zero), 0, M(CMD_CONVERT),
	  "with -n: it reads as zeros" },
	{ "oob", 'W', NULL, FIELD(unordered), 0, M(CMD_CONVERT), "write in any order" },
	{ "parallel", 'm', "N", FIELD(parallel), 0, M(CMD_CONVERT),
	  "requests at a time, 1 to 16 (8)" },
	{ "target-cache", 't', "CACHE", FIELD(target_cache), 0,
	  M(CMD_CONVERT) | M(CMD_COMMIT),
	  "cache mode of what is written, as of vmm -drive" },
	{ "source-cache", 'T', "CACHE", FIELD(source_cache), 0,
	  M(CMD_CONVERT) | M(CMD_COMPARE), "cache mode of what is read" },
	{ "strict", 's', NULL, FIELD(strict), 0, M(CMD_COMPARE),
	  "sizes and places of data must be the same, too" },
	{ "repair", 'r', "leaks|all", FIELD(repair), 0, M(CMD_CHECK),
	  "free what nothing refers to, or mend refcounts, too" },
	{ "list", 'l', NULL, FIELD(list), 0, M(CMD_SNAPSHOT), "list them (default)" },
	{ "create", 'c', "NAME", FIELD(make), 0, M(CMD_SNAPSHOT),
	  "make one of what the disk holds" },
	{ "apply", 'a', "SNAPSHOT", FIELD(apply), 0, M(CMD_SNAPSHOT),
	  "the disk holds again what it does" },
	{ "delete", 'd', "SNAPSHOT", FIELD(drop), 0, M(CMD_SNAPSHOT), "forget it" },
	{ "shrink", 0, NULL, FIELD(shrink), 0, M(CMD_RESIZE),
	  "allow a smaller size: what is behind it is lost" },
	{ "start-offset", 's', "OFFSET", FIELD(start_offset), 0, M(CMD_MAP),
	  "begin there" },
	{ "max-length", 'l', "SIZE", FIELD(max_length), 0, M(CMD_MAP),
	  "end behind so many bytes" },
	{ "size", 0, "SIZE", FIELD(size), 0, M(CMD_MEASURE),
	  "of an empty disk, instead of an image" },
	{ "output", 0, "human|json", FIELD(output), 0,
	  M(CMD_INFO) | M(CMD_CHECK) | M(CMD_MAP) | M(CMD_MEASURE), "how to print it" },
	{ "force-share", 'U', NULL, FIELD(force_share), 0, READERS,
	  "read it although somebody may be writing to it" },
	{ "progress", 'p', NULL, FIELD(progress), 0,
	  M(CMD_CONVERT) | M(CMD_COMPARE) | M(CMD_REBASE) | M(CMD_COMMIT),
	  "show on a terminal how far it is" },
	{ "quiet", 'q', NULL, FIELD(quiet), 0,
	  M(CMD_CREATE) | M(CMD_CHECK) | M(CMD_CONVERT) | M(CMD_RESIZE) |
	          M(CMD_SNAPSHOT) | M(CMD_COMPARE) | M(CMD_REBASE) | M(CMD_COMMIT),
	  "print errors only" },
	{ "version", 'V', NULL, FIELD(version), 0, 0, "print the version" },
	{ "help", 'h', NULL, FIELD(help), 0, 0, "print this, or help about a command" },
	/* For scripts that make the manual and completions; no part of the help. */
	{ "dump-options", 0, NULL, FIELD(dump_options), 0, 0, NULL },
	{ "list-commands", 0, NULL, FIELD(list_commands), 0, 0, NULL },
};

static const struct toolopts options = { .program = "vmm-img",
	                                 .empty = true,
	                                 .row = rows,
	                                 .count = ARRAY_SIZE(rows),
	                                 .column = 34,
	                                 .commands = command_names,
	                                 .about = commands };

/* "-1G" makes a disk smaller. */
static bool is_size(const struct cli *cli, const char *arg)
{
	return cli->command == CMD_RESIZE && arg[0] == '-' && arg[1] >= '0' &&
	       arg[1] <= '9';
}

/* ---- letters that stand together ---- */

/* "-abX": a and b are switches, X is one more, or its value. */
static int split_letters(const struct toolopts *t, const char *arg, char **out,
                         unsigned *count)
{
	for (arg++; *arg; arg++) {
		char letter[] = { '-', *arg, '\0' };
		const struct toolopt *row = toolopts_find(t, letter);

		if (!(out[(*count)++] = strdup(letter)))
			return -ENOMEM;
		if (row && row->arg && arg[1]) {
			out[*count] = strdup(arg + 1);
			return out[(*count)++] ? 0 : -ENOMEM;
		}
	}
	return 0;
}

/* Fills cli->args from what follows the command; all of it is allocated. */
static int expand(struct cli *cli, const struct toolopts *t, int argc, char *argv[],
                  unsigned *count)
{
	size_t room = 1;
	bool words_only = false;
	int ret = 0;

	for (int i = 0; i < argc; i++)
		room += strlen(argv[i]) + 1;
	cli->args = calloc(room, sizeof(*cli->args));
	cli->words = calloc(argc + 1, sizeof(*cli->words));
	if (!cli->args || !cli->words)
		return -ENOMEM;
	for (int i = 0; i < argc && !ret; i++) {
		const char *arg = argv[i];
		const struct toolopt *row;

		words_only = words_only || !strcmp(arg, "--");
		if (!words_only && arg[0] == '-' && arg[1] && arg[1] != '-' && arg[2] &&
		    !is_size(cli, arg)) {
			ret = split_letters(t, arg, cli->args, count);
			continue;
		}
		if (!(cli->args[(*count)++] = strdup(arg)))
			return -ENOMEM;
		/* A value is no option, whatever it looks like. */
		row = !words_only && toolopts_is_option(arg) ? toolopts_find(t, arg)
		                                             : NULL;
		if (row && row->arg && !strchr(arg, '=') && i + 1 < argc &&
		    !(cli->args[(*count)++] = strdup(argv[++i])))
			return -ENOMEM;
	}
	return ret;
}

/* ---- parsing ---- */

static int find_command(const char *word, struct cli *cli, struct err *err)
{
	int command = toolopts_command(&options, word, err);

	if (command < 0)
		return command;
	cli->command = command;
	cli->has_command = true;
	return 0;
}

static int take_option(const struct toolopts *t, int count, int *i, struct cli *cli,
                       struct err *err)
{
	const struct toolopt *row;
	const char *arg = cli->args[*i];
	int ret = toolopts_take(t, count, cli->args, i, cli, &row, err);

	if (ret < 0 && t->command && toolopts_find(&options, arg))
		err_prefix(err, "vmm-img %s", command_names[cli->command]);
	if (ret < 0 || row->offset != FIELD(more))
		return ret;
	/* More than one are one list. */
	strbuf_addf(&cli->options, "%s%s", cli->options.len ? "," : "", cli->more);
	return cli->options.failed ? err_sys(err, ENOMEM, "-o") : 0;
}

static int parse_rest(struct cli *cli, int argc, char *argv[], struct err *err)
{
	struct toolopts t = options;
	bool words_only = false;
	unsigned count = 0;
	int ret;

	t.command = M(cli->command);
	ret = expand(cli, &t, argc, argv, &count);
	if (ret < 0)
		return err_sys(err, -ret, "the command line");
	for (int i = 0; i < (int)count && !ret; i++) {
		if (!words_only && !strcmp(cli->args[i], "--"))
			words_only = true;
		else if (words_only || !toolopts_is_option(cli->args[i]) ||
		         is_size(cli, cli->args[i]))
			cli->words[cli->word_count++] = cli->args[i];
		else
			ret = take_option(&t, count, &i, cli, err);
	}
	if (!ret && cli->output && strcmp(cli->output, "human") &&
	    strcmp(cli->output, "json"))
		return err_usage(err, "--output takes human or json, not '%s'",
		                 cli->output);
	cli->json = cli->output && *cli->output == 'j';
	return ret;
}

int cli_parse(int argc, char *argv[], struct cli *cli, struct err *err)
{
	int i = 1, ret = 0;

	*cli = (struct cli){ 0 };
	for (; i < argc && toolopts_is_option(argv[i]) && !ret; i++)
		ret = toolopts_take(&options, argc, argv, &i, cli, NULL, err);
	if (!ret && i < argc)
		ret = find_command(argv[i], cli, err);
	if (!ret && cli->has_command)
		ret = parse_rest(cli, argc - i - 1, argv + i + 1, err);
	if (ret < 0 || cli->help || cli->version || cli->dump_options ||
	    cli->list_commands || cli->has_command)
		return ret;
	return err_usage(err, "which command? see vmm-img --help");
}

void cli_free(struct cli *cli)
{
	for (char **arg = cli->args; arg && *arg; arg++)
		free(*arg);
	free(cli->args);
	free(cli->words);
	strbuf_free(&cli->options);
}

int cli_check_words(const struct cli *cli, unsigned min, unsigned max, struct err *err)
{
	if (cli->word_count >= min && cli->word_count <= max)
		return 0;
	return err_usage(err, "usage: vmm-img %s [option...] %s",
	                 command_names[cli->command], commands[cli->command].words);
}

/* ---- help ---- */

void cli_help(const struct cli *cli, struct strbuf *out)
{
	if (cli->has_command) {
		toolopts_command_help(&options, cli->command, out);
		return;
	}
	strbuf_adds(out, "usage: vmm-img COMMAND [option...] FILE...\n"
	                 "Makes disk images for guests, and works on them.\n\n");
	cli_list_commands("  ", out);
	strbuf_adds(out, "\nvmm-img COMMAND --help lists its options. For every one:\n");
	toolopts_help(&options, 0, out);
	strbuf_adds(out, "\nExit: 0 done, 1 failed; of check and compare: see the "
	                 "manual.\n");
}

void cli_list_commands(const char *indent, struct strbuf *out)
{
	toolopts_list_commands(&options, indent, out);
}

void cli_dump_options(struct strbuf *out)
{
	toolopts_dump(&options, out);
}
