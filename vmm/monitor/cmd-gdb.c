// SPDX-License-Identifier: GPL-2.0-or-later
/* gdbserver: a debugger may come from now on, or no more. */
#include "vmm/monitor/session.h"
#include "vmm/monitor/tables.h"

#include <string.h>

static int run_gdbserver(struct mon_ctx *ctx, const json_t *args, json_t **result,
                         struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	const char *dev = mon_str(args, "device", "tcp::1234");
	int ret = monitors_set_gdb(ctx->set, dev, err);

	if (ret < 0)
		return ret;
	if (!strcmp(dev, "none"))
		strbuf_adds(&out, "Disabled gdbserver\n");
	else
		strbuf_addf(&out, "Waiting for gdb connection on device '%s'\n", dev);
	*result = mon_text(out.data);
	return 0;
}

static const struct mon_arg gdbserver_args[] = {
	{ "device", MON_STR, true, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_gdb_commands[] = {
	{ NULL, "gdbserver",
	  "let GDB debug the guest (default: tcp::1234); none: no more", gdbserver_args,
	  NULL, run_gdbserver, NULL },
	{ .help = NULL },
};
