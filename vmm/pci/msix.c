// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSI-X (PCI Local Bus 3.0, 6.8.2).
 *
 * A vector that is raised by an eventfd is attached to KVM as an irqfd only while it can
 * fire (enabled, unmasked). While it cannot, the eventfd itself keeps what arrived:
 * attaching later delivers it, and the pending bit is read from it. Routes are touched
 * only when a vector becomes able to fire, because each change costs KVM a grace period.
 */
#include "vmm/pci/internal.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct msix_vector {
	struct pci_device *pdev;
	unsigned index;
	int fd;              /* -1: raised by pci_msix_notify() only */
	int gsi;             /* route, -1: none yet */
	bool attached;       /* KVM, or the loop, listens to fd */
	struct loop_fd poll; /* on a board without KVM */
};

struct msix {
	unsigned count;
	unsigned cap; /* offset in config space */
	struct region table_region, pba_region;
	struct msix_vector vectors[];
};

static uint16_t control(const struct pci_device *pdev)
{
	return ld16(pdev->config + pdev->msix->cap + PCI_MSIX_FLAGS);
}

bool pci_msix_enabled(const struct pci_device *pdev)
{
	return pdev->msix && control(pdev) & PCI_MSIX_FLAGS_ENABLE;
}

static bool can_fire(const struct pci_device *pdev, unsigned v)
{
	uint16_t flags = control(pdev);
	uint32_t mask = ld32(pdev->msix_table + v * 16 + PCI_MSIX_ENTRY_VECTOR_CTRL);

	return flags & PCI_MSIX_FLAGS_ENABLE && !(flags & PCI_MSIX_FLAGS_MASKALL) &&
	       !(mask & PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

static struct msi_msg message(const struct pci_device *pdev, unsigned v)
{
	const uint8_t *entry = pdev->msix_table + v * 16;

	return (struct msi_msg){ .address = ld64(entry), .data = ld32(entry + 8) };
}

static bool is_pending(const struct pci_device *pdev, unsigned v)
{
	return pdev->msix_pba[v / 8] & (1 << (v % 8));
}

static void set_pending(struct pci_device *pdev, unsigned v, bool pending)
{
	if (pending)
		pdev->msix_pba[v / 8] |= 1 << (v % 8);
	else
		pdev->msix_pba[v / 8] &= ~(1 << (v % 8));
}

static void send(struct pci_device *pdev, unsigned v)
{
	struct msi_msg msg = message(pdev, v);

	set_pending(pdev, v, false);
	irqchip_msi(pdev->dev.vm->irqchip, &msg);
}

void pci_msix_notify(struct pci_device *pdev, unsigned v)
{
	if (!pci_msix_enabled(pdev) || v >= pdev->msix->count)
		return;
	if (can_fire(pdev, v))
		send(pdev, v);
	else
		set_pending(pdev, v, true);
}

/* ---- eventfds ---- */

static void poll_event(void *opaque, uint32_t events)
{
	struct msix_vector *vec = opaque;
	uint64_t count;

	(void)events;
	if (read(vec->fd, &count, sizeof(count)) == sizeof(count))
		pci_msix_notify(vec->pdev, vec->index);
}

static void attach(struct msix_vector *vec)
{
	struct irqchip *chip = vec->pdev->dev.vm->irqchip;
	int ret;

	ret = irqchip_irqfd(chip, vec->gsi, vec->fd, true);
	if (ret < 0) /* no KVM, or KVM is out of irqfds: slower, but delivered */
		ret = loop_add(vec->pdev->dev.vm->loop, &vec->poll, vec->fd, EPOLLIN,
		               poll_event, vec);
	if (ret < 0)
		log_error("%s: vector %u cannot be raised: errno %d", vec->pdev->dev.path,
		          vec->index, -ret);
	vec->attached = ret >= 0;
}

static void detach(struct msix_vector *vec)
{
	if (!vec->attached)
		return;
	if (vec->poll.active)
		loop_remove(vec->pdev->dev.vm->loop, &vec->poll);
	else
		irqchip_irqfd(vec->pdev->dev.vm->irqchip, vec->gsi, vec->fd, false);
	vec->attached = false;
}

/* Before irqchip_commit(): the route of a vector that may fire. False when it cannot have
 * one. */
static bool prepare(struct msix_vector *vec)
{
	struct irqchip *chip = vec->pdev->dev.vm->irqchip;
	struct msi_msg msg = message(vec->pdev, vec->index);

	if (vec->gsi < 0)
		vec->gsi = irqchip_route_alloc(chip);
	if (vec->gsi < 0)
		return false;
	irqchip_route_set(chip, vec->gsi, &msg);
	return true;
}

void pci_msix_update(struct pci_device *pdev)
{
	struct msix *msix = pdev->msix;
	int ret;

	for (unsigned v = 0; v < msix->count; v++) {
		struct msix_vector *vec = &msix->vectors[v];
		bool fires = can_fire(pdev, v);

		if (fires && is_pending(pdev, v))
			send(pdev, v);
		if (vec->fd < 0)
			continue;
		if (!fires)
			detach(vec);
		else if (!prepare(vec))
			log_error("%s: no interrupt route left for vector %u",
			          pdev->dev.path, v);
	}
	ret = irqchip_commit(pdev->dev.vm->irqchip);
	if (ret < 0)
		log_error("%s: KVM refuses the interrupt routes: errno %d",
		          pdev->dev.path, -ret);
	for (unsigned v = 0; v < msix->count; v++) {
		struct msix_vector *vec = &msix->vectors[v];

		if (vec->fd >= 0 && vec->gsi >= 0 && !vec->attached && can_fire(pdev, v))
			attach(vec);
	}
}

int pci_msix_set_fd(struct pci_device *pdev, unsigned v, int fd)
{
	struct msix_vector *vec;

	if (!pdev->msix || v >= pdev->msix->count)
		return -EINVAL;
	vec = &pdev->msix->vectors[v];
	if (vec->fd == fd)
		return 0;
	detach(vec);
	vec->fd = fd;
	if (fd < 0 && vec->gsi >= 0) {
		irqchip_route_free(pdev->dev.vm->irqchip, vec->gsi);
		vec->gsi = -1;
	}
	if (fd >= 0 && can_fire(pdev, v))
		pci_msix_update(pdev);
	return 0;
}

/* ---- registers ---- */

static uint64_t table_read(void *opaque, uint64_t offset, unsigned size)
{
	struct pci_device *pdev = opaque;

	return ldn(pdev->msix_table + offset, size);
}

static void table_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct pci_device *pdev = opaque;
	unsigned v = offset / 16;
	bool fired = can_fire(pdev, v);

	stn(pdev->msix_table + offset, size, value);
	/* A masked entry may be half written; one that fires takes effect at once. */
	if (fired || can_fire(pdev, v))
		pci_msix_update(pdev);
}

/* What arrived while a vector could not fire waits in its eventfd. */
void pci_msix_collect(struct pci_device *pdev)
{
	for (unsigned v = 0; v < pdev->msix->count; v++) {
		struct pollfd p = { .fd = pdev->msix->vectors[v].fd, .events = POLLIN };

		if (p.fd >= 0 && !can_fire(pdev, v) && poll(&p, 1, 0) == 1) {
			uint64_t count;

			if (read(p.fd, &count, sizeof(count)) == sizeof(count))
				set_pending(pdev, v, true);
		}
	}
}

static uint64_t pba_read(void *opaque, uint64_t offset, unsigned size)
{
	struct pci_device *pdev = opaque;

	pci_msix_collect(pdev);
	return ldn(pdev->msix_pba + offset, size);
}

static const struct region_ops table_ops = { .read = table_read, .write = table_write };
static const struct region_ops pba_ops = { .read = pba_read };

void pci_msix_config_written(struct pci_device *pdev, unsigned offset, unsigned size)
{
	unsigned flags = pdev->msix->cap + PCI_MSIX_FLAGS;

	if (offset >= flags + 2 || flags >= offset + size)
		return;
	pci_msix_update(pdev);
	/* A function with MSI-X on does not use its pin. */
	pci_intx_update(pdev);
}

int pci_msix_validate(const struct pci_device *pdev, struct err *err)
{
	unsigned count = pdev->msix ? pdev->msix->count : 0;

	if (pdev->msix_table_len != count * 16)
		return err_set(err, EINVAL,
		               "the MSI-X table has %u bytes there and %u here",
		               pdev->msix_table_len, count * 16);
	for (unsigned v = count; v < PCI_MSIX_MAX; v++)
		if (is_pending(pdev, v))
			return err_set(err, EINVAL,
			               "MSI-X vector %u is pending, %u exist", v, count);
	return 0;
}

/* ---- life ---- */

int pci_msix_init(struct pci_device *pdev, unsigned vectors, uint32_t table, uint32_t pba,
                  struct err *err)
{
	struct msix *msix;
	unsigned cap;

	if (!vectors || vectors > PCI_MSIX_MAX)
		return err_set(err, EINVAL, "%u MSI-X vectors; 1 to %d are possible",
		               vectors, PCI_MSIX_MAX);
	msix = calloc(1, sizeof(*msix) + vectors * sizeof(msix->vectors[0]));
	if (!msix)
		return err_sys(err, ENOMEM, "MSI-X");
	cap = pci_cap_add(pdev, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF);
	st16(pdev->config + cap + PCI_MSIX_FLAGS, vectors - 1);
	st16(pdev->wmask + cap + PCI_MSIX_FLAGS,
	     PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	st32(pdev->config + cap + PCI_MSIX_TABLE, table);
	st32(pdev->config + cap + PCI_MSIX_PBA, pba);
	msix->count = vectors;
	msix->cap = cap;
	for (unsigned v = 0; v < vectors; v++)
		msix->vectors[v] = (struct msix_vector){
			.pdev = pdev,
			.index = v,
			.fd = -1,
			.gsi = -1,
		};
	msix->table_region = (struct region){
		.name = "msix-table",
		.size = vectors * 16,
		.ops = &table_ops,
		.opaque = pdev,
	};
	msix->pba_region = (struct region){
		.name = "msix-pba",
		.size = align_up(vectors, 64) / 8,
		.ops = &pba_ops,
		.opaque = pdev,
	};
	pdev->msix = msix;
	pdev->msix_table_len = vectors * 16;
	pci_bar_add(pdev, table & PCI_MSIX_TABLE_BIR, table & PCI_MSIX_TABLE_OFFSET,
	            &msix->table_region);
	pci_bar_add(pdev, pba & PCI_MSIX_PBA_BIR, pba & PCI_MSIX_PBA_OFFSET,
	            &msix->pba_region);
	return 0;
}

/* The other parts of the BAR stay: pci_unrealize() unmaps them. */
static void remove_part(struct pci_bar *bar, const struct region *region)
{
	for (unsigned i = 0; i < bar->part_count; i++)
		if (bar->parts[i].region == region)
			bar->parts[i--] = bar->parts[--bar->part_count];
}

void pci_msix_free(struct pci_device *pdev)
{
	if (!pdev->msix)
		return;
	for (unsigned v = 0; v < pdev->msix->count; v++)
		pci_msix_set_fd(pdev, v, -1);
	mem_unmap(&pdev->msix->table_region);
	mem_unmap(&pdev->msix->pba_region);
	for (unsigned n = 0; n < PCI_BAR_COUNT; n++) {
		remove_part(&pdev->bars[n], &pdev->msix->table_region);
		remove_part(&pdev->bars[n], &pdev->msix->pba_region);
	}
	free(pdev->msix);
	pdev->msix = NULL;
}

void pci_msix_reset(struct pci_device *pdev)
{
	memset(pdev->msix_table, 0, sizeof(pdev->msix_table));
	memset(pdev->msix_pba, 0, sizeof(pdev->msix_pba));
	for (unsigned v = 0; v < pdev->msix->count; v++)
		st32(pdev->msix_table + v * 16 + PCI_MSIX_ENTRY_VECTOR_CTRL,
		     PCI_MSIX_ENTRY_CTRL_MASKBIT);
	pci_msix_update(pdev);
}
