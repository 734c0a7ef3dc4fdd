// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keys behind Ctrl-A, as users of QEMU's -nographic know them. A pure state machine:
 * one byte in, one action out. Keys without a meaning are swallowed, so that a typing
 * error never reaches the guest as a command.
 */
#include "vmm/chardev/escape.h"

#define CTRL_A 0x01

const char escape_help[] = "\r\n"
			   "Ctrl-A h    this help\r\n"
			   "Ctrl-A x    leave: ends the virtual machine\r\n"
			   "Ctrl-A c    switch between the serial port and the "
			   "monitor\r\n"
			   "Ctrl-A b    send a break on the serial line\r\n"
			   "Ctrl-A a    send Ctrl-A (also Ctrl-A Ctrl-A)\r\n";

enum escape_action escape_feed(struct escape *esc, uint8_t *byte)
{
	if (!esc->pending) {
		esc->pending = *byte == CTRL_A;
		return esc->pending ? ESCAPE_EAT : ESCAPE_PASS;
	}
	esc->pending = false;
	switch (*byte) {
	case CTRL_A:
	case 'a':
		*byte = CTRL_A;
		return ESCAPE_PASS;
	case 'x':
		return ESCAPE_QUIT;
	case 'h':
	case '?':
		return ESCAPE_HELP;
	case 'b':
		return ESCAPE_BREAK;
	case 'c':
		return ESCAPE_SWITCH;
	default:
		return ESCAPE_EAT;
	}
}
