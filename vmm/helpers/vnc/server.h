/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the painter: the one server, whose clients LibVNCServer keeps. */
#ifndef VMM_HELPERS_VNC_SERVER_H
#define VMM_HELPERS_VNC_SERVER_H

#include "common/log.h"
#include "vmm/helpers/vnc/keys.h"
#include "vmm/helpers/vnc/link.h"

#include <rfb/rfb.h>
#include <stdbool.h>
#include <time.h>

struct server {
	rfbScreenInfoPtr screen;
	int link; /* to the front */
	struct {
		int fd;
		struct vnc_peer peer;
	} waiting[VNC_MAX_CLIENTS]; /* let in, until the surface is drawn */
	unsigned waiting_count, known_all, known_in;
	bool awake; /* the surface is kept up to date */
	bool heard; /* clients may have sent something */
	char *pixels;
	size_t size; /* of the surface's memory */
	struct keys *keys;
	bool absolute; /* the guest's pointer is where the client's is */
	int leds;      /* of the guest's keyboard, as RFB has them */
	bool needs_password;
	char password[VNC_MAX_PASSWORD + 1];
	uint64_t expires; /* CLOCK_REALTIME seconds, 0: never */
	unsigned failures;
	time_t locked_until;         /* CLOCK_MONOTONIC seconds */
	struct vnc_wish least, most; /* what clients may wish for */
	uint32_t most_pixels;
};

/* ---- clients.c ---- */

/* Sets the hooks by which the library calls this program. */
void clients_init(struct server *server);
/* A packet of the front, with a descriptor or -1. */
void clients_take(struct server *server, const struct link_packet *packet, int fd);
/* The surface is what it says now: those who wait may see it. */
void clients_admit(struct server *server);
/* Tells vmm who is there, if that has changed. */
void clients_report(struct server *server);
/* A vmm that does not listen loses reports; one that is gone is noticed in the loop. */
void report(const struct vnc_report *report);

/* ---- extension.c: QEMU's key events and kinds of pointers ---- */

void extension_init(void);
/* The pointer is of another kind from now on: tells clients that asked for it. */
void extension_tell_pointer(struct server *server);
/* The client sends movements instead of places. */
bool extension_is_relative(rfbClientPtr client);

#endif
