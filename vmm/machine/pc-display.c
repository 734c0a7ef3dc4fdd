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

#define VGA_BIOS "vgabios-stdvga.bin"
#define VGA_SLOT "2" /* where firmware and guests are used to find it */

static bool wants_card(const struct pc *pc)
{
	const struct vm_config *config = pc->config;

	if (config->vga)
		return strcmp(config->vga, "none") != 0;
	if (config->nodefaults)
		return false;
	return config->vnc || (pc->in_firmware && !config->nographic);
}

int pc_add_display(struct pc *pc, struct err *err)
{
	struct opt_list opts = { 0 };
	_cleanup_free_ char *rom = NULL;
	struct device *dev = NULL;

	if (!wants_card(pc))
		return 0;
	rom = firmware_find(pc->config, VGA_BIOS);
	if (opt_list_add(&opts, "addr", VGA_SLOT) < 0 ||
	    opt_list_add(&opts, "romfile", rom ? rom : VGA_BIOS) < 0)
		err_sys(err, ENOMEM, "graphics card");
	else
		dev = device_create(&pc->vm, &vga_class, &opts, err);
	opt_list_free(&opts);
	err_prefix(err, "-vga std");
	return dev ? 0 : -err->code;
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
	                                        .opaque = pc },
	                  err);
	return vm->vnc ? 0 : -err->code;
}
