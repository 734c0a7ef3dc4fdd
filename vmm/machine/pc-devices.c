// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What sits on the board: the chips every PC has, the serial ports, then what the command
 * line adds. Character devices and images come first, because devices refer to them.
 */
#include "vmm/machine/internal.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/chardev/chardev.h"
#include "vmm/core/catalog.h"
#include "vmm/legacy/debug.h"
#include "vmm/legacy/pcihp.h"
#include "vmm/legacy/piix.h"
#include "vmm/legacy/pm.h"
#include "vmm/legacy/rtc.h"
#include "vmm/legacy/serial.h"
#include "vmm/pci/pci.h"
#include "vmm/usb/usb.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static void route_irqs(struct pc *pc, struct device *bridge)
{
	pci_bus_set_route(pc->vm.pci, piix3_irq_route, bridge);
}

static void tell_memory(struct pc *pc, struct device *rtc)
{
	pc->rtc = rtc;
	rtc_set_memory(rtc, pc->low_size, pc->high_size);
	rtc_set_base(rtc, pc->config->rtc_offset);
}

/* Created in this order; 00:00.0 and 00:01.0 to 00:01.3 are where firmware looks for
 * them.
 */
static const struct {
	const char *name, *opts;
	void (*ready)(struct pc *pc, struct device *dev);
} board_devices[] = {
	{ "PIIX3", "addr=1,multifunction=on,pirqs=0x0b0b0a0a", route_irqs },
	{ "piix3-ide", "addr=1.1", NULL },
	{ "PIIX4_PM", "addr=1.3", NULL },
	{ "mc146818rtc", "", tell_memory },
	{ "i8042", "", NULL },
	{ "port92", "", NULL },
};

static int add_serial(struct pc *pc, unsigned n, const char *text, struct err *err)
{
	char id[16], opts[64];
	struct chardev *chr;

	if (!strcmp(text, "none"))
		return 0;
	snprintf(id, sizeof(id), "serial%u", n);
	chr = chardev_create_short(pc->vm.chardevs, text, id, err);
	if (!chr)
		return -err->code;
	snprintf(opts, sizeof(opts), "index=%u,chardev=%s", n, chardev_id(chr));
	return device_create_simple(&pc->vm, &serial_class, opts, err) ? 0 : -err->code;
}

/* The first port is the terminal's, unless another option wants that. -nographic shares
 * it with the monitor, when that has no place of its own. */
static const char *default_serial(const struct vm_config *config)
{
	if (config->daemonize || (!config->nographic && config_wants_stdio(config)))
		return "null";
	return config->nographic && !config_has_monitor(config) ? "mon:stdio" : "stdio";
}

static int add_serials(struct pc *pc, struct err *err)
{
	const struct vm_config *config = pc->config;
	int ret = 0;

	if (!config->serials.count && !config->nodefaults &&
	    !config_has_device(config, "isa-serial"))
		return add_serial(pc, 0, default_serial(config), err);
	for (unsigned i = 0; i < config->serials.count && ret >= 0; i++)
		ret = add_serial(pc, i, config->serials.items[i], err);
	err_prefix(err, "-serial");
	return ret;
}

static int add_debugcons(struct pc *pc, struct err *err)
{
	for (unsigned i = 0; i < pc->config->debugcons.count; i++) {
		const char *text = pc->config->debugcons.items[i];
		struct chardev *chr;
		char opts[96];

		chr = chardev_create_short(pc->vm.chardevs, text, "debugcon", err);
		snprintf(opts, sizeof(opts), "chardev=%s", chr ? chardev_id(chr) : "");
		if (!chr || !device_create_simple(&pc->vm, &debugcon_class, opts, err)) {
			err_prefix(err, "-debugcon %s", text);
			return -err->code;
		}
	}
	return 0;
}

static int add_chardevs(struct pc *pc, struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < pc->config->chardevs.count && ret >= 0; i++) {
		struct opt_list opts = { 0 };

		ret = opt_list_parse(&opts, pc->config->chardevs.items[i], "backend",
		                     err);
		if (ret >= 0 && !chardev_create(pc->vm.chardevs, &opts, err))
			ret = -err->code;
		if (ret < 0)
			err_prefix(err, "-chardev");
		opt_list_free(&opts);
	}
	return ret;
}

/* Controllers for which hardly a guest has a driver any more, or that are like others. */
static bool is_scsi_controller(const char *name)
{
	static const char *const names[] = { "lsi",    "megasas",  "mptsas",
		                             "pvscsi", "am53c974", "dc390" };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(names[i], name, strlen(names[i])))
			return true;
	return false;
}

const struct device_class *pc_find_device(const char *name, struct err *err)
{
	const char *names[256];
	const struct device_class *cls = catalog_find(name);
	unsigned count = 0;
	const char *near;

	if (cls && !cls->internal)
		return cls;
	for (const struct device_class *const *c = device_catalog; *c && count < 255; c++)
		if (!(*c)->internal)
			names[count++] = (*c)->name;
	names[count] = NULL;
	near = opt_nearest(name, names);
	if (is_scsi_controller(name))
		err_usage(err,
		          "there is no device '%s'; the SCSI controller is "
		          "virtio-scsi-pci",
		          name);
	else if (near)
		err_usage(err, "there is no device '%s', did you mean '%s'?", name, near);
	else if (strstr(name, "usb-"))
		err_usage(err,
		          "there is no device '%s'; USB has the controller qemu-xhci and "
		          "usb-kbd, usb-mouse and usb-tablet",
		          name);
	else
		err_usage(err, "there is no device '%s'; -device help lists them", name);
	return NULL;
}

struct device *pc_create_device(struct pc *pc, struct opt_list *opts, const char *option,
                                struct err *err)
{
	const char *driver = opt_list_take(opts, "driver"),
		   *id = opt_list_get(opts, "id");
	const struct device_class *cls;
	struct device *dev;

	if (!driver) {
		err_usage(err, "%snames no device; -device help lists them", option);
		return NULL;
	}
	cls = pc_find_device(driver, err);
	dev = cls ? device_create(&pc->vm, cls, opts, err) : NULL;
	if (cls && !dev)
		err_prefix(err, "%s%s%s%s", option, cls->name, id ? ",id=" : "",
		           id ? id : "");
	return dev;
}

static int add_device(struct pc *pc, const char *text, struct err *err)
{
	struct opt_list opts = { 0 };
	int ret = opt_list_parse(&opts, text, "driver", err);

	if (ret < 0)
		err_prefix(err, "-device");
	else if (!pc_create_device(pc, &opts, "-device ", err))
		ret = -err->code;
	opt_list_free(&opts);
	return ret;
}

static int add_bus(struct pc *pc, struct err *err)
{
	if (!pci_bus_new(&pc->vm, NULL, NULL, err) ||
	    !device_create_simple(&pc->vm, &i440fx_class,
	                          pc->vm.firmware ? "addr=0" : "addr=0,shadow=on", err))
		return -err->code;
	for (unsigned i = 0; i < ARRAY_SIZE(board_devices); i++) {
		struct device *dev =
			device_create_simple(&pc->vm, catalog_find(board_devices[i].name),
		                             board_devices[i].opts, err);

		if (!dev) {
			err_prefix(err, "the board's %s", board_devices[i].name);
			return -err->code;
		}
		if (board_devices[i].ready)
			board_devices[i].ready(pc, dev);
		if (dev->cls == &pm_class && pm_has_hotplug(dev) &&
		    !device_create_simple(&pc->vm, &pcihp_class, "", err))
			return -err->code;
	}
	return 0;
}

/* Where a PIIX has its own controller. */
static int add_usb(struct pc *pc, struct err *err)
{
	if (device_create_simple(&pc->vm, &xhci_class, "addr=1.2", err))
		return 0;
	err_prefix(err, "-usb");
	return -err->code;
}

int pc_add_devices(struct pc *pc, struct err *err)
{
	int ret = add_bus(pc, err);

	/* Before the character devices, which empty files: a disk that cannot be opened
	 * leaves everything as it was. */
	if (ret >= 0)
		ret = pc_add_fwcfg(pc, err);
	if (ret >= 0)
		ret = pc_add_display(pc, err);
	if (ret >= 0)
		ret = pc_add_disks(pc, err);
	if (ret >= 0)
		ret = add_chardevs(pc, err);
	if (ret >= 0)
		ret = add_serials(pc, err);
	if (ret >= 0)
		ret = add_debugcons(pc, err);
	if (ret >= 0)
		ret = pc_add_nets(pc, err);
	if (ret >= 0 && pc->config->usb)
		ret = add_usb(pc, err);
	for (unsigned i = 0; i < pc->config->devices.count && ret >= 0; i++)
		ret = add_device(pc, pc->config->devices.items[i], err);
	return ret < 0 ? ret : pc_add_default_net(pc, err);
}
