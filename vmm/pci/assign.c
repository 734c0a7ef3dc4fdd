// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What firmware does for PCI, for guests that are booted without one: an address for
 * every BAR, an interrupt line for every function, decoding on. Larger BARs go first, so
 * that natural alignment leaves no gaps.
 */
#include "vmm/pci/pci.h"

#include "common/bytes.h"

#include <errno.h>
#include <stdlib.h>

#define IO_FIRST 0xc000u /* above everything that the ISA side decodes */
#define IO_END   0xffffu /* a BAR that ends at 0x10000 would not answer */

struct want {
	struct pci_device *pdev;
	unsigned bar;
};

static int cmp_size(const void *a, const void *b)
{
	const struct want *x = a, *y = b;
	uint64_t sx = x->pdev->bars[x->bar].size, sy = y->pdev->bars[y->bar].size;

	if (sx != sy)
		return sx < sy ? 1 : -1;
	if (x->pdev != y->pdev)
		return x->pdev->devfn < y->pdev->devfn ? -1 : 1;
	return (int)x->bar - (int)y->bar;
}

/* wants may be NULL: then they are only counted. */
static unsigned collect(struct pci_bus *bus, struct want *wants)
{
	unsigned count = 0;

	for (unsigned devfn = 0; devfn < 256; devfn++) {
		struct pci_device *pdev = pci_find(bus, devfn);

		for (unsigned n = 0; pdev && n < PCI_BAR_COUNT; n++) {
			if (!pdev->bars[n].size)
				continue;
			if (wants)
				wants[count] = (struct want){ pdev, n };
			count++;
		}
	}
	if (wants)
		qsort(wants, count, sizeof(*wants), cmp_size);
	return count;
}

static int place(const struct want *want, uint64_t *next, uint64_t end, struct err *err)
{
	struct pci_device *pdev = want->pdev;
	const struct pci_bar *bar = &pdev->bars[want->bar];
	unsigned at = PCI_BASE_ADDRESS_0 + 4 * want->bar;
	uint64_t addr = align_up(*next, bar->size);

	if (addr > end || bar->size > end - addr)
		return err_set(err, ENOSPC,
		               "%s: BAR %u of 0x%llx bytes does not fit any more",
		               pdev->dev.path, want->bar, (unsigned long long)bar->size);
	pci_config_write(pdev, at, addr, 4);
	if (!(bar->type & PCI_BASE_ADDRESS_SPACE_IO) &&
	    bar->type & PCI_BASE_ADDRESS_MEM_TYPE_64)
		pci_config_write(pdev, at + 4, addr >> 32, 4);
	*next = addr + bar->size;
	return 0;
}

int pci_bus_assign(struct pci_bus *bus, uint64_t mmio, uint64_t mmio_end, struct err *err)
{
	unsigned count = collect(bus, NULL);
	struct want *wants = calloc(count + 1, sizeof(*wants));
	uint64_t io = IO_FIRST;
	int ret = 0;

	if (!wants)
		return err_sys(err, ENOMEM, "PCI addresses");
	collect(bus, wants);
	for (unsigned i = 0; i < count && ret >= 0; i++) {
		bool is_io = wants[i].pdev->bars[wants[i].bar].type &
		             PCI_BASE_ADDRESS_SPACE_IO;

		ret = is_io ? place(&wants[i], &io, IO_END, err)
		            : place(&wants[i], &mmio, mmio_end, err);
	}
	free(wants);
	for (unsigned devfn = 0; devfn < 256 && ret >= 0; devfn++) {
		struct pci_device *pdev = pci_find(bus, devfn);

		if (!pdev)
			continue;
		if (pdev->config[PCI_INTERRUPT_PIN])
			pci_config_write(pdev, PCI_INTERRUPT_LINE, pci_intx_gsi(pdev), 1);
		pci_config_write(pdev, PCI_COMMAND,
		                 PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
		                 2);
	}
	return ret;
}
