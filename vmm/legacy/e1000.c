// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The e1000 as a PCI function 8086:100e with one interrupt pin, as QEMU has it: no
 * message signalled interrupts, no power management. e1000-core.h names the other files.
 * Machine lock.
 */
#include "vmm/legacy/e1000.h"

#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/legacy/e1000-core.h"

#include <errno.h>

#define BAR_MMIO  0
#define BAR_IO    1
#define MMIO_SIZE 0x20000
#define IO_SIZE   64

/* ---- the back end's view ---- */

static void readable(void *opaque)
{
	e1000_receive(opaque);
}

static void writable(void *opaque)
{
	e1000_transmit(opaque);
}

static void update_link(struct e1000 *e)
{
	bool up = net_link_up(e->nd);

	if (up == e->link)
		return;
	e->link = up;
	e1000_raise(e, ICR_LSC);
}

/* What happens to it while the machine is stopped is news when it goes on. */
static void link_changed(void *opaque)
{
	struct e1000 *e = opaque;

	if (e->running)
		update_link(e);
}

static const char *front_name(void *opaque)
{
	const struct device *dev = opaque;

	return dev->id;
}

static const uint8_t *front_mac(void *opaque)
{
	return (const uint8_t *)((const struct e1000 *)opaque)->ra;
}

/* ---- life ---- */

static int attach(struct e1000 *e, struct err *err)
{
	const struct net_front front = {
		.readable = readable,
		.writable = writable,
		.link = link_changed,
		.name = front_name,
		.mac = front_mac,
		.opaque = e,
		.model = e->pci.dev.cls->name,
		.own_mac = e->own_mac,
	};
	struct net_registry *nets = e->pci.dev.vm->nets;
	int ret = net_card_mac(nets, &e->mac_opt, e->own_mac, err);

	return ret < 0 ? ret : net_card_attach(nets, e->netdev, &front, &e->nd, err);
}

static void receive_work(void *opaque)
{
	e1000_receive(opaque);
}

static void transmit_work(void *opaque)
{
	e1000_transmit(opaque);
}

static void irq_due(void *opaque)
{
	e1000_update_irq(opaque);
}

static void add_bars(struct e1000 *e)
{
	e->mmio = (struct region){
		.name = "e1000-mmio",
		.size = MMIO_SIZE,
		.ops = &e1000_mmio_ops,
		.opaque = e,
	};
	e->io = (struct region){
		.name = "e1000-io",
		.size = IO_SIZE,
		.ops = &e1000_io_ops,
		.opaque = e,
	};
	pci_bar_init(&e->pci, BAR_MMIO, 0, MMIO_SIZE);
	pci_bar_add(&e->pci, BAR_MMIO, 0, &e->mmio);
	pci_bar_init(&e->pci, BAR_IO, PCI_BASE_ADDRESS_SPACE_IO, IO_SIZE);
	pci_bar_add(&e->pci, BAR_IO, 0, &e->io);
}

static int realize(struct device *dev, struct err *err)
{
	static const struct pci_id id = {
		.vendor = 0x8086,
		.device = 0x100e,
		.sub_vendor = 0x1af4,
		.sub_device = 0x1100,
		.class_code = 0x020000,
		.revision = 3,
	};
	struct e1000 *e = (struct e1000 *)dev;
	int ret = attach(e, err);

	loop_timer_init(dev->vm->loop, &e->irq_timer, irq_due, e);
	e->rx_work = (struct loop_work){ .fn = receive_work, .opaque = e };
	e->tx_work = (struct loop_work){ .fn = transmit_work, .opaque = e };
	if (ret >= 0)
		ret = pci_realize(&e->pci, &id, err);
	if (ret < 0)
		return ret;
	e->pci.config[PCI_INTERRUPT_PIN] = 1;
	add_bars(e);
	e1000_nvm_fill(e);
	return pci_rom_init(&e->pci, e->romfile, "efi-e1000.rom", "ipxe-qemu", err);
}

static void reset(struct device *dev)
{
	struct e1000 *e = (struct e1000 *)dev;

	pci_reset(&e->pci);
	e->io_address = 0;
	e->link = net_link_up(e->nd);
	e1000_phy_reset(e);
	e1000_reset_regs(e);
}

static void quiesce(struct device *dev)
{
	struct e1000 *e = (struct e1000 *)dev;

	e->running = false;
	net_want_input(e->nd, false);
	e->rx_waits = true;
	loop_timer_disarm(&e->irq_timer);
}

static void resume(struct device *dev)
{
	struct e1000 *e = (struct e1000 *)dev;

	e->running = true;
	update_link(e);
	e1000_update_irq(e);
	e1000_transmit(e);
	e1000_receive(e);
}

static void unrealize(struct device *dev)
{
	struct e1000 *e = (struct e1000 *)dev;

	loop_timer_disarm(&e->irq_timer);
	loop_cancel(dev->vm->loop, &e->rx_work);
	loop_cancel(dev->vm->loop, &e->tx_work);
	pci_unrealize(&e->pci);
	pci_rom_free(&e->pci);
	if (e->nd)
		net_detach(e->nd);
}

/* ---- state ---- */

static int validate(const void *obj, struct err *err)
{
	return pci_device_state.validate(obj, err);
}

static int post_load(void *obj, struct err *err)
{
	struct e1000 *e = obj;

	(void)err;
	e->rx_len = 0;
	e->quiet_until = 0;
	pci_post_load(&e->pci);
	e1000_update_irq(e);
	return 0;
}

static const struct state_field fields[] = {
	STATE_STRUCT_F(struct e1000, pci, &pci_device_state),
	STATE_U32_ARRAY(struct e1000, regs, E1000_REGS),
	STATE_U32_ARRAY(struct e1000, mta, E1000_MTA),
	STATE_U32_ARRAY(struct e1000, vfta, E1000_MTA),
	STATE_U32_ARRAY(struct e1000, ra, E1000_RA),
	STATE_U32_ARRAY(struct e1000, stats, E1000_STATS),
	STATE_U32_F(struct e1000, io_address),
	STATE_U16_ARRAY(struct e1000, phy, E1000_PHY_REGS),
	STATE_U16_F(struct e1000, nvm_in),
	STATE_U32_F(struct e1000, nvm_bits),
	STATE_U32_F(struct e1000, nvm_pins),
	STATE_BYTES_F(struct e1000, context),
	STATE_U32_F(struct e1000, tx_sent),
	STATE_BOOL_F(struct e1000, link),
	STATE_END_F,
};

static const struct state_desc state = {
	.name = "e1000",
	.version = 1,
	.fields = fields,
	.validate = validate,
	.post_load = post_load,
};

static const struct opt_desc props[] = {
	PCI_PROPS(struct e1000, pci),
	NET_CARD_PROPS(struct e1000, netdev, mac_opt),
	PCI_ROM_PROP(struct e1000, romfile),
	BOOTINDEX_PROP(struct e1000, bootindex),
	{ .name = NULL },
};

const struct device_class e1000_class = {
	.name = "e1000",
	.alias = "e1000-82540em",
	.bus = "pci",
	.help = "Intel gigabit network card (82540EM) on a -netdev",
	.size = sizeof(struct e1000),
	.props = props,
	.state = &state,
	.realize = realize,
	.reset = reset,
	.quiesce = quiesce,
	.resume = resume,
	.unrealize = unrealize,
};
