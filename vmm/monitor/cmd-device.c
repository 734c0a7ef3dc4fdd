// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices: the tree with their properties, and the PCI bus as the guest set it up. */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/device.h"
#include "vmm/core/vm.h"
#include "vmm/monitor/tables.h"
#include "vmm/pci/pci.h"

#include <linux/pci_regs.h>
#include <string.h>

/* ---- info qtree ---- */

static void add_property(struct strbuf *out, const struct opt_desc *row,
                         const void *object)
{
	_cleanup_strbuf_ struct strbuf value = { 0 };

	opts_show(row, object, &value);
	strbuf_addf(out, "    %s = %s\n", row->name, value.data ? value.data : "\"\"");
}

static void add_device(struct strbuf *out, const struct device *dev)
{
	strbuf_addf(out, "  dev: %s, id \"%s\"\n", dev->cls->name,
	            dev->id ? dev->id : "");
	strbuf_addf(out, "    path = \"%s\"\n", dev->path);
	for (const struct opt_desc *row = dev->cls->props; row && row->name; row++)
		if (!row->alias_of)
			add_property(out, row, dev);
}

static bool first_of_bus(const struct vm *vm, const struct device *dev)
{
	const struct device *d = vm->devices;

	while (d != dev && strcmp(d->cls->bus, dev->cls->bus))
		d = d->next;
	return d == dev;
}

static int run_qtree(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };

	(void)args;
	(void)err;
	for (const struct device *bus = ctx->vm->devices; bus; bus = bus->next) {
		if (!first_of_bus(ctx->vm, bus))
			continue;
		strbuf_addf(&out, "bus: %s\n", bus->cls->bus);
		for (const struct device *dev = bus; dev; dev = dev->next)
			if (!strcmp(dev->cls->bus, bus->cls->bus))
				add_device(&out, dev);
	}
	*result = mon_text(out.data ? out.data : "");
	return 0;
}

/* ---- info pci ---- */

static const struct {
	uint16_t code;
	const char *desc;
} pci_classes[] = {
	{ 0x0100, "SCSI controller" },
	{ 0x0101, "IDE controller" },
	{ 0x0106, "SATA controller" },
	{ 0x0108, "NVMe controller" },
	{ 0x0200, "Ethernet controller" },
	{ 0x0300, "VGA controller" },
	{ 0x0600, "Host bridge" },
	{ 0x0601, "ISA bridge" },
	{ 0x0604, "PCI bridge" },
	{ 0x0680, "Bridge" },
	{ 0x0780, "Communication controller" },
};

static json_t *class_info(uint16_t code)
{
	json_t *info = json_pack("{s:i}", "class", code);

	for (unsigned i = 0; i < ARRAY_SIZE(pci_classes); i++)
		if (pci_classes[i].code == code)
			json_object_set_new(info, "desc",
			                    json_string(pci_classes[i].desc));
	return info;
}

static json_t *bars_info(const struct pci_device *pdev)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
		const struct pci_bar *bar = &pdev->bars[i];
		bool io = bar->type & PCI_BASE_ADDRESS_SPACE_IO;
		json_t *info;

		if (!bar->size)
			continue;
		info = json_pack("{s:i, s:s, s:I, s:I}", "bar", i, "type",
		                 io ? "io" : "memory", "size", (json_int_t)bar->size,
		                 "address", (json_int_t)bar->addr);
		if (!io) {
			json_object_set_new(
				info, "prefetch",
				json_boolean(bar->type & PCI_BASE_ADDRESS_MEM_PREFETCH));
			json_object_set_new(
				info, "mem_type_64",
				json_boolean(bar->type & PCI_BASE_ADDRESS_MEM_TYPE_64));
		}
		json_array_append_new(list, info);
	}
	return list;
}

static json_t *function_info(const struct pci_device *pdev)
{
	const uint8_t *c = pdev->config;
	json_t *info = json_pack(
		"{s:i, s:i, s:i, s:o, s:{s:i, s:i, s:i, s:i}, s:i, s:s, s:o}", "bus", 0,
		"slot", pdev->devfn >> 3, "function", pdev->devfn & 7, "class_info",
		class_info(ld16(c + PCI_CLASS_DEVICE)), "id", "device",
		ld16(c + PCI_DEVICE_ID), "vendor", ld16(c + PCI_VENDOR_ID), "subsystem",
		ld16(c + PCI_SUBSYSTEM_ID), "subsystem-vendor",
		ld16(c + PCI_SUBSYSTEM_VENDOR_ID), "irq_pin", c[PCI_INTERRUPT_PIN],
		"qdev_id", pdev->dev.id ? pdev->dev.id : "", "regions", bars_info(pdev));

	if (c[PCI_INTERRUPT_PIN])
		json_object_set_new(info, "irq", json_integer(c[PCI_INTERRUPT_LINE]));
	return info;
}

static int run_pci(struct mon_ctx *ctx, const json_t *args, json_t **result,
                   struct err *err)
{
	json_t *devices = json_array();

	(void)args;
	(void)err;
	for (unsigned devfn = 0; devfn < 256; devfn++) {
		const struct pci_device *pdev = pci_find(ctx->vm->pci, devfn);

		if (pdev)
			json_array_append_new(devices, function_info(pdev));
	}
	*result = json_pack("[{s:i, s:o}]", "bus", 0, "devices", devices);
	return 0;
}

static void print_region(const json_t *r, struct strbuf *out)
{
	unsigned long long address = mon_int(r, "address", 0),
			   size = mon_int(r, "size", 0);

	strbuf_addf(out, "      BAR%d: ", (int)mon_int(r, "bar", 0));
	if (!strcmp(mon_str(r, "type", ""), "io"))
		strbuf_addf(out, "I/O at 0x%04llx [0x%04llx].\n", address,
		            address + size - 1);
	else
		strbuf_addf(out, "%d bit%s memory at 0x%08llx [0x%08llx].\n",
		            mon_bool(r, "mem_type_64", false) ? 64 : 32,
		            mon_bool(r, "prefetch", false) ? " prefetchable" : "",
		            address, address + size - 1);
}

static void print_function(const json_t *d, struct strbuf *out)
{
	const json_t *id = json_object_get(d, "id"),
		     *cls = json_object_get(d, "class_info");
	const char *desc = mon_str(cls, "desc", NULL);
	size_t i;
	json_t *region;

	strbuf_addf(out, "  Bus %2d, device %3d, function %d:\n",
	            (int)mon_int(d, "bus", 0), (int)mon_int(d, "slot", 0),
	            (int)mon_int(d, "function", 0));
	if (desc)
		strbuf_addf(out, "    %s", desc);
	else
		strbuf_addf(out, "    Class %04d", (int)mon_int(cls, "class", 0));
	strbuf_addf(out, ": PCI device %04x:%04x\n", (int)mon_int(id, "vendor", 0),
	            (int)mon_int(id, "device", 0));
	if (mon_int(id, "subsystem-vendor", 0))
		strbuf_addf(out, "      PCI subsystem %04x:%04x\n",
		            (int)mon_int(id, "subsystem-vendor", 0),
		            (int)mon_int(id, "subsystem", 0));
	if (json_object_get(d, "irq"))
		strbuf_addf(out, "      IRQ %d, pin %c\n", (int)mon_int(d, "irq", 0),
		            (int)('A' + mon_int(d, "irq_pin", 1) - 1));
	json_array_foreach(json_object_get(d, "regions"), i, region)
		print_region(region, out);
	strbuf_addf(out, "      id \"%s\"\n", mon_str(d, "qdev_id", ""));
}

static void print_pci(const json_t *result, struct strbuf *out)
{
	const json_t *bus = json_array_get(result, 0);
	size_t i;
	json_t *device;

	json_array_foreach(json_object_get(bus, "devices"), i, device)
		print_function(device, out);
}

const struct mon_command mon_device_commands[] = {
	{ NULL, "info qtree", "devices and their properties", NULL, NULL, run_qtree,
	  NULL },
	{ "query-pci", "info pci", "the PCI bus", NULL, "[PciInfo]", run_pci, print_pci },
	{ .help = NULL },
};
