/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between back-socket.c (connections) and socket.c (addresses). */
#ifndef VMM_CHARDEV_SOCKET_H
#define VMM_CHARDEV_SOCKET_H

#include "common/inet.h"
#include "vmm/chardev/backend.h"
#include "vmm/chardev/telnet.h"

#include <sys/stat.h>

struct sock {
	struct chardev chr;
	/* options */
	char *path, *fd_text;
	struct inet inet;
	bool server, wait, use_telnet, nodelay, delay;
	int allow;
	uint32_t reconnect; /* s; 0: never */
	/* TCP */
	struct inet_addresses addresses;
	unsigned next_address; /* to connect to */
	/* connections */
	int listen_fd[INET_MAX], fd, connecting;
	int given;   /* of fd=, until it is one of these; -1 */
	bool broken; /* fd failed: to be closed by update() */
	bool ended;  /* the peer sends no more: the same once all of it is answered */
	struct telnet telnet;
	bool half_iac; /* the second half of a doubled byte is still to be sent */
	struct loop_timer timer;
	struct chardev_watch listen_watch[INET_MAX], watch;
	/* of the Unix socket that we bound, to remove only our own */
	dev_t dev;
	ino_t ino;
	bool bound;
};

/* Checks the address options and looks names up. -errno with a sentence. */
int sock_find(struct sock *s, struct err *err);
/* Fills listen_fd. -errno with a sentence. */
int sock_listen(struct sock *s, struct err *err);
/* Starts to connect to the n-th address (modulo their number): fd or -errno. */
int sock_connect(struct sock *s, unsigned n);
/* Removes what was bound, if it is still ours. */
void sock_forget(struct sock *s);
/* The address alone, for messages; the description as query-chardev gives it. */
void sock_where(const struct sock *s, struct strbuf *out);
void sock_describe(const struct sock *s, struct strbuf *out);

#endif
