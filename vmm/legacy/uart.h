/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A 16550A UART without a bus: registers, FIFOs and interrupt output. The owner maps
 * uart_read() and uart_write() (8 registers of one byte), passes on what the character
 * device says, and has the state in its own table. Machine lock everywhere.
 */
#ifndef VMM_LEGACY_UART_H
#define VMM_LEGACY_UART_H

#include "vmm/legacy/outq.h"

#define UART_FIFO_SIZE 16

struct uart {
	/* registers */
	uint8_t ier, fcr, lcr, mcr, msr, scr;
	uint8_t errors; /* LSR bits that stay until LSR is read */
	uint16_t divisor;
	bool thr_pending; /* "transmitter empty" was not acknowledged yet */
	uint8_t rx[UART_FIFO_SIZE], rx_errors[UART_FIFO_SIZE];
	uint32_t rx_len;
	struct outq out;
	/* host side */
	struct chardev *chr; /* NULL: nothing is connected */
	bool running;
	bool level; /* interrupt output */
	bool burst; /* bytes were written, the interrupt for them is still to come */
	struct loop_timer burst_timer;
	/* set by the owner before uart_reset(): the interrupt output changed */
	void (*set_irq)(void *opaque, bool level);
	void *opaque;
};

/* chr may be NULL; it stays the owner's. */
void uart_init(struct uart *u, struct loop *loop, struct chardev *chr);
void uart_reset(struct uart *u);
/* No input is taken and no interrupt raised from quiesce to resume; it starts quiet. */
void uart_quiesce(struct uart *u);
void uart_resume(struct uart *u);
/* Writes last words, disarms timers. Before chardev_detach(). */
void uart_close(struct uart *u);

/* opaque is the struct uart, as struct region_ops has it; offset 0 to 7. */
uint64_t uart_read(void *opaque, uint64_t offset, unsigned size);
void uart_write(void *opaque, uint64_t offset, uint64_t value, unsigned size);

/* For struct chardev_front; opaque is the struct uart. */
size_t uart_can_read(void *opaque);
void uart_input(void *opaque, const uint8_t *data, size_t len);
void uart_writable(void *opaque);
void uart_line_break(void *opaque);

/* For the owner's table: STATE_STRUCT_F(type, uart, &uart_state). */
extern const struct state_desc uart_state;
int uart_validate(const struct uart *u, struct err *err);
void uart_post_load(struct uart *u);

#endif
