// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keyboard controller of the PC/AT (Intel 8042 with IBM's firmware; IBM PC AT
 * Technical Reference, "Keyboard Controller").
 *
 * Two lines lead away from it, to the keyboard and, auxiliary, to the mouse (ps2.h).
 * Everything that the guest reads passes through the one output buffer, and put_output()
 * is the only way in; fetch() takes what waits on the lines while it is empty.
 * The A20 gate is stored, not enforced: memory never wraps at 1 MiB. All functions run
 * under the machine lock.
 */
#include "vmm/legacy/i8042.h"

#include "vmm/core/vm.h"
#include "vmm/display/input.h"
#include "vmm/kvm/irqchip.h"
#include "vmm/legacy/ps2.h"
#include "vmm/mem/mem.h"

#include <errno.h>

#define DATA_PORT    0x60
#define COMMAND_PORT 0x64

enum status {
	STATUS_OUTPUT = 0x01,  /* output buffer full */
	STATUS_SYSTEM = 0x04,  /* copy of MODE_SYSTEM: the self-test has passed */
	STATUS_COMMAND = 0x08, /* the last write went to port 0x64 */
	STATUS_UNLOCKED = 0x10,
	STATUS_AUX = 0x20, /* the output buffer came from the auxiliary line */
};

enum mode {
	MODE_KBD_INT = 0x01,
	MODE_AUX_INT = 0x02,
	MODE_SYSTEM = 0x04,
	MODE_KBD_OFF = 0x10,
	MODE_AUX_OFF = 0x20,
	MODE_TRANSLATE = 0x40, /* scan code set 2 to set 1 */
};

enum output_port {
	OUT_NO_RESET = 0x01,
	OUT_A20 = 0x02,
	OUT_KBD_FULL = 0x10, /* the interrupt lines */
	OUT_AUX_FULL = 0x20,
};

enum command {
	CMD_READ_RAM = 0x20,  /* to 0x3f; byte 0 is the mode */
	CMD_WRITE_RAM = 0x60, /* to 0x7f */
	CMD_AUX_DISABLE = 0xa7,
	CMD_AUX_ENABLE = 0xa8,
	CMD_AUX_TEST = 0xa9,
	CMD_SELF_TEST = 0xaa,
	CMD_KBD_TEST = 0xab,
	CMD_KBD_DISABLE = 0xad,
	CMD_KBD_ENABLE = 0xae,
	CMD_READ_INPUT_PORT = 0xc0,
	CMD_READ_OUTPUT_PORT = 0xd0,
	CMD_WRITE_OUTPUT_PORT = 0xd1,
	CMD_WRITE_KBD_OUTPUT = 0xd2,
	CMD_WRITE_AUX_OUTPUT = 0xd3,
	CMD_WRITE_AUX = 0xd4,
	CMD_A20_OFF = 0xdd,
	CMD_A20_ON = 0xdf,
	CMD_PULSE = 0xf0, /* to 0xff: pulses the output lines whose bit is 0 */
};

enum line { LINE_KBD, LINE_AUX, LINES };

#define RAM_SIZE       32
#define SELF_TEST_GOOD 0x55
#define LINE_GOOD      0x00
#define INPUT_PORT     0xb0 /* not locked, no jumper set */
#define KEY_RELEASED   0xf0 /* the prefix of set 2 */

struct i8042 {
	struct device dev;
	uint8_t ram[RAM_SIZE]; /* byte 0 is the mode */
	uint8_t status, output_port, data;
	uint8_t command; /* waits for its byte on port 0x60; 0: none */
	struct ps2_keyboard keyboard;
	struct ps2_mouse mouse;
	struct input_device input; /* not state */
	bool released;             /* KEY_RELEASED was translated: its key follows */
	bool level[LINES];
	struct region data_region, command_region;
};

static const unsigned line_irq[LINES] = { 1, 12 };

/* ---- output buffer and interrupts ---- */

static void update_irq(struct i8042 *kbc)
{
	bool full = kbc->status & STATUS_OUTPUT, aux = kbc->status & STATUS_AUX;
	const bool want[LINES] = {
		full && !aux && kbc->ram[0] & MODE_KBD_INT,
		full && aux && kbc->ram[0] & MODE_AUX_INT,
	};

	kbc->output_port &= ~(OUT_KBD_FULL | OUT_AUX_FULL);
	if (full)
		kbc->output_port |= aux ? OUT_AUX_FULL : OUT_KBD_FULL;
	for (unsigned i = 0; i < LINES; i++) {
		if (kbc->level[i] == want[i])
			continue;
		kbc->level[i] = want[i];
		irqchip_set(kbc->dev.vm->irqchip, line_irq[i], want[i]);
	}
}

/* flags: STATUS_AUX. A byte that was not fetched is replaced. */
static void put_output(struct i8042 *kbc, uint8_t byte, uint8_t flags)
{
	kbc->data = byte;
	kbc->status &= ~STATUS_AUX;
	kbc->status |= STATUS_OUTPUT | flags;
	update_irq(kbc);
}

/* A prefix alone yields nothing yet. */
static bool translate(struct i8042 *kbc, uint8_t *byte)
{
	if (!(kbc->ram[0] & MODE_TRANSLATE))
		return true;
	if (*byte == KEY_RELEASED) {
		kbc->released = true;
		return false;
	}
	*byte = ps2_translate(*byte) | (kbc->released ? 0x80 : 0);
	kbc->released = false;
	return true;
}

static void fetch(struct i8042 *kbc)
{
	uint8_t mode = kbc->ram[0], byte;

	while (!(kbc->status & STATUS_OUTPUT) && !(mode & MODE_KBD_OFF) &&
	       ps2_take(&kbc->keyboard.queue, &byte))
		if (translate(kbc, &byte))
			put_output(kbc, byte, 0);
	if (!(kbc->status & STATUS_OUTPUT) && !(mode & MODE_AUX_OFF) &&
	    ps2_take(&kbc->mouse.queue, &byte)) {
		put_output(kbc, byte, STATUS_AUX);
		ps2_mouse_fill(&kbc->mouse);
	}
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned size)
{
	struct i8042 *kbc = opaque;
	uint8_t data = kbc->data;

	(void)offset;
	(void)size;
	kbc->status &= ~(STATUS_OUTPUT | STATUS_AUX);
	update_irq(kbc);
	fetch(kbc);
	return data;
}

/* ---- the lines ---- */

static void show_leds(struct i8042 *kbc)
{
	/* The keyboard's bits are those of INPUT_LED_SCROLL and its siblings. */
	if (kbc->dev.vm->input)
		input_set_leds(kbc->dev.vm->input, &kbc->input, kbc->keyboard.leds);
}

/* Sends a byte to what is plugged in. */
static void line_send(struct i8042 *kbc, enum line line, uint8_t byte)
{
	if (line == LINE_AUX)
		ps2_mouse_write(&kbc->mouse, byte);
	else
		ps2_keyboard_write(&kbc->keyboard, byte);
	show_leds(kbc);
	fetch(kbc);
}

static void on_key(void *opaque, uint16_t code, bool down)
{
	struct i8042 *kbc = opaque;

	ps2_keyboard_key(&kbc->keyboard, code, down);
	fetch(kbc);
}

static void on_move(void *opaque, int dx, int dy, int wheel, unsigned buttons)
{
	struct i8042 *kbc = opaque;

	ps2_mouse_move(&kbc->mouse, dx, dy, wheel, buttons);
	fetch(kbc);
}

/* ---- commands ---- */

static void write_output_port(struct i8042 *kbc, uint8_t value)
{
	kbc->output_port = value;
	update_irq(kbc);
	if (!(value & OUT_NO_RESET))
		vm_request(kbc->dev.vm, VM_REQ_RESET, "keyboard controller");
}

static void write_ram(struct i8042 *kbc, unsigned index, uint8_t value)
{
	kbc->ram[index] = value;
	if (index)
		return;
	kbc->status &= ~STATUS_SYSTEM;
	if (value & MODE_SYSTEM)
		kbc->status |= STATUS_SYSTEM;
	update_irq(kbc);
	fetch(kbc);
}

static void self_test(struct i8042 *kbc)
{
	write_ram(kbc, 0, kbc->ram[0] | MODE_SYSTEM);
	put_output(kbc, SELF_TEST_GOOD, 0);
}

static void run_command(struct i8042 *kbc, uint8_t command)
{
	uint8_t mode = kbc->ram[0];

	switch (command) {
	case CMD_READ_RAM ... CMD_READ_RAM + RAM_SIZE - 1:
		put_output(kbc, kbc->ram[command - CMD_READ_RAM], 0);
		break;
	case CMD_WRITE_RAM ... CMD_WRITE_RAM + RAM_SIZE - 1:
	case CMD_WRITE_OUTPUT_PORT:
	case CMD_WRITE_KBD_OUTPUT:
	case CMD_WRITE_AUX_OUTPUT:
	case CMD_WRITE_AUX:
		kbc->command = command;
		break;
	case CMD_AUX_DISABLE:
		write_ram(kbc, 0, mode | MODE_AUX_OFF);
		break;
	case CMD_AUX_ENABLE:
		write_ram(kbc, 0, mode & ~MODE_AUX_OFF);
		break;
	case CMD_KBD_DISABLE:
		write_ram(kbc, 0, mode | MODE_KBD_OFF);
		break;
	case CMD_KBD_ENABLE:
		write_ram(kbc, 0, mode & ~MODE_KBD_OFF);
		break;
	case CMD_SELF_TEST:
		self_test(kbc);
		break;
	case CMD_AUX_TEST:
	case CMD_KBD_TEST:
		put_output(kbc, LINE_GOOD, 0);
		break;
	case CMD_READ_INPUT_PORT:
		put_output(kbc, INPUT_PORT, 0);
		break;
	case CMD_READ_OUTPUT_PORT:
		put_output(kbc, kbc->output_port, 0);
		break;
	case CMD_A20_OFF:
		kbc->output_port &= ~OUT_A20;
		break;
	case CMD_A20_ON:
		kbc->output_port |= OUT_A20;
		break;
	case CMD_PULSE ... 0xff:
		if (!(command & OUT_NO_RESET))
			vm_request(kbc->dev.vm, VM_REQ_RESET, "keyboard controller");
		break;
	}
}

static void command_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct i8042 *kbc = opaque;

	(void)offset;
	(void)size;
	kbc->status |= STATUS_COMMAND;
	kbc->command = 0;
	run_command(kbc, value);
}

static uint64_t command_read(void *opaque, uint64_t offset, unsigned size)
{
	(void)offset;
	(void)size;
	return ((const struct i8042 *)opaque)->status;
}

static void data_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct i8042 *kbc = opaque;
	uint8_t command = kbc->command;

	(void)offset;
	(void)size;
	kbc->status &= ~STATUS_COMMAND;
	kbc->command = 0;
	switch (command) {
	case CMD_WRITE_RAM ... CMD_WRITE_RAM + RAM_SIZE - 1:
		write_ram(kbc, command - CMD_WRITE_RAM, value);
		break;
	case CMD_WRITE_OUTPUT_PORT:
		write_output_port(kbc, value);
		break;
	case CMD_WRITE_KBD_OUTPUT:
		put_output(kbc, value, 0);
		break;
	case CMD_WRITE_AUX_OUTPUT:
		put_output(kbc, value, STATUS_AUX);
		break;
	case CMD_WRITE_AUX:
		line_send(kbc, LINE_AUX, value);
		break;
	default:
		/* Data without a command is for the keyboard. */
		kbc->ram[0] &= ~MODE_KBD_OFF;
		line_send(kbc, LINE_KBD, value);
	}
}

static const struct region_ops data_ops = {
	.read = data_read,
	.write = data_write,
	.max_size = 1,
};
static const struct region_ops command_ops = {
	.read = command_read,
	.write = command_write,
	.max_size = 1,
};

/* ---- life ---- */

static int i8042_realize(struct device *dev, struct err *err)
{
	struct i8042 *kbc = (struct i8042 *)dev;
	int ret;

	device_set_path(dev, "isa/i8042");
	kbc->data_region = (struct region){
		.name = "i8042-data",
		.size = 1,
		.ops = &data_ops,
		.opaque = kbc,
	};
	kbc->command_region = (struct region){
		.name = "i8042-command",
		.size = 1,
		.ops = &command_ops,
		.opaque = kbc,
	};
	kbc->input = (struct input_device){
		.name = "QEMU PS/2 Mouse",
		.key = on_key,
		.move = on_move,
		.opaque = kbc,
	};
	if (dev->vm->input)
		input_add(dev->vm->input, &kbc->input);
	ret = mem_map(dev->vm->mem, MEM_PIO, &kbc->data_region, DATA_PORT);
	if (ret >= 0)
		ret = mem_map(dev->vm->mem, MEM_PIO, &kbc->command_region, COMMAND_PORT);
	return ret < 0 ? err_sys(err, -ret, "cannot map the keyboard controller's ports")
	               : 0;
}

static void i8042_reset(struct device *dev)
{
	struct i8042 *kbc = (struct i8042 *)dev;

	for (unsigned i = 0; i < RAM_SIZE; i++)
		kbc->ram[i] = 0;
	kbc->ram[0] = MODE_KBD_INT | MODE_AUX_INT;
	kbc->status = STATUS_UNLOCKED | STATUS_COMMAND;
	kbc->output_port = OUT_NO_RESET | OUT_A20;
	kbc->data = kbc->command = 0;
	kbc->released = false;
	ps2_keyboard_reset(&kbc->keyboard);
	ps2_mouse_reset(&kbc->mouse);
	show_leds(kbc);
	update_irq(kbc);
}

void i8042_set_up(struct device *dev)
{
	write_ram((struct i8042 *)dev, 0, MODE_KBD_INT | MODE_AUX_OFF | MODE_TRANSLATE);
}

static void i8042_unrealize(struct device *dev)
{
	struct i8042 *kbc = (struct i8042 *)dev;

	if (dev->vm->input)
		input_remove(dev->vm->input, &kbc->input);
	kbc->status = 0;
	update_irq(kbc);
	mem_unmap(&kbc->data_region);
	mem_unmap(&kbc->command_region);
}

static int i8042_validate(const void *obj, struct err *err)
{
	const struct i8042 *kbc = obj;
	int ret = ps2_keyboard_validate(&kbc->keyboard, err);

	return ret < 0 ? ret : ps2_mouse_validate(&kbc->mouse, err);
}

static int i8042_post_load(void *obj, struct err *err)
{
	(void)err;
	show_leds(obj);
	update_irq(obj);
	return 0;
}

static const struct state_field i8042_fields[] = {
	STATE_BYTES_F(struct i8042, ram),
	STATE_U8_F(struct i8042, status),
	STATE_U8_F(struct i8042, output_port),
	STATE_U8_F(struct i8042, data),
	STATE_U8_F(struct i8042, command),
	STATE_BOOL_F(struct i8042, released),
	STATE_STRUCT_F(struct i8042, keyboard, &ps2_keyboard_state),
	STATE_STRUCT_F(struct i8042, mouse, &ps2_mouse_state),
	STATE_END_F,
};

static const struct state_desc i8042_state = {
	.name = "i8042",
	.version = 2,
	.fields = i8042_fields,
	.validate = i8042_validate,
	.post_load = i8042_post_load,
};

const struct device_class i8042_class = {
	.name = "i8042",
	.bus = "isa",
	.help = "keyboard controller with keyboard and mouse",
	.internal = true,
	.size = sizeof(struct i8042),
	.state = &i8042_state,
	.realize = i8042_realize,
	.reset = i8042_reset,
	.unrealize = i8042_unrealize,
};
