/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -vnc: sockets for VNC clients, and the helper process vmm-vnc behind them, which is
 * started when the first client comes and again after it has died. Machine lock.
 */
#ifndef VMM_DISPLAY_VNC_H
#define VMM_DISPLAY_VNC_H

#include "common/opts.h"
#include "common/vncproto.h"
#include "vmm/display/display.h"
#include "vmm/display/input.h"

struct spawner;
struct vnc;

struct vnc_credentials {
	struct vnc_tls tls;
	int files[VNC_TLS_FILES]; /* -1: there is none */
	char *dir;                /* where they are from */
};

/* Where it listens; names are QEMU's. */
struct vnc_server {
	const char *host, *service, *family; /* "127.0.0.1", "5900", "ipv4" or "", a
	                                      * socket's path, "unix" */
	bool websocket;
	const char *auth;     /* "none", "vnc" or "vencrypt" … */
	const char *vencrypt; /* … and with that "x509-none", "tls-vnc", … or NULL */
};

struct vnc_info {
	struct vnc_server servers[VNC_MAX_LISTEN]; /* the first is not for browsers */
	unsigned server_count;
	const char *auth; /* of the first: "none", "vnc", "vencrypt+x509+vnc", … */
	unsigned client_count;
	const struct vnc_peer *clients;
};

struct vnc_config {
	const char *text;   /* the argument of -vnc */
	const char *name;   /* of the desktop, or NULL */
	const char *layout; /* of the guest's keyboard; was checked (layout.h); or NULL */
	/* The text of a secret by its id, or NULL with a sentence. */
	const char *(*secret)(void *opaque, const char *id, struct err *err);
	/* A client was let in, or has gone; NULL: nobody listens. */
	void (*client)(void *opaque, const struct vnc_peer *peer, bool came);
	/* Those of -object tls-creds-…, which stay the other's; NULL with a sentence. */
	const struct vnc_credentials *(*credentials)(void *opaque, const char *id,
	                                             struct err *err);
	void *opaque;
	struct spawner *spawner; /* starts the helper; NULL: this process does */
};

/* Listens at once. config is not kept. NULL with a sentence on failure. */
struct vnc *vnc_new(struct loop *loop, struct display *display, struct input *input,
                    const struct vnc_config *config, struct err *err);
/* Accepts NULL. The helper ends. */
void vnc_free(struct vnc *vnc);
/* For clients that come from now on. -EINVAL with a sentence when it is too long, or when
 * -vnc did not ask for one. */
int vnc_set_password(struct vnc *vnc, const char *password, struct err *err);
/* When, in seconds of CLOCK_REALTIME, the password lets nobody in any more; 0: never. */
int vnc_expire_password(struct vnc *vnc, uint64_t seconds, struct err *err);
/* Points into vnc; as long as that lasts. */
void vnc_info(const struct vnc *vnc, struct vnc_info *info);
/* "ipv4", "ipv6" or "unix" */
const char *vnc_family(const struct vnc_peer *peer);
void vnc_help(struct strbuf *out);
extern const struct opt_desc vnc_options[];

#endif
