// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands that save the machine inside its disks, and bring it back. */
#include "vmm/migrate/snapshot.h"
#include "vmm/monitor/tables.h"

#include <string.h>

static int run_savevm(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	(void)result;
	return snapshot_save(ctx->pc, mon_str(args, "tag", NULL), err);
}

static int run_loadvm(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	(void)result;
	return snapshot_load(ctx->pc, mon_str(args, "tag", ""), err);
}

static int run_delvm(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	(void)result;
	return snapshot_delete(ctx->pc, mon_str(args, "tag", ""), err);
}

static int run_list(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };

	(void)args;
	(void)err;
	snapshot_list(ctx->pc, &out);
	*result = mon_text(out.data ? out.data : "");
	return 0;
}

static const struct mon_arg new_args[] = {
	{ "tag", MON_STR, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg tag_args[] = {
	{ "tag", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_snapshot_commands[] = {
	{ NULL, "savevm", "save the machine in its qcow2 disks", new_args, NULL,
	  run_savevm, NULL },
	{ NULL, "loadvm", "the machine is again what it was when it was saved", tag_args,
	  NULL, run_loadvm, NULL },
	{ NULL, "delvm", "delete a saved machine", tag_args, NULL, run_delvm, NULL },
	{ NULL, "info snapshots", "saved machines", NULL, NULL, run_list, NULL },
	{ .help = NULL },
};
