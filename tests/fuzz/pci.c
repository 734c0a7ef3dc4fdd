// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: the PCI bus with its chip set, cards that come and go, and a guest that
 * writes what it likes to configuration space, to the hot-plug registers and to wherever
 * BARs are. Beyond "does not crash": BARs answer where configuration space says, lines
 * are what functions and router say, no interrupt of an unmasked vector is lost, the
 * state that a guest can reach is one that a load accepts, and after a reset with all
 * slots emptied nothing is left of the cards.
 *
 * Input: records of 8 bytes: what; a size or place; an address; a value.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/dev/pci-lib.h"
#include "tests/fuzz/input-lib.h"
#include "vmm/legacy/i6300esb.h"
#include "vmm/legacy/pcihp.h"
#include "vmm/legacy/piix.h"
#include "vmm/legacy/pm.h"
#include "vmm/legacy/vga.h"
#include "vmm/virtio/console.h"
#include "vmm/virtio/rng.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum action {
	ACT_CONFIG, /* devfn (0 to 127) and register; bit 7 of the size: a read */
	ACT_BAR,    /* which of the slot's function 0; offset; as before */
	ACT_MEMORY, /* anywhere: the address's low bits and 16 of its high ones */
	ACT_PORT,   /* of hot-plug, power management or anywhere */
	ACT_PLUG,   /* a card into a slot, unless one is there */
	ACT_ASK,    /* the host wants a slot back */
	ACT_RAISE,  /* a vector: its eventfd, or by hand */
	ACT_LINE,   /* the pin of a test card */
	ACT_ROUND,  /* one round of the loop */
	ACT_STATE,  /* stop, save, load and go on */
	ACT_RESET,
	ACT_ASSIGN, /* what firmware would do */
	ACTIONS
};

enum { SLOTS = 8, STEPS = 256, RAM = 64 << 10, SHADOW = 256 << 10 };

static const struct card {
	const struct device_class *cls;
	const char *opts;
} cards[] = {
	{ &pci_test_class, "" },       { &pci_test_class, "no-msix=on,multifunction=on" },
	{ &virtio_rng_pci_class, "" }, { &virtio_serial_pci_class, "max_ports=2" },
	{ &i6300esb_class, "" },
};

static struct board b;
static struct device *hp;
static uint8_t *ram;
static int fds[PCI_TEST_VECTORS];

static void set_up(void)
{
	uint8_t *shadow = mem_alloc(SHADOW, NULL);
	struct err err = { 0 };

	board_init(&b, true);
	ram = mem_alloc(RAM, NULL);
	require(ram && shadow &&
	        !mem_add_ram(b.vm.mem, "ram", 0, RAM, ram, false, &err) &&
	        !mem_add_shadow(b.vm.mem, "shadow", 0xc0000, shadow, 0, &err));
	board_add(&b, &i440fx_class, "addr=0");
	b.isa_bridge = board_add(&b, &piix3_class, "addr=1");
	board_add(&b, &pm_class, "addr=1.3");
	hp = board_add(&b, &pcihp_class, "");
	board_add(&b, &bochs_display_class, "addr=2,vgamem=1M");
	for (unsigned i = 0; i < PCI_TEST_VECTORS; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* ---- actions ---- */

static struct pci_device *slot(unsigned n)
{
	return pci_find(b.vm.pci, PCI_DEVFN(n % SLOTS, 0));
}

static struct pci_test *test_card(unsigned n)
{
	struct pci_device *pdev = slot(n);

	return pdev && pdev->dev.cls == &pci_test_class ? (struct pci_test *)pdev : NULL;
}

static void reach(enum mem_space space, uint64_t at, uint64_t value, uint8_t how)
{
	unsigned len = 1u << (how & (space == MEM_PIO ? 1 : 3));

	if (how & 0x40)
		len = 4;
	vm_lock(&b.vm);
	mem_access(b.vm.mem, space, at, &value, len, !(how & 0x80));
	vm_unlock(&b.vm);
}

static void reach_bar(const uint8_t *r, uint32_t value)
{
	const struct pci_device *pdev = slot(r[2]);
	const struct pci_bar *bar = pdev ? &pdev->bars[(r[2] >> 4) % 7] : NULL;

	if (bar && bar->size && bar->addr != UINT64_MAX)
		reach(bar->type & PCI_BASE_ADDRESS_SPACE_IO ? MEM_PIO : MEM_MMIO,
		      bar->addr + r[3] * (r[1] & 0x20 ? 16 : 1) % bar->size, value, r[1]);
}

static void reach_port(const uint8_t *r, uint32_t value)
{
	static const uint16_t bases[] = { PCIHP_BASE, PM_GPE_BASE, PM_IO_BASE, 0xcf8 };

	reach(MEM_PIO, r[1] & 0x20 ? ld16(r + 2) : bases[r[2] & 3] + r[3] % 20, value,
	      r[1]);
}

static void plug(unsigned n, const struct card *card)
{
	char text[80];
	struct pci_device *pdev;

	n %= SLOTS;
	if (slot(n))
		return;
	snprintf(text, sizeof(text), "addr=%x%s%s", n, *card->opts ? "," : "",
	         card->opts);
	pdev = (struct pci_device *)device_create_simple(&b.vm, card->cls, text, NULL);
	require(pdev);
	if (pdev->dev.cls->resume)
		pdev->dev.cls->resume(&pdev->dev);
	for (unsigned v = 0; pdev->msix && test_card(n) && v < PCI_TEST_VECTORS; v += 2)
		require(!pci_msix_set_fd(pdev, v, fds[v]));
	pcihp_plugged(hp, pdev);
}

/* An unmasked vector of an enabled table sends its message now. */
static void raise(struct pci_test *t, unsigned v)
{
	uint64_t one = 1;
	unsigned before = irqchip_test_msis(b.vm.irqchip, NULL);
	uint16_t flags = t->pci.msix ? ld16(t->pci.config + 0x42) : 0;
	bool fires = flags & PCI_MSIX_FLAGS_ENABLE && !(flags & PCI_MSIX_FLAGS_MASKALL) &&
	             !(t->pci.msix_table[v * 16 + 12] & 1);

	if (!t->pci.msix)
		return;
	if (v & 1) {
		pci_msix_notify(&t->pci, v);
		require(irqchip_test_msis(b.vm.irqchip, NULL) == before + fires);
		return;
	}
	require(write(fds[v], &one, sizeof(one)) == sizeof(one));
	board_settle(&b);
	require(irqchip_test_msis(b.vm.irqchip, NULL) >= before + fires);
}

static void stop(void)
{
	devices_quiesce(&b.vm);
}

static void copy_state(void)
{
	for (struct device *dev = b.vm.devices; dev; dev = dev->next) {
		const struct state_desc *desc = dev->cls->state;
		_cleanup_strbuf_ struct strbuf out = { 0 };
		struct err err = { 0 };
		size_t used = 0;

		if (!desc)
			continue;
		require(!state_save(desc, dev, dev->path, &out, &err));
		if (state_load(desc, dev, dev->cls->size, dev->path, out.data, out.len,
		               &used, &err) < 0) {
			fprintf(stderr, "%s: %s\n", dev->path, err.text);
			abort();
		}
	}
}

static void act(const uint8_t *r)
{
	uint32_t value = ld32(r + 4);
	struct pci_test *t = test_card(r[2]);
	struct err err = { 0 };

	switch ((enum action)(r[0] % ACTIONS)) {
	case ACT_CONFIG:
		board_out(&b, 0xcf8, 0x80000000 | (r[2] & 0x3f) << 8 | (r[3] & 0xfc), 4);
		reach(MEM_PIO, 0xcfc + (r[3] & 3), value, r[1]);
		break;
	case ACT_BAR:
		reach_bar(r, value);
		break;
	case ACT_MEMORY:
		reach(MEM_MMIO, (uint64_t)ld16(r + 2) << 16 | (value & 0xffff), value,
		      r[1]);
		break;
	case ACT_PORT:
		reach_port(r, value);
		break;
	case ACT_PLUG:
		plug(r[2], &cards[r[3] % ARRAY_SIZE(cards)]);
		break;
	case ACT_ASK:
		if (slot(r[2]))
			pcihp_request(hp, slot(r[2]), &err);
		break;
	case ACT_RAISE:
		if (t)
			raise(t, r[3] % PCI_TEST_VECTORS);
		break;
	case ACT_LINE:
		if (t)
			pci_intx_set(&t->pci, r[3] & 1);
		break;
	case ACT_STATE:
		stop();
		copy_state();
		devices_resume(&b.vm);
		break;
	case ACT_RESET:
		stop();
		devices_reset(&b.vm);
		devices_resume(&b.vm);
		break;
	case ACT_ASSIGN:
		require(!pci_bus_assign(b.vm.pci, 0xc0000000, 0xfe000000, &err));
		break;
	default:
		loop_run_once(b.vm.loop, 0);
	}
}

/* ---- what must hold ---- */

static void check_bar(const struct pci_device *pdev, unsigned n)
{
	const struct pci_bar *bar = &pdev->bars[n];
	unsigned at = n == PCI_ROM_BAR ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + 4 * n;
	bool io = bar->type & PCI_BASE_ADDRESS_SPACE_IO;

	if (!bar->size)
		return;
	for (unsigned i = 0; i < bar->part_count; i++) {
		const struct region *region = bar->parts[i].region;

		require(!region->mem == (bar->addr == UINT64_MAX));
		require(!region->mem || region->base == bar->addr + bar->parts[i].offset);
	}
	if (bar->addr == UINT64_MAX)
		return;
	require(!(bar->addr & (bar->size - 1)));
	require((uint32_t)bar->addr ==
	        (ld32(pdev->config + at) & ~(uint32_t)(bar->size - 1)));
	require(pdev->config[PCI_COMMAND] & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY));
}

static void check_lines(void)
{
	uint32_t want = 0;

	for (unsigned devfn = 0; devfn < 256; devfn++) {
		const struct pci_device *pdev = pci_find(b.vm.pci, devfn);

		for (unsigned n = 0; pdev && n <= PCI_ROM_BAR; n++)
			check_bar(pdev, n);
		if (pdev && pdev->intx_level && pci_intx_gsi(pdev) < IRQCHIP_GSIS)
			want |= 1u << pci_intx_gsi(pdev);
	}
	for (unsigned gsi = 0; gsi < IRQCHIP_GSIS; gsi++)
		require(gsi == PM_SCI || board_irq(&b, gsi) == (want >> gsi & 1));
}

/* A guest may eject all cards at any time. */
static void check_empty(void)
{
	stop();
	devices_reset(&b.vm);
	devices_resume(&b.vm);
	board_out(&b, PCIHP_BASE + 8, UINT32_MAX, 4);
	for (unsigned n = 3; n < SLOTS; n++)
		require(!slot(n));
	require(slot(0) && slot(1) && slot(2));
	check_lines();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!hp)
		set_up();
	for (unsigned n = 0; size >= 8 && n < STEPS; data += 8, size -= 8, n++) {
		act(data);
		check_lines();
	}
	board_settle(&b);
	check_empty();
	return 0;
}
