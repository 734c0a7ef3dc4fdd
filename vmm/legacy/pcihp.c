// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PCI hot-plug by ACPI (QEMU's docs/specs/acpi_pci_hotplug.rst): two words of slots that
 * a guest's ACPI methods read after general-purpose event 1, and one that they write to
 * say that a slot may be emptied.
 *
 * A slot stays in `down` until it is empty, so that a guest that did not hear the event
 * finds the wish with the next one; a machine that is reset lets go of what it was asked
 * for. The guest may eject a slot without being asked. It never reaches the functions of
 * the board. Runs under the machine lock, ejection in the thread of the vCPU that asks
 * for it.
 */
#include "vmm/legacy/pcihp.h"

#include "vmm/core/vm.h"
#include "vmm/legacy/pm.h"
#include "vmm/pci/pci.h"

#include <errno.h>

#define SLOTS    32
#define PATIENCE 5000000000ull /* ns before a guest may be asked once more */

enum {
	REG_UP = 0,    /* slots that were filled; a read clears it */
	REG_DOWN = 4,  /* slots that shall be emptied */
	REG_EJECT = 8, /* written: empties slots */
	REG_CAN = 12,  /* slots that can be emptied */
	REG_BUS = 16,  /* which bus the others speak of; there is one */
};

struct pcihp {
	struct device dev;
	uint32_t up, down, bus;
	struct region region;
	uint64_t asked[SLOTS]; /* when, by loop_now() */
};

/* ---- slots ---- */

static bool is_removable(struct pcihp *hp, unsigned slot)
{
	for (unsigned fn = 0; fn < 8; fn++) {
		const struct pci_device *pdev =
			pci_find(hp->dev.vm->pci, PCI_DEVFN(slot, fn));

		if (pdev && !device_class_hotplugs(pdev->dev.cls))
			return false;
	}
	return true;
}

static uint32_t removable(struct pcihp *hp)
{
	uint32_t slots = 0;

	for (unsigned slot = 0; slot < SLOTS; slot++)
		slots |= (uint32_t)is_removable(hp, slot) << slot;
	return slots;
}

static void eject(struct pcihp *hp, uint32_t slots)
{
	slots &= removable(hp);
	hp->up &= ~slots;
	hp->down &= ~slots;
	for (unsigned devfn = 0; devfn < 8 * SLOTS; devfn++) {
		struct pci_device *pdev = pci_find(hp->dev.vm->pci, devfn);

		if (pdev && slots >> PCI_SLOT_OF(devfn) & 1)
			device_unplug(&pdev->dev);
	}
}

static void tell(struct pcihp *hp)
{
	for (struct device *dev = hp->dev.vm->devices; dev; dev = dev->next)
		if (dev->cls == &pm_class)
			pm_gpe_raise(dev, PCIHP_GPE);
}

struct device *pcihp_find(struct vm *vm)
{
	struct device *dev = vm->devices;

	while (dev && dev->cls != &pcihp_class)
		dev = dev->next;
	return dev;
}

void pcihp_plugged(struct device *dev, const struct pci_device *pdev)
{
	struct pcihp *hp = (struct pcihp *)dev;

	if (PCI_FN_OF(pdev->devfn))
		return;
	hp->up |= 1u << PCI_SLOT_OF(pdev->devfn);
	tell(hp);
}

int pcihp_request(struct device *dev, const struct pci_device *pdev, struct err *err)
{
	struct pcihp *hp = (struct pcihp *)dev;
	unsigned slot = PCI_SLOT_OF(pdev->devfn);

	if (!is_removable(hp, slot))
		return err_set(err, EBUSY,
		               "slot %x also has a function that does not support "
		               "hotplugging",
		               slot);
	if (hp->down >> slot & 1 && loop_now() - hp->asked[slot] < PATIENCE)
		return err_set(err, EBUSY,
		               "Device %s is already in the process of unplug",
		               pdev->dev.id ? pdev->dev.id : pdev->dev.path);
	hp->down |= 1u << slot;
	hp->asked[slot] = loop_now();
	tell(hp);
	return 0;
}

/* ---- registers ---- */

static uint64_t hp_read(void *opaque, uint64_t offset, unsigned size)
{
	struct pcihp *hp = opaque;
	uint32_t value = 0;

	if (size != 4)
		return UINT64_MAX;
	if (hp->bus && offset != REG_BUS)
		return 0;
	switch (offset) {
	case REG_UP:
		value = hp->up;
		hp->up = 0;
		return value;
	case REG_DOWN:
		return hp->down;
	case REG_CAN:
		return removable(hp);
	case REG_BUS:
		return hp->bus;
	default:
		return 0;
	}
}

static void hp_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct pcihp *hp = opaque;

	if (size == 4 && offset == REG_EJECT && !hp->bus)
		eject(hp, value);
	else if (size == 4 && offset == REG_BUS)
		hp->bus = value;
}

static const struct region_ops hp_ops = { .read = hp_read, .write = hp_write };

/* ---- life ---- */

static int hp_realize(struct device *dev, struct err *err)
{
	struct pcihp *hp = (struct pcihp *)dev;
	int ret;

	if (!dev->vm->pci)
		return err_set(err, ENODEV, "this machine has no PCI bus");
	device_set_path(dev, "system/%s", dev->cls->name);
	hp->region = (struct region){
		.name = "acpi-pci-hotplug",
		.size = PCIHP_SIZE,
		.ops = &hp_ops,
		.opaque = hp,
	};
	ret = mem_map(dev->vm->mem, MEM_PIO, &hp->region, PCIHP_BASE);
	return ret < 0 ? err_sys(err, -ret, "cannot map the hot-plug ports") : 0;
}

/* A guest that starts anew looks for itself, and finds nothing that was to go. */
static void hp_reset(struct device *dev)
{
	struct pcihp *hp = (struct pcihp *)dev;

	eject(hp, hp->down);
	hp->up = hp->down = hp->bus = 0;
}

static void hp_unrealize(struct device *dev)
{
	mem_unmap(&((struct pcihp *)dev)->region);
}

static const struct state_field hp_fields[] = {
	STATE_U32_F(struct pcihp, up),
	STATE_U32_F(struct pcihp, down),
	STATE_U32_F(struct pcihp, bus),
	STATE_END_F,
};

static const struct state_desc hp_state = {
	.name = "acpi-pci-hotplug",
	.version = 1,
	.fields = hp_fields,
};

const struct device_class pcihp_class = {
	.name = "acpi-pci-hotplug",
	.bus = "system",
	.help = "PCI hot-plug through ACPI",
	.internal = true,
	.size = sizeof(struct pcihp),
	.state = &hp_state,
	.realize = hp_realize,
	.reset = hp_reset,
	.unrealize = hp_unrealize,
};
