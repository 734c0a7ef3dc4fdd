// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The serial port, driven through its registers. Expected values are those of the
 * PC16550D data sheet (register summary, tables II to IV); the host end is a socket.
 */
#include "vmm/legacy/serial.h"
#include "tests/dev/legacy-lib.h"
#include "tests/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COM1 0x3f8
#define IRQ  4

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR };

static uint8_t get(struct board *b, unsigned reg)
{
	return inb(b, COM1 + reg);
}

static void set(struct board *b, unsigned reg, uint8_t value)
{
	outb(b, COM1 + reg, value);
}

static void puts_guest(struct board *b, const char *text)
{
	while (*text)
		set(b, DATA, *text++);
}

static void host_sends(struct board *b, int fd, const char *text)
{
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		tap_diag("short write to the socket");
	board_settle(b);
}

static void test_reset_values(void)
{
	struct board b;

	board_init(&b, false);
	board_add(&b, &serial_class, "");
	tap_eq(get(&b, IER), 0, "reset: IER");
	tap_eq(get(&b, IIR), 0x01, "reset: no interrupt pending, FIFO off");
	tap_eq(get(&b, LCR), 0, "reset: LCR");
	tap_eq(get(&b, LSR), 0x60, "reset: transmitter empty");
	tap_eq(get(&b, MSR), 0xb0, "reset: carrier, DSR and CTS");
	set(&b, SCR, 0x5a);
	tap_eq(get(&b, SCR), 0x5a, "scratch register");
	set(&b, LCR, 0x83);
	set(&b, DATA, 0x01);
	set(&b, IER, 0x02);
	tap_eq(board_in(&b, COM1, 2), 0x0201, "divisor latch");
	set(&b, LCR, 0x03);
	tap_eq(get(&b, IER), 0, "the divisor is not IER");
	set(&b, IER, 0xff);
	tap_eq(get(&b, IER), 0x0f, "IER has four bits");
	set(&b, MCR, 0xff);
	tap_eq(get(&b, MCR), 0x1f, "MCR has five bits");
	set(&b, LSR, 0);
	tap_eq(get(&b, LSR) & 0x60, 0x60, "LSR is not written");
	board_free(&b);
}

static void test_output(void)
{
	struct board b;
	char buf[300] = "";
	int fd;

	board_init(&b, false);
	fd = board_socket(&b, "s0");
	board_add(&b, &serial_class, "chardev=s0");
	set(&b, DATA, 'x');
	tap_eq(read(fd, buf, sizeof(buf)), 1, "a byte after silence is written at once");
	puts_guest(&b, "hello\n");
	tap_eq(read(fd, buf, sizeof(buf)), 6, "a line arrives at its line feed");
	tap_ok(!memcmp(buf, "hello\n", 6), "and is what was written");
	puts_guest(&b, "login: ");
	tap_eq(board_read(&b, fd, buf, 7), 7, "a prompt arrives without a line feed");
	tap_eq(board_wakeups(&b, 30), 0, "no wake-up once it is out");
	puts_guest(&b, "panic");
	devices_quiesce(&b.vm);
	tap_eq(board_read(&b, fd, buf, 5), 5, "quiesce flushes");
	devices_resume(&b.vm);
	puts_guest(&b, "last");
	devices_reset(&b.vm);
	tap_eq(board_read(&b, fd, buf, 4), 4, "reset flushes");
	puts_guest(&b, "words");
	board_free(&b);
	tap_eq(read(fd, buf, sizeof(buf)), 5, "the end of the machine flushes");
	close(fd);
}

static void test_tx_interrupt(void)
{
	struct board b;
	unsigned edges;
	int fd;

	board_init(&b, false);
	fd = board_socket(&b, "s0");
	board_add(&b, &serial_class, "chardev=s0");
	set(&b, MCR, 0x0b);
	set(&b, IER, 0x02);
	tap_ok(board_irq(&b, IRQ),
	       "enabling the interrupt of an empty transmitter raises it");
	tap_eq(get(&b, IIR), 0x02, "IIR names the transmitter");
	tap_ok(!board_irq(&b, IRQ), "reading IIR acknowledges");
	tap_eq(get(&b, IIR), 0x01, "and nothing else is pending");
	set(&b, DATA, 'a');
	tap_ok(board_irq(&b, IRQ), "FIFO off: each byte raises it");
	edges = board_edges(&b, IRQ);
	set(&b, DATA, 'b');
	tap_eq(board_edges(&b, IRQ), edges + 1, "an edge for each, IIR read or not");
	set(&b, MCR, 0x03);
	tap_ok(!board_irq(&b, IRQ), "OUT2 off: the board gates the line");
	set(&b, MCR, 0x0b);
	tap_ok(board_irq(&b, IRQ), "OUT2 on: it is back");
	get(&b, IIR);

	set(&b, IIR, 0x07);
	get(&b, IIR);
	edges = board_edges(&b, IRQ);
	puts_guest(&b, "0123456789abcdef");
	tap_ok(!board_irq(&b, IRQ), "FIFO on: no interrupt inside a burst");
	tap_eq(get(&b, IIR), 0xc2, "asking IIR ends the burst");
	tap_eq(board_edges(&b, IRQ), edges + 1, "one edge for the burst");
	tap_ok(!board_irq(&b, IRQ), "which is acknowledged");
	puts_guest(&b, "x");
	board_wakeups(&b, 20);
	tap_ok(board_irq(&b, IRQ), "a burst ends by itself");
	set(&b, IER, 0);
	tap_ok(!board_irq(&b, IRQ), "disabling lowers the line");
	close(fd);
	board_free(&b);
}

static void test_input(void)
{
	struct board b;
	unsigned i;
	int fd;

	board_init(&b, false);
	fd = board_socket(&b, "s0");
	board_add(&b, &serial_class, "chardev=s0");
	set(&b, IER, 0x01);
	host_sends(&b, fd, "ab");
	tap_ok(board_irq(&b, IRQ), "input raises the interrupt");
	tap_eq(get(&b, IIR), 0x04, "IIR: received data");
	tap_eq(get(&b, LSR), 0x61, "LSR: data ready");
	tap_eq(get(&b, DATA), 'a', "first byte");
	tap_ok(!board_irq(&b, IRQ), "FIFO off: one byte at a time");
	board_settle(&b);
	tap_eq(get(&b, DATA), 'b', "second byte");

	set(&b, IIR, 0xc1); /* FIFO, trigger at 14 */
	host_sends(&b, fd, "123");
	tap_eq(get(&b, IIR), 0xcc, "below the trigger level: character time-out");
	host_sends(&b, fd, "4567890abcdefghijk");
	tap_eq(get(&b, IIR), 0xc4, "trigger level reached");
	for (i = 0; get(&b, LSR) & 1; i++)
		get(&b, DATA);
	tap_eq(i, 16, "the FIFO holds 16");
	tap_ok(!board_irq(&b, IRQ), "empty: the line falls");
	board_settle(&b);
	for (i = 0; get(&b, LSR) & 1; i++)
		get(&b, DATA);
	tap_eq(i, 5, "the rest follows once there is room; nothing is lost");
	tap_eq(get(&b, LSR), 0x60, "without an overrun");
	tap_eq(board_wakeups(&b, 30), 0, "no wake-up without input");
	set(&b, IER, 0);
	host_sends(&b, fd, "zz");
	set(&b, IIR, 0xc3);
	tap_eq(get(&b, LSR) & 1, 0, "FCR bit 1 empties the receiver");
	close(fd);
	board_free(&b);
}

static void test_loopback(void)
{
	struct board b;
	unsigned i;
	char buf[8];
	int fd;

	board_init(&b, false);
	fd = board_socket(&b, "s0");
	board_add(&b, &serial_class, "chardev=s0");
	set(&b, MCR, 0x10);
	tap_eq(get(&b, MSR), 0x0b, "loop: all inputs fell, deltas show it");
	tap_eq(get(&b, MSR), 0x00, "deltas are cleared by reading");
	set(&b, MCR, 0x1a);
	tap_eq(get(&b, MSR) & 0xf0, 0x90, "loop: RTS is CTS, OUT2 is carrier");
	set(&b, MCR, 0x1f);
	tap_eq(get(&b, MSR), 0xf2, "loop: all on; a beginning ring is no delta");
	set(&b, MCR, 0x10);
	tap_eq(get(&b, MSR), 0x0f, "loop: the end of a ring is");
	set(&b, DATA, 0x42);
	tap_eq(get(&b, DATA), 0x42, "loop: data comes back");
	set(&b, IIR, 0x07);
	for (i = 0; i < 20; i++)
		set(&b, DATA, i);
	tap_eq(get(&b, LSR), 0x63, "loop: overrun");
	tap_eq(get(&b, LSR), 0x61, "which reading LSR clears");
	for (i = 0; get(&b, LSR) & 1; i++)
		if (get(&b, DATA) != i)
			break;
	tap_eq(i, 16, "loop: the first 16 are kept");
	set(&b, IER, 0x04);
	set(&b, MCR, 0x18);
	set(&b, LCR, 0x43);
	tap_ok(board_irq(&b, IRQ), "loop: a break interrupts");
	tap_eq(get(&b, IIR), 0xc6, "IIR: line status");
	tap_eq(get(&b, LSR), 0xf1, "LSR: break and an error in the FIFO");
	tap_ok(!board_irq(&b, IRQ), "reading LSR acknowledges");
	tap_eq(get(&b, DATA), 0, "a break is a zero byte");
	set(&b, IER, 0x08);
	set(&b, MCR, 0x19);
	tap_eq(get(&b, IIR), 0xc0, "IIR: modem status");
	get(&b, MSR);
	tap_eq(get(&b, IIR), 0xc1, "reading MSR acknowledges");
	tap_eq(read(fd, buf, sizeof(buf)), -1, "nothing of this left the port");
	close(fd);
	board_free(&b);
}

/* A guest that honours the transmitter's state loses nothing, however slow the host. */
static void test_back_pressure(bool fifo)
{
	const char *mode = fifo ? "on" : "off";
	const size_t total = 1 << 20;
	size_t sent = 0, got = 0, waits = 0, bad = 0, rounds = 0;
	struct board b;
	uint8_t buf[1000];
	int fd;

	board_init(&b, false);
	fd = board_socket(&b, "s0");
	board_add(&b, &serial_class, "chardev=s0");
	set(&b, IIR, fifo ? 0x07 : 0);
	while (got < total && rounds++ < total) {
		ssize_t n;

		while (sent < total && get(&b, LSR) & 0x20)
			for (unsigned i = 0; i < (fifo ? 16 : 1) && sent < total; i++)
				set(&b, DATA, sent++ % 251);
		waits += sent < total;
		n = read(fd, buf, sizeof(buf));
		board_settle(&b);
		for (ssize_t i = 0; i < n; i++)
			bad += buf[i] != got++ % 251;
	}
	tap_ok(waits > 3, "slow host, FIFO %s: the guest had to wait", mode);
	tap_eq(got, total, "slow host, FIFO %s: everything arrived", mode);
	tap_eq(bad, 0, "slow host, FIFO %s: in order", mode);
	tap_eq(get(&b, LSR), 0x60, "slow host: the transmitter is empty again");
	close(fd);
	board_free(&b);
}

static bool irq_is_high(void *opaque)
{
	return board_irq(opaque, IRQ);
}

static void test_stall(void)
{
	struct board b;
	char *sink = malloc(1 << 20);
	unsigned i;
	int fd;

	board_init(&b, false);
	fd = board_socket(&b, "s0");
	board_add(&b, &serial_class, "chardev=s0");
	for (i = 0; i < 1 << 20 && get(&b, LSR) & 0x20; i++)
		set(&b, DATA, i);
	tap_eq(get(&b, LSR), 0, "a full host: neither THRE nor TEMT");
	get(&b, IIR);
	set(&b, IER, 0x02);
	tap_ok(!board_irq(&b, IRQ), "a full transmitter does not interrupt");
	while (read(fd, sink, 1 << 20) > 0)
		;
	tap_ok(board_until(&b, irq_is_high, &b, 60000), "it does once the host reads");
	tap_eq(get(&b, LSR), 0x60, "and is empty");
	for (i = 0; i < 1 << 20 && get(&b, LSR) & 0x20; i++)
		set(&b, DATA, i);
	close(fd);
	board_settle(&b);
	tap_eq(get(&b, LSR), 0x60, "a host that hangs up does not stall the guest");
	free(sink);
	board_free(&b);
}

static void test_shared_line(void)
{
	struct board b;
	struct device *com3;

	board_init(&b, false);
	board_add(&b, &serial_class, "");
	board_add(&b, &serial_class, "");
	com3 = board_add(&b, &serial_class, "");
	tap_str(com3->path, "isa/serial@3e8", "the third port is COM3");
	outb(&b, 0x3f8 + IER, 2);
	outb(&b, 0x3e8 + IER, 2);
	outb(&b, 0x3f8 + IER, 0);
	tap_ok(board_irq(&b, 4), "COM3 keeps the line that it shares with COM1");
	outb(&b, 0x3e8 + IER, 0);
	tap_ok(!board_irq(&b, 4), "until it is done as well");
	outb(&b, 0x2f8 + IER, 2);
	tap_ok(board_irq(&b, 3) && !board_irq(&b, 4), "COM2 has its own");
	board_free(&b);
}

static void test_options(void)
{
	struct board b;
	struct err err = { 0 };
	struct device *dev;
	int fd;

	board_init(&b, false);
	fd = board_socket(&b, "s0");
	dev = board_add(&b, &serial_class, "iobase=0x4f8,irq=7,chardev=s0");
	tap_str(dev->path, "isa/serial@4f8", "iobase=");
	outb(&b, 0x4f8 + IER, 2);
	tap_ok(board_irq(&b, 7), "irq=");
	tap_ok(!device_create_simple(&b.vm, &serial_class, "chardev=s0", &err),
	       "a chardev serves one port");
	tap_has(err.text, "already in use", "and says so");
	err_clear(&err);
	tap_ok(!device_create_simple(&b.vm, &serial_class, "chardev=nix", &err),
	       "an unknown chardev is refused");
	tap_has(err.text, "there is no chardev 'nix'", "by name");
	err_clear(&err);
	tap_ok(!device_create_simple(&b.vm, &serial_class, "index=0", &err),
	       "a taken index is refused");
	err_clear(&err);
	tap_ok(!device_create_simple(&b.vm, &serial_class, "index=9", &err),
	       "an index beyond the fourth port is refused");
	err_clear(&err);
	tap_ok(!device_create_simple(&b.vm, &serial_class, "irq=16", &err),
	       "an interrupt beyond 15 is refused");
	for (int i = 1; i < 4; i++)
		board_add(&b, &serial_class, "");
	err_clear(&err);
	tap_ok(!device_create_simple(&b.vm, &serial_class, "", &err),
	       "there are four ports");
	close(fd);
	board_free(&b);
}

static void test_state(void)
{
	struct board b, c;
	struct device *dev, *copy;
	char buf[64];
	int fd, fd2;

	board_init(&b, false);
	board_init(&c, false);
	fd = board_socket(&b, "s0");
	fd2 = board_socket(&c, "s0");
	dev = board_add(&b, &serial_class, "chardev=s0");
	copy = board_add(&c, &serial_class, "chardev=s0");
	set(&b, IIR, 0xc1);
	set(&b, IER, 0x0d);
	set(&b, SCR, 0x77);
	host_sends(&b, fd, "hello");
	for (unsigned i = 0; i < 1 << 20 && get(&b, LSR) & 0x20; i++)
		set(&b, DATA, 'q');
	devices_quiesce(&b.vm);
	devices_quiesce(&c.vm);
	tap_ok(board_copy_state(dev, copy),
	       "a stalled port with input: save, load, compare");
	devices_resume(&c.vm);
	tap_ok(board_irq(&c, IRQ), "the copy's interrupt is pending");
	tap_ok(board_read(&c, fd2, buf, 1) && buf[0] == 'q',
	       "what was not written yet goes to the copy's host");
	tap_eq(get(&c, DATA), 'h', "and its guest reads the input");
	close(fd);
	close(fd2);
	board_free(&b);
	board_free(&c);
}

int main(void)
{
	test_reset_values();
	test_output();
	test_tx_interrupt();
	test_input();
	test_loopback();
	test_back_pressure(false);
	test_back_pressure(true);
	test_stall();
	test_shared_line();
	test_options();
	test_state();
	return tap_done();
}
