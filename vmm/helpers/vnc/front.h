/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process of vmm-vnc that talks to the network: accepts, serves pages, unwraps
 * WebSockets, speaks RFB's handshake, and passes whole messages on (link.h). It waits for
 * nobody: a client that stops, or that does not read, delays only itself. One thread.
 */
#ifndef VMM_HELPERS_VNC_FRONT_H
#define VMM_HELPERS_VNC_FRONT_H

#include "common/err.h"
#include "common/vncproto.h"

#include <stdbool.h>

struct front;

struct front_config {
	int link;          /* to the painter */
	const int *listen; /* the last of them is for browsers, if `browsers` */
	unsigned listen_count;
	bool browsers,
		local;     /* local: who reaches the port for browsers is on this host */
	const char *pages; /* the folder of pages for them, or "" */
	struct vnc_tls tls;
	const int *tls_files; /* -1: none; they are read at once */
};

/* Opens what it needs; config is not kept, its descriptors are the front's from now on.
 * NULL with a sentence. */
struct front *front_new(const struct front_config *config, struct err *err);
/* Serves what is there, or waits for something, up to timeout milliseconds (-1: as long
 * as it takes). False: the painter is gone. */
bool front_turn(struct front *front, int timeout);
/* Accepts NULL. */
void front_free(struct front *front);
/* Takes a connected socket. browser: it speaks HTTP. */
void front_add(struct front *front, int fd, bool browser);

#endif
