// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands that start, stop and end the machine, and tell which of it it does. */
#include "common/cleanup.h"
#include "vmm/machine/config.h"
#include "vmm/machine/control.h"
#include "vmm/monitor/tables.h"

#include <errno.h>
#include <string.h>

static const char *const status_names[] = {
	[VM_PRELAUNCH] = "prelaunch",
	[VM_RUNNING] = "running",
	[VM_PAUSED] = "paused",
	[VM_SHUTDOWN] = "shutdown",
	[VM_INTERNAL_ERROR] = "internal-error",
	[VM_GUEST_PANICKED] = "guest-panicked",
	[VM_WATCHDOG] = "watchdog",
};

static int run_query_status(struct mon_ctx *ctx, const json_t *args, json_t **result,
                            struct err *err)
{
	enum vm_runstate state = ctx->vm->runstate;

	(void)args;
	(void)err;
	*result = json_pack("{s:s, s:b, s:b}", "status", status_names[state], "running",
	                    state == VM_RUNNING, "singlestep", 0);
	return 0;
}

static void print_status(const json_t *result, struct strbuf *out)
{
	bool running = json_is_true(json_object_get(result, "running"));
	const char *status = mon_str(result, "status", "");

	strbuf_addf(out, "VM status: %s", running ? "running" : "paused");
	if (!running && strcmp(status, "paused"))
		strbuf_addf(out, " (%s)", status);
	strbuf_addc(out, '\n');
}

static int run_stop(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	(void)args;
	(void)result;
	(void)err;
	pc_stop(ctx->pc);
	return 0;
}

static int run_cont(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	(void)args;
	(void)result;
	return pc_cont(ctx->pc, err);
}

static int run_quit(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	(void)args;
	(void)result;
	(void)err;
	ctx->vm->no_shutdown = false;
	pc_request(ctx->pc, VM_REQ_SHUTDOWN, "host-qmp-quit");
	return 0;
}

static int run_reset(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	(void)args;
	(void)result;
	(void)err;
	pc_request(ctx->pc, VM_REQ_RESET, "host-qmp-system-reset");
	return 0;
}

static int run_powerdown(struct mon_ctx *ctx, const json_t *args, json_t **result,
                         struct err *err)
{
	(void)args;
	(void)result;
	(void)err;
	pc_power_button(ctx->pc);
	return 0;
}

static int run_nmi(struct mon_ctx *ctx, const json_t *args, json_t **result,
                   struct err *err)
{
	int ret = pc_nmi(ctx->pc, -1);

	(void)args;
	(void)result;
	return ret < 0 ? err_sys(err, -ret, "cannot inject the NMI") : 0;
}

static int run_watchdog(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	const char *word = mon_str(args, "action", "");

	(void)result;
	for (unsigned i = 0; i < WATCHDOG_ACTIONS; i++) {
		if (strcmp(watchdog_words[i], word))
			continue;
		pc_set_watchdog(ctx->pc, i);
		return 0;
	}
	return err_usage(err, "Parameter 'action' does not accept value '%s'", word);
}

static void complete_watchdog(struct vm *vm, void (*add)(void *opaque, const char *value),
                              void *opaque)
{
	(void)vm;
	for (unsigned i = 0; i < WATCHDOG_ACTIONS; i++)
		add(opaque, watchdog_words[i]);
}

static const struct mon_arg watchdog_args[] = {
	{ "action", MON_STR, false, 0, "WatchdogAction", complete_watchdog },
	{ .name = NULL },
};

const struct mon_command mon_run_commands[] = {
	{ "query-status", "info status", "whether the guest runs", NULL, "StatusInfo",
	  run_query_status, print_status },
	{ "stop", "stop|s", "stop the guest", NULL, NULL, run_stop, NULL },
	{ "cont", "cont|c", "let a stopped guest go on", NULL, NULL, run_cont, NULL },
	{ "quit", "quit|q", "end vmm at once, without asking the guest", NULL, NULL,
	  run_quit, NULL },
	{ "system_reset", "system_reset", "reset the machine", NULL, NULL, run_reset,
	  NULL },
	{ "system_powerdown", "system_powerdown", "press the power button", NULL, NULL,
	  run_powerdown, NULL },
	{ "inject-nmi", "nmi", "a non-maskable interrupt to every CPU", NULL, NULL,
	  run_nmi, NULL },
	{ "watchdog-set-action", "watchdog_action",
	  "what follows when the guest's watchdog barks", watchdog_args, NULL,
	  run_watchdog, NULL },
	{ .help = NULL },
};
