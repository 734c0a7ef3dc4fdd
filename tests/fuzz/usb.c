// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: a USB host controller between a hostile driver and a user who types. The
 * input is a list of actions, see enum action. Beyond "does not crash": memory that only
 * reads may touch is untouched, state is saved and loaded, what one call of the loop does
 * has an end, and after a reset a good driver's command is answered.
 *
 * Rings, contexts and buffers are in RAM where ACT_TRB and its siblings put them; before
 * the first action a driver has set up the controller and addressed and configured the
 * device on port 1, whose rings are then the input's.
 */
#include "common/bytes.h"
#include "tests/fuzz/board-lib.h"
#include "vmm/display/input.h"
#include "vmm/usb/xhci.h"

#include <stdio.h>

enum action {
	ACT_SET, /* u16 register / 4, u32 value */
	ACT_GET, /* u16 register / 4 */
	ACT_TRB, /* u8 ring, u8 which, u64, u32, u32: cycle bits as the ring has them */
	ACT_COMMAND, /* u64, u32 control: the next command, and its doorbell */
	ACT_SETUP,   /* u64, u8 what follows: a control transfer, and its doorbell */
	ACT_RING,    /* u8 slot, u8 endpoint: a doorbell */
	ACT_CONTEXT, /* u8 which word of the input context, u32 */
	ACT_WORD,    /* u16 address / 4, u32 */
	ACT_TYPE,    /* u8 key, u8 x: keys and movements */
	ACT_PLUG,    /* u8 port: a device comes or goes */
	ACT_TAKE,    /* events are taken out */
	ACT_ROUND,   /* one round of the loop */
	ACT_STOP,    /* quiesce, save, load and resume, controller and device */
	ACTIONS
};

/* Guest memory, and where the registers are. */
enum {
	RAM = 0x20000,
	ROM_AT = 0x40000,
	DCBAA = 0x1000,
	ERST = 0x1800,
	COMMANDS = 0x2000,
	EVENTS = 0x3000,
	INPUT = 0x4000,
	CONTEXTS = 0x5000, /* 0x400 each */
	RINGS = 0x10000,   /* 0x400 each: of endpoints 1 to 5 */
	MMIO = 0x10000000,
	EVENT_COUNT = 32,
	RING_COUNT = 64,
};

static struct fuzz_board board;
static struct xhci *x;
static unsigned command_at;

static void set(uint32_t reg, uint32_t value)
{
	fuzz_access(&board, MEM_MMIO, MMIO + reg, value, 4, true);
}

static void put_trb(uint64_t at, uint64_t param, uint32_t status, uint32_t control)
{
	st64(board.ram + at, param);
	st32(board.ram + at + 8, status);
	st32(board.ram + at + 12, control);
}

static void command(uint64_t param, uint32_t control)
{
	put_trb(COMMANDS + 16 * command_at, param, 0, control | TRB_CYCLE);
	command_at = (command_at + 1) % (RING_COUNT - 1);
	put_trb(COMMANDS + 16 * command_at, 0, 0, 0);
	set(0x2000, 0);
}

static void put_input(uint32_t add)
{
	uint8_t *in = board.ram + INPUT;

	memset(in, 0, 0x100);
	st32(in + 4, add);
	st32(in + 0x24, 1 << 16);
	for (unsigned ep = 1; ep < USB_EPS; ep++)
		st64(in + 0x20 * (ep + 1) + 8, (RINGS + 0x400 * (ep - 1)) | 1);
}

/* A good driver. */
static void start(void)
{
	memset(board.ram, 0, RAM);
	command_at = 0;
	st32(board.ram + ERST, EVENTS);
	st32(board.ram + ERST + 8, EVENT_COUNT);
	for (unsigned i = 1; i <= XHCI_SLOTS; i++)
		st64(board.ram + DCBAA + 8 * i, CONTEXTS + 0x400 * (i % 8));
	set(0x40, XHCI_RESET);
	pci_config_write(&x->pci, PCI_BASE_ADDRESS_0, MMIO, 4);
	pci_config_write(&x->pci, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
	                 2);
	set(0x78, XHCI_SLOTS);
	set(0x70, DCBAA);
	set(0x74, 0);
	set(0x58, COMMANDS | 1);
	set(0x5c, 0);
	set(0x1028, 1);
	set(0x1038, EVENTS);
	set(0x103c, 0);
	set(0x1030, ERST);
	set(0x1034, 0);
	set(0x1020, XHCI_ENABLE);
	set(0x40, XHCI_RUN | XHCI_INTE);
	set(0x440, 1 << 9 | 1 << 4);
}

static void use_device(void)
{
	command(0, TRB_ENABLE_SLOT << 10);
	put_input(3);
	command(INPUT, 1 << 24 | TRB_ADDRESS_DEVICE << 10);
	put_input(1 | 1 << USB_EP1_IN | 1 << USB_EP2_OUT);
	command(INPUT, 1 << 24 | TRB_CONFIGURE_EP << 10);
	put_trb(RINGS, 0x10900, 8, TRB_SETUP << 10 | TRB_IMMEDIATE | 1);
	put_trb(RINGS + 16, 0, 0, TRB_STATUS << 10 | TRB_IN | 1);
	set(0x2004, 1);
	set(0x1038, (EVENTS + 16 * x->event_index) | XHCI_BUSY);
}

/* ---- actions ---- */

static const struct device_class *const classes[] = { &usb_tablet_class, &usb_mouse_class,
	                                              &usb_kbd_class };

static void plug(unsigned port, unsigned kind)
{
	char opts[16];

	vm_lock(&board.vm);
	if (x->bus.devices[port - 1]) {
		device_destroy(&x->bus.devices[port - 1]->dev);
	} else {
		snprintf(opts, sizeof(opts), "port=%u", port);
		require(device_create_simple(&board.vm, classes[kind], opts, NULL));
	}
	vm_unlock(&board.vm);
}

static void type(uint8_t key, uint8_t at)
{
	struct input *in = board.vm.input;

	vm_lock(&board.vm);
	input_key(in, key & 0x7f, key >> 7);
	input_point(in, at << 7, key << 7);
	input_buttons(in, key & 31);
	input_move(in, (int8_t)at * 16, (int8_t)key, at & 1);
	vm_unlock(&board.vm);
}

static void setup(struct fuzz_input *in)
{
	uint64_t at = x->slots[1].eps[1].ring.dequeue, request = fuzz_take(in, 8);
	uint32_t cycle = x->slots[1].eps[1].ring.cycle;
	uint8_t what = fuzz_take(in, 1);

	if (at > RAM - 0x1000)
		return;
	put_trb(at, request, 8, TRB_SETUP << 10 | TRB_IMMEDIATE | cycle);
	if (what & 1) {
		at += 16;
		put_trb(at, RINGS + 0x4000, request >> 48,
		        TRB_DATA << 10 | TRB_SHORT | TRB_IOC | cycle |
		                (request & 0x80 ? TRB_IN : 0));
	}
	if (what & 2)
		put_trb(at + 16, 0, 0, TRB_STATUS << 10 | TRB_IOC | cycle);
	set(0x2004, 1);
}

static void stop(void)
{
	fuzz_copy_state(&board, &x->pci.dev);
	for (unsigned i = 0; i < x->bus.ports; i++)
		if (x->bus.devices[i]) {
			struct device *dev = &x->bus.devices[i]->dev;
			const struct state_desc *desc = dev->cls->state;
			struct strbuf out = { 0 };
			size_t used = 0;

			require(!state_save(desc, dev, dev->path, &out, NULL));
			require(!state_load(desc, dev, dev->cls->size, dev->path,
			                    out.data, out.len, &used, NULL));
			strbuf_free(&out);
		}
}

static void write_trb(struct fuzz_input *in)
{
	unsigned ring = fuzz_take(in, 1) % 6, which = fuzz_take(in, 1) % RING_COUNT;
	uint64_t param = fuzz_take(in, 8);
	uint32_t status = fuzz_take(in, 4);

	put_trb((ring ? RINGS + 0x400 * (ring - 1) : COMMANDS) + 16 * which, param,
	        status, fuzz_take(in, 4));
}

static void act(struct fuzz_input *in)
{
	uint64_t a;

	switch ((enum action)(fuzz_take(in, 1) % ACTIONS)) {
	case ACT_SET:
		a = fuzz_take(in, 2) * 4 % 0x4000;
		set(a, fuzz_take(in, 4));
		break;
	case ACT_GET:
		fuzz_access(&board, MEM_MMIO, MMIO + fuzz_take(in, 2) % 0x4000, 0, 4,
		            false);
		break;
	case ACT_TRB:
		write_trb(in);
		break;
	case ACT_COMMAND:
		a = fuzz_take(in, 8);
		command(a, fuzz_take(in, 4));
		break;
	case ACT_SETUP:
		setup(in);
		break;
	case ACT_RING:
		a = fuzz_take(in, 1);
		set(0x2000 + 4 * (a % 40), fuzz_take(in, 1));
		break;
	case ACT_CONTEXT:
		a = fuzz_take(in, 1) % 64;
		st32(board.ram + INPUT + 4 * a, fuzz_take(in, 4));
		break;
	case ACT_WORD:
		a = fuzz_take(in, 2) * 4 % RAM;
		st32(board.ram + a, fuzz_take(in, 4));
		break;
	case ACT_TYPE:
		a = fuzz_take(in, 1);
		type(a, fuzz_take(in, 1));
		break;
	case ACT_PLUG:
		a = fuzz_take(in, 1);
		plug(1 + a % x->bus.ports, a >> 4 & 1);
		break;
	case ACT_TAKE:
		set(0x1038, (EVENTS + 16 * x->event_index) | XHCI_BUSY);
		break;
	case ACT_STOP:
		stop();
		break;
	default:
		loop_run_once(board.vm.loop, 0);
	}
}

/* ---- what must hold ---- */

static void check_works(void)
{
	const uint8_t *event = board.ram + EVENTS;

	start();
	command(0, TRB_COMMAND_NOOP << 10);
	/* Behind one of the port's reset. */
	event += ld32(event + 12) >> 10 == TRB_PORT_EVENT ? 16 : 0;
	require(ld64(event) == COMMANDS && ld32(event + 8) == CC_SUCCESS << 24);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	unsigned kind = fuzz_take(&in, 1) % 3;

	if (!board.ram) {
		fuzz_board_init(&board, RAM, 0, ROM_AT);
		board.vm.input = input_new(board.vm.loop, NULL);
	}
	x = (struct xhci *)device_create_simple(&board.vm, &xhci_class, "", NULL);
	require(x);
	plug(1, kind);
	pci_config_write(&x->pci, PCI_BASE_ADDRESS_0, MMIO, 4);
	pci_config_write(&x->pci, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	start();
	use_device();
	require(x->slots[1].state == SLOT_CONFIGURED && x->bus.devices[0]->config == 1);
	for (unsigned n = 0; in.left && n < 512; n++)
		act(&in);
	fuzz_settle(&board);
	fuzz_check_rom(&board);
	check_works();
	vm_lock(&board.vm);
	device_unplug(&x->pci.dev); /* and what is on it */
	vm_unlock(&board.vm);
	return 0;
}
