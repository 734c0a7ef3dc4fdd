// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lists for "help" (or "?") as an option's argument: its keys, from the table that parses
 * them, or the words that it takes; and for "KEY=help" and "TYPE,help", the same of that.
 */
#include "vmm/main/cli-help.h"

#include "common/cleanup.h"
#include "vmm/chardev/chardev.h"
#include "vmm/display/vnc.h"
#include "vmm/machine/pc.h"
#include "vmm/main/cli-machine.h"
#include "vmm/main/cli-memory.h"
#include "vmm/main/cli-process.h"
#include "vmm/main/cli.h"
#include "vmm/net/net.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_KEYS(option, table)                                                     \
	bool cli_answer_##option(const char *arg, struct strbuf *out, struct err *err) \
	{                                                                              \
		(void)err;                                                             \
		if (!cli_is_help(arg))                                                 \
			return false;                                                  \
		strbuf_adds(out, #option " options:\n");                               \
		opts_help(table, out);                                                 \
		return true;                                                           \
	}

ANSWER_KEYS(action, cli_action_table)
ANSWER_KEYS(boot, boot_options)
ANSWER_KEYS(msg, cli_msg_table)
ANSWER_KEYS(overcommit, cli_overcommit_table)
ANSWER_KEYS(memory, cli_ram_table)
ANSWER_KEYS(rtc, cli_rtc_table)
ANSWER_KEYS(smp, cli_smp_table)

#define ANSWER_TEXT(option, text)                                                      \
	bool cli_answer_##option(const char *arg, struct strbuf *out, struct err *err) \
	{                                                                              \
		(void)err;                                                             \
		if (!cli_is_help(arg))                                                 \
			return false;                                                  \
		strbuf_adds(out, text);                                                \
		return true;                                                           \
	}

ANSWER_TEXT(display, "Available display backend types:\nnone\nvnc\n")
ANSWER_TEXT(vga, "none                 no graphic card\n"
                 "std                  standard VGA with VESA modes\n")

/* "KEY=help" among the pairs of arg. */
static bool asks_for(const char *arg, const char *key)
{
	struct opt_list opts = { 0 };
	bool asks = opt_list_parse(&opts, arg, "", NULL) >= 0 &&
	            cli_is_help(opt_list_get(&opts, key));

	opt_list_free(&opts);
	return asks;
}

/* Of "TYPE,help" the type; false when it is something else. */
static bool asks_of_type(const char *arg, char *type, size_t size)
{
	const char *comma = strchr(arg, ',');

	if (!comma || !cli_is_help(comma + 1))
		return false;
	snprintf(type, size, "%.*s", (int)(comma - arg), arg);
	return true;
}

bool cli_answer_chardev(const char *arg, struct strbuf *out, struct err *err)
{
	char type[64];
	bool of_type = asks_of_type(arg, type, sizeof(type));

	(void)err;
	if (of_type || cli_is_help(arg))
		chardev_help(of_type ? type : NULL, out);
	return out->len;
}

bool cli_answer_netdev(const char *arg, struct strbuf *out, struct err *err)
{
	char type[64];
	bool of_type = asks_of_type(arg, type, sizeof(type));

	(void)err;
	if (of_type || cli_is_help(arg))
		net_help(of_type ? type : NULL, out);
	return out->len;
}

bool cli_answer_nic(const char *arg, struct strbuf *out, struct err *err)
{
	(void)err;
	if (asks_for(arg, "model"))
		pc_nic_help(out);
	else if (cli_is_help(arg))
		net_help(NULL, out);
	return out->len;
}

bool cli_answer_drive(const char *arg, struct strbuf *out, struct err *err)
{
	(void)err;
	if (asks_for(arg, "format"))
		strbuf_adds(out, "Supported formats: qcow2 raw\n");
	else if (cli_is_help(arg))
		pc_drive_help(out);
	return out->len;
}

/* ---- for monitors ---- */

/* Those whose keys are in one table; their names are those of QEMU's groups. */
static const struct {
	const char *row, *group;
	const struct opt_desc *keys;
} groups[] = {
	{ "action", "action", cli_action_table },
	{ "boot", "boot-opts", boot_options },
	{ "M", "machine", cli_machine_table },
	{ "m", "memory", cli_ram_table },
	{ "msg", "msg", cli_msg_table },
	{ "name", "name", cli_name_table },
	{ "overcommit", "overcommit", cli_overcommit_table },
	{ "rtc", "rtc", cli_rtc_table },
	{ "sandbox", "sandbox", cli_sandbox_table },
	{ "smp", "smp-opts", cli_smp_table },
	{ "vnc", "vnc", vnc_options },
};

void cli_list_options(void (*add)(void *opaque, const char *group,
                                  const struct opt_desc *keys),
                      void *opaque)
{
	for (const struct cli_row *row = cli_table; row->name; row++) {
		unsigned i = 0;

		while (i < ARRAY_SIZE(groups) && strcmp(groups[i].row, row->name))
			i++;
		if (i < ARRAY_SIZE(groups))
			add(opaque, groups[i].group, groups[i].keys);
		else if (row->arg && row->help)
			add(opaque, row->name, NULL);
	}
}
