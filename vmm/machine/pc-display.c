// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The screen of the board: which graphics card it has, and how it is shown. A guest that
 * starts in firmware has a card unless somebody says that nobody will look; a kernel that
 * is booted directly has one when it is asked for.
 */
#include "vmm/machine/internal.h"

#include "common/cleanup.h"

#include "vmm/display/layout.h"
#include "vmm/display/vnc.h"
#include "vmm/legacy/vga.h"

#include <errno.h>
#include <string.h>

#define VGA_SLOT "2" /* where firmware and guests are used to find it */

/* Some -device is the card. */
static bool has_card(const struct vm_config *config)
{
	return config_has_device(config, "VGA") || config_has_device(config, "std") ||
	       config_has_device(config, "bochs-display");
}

static bool wants_card(const struct pc *pc)
{
	const struct vm_config *config = pc->config;

	if (config->vga)
		return strcmp(config->vga, "none") != 0;
	if (config->nodefaults || has_card(config))
		return false;
	return config->vnc || (pc->vm.firmware && !config->nographic);
}

int pc_add_display(struct pc *pc, struct err *err)
{
	struct device *dev;

	if (!wants_card(pc))
		return 0;
	dev = device_create_simple(&pc->vm, &vga_class, "addr=" VGA_SLOT, err);
	err_prefix(err, "-vga std");
	return dev ? 0 : -err->code;
}

/* The helper does not tell from which port a client came. */
static void client_changed(void *opaque, const char *host, bool came)
{
	struct pc *pc = opaque;
	struct vnc_info info;

	if (!pc->vm.vnc)
		return;
	vnc_info(pc->vm.vnc, &info);
	const struct vm_event_field fields[] = {
		{ "server.host", VM_EVENT_STR, .str = info.host },
		{ "server.service", VM_EVENT_STR, .str = info.service },
		{ "server.family", VM_EVENT_STR, .str = info.family },
		{ "server.websocket", VM_EVENT_BOOL, .num = 0 },
		{ "server.auth", VM_EVENT_STR, .str = info.auth },
		{ "client.host", VM_EVENT_STR, .str = host },
		{ "client.service", VM_EVENT_STR, .str = "" },
		{ "client.family", VM_EVENT_STR, .str = info.family },
		{ "client.websocket", VM_EVENT_BOOL, .num = 0 },
		{ .name = NULL },
	};

	vm_emit(&pc->vm, came ? "VNC_CONNECTED" : "VNC_DISCONNECTED", fields);
	if (came)
		vm_emit(&pc->vm, "VNC_INITIALIZED", fields);
}

int pc_show_display(struct pc *pc, struct err *err)
{
	const struct vm_config *config = pc->config;
	struct vm *vm = &pc->vm;

	if (config->keyboard && layout_check(config->keyboard, err) < 0)
		return -err->code;
	if (!config->vnc)
		return 0;
	vm->vnc = vnc_new(vm->loop, vm->display, vm->input,
	                  &(struct vnc_config){ .text = config->vnc,
	                                        .name = config->name,
	                                        .layout = config->keyboard,
	                                        .secret = pc_find_secret,
	                                        .credentials = pc_find_credentials,
	                                        .client = client_changed,
	                                        .opaque = pc,
	                                        .spawner = vm->spawner },
	                  err);
	return vm->vnc ? 0 : -err->code;
}
