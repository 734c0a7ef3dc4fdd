// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Walks argv with the table of options. One dash or two; a word without a dash is a disk
 * image, as with QEMU.
 */
#include "vmm/main/cli.h"

#include "common/cleanup.h"
#include "common/process.h"
#include "common/version.h"
#include "vmm/main/cli-foreign.h"
#include "vmm/main/cli-help.h"
#include "vmm/main/cli-json.h"
#include "vmm/main/cli-process.h"

#include <errno.h>
#include <string.h>

const struct cli_row *cli_find(const char *name)
{
	for (const struct cli_row *row = cli_table; row->name; row++)
		if (!strcmp(row->name, name) || (row->alias && !strcmp(row->alias, name)))
			return row;
	return NULL;
}

static int unknown(const char *word, const char *name, struct err *err)
{
	const char *names[256];
	unsigned count = 0;
	const char *near;

	for (const struct cli_row *row = cli_table;
	     row->name && count < ARRAY_SIZE(names) - 2; row++) {
		if (row->help)
			names[count++] = row->name;
		if (row->help && row->alias)
			names[count++] = row->alias;
	}
	names[count] = NULL;
	near = opt_nearest(name, names);
	if (near)
		return err_usage(err, "unknown option %s, did you mean -%s?", word, near);
	return err_usage(err, "unknown option %s; vmm -h lists the options", word);
}

/* The member that an option has without its name when its argument is no JSON; NULL: it
 * takes no JSON. */
static const char *json_member(const char *option)
{
	static const char *const members[][2] = {
		{ "blockdev", "driver" },
		{ "device", "driver" },
		{ "netdev", "type" },
		{ "object", "qom-type" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(members); i++)
		if (!strcmp(members[i][0], option))
			return members[i][1];
	return NULL;
}

int cli_collect(const struct cli_row *row, const char *arg, struct vm_config *config,
                struct err *err)
{
	const char *implied = arg && *arg == '{' ? json_member(row->name) : NULL;
	_cleanup_free_ char *text = implied ? cli_json_text(arg, implied, err) : NULL;
	_cleanup_free_ char *named = NULL;
	int ret = implied && !text ? -err->code : 0;

	arg = text ? text : arg;
	named = arg ? cli_name_fdsets(config, arg) : NULL;
	arg = named ? named : arg;
	if (ret >= 0 && row->collect)
		ret = row->collect(config, arg, err);
	if (arg)
		config->keep_count = process_find_fds(arg, config->keep_fds,
		                                      config->keep_count, CONFIG_FDS);

	if (ret < 0 && !err->code)
		err_sys(err, -ret, "cannot take the option");
	/* Sentences about an option start with it. */
	if (ret < 0 && err->text[0] != '-')
		err_prefix(err, "-%s", row->name);
	return ret;
}

/* One of QEMU's that is not here. The number of words it takes, or -errno. */
static int pass_foreign(const struct cli_foreign *foreign, const char *word, bool more,
                        struct err *err)
{
	if (!foreign->accepted)
		return err_usage(err, "option %s is not supported: %s", word,
		                 foreign->why);
	if (foreign->arg && !more)
		return err_usage(err, "option %s needs an argument", word);
	return foreign->arg;
}

static int take_option(const struct cli_row *row, const char *arg,
                       struct vm_config *config, struct strbuf *out,
                       enum cli_result *result, struct err *err)
{
	if (row->answer && row->answer(arg, out, err)) {
		*result = CLI_DONE;
		return 0;
	}
	return err->code ? -err->code : cli_collect(row, arg, config, err);
}

int cli_parse(int argc, char *const *argv, struct vm_config *config, struct strbuf *out,
              enum cli_result *result, struct err *err)
{
	*result = CLI_RUN;
	config->list_options = cli_list_options;
	for (int i = 1; i < argc && *result == CLI_RUN; i++) {
		const char *name = argv[i];
		const struct cli_row *row;
		int ret;

		config->anything = true;
		if (*name != '-') {
			ret = take_option(cli_find("hda"), name, config, out, result,
			                  err);
			if (ret < 0)
				return ret;
			continue;
		}
		name += name[1] == '-' ? 2 : 1;
		row = cli_find(name);
		if (!row && cli_find_foreign(name)) {
			ret = pass_foreign(cli_find_foreign(name), argv[i], i + 1 < argc,
			                   err);
			if (ret < 0)
				return ret;
			i += ret;
			continue;
		}
		if (!row)
			return unknown(argv[i], name, err);
		if (row->arg && i + 1 >= argc)
			return err_usage(err, "option %s needs an argument: %s", argv[i],
			                 row->arg);
		ret = take_option(row, row->arg ? argv[++i] : NULL, config, out, result,
		                  err);
		if (ret < 0)
			return ret;
	}
	return *result == CLI_RUN ? cli_check_process(config, err) : 0;
}

void cli_version(struct strbuf *out)
{
	strbuf_adds(out, "QEMU emulator version 7.2.0 compatible: kvmkit vmm "
	                 "version " KVMKIT_VERSION "\n");
}

void cli_help(struct strbuf *out)
{
	cli_version(out);
	strbuf_adds(
		out,
		"Usage: vmm [options] [disk image]\n"
		"Runs a virtual machine on KVM. Without a kernel it runs a tiny built-in "
		"guest.\n");
	for (const struct cli_row *row = cli_table; row->name; row++) {
		char left[160];

		if (row->section)
			strbuf_addf(out, "\n%s:\n", row->section);
		if (!row->help)
			continue;
		snprintf(left, sizeof(left), "-%s%s%s", row->name, row->arg ? " " : "",
		         row->arg ? row->arg : "");
		if (strlen(left) > 25)
			strbuf_addf(out, "  %s\n%28s%s\n", left, "", row->help);
		else
			strbuf_addf(out, "  %-25s %s\n", left, row->help);
	}
}

void cli_dump(struct strbuf *out)
{
	const char *section = "";

	for (const struct cli_row *row = cli_table; row->name; row++) {
		if (row->section)
			section = row->section;
		if (row->help)
			strbuf_addf(out, "%s\t%s\t%s\t%s\t%s\n", row->name,
			            row->alias ? row->alias : "",
			            row->arg ? row->arg : "", section, row->help);
	}
}
