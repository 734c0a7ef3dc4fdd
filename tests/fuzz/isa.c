// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: a guest's accesses to the devices of the ISA bus that have no target of
 * their own (keyboard controller, clock, serial port, power management, port 0x92, panic
 * and test devices), while somebody types, moves the mouse, and sends to the serial port.
 * The input is a script of 4-byte steps: what, a number, and a value of two bytes. Beyond
 * "does not crash": a request is one that these devices have, and states that are saved
 * are loaded again.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/fuzz/board-lib.h"
#include "vmm/chardev/backend.h"
#include "vmm/display/input.h"
#include "vmm/legacy/debug.h"
#include "vmm/legacy/i8042.h"
#include "vmm/legacy/pm.h"
#include "vmm/legacy/port92.h"
#include "vmm/legacy/pvpanic.h"
#include "vmm/legacy/rtc.h"
#include "vmm/legacy/serial.h"
#include "vmm/legacy/testdev.h"

enum { RAM = 0x10000, ROM_AT = 0x20000, STEPS = 512, IOMEM = 0xff000000 };
enum { READ, WRITE, PORT, MEMORY, KEY, MOUSE, SERIAL, COPY };

static const struct device_class *const classes[] = {
	&i8042_class,  &rtc_class,     &serial_class,     &pm_class,
	&port92_class, &pvpanic_class, &debug_exit_class, &testdev_class,
};

/* What is at the places of a PC; the other ones by PORT. */
static const uint16_t ports[] = {
	0x060, 0x064, 0x070, 0x071, 0x072,  0x073,  0x092,  0x0b2,  0x0b3,  0x0e0,  0x0e4,
	0x0e8, 0x3f8, 0x3f9, 0x3fa, 0x3fb,  0x3fc,  0x3fd,  0x3fe,  0x3ff,  0x501,  0x505,
	0x600, 0x602, 0x604, 0x608, 0xafe0, 0xafe2, 0x2000, 0x2001, 0x200f, 0x2017,
};

static struct fuzz_board board;
static struct device *devices[ARRAY_SIZE(classes)];
static struct chardev *line;

static void set_up(void)
{
	fuzz_board_init(&board, RAM, 0, ROM_AT);
	board.vm.chardevs = chardev_registry_new(board.vm.loop);
	board.vm.input = input_new(board.vm.loop, NULL);
	require(board.vm.chardevs && board.vm.input);
	line = chardev_create_short(board.vm.chardevs, "null", "s0", NULL);
	require(line);
	for (unsigned i = 0; i < ARRAY_SIZE(classes); i++) {
		devices[i] = device_create_simple(
			&board.vm, classes[i],
			classes[i] == &serial_class ? "chardev=s0" : "", NULL);
		require(devices[i]);
		if (classes[i]->resume)
			classes[i]->resume(devices[i]);
	}
}

static void type(uint8_t number, uint16_t value)
{
	vm_lock(&board.vm);
	input_key(board.vm.input, (value & 0x7f) | (value & 0x80 ? 0xe000 : 0),
	          number & 1);
	vm_unlock(&board.vm);
}

static void move(uint8_t number, uint16_t value)
{
	vm_lock(&board.vm);
	input_move(board.vm.input, (int8_t)value * (number & 8 ? 100 : 1),
	           (int8_t)(value >> 8), (int8_t)number >> 4);
	input_buttons(board.vm.input, number & 7);
	vm_unlock(&board.vm);
}

static void send(uint8_t number, uint16_t value)
{
	uint8_t bytes[256];
	size_t room, len = number;

	vm_lock(&board.vm);
	memset(bytes, value, sizeof(bytes));
	room = chardev_room(line);
	chardev_deliver(line, bytes, len < room ? len : room);
	if (value & 0x100)
		chardev_line_break(line);
	vm_unlock(&board.vm);
}

static void step(const uint8_t *s)
{
	unsigned what = s[0] & 7, size = 1u << (s[0] >> 3) % 3;
	uint16_t value = ld16(s + 2), port = ports[s[1] % ARRAY_SIZE(ports)];

	switch (what) {
	case READ:
	case WRITE:
		fuzz_access(&board, MEM_PIO, port, value, size, what == WRITE);
		break;
	case PORT:
		fuzz_access(&board, MEM_PIO, value, s[1], size, s[0] & 0x80);
		break;
	case MEMORY:
		fuzz_access(&board, MEM_MMIO, IOMEM + (value & ~(size - 1)), s[1], size,
		            s[0] & 0x80);
		break;
	case KEY:
		type(s[1], value);
		break;
	case MOUSE:
		move(s[1], value);
		break;
	case SERIAL:
		send(s[1], value);
		break;
	case COPY:
		if (classes[s[1] % ARRAY_SIZE(classes)]->state)
			fuzz_copy_state(&board, devices[s[1] % ARRAY_SIZE(classes)]);
		break;
	}
	if (s[0] & 0x40)
		loop_run_once(board.vm.loop, 0);
}

static void reset(void)
{
	vm_lock(&board.vm);
	for (unsigned i = 0; i < ARRAY_SIZE(classes); i++) {
		if (classes[i]->quiesce)
			classes[i]->quiesce(devices[i]);
		if (classes[i]->reset)
			classes[i]->reset(devices[i]);
		if (classes[i]->resume)
			classes[i]->resume(devices[i]);
	}
	vm_unlock(&board.vm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned known = VM_REQ_RESET | VM_REQ_SHUTDOWN | VM_REQ_PANIC;

	if (!line)
		set_up();
	for (size_t i = 0; i + 4 <= size && i < 4 * STEPS; i += 4) {
		step(data + i);
		require(!(board.vm.requests & ~known));
	}
	reset();
	input_buttons(board.vm.input, 0);
	fuzz_settle(&board);
	fuzz_check_rom(&board);
	board.vm.requests = 0;
	board.vm.reason = NULL;
	return 0;
}
