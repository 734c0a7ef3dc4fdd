// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A 16550A UART (National Semiconductor PC16550D data sheet, section 8).
 *
 * The line is infinitely fast: the baud rate is stored and ignored. So the transmitter is
 * empty again as soon as a byte was written, unless the back end is full (see outq.c);
 * and the character time-out of the receiver (8.4.2, four character times without
 * traffic) has passed at once, so that its interrupt is simply "bytes below the trigger
 * level".
 *
 * Only the interrupt of the transmitter waits, with the FIFO on, until the guest's burst
 * is over: until it touches another register, or 0.2 ms. An interrupt handler that asks
 * IIR again after 16 bytes then gets its answer without any change of the line, and a
 * long output costs one interrupt instead of one per byte.
 *
 * Invariant: after every change update_irq() ran, and the interrupt line equals
 * "pending_source() and OUT2", ORed over the ports that share the line (COM1 and COM3).
 * All functions run under the machine lock.
 */
#include "vmm/legacy/serial.h"

#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/kvm/irqchip.h"
#include "vmm/legacy/outq.h"
#include "vmm/mem/mem.h"

#include <errno.h>
#include <string.h>

#define FIFO_SIZE 16

enum serial_reg {
	REG_DATA, /* RBR, THR; DLL with DLAB */
	REG_IER,  /* DLM with DLAB */
	REG_IIR,  /* FCR when written */
	REG_LCR,
	REG_MCR,
	REG_LSR,
	REG_MSR,
	REG_SCR,
};

enum {
	IER_RX = 0x01,
	IER_TX = 0x02,
	IER_LINE = 0x04,
	IER_MODEM = 0x08,

	IIR_MODEM = 0x00,
	IIR_NONE = 0x01,
	IIR_TX = 0x02,
	IIR_RX = 0x04,
	IIR_LINE = 0x06,
	IIR_TIMEOUT = 0x0c,
	IIR_FIFO = 0xc0,

	FCR_ENABLE = 0x01,
	FCR_CLEAR_RX = 0x02,
	FCR_CLEAR_TX = 0x04,
	FCR_KEPT = 0xc9, /* enable, DMA mode, trigger level */

	LCR_BREAK = 0x40,
	LCR_DLAB = 0x80,

	MCR_DTR = 0x01,
	MCR_RTS = 0x02,
	MCR_OUT1 = 0x04,
	MCR_OUT2 = 0x08,
	MCR_LOOP = 0x10,
	MCR_MASK = 0x1f,

	LSR_DATA = 0x01,
	LSR_OVERRUN = 0x02,
	LSR_BREAK = 0x10,
	LSR_ERRORS = 0x1e,
	LSR_THR_EMPTY = 0x20,
	LSR_TX_EMPTY = 0x40,
	LSR_FIFO_ERROR = 0x80,

	MSR_DELTA = 0x0f,
	MSR_CTS = 0x10,
	MSR_DSR = 0x20,
	MSR_RING = 0x40,
	MSR_CARRIER = 0x80,
};

struct serial {
	struct device dev;
	/* properties */
	uint32_t index, iobase, irq;
	char *chardev;
	/* registers */
	uint8_t ier, fcr, lcr, mcr, msr, scr;
	uint8_t errors; /* LSR bits that stay until LSR is read */
	uint16_t divisor;
	bool thr_pending; /* "transmitter empty" was not acknowledged yet */
	uint8_t rx[FIFO_SIZE], rx_errors[FIFO_SIZE];
	uint32_t rx_len;
	struct outq out;
	/* host side */
	struct region region;
	struct chardev *chr;
	bool attached, running;
	bool level; /* what this port asks of the line */
	bool burst; /* bytes were written, the interrupt for them is still to come */
	struct loop_timer burst_timer;
};

#define BURST_NS 200000u

static const struct {
	uint32_t iobase, irq;
} port_defaults[SERIAL_PORTS] = {
	{ 0x3f8, 4 },
	{ 0x2f8, 3 },
	{ 0x3e8, 4 },
	{ 0x2e8, 3 },
};

/* ---- interrupt ---- */

static bool fifo_on(const struct serial *s)
{
	return s->fcr & FCR_ENABLE;
}

static unsigned trigger_level(const struct serial *s)
{
	static const uint8_t levels[] = { 1, 4, 8, 14 };

	return fifo_on(s) ? levels[s->fcr >> 6] : 1;
}

/* The source of highest priority, as IIR shows it (data sheet, table IV). */
static uint8_t pending_source(const struct serial *s)
{
	if (s->ier & IER_LINE && s->errors & LSR_ERRORS)
		return IIR_LINE;
	if (s->ier & IER_RX && s->rx_len >= trigger_level(s))
		return IIR_RX;
	if (s->ier & IER_RX && s->rx_len)
		return IIR_TIMEOUT;
	if (s->ier & IER_TX && s->thr_pending)
		return IIR_TX;
	if (s->ier & IER_MODEM && s->msr & MSR_DELTA)
		return IIR_MODEM;
	return IIR_NONE;
}

/* Some other port pulls the same line. */
static bool shared_level(const struct serial *s)
{
	for (struct device *dev = s->dev.vm->devices; dev; dev = dev->next) {
		const struct serial *other = (const struct serial *)dev;

		if (dev->cls == &serial_class && other != s && other->irq == s->irq &&
		    other->level)
			return true;
	}
	return false;
}

static void set_level(struct serial *s, bool level)
{
	if (level == s->level)
		return;
	s->level = level;
	if (!shared_level(s))
		irqchip_set(s->dev.vm->irqchip, s->irq, level);
}

static void update_irq(struct serial *s)
{
	set_level(s, s->mcr & MCR_OUT2 && pending_source(s) != IIR_NONE);
}

/* ---- receiver ---- */

static unsigned rx_capacity(const struct serial *s)
{
	return fifo_on(s) ? FIFO_SIZE : 1;
}

/* Errors belong to a character and show when it is the next one to be read. */
static void reveal_errors(struct serial *s)
{
	if (!s->rx_len)
		return;
	s->errors |= s->rx_errors[0];
	s->rx_errors[0] = 0;
}

static void receive(struct serial *s, uint8_t byte, uint8_t error)
{
	if (s->rx_len >= rx_capacity(s)) {
		s->errors |= LSR_OVERRUN;
		/* The FIFO is kept; without one the new character replaces the old. */
		if (!fifo_on(s))
			s->rx[0] = byte;
		return;
	}
	s->rx[s->rx_len] = byte;
	s->rx_errors[s->rx_len++] = error;
	reveal_errors(s);
}

static uint8_t read_data(struct serial *s)
{
	uint8_t byte = s->rx[0];

	/* An empty receiver repeats its last character. */
	if (!s->rx_len)
		return byte;
	if (--s->rx_len) {
		memmove(s->rx, s->rx + 1, s->rx_len);
		memmove(s->rx_errors, s->rx_errors + 1, s->rx_len);
		reveal_errors(s);
	} else if (s->chr && !(s->mcr & MCR_LOOP)) {
		chardev_accept_input(s->chr);
	}
	update_irq(s);
	return byte;
}

static void clear_rx(struct serial *s)
{
	s->rx_len = 0;
	memset(s->rx, 0, sizeof(s->rx));
	memset(s->rx_errors, 0, sizeof(s->rx_errors));
}

static size_t can_read(void *opaque)
{
	struct serial *s = opaque;

	if (!s->running || s->mcr & MCR_LOOP)
		return 0;
	return rx_capacity(s) - (s->rx_len < rx_capacity(s) ? s->rx_len : rx_capacity(s));
}

static void input(void *opaque, const uint8_t *data, size_t len)
{
	struct serial *s = opaque;

	for (size_t i = 0; i < len; i++)
		receive(s, data[i], 0);
	update_irq(s);
}

static void line_break(void *opaque)
{
	struct serial *s = opaque;

	if (!s->running || s->mcr & MCR_LOOP)
		return;
	receive(s, 0, LSR_BREAK);
	update_irq(s);
}

/* ---- transmitter ---- */

static void tx_empty(struct serial *s)
{
	s->burst = false;
	s->thr_pending = !s->out.stalled;
	update_irq(s);
}

/* The guest does something else, or nothing: its burst is over. */
static void end_burst(void *opaque)
{
	struct serial *s = opaque;

	if (s->burst)
		tx_empty(s);
}

static void write_data(struct serial *s, uint8_t byte)
{
	s->thr_pending = false;
	update_irq(s);
	if (s->mcr & MCR_LOOP)
		receive(s, byte, 0);
	else
		outq_put(&s->out, byte);
	if (!fifo_on(s) || !(s->ier & IER_TX)) {
		tx_empty(s);
		return;
	}
	s->burst = true;
	if (!s->burst_timer.deadline)
		loop_timer_arm(&s->burst_timer, loop_now() + BURST_NS);
}

static void writable(void *opaque)
{
	struct serial *s = opaque;

	/* A quiesced device is not touched: resume() does this. */
	if (!s->running || !s->out.stalled || !outq_writable(&s->out))
		return;
	s->thr_pending = true;
	update_irq(s);
}

/* ---- modem lines ---- */

/* Nothing can hang up on a guest: carrier, DSR and CTS are always there, except in
 * loopback, where the outputs come back (data sheet 8.6.7). */
static uint8_t modem_inputs(const struct serial *s)
{
	if (!(s->mcr & MCR_LOOP))
		return MSR_CARRIER | MSR_DSR | MSR_CTS;
	return (s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) |
	       (s->mcr & MCR_OUT1 ? MSR_RING : 0) | (s->mcr & MCR_OUT2 ? MSR_CARRIER : 0);
}

static void update_modem(struct serial *s)
{
	uint8_t now = modem_inputs(s), changed = (s->msr ^ now) & 0xf0;

	/* The ring indicator counts when it ends. */
	if (now & MSR_RING)
		changed &= ~MSR_RING;
	s->msr = now | (s->msr & MSR_DELTA) | changed >> 4;
}

static void write_mcr(struct serial *s, uint8_t value)
{
	bool was_loop = s->mcr & MCR_LOOP;

	s->mcr = value & MCR_MASK;
	update_modem(s);
	if (was_loop && !(s->mcr & MCR_LOOP) && s->chr)
		chardev_accept_input(s->chr);
	update_irq(s);
}

/* ---- registers ---- */

static uint8_t read_iir(struct serial *s)
{
	uint8_t iir = pending_source(s);

	if (iir == IIR_TX) {
		s->thr_pending = false;
		update_irq(s);
	}
	return iir | (fifo_on(s) ? IIR_FIFO : 0);
}

static uint8_t read_lsr(struct serial *s)
{
	uint8_t lsr = s->errors | (s->rx_len ? LSR_DATA : 0);

	if (!s->out.stalled)
		lsr |= LSR_THR_EMPTY | LSR_TX_EMPTY;
	for (unsigned i = 0; fifo_on(s) && i < s->rx_len; i++)
		if (s->rx_errors[i])
			lsr |= LSR_FIFO_ERROR;
	if (fifo_on(s) && s->errors & LSR_BREAK)
		lsr |= LSR_FIFO_ERROR;
	s->errors = 0;
	update_irq(s);
	return lsr;
}

static uint8_t read_msr(struct serial *s)
{
	uint8_t msr = s->msr;

	s->msr &= ~MSR_DELTA;
	update_irq(s);
	return msr;
}

static uint64_t serial_read(void *opaque, uint64_t offset, unsigned size)
{
	struct serial *s = opaque;
	bool dlab = s->lcr & LCR_DLAB;

	(void)size;
	end_burst(s);
	switch ((enum serial_reg)offset) {
	case REG_DATA:
		return dlab ? s->divisor & 0xff : read_data(s);
	case REG_IER:
		return dlab ? s->divisor >> 8 : s->ier;
	case REG_IIR:
		return read_iir(s);
	case REG_LCR:
		return s->lcr;
	case REG_MCR:
		return s->mcr;
	case REG_LSR:
		return read_lsr(s);
	case REG_MSR:
		return read_msr(s);
	case REG_SCR:
		return s->scr;
	}
	return 0xff;
}

static void write_ier(struct serial *s, uint8_t value)
{
	uint8_t enabled = value & ~s->ier;

	s->ier = value & 0x0f;
	/* Enabling the transmitter's interrupt while it is empty raises it. */
	if (enabled & IER_TX && !s->out.stalled)
		s->thr_pending = true;
	update_irq(s);
}

static void write_fcr(struct serial *s, uint8_t value)
{
	bool toggled = (value ^ s->fcr) & FCR_ENABLE;

	if (toggled || value & FCR_CLEAR_RX) {
		clear_rx(s);
		if (s->chr)
			chardev_accept_input(s->chr);
	}
	/* FCR_CLEAR_TX has nothing to clear: what was written is on the line already. */
	if (value & FCR_CLEAR_TX && !s->out.stalled)
		s->thr_pending = true;
	s->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
	update_irq(s);
}

static void write_lcr(struct serial *s, uint8_t value)
{
	bool begin = value & ~s->lcr & LCR_BREAK;

	s->lcr = value;
	if (begin && s->mcr & MCR_LOOP) {
		receive(s, 0, LSR_BREAK);
		update_irq(s);
	}
}

static void serial_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct serial *s = opaque;
	bool dlab = s->lcr & LCR_DLAB;

	(void)size;
	if (offset != REG_DATA)
		end_burst(s);
	switch ((enum serial_reg)offset) {
	case REG_DATA:
		if (dlab)
			s->divisor = (s->divisor & 0xff00) | (value & 0xff);
		else
			write_data(s, value);
		break;
	case REG_IER:
		if (dlab)
			s->divisor = (s->divisor & 0xff) | (value & 0xff) << 8;
		else
			write_ier(s, value);
		break;
	case REG_IIR:
		write_fcr(s, value);
		break;
	case REG_LCR:
		write_lcr(s, value);
		break;
	case REG_MCR:
		write_mcr(s, value);
		break;
	case REG_LSR: /* factory test only */
	case REG_MSR:
		break;
	case REG_SCR:
		s->scr = value;
		break;
	}
}

static const struct region_ops serial_ops = {
	.read = serial_read,
	.write = serial_write,
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

static int connect_chardev(struct serial *s, struct err *err)
{
	const struct chardev_front front = {
		.can_read = can_read,
		.read = input,
		.writable = writable,
		.line_break = line_break,
		.opaque = s,
	};
	int ret;

	if (!s->chardev)
		return 0;
	s->chr = chardev_find(s->dev.vm->chardevs, s->chardev);
	if (!s->chr)
		return err_set(err, ENOENT,
		               "there is no chardev '%s'; define it with -chardev "
		               "BACKEND,id=%s",
		               s->chardev, s->chardev);
	ret = chardev_attach(s->chr, &front, err);
	s->attached = ret >= 0;
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
	outq_init(&s->out, dev->vm->loop, s->chr);
	loop_timer_init(dev->vm->loop, &s->burst_timer, end_burst, s);
	device_set_path(dev, "isa/serial@%x", s->iobase);
	s->region = (struct region){
		.name = "serial",
		.size = 8,
		.ops = &serial_ops,
		.opaque = s,
	};
	ret = mem_map(dev->vm->mem, MEM_PIO, &s->region, s->iobase);
	return ret < 0 ? err_sys(err, -ret, "cannot map ports 0x%x", s->iobase) : 0;
}

static void serial_reset(struct device *dev)
{
	struct serial *s = (struct serial *)dev;

	outq_flush(&s->out);
	s->ier = s->fcr = s->lcr = s->scr = s->errors = 0;
	/* As a firmware leaves it: boards gate the interrupt with OUT2, and guests that
	 * never touch MCR expect interrupts. */
	s->mcr = MCR_OUT2;
	s->divisor = 12; /* 9600 baud */
	s->msr = modem_inputs(s);
	s->thr_pending = s->burst = false;
	clear_rx(s);
	update_irq(s);
	if (s->chr)
		chardev_accept_input(s->chr);
}

static void serial_quiesce(struct device *dev)
{
	struct serial *s = (struct serial *)dev;

	s->running = false;
	end_burst(s);
	outq_flush(&s->out);
	loop_timer_disarm(&s->out.timer);
	loop_timer_disarm(&s->burst_timer);
}

static void serial_resume(struct device *dev)
{
	struct serial *s = (struct serial *)dev;

	s->running = true;
	if (!s->chr)
		return;
	writable(s);
	chardev_accept_input(s->chr);
}

static void serial_unrealize(struct device *dev)
{
	struct serial *s = (struct serial *)dev;

	set_level(s, false);
	mem_unmap(&s->region);
	loop_timer_disarm(&s->burst_timer);
	if (!s->attached)
		return;
	outq_close(&s->out);
	chardev_detach(s->chr);
}

/* ---- state ---- */

static int serial_validate(const void *obj, struct err *err)
{
	const struct serial *s = obj;

	if (s->rx_len > FIFO_SIZE)
		return err_set(err, EINVAL, "rx_len is %u, at most %d fit", s->rx_len,
		               FIFO_SIZE);
	return 0;
}

static int serial_post_load(void *obj, struct err *err)
{
	struct serial *s = obj;

	(void)err;
	outq_post_load(&s->out);
	update_irq(s);
	return 0;
}

static const struct state_field serial_fields[] = {
	STATE_U8_F(struct serial, ier),
	STATE_U8_F(struct serial, fcr),
	STATE_U8_F(struct serial, lcr),
	STATE_U8_F(struct serial, mcr),
	STATE_U8_F(struct serial, msr),
	STATE_U8_F(struct serial, scr),
	STATE_U8_F(struct serial, errors),
	STATE_U16_F(struct serial, divisor),
	STATE_BOOL_F(struct serial, thr_pending),
	STATE_BYTES_F(struct serial, rx),
	STATE_BYTES_F(struct serial, rx_errors),
	STATE_U32_F(struct serial, rx_len),
	STATE_STRUCT_F(struct serial, out, &outq_state),
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
