// SPDX-License-Identifier: GPL-2.0-or-later
/* isa-debug-exit and isa-debugcon, as test kernels written for QEMU use them. */
#include "vmm/legacy/debug.h"
#include "tests/dev/legacy-lib.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_exit(void)
{
	struct board b;
	struct err err = { 0 };

	board_init(&b, false);
	board_add(&b, &debug_exit_class, "");
	board_add(&b, &debug_exit_class, "iobase=0xf4,iosize=0x04");
	tap_eq(inb(&b, 0x501), 0, "reads 0");
	tap_eq(inb(&b, 0x503), 0xff, "two ports by default");
	outb(&b, 0x501, 0);
	tap_eq(b.vm.requests, VM_REQ_SHUTDOWN, "a write ends the machine");
	tap_eq(b.vm.exit_status, 1, "0 becomes status 1");
	board_out(&b, 0xf4, 0x10, 4);
	tap_eq(b.vm.exit_status, 33, "0x10 becomes status 33");
	board_out(&b, 0xf4, 0xffffffff, 4);
	tap_eq(b.vm.exit_status, 255, "a status has eight bits");
	tap_ok(!device_create_simple(&b.vm, &debug_exit_class, "iosize=0", &err),
	       "iosize=0 is refused");
	err_clear(&err);
	tap_ok(!device_create_simple(&b.vm, &debug_exit_class, "iobase=0xf4", &err),
	       "a second one at the same port is refused");
	tap_has(err.text, "isa/debug-exit@f4", "and the sentence says where");
	board_out(&b, 0x501, 0x0203, 2);
	tap_eq(b.vm.exit_status, 7, "a word counts whole, its status is cut");
	board_free(&b);
}

static void test_console(void)
{
	struct board b;
	struct err err = { 0 };
	char buf[64], *big = malloc(1 << 20);
	size_t count = 0;
	int fd;

	board_init(&b, false);
	tap_ok(!device_create_simple(&b.vm, &debugcon_class, "", &err),
	       "a console without chardev is refused");
	tap_has(err.text, "chardev=", "and says what it needs");
	fd = board_socket(&b, "log");
	board_add(&b, &debugcon_class, "chardev=log");
	tap_eq(inb(&b, 0xe9), 0xe9, "reading tells that it is there");
	err_clear(&err);
	tap_ok(!device_create_simple(&b.vm, &debugcon_class,
	                             "iobase=0x402,chardev=nobody", &err),
	       "a chardev that does not exist is refused");
	tap_has(err.text, "-chardev", "and the sentence says how to make it");
	err_clear(&err);
	tap_ok(!device_create_simple(&b.vm, &debugcon_class, "iobase=0x402,chardev=log",
	                             &err),
	       "a chardev has one user");
	if (!chardev_create_short(b.vm.chardevs, "null", "other", &err))
		tap_diag("%s", err.text);
	board_add(&b, &debugcon_class, "iobase=0x402,readback=0x55,chardev=other");
	tap_eq(inb(&b, 0x402), 0x55, "readback= is what a read gives");
	for (const char *p = "SeaBIOS\n"; *p; p++)
		outb(&b, 0xe9, *p);
	tap_eq(board_read(&b, fd, buf, 8), 8, "output arrives");
	tap_ok(!memcmp(buf, "SeaBIOS\n", 8), "as it was written");
	/* Nobody reads: the guest is not held up, and what was taken still arrives. */
	for (unsigned i = 0; i < 1 << 20; i++)
		outb(&b, 0xe9, 'x');
	count = board_read(&b, fd, big, 4096);
	tap_eq(count, 4096, "a full back end keeps what it took");
	free(big);
	close(fd);
	board_free(&b);
}

int main(void)
{
	test_exit();
	test_console();
	return tap_done();
}
