// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices: the tree with their properties, and the PCI bus as the guest set it up. */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/device.h"
#include "vmm/core/vm.h"
#include "vmm/monitor/tables.h"
#include "vmm/pci/pci.h"

#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

/* ---- PCI classes ---- */

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
	{ 0x0c03, "USB controller" },
};

static const char *class_name(uint16_t code)
{
	for (unsigned i = 0; i < ARRAY_SIZE(pci_classes); i++)
		if (pci_classes[i].code == code)
			return pci_classes[i].desc;
	return NULL;
}

/* ---- info qtree ---- */

/* Each bus hangs off a device. */
static const struct bus {
	const char *bus, *name, *type, *parent; /* parent: a class; NULL: none */
} buses[] = {
	{ "system", "main-system-bus", "System", NULL },
	{ "pci", "pci.0", "PCI", "i440FX-pcihost" },
	{ "isa", "isa.0", "ISA", "PIIX3" },
	{ "IDE", "ide.0", "IDE", "piix3-ide" },
	{ "SCSI", "scsi.0", "SCSI", "virtio-scsi-pci" },
	{ "usb-bus", "usb-bus.0", "usb-bus", "qemu-xhci" },
	{ "virtio-serial", "virtio-serial-bus.0", "virtio-serial-bus",
	  "virtio-serial-pci" },
};

static void add_property(struct strbuf *out, int indent, const struct opt_desc *row,
                         const struct device *dev)
{
	json_t *value = mon_property(row, dev);

	strbuf_addf(out, "%*s%s = ", indent, "", row->name);
	if (json_is_boolean(value))
		strbuf_adds(out, json_is_true(value) ? "true\n" : "false\n");
	else if (json_is_integer(value))
		strbuf_addf(out, "%lld (0x%llx)\n", (long long)json_integer_value(value),
		            (long long)json_integer_value(value));
	else
		strbuf_addf(out, "\"%s\"\n", json_string_value(value));
	json_decref(value);
}

/* What the guest's configuration space says. */
static void add_function(struct strbuf *out, int indent, const struct pci_device *pdev)
{
	const uint8_t *c = pdev->config;
	const char *desc = class_name(ld16(c + PCI_CLASS_DEVICE));
	char number[16];

	snprintf(number, sizeof(number), "Class %04x", ld16(c + PCI_CLASS_DEVICE));
	strbuf_addf(
		out, "%*sclass %s, addr 00:%02x.%x, pci id %04x:%04x (sub %04x:%04x)\n",
		indent, "", desc ? desc : number, PCI_SLOT_OF(pdev->devfn),
		PCI_FN_OF(pdev->devfn), ld16(c + PCI_VENDOR_ID), ld16(c + PCI_DEVICE_ID),
		ld16(c + PCI_SUBSYSTEM_VENDOR_ID), ld16(c + PCI_SUBSYSTEM_ID));
	for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
		const struct pci_bar *bar = &pdev->bars[i];

		if (bar->size)
			strbuf_addf(out, "%*sbar %u: %s at 0x%llx [0x%llx]\n", indent, "",
			            i,
			            bar->type & PCI_BASE_ADDRESS_SPACE_IO ? "i/o" : "mem",
			            (unsigned long long)bar->addr,
			            (unsigned long long)(bar->addr + bar->size - 1));
	}
}

static void add_bus(struct strbuf *out, int indent, const struct vm *vm,
                    const struct bus *bus, const struct device *parent);

static void add_device(struct strbuf *out, int indent, const struct device *dev)
{
	strbuf_addf(out, "%*sdev: %s, id \"%s\"\n", indent, "", dev->cls->name,
	            dev->id ? dev->id : "");
	for (const struct opt_desc *row = dev->cls->props; row && row->name; row++)
		if (row->type != OPT_ALIAS)
			add_property(out, indent + 2, row, dev);
	if (!strcmp(dev->cls->bus, "pci"))
		add_function(out, indent + 2, (const struct pci_device *)dev);
	for (unsigned i = 0; i < ARRAY_SIZE(buses); i++)
		if (buses[i].parent && !strcmp(buses[i].parent, dev->cls->name))
			add_bus(out, indent + 2, dev->vm, &buses[i], dev);
}

/* Of the buses that there may be several of, the path says which one it is on. */
static bool is_on(const struct device *dev, const struct device *parent)
{
	size_t len = parent ? strlen(parent->path) : 0;

	return !parent || strcmp(parent->cls->bus, "pci") ||
	       strncmp(dev->path, "pci/", 4) ||
	       (!strncmp(dev->path, parent->path, len) && dev->path[len] == '/');
}

static void add_bus(struct strbuf *out, int indent, const struct vm *vm,
                    const struct bus *bus, const struct device *parent)
{
	if (parent && parent->id)
		strbuf_addf(out, "%*sbus: %s.0\n", indent, "", parent->id);
	else
		strbuf_addf(out, "%*sbus: %s\n", indent, "", bus->name);
	strbuf_addf(out, "%*stype %s\n", indent + 2, "", bus->type);
	for (const struct device *dev = vm->devices; dev; dev = dev->next)
		if (!strcmp(dev->cls->bus, bus->bus) && is_on(dev, parent))
			add_device(out, indent + 2, dev);
}

static int run_qtree(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };

	(void)args;
	(void)err;
	add_bus(&out, 0, ctx->vm, &buses[0], NULL);
	*result = mon_text(out.data ? out.data : "");
	return 0;
}

/* ---- info pci ---- */

static json_t *class_info(uint16_t code)
{
	json_t *info = json_pack("{s:i}", "class", code);

	if (class_name(code))
		json_object_set_new(info, "desc", json_string(class_name(code)));
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
