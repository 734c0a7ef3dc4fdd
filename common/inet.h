/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP addresses of character devices and networks: names to addresses, listening,
 * connecting. */
#ifndef COMMON_INET_H
#define COMMON_INET_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* What the options say. */
struct inet {
	char *host; /* NULL or "": a server listens on all addresses */
	char *port;
	uint32_t to;    /* the last port to try; 0: only `port` */
	int ipv4, ipv6; /* enum opt_tri */
};

enum { INET_MAX = 4 };

struct inet_addresses {
	struct sockaddr_storage addr[INET_MAX];
	unsigned count;
};

#define INET_QUICK_MS 250 /* what the main loop may wait while a machine runs */

/* Looks the host up. A name server may take its time: limit_ms (0: as long as it takes)
 * bounds that. 0 or -errno with a sentence. */
int inet_resolve(const struct inet *inet, bool server, unsigned limit_ms,
                 struct inet_addresses *out, struct err *err);
/* Every address is one that other hosts cannot reach. */
bool inet_is_local(const struct inet_addresses *list);
/* Listens on all addresses that this host has, with one port for all. fds: INET_MAX, -1
 * where there is none. list becomes what was bound. 0 or -errno with a sentence. */
int inet_listen(const struct inet *inet, struct inet_addresses *list, int *fds,
                struct err *err);
/* Starts to connect: a descriptor that becomes writable when that is decided (see
 * SO_ERROR), or -errno. */
int inet_connect(const struct sockaddr_storage *addr);
/* "127.0.0.1:5000", "[::1]:5000". */
void inet_show(const struct sockaddr_storage *addr, struct strbuf *out);

#endif
