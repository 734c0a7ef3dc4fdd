// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks of giving PCI devices to guests: the VFIO modules and nodes, and what the
 * devices of this host are like. They look at the host as a whole; kvm-assign judges one
 * device.
 */
#include "probe/checks.h"
#include "probe/decide.h"
#include "probe/factfield.h"
#include "probe/param.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void check_vfio_module(const struct facts *f, struct result *r)
{
	int state = f->modules.module[MODULE_VFIO_PCI].state;

	if (state >= MODULE_BUILTIN) {
		result_set(r, CHECK_PASS, "vfio_pci is %s",
		           state == MODULE_LOADED ? "loaded" : "built in");
	} else if (state == MODULE_AVAILABLE) {
		result_set(r, CHECK_NOTE, "vfio_pci is not loaded");
		result_remedy(r, "sudo kvm-check --load --modules vfio-pci");
	} else if (!modules_loadable(f)) {
		result_set(r, CHECK_SKIP, "needs module.support");
	} else {
		result_set(r, CHECK_WARN, "kernel %s has no vfio_pci", f->host.kernel);
		remedy_kernel_package(f, r->remedy);
	}
}

void check_vfio_node(const struct facts *f, struct result *r)
{
	const struct node_facts *node = &f->nodes.vfio;
	char code[16];

	if (node->err == FACT_UNTRIED) {
		result_set(r, CHECK_SKIP, "not captured");
	} else if (node->err) {
		result_set(r, CHECK_SKIP, "needs vfio.module");
	} else if (node->access > 0) {
		result_set(r, CHECK_WARN,
		           "/dev/vfio/vfio cannot be opened: %s (mode %04o)",
		           errno_name(node->access, code), node->mode);
		result_remedy(r,
		              "sudo chmod 666 /dev/vfio/vfio (it gives no access to any "
		              "device)");
	} else if (f->vfio.private_nodes && f->user.uid) {
		result_set(r, CHECK_NOTE,
		           "%u of %u group nodes in /dev/vfio belong to root "
		           "alone",
		           f->vfio.private_nodes, f->vfio.group_nodes);
		result_remedy(
			r, "echo 'SUBSYSTEM==\"vfio\", GROUP=\"kvm\", MODE=\"0660\"' | "
			   "sudo tee /etc/udev/rules.d/70-vfio.rules && sudo udevadm "
			   "control --reload && sudo udevadm trigger -s vfio");
	} else {
		result_set(r, CHECK_PASS, "/dev/vfio/vfio can be opened, %u group nodes",
		           f->vfio.group_nodes);
	}
}

void check_vfio_unsafe(const struct facts *f, struct result *r)
{
	int unsafe =
		param_switch(&f->params, PARAM_vfio_iommu_type1_allow_unsafe_interrupts);

	if (unsafe < 0)
		result_set(r, CHECK_SKIP, "vfio_iommu_type1 is not loaded");
	else if (!unsafe)
		result_set(r, CHECK_PASS, "allow_unsafe_interrupts=N");
	else if (f->iommu.irq_remap == 1)
		result_set(r, CHECK_WARN,
		           "allow_unsafe_interrupts=Y, although interrupts "
		           "are remapped: it is not needed");
	else
		result_set(
			r, CHECK_WARN,
			"allow_unsafe_interrupts=Y: a guest with a device can send the "
			"host any interrupt");
	if (r->status == CHECK_WARN)
		result_remedy(
			r, "echo 0 | sudo tee /sys/module/vfio_iommu_type1/parameters/"
			   "allow_unsafe_interrupts, and remove it from /etc/modprobe.d");
}

void check_vfio_noiommu(const struct facts *f, struct result *r)
{
	int on = param_switch(&f->params, PARAM_vfio_enable_unsafe_noiommu_mode);

	if (on <= 0 && !f->vfio.noiommu_nodes) {
		result_set(r, CHECK_PASS, "VFIO insists on an IOMMU");
		return;
	}
	result_set(
		r, CHECK_WARN,
		"VFIO without an IOMMU is allowed (%u devices use it): whoever has one "
		"can write all memory, and the kernel is tainted",
		f->vfio.noiommu_nodes);
	result_remedy(r, "echo 0 | sudo tee "
	                 "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
}

void check_vfio_mappings(const struct facts *f, struct result *r)
{
	const char *limit = f->params.value[PARAM_vfio_iommu_type1_dma_entry_limit];

	if (*limit)
		result_set(r, CHECK_PASS, "up to %s DMA mappings in a guest", limit);
	else
		result_set(r, CHECK_SKIP, "vfio_iommu_type1 is not loaded");
}

void check_vfio_iommufd(const struct facts *f, struct result *r)
{
	const struct node_facts *node = &f->nodes.iommu;

	if (node->err == FACT_UNTRIED)
		result_set(r, CHECK_SKIP, "not captured");
	else if (!node->err)
		result_set(r, CHECK_PASS, "/dev/iommu is there%s",
		           f->vfio.cdev ? ", devices have nodes of their own" : "");
	else
		result_set(r, CHECK_NOTE,
		           "no /dev/iommu: devices go through groups, as "
		           "before Linux 6.6");
}

/* ---- the host's devices ---- */

static bool no_devices(const struct facts *f, struct result *r)
{
	if (!f->vfio.devices)
		result_set(r, CHECK_SKIP, "no PCI devices are visible");
	else if (!f->iommu.groups)
		result_set(r, CHECK_SKIP, "needs iommu.groups");
	return r->status == CHECK_SKIP && *r->value;
}

void check_vfio_groups(const struct facts *f, struct result *r)
{
	const struct vfio_facts *v = &f->vfio;

	if (no_devices(f, r))
		return;
	if (!v->shared_groups) {
		result_set(r, CHECK_PASS, "%u devices, each slot has its own group",
		           v->devices);
		return;
	}
	result_set(r, CHECK_WARN,
	           "%u groups hold several slots, which go to one guest together: %s",
	           v->shared_groups, v->shared);
	result_remedy(r, "put the card into another slot, at a root port of its own; the "
	                 "ACS override patch only hides that devices reach each other");
}

void check_vfio_viable(const struct facts *f, struct result *r)
{
	if (no_devices(f, r))
		return;
	if (!*f->vfio.blocked) {
		result_set(r, CHECK_PASS, "%u devices are bound to vfio-pci%s",
		           f->vfio.bound,
		           f->vfio.bound ? ", none shares its group with a host driver"
		                         : "");
		return;
	}
	result_set(r, CHECK_FAIL, "a group is divided between vfio-pci and the host: %s",
	           f->vfio.blocked);
	result_remedy(r, "kvm-assign bind --group %.*s",
	              (int)strcspn(f->vfio.blocked, " "), f->vfio.blocked);
}

void check_vfio_reserved(const struct facts *f, struct result *r)
{
	if (no_devices(f, r))
		return;
	if (!f->vfio.reserved_devices) {
		result_set(r, CHECK_PASS, "firmware reserves no memory for a device");
		return;
	}
	result_set(r, CHECK_WARN,
	           "firmware keeps a fixed mapping (RMRR) for %u devices, first %s: they "
	           "cannot be given to guests",
	           f->vfio.reserved_devices, f->vfio.reserved);
	result_remedy(r,
	              "in the firmware setup, switch the device's management feature off "
	              "(HPE: \"shared memory features\"), or use another slot");
}

void check_vfio_reset(const struct facts *f, struct result *r)
{
	if (!f->vfio.devices)
		result_set(r, CHECK_SKIP, "no PCI devices are visible");
	else if (f->vfio.no_reset)
		result_set(
			r, CHECK_NOTE,
			"%u devices cannot be reset alone, first %s: after a guest they "
			"may need a reboot",
			f->vfio.no_reset, f->vfio.no_reset_device);
	else
		result_set(r, CHECK_PASS, "every device can be reset alone");
}

void check_vfio_power(const struct facts *f, struct result *r)
{
	if (!f->vfio.bound) {
		result_set(r, CHECK_SKIP, "no device is bound to vfio-pci");
	} else if (!*f->vfio.asleep) {
		result_set(r, CHECK_PASS, "no device of vfio-pci is in D3cold");
	} else {
		result_set(r, CHECK_WARN,
		           "%s is in D3cold, from which some devices do not "
		           "return",
		           f->vfio.asleep);
		result_remedy(r,
		              "echo 0 | sudo tee /sys/bus/pci/devices/%s/d3cold_allowed, "
		              "and: options vfio_pci disable_idle_d3=1",
		              f->vfio.asleep);
	}
}

void check_vfio_boot_vga(const struct facts *f, struct result *r)
{
	const struct vfio_facts *v = &f->vfio;

	if (!*v->boot_vga) {
		result_set(r, CHECK_PASS, "no boot display");
	} else if (!*v->boot_vga_driver && !v->framebuffer) {
		result_set(r, CHECK_PASS, "%s is free", v->boot_vga);
	} else {
		result_set(r, CHECK_WARN, "%s shows the host's console (driver %s%s)",
		           v->boot_vga, *v->boot_vga_driver ? v->boot_vga_driver : "none",
		           v->framebuffer ? ", framebuffer in its memory" : "");
		result_remedy(r, "give guests another display; or boot without one: "
		                 "initcall_blacklist=sysfb_init and no driver for it");
	}
}

void check_vfio_sriov(const struct facts *f, struct result *r)
{
	const struct vfio_facts *v = &f->vfio;

	if (!v->devices)
		result_set(r, CHECK_SKIP, "no PCI devices are visible");
	else if (v->sriov_capable)
		result_set(r, CHECK_PASS,
		           "%u devices can have virtual functions, %u are on",
		           v->sriov_capable, v->sriov_functions);
	else
		result_set(r, CHECK_PASS, "no device has virtual functions");
}

void check_vfio_initramfs(const struct facts *f, struct result *r)
{
	if (!*f->modules.vfio_ids) {
		result_set(r, CHECK_PASS, "no device is given to vfio-pci by its ID");
	} else if (f->vfio.initramfs_older < 0) {
		result_set(r, CHECK_NOTE,
		           "%s gives devices to vfio-pci; no initramfs is "
		           "visible",
		           f->modules.vfio_ids);
	} else if (!f->vfio.initramfs_older) {
		result_set(r, CHECK_PASS, "%s is older than the initramfs",
		           f->modules.vfio_ids);
	} else {
		result_set(
			r, CHECK_WARN,
			"%s is newer than the initramfs, which may bind the devices to "
			"their host drivers",
			f->modules.vfio_ids);
		remedy_initramfs(f, r->remedy);
	}
}
