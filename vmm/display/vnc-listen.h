/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets of -vnc. */
#ifndef VMM_DISPLAY_VNC_LISTEN_H
#define VMM_DISPLAY_VNC_LISTEN_H

#include "common/err.h"

#include <stdint.h>

struct vnc_address {
	char host[128]; /* or the path of a UNIX socket */
	char service[16];
	const char *family; /* "ipv4", "ipv6", "unix" */
};

/* Listens where "HOST:D", ":D" (loopback), "[V6]:D" or "unix:PATH" says: on port base +
 * D, or up to base + to where those before are taken. The fd, or -errno with a sentence.
 */
int vnc_listen(const char *display, unsigned base, unsigned to,
               struct vnc_address *address, struct err *err);

#endif
