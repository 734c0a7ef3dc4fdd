// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which device the BIOS tries first: the letters of -boot go into CMOS, as kinds of
 * devices; the devices with a bootindex go, in its order, into the file "bootorder" as
 * Open Firmware paths, which SeaBIOS and OVMF compare with what they find. The latter
 * wins. Every class that can be booted from has a property "bootindex".
 */
#include "vmm/machine/internal.h"

#include "common/cleanup.h"
#include "vmm/legacy/fwcfg.h"
#include "vmm/legacy/ide.h"
#include "vmm/legacy/rtc.h"
#include "vmm/machine/control.h"
#include "vmm/pci/pci.h"
#include "vmm/pci/vfio.h"
#include "vmm/scsi/scsi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CMOS_BOOT_FIRST = 0x3d, /* two kinds, the first in the low half */
	CMOS_BOOT_THIRD = 0x38, /* high half; bit 0: boot floppies without a signature */

	NO_INDEX = UINT32_MAX,
	PATH_SIZE = 96,
	NETWORK = 2, /* base class of a PCI function */
};

/* ---- letters ---- */

static uint8_t kind_of(char letter)
{
	switch (letter) {
	case 'a':
	case 'b':
		return 1;
	case 'c':
		return 2;
	case 'd':
		return 3;
	case 'n':
		return 4;
	default:
		return 0;
	}
}

static void set_letters(struct pc *pc, const char *order)
{
	uint8_t kinds[3] = { 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(kinds) && *order; i++)
		kinds[i] = kind_of(*order++);
	rtc_set_cmos(pc->rtc, CMOS_BOOT_FIRST, kinds[1] << 4 | kinds[0]);
	rtc_set_cmos(pc->rtc, CMOS_BOOT_THIRD, kinds[2] << 4 | 1);
}

/* ---- paths ---- */

struct boot_entry_path {
	uint32_t index;
	char path[PATH_SIZE];
};

static uint32_t index_of(const struct device *dev)
{
	for (const struct opt_desc *row = dev->cls->props; row && row->name; row++)
		if (!strcmp(row->name, "bootindex"))
			return *(const uint32_t *)((const char *)dev + row->offset);
	return NO_INDEX;
}

/* As firmware names a PCI function: the kind of device, then its place on the bus.
 * Returns the length. */
static int function_path(const struct device *dev, const char *kind, char *path)
{
	const struct pci_device *pdev = (const struct pci_device *)dev;
	unsigned fn = PCI_FN_OF(pdev->devfn);
	char fn_text[4] = "";

	if (fn)
		snprintf(fn_text, sizeof(fn_text), ",%x", fn);
	return snprintf(path, PATH_SIZE, "/pci@i0cf8/%s@%x%s", kind,
	                PCI_SLOT_OF(pdev->devfn), fn_text);
}

static void pci_path(const struct device *dev, char *path)
{
	const struct pci_device *pdev = (const struct pci_device *)dev;
	bool net = pdev->config[PCI_CLASS_REVISION + 3] == NETWORK;
	int len = function_path(dev, net ? "ethernet" : "scsi", path);

	/* What is in a real function only its driver knows. */
	if (dev->cls == &vfio_pci_class)
		return;
	snprintf(path + len, PATH_SIZE - len, "%s",
	         net ? "/ethernet-phy@0" : "/disk@0,0");
}

static void scsi_path(const struct scsi_place *place, char *path)
{
	int len = function_path(place->controller, "scsi", path);

	snprintf(path + len, PATH_SIZE - len, "/channel@0/disk@%x,%x", place->target,
	         place->lun);
}

static void ide_path(const struct ide_place *place, char *path)
{
	snprintf(path, PATH_SIZE, "/pci@i0cf8/ide@%x,%x/drive@%x/disk@%x",
	         PCI_SLOT_OF(place->devfn), PCI_FN_OF(place->devfn), place->channel,
	         place->unit);
}

static int cmp_index(const void *a, const void *b)
{
	const struct boot_entry_path *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

static int same_index(uint32_t index, struct err *err)
{
	return err_usage(err, "bootindex=%u is given to two devices; each needs its own",
	                 index);
}

int pc_set_boot_paths(struct pc *pc, struct err *err)
{
	struct boot_entry_path entries[64];
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct scsi_place scsi;
	struct ide_place place;
	unsigned count = 0;

	for (struct device *dev = pc->vm.devices; dev; dev = dev->next) {
		uint32_t index = index_of(dev);

		if (index == NO_INDEX || count == ARRAY_SIZE(entries))
			continue;
		entries[count].index = index;
		if (ide_find_place(dev, &place))
			ide_path(&place, entries[count++].path);
		else if (scsi_find_place(dev, &scsi))
			scsi_path(&scsi, entries[count++].path);
		else if (!strcmp(dev->cls->bus, "pci"))
			pci_path(dev, entries[count++].path);
	}
	if (pc->boot && !pc->uefi)
		strbuf_adds(&text, "/rom@genroms/" LINUXBOOT_ROM);
	qsort(entries, count, sizeof(entries[0]), cmp_index);
	for (unsigned i = 0; i < count; i++) {
		if (i && entries[i].index == entries[i - 1].index)
			return same_index(entries[i].index, err);
		strbuf_addf(&text, "%s%s", text.len ? "\n" : "", entries[i].path);
	}
	if (pc->config->boot.strict)
		strbuf_addf(&text, "%sHALT", text.len ? "\n" : "");
	if (text.failed)
		return err_sys(err, ENOMEM, "boot order");
	/* The NUL ends the file. */
	return text.len ? fwcfg_set_file(pc->fwcfg, "bootorder", strdup(text.data),
	                                 text.len + 1, err)
	                : 0;
}

int pc_set_boot_order(struct pc *pc, bool first, struct err *err)
{
	const struct boot_config *boot = &pc->config->boot;

	set_letters(pc, *pc->boot_order       ? pc->boot_order
	                : first && boot->once ? boot->once
	                : boot->order         ? boot->order
	                                      : CONFIG_BOOT_ORDER);
	return pc_set_boot_paths(pc, err);
}

int pc_set_boot_letters(struct pc *pc, const char *order, struct err *err)
{
	int ret = config_check_order(order, err);

	if (ret < 0)
		return ret;
	if (!pc->vm.firmware)
		return err_set(err, ENOTSUP,
		               "the guest starts in its kernel: no BIOS looks for "
		               "something to boot");
	snprintf(pc->boot_order, sizeof(pc->boot_order), "%s", order);
	set_letters(pc, order);
	return 0;
}
