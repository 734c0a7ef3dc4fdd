// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Configuration space of one function (PCI Local Bus 3.0, chapter 6): header, BARs,
 * capabilities and INTx.
 *
 * config[] is what the guest reads; a write passes through wmask and w1cmask, and then
 * the BARs are mapped anew if the write could have moved or enabled them. A BAR whose
 * address is zero or leaves its space does not answer.
 */
#include "vmm/pci/internal.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <stdlib.h>

#define BAR_OFFSET(n) \
	((n) == PCI_ROM_BAR ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + 4 * (n))

/* ---- BARs ---- */

static bool bar_is_io(const struct pci_bar *bar)
{
	return bar->type & PCI_BASE_ADDRESS_SPACE_IO;
}

static bool bar_is_64(const struct pci_bar *bar)
{
	return !bar_is_io(bar) && bar->type & PCI_BASE_ADDRESS_MEM_TYPE_64;
}

/* Where the config space says that the BAR is, or UINT64_MAX. */
static uint64_t bar_address(const struct pci_device *pdev, unsigned n)
{
	const struct pci_bar *bar = &pdev->bars[n];
	uint16_t command = ld16(pdev->config + PCI_COMMAND);
	uint64_t addr = ld32(pdev->config + BAR_OFFSET(n)), limit;

	if (!(command & (bar_is_io(bar) ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)))
		return UINT64_MAX;
	if (n == PCI_ROM_BAR && !(addr & PCI_ROM_ADDRESS_ENABLE))
		return UINT64_MAX;
	if (bar_is_64(bar))
		addr |= (uint64_t)ld32(pdev->config + BAR_OFFSET(n + 1)) << 32;
	addr &= ~(bar->size - 1);
	limit = bar_is_io(bar) ? 0x10000 : bar_is_64(bar) ? UINT64_MAX : 1ull << 32;
	/* All ones is the sizing probe; it ends at the limit as well. */
	if (!addr || addr >= limit || bar->size >= limit - addr)
		return UINT64_MAX;
	return addr;
}

static void bar_unmap(struct pci_bar *bar)
{
	for (unsigned i = 0; i < bar->part_count; i++)
		mem_unmap(bar->parts[i].region);
	bar->addr = UINT64_MAX;
}

static void bar_map(struct pci_device *pdev, struct pci_bar *bar, uint64_t addr)
{
	for (unsigned i = 0; i < bar->part_count; i++) {
		struct region *region = bar->parts[i].region;
		int ret = mem_map(pdev->dev.vm->mem, bar_is_io(bar) ? MEM_PIO : MEM_MMIO,
		                  region, addr + bar->parts[i].offset);

		if (ret < 0)
			log_warn("%s: cannot map %s at 0x%llx: errno %d", pdev->dev.path,
			         region->name, (unsigned long long)addr, -ret);
	}
	bar->addr = addr;
}

void pci_update_bars(struct pci_device *pdev)
{
	for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
		struct pci_bar *bar = &pdev->bars[n];
		uint64_t addr = bar->size ? bar_address(pdev, n) : UINT64_MAX;

		if (!bar->size || addr == bar->addr)
			continue;
		bar_unmap(bar);
		if (addr == UINT64_MAX)
			continue;
		log_debug(LOG_C_PCI, "%s: BAR %u at 0x%llx", pdev->dev.path, n,
		          (unsigned long long)addr);
		bar_map(pdev, bar, addr);
	}
}

void pci_bar_init(struct pci_device *pdev, unsigned n, uint8_t type, uint64_t size)
{
	struct pci_bar *bar = &pdev->bars[n];
	uint64_t mask = ~(size - 1);

	bar->size = size;
	bar->type = type;
	bar->addr = UINT64_MAX;
	st32(pdev->config + BAR_OFFSET(n), type);
	st32(pdev->wmask + BAR_OFFSET(n),
	     (uint32_t)mask | (n == PCI_ROM_BAR ? PCI_ROM_ADDRESS_ENABLE : 0));
	if (bar_is_64(bar))
		st32(pdev->wmask + BAR_OFFSET(n + 1), mask >> 32);
}

void pci_bar_add(struct pci_device *pdev, unsigned n, uint64_t offset,
                 struct region *region)
{
	struct pci_bar *bar = &pdev->bars[n];

	if (bar->part_count == ARRAY_SIZE(bar->parts)) {
		log_error("%s: BAR %u has too many parts", pdev->dev.path, n);
		abort();
	}
	bar->parts[bar->part_count++] = (struct pci_bar_part){ region, offset };
}

unsigned pci_cap_add(struct pci_device *pdev, uint8_t id, unsigned len)
{
	unsigned at = pdev->next_cap;

	if (at + len > PCI_CONFIG_SIZE) {
		log_error("%s: no room for capability 0x%x", pdev->dev.path, id);
		abort();
	}
	pdev->next_cap = align_up(at + len, 4);
	pdev->config[at] = id;
	pdev->config[at + 1] = pdev->config[PCI_CAPABILITY_LIST];
	pdev->config[PCI_CAPABILITY_LIST] = at;
	pdev->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	return at;
}

/* ---- config accesses ---- */

uint32_t pci_config_read(struct pci_device *pdev, unsigned offset, unsigned size)
{
	if (offset + size > PCI_CONFIG_SIZE)
		return UINT32_MAX;
	if (pdev->config_reading)
		pdev->config_reading(pdev, offset, size);
	return ldn(pdev->config + offset, size);
}

static bool touches(unsigned offset, unsigned size, unsigned at, unsigned len)
{
	return offset < at + len && at < offset + size;
}

void pci_config_write(struct pci_device *pdev, unsigned offset, uint32_t value,
                      unsigned size)
{
	if (offset + size > PCI_CONFIG_SIZE)
		return;
	if (pdev->config_writing)
		pdev->config_writing(pdev, offset, value, size);
	for (unsigned i = 0; i < size; i++) {
		uint8_t byte = value >> (8 * i), *p = &pdev->config[offset + i];
		uint8_t wmask = pdev->wmask[offset + i];

		*p = (*p & ~wmask) | (byte & wmask);
		*p &= ~(byte & pdev->w1cmask[offset + i]);
	}
	if (touches(offset, size, PCI_COMMAND, 2) ||
	    touches(offset, size, PCI_BASE_ADDRESS_0, 4 * PCI_BAR_COUNT) ||
	    touches(offset, size, PCI_ROM_ADDRESS, 4))
		pci_update_bars(pdev);
	if (touches(offset, size, PCI_COMMAND, 2))
		pci_intx_update(pdev);
	if (pdev->msix)
		pci_msix_config_written(pdev, offset, size);
	if (pdev->config_written)
		pdev->config_written(pdev, offset, size);
}

/* ---- life ---- */

/* "5" or "5.1", hexadecimal as lspci prints it and QEMU reads it. */
static int parse_slot(const char *text, int *devfn)
{
	_cleanup_free_ char *slot_text = strdup(text);
	char *dot = slot_text ? strchr(slot_text, '.') : NULL;
	uint64_t slot, fn = 0;

	if (!slot_text)
		return -ENOMEM;
	if (dot)
		*dot = '\0';
	if (opt_parse_hex(slot_text, &slot) < 0 ||
	    (dot && opt_parse_hex(dot + 1, &fn) < 0) || slot > 31 || fn > 7)
		return -EINVAL;
	*devfn = PCI_DEVFN(slot, fn);
	return 0;
}

static int parse_addr(struct pci_device *pdev, int *devfn, struct err *err)
{
	*devfn = -1;
	if (pdev->bus_opt && strcmp(pdev->bus_opt, "pci.0"))
		return err_set(err, ENODEV, "there is no bus '%s'; the PCI bus is pci.0",
		               pdev->bus_opt);
	if (pdev->addr_opt && parse_slot(pdev->addr_opt, devfn) < 0)
		return err_set(err, EINVAL,
		               "addr=%s is not a slot (0 to 1f) or slot.function",
		               pdev->addr_opt);
	return 0;
}

static void init_header(struct pci_device *pdev, const struct pci_id *id)
{
	uint8_t *c = pdev->config, *w = pdev->wmask;

	st16(c + PCI_VENDOR_ID, id->vendor);
	st16(c + PCI_DEVICE_ID, id->device);
	st32(c + PCI_CLASS_REVISION, id->class_code << 8 | id->revision);
	st16(c + PCI_SUBSYSTEM_VENDOR_ID, id->sub_vendor);
	st16(c + PCI_SUBSYSTEM_ID, id->sub_device);
	c[PCI_HEADER_TYPE] = pdev->multifunction ? 0x80 : 0;
	st16(w + PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
	                              PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
	                              PCI_COMMAND_INTX_DISABLE);
	st16(pdev->w1cmask + PCI_STATUS, 0xf900);
	w[PCI_CACHE_LINE_SIZE] = 0xff;
	w[PCI_LATENCY_TIMER] = 0xff;
	w[PCI_INTERRUPT_LINE] = 0xff;
}

int pci_realize(struct pci_device *pdev, const struct pci_id *id, struct err *err)
{
	struct pci_bus *bus = pdev->dev.vm->pci;
	int devfn, ret = parse_addr(pdev, &devfn, err);

	if (ret < 0)
		return ret;
	if (!bus)
		return err_set(err, ENODEV, "this machine has no PCI bus");
	pdev->next_cap = 0x40;
	init_header(pdev, id);
	ret = pci_bus_claim(bus, pdev, devfn, err);
	if (ret < 0)
		return ret;
	pdev->bus = bus;
	device_set_path(&pdev->dev, "pci/00:%02x.%x/%s", PCI_SLOT_OF(pdev->devfn),
	                PCI_FN_OF(pdev->devfn), pdev->dev.cls->name);
	return 0;
}

void pci_unrealize(struct pci_device *pdev)
{
	if (!pdev->bus)
		return;
	pci_intx_set(pdev, false);
	for (unsigned n = 0; n <= PCI_ROM_BAR; n++)
		if (pdev->bars[n].size)
			bar_unmap(&pdev->bars[n]);
	pci_bus_release(pdev->bus, pdev);
	pdev->bus = NULL;
}

void pci_reset(struct pci_device *pdev)
{
	/* The first reset comes right after realize: what is there now is the reset
	 * state. */
	if (!pdev->config_saved) {
		memcpy(pdev->config_reset, pdev->config, PCI_CONFIG_SIZE);
		pdev->config_saved = true;
	}
	memcpy(pdev->config, pdev->config_reset, PCI_CONFIG_SIZE);
	pci_update_bars(pdev);
	pci_intx_set(pdev, false);
	if (pdev->msix)
		pci_msix_reset(pdev);
}

/* ---- INTx ---- */

void pci_intx_set(struct pci_device *pdev, bool level)
{
	if (level)
		pdev->config[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
	else
		pdev->config[PCI_STATUS] &= ~PCI_STATUS_INTERRUPT;
	pci_intx_update(pdev);
}

void pci_intx_update(struct pci_device *pdev)
{
	bool level = pdev->config[PCI_STATUS] & PCI_STATUS_INTERRUPT &&
	             !(ld16(pdev->config + PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE) &&
	             !pci_msix_enabled(pdev);

	if (level == pdev->intx_level)
		return;
	pdev->intx_level = level;
	pci_bus_intx(pdev->bus, pdev, level);
}

/* ---- state ---- */

static int validate(const void *obj, struct err *err)
{
	const struct pci_device *pdev = obj;

	for (unsigned i = 0; i < PCI_CONFIG_SIZE; i++) {
		uint8_t fixed = ~(pdev->wmask[i] | pdev->w1cmask[i]);

		if (i == PCI_STATUS)
			fixed &= ~PCI_STATUS_INTERRUPT;
		if ((pdev->config[i] ^ pdev->config_reset[i]) & fixed)
			return err_set(
				err, EINVAL,
				"config byte 0x%02x is 0x%02x there and 0x%02x here", i,
				pdev->config[i], pdev->config_reset[i]);
	}
	return pci_msix_validate(pdev, err);
}

static const struct state_field pci_device_fields[] = {
	STATE_BYTES_F(struct pci_device, config),
	STATE_VBYTES_F(struct pci_device, msix_table, msix_table_len),
	STATE_BYTES_F(struct pci_device, msix_pba),
	STATE_END_F,
};

const struct state_desc pci_device_state = {
	.name = "pci-device",
	.version = 1,
	.fields = pci_device_fields,
	.validate = validate,
};

void pci_pre_save(struct pci_device *pdev)
{
	if (pdev->msix)
		pci_msix_collect(pdev);
}

void pci_post_load(struct pci_device *pdev)
{
	pci_update_bars(pdev);
	pci_intx_update(pdev);
	if (pdev->msix)
		pci_msix_update(pdev);
}
