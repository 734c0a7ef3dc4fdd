/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The telnet protocol (RFC 854) of a server that offers a plain terminal line. */
#ifndef VMM_CHARDEV_TELNET_H
#define VMM_CHARDEV_TELNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct telnet {
	enum { TELNET_DATA, TELNET_IAC, TELNET_OPTION, TELNET_SUB, TELNET_SUB_IAC } state;
	uint8_t command; /* WILL … DONT, before its option */
	bool binary;     /* the peer sends data as it is: CR needs no NUL behind it */
	bool after_cr;
	/* An answer that is due, valid until the next byte. */
	uint8_t reply[3];
	unsigned reply_len;
};

enum telnet_action {
	TELNET_PASS,  /* the byte is data */
	TELNET_EAT,   /* it belongs to the protocol; look at reply_len */
	TELNET_BREAK, /* the peer sent a break */
};

/* What to do about one byte from the peer. */
enum telnet_action telnet_feed(struct telnet *t, uint8_t byte);

/* What a server says first: it echoes (the guest does), sends and takes any byte, one at
 * a time. */
extern const uint8_t telnet_greeting[];
extern const size_t telnet_greeting_len;

#define TELNET_IAC_BYTE 0xff /* sent twice when it is data */

#endif
