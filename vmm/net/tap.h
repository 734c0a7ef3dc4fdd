/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the back ends "tap" and "bridge": back-tap.c (options, frames),
 * tap-open.c (where the descriptors come from). Same lock as net.h. */
#ifndef VMM_NET_TAP_H
#define VMM_NET_TAP_H

#include "vmm/net/backend.h"
#include "vmm/net/bulk.h"

#include <net/if.h>

#define TAP_UP_SCRIPT   "/etc/qemu-ifup" /* where users of QEMU have them */
#define TAP_DOWN_SCRIPT "/etc/qemu-ifdown"

struct tap {
	struct netdev nd; /* first */
	char *ifname, *script, *downscript, *helper, *br;
	char *fd_opt, *fds, *vhostfd, *vhostfds;
	int vhost; /* enum opt_tri */
	bool vhostforce;
	uint32_t queues;
	/* of each queue */
	int fd;
	struct bulk bulk;
	/* of the first */
	char name[IFNAMSIZ];
	int header_len; /* of the headers in front of frames, as the kernel has it */
	bool up;        /* the script ran */
};

/* Opens or takes over the descriptors of all queues and finds the interface's name.
 * -errno with a sentence. */
int tap_open_all(struct tap *tap, struct err *err);
/* The vhost device of each queue, when it is wanted. Where the kernel has none that is
 * told, and the frames pass through this program; vhostforce=on makes it an error. */
int tap_open_vhost(struct tap *tap, struct err *err);
/* The same through a helper program that makes a tap in bridge tap->br. */
int tap_open_bridge(struct tap *tap, struct err *err);
/* Runs the script that the user said, or the usual one where it exists. */
int tap_script_up(const struct tap *tap, struct err *err);
void tap_script_down(const struct tap *tap);

#endif
