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

static const struct vm_event_field event_fields[] = {
	{ "server.host", VM_EVENT_STR, NULL, 0 },
	{ "server.service", VM_EVENT_STR, NULL, 0 },
	{ "server.family", VM_EVENT_STR, NULL, 0 },
	{ "server.auth", VM_EVENT_STR, NULL, 0 },
	{ "client.host", VM_EVENT_STR, NULL, 0 },
	{ "client.service", VM_EVENT_STR, NULL, 0 },
	{ "client.family", VM_EVENT_STR, NULL, 0 },
	{ "client.websocket", VM_EVENT_BOOL, NULL, 0 },
	{ "server.websocket", VM_EVENT_BOOL, NULL, 0 },
	{ NULL, VM_EVENT_STR, NULL, 0 },
};

static void client_changed(void *opaque, const struct vnc_peer *peer, bool came)
{
	struct vm_event_field fields[ARRAY_SIZE(event_fields)];
	struct pc *pc = opaque;
	struct vnc_info info;

	if (!pc->vm.vnc)
		return;
	vnc_info(pc->vm.vnc, &info);
	const char *const texts[] = { info.servers[0].host,
		                      info.servers[0].service,
		                      info.servers[0].family,
		                      info.auth,
		                      peer->host,
		                      peer->service,
		                      vnc_family(peer) };

	memcpy(fields, event_fields, sizeof(fields));
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++)
		fields[i].str = texts[i];
	fields[ARRAY_SIZE(texts)].num = peer->websocket != 0;
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
