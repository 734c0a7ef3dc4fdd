// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: any accesses to the graphics card, with pictures taken in between. Beyond
 * "does not crash": the surface stays inside its limits, and the state that any guest can
 * reach is one that a load accepts.
 *
 * Input: records of 6 bytes: what, and where; an address; a value.
 */
#include "vmm/legacy/vga.h"
#include "tests/dev/legacy-lib.h"
#include "tests/fuzz/input-lib.h"
#include "vmm/display/display.h"
#include "vmm/pci/pci.h"

#define MMIO       0xc0000000u
#define MMIO_END   0xfec00000u
#define BAR_MEMORY 0
#define BAR_MMIO   2
#define TEXT_MAX   (1 << 20)

static void look(struct board *b, struct device *dev)
{
	const struct surface *s = display_surface(b->vm.display);
	_cleanup_strbuf_ struct strbuf text = { 0 }, saved = { 0 };
	struct err err = { 0 };
	size_t used = 0;

	require(display_capture(b->vm.display, &err) == 0);
	require(s->width && s->width <= DISPLAY_MAX_WIDTH);
	require(s->height && s->height <= DISPLAY_MAX_HEIGHT);
	display_text(b->vm.display, &text, &err);
	require(text.len < TEXT_MAX);
	require(state_save(dev->cls->state, dev, "x", &saved, &err) == 0);
	require(state_load(dev->cls->state, dev, dev->cls->size, "x", saved.data,
	                   saved.len, &used, &err) == 0);
}

static void access_once(struct board *b, struct device *dev, const uint8_t *r)
{
	const struct pci_device *pdev = (const struct pci_device *)dev;
	const uint64_t bases[] = { 0xa0000, pdev->bars[BAR_MEMORY].addr,
		                   pdev->bars[BAR_MMIO].addr };
	uint64_t value = r[4] | r[5] << 8, at = r[2] | r[3] << 8 | (r[1] & 7) << 16;
	unsigned kind = r[0] & 3, len = 1u << (r[0] >> 2 & 3);
	bool is_write = r[0] & 0x80;

	if (kind == 3) {
		/* 0x3b0 to 0x3df, and the VBE pair */
		at = r[0] & 0x40 ? 0x1ce + (at & 1) : 0x3b0 + at % 0x30;
		mem_access(b->vm.mem, MEM_PIO, at, &value, len > 4 ? 4 : len, is_write);
	} else {
		mem_access(b->vm.mem, MEM_MMIO, bases[kind] + at, &value, len, is_write);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = { 0 };
	struct device *dev;
	struct board b;

	board_init(&b, true);
	b.vm.display = display_new(b.vm.loop, &err);
	require(b.vm.display);
	dev = board_add(&b, &vga_class, "vgamem_mb=1,romfile=");
	require(pci_bus_assign(b.vm.pci, MMIO, MMIO_END, &err) == 0);
	for (unsigned n = 0; size >= 6 && n < 4096; data += 6, size -= 6, n++) {
		access_once(&b, dev, data);
		if (n % 512 == 511)
			look(&b, dev);
	}
	look(&b, dev);
	devices_destroy(&b.vm);
	display_free(b.vm.display);
	board_free(&b);
	return 0;
}
