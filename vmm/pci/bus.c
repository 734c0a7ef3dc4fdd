// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bus 0, its configuration mechanism 1 (PCI Local Bus 3.0, 3.2.2.3.2: address at 0xcf8,
 * data at 0xcfc) and its INTx wires.
 *
 * The wires are shared: each PIRQ counts the functions that pull it, and several PIRQs
 * may be routed to one GSI, so a GSI is high while any PIRQ that leads to it is pulled.
 */
#include "vmm/pci/internal.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/core/vm.h"
#include "vmm/pci/host.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define PIRQS 4

struct pci_bus {
	struct device dev;
	struct pci_device *slots[256]; /* by devfn */
	uint32_t config_address;
	struct region address_region, data_region;
	unsigned pulled[PIRQS]; /* functions that assert it */
	unsigned routed[PIRQS]; /* the GSI that was driven last */
	unsigned (*irq_route)(void *opaque, unsigned pirq);
	void *irq_opaque;
};

/* ---- configuration mechanism 1 ---- */

static struct pci_device *selected(struct pci_bus *bus)
{
	uint32_t a = bus->config_address;

	/* Enabled, bus 0. */
	if (!(a & 0x80000000) || (a >> 16 & 0xff))
		return NULL;
	return bus->slots[a >> 8 & 0xff];
}

static uint64_t address_read(void *opaque, uint64_t offset, unsigned size)
{
	struct pci_bus *bus = opaque;

	(void)offset;
	return size == 4 ? bus->config_address : UINT64_MAX;
}

static void address_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct pci_bus *bus = opaque;

	(void)offset;
	/* Only double words reach the register; smaller ones pass to other ports. */
	if (size == 4)
		bus->config_address = value;
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned size)
{
	struct pci_bus *bus = opaque;
	struct pci_device *pdev = selected(bus);

	if (!pdev)
		return UINT64_MAX;
	return pci_config_read(pdev, (bus->config_address & 0xfc) + offset, size);
}

static void data_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct pci_bus *bus = opaque;
	struct pci_device *pdev = selected(bus);

	if (pdev)
		pci_config_write(pdev, (bus->config_address & 0xfc) + offset, value,
		                 size);
}

static const struct region_ops address_ops = { .read = address_read,
	                                       .write = address_write };
static const struct region_ops data_ops = { .read = data_read, .write = data_write };

/* ---- INTx ---- */

static bool gsi_is_pulled(const struct pci_bus *bus, unsigned gsi)
{
	for (unsigned i = 0; i < PIRQS; i++)
		if (bus->pulled[i] && bus->routed[i] == gsi)
			return true;
	return false;
}

static void drive(struct pci_bus *bus, unsigned gsi)
{
	if (gsi < IRQCHIP_GSIS)
		irqchip_set(bus->dev.vm->irqchip, gsi, gsi_is_pulled(bus, gsi));
}

void pci_bus_update_irqs(struct pci_bus *bus)
{
	for (unsigned i = 0; i < PIRQS; i++) {
		unsigned old = bus->routed[i];

		bus->routed[i] =
			bus->irq_route ? bus->irq_route(bus->irq_opaque, i) : UINT_MAX;
		if (old == bus->routed[i])
			continue;
		drive(bus, old);
		drive(bus, bus->routed[i]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bus->slots); i++)
		if (bus->slots[i] && bus->slots[i]->intx_routed)
			bus->slots[i]->intx_routed(bus->slots[i]);
}

void pci_bus_set_route(struct pci_bus *bus,
                       unsigned (*irq_route)(void *opaque, unsigned pirq), void *opaque)
{
	bus->irq_route = irq_route;
	bus->irq_opaque = opaque;
	pci_bus_update_irqs(bus);
}

void pci_bus_intx(struct pci_bus *bus, struct pci_device *pdev, bool level)
{
	unsigned pirq = (PCI_SLOT_OF(pdev->devfn) - 1) & 3; /* pin A */

	bus->pulled[pirq] += level ? 1 : -1;
	if (bus->pulled[pirq] == (level ? 1 : 0))
		drive(bus, bus->routed[pirq]);
}

uint8_t pci_intx_gsi(const struct pci_device *pdev)
{
	const struct pci_bus *bus = pdev->bus;
	unsigned gsi = bus->irq_route ? bus->irq_route(bus->irq_opaque,
	                                               (PCI_SLOT_OF(pdev->devfn) - 1) & 3)
	                              : UINT_MAX;

	return gsi < IRQCHIP_GSIS ? gsi : 0xff;
}

/* ---- slots ---- */

static int find_free(struct pci_bus *bus)
{
	for (unsigned slot = 1; slot < 32; slot++) {
		unsigned fn = 0;

		while (fn < 8 && !bus->slots[PCI_DEVFN(slot, fn)])
			fn++;
		if (fn == 8)
			return PCI_DEVFN(slot, 0);
	}
	return -1;
}

/* A guest looks for further functions only where function 0 says that there are some. */
static int check_visible(struct pci_bus *bus, const struct pci_device *pdev, int devfn,
                         struct err *err)
{
	unsigned slot = PCI_SLOT_OF(devfn), fn = PCI_FN_OF(devfn);
	const struct pci_device *first = fn ? bus->slots[PCI_DEVFN(slot, 0)] : pdev;

	if (!first || first->multifunction)
		return 0;
	for (unsigned i = 1; i < 8 && !fn; i++)
		if (bus->slots[PCI_DEVFN(slot, i)])
			fn = i;
	if (!fn)
		return 0;
	return err_set(err, EINVAL,
	               "a guest would not find function %02x.%x: function 0 (%s) needs "
	               "multifunction=on",
	               slot, fn, first->dev.cls->name);
}

int pci_bus_claim(struct pci_bus *bus, struct pci_device *pdev, int devfn,
                  struct err *err)
{
	int ret;

	if (devfn < 0)
		devfn = find_free(bus);
	if (devfn < 0)
		return err_set(err, ENOSPC, "all 32 slots of the PCI bus are taken");
	if (bus->slots[devfn])
		return err_set(err, EBUSY,
		               "PCI address %02x.%x is taken by %s; choose another addr=",
		               PCI_SLOT_OF(devfn), PCI_FN_OF(devfn),
		               bus->slots[devfn]->dev.cls->name);
	ret = check_visible(bus, pdev, devfn, err);
	if (ret < 0)
		return ret;
	pdev->devfn = devfn;
	bus->slots[devfn] = pdev;
	return 0;
}

void pci_bus_release(struct pci_bus *bus, struct pci_device *pdev)
{
	if (bus->slots[pdev->devfn] == pdev)
		bus->slots[pdev->devfn] = NULL;
}

struct pci_device *pci_find(struct pci_bus *bus, uint8_t devfn)
{
	return bus->slots[devfn];
}

/* ---- the bus as a device ---- */

static int host_realize(struct device *dev, struct err *err)
{
	struct pci_bus *bus = (struct pci_bus *)dev;
	int ret;

	bus->address_region = (struct region){
		.name = "pci-conf-idx",
		.size = 4,
		.ops = &address_ops,
		.opaque = bus,
	};
	bus->data_region = (struct region){
		.name = "pci-conf-data",
		.size = 4,
		.ops = &data_ops,
		.opaque = bus,
	};
	for (unsigned i = 0; i < PIRQS; i++)
		bus->routed[i] = UINT_MAX;
	device_set_path(dev, "system/i440FX-pcihost");
	ret = mem_map(dev->vm->mem, MEM_PIO, &bus->address_region, 0xcf8);
	if (ret >= 0)
		ret = mem_map(dev->vm->mem, MEM_PIO, &bus->data_region, 0xcfc);
	return ret < 0 ? err_sys(err, -ret, "cannot map the configuration ports") : 0;
}

static void host_reset(struct device *dev)
{
	((struct pci_bus *)dev)->config_address = 0;
}

static void host_unrealize(struct device *dev)
{
	struct pci_bus *bus = (struct pci_bus *)dev;

	mem_unmap(&bus->address_region);
	mem_unmap(&bus->data_region);
	if (dev->vm->pci == bus)
		dev->vm->pci = NULL;
}

static const struct state_field host_fields[] = {
	STATE_U32_F(struct pci_bus, config_address),
	STATE_END_F,
};

static const struct state_desc host_state = {
	.name = "i440FX-pcihost",
	.version = 1,
	.fields = host_fields,
};

const struct device_class pci_host_class = {
	.name = "i440FX-pcihost",
	.bus = "system",
	.help = "PCI bus 0 with configuration mechanism 1",
	.internal = true,
	.size = sizeof(struct pci_bus),
	.state = &host_state,
	.realize = host_realize,
	.reset = host_reset,
	.unrealize = host_unrealize,
};

struct pci_bus *pci_bus_new(struct vm *vm,
                            unsigned (*irq_route)(void *opaque, unsigned pirq),
                            void *opaque, struct err *err)
{
	struct device *dev = device_create_simple(vm, &pci_host_class, "", err);
	struct pci_bus *bus = (struct pci_bus *)dev;

	if (!bus)
		return NULL;
	vm->pci = bus;
	pci_bus_set_route(bus, irq_route, opaque);
	return bus;
}
