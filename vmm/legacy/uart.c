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
 * Invariant: after every change update_irq() ran, and the interrupt output equals
 * "pending_source() and OUT2", as the PC wires it.
 * All functions run under the machine lock.
 */
#include "vmm/legacy/uart.h"

#include <errno.h>
#include <string.h>

#define BURST_NS 200000u

enum uart_reg {
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

/* ---- interrupt ---- */

static bool fifo_on(const struct uart *u)
{
	return u->fcr & FCR_ENABLE;
}

static unsigned trigger_level(const struct uart *u)
{
	static const uint8_t levels[] = { 1, 4, 8, 14 };

	return fifo_on(u) ? levels[u->fcr >> 6] : 1;
}

/* The source of highest priority, as IIR shows it (data sheet, table IV). */
static uint8_t pending_source(const struct uart *u)
{
	if (u->ier & IER_LINE && u->errors & LSR_ERRORS)
		return IIR_LINE;
	if (u->ier & IER_RX && u->rx_len >= trigger_level(u))
		return IIR_RX;
	if (u->ier & IER_RX && u->rx_len)
		return IIR_TIMEOUT;
	if (u->ier & IER_TX && u->thr_pending)
		return IIR_TX;
	if (u->ier & IER_MODEM && u->msr & MSR_DELTA)
		return IIR_MODEM;
	return IIR_NONE;
}

static void update_irq(struct uart *u)
{
	bool level = u->mcr & MCR_OUT2 && pending_source(u) != IIR_NONE;

	if (level == u->level)
		return;
	u->level = level;
	u->set_irq(u->opaque, level);
}

/* ---- receiver ---- */

static unsigned rx_capacity(const struct uart *u)
{
	return fifo_on(u) ? UART_FIFO_SIZE : 1;
}

/* Errors belong to a character and show when it is the next one to be read. */
static void reveal_errors(struct uart *u)
{
	if (!u->rx_len)
		return;
	u->errors |= u->rx_errors[0];
	u->rx_errors[0] = 0;
}

static void receive(struct uart *u, uint8_t byte, uint8_t error)
{
	if (u->rx_len >= rx_capacity(u)) {
		u->errors |= LSR_OVERRUN;
		/* The FIFO is kept; without one the new character replaces the old. */
		if (!fifo_on(u))
			u->rx[0] = byte;
		return;
	}
	u->rx[u->rx_len] = byte;
	u->rx_errors[u->rx_len++] = error;
	reveal_errors(u);
}

static uint8_t read_data(struct uart *u)
{
	uint8_t byte = u->rx[0];

	/* An empty receiver repeats its last character. */
	if (!u->rx_len)
		return byte;
	if (--u->rx_len) {
		memmove(u->rx, u->rx + 1, u->rx_len);
		memmove(u->rx_errors, u->rx_errors + 1, u->rx_len);
		reveal_errors(u);
	} else if (u->chr && !(u->mcr & MCR_LOOP)) {
		chardev_accept_input(u->chr);
	}
	update_irq(u);
	return byte;
}

static void clear_rx(struct uart *u)
{
	u->rx_len = 0;
	memset(u->rx, 0, sizeof(u->rx));
	memset(u->rx_errors, 0, sizeof(u->rx_errors));
}

size_t uart_can_read(void *opaque)
{
	struct uart *u = opaque;

	if (!u->running || u->mcr & MCR_LOOP)
		return 0;
	return rx_capacity(u) - (u->rx_len < rx_capacity(u) ? u->rx_len : rx_capacity(u));
}

void uart_input(void *opaque, const uint8_t *data, size_t len)
{
	struct uart *u = opaque;

	for (size_t i = 0; i < len; i++)
		receive(u, data[i], 0);
	update_irq(u);
}

void uart_line_break(void *opaque)
{
	struct uart *u = opaque;

	if (!u->running || u->mcr & MCR_LOOP)
		return;
	receive(u, 0, LSR_BREAK);
	update_irq(u);
}

/* ---- transmitter ---- */

static void tx_empty(struct uart *u)
{
	u->burst = false;
	u->thr_pending = !u->out.stalled;
	update_irq(u);
}

/* The guest does something else, or nothing: its burst is over. */
static void end_burst(void *opaque)
{
	struct uart *u = opaque;

	if (u->burst)
		tx_empty(u);
}

static void write_data(struct uart *u, uint8_t byte)
{
	u->thr_pending = false;
	update_irq(u);
	if (u->mcr & MCR_LOOP)
		receive(u, byte, 0);
	else
		outq_put(&u->out, byte);
	if (!fifo_on(u) || !(u->ier & IER_TX)) {
		tx_empty(u);
		return;
	}
	u->burst = true;
	if (!u->burst_timer.deadline)
		loop_timer_arm(&u->burst_timer, loop_now() + BURST_NS);
}

void uart_writable(void *opaque)
{
	struct uart *u = opaque;

	/* A quiesced device is not touched: resume() does this. */
	if (!u->running || !u->out.stalled || !outq_writable(&u->out))
		return;
	u->thr_pending = true;
	update_irq(u);
}

/* ---- modem lines ---- */

/* Nothing can hang up on a guest: carrier, DSR and CTS are always there, except in
 * loopback, where the outputs come back (data sheet 8.6.7). */
static uint8_t modem_inputs(const struct uart *u)
{
	if (!(u->mcr & MCR_LOOP))
		return MSR_CARRIER | MSR_DSR | MSR_CTS;
	return (u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
	       (u->mcr & MCR_OUT1 ? MSR_RING : 0) | (u->mcr & MCR_OUT2 ? MSR_CARRIER : 0);
}

static void update_modem(struct uart *u)
{
	uint8_t now = modem_inputs(u), changed = (u->msr ^ now) & 0xf0;

	/* The ring indicator counts when it ends. */
	if (now & MSR_RING)
		changed &= ~MSR_RING;
	u->msr = now | (u->msr & MSR_DELTA) | changed >> 4;
}

static void write_mcr(struct uart *u, uint8_t value)
{
	bool was_loop = u->mcr & MCR_LOOP;

	u->mcr = value & MCR_MASK;
	update_modem(u);
	if (was_loop && !(u->mcr & MCR_LOOP) && u->chr)
		chardev_accept_input(u->chr);
	update_irq(u);
}

/* ---- registers ---- */

static uint8_t read_iir(struct uart *u)
{
	uint8_t iir = pending_source(u);

	if (iir == IIR_TX) {
		u->thr_pending = false;
		update_irq(u);
	}
	return iir | (fifo_on(u) ? IIR_FIFO : 0);
}

static uint8_t read_lsr(struct uart *u)
{
	uint8_t lsr = u->errors | (u->rx_len ? LSR_DATA : 0);

	if (!u->out.stalled)
		lsr |= LSR_THR_EMPTY | LSR_TX_EMPTY;
	for (unsigned i = 0; fifo_on(u) && i < u->rx_len; i++)
		if (u->rx_errors[i])
			lsr |= LSR_FIFO_ERROR;
	if (fifo_on(u) && u->errors & LSR_BREAK)
		lsr |= LSR_FIFO_ERROR;
	u->errors = 0;
	update_irq(u);
	return lsr;
}

static uint8_t read_msr(struct uart *u)
{
	uint8_t msr = u->msr;

	u->msr &= ~MSR_DELTA;
	update_irq(u);
	return msr;
}

uint64_t uart_read(void *opaque, uint64_t offset, unsigned size)
{
	struct uart *u = opaque;
	bool dlab = u->lcr & LCR_DLAB;

	(void)size;
	end_burst(u);
	switch ((enum uart_reg)offset) {
	case REG_DATA:
		return dlab ? u->divisor & 0xff : read_data(u);
	case REG_IER:
		return dlab ? u->divisor >> 8 : u->ier;
	case REG_IIR:
		return read_iir(u);
	case REG_LCR:
		return u->lcr;
	case REG_MCR:
		return u->mcr;
	case REG_LSR:
		return read_lsr(u);
	case REG_MSR:
		return read_msr(u);
	case REG_SCR:
		return u->scr;
	}
	return 0xff;
}

static void write_ier(struct uart *u, uint8_t value)
{
	uint8_t enabled = value & ~u->ier;

	u->ier = value & 0x0f;
	/* Enabling the transmitter's interrupt while it is empty raises it. */
	if (enabled & IER_TX && !u->out.stalled)
		u->thr_pending = true;
	update_irq(u);
}

static void write_fcr(struct uart *u, uint8_t value)
{
	bool toggled = (value ^ u->fcr) & FCR_ENABLE;

	if (toggled || value & FCR_CLEAR_RX) {
		clear_rx(u);
		if (u->chr)
			chardev_accept_input(u->chr);
	}
	/* FCR_CLEAR_TX has nothing to clear: what was written is on the line already. */
	if (value & FCR_CLEAR_TX && !u->out.stalled)
		u->thr_pending = true;
	u->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
	update_irq(u);
}

static void write_lcr(struct uart *u, uint8_t value)
{
	bool begin = value & ~u->lcr & LCR_BREAK;

	u->lcr = value;
	if (begin && u->mcr & MCR_LOOP) {
		receive(u, 0, LSR_BREAK);
		update_irq(u);
	}
}

void uart_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct uart *u = opaque;
	bool dlab = u->lcr & LCR_DLAB;

	(void)size;
	if (offset != REG_DATA)
		end_burst(u);
	switch ((enum uart_reg)offset) {
	case REG_DATA:
		if (dlab)
			u->divisor = (u->divisor & 0xff00) | (value & 0xff);
		else
			write_data(u, value);
		break;
	case REG_IER:
		if (dlab)
			u->divisor = (u->divisor & 0xff) | (value & 0xff) << 8;
		else
			write_ier(u, value);
		break;
	case REG_IIR:
		write_fcr(u, value);
		break;
	case REG_LCR:
		write_lcr(u, value);
		break;
	case REG_MCR:
		write_mcr(u, value);
		break;
	case REG_LSR: /* factory test only */
	case REG_MSR:
		break;
	case REG_SCR:
		u->scr = value;
		break;
	}
}

/* ---- life ---- */

void uart_init(struct uart *u, struct loop *loop, struct chardev *chr)
{
	u->chr = chr;
	outq_init(&u->out, loop, chr);
	loop_timer_init(loop, &u->burst_timer, end_burst, u);
}

void uart_reset(struct uart *u)
{
	outq_flush(&u->out);
	u->ier = u->fcr = u->lcr = u->scr = u->errors = 0;
	/* As a firmware leaves it: boards gate the interrupt with OUT2, and guests that
	 * never touch MCR expect interrupts. */
	u->mcr = MCR_OUT2;
	u->divisor = 12; /* 9600 baud */
	u->msr = modem_inputs(u);
	u->thr_pending = u->burst = false;
	clear_rx(u);
	update_irq(u);
	if (u->chr)
		chardev_accept_input(u->chr);
}

void uart_quiesce(struct uart *u)
{
	u->running = false;
	end_burst(u);
	outq_flush(&u->out);
	loop_timer_disarm(&u->out.timer);
	loop_timer_disarm(&u->burst_timer);
}

void uart_resume(struct uart *u)
{
	u->running = true;
	if (!u->chr)
		return;
	uart_writable(u);
	chardev_accept_input(u->chr);
}

void uart_close(struct uart *u)
{
	loop_timer_disarm(&u->burst_timer);
	outq_close(&u->out);
}

/* ---- state ---- */

int uart_validate(const struct uart *u, struct err *err)
{
	if (u->rx_len > UART_FIFO_SIZE)
		return err_set(err, EINVAL, "rx_len is %u, at most %d fit", u->rx_len,
		               UART_FIFO_SIZE);
	return 0;
}

void uart_post_load(struct uart *u)
{
	outq_post_load(&u->out);
	update_irq(u);
}

static const struct state_field uart_fields[] = {
	STATE_U8_F(struct uart, ier),
	STATE_U8_F(struct uart, fcr),
	STATE_U8_F(struct uart, lcr),
	STATE_U8_F(struct uart, mcr),
	STATE_U8_F(struct uart, msr),
	STATE_U8_F(struct uart, scr),
	STATE_U8_F(struct uart, errors),
	STATE_U16_F(struct uart, divisor),
	STATE_BOOL_F(struct uart, thr_pending),
	STATE_BYTES_F(struct uart, rx),
	STATE_BYTES_F(struct uart, rx_errors),
	STATE_U32_F(struct uart, rx_len),
	STATE_STRUCT_F(struct uart, out, &outq_state),
	STATE_END_F,
};

const struct state_desc uart_state = {
	.name = "uart",
	.version = 1,
	.fields = uart_fields,
};
