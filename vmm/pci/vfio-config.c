// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Config space of a real function. Its identity, BARs, command register, MSI and MSI-X
 * are ours, as of any other function; the rest is read from the function, and writes pass
 * on to it, through the host's VFIO, which keeps a guest from what would harm others.
 *
 * The function itself answers all the time, whatever the guest's command register says:
 * what KVM maps then never faults. Only its power state can take that away, so that
 * nothing is mapped while it sleeps.
 */
#include "vmm/pci/vfio.h"

#include "common/bytes.h"
#include "common/cleanup.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ALWAYS (PCI_COMMAND_IO | PCI_COMMAND_MEMORY)

/* ---- capabilities ---- */

/* The others are of bridges, slots and buses that are not there. */
static bool makes_sense(uint8_t id)
{
	static const uint8_t known[] = {
		PCI_CAP_ID_PM,  PCI_CAP_ID_VPD,  PCI_CAP_ID_MSI,  PCI_CAP_ID_VNDR,
		PCI_CAP_ID_EXP, PCI_CAP_ID_MSIX, PCI_CAP_ID_SATA, PCI_CAP_ID_AF,
	};

	return memchr(known, id, sizeof(known));
}

unsigned vfio_filter_caps(const uint8_t *config, struct vfio_cap *caps)
{
	uint8_t at = config[PCI_CAPABILITY_LIST] & ~3u;
	uint64_t seen = 0;
	unsigned count = 0;

	if (!(config[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		return 0;
	while (at >= PCI_STD_HEADER_SIZEOF && !(seen >> at / 4 & 1)) {
		bool first = true;

		seen |= 1ull << at / 4;
		for (unsigned i = 0; i < count; i++)
			first &=
				caps[i].id != config[at] || config[at] == PCI_CAP_ID_VNDR;
		if (makes_sense(config[at]) && first && count < VFIO_CAPS)
			caps[count++] = (struct vfio_cap){ config[at], at };
		at = config[at + 1] & ~3u;
	}
	return count;
}

static void emulate(struct vfio_pci *v, unsigned offset, unsigned len)
{
	for (unsigned i = offset; i < offset + len && i < PCI_CONFIG_SIZE; i++)
		v->emulated[i] = 0xff;
}

/* The capability is at config[next_cap] from now on. */
static bool place(struct vfio_pci *v, struct vfio_cap cap, unsigned len)
{
	if (cap.offset + len > PCI_CONFIG_SIZE)
		return false;
	v->pci.next_cap = cap.offset;
	emulate(v, cap.offset, len);
	return true;
}

/* Without masks for single vectors: the bytes that hold them are past the end. */
static void add_msi(struct vfio_pci *v, struct vfio_cap cap, const uint8_t *config)
{
	uint16_t flags = ld16(config + cap.offset + PCI_MSI_FLAGS) &
	                 (PCI_MSI_FLAGS_QMASK | PCI_MSI_FLAGS_64BIT);
	bool wide = flags & PCI_MSI_FLAGS_64BIT;
	unsigned len = wide ? 14 : 10;
	uint8_t *wmask = v->pci.wmask + cap.offset;

	if (ld16(config + cap.offset + PCI_MSI_FLAGS) & PCI_MSI_FLAGS_MASKBIT)
		len += 10;
	if (vfio_irq_count(v->fd, VFIO_MSI) <= 0 || !place(v, cap, len))
		return;
	pci_cap_add(&v->pci, cap.id, len);
	v->msi = cap.offset;
	st16(v->pci.config + cap.offset + PCI_MSI_FLAGS, flags);
	st16(wmask + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	st32(wmask + PCI_MSI_ADDRESS_LO, ~3u);
	if (wide)
		st32(wmask + PCI_MSI_ADDRESS_HI, UINT32_MAX);
	st16(wmask + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), UINT16_MAX);
}

/* Where the register points to `size` bytes of a BAR that is there. */
static bool fits(const struct vfio_pci *v, uint32_t reg, uint64_t size)
{
	unsigned bar = reg & PCI_MSIX_TABLE_BIR;
	uint64_t have = bar < PCI_BAR_COUNT ? v->pci.bars[bar].size : 0;

	return have && !(v->pci.bars[bar].type & PCI_BASE_ADDRESS_SPACE_IO) &&
	       (reg & PCI_MSIX_TABLE_OFFSET) + size <= have;
}

static int add_msix(struct vfio_pci *v, struct vfio_cap cap, const uint8_t *config,
                    struct err *err)
{
	uint32_t table = ld32(config + cap.offset + PCI_MSIX_TABLE);
	uint32_t pba = ld32(config + cap.offset + PCI_MSIX_PBA);
	int count = vfio_irq_count(v->fd, VFIO_MSIX);

	/* A driver is content with fewer vectors than the function has. */
	if (count > PCI_MSIX_MAX)
		count = PCI_MSIX_MAX;
	if (count <= 0 || !fits(v, table, count * 16) ||
	    !fits(v, pba, align_up(count, 64) / 8) || !place(v, cap, PCI_CAP_MSIX_SIZEOF))
		return 0;
	return pci_msix_init(&v->pci, count, table, pba, err);
}

static int add_cap(struct vfio_pci *v, struct vfio_cap cap, const uint8_t *config,
                   struct err *err)
{
	if (cap.id == PCI_CAP_ID_MSIX)
		return add_msix(v, cap, config, err);
	if (cap.id == PCI_CAP_ID_MSI) {
		add_msi(v, cap, config);
		return 0;
	}
	if (place(v, cap, PCI_CAP_SIZEOF - 2))
		pci_cap_add(&v->pci, cap.id, PCI_CAP_SIZEOF - 2);
	if (cap.id == PCI_CAP_ID_PM)
		v->pm = cap.offset;
	return 0;
}

/* ---- accesses ---- */

static void write_config(struct vfio_pci *v, unsigned offset, uint32_t value,
                         unsigned size)
{
	/* What it refuses, a guest may not write. */
	if (pwrite(v->fd, &value, size, v->config.offset + offset) < 0)
		return;
}

void vfio_enable(struct vfio_pci *v, bool dma)
{
	write_config(v, PCI_COMMAND, ALWAYS | (dma ? PCI_COMMAND_MASTER : 0), 2);
}

static void config_reading(struct pci_device *pdev, unsigned offset, unsigned size)
{
	struct vfio_pci *v = (struct vfio_pci *)pdev;
	uint8_t bytes[4];
	bool ours = true;

	for (unsigned i = 0; i < size; i++)
		ours &= v->emulated[offset + i] == 0xff;
	if (ours)
		return;
	if (pread(v->fd, bytes, size, v->config.offset + offset) != (ssize_t)size)
		memset(bytes, 0xff, sizeof(bytes));
	for (unsigned i = 0; i < size; i++) {
		uint8_t mask = v->emulated[offset + i], *p = &pdev->config[offset + i];

		*p = (*p & mask) | (bytes[i] & ~mask);
	}
}

/* The part of a write that is the register byte at `at`, or -1. */
static int byte_at(unsigned at, unsigned offset, uint32_t value, unsigned size)
{
	if (at < offset || at >= offset + size)
		return -1;
	return value >> 8 * (at - offset) & 0xff;
}

static void config_writing(struct pci_device *pdev, unsigned offset, uint32_t value,
                           unsigned size)
{
	struct vfio_pci *v = (struct vfio_pci *)pdev;
	int power = v->pm ? byte_at(v->pm + PCI_PM_CTRL, offset, value, size) : -1;
	int command = byte_at(PCI_COMMAND, offset, value, size);
	bool passes = offset <= PCI_COMMAND + 1 && offset + size > PCI_COMMAND;

	for (unsigned i = 0; i < size; i++)
		passes |= v->emulated[offset + i] != 0xff;
	/* The function's own line is not what drives ours. */
	pdev->config[PCI_STATUS] &= ~PCI_STATUS_INTERRUPT;
	if (!passes)
		return;
	if (command >= 0)
		value |= ALWAYS << 8 * (PCI_COMMAND - offset);
	if (power > 0 && power & PCI_PM_CTRL_STATE_MASK)
		vfio_show(v, false);
	write_config(v, offset, value, size);
	if (power >= 0 && !(power & PCI_PM_CTRL_STATE_MASK))
		vfio_show(v, true);
}

static void config_written(struct pci_device *pdev, unsigned offset, unsigned size)
{
	(void)offset;
	(void)size;
	vfio_irq_update((struct vfio_pci *)pdev);
}

static void intx_routed(struct pci_device *pdev)
{
	vfio_irq_update((struct vfio_pci *)pdev);
}

/* ---- life ---- */

int vfio_config_init(struct vfio_pci *v, const uint8_t *config, struct err *err)
{
	struct vfio_cap caps[VFIO_CAPS];
	unsigned count = vfio_filter_caps(config, caps);
	int ret = 0;

	emulate(v, 0, PCI_STATUS);
	v->emulated[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	emulate(v, PCI_CLASS_REVISION, 4);
	emulate(v, PCI_HEADER_TYPE, 2);
	emulate(v, PCI_BASE_ADDRESS_0, 4 * PCI_BAR_COUNT);
	emulate(v, PCI_ROM_ADDRESS, 5);
	emulate(v, PCI_INTERRUPT_LINE, 2);
	/* Each goes to the head of the list. */
	while (count-- && ret >= 0)
		ret = add_cap(v, caps[count], config, err);
	v->pci.config_reading = config_reading;
	v->pci.config_writing = config_writing;
	v->pci.config_written = config_written;
	v->pci.intx_routed = intx_routed;
	return ret;
}
