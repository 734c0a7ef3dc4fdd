// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Telnet: RFC 854 (commands, the end of line), 855 (options), 856 (binary), 857 (echo),
 * 858 (no go-ahead). A pure state machine: one byte in, one action out. Options beyond
 * those of the greeting are refused once per request, never offered, so that no two ends
 * can argue for ever. Sub-negotiations are skipped.
 */
#include "vmm/chardev/telnet.h"

enum {
	SE = 240,
	BRK = 243,
	SB = 250,
	WILL = 251,
	WONT = 252,
	DO = 253,
	DONT = 254,
	IAC = TELNET_IAC_BYTE,
	OPT_BINARY = 0,
	OPT_ECHO = 1,
	OPT_NO_GO_AHEAD = 3,
};

const uint8_t telnet_greeting[] = { IAC, WILL, OPT_ECHO,   IAC, WILL, OPT_NO_GO_AHEAD,
	                            IAC, WILL, OPT_BINARY, IAC, DO,   OPT_BINARY };
const size_t telnet_greeting_len = sizeof(telnet_greeting);

static void refuse(struct telnet *t, uint8_t command, uint8_t option)
{
	t->reply[0] = IAC;
	t->reply[1] = command;
	t->reply[2] = option;
	t->reply_len = 3;
}

static void take_option(struct telnet *t, uint8_t option)
{
	bool ours =
		option == OPT_BINARY || option == OPT_ECHO || option == OPT_NO_GO_AHEAD;

	switch (t->command) {
	case DO:
		if (!ours)
			refuse(t, WONT, option);
		break;
	case WILL:
		if (option == OPT_BINARY)
			t->binary = true;
		else
			refuse(t, DONT, option);
		break;
	case WONT:
		if (option == OPT_BINARY)
			t->binary = false;
		break;
	}
}

static enum telnet_action take_command(struct telnet *t, uint8_t byte)
{
	t->state = TELNET_DATA;
	if (byte == IAC)
		return TELNET_PASS;
	if (byte == BRK)
		return TELNET_BREAK;
	if (byte == SB)
		t->state = TELNET_SUB;
	if (byte >= WILL && byte <= DONT) {
		t->command = byte;
		t->state = TELNET_OPTION;
	}
	return TELNET_EAT;
}

static enum telnet_action take_data(struct telnet *t, uint8_t byte)
{
	bool after_cr = t->after_cr;

	t->after_cr = byte == '\r';
	if (byte == IAC) {
		t->state = TELNET_IAC;
		return TELNET_EAT;
	}
	/* "CR NUL" is how a lone CR travels; a CR LF stays what it is. */
	return after_cr && !byte && !t->binary ? TELNET_EAT : TELNET_PASS;
}

enum telnet_action telnet_feed(struct telnet *t, uint8_t byte)
{
	t->reply_len = 0;
	switch (t->state) {
	case TELNET_DATA:
		return take_data(t, byte);
	case TELNET_IAC:
		return take_command(t, byte);
	case TELNET_OPTION:
		t->state = TELNET_DATA;
		take_option(t, byte);
		break;
	case TELNET_SUB:
		if (byte == IAC)
			t->state = TELNET_SUB_IAC;
		break;
	case TELNET_SUB_IAC:
		t->state = byte == SE ? TELNET_DATA : TELNET_SUB;
		break;
	}
	return TELNET_EAT;
}
