// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest-side helper: writes one byte to an I/O port. Debian's cloud kernel has no
 * /dev/port. usage: outb PORT VALUE, both in any C notation.
 */

#include <stdio.h>
#include <sys/io.h>

int main(int argc, char **argv)
{
	int port, value;

	if (argc != 3 || sscanf(argv[1], "%i", &port) != 1 ||
	    sscanf(argv[2], "%i", &value) != 1) {
		fprintf(stderr, "usage: outb PORT VALUE\n");
		return 2;
	}
	if (iopl(3)) {
		perror("outb: iopl");
		return 1;
	}
	outb(value, port);
	return 0;
}
