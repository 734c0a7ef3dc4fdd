// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Serial ports of a PC: UARTs (uart.c) at the four customary addresses or elsewhere. Two
 * ports may share an interrupt (COM1 and COM3): the line is high while any of them pulls
 * it. Runs under the machine lock.
 */
#include "vmm/legacy/serial.h"

#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/kvm/irqchip.h"
#include "vmm/legacy/uart.h"
#include "vmm/mem/mem.h"

#include <errno.h>

struct serial {
	struct device dev;
	uint32_t index, iobase, irq; /* properties */
	char *chardev;
	struct uart uart;
	struct region region;
	struct chardev *chr; /* attached to it; NULL: nothing is connected */
};

static const struct {
	uint32_t iobase, irq;
} port_defaults[SERIAL_PORTS] = {
	{ 0x3f8, 4 },
	{ 0x2f8, 3 },
	{ 0x3e8, 4 },
	{ 0x2e8, 3 },
};

/* ---- interrupt ---- */

/* Some other port pulls the same line. */
static bool shared_level(const struct serial *s)
{
	for (struct device *dev = s->dev.vm->devices; dev; dev = dev->next) {
		const struct serial *other = (const struct serial *)dev;

		if (dev->cls == &serial_class && other != s && other->irq == s->irq &&
		    other->uart.level)
			return true;
	}
	return false;
}

static void set_irq(void *opaque, bool level)
{
	struct serial *s = opaque;

	if (!shared_level(s))
		irqchip_set(s->dev.vm->irqchip, s->irq, level);
}

static const struct region_ops serial_ops = {
	.read = uart_read,
	.write = uart_write,
	.max_size = 1,
};

/* ---- life ---- */

static bool index_taken(const struct serial *s, uint32_t index)
{
	for (struct device *dev = s->dev.vm->devices; dev; dev = dev->next)
		if (dev->cls == &serial_class && ((struct serial *)dev)->index == index)
			return true;
	return false;
}

static int choose_resources(struct serial *s, struct err *err)
{
	if (s->index == SERIAL_PORTS)
		for (s->index = 0; s->index < SERIAL_PORTS && index_taken(s, s->index);)
			s->index++;
	else if (index_taken(s, s->index))
		return err_set(err, EBUSY, "serial port %u is taken by another device",
		               s->index);
	if (s->index >= SERIAL_PORTS)
		return err_set(err, ENOSPC, "there are at most %d serial ports",
		               SERIAL_PORTS);
	if (!s->iobase)
		s->iobase = port_defaults[s->index].iobase;
	if (!s->irq)
		s->irq = port_defaults[s->index].irq;
	return 0;
}

static void moved(void *opaque, struct chardev *chr)
{
	struct uart *u = opaque;
	struct serial *s = u->opaque;

	s->chr = u->chr = u->out.chr = chr;
}

static int connect_chardev(struct serial *s, struct err *err)
{
	const struct chardev_front front = {
		.can_read = uart_can_read,
		.read = uart_input,
		.writable = uart_writable,
		.line_break = uart_line_break,
		.moved = moved,
		.opaque = &s->uart,
	};
	struct chardev *chr;
	int ret;

	if (!s->chardev)
		return 0;
	chr = chardev_find(s->dev.vm->chardevs, s->chardev);
	if (!chr)
		return err_set(err, ENOENT,
		               "there is no chardev '%s'; define it with -chardev "
		               "BACKEND,id=%s",
		               s->chardev, s->chardev);
	ret = chardev_attach(chr, &front, err);
	if (ret >= 0)
		s->chr = chr;
	return ret;
}

static int serial_realize(struct device *dev, struct err *err)
{
	struct serial *s = (struct serial *)dev;
	int ret = choose_resources(s, err);

	if (ret >= 0)
		ret = connect_chardev(s, err);
	if (ret < 0)
		return ret;
	s->uart.set_irq = set_irq;
	s->uart.opaque = s;
	uart_init(&s->uart, dev->vm->loop, s->chr);
	device_set_path(dev, "isa/serial@%x", s->iobase);
	s->region = (struct region){
		.name = "serial",
		.size = 8,
		.ops = &serial_ops,
		.opaque = &s->uart,
	};
	ret = mem_map(dev->vm->mem, MEM_PIO, &s->region, s->iobase);
	return ret < 0 ? err_sys(err, -ret, "cannot map ports 0x%x", s->iobase) : 0;
}

static void serial_reset(struct device *dev)
{
	uart_reset(&((struct serial *)dev)->uart);
}

static void serial_quiesce(struct device *dev)
{
	uart_quiesce(&((struct serial *)dev)->uart);
}

static void serial_resume(struct device *dev)
{
	uart_resume(&((struct serial *)dev)->uart);
}

static void serial_unrealize(struct device *dev)
{
	struct serial *s = (struct serial *)dev;

	mem_unmap(&s->region);
	if (s->uart.level)
		set_irq(s, false);
	uart_close(&s->uart);
	if (s->chr)
		chardev_detach(s->chr, &s->uart);
}

/* ---- state ---- */

static int serial_validate(const void *obj, struct err *err)
{
	return uart_validate(&((const struct serial *)obj)->uart, err);
}

static int serial_post_load(void *obj, struct err *err)
{
	(void)err;
	uart_post_load(&((struct serial *)obj)->uart);
	return 0;
}

static const struct state_field serial_fields[] = {
	STATE_STRUCT_F(struct serial, uart, &uart_state),
	STATE_END_F,
};

static const struct state_desc serial_state = {
	.name = "isa-serial",
	.version = 1,
	.fields = serial_fields,
	.validate = serial_validate,
	.post_load = serial_post_load,
};

static const struct opt_desc serial_props[] = {
	{ .name = "index",
	  .type = OPT_U32,
	  .offset = offsetof(struct serial, index),
	  .def = "4",
	  .max = SERIAL_PORTS,
	  .help = "which port, 0 to 3; 4: the first that is free" },
	{ .name = "iobase",
	  .type = OPT_U32,
	  .offset = offsetof(struct serial, iobase),
	  .min = 1,
	  .max = 0xfff8,
	  .help = "I/O address; 0x3f8, 0x2f8, 0x3e8 or 0x2e8 without it" },
	{ .name = "irq",
	  .type = OPT_U32,
	  .offset = offsetof(struct serial, irq),
	  .min = 1,
	  .max = 15,
	  .help = "interrupt line; 4, 3, 4 or 3 without it" },
	{ .name = "chardev",
	  .type = OPT_STR,
	  .offset = offsetof(struct serial, chardev),
	  .help = "the character device at the other end of the line" },
	{ .name = NULL },
};

const struct device_class serial_class = {
	.name = "isa-serial",
	.bus = "isa",
	.help = "16550A serial port",
	.size = sizeof(struct serial),
	.props = serial_props,
	.state = &serial_state,
	.realize = serial_realize,
	.reset = serial_reset,
	.quiesce = serial_quiesce,
	.resume = serial_resume,
	.unrealize = serial_unrealize,
};
