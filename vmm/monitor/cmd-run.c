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
	[VM_DEBUG] = "debug",
	[VM_SAVE_VM] = "save-vm",
	[VM_RESTORE_VM] = "restore-vm",
	[VM_INMIGRATE] = "inmigrate",
	[VM_FINISH_MIGRATE] = "finish-migrate",
	[VM_POSTMIGRATE] = "postmigrate",
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
	ctx->quit = true;
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

/* ---- what follows when … ---- */

/* The index of a word; -EINVAL with a sentence when the list does not have it. */
static int find_word(const char *const *words, const char *key, const char *word,
                     struct err *err)
{
	for (unsigned i = 0; words[i]; i++)
		if (!strcmp(words[i], word))
			return i;
	return err_usage(err, "Parameter '%s' does not accept value '%s'", key, word);
}

static int run_watchdog(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	int action =
		find_word(watchdog_words, "action", mon_str(args, "action", ""), err);

	(void)result;
	if (action < 0)
		return action;
	pc_set_watchdog(ctx->pc, action);
	return 0;
}

static int run_set_action(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	static const struct {
		const char *key;
		const char *const *words;
	} keys[] = {
		{ "reboot", reboot_words },
		{ "shutdown", shutdown_words },
		{ "panic", panic_words },
		{ "watchdog", watchdog_words },
	};
	int found[ARRAY_SIZE(keys)];

	(void)result;
	/* All of them, or none. */
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *word = mon_str(args, keys[i].key, NULL);

		found[i] = word ? find_word(keys[i].words, keys[i].key, word, err) : -1;
		if (word && found[i] < 0)
			return found[i];
	}
	if (found[0] >= 0)
		ctx->vm->no_reboot = found[0];
	if (found[1] >= 0)
		ctx->vm->no_shutdown = found[1];
	if (found[2] >= 0)
		pc_set_panic(ctx->pc, found[2]);
	if (found[3] >= 0)
		pc_set_watchdog(ctx->pc, found[3]);
	return 0;
}

static int run_boot_set(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	const char *order = mon_str(args, "bootdevice", "");
	int ret = pc_set_boot_letters(ctx->pc, order, err);

	if (ret >= 0)
		*result = json_sprintf("boot device list now set to %s\n", order);
	return ret;
}

void mon_propose_watchdog(struct vm *vm, void (*add)(void *opaque, const char *value),
                          void *opaque)
{
	(void)vm;
	for (unsigned i = 0; i < WATCHDOG_ACTIONS; i++)
		add(opaque, watchdog_words[i]);
}

static const struct mon_arg watchdog_args[] = {
	{ "action", MON_STR, false, 0, MON_OF_WATCHDOG_ACTION, MON_PROPOSE_WATCHDOG },
	{ .name = NULL },
};

static const struct mon_arg action_args[] = {
	{ "reboot", MON_STR, true, 0, MON_OF_REBOOT_ACTION, 0 },
	{ "shutdown", MON_STR, true, 0, MON_OF_SHUTDOWN_ACTION, 0 },
	{ "panic", MON_STR, true, 0, MON_OF_PANIC_ACTION, 0 },
	{ "watchdog", MON_STR, true, 0, MON_OF_WATCHDOG_ACTION, 0 },
	{ .name = NULL },
};

static const struct mon_arg boot_args[] = {
	{ "bootdevice", MON_STR, false, 0, 0, 0 },
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
	{ "set-action", NULL, "what follows a reboot, a shutdown, a panic, the watchdog",
	  action_args, NULL, run_set_action, NULL },
	{ NULL, "boot_set",
	  "what the BIOS tries from the next start on: letters of -boot", boot_args, NULL,
	  run_boot_set, NULL },
	{ .help = NULL },
};
